//! Where a key was found, and how it is taken away from there: only what is still as it was read, and only once the vault
//! has given it back.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    rc::Rc,
};

use super::{aws_vault::remove_from_pass, plan::Planned};
use crate::{
    atomic_file,
    aws_vault::{Collection, SealedFile},
    commands::{Context, Error},
    credentials::LongTermCredentials,
    profile::{ConfigText, EditError, FileKind, ProfileName, SectionName},
    prompt::PromptError,
    secret::SecretBytes,
    shared_config,
};

/// What aws-mfa writes of a session.
const SESSION_KEYS: [&str; 7] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
    "expiration",
    "assumed_role",
    "assumed_role_arn",
];

/// Where a key was found.
pub(super) enum Source {
    /// A section of one of AWS's two files.
    Section {
        path: PathBuf,
        kind: FileKind,
        section: ProfileName,
        /// The section of the sessions that were made with it.
        session: Option<ProfileName>,
        /// Whether its device stands in the AWS config from now on.
        takes_device: bool,
    },
    /// The console's download.
    Csv { path: PathBuf, content: Rc<SecretBytes>, count: usize, has_passwords: bool },
    /// An encrypted file of aws-vault.
    SealedFile { file: SealedFile, folder: PathBuf, content: Vec<u8> },
    /// An item of aws-vault in the Secret Service.
    SecretService { collection: String, label: String, content: SecretBytes },
    /// An item of aws-vault in the password store.
    Pass { prefix: String, name: String, content: SecretBytes },
}

impl Source {
    /// The whole that it is a part of.
    pub(super) fn place(&self) -> String {
        match self {
            Source::Section { path, .. } | Source::Csv { path, .. } => path.display().to_string(),
            Source::SealedFile { folder, .. } => format!("aws-vault's files in {}", folder.display()),
            Source::SecretService { collection, .. } => format!("aws-vault's collection `{collection}`"),
            Source::Pass { .. } => "aws-vault's part of the password store".to_owned(),
        }
    }

    /// Whether whoever reads it has the key.
    fn is_in_the_clear(&self) -> bool {
        matches!(self, Source::Section { .. } | Source::Csv { .. })
    }
}

/// Asks for each place whether what was read back goes from there, unless that was said, and takes it away.
pub(super) fn offer_removal(context: &Context<'_>, planned: Vec<Planned>, wished: Option<bool>) -> Result<(), Error> {
    let mut places: Vec<(String, Vec<(Source, LongTermCredentials)>)> = Vec::new();
    for one in planned {
        for source in one.sources {
            let place = source.place();
            let key = (source, one.credentials.clone());
            match places.iter_mut().find(|(there, _)| *there == place) {
                Some((_, keys)) => keys.push(key),
                None => places.push((place, vec![key])),
            }
        }
    }
    for (place, keys) in places {
        if let Some((Source::Csv { count, .. }, _)) = keys.first()
            && *count > keys.len()
        {
            context.prompt.say(&format!("{place} stays: it holds keys that did not come in"));
            continue;
        }
        let in_the_clear = keys.iter().any(|(source, _)| source.is_in_the_clear());
        if goes(context, &place, &keys, wished)? {
            remove(context, &place, keys)?;
        } else if in_the_clear {
            let first = match keys.first() {
                Some((Source::Section { .. }, _)) => ", and that the AWS CLI and SDKs take first",
                _ => "",
            };
            context.prompt.say(&format!("{place} still holds keys that whoever reads it can use{first}"));
        }
    }
    Ok(())
}

/// Whether it is to go.
fn goes(
    context: &Context<'_>,
    place: &str,
    keys: &[(Source, LongTermCredentials)],
    wished: Option<bool>,
) -> Result<bool, Error> {
    if let Some(wished) = wished {
        return Ok(wished);
    }
    let question = match keys.first() {
        Some((Source::Csv { has_passwords: true, .. }, _)) => {
            format!("Delete {place}, with the console's passwords in it, which are not kept?")
        }
        Some((Source::Csv { .. }, _)) => format!("Delete {place}?"),
        _ if keys.len() == 1 => format!("Take it out of {place}?"),
        _ => format!("Take these {} out of {place}?", keys.len()),
    };
    match context.prompt.confirm(&question, "--remove-source or --keep-source") {
        // What came in is in: nobody being there is no reason to fail now.
        Err(PromptError::NoTerminal { .. }) => Ok(false),
        answer => Ok(answer?),
    }
}

fn remove(context: &Context<'_>, place: &str, keys: Vec<(Source, LongTermCredentials)>) -> Result<(), Error> {
    let in_the_clear = keys.iter().any(|(source, _)| source.is_in_the_clear());
    let done = match keys.first() {
        Some((Source::Csv { has_passwords: true, .. }, _)) => {
            format!("deleted {place}, the console's passwords with it")
        }
        Some((Source::Csv { .. }, _)) => format!("deleted {place}"),
        _ => format!("took it out of {place}"),
    };
    let (count, mut removed) = (keys.len(), 0);
    let (mut items, mut sections) = (Vec::new(), Vec::new());
    let (mut collection_name, mut file) = (String::new(), PathBuf::new());
    for (source, credentials) in keys {
        removed += usize::from(match source {
            Source::Section { path, kind, section, session, takes_device } => {
                file = path;
                sections.push(InSection { kind, section, credentials, session, takes_device });
                false
            }
            // All rows go with the first.
            Source::Csv { path, content, .. } => {
                let is_gone = path.try_exists().is_ok_and(|is_there| !is_there);
                is_gone || remove_file(&path, content.expose())?
            }
            Source::SealedFile { file, content, .. } => remove_file(&file.path, &content)?,
            Source::SecretService { collection, label, content } => {
                collection_name = collection;
                items.push((label, content));
                false
            }
            Source::Pass { prefix, name, content } => remove_from_pass(context, &prefix, &name, &content)?,
        });
    }
    if !items.is_empty() {
        removed += Collection::named(&collection_name, context.prompt.may_ask()).remove(items)?;
    }
    // The same file may be both.
    for kind in [FileKind::Credentials, FileKind::Config] {
        let of_kind: Vec<&InSection> = sections.iter().filter(|key| key.kind == kind).collect();
        if !of_kind.is_empty() {
            removed += shared_config::edit(&file, kind, |text| remove_sections(text, of_kind))?;
        }
    }
    if removed < count {
        context.prompt.say(&format!(
            "{place}: {} of {count} stayed, as they are no more what was read",
            count.saturating_sub(removed)
        ));
    }
    if removed > 0 {
        context.prompt.say(&match in_the_clear {
            true => format!(
                "{done}; on an SSD, in backups and copies the old text may live on: `mfavault rotate` makes it worthless"
            ),
            false => format!(
                "{done}; a backup of it still opens with its password, and sessions in it last until they end"
            ),
        });
    }
    Ok(())
}

/// A key in a section of one of AWS's files.
struct InSection {
    kind: FileKind,
    section: ProfileName,
    credentials: LongTermCredentials,
    session: Option<ProfileName>,
    takes_device: bool,
}

/// Takes the keys out of their sections, those that still stand there, with what belongs to them alone; says how many.
fn remove_sections(text: &mut ConfigText, mut keys: Vec<&InSection>) -> Result<usize, EditError> {
    keys.retain(|key| match shared_config::static_keys(text, &key.section) {
        Ok(Some(there)) => there == key.credentials,
        _ => false,
    });
    // What goes as a whole goes at once: each edit of the text reads all of it.
    let mut whole = HashSet::new();
    for InSection { kind, section, session, takes_device, .. } in &keys {
        let session = session.clone().map(SectionName::Profile);
        let session = session.filter(|session| text.entry(session, "aws_session_token").is_some());
        let mut take_out = |section: SectionName, keys: &[&str], may_go: bool| {
            if may_go && shared_config::has_only(text, &section, keys) {
                whole.insert(section);
                return Ok(());
            }
            keys.iter().try_for_each(|key| text.remove_key(&section, key).map(drop))
        };
        let [id, secret] = shared_config::KEY_PAIR;
        let own = [id, secret, "aws_mfa_device"];
        let own = &own[..if *takes_device { 3 } else { 2 }];
        // A profile of the config stays.
        take_out(SectionName::Profile(section.clone()), own, *kind == FileKind::Credentials)?;
        if let Some(session) = session {
            take_out(session, &SESSION_KEYS, true)?;
        }
    }
    text.remove_sections(&whole.iter().collect())?;
    Ok(keys.len())
}

/// Removes a file that is still as it was read, where a link leads to; says whether it was.
fn remove_file(path: &Path, content: &[u8]) -> Result<bool, Error> {
    let failed = |source| Error::Io { action: "remove the file that the keys were in", source };
    // Without the link alone, the keys would still be there. A pipe of the shell has no file.
    let Ok(path) = path.canonicalize() else { return Ok(false) };
    let now = SecretBytes::from(atomic_file::read_user_file(&path)?);
    if now.expose() != content {
        return Ok(false);
    }
    std::fs::remove_file(path).map_err(failed)?;
    Ok(true)
}
