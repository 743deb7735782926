//! Comma-separated values (RFC 4180), as password managers write them: fields in quotes may hold commas, quotes written
//! twice and line breaks.

use zeroize::Zeroizing;

use super::{Format, InterchangeError, MOST_ENTRIES};

/// More columns than any export has.
const MOST_COLUMNS: usize = 1000;

/// The fields of these columns, of all records whose last one of them is filled.
pub(super) fn filled<const COUNT: usize>(
    text: &str,
    columns: [&str; COUNT],
    format: Format,
) -> Result<Vec<[Zeroizing<String>; COUNT]>, InterchangeError> {
    let wrong = |reason: String| InterchangeError::NotThisFormat { format, reason };
    let mut rest = text;
    let header = record(&mut rest).map_err(|reason| wrong(reason.to_owned()))?;
    let mut places = [0; COUNT];
    for (place, column) in places.iter_mut().zip(columns) {
        let found = header.iter().position(|name| name.eq_ignore_ascii_case(column));
        *place = found.ok_or_else(|| wrong(format!("it has no column `{column}`")))?;
    }
    let mut found = Vec::new();
    while !rest.is_empty() {
        let mut record = record(&mut rest).map_err(|reason| wrong(reason.to_owned()))?;
        let fields = places.map(|place| record.get_mut(place).map(std::mem::take).unwrap_or_default());
        if fields.last().is_some_and(|field| !field.trim().is_empty()) {
            found.push(fields);
        }
        if found.len() > MOST_ENTRIES {
            return Err(InterchangeError::TooLarge { what: "more than 10,000 entries" });
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
    Ok(Zeroizing::new(field.replace("\"\"", "\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<[String; 2]>, InterchangeError> {
        let found = filled(text, ["name", "code"], Format::Bitwarden)?;
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
        for text in
            ["", "name\n", "name,code\n\"a,b\n", "name,code\n\"a\"b,c\n", "name,code\n\"\"\"", &",".repeat(9999)]
        {
            assert!(matches!(read(text), Err(InterchangeError::NotThisFormat { .. })), "{text:.20}");
        }
        let many = format!("name,code\n{}", "a,b\n".repeat(MOST_ENTRIES + 1));
        assert!(matches!(read(&many), Err(InterchangeError::TooLarge { .. })));
    }
}
