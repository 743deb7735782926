//! `add`: stores a profile's access key pair.

use crate::{
    aws::{AwsError, Caller, CallerIdentity, Signer},
    commands::{Context, Error, Outcome, SessionRequest, rotate},
    credentials::{AccessKeyId, LongTermCredentials},
    csv,
    mfa::SerialNumber,
    profile::{FileKind, ProfileName},
    secret::SecretText,
    shared_config,
    vault::{AuditEvent, KeyRecord},
};

/// Which pair, for which profile, and how.
pub struct Arguments {
    /// The profile.
    pub profile: ProfileName,
    /// Where the pair is.
    pub from: From,
    /// Whether it is checked with GetCallerIdentity.
    pub verify: bool,
    /// Whether the profile is added to the AWS config.
    pub config: bool,
    /// Whether another key of the profile is replaced.
    pub overwrite: bool,
    /// The serial number for the AWS config.
    pub mfa_serial: Option<SerialNumber>,
}

/// Where the pair is.
pub enum From {
    /// A person types it.
    Prompt,
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    Environment,
    /// Two lines: ID, secret.
    Lines(SecretText),
    /// The console's CSV file.
    Csv(SecretText),
    /// The profile's section of `~/.aws/credentials`, which goes when the pair is stored.
    CredentialsFile,
}

/// Reads the pair, asks AWS whose it is, stores it and reads it back.
///
/// # Errors
/// If there is no pair where it should be, then `KeyInput`; if another key is here and not to be replaced, then
/// `KeyExists`; if AWS does not know the pair, then `KeyRefused`.
pub fn run(context: &Context<'_>, arguments: Arguments) -> Result<Outcome, Error> {
    let profile = &arguments.profile;
    let credentials = read(context, profile, &arguments.from)?;
    // Another run may be replacing the key that is here.
    let _lock = rotate::lock(context)?;
    // The keystore is asked, not the index: that may be lost, or another home's beside the same keyring.
    if !arguments.overwrite
        && let Some(there) = context.vault.key(profile)?.filter(|there| there.credentials != credentials)
    {
        let masked = there.credentials.access_key_id.masked();
        return Err(Error::KeyExists { profile: profile.clone(), masked });
    }
    let identity = match arguments.verify {
        true => Some(whose(context, profile, &credentials)?),
        false => None,
    };
    let account_id = identity.as_ref().map(|identity| identity.account_id.clone());
    let record = KeyRecord { created: None, credentials, account_id, added: context.clock.now() };
    let access_key_id = record.credentials.access_key_id.masked();
    context.audit(&AuditEvent::KeyChanged { profile, access_key_id, change: "added" })?;
    context.vault.store_key(profile, &record)?;
    context.prompt.say(&format!(
        "stored the key {} of `{profile}` in the keystore `{}`",
        record.credentials.access_key_id.masked(),
        context.vault.keystore_name()
    ));
    if arguments.config {
        context.add_to_config(profile, arguments.mfa_serial.as_ref())?;
    }
    if matches!(arguments.from, From::CredentialsFile) {
        let file = &context.environment.aws_credentials_file;
        let removed = shared_config::edit(file, FileKind::Credentials, |text| {
            // What stands there may have changed since it was read, and only what is stored here may go.
            match shared_config::static_keys(text, profile) {
                Ok(Some(there)) if there == record.credentials => shared_config::remove_static_keys(text, profile),
                _ => Ok(false),
            }
        })?;
        context.prompt.say(&match removed {
            true => format!(
                "took it out of {}; on an SSD or in a backup the old file may live on: rotate the key to be sure",
                file.display()
            ),
            false => format!("{} has changed meanwhile and does not hold this key: it is as it was", file.display()),
        });
    }
    Ok(match identity {
        Some(identity) => Outcome::Line(format!("account {}, {}", identity.account_id, identity.arn)),
        None => Outcome::Done,
    })
}

/// Asks AWS whose pair it is.
pub(super) fn whose(
    context: &Context<'_>,
    profile: &ProfileName,
    pair: &LongTermCredentials,
) -> Result<CallerIdentity, Error> {
    let endpoints = SessionRequest::plain(profile.clone()).endpoints(context)?;
    let caller = Caller { signer: Signer::LongTerm(pair), endpoints: &endpoints };
    context.aws.get_caller_identity(caller).map_err(|error| match error {
        source @ AwsError::InvalidCredentials { .. } => Error::KeyRefused { source },
        error => error.into(),
    })
}

fn read(context: &Context<'_>, profile: &ProfileName, from: &From) -> Result<LongTermCredentials, Error> {
    match from {
        From::Prompt => {
            let instead = "--stdin, --env, --csv FILE or --from-credentials-file";
            let id = context.prompt.line("Access key ID", instead)?;
            // Refused before the secret is typed in vain.
            AccessKeyId::of_long_term(&id).map_err(|error| missing("the terminal", &error.to_string()))?;
            pair("the terminal", &id, context.prompt.secret("Secret access key", instead)?.expose())
        }
        From::Environment => Ok(context.environment.long_term_credentials()?),
        From::Lines(text) => {
            let mut lines =
                text.expose().trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty());
            match (lines.next(), lines.next(), lines.next()) {
                (Some(id), Some(secret), None) => pair("standard input", id, secret),
                _ => Err(missing("standard input", "there are not exactly two lines, the ID and the secret")),
            }
        }
        From::Csv(text) => console_csv(text),
        From::CredentialsFile => {
            let text = &context.shared_config()?.credentials;
            let none = || missing(&text.path().display().to_string(), "it has no keys of the profile");
            shared_config::static_keys(text, profile)?.ok_or_else(none)
        }
    }
}

fn missing(origin: &str, reason: &str) -> Error {
    Error::KeyInput { origin: origin.to_owned(), reason: reason.to_owned() }
}

/// The console's download: a heading, then `Access key ID,Secret access key`; older files have the user name before.
fn console_csv(text: &SecretText) -> Result<LongTermCredentials, Error> {
    let origin = "the CSV file";
    let text = text.expose().trim_start_matches('\u{feff}');
    let rows = csv::filled(text, ["Access key ID", "Secret access key"]);
    let mut rows = rows.map_err(|error| missing(origin, &error.to_string()))?.into_iter();
    match (rows.next(), rows.next()) {
        (Some([id, secret]), None) => pair(origin, &id, &secret),
        (None, _) => Err(missing(origin, "it has no key")),
        (Some(_), Some(_)) => Err(missing(origin, "it has several keys, which `import csv` takes")),
    }
}

fn pair(origin: &str, id: &str, secret: &str) -> Result<LongTermCredentials, Error> {
    LongTermCredentials::of_texts(id, secret).map_err(|error| missing(origin, &error.to_string()))
}
