//! `import`: access keys that rest elsewhere come in, all of them or none, and their source may go then.
//!
//! `aws_vault`, `credentials_file` and `console_csv` find what there is; `plan` says what each would be here; `store`
//! asks AWS and stores; `source` takes away what was read back.

pub mod aws_vault;
mod console_csv;
mod credentials_file;
mod plan;
mod source;
mod store;

use std::path::PathBuf;

pub(super) use self::credentials_file::profile_of;
use self::{plan::Standing, source::Source};
use super::{Context, Error, Outcome};
use crate::{
    credentials::LongTermCredentials,
    mfa::SerialNumber,
    profile::{ProfileName, SectionName},
    secret::SecretBytes,
    shared_config,
    visible::shell_word,
};

/// Where they come from.
pub enum From {
    /// The stores of aws-vault.
    AwsVault(aws_vault::Arguments),
    /// AWS's two files, mostly `~/.aws/credentials`.
    CredentialsFile,
    /// The console's download.
    Csv {
        /// The file.
        path: PathBuf,
        /// What is in it.
        content: SecretBytes,
    },
}

/// How they come in, wherever they are from.
pub struct HowToTakeIn {
    /// Only these profiles, unless empty.
    pub profiles: Vec<ProfileName>,
    /// Whether only said.
    pub dry_run: bool,
    /// Whether other keys of the same profiles are replaced.
    pub overwrite: bool,
    /// Whether AWS is asked about them.
    pub verify: bool,
    /// Whether the profiles are added to the AWS config.
    pub config: bool,
    /// Whether the source goes; none: a person is asked.
    pub remove_source: Option<bool>,
    /// Whether nobody is asked before they come in.
    pub confirmed: bool,
}

/// What was found at the sources.
#[derive(Default)]
struct Found {
    keys: Vec<FoundKey>,
    skipped: Vec<Skipped>,
    /// What else a person should know, a line each.
    notes: Vec<String>,
}

/// A long-term key, and where it is.
struct FoundKey {
    profile: ProfileName,
    credentials: LongTermCredentials,
    serial_number: Option<SerialNumber>,
    source: Source,
}

/// What does not come in.
struct Skipped {
    name: String,
    reason: String,
}

impl Found {
    fn skip(&mut self, name: impl ToString, reason: impl ToString) {
        self.skipped.push(Skipped { name: name.to_string(), reason: reason.to_string() });
    }
}

/// Finds the keys, shows them, asks, checks each with AWS, stores all or none, adds their profiles to the AWS config, and
/// takes them away from where they were if that is wished.
///
/// # Errors
/// If there is none that could come in, then `NoKeysToImport`; if other keys of the same profiles are here and not to be
/// replaced, then `KeyConflict`; if nobody confirms, then `Prompt` or `Declined`; if AWS knows none of them, then
/// `KeyRefused`; if a store of aws-vault cannot be read, then `AwsVault`; if the keystore fails midway, then `Vault`, with
/// everything put back.
pub fn run(context: &Context<'_>, from: From, how: &HowToTakeIn) -> Result<Outcome, Error> {
    let Found { keys, mut skipped, notes } = match from {
        From::AwsVault(arguments) => aws_vault::find(context, &arguments, how)?,
        From::CredentialsFile => credentials_file::find(context, how)?,
        From::Csv { path, content } => console_csv::find(path, content, how)?,
    };
    let mut planned = plan::plan(context, keys, &mut skipped, how)?;
    planned.iter().for_each(|one| say_line(context, one.standing.word(), one.profile.as_str(), &one.notes()));
    for Skipped { name, reason } in &skipped {
        say_line(context, "skipped", name, std::slice::from_ref(reason));
    }
    notes.iter().for_each(|note| context.prompt.say(note));
    if planned.is_empty() {
        return Err(Error::NoKeysToImport);
    }
    let conflicts = planned.iter().filter(|one| one.standing == Standing::Conflict).map(|one| one.profile.clone());
    let conflicts: Vec<ProfileName> = conflicts.collect();
    if how.dry_run {
        context.prompt.say("nothing was changed: this was a dry run");
        return Ok(Outcome::Done);
    }
    if !conflicts.is_empty() && !how.overwrite {
        return Err(Error::KeyConflict { profiles: conflicts });
    }
    let count = planned.iter().filter(|one| one.standing != Standing::Same).count();
    if count == 0 {
        context.prompt.say("nothing to store: it is here already");
    } else {
        let replaced = if conflicts.is_empty() { String::new() } else { format!(", replacing {}", conflicts.len()) };
        let question = match count {
            1 => format!("Import it{replaced}?"),
            count => format!("Import {count} keys{replaced}?"),
        };
        context.confirm(how.confirmed, &question, "--yes")?;
        planned = store::checked(context, planned, how)?;
        store::all(context, &planned)?;
    }
    if how.config {
        context.add_all_to_config(planned.iter().map(|one| (&one.profile, one.serial_number.as_ref())))?;
    }
    say_who_asks_aws_vault(context)?;
    source::offer_removal(context, planned, how.remove_source)?;
    Ok(Outcome::Done)
}

/// One line of the table of what would come in.
fn say_line(context: &Context<'_>, word: &str, name: &str, notes: &[String]) {
    let notes = if notes.is_empty() { String::new() } else { format!(": {}", notes.join("; ")) };
    context.prompt.say(&format!("  {word:<9}{name}{notes}"));
}

/// Names the profiles for which the SDKs still ask aws-vault.
fn say_who_asks_aws_vault(context: &Context<'_>) -> Result<(), Error> {
    // What was read before does not know what was added.
    let environment = context.environment;
    let shared = shared_config::read(&environment.aws_config_file, &environment.aws_credentials_file)?;
    let keys = context.vault.index()?.keys;
    for name in shared.profile_names().into_iter().filter(|name| aws_vault::is_asked_for(&shared, name)) {
        let section = SectionName::Profile(name.clone());
        let is_known_here = keys.contains_key(name) || shared.config.entry(&section, "role_arn").is_some();
        let instead = match is_known_here {
            true => format!("`mfavault setup {}` replaces it", shell_word(name)),
            false => "`mfavault credential-process PROFILE` is what asks here".to_owned(),
        };
        context.prompt.say(&format!("the credential_process of `{name}` still asks aws-vault: {instead}"));
    }
    Ok(())
}
