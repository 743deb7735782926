//! Comma-separated values (RFC 4180), as password managers, the console and AWS write them: fields in quotes may hold
//! commas, quotes written twice and line breaks. The first record names the columns.

use thiserror::Error;
use zeroize::Zeroizing;

/// More records than any export has.
pub const MOST_RECORDS: usize = 10_000;
/// More columns than any table of ours has.
const MOST_COLUMNS: usize = 1000;

/// Why a text is no table. No content is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CsvError {
    /// It breaks the rules of the format.
    #[error("{0}")]
    Malformed(&'static str),
    /// A column that must be there is not.
    #[error("it has no column `{0}`")]
    NoColumn(&'static str),
    /// There are more than [`MOST_RECORDS`].
    #[error("it has more than 10,000 records")]
    TooManyRecords,
}

/// A table: its columns, and an iterator over its records, which may be shorter or longer than the heading.
pub struct Table<'t> {
    columns: Vec<Zeroizing<String>>,
    rest: &'t str,
}

impl<'t> Table<'t> {
    /// Reads the first record, the names of the columns; a byte order mark before it is passed over.
    ///
    /// # Errors
    /// If it is no record, then `Malformed`.
    pub fn of(text: &'t str) -> Result<Self, CsvError> {
        let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let columns = record(&mut rest).map_err(CsvError::Malformed)?;
        Ok(Table { columns, rest })
    }

    /// The place of a column in each record, whatever the case of its name.
    ///
    /// # Errors
    /// If there is none of that name, then `NoColumn`.
    pub fn place(&self, column: &'static str) -> Result<usize, CsvError> {
        let found = self.columns.iter().position(|name| name.trim().eq_ignore_ascii_case(column));
        found.ok_or(CsvError::NoColumn(column))
    }
}

impl Iterator for Table<'_> {
    type Item = Result<Vec<Zeroizing<String>>, CsvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let record = record(&mut self.rest).map_err(CsvError::Malformed);
        if record.is_err() {
            self.rest = "";
        }
        Some(record)
    }
}

/// The fields of these columns, of all records whose last one of them is filled.
///
/// # Errors
/// As [`CsvError`] says.
pub fn filled<const COUNT: usize>(
    text: &str,
    columns: [&'static str; COUNT],
) -> Result<Vec<[Zeroizing<String>; COUNT]>, CsvError> {
    let table = Table::of(text)?;
    let mut places = [0; COUNT];
    for (place, column) in places.iter_mut().zip(columns) {
        *place = table.place(column)?;
    }
    let mut found = Vec::new();
    for record in table {
        let mut record = record?;
        let fields = places.map(|place| record.get_mut(place).map(std::mem::take).unwrap_or_default());
        if fields.last().is_some_and(|field| !field.trim().is_empty()) {
            found.push(fields);
        }
        if found.len() > MOST_RECORDS {
            return Err(CsvError::TooManyRecords);
        }
    }
    Ok(found)
}

/// Cuts one record off, to the line break behind it.
fn record(rest: &mut &str) -> Result<Vec<Zeroizing<String>>, &'static str> {
    let mut fields = Vec::new();
    loop {
        fields.push(field(rest)?);
        if fields.len() > MOST_COLUMNS {
            return Err("it has more than 1,000 columns");
        }
        if let Some(next) = rest.strip_prefix(',') {
            *rest = next;
            continue;
        }
        let line_break = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).or(rest.strip_prefix('\r'));
        *rest = match line_break {
            Some(next) => next,
            None if rest.is_empty() => rest,
            None => return Err("text follows a closing quote"),
        };
        return Ok(fields);
    }
}

fn field(rest: &mut &str) -> Result<Zeroizing<String>, &'static str> {
    let Some(quoted) = rest.strip_prefix('"') else {
        let (field, next) = rest.split_at(rest.find([',', '\n', '\r']).unwrap_or(rest.len()));
        *rest = next;
        return Ok(Zeroizing::new(field.to_owned()));
    };
    let mut end = 0;
    loop {
        end += quoted.get(end..).and_then(|text| text.find('"')).ok_or("a quote is not closed")?;
        if !quoted[end + 1..].starts_with('"') {
            break;
        }
        end += 2;
    }
    let (field, next) = (&quoted[..end], &quoted[end + 1..]);
    *rest = next;
    // Sized once: a text that grows leaves copies of what may be a secret.
    let mut text = Zeroizing::new(String::with_capacity(field.len()));
    for (place, piece) in field.split("\"\"").enumerate() {
        text.push_str(if place > 0 { "\"" } else { "" });
        text.push_str(piece);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<[String; 2]>, CsvError> {
        let found = filled(text, ["name", "code"])?;
        Ok(found.into_iter().map(|fields| fields.map(|field| field.to_string())).collect())
    }

    #[test]
    fn quotes_hold_commas_quotes_and_line_breaks() {
        let text =
            "code,other,\"Name\"\r\n1,x,plain\r\n\"2\",\"a,\nb\",\"say \"\"hi\"\", then\r\ngo\"\n3,,\n,x,no code\n\n4";
        let pairs = [["plain", "1"], ["say \"hi\", then\r\ngo", "2"], ["", "3"], ["", "4"]];
        assert_eq!(read(text).expect("records"), pairs.map(|pair| pair.map(str::to_owned)));
    }

    #[test]
    fn what_is_no_table_of_these_columns_is_refused() {
        for text in ["", "name\n", "code,nam\n"] {
            assert!(matches!(read(text), Err(CsvError::NoColumn(_))), "{text}");
        }
        for text in ["name,code\n\"a,b\n", "name,code\n\"a\"b,c\n", "name,code\n\"\"\"", &",".repeat(9999)] {
            assert!(matches!(read(text), Err(CsvError::Malformed(_))), "{text:.20}");
        }
        let many = format!("name,code\n{}", "a,b\n".repeat(MOST_RECORDS + 1));
        assert_eq!(read(&many), Err(CsvError::TooManyRecords));
    }

    #[test]
    fn a_table_is_read_to_its_end_or_its_first_fault_once() {
        let mut table = Table::of("\u{feff}A,b\n1\n\"2").expect("a table");
        assert_eq!((table.place("a"), table.place("B")), (Ok(0), Ok(1)));
        assert_eq!(table.next().expect("a record").expect("well-formed").len(), 1);
        assert!(matches!(table.next(), Some(Err(CsvError::Malformed(_)))) && table.next().is_none());
    }
}
