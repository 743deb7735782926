//! The keys of aws-vault, from those of its stores that are there, or from the one that is named.
//!
//! Where `pass` has no prefix, aws-vault's items lie among everything else that a person keeps there. Then only entries
//! are opened that are called as a profile is.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Found, FoundKey, HowToTakeIn, source::Source};
use crate::{
    aws_vault::{
        AwsVaultError, Collection, JweFault, Sealed, SealedFile, credentials_of, is_of_session, pass_entries,
        pass_remove, pass_show, sealed_files,
    },
    child,
    commands::{Context, Error},
    environment::without_credentials,
    process::{self, ProcessError},
    profile::{ProfileName, SectionName, SharedConfig},
    secret::{SecretBytes, SecretText},
    visible::visible,
};

/// How often the passphrase of the files may be typed.
const TRIES: usize = 3;
/// A person types a passphrase meanwhile.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which of its stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The collection of the Secret Service.
    SecretService,
    /// The encrypted files.
    File,
    /// The password store.
    Pass,
}

/// Where aws-vault's keys are, as far as it was said.
pub struct Arguments {
    /// Which of its stores; all that are there, if none is named here nor in `AWS_VAULT_BACKEND`.
    pub backend: Option<Backend>,
    /// The folder of the files, in the place of `AWS_VAULT_FILE_DIR`.
    pub file_dir: Option<PathBuf>,
}

/// What an item is called, what is in it, and where it is; or why it cannot be opened.
type Item = (String, Result<(SecretBytes, Source), String>);

pub(super) fn find(context: &Context<'_>, arguments: &Arguments, how: &HowToTakeIn) -> Result<Found, Error> {
    let mut found = Found::default();
    let named = match (arguments.backend, &context.environment.aws_vault.backend) {
        (Some(backend), _) => Some(backend),
        (None, Some(name)) => Some(named(name)?),
        (None, None) if arguments.file_dir.is_some() => Some(Backend::File),
        (None, None) => None,
    };
    let mut items = Vec::new();
    for backend in [Backend::SecretService, Backend::File, Backend::Pass] {
        if named.is_none_or(|named| named == backend) {
            let is_named = named.is_some();
            items.extend(match backend {
                Backend::SecretService => in_secret_service(context, &mut found, is_named)?,
                Backend::File => in_files(context, arguments, how)?,
                Backend::Pass => in_pass(context, &mut found, how, is_named)?,
            });
        }
    }
    if items.is_empty() {
        found.notes.push(looked_at(context, arguments, named));
    }
    let mut sessions = 0;
    for (name, item) in items {
        if is_of_session(&name) {
            sessions += 1;
            continue;
        }
        let profile: ProfileName = match name.parse() {
            Ok(profile) => profile,
            Err(error) => {
                let error: crate::profile::InvalidProfileName = error;
                found.skip(visible(&name), error.reason);
                continue;
            }
        };
        let opened = item.and_then(|(content, source)| {
            let credentials = credentials_of(content.expose()).map_err(|fault| fault.to_string())?;
            Ok((credentials, source))
        });
        match opened {
            Ok((credentials, source)) => {
                found.keys.push(FoundKey { profile, credentials, serial_number: None, source });
            }
            Err(reason) => found.skip(profile, reason),
        }
    }
    match sessions {
        0 => {}
        1 => found.notes.push("1 session or sign-in of aws-vault is left out: it ends by itself".to_owned()),
        count => {
            found
                .notes
                .push(format!("{count} sessions and sign-ins of aws-vault are left out: they end by themselves"));
        }
    }
    Ok(found)
}

/// Where there was nothing.
fn looked_at(context: &Context<'_>, arguments: &Arguments, named: Option<Backend>) -> String {
    let variables = &context.environment.aws_vault;
    let is_meant = |backend| named.is_none_or(|named| named == backend);
    let mut places = Vec::new();
    if is_meant(Backend::SecretService) {
        places.push(format!("in the collection `{}` of the Secret Service", variables.collection));
    }
    if let Some(folder) =
        arguments.file_dir.as_ref().or(variables.file_dir.as_ref()).filter(|_| is_meant(Backend::File))
    {
        places.push(format!("in {}", folder.display()));
    }
    if is_meant(Backend::Pass) && (named.is_some() || variables.pass_prefix.is_some()) {
        places.push("in the password store".to_owned());
    }
    format!("nothing of aws-vault was found {}", places.join(", "))
}

/// Whether the profile's `credential_process` runs aws-vault.
pub(super) fn is_asked_for(config: &SharedConfig, profile: &ProfileName) -> bool {
    let section = SectionName::Profile(profile.clone());
    [&config.config, &config.credentials].into_iter().any(|text| {
        let entry = text.entry(&section, "credential_process");
        entry.is_some_and(|entry| {
            let first = entry.value().split_whitespace().next().map(|word| word.trim_matches(['"', '\'']).to_owned());
            let program = first.as_deref().and_then(|program| program.rsplit(['/', '\\']).next());
            program.is_some_and(|program| program == "aws-vault" || program.eq_ignore_ascii_case("aws-vault.exe"))
        })
    })
}

fn named(name: &str) -> Result<Backend, Error> {
    match name {
        "secret-service" => Ok(Backend::SecretService),
        "file" => Ok(Backend::File),
        "pass" => Ok(Backend::Pass),
        _ => Err(Error::AwsVaultBackend { name: visible(name) }),
    }
}

fn in_secret_service(context: &Context<'_>, found: &mut Found, is_named: bool) -> Result<Vec<Item>, Error> {
    let name = &context.environment.aws_vault.collection;
    let collection = Collection::named(name, context.prompt.may_ask());
    let items = match collection.items() {
        Ok(items) => items.unwrap_or_default(),
        Err(AwsVaultError::Unavailable { .. }) if !is_named && !cfg!(target_os = "linux") => Vec::new(),
        // One that does not answer, or whose items are locked, may have keys.
        Err(error @ (AwsVaultError::Unavailable { .. } | AwsVaultError::Locked { .. })) if !is_named => {
            found.notes.push(format!("{error}: what is in it was not looked at"));
            Vec::new()
        }
        Err(error) => return Err(error.into()),
    };
    let of = |(label, content): (String, SecretBytes)| {
        let source = Source::SecretService { collection: name.clone(), label: label.clone(), content: content.clone() };
        (label, Ok((content, source)))
    };
    Ok(items.into_iter().map(of).collect())
}

fn in_files(context: &Context<'_>, arguments: &Arguments, how: &HowToTakeIn) -> Result<Vec<Item>, Error> {
    let variables = &context.environment.aws_vault;
    let Some(folder) = arguments.file_dir.as_ref().or(variables.file_dir.as_ref()) else { return Ok(Vec::new()) };
    let Sealed { files, others } = sealed_files(folder)?;
    let (sessions, files): (Vec<SealedFile>, Vec<SealedFile>) =
        files.into_iter().partition(|file| is_of_session(&file.name));
    let mut items: Vec<Item> = sessions.into_iter().map(|file| (file.name, Err(String::new()))).collect();
    items.extend(others.into_iter().map(|(name, kind)| (name, Err(format!("it is {kind}")))));
    let is_wished = |name: &str| how.profiles.is_empty() || how.profiles.iter().any(|wished| wished.as_str() == name);
    let mut sealed = Vec::new();
    for file in files.into_iter().filter(|file| is_wished(&file.name)) {
        match file.read() {
            Ok(content) => sealed.push((file, content)),
            Err(error) => items.push((file.name, Err(error.to_string()))),
        }
    }
    if sealed.is_empty() {
        return Ok(items);
    }
    items.extend(opened(context, folder, sealed)?);
    Ok(items)
}

/// Opens the files, all with one passphrase, which may be typed again if it opens none.
fn opened(context: &Context<'_>, folder: &Path, sealed: Vec<(SealedFile, Vec<u8>)>) -> Result<Vec<Item>, Error> {
    let given = &context.environment.aws_vault.file_passphrase;
    for attempt in 1.. {
        let passphrase = match given {
            Some(passphrase) => passphrase.clone(),
            None => {
                let question = format!("Passphrase of aws-vault's files in {}", folder.display());
                context.prompt.secret(&question, "AWS_VAULT_FILE_PASSPHRASE")?
            }
        };
        let opened: Vec<_> = sealed.iter().map(|(_, content)| SealedFile::open(content, &passphrase)).collect();
        let is_wrong = opened.iter().all(Result::is_err) && opened.contains(&Err(JweFault::NotOpened));
        if !is_wrong {
            let items = sealed.into_iter().zip(opened).map(|((file, content), opened)| {
                let source = Source::SealedFile { file: file.clone(), folder: folder.to_owned(), content };
                (file.name, opened.map(|item| (item, source)).map_err(|fault| fault.to_string()))
            });
            return Ok(items.collect());
        }
        if given.is_some() || attempt == TRIES {
            break;
        }
        context.prompt.say("wrong passphrase; once more");
    }
    Err(AwsVaultError::WrongPassphrase { folder: folder.to_owned() }.into())
}

fn in_pass(context: &Context<'_>, found: &mut Found, how: &HowToTakeIn, is_named: bool) -> Result<Vec<Item>, Error> {
    let variables = &context.environment.aws_vault;
    let Some(store) = variables.pass_dir.as_ref() else { return Ok(Vec::new()) };
    if variables.pass_prefix.is_none() && !is_named {
        return Ok(Vec::new());
    }
    let prefix = variables.pass_prefix.clone().unwrap_or_default();
    let names = pass_entries(store, &prefix)?;
    let profiles = match variables.pass_prefix {
        Some(_) => None,
        None => Some(context.shared_config()?.profile_names()),
    };
    let is_meant = |name: &str| match (&profiles, &how.profiles[..]) {
        (_, wished @ [_, ..]) => wished.iter().any(|wished| wished.as_str() == name),
        (Some(profiles), []) => profiles.iter().any(|profile| profile.as_str() == name),
        (None, []) => true,
    };
    let (sessions, names): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| is_of_session(name));
    let (meant, others): (Vec<String>, Vec<String>) = names.into_iter().partition(|name| is_meant(name));
    if profiles.is_some() && how.profiles.is_empty() && !others.is_empty() {
        found.notes.push(format!(
            "{} other entries of the password store are not called as a profile is, and were not opened: --profile names \
             one, AWS_VAULT_PASS_PREFIX the folder of aws-vault's",
            others.len()
        ));
    }
    let mut items: Vec<Item> = sessions.into_iter().map(|name| (name, Err(String::new()))).collect();
    if meant.is_empty() {
        return Ok(items);
    }
    let program = program(context)?;
    for name in meant {
        let item = run(context, &pass_show(&program, &prefix, &name)).map_err(|error| error.to_string());
        let item = item.map(|text| {
            let content = SecretBytes::from(text.expose().as_bytes().to_vec());
            let source = Source::Pass { prefix: prefix.clone(), name: name.clone(), content: content.clone() };
            (content, source)
        });
        items.push((name, item));
    }
    Ok(items)
}

/// Removes an entry that still holds what was read; says whether it did.
pub(super) fn remove_from_pass(
    context: &Context<'_>,
    prefix: &str,
    name: &str,
    content: &SecretBytes,
) -> Result<bool, Error> {
    let program = program(context)?;
    let failed = |source: ProcessError| Error::PasswordStore { name: visible(name), source };
    let now = run(context, &pass_show(&program, prefix, name)).map_err(failed)?;
    if now.expose().as_bytes() != content.expose() {
        return Ok(false);
    }
    run(context, &pass_remove(&program, prefix, name)).map_err(failed)?;
    Ok(true)
}

fn program(context: &Context<'_>) -> Result<PathBuf, Error> {
    let environment = context.environment;
    let name = &environment.aws_vault.pass_program;
    let found = process::find_program(OsStr::new(name), environment.path.as_deref())?;
    // A name with a slash is taken as it is, and a command line must not depend on where it is run.
    std::path::absolute(found).map_err(|source| Error::Io { action: "find the program `pass`", source })
}

fn run(context: &Context<'_>, command: &str) -> Result<SecretText, ProcessError> {
    let (environment, may_ask) = (context.environment, context.prompt.may_ask());
    let inherited = without_credentials(environment.inherited.iter().cloned());
    let mut variables: HashMap<OsString, OsString> =
        child::with_absolute_path(inherited.collect()).into_iter().collect();
    variables.remove(OsStr::new("AWS_VAULT_FILE_PASSPHRASE"));
    if let Some(store) = &environment.aws_vault.pass_dir {
        variables.insert("PASSWORD_STORE_DIR".into(), store.into());
    }
    if !may_ask {
        // Nor may GnuPG's agent open a window.
        variables.entry("PASSWORD_STORE_GPG_OPTS".into()).or_default().push(" --batch --pinentry-mode error");
    } else if let Some(terminal) = child::terminal_name() {
        // `pass` would look for it at its standard input, which is no terminal.
        variables.entry("GPG_TTY".into()).or_insert(terminal);
    }
    process::output_of(command, &variables.into_iter().collect::<Vec<_>>(), PATIENCE, may_ask)
}
