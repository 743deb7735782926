//! The credential report as AWS writes it: CSV of 22 columns, known by their names (IAM User Guide, "Generate credential
//! reports for your AWS account"). What is not said there is none; what is no value of its column is refused.

use std::time::SystemTime;

use thiserror::Error;

use crate::{
    csv::{CsvError, Table},
    rfc3339,
};

/// What AWS calls root there.
const ROOT: &str = "<root_account>";
/// What stands where nothing is to be said.
const NOTHING: [&str; 4] = ["", "N/A", "no_information", "not_supported"];

/// Why a text is no credential report.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReportError {
    /// It is no table of these columns.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// A value is none of its column.
    #[error("record {number} has no usable {column}")]
    Value {
        /// Which record, counted from 1.
        number: usize,
        /// Which column.
        column: String,
    },
}

/// A user, or root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name; of root, `<root_account>`.
    pub name: String,
    /// The ARN.
    pub arn: String,
    /// Since when there is one.
    pub created: Option<SystemTime>,
    /// For the console.
    pub password: Password,
    /// Whether AWS demands a device at the sign-in.
    pub mfa_active: bool,
    /// Those that there are, with their number: 1 or 2.
    pub keys: Vec<Key>,
}

/// A user's password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// Whether there is one; of root AWS does not always say.
    pub enabled: Option<bool>,
    /// When it was used last, if it ever was.
    pub last_used: Option<SystemTime>,
    /// Since when it is what it is.
    pub last_changed: Option<SystemTime>,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// 1 or 2, as the report has it.
    pub number: u8,
    /// Whether AWS accepts it.
    pub active: bool,
    /// When it was made, or last made active or inactive.
    pub last_rotated: Option<SystemTime>,
    /// When it was used last, if it ever was.
    pub last_used: Option<SystemTime>,
}

impl User {
    /// Whether it is root.
    pub fn is_root(&self) -> bool {
        self.name == ROOT
    }
}

/// Reads the report: root first, the others as they come.
///
/// # Errors
/// As [`ReportError`] says.
pub(super) fn read(csv: &str) -> Result<Vec<User>, ReportError> {
    let mut table = Table::of(csv)?;
    let columns = Columns::of(&table)?;
    let mut users = Vec::new();
    for (index, record) in table.by_ref().enumerate() {
        let record = record?;
        // The last line feed, where there is one, begins no record.
        if record.iter().all(|field| field.is_empty()) {
            continue;
        }
        let field = |(place, column): (usize, &'static str)| {
            let missing = ReportError::Value { number: index + 1, column: column.to_owned() };
            record.get(place).map(|field| field.as_str()).ok_or(missing)
        };
        users.push(columns.user(index + 1, &field)?);
    }
    users.sort_by_key(|user| !user.is_root());
    Ok(users)
}

/// A column: its place and its name.
type Column = (usize, &'static str);

struct Columns {
    name: Column,
    arn: Column,
    created: Column,
    password: [Column; 3],
    mfa_active: Column,
    keys: [[Column; 3]; 2],
}

impl Columns {
    fn of(table: &Table<'_>) -> Result<Self, CsvError> {
        let column = |name: &'static str| Ok::<_, CsvError>((table.place(name)?, name));
        Ok(Columns {
            name: column("user")?,
            arn: column("arn")?,
            created: column("user_creation_time")?,
            password: [column("password_enabled")?, column("password_last_used")?, column("password_last_changed")?],
            mfa_active: column("mfa_active")?,
            keys: [
                [
                    column("access_key_1_active")?,
                    column("access_key_1_last_rotated")?,
                    column("access_key_1_last_used_date")?,
                ],
                [
                    column("access_key_2_active")?,
                    column("access_key_2_last_rotated")?,
                    column("access_key_2_last_used_date")?,
                ],
            ],
        })
    }

    fn user<'r>(
        &self,
        number: usize,
        field: &dyn Fn(Column) -> Result<&'r str, ReportError>,
    ) -> Result<User, ReportError> {
        let wrong = |column: Column| ReportError::Value { number, column: column.1.to_owned() };
        let answer = |column: Column| match field(column)? {
            text if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            text if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            text if NOTHING.contains(&text) => Ok(None),
            _ => Err(wrong(column)),
        };
        let time = |column: Column| match field(column)? {
            text if NOTHING.contains(&text) => Ok(None),
            text => rfc3339::parse(text).map(Some).ok_or_else(|| wrong(column)),
        };
        let mut keys = Vec::new();
        for (number, [active, last_rotated, last_used]) in (1..).zip(self.keys) {
            let key = Key {
                number,
                active: answer(active)?.unwrap_or(false),
                last_rotated: time(last_rotated)?,
                last_used: time(last_used)?,
            };
            // Of one that is not there, nothing is said but that it is not active.
            if key.active || key.last_rotated.is_some() {
                keys.push(key);
            }
        }
        let [enabled, last_used, last_changed] = self.password;
        Ok(User {
            name: field(self.name)?.to_owned(),
            arn: field(self.arn)?.to_owned(),
            created: time(self.created)?,
            password: Password {
                enabled: answer(enabled)?,
                last_used: time(last_used)?,
                last_changed: time(last_changed)?,
            },
            mfa_active: answer(self.mfa_active)?.unwrap_or(false),
            keys,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
        password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
        access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
        access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
        cert_1_last_rotated,cert_2_active,cert_2_last_rotated";
    const ALICE: &str = "alice,arn:aws:iam::111122223333:user/alice,2026-01-01T00:00:00+00:00,true,no_information,\
        2026-02-01T00:00:00Z,N/A,true,true,2026-03-01T00:00:00Z,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A";
    const OF_ROOT: &str = "<root_account>,arn:aws:iam::111122223333:root,2020-01-01T00:00:00Z,not_supported,\
        2026-01-02T00:00:00Z,not_supported,not_supported,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,\
        false,N/A";

    fn time(text: &str) -> Option<SystemTime> {
        rfc3339::parse(text)
    }

    #[test]
    fn root_comes_first_and_what_is_not_said_is_none() {
        for end in ["", "\n", "\r\n"] {
            let users = read(&format!("{HEADER}\n{ALICE}\n{OF_ROOT}{end}")).expect("a report");
            let [root, alice] = users.as_slice() else { panic!("{users:?}") };
            assert!(root.is_root() && !root.mfa_active && root.keys.is_empty() && root.password.enabled.is_none());
            assert_eq!(root.password.last_used, time("2026-01-02T00:00:00Z"));
            assert!(!alice.is_root() && alice.mfa_active);
            assert_eq!(alice.created, time("2026-01-01T00:00:00Z"));
            let password =
                Password { enabled: Some(true), last_used: None, last_changed: time("2026-02-01T00:00:00Z") };
            assert_eq!(alice.password, password);
            let last_rotated = time("2026-03-01T00:00:00Z");
            assert_eq!(alice.keys, [Key { number: 1, active: true, last_rotated, last_used: None }]);
        }
    }

    #[test]
    fn columns_are_known_by_name_and_others_passed_over() {
        let swapped = |text: &str| {
            let mut fields: Vec<&str> = text.split(',').collect();
            fields.swap(0, 7);
            fields.insert(3, "\"new,\n\"");
            fields.join(",")
        };
        let header = swapped(HEADER);
        let there = read(&format!("{header}\n{}", swapped(ALICE))).expect("a report");
        assert_eq!(there, read(&format!("{HEADER}\n{ALICE}")).expect("a report"));
        let missing = HEADER.replace("mfa_active", "mfa");
        assert_eq!(read(&missing), Err(ReportError::Csv(CsvError::NoColumn("mfa_active"))));
    }

    #[test]
    fn what_is_no_value_of_its_column_is_refused_and_never_guessed() {
        for (old, new, column) in [
            ("N/A,true,true", "N/A,yes,true", "mfa_active"),
            ("N/A,true,true", "N/A,true,perhaps", "access_key_1_active"),
            ("2026-03-01T00:00:00Z", "soon", "access_key_1_last_rotated"),
            ("no_information", "=cmd()", "password_last_used"),
        ] {
            let wrong = read(&format!("{HEADER}\n{}", ALICE.replacen(old, new, 1)));
            assert_eq!(wrong, Err(ReportError::Value { number: 1, column: column.to_owned() }), "{new}");
        }
        let short = read(&format!("{HEADER}\n{OF_ROOT}\nalice,arn"));
        assert!(matches!(short, Err(ReportError::Value { number: 2, .. })), "{short:?}");
        for text in ["", "\n", "user", "<html>", "\"", &"a,".repeat(5000), &format!("{HEADER}\n\"{ALICE}")] {
            assert!(matches!(read(text), Err(ReportError::Csv(_))), "{text:.20}");
        }
    }
}
