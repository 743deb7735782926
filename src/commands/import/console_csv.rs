//! The console's download: `Access key ID,Secret access key`; older ones have the user name before, and that of a new user
//! a password too, which nobody looks at.

use std::{path::PathBuf, rc::Rc};

use super::{Found, FoundKey, HowToTakeIn, source::Source};
use crate::{
    commands::Error,
    credentials::LongTermCredentials,
    csv::{self, CsvError},
    profile::ProfileName,
    secret::SecretBytes,
    visible::visible,
};

const ID: &str = "Access key ID";
const SECRET: &str = "Secret access key";

/// The keys of the file; a single one may be given another profile's name.
pub(super) fn find(path: PathBuf, content: SecretBytes, how: &HowToTakeIn) -> Result<Found, Error> {
    let content = Rc::new(content);
    let text = std::str::from_utf8(content.expose()).map_err(|_| Error::NotText { path: path.clone() })?;
    let text = text.trim_start_matches('\u{feff}');
    let wrong = |reason: String| Error::KeyInput { origin: path.display().to_string(), reason };
    let rows = match csv::filled(text, ["User name", ID, SECRET]) {
        Err(CsvError::NoColumn("User name")) => csv::filled(text, [ID, SECRET])
            .map(|rows| rows.into_iter().map(|[id, secret]| [zeroize::Zeroizing::default(), id, secret]).collect()),
        rows => rows,
    };
    let rows = rows.map_err(|error| wrong(error.to_string()))?;
    let has_passwords = csv::filled(text, ["Password"]).is_ok_and(|rows| !rows.is_empty());
    let count = rows.len();
    let mut found = Found::default();
    for [user, id, secret] in rows {
        let profile = match &how.profiles[..] {
            [wished] if count == 1 => wished.clone(),
            _ if user.trim().is_empty() => {
                return Err(wrong("it does not say whose key this is: name the profile with --profile".to_owned()));
            }
            _ => match user.trim().parse::<ProfileName>() {
                Ok(profile) => profile,
                Err(error) => {
                    found.skip(visible(&user), error.reason);
                    continue;
                }
            },
        };
        let source = Source::Csv { path: path.clone(), content: Rc::clone(&content), count, has_passwords };
        match LongTermCredentials::of_texts(&id, &secret) {
            Ok(credentials) => found.keys.push(FoundKey { profile, credentials, serial_number: None, source }),
            Err(error) => found.skip(profile, error),
        }
    }
    Ok(found)
}
