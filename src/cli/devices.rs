//! From the words of `mfa` and `backup` to their commands.

use std::path::PathBuf;

use super::{
    args::{self, BackupCommand, ConsentPolicy, MfaCommand, SeedFormat},
    read_first_line, read_stdin, read_stdin_bytes,
};
use crate::{
    atomic_file,
    commands::{self, Context, Error, Outcome, mfa::policy::Partition},
    mfa::interchange::MOST_BYTES,
    secret::SecretBytes,
    vault::Consent,
};

/// Runs a command of `mfa`.
pub(super) fn mfa(context: &Context<'_>, command: MfaCommand) -> Result<Outcome, Error> {
    match command {
        MfaCommand::Enable(arguments) => commands::mfa::enable::run(
            context,
            &commands::mfa::enable::Arguments {
                profile: context.profile_or_default(arguments.profile),
                name: arguments.name,
                user_name: arguments.user_name,
                qr: arguments.qr,
                mfa_code: arguments.mfa_code,
                beside: None,
            },
        ),
        MfaCommand::Resync(arguments) => commands::mfa::resync::run(context, &of_aws(arguments.device)),
        MfaCommand::Deactivate(arguments) => {
            let delete = arguments.delete;
            commands::mfa::deactivate::run(context, &of_aws(arguments.device), delete, arguments.yes)
        }
        MfaCommand::Replace(arguments) => commands::mfa::replace::run(
            context,
            &commands::mfa::replace::Arguments {
                device: of_aws(arguments.device),
                new_name: arguments.new_name,
                qr: arguments.qr,
                confirmed: arguments.yes,
            },
        ),
        MfaCommand::Rename(arguments) => commands::mfa::rename::run(context, &arguments.name, &arguments.new_name),
        MfaCommand::Consent(arguments) => {
            let consent = match arguments.policy {
                ConsentPolicy::Ask => Some(Consent { remembered: arguments.remember.unwrap_or_default() }),
                ConsentPolicy::Free => None,
            };
            commands::mfa::consent::run(context, &arguments.name, consent)
        }
        MfaCommand::Policy(arguments) => {
            let of_profile = || Partition::OfProfile(context.profile_or_default(arguments.profile));
            commands::mfa::policy::run(context, &arguments.partition.map_or_else(of_profile, Partition::Named))
        }
        MfaCommand::Import(arguments) => commands::mfa::import::run(context, import(arguments)?),
        MfaCommand::List(arguments) if arguments.remote => commands::mfa::remote::run(context),
        MfaCommand::List(_) => commands::mfa::list::run(context),
        MfaCommand::Show(arguments) => commands::mfa::list::show(context, &arguments.name),
        MfaCommand::Codes(arguments) => commands::mfa::codes::run(context, &arguments.name),
        MfaCommand::Qr(arguments) => commands::mfa::qr::run(
            context,
            &devices(arguments.devices),
            &commands::mfa::qr::Arguments {
                google: arguments.google,
                output: arguments.output,
                overwrite: arguments.force,
            },
        ),
        MfaCommand::Export(arguments) => commands::mfa::export::run(
            context,
            &devices(arguments.devices),
            &commands::mfa::export::Arguments {
                google: arguments.format == SeedFormat::Google,
                output: arguments.output,
                overwrite: arguments.force,
                confirmed: arguments.yes,
            },
        ),
        MfaCommand::Remove(arguments) => commands::mfa::remove::run(context, &arguments.name, arguments.force),
    }
}

/// Runs a command of `backup`.
pub(super) fn backup(context: &Context<'_>, command: BackupCommand) -> Result<Outcome, Error> {
    match command {
        BackupCommand::Create(arguments) => {
            let opening = opening(&arguments.opening, &arguments.identity)?;
            commands::backup::create::run(
                context,
                commands::backup::create::Arguments {
                    file: arguments.file,
                    recipients: arguments.recipient,
                    opening,
                    split: arguments.split,
                    with_keys: arguments.with_keys,
                    overwrite: arguments.force,
                },
            )
        }
        BackupCommand::Verify(arguments) => {
            let opening = opening(&arguments.opening.passphrase, &arguments.opening.identity)?;
            commands::backup::verify::run(context, &arguments.file, &opening)
        }
        BackupCommand::Restore(arguments) => commands::backup::restore::run(
            context,
            &commands::backup::restore::Arguments {
                opening: opening(&arguments.opening.passphrase, &arguments.opening.identity)?,
                files: arguments.file,
                overwrite: arguments.overwrite,
                confirmed: arguments.yes,
            },
        ),
        BackupCommand::Sheet(arguments) => commands::backup::sheet::run(
            context,
            &commands::backup::sheet::Arguments {
                file: arguments.file,
                names: arguments.name,
                confirmed: arguments.yes,
                overwrite: arguments.force,
            },
        ),
    }
}

fn devices(devices: args::DevicesArgs) -> commands::mfa::export::Devices {
    match devices.all {
        true => commands::mfa::export::Devices::All,
        false => commands::mfa::export::Devices::Named(devices.name),
    }
}

fn import(arguments: args::ImportArgs) -> Result<commands::mfa::import::Arguments, Error> {
    use commands::mfa::import::{Arguments, File, From};
    let read = |path: PathBuf| match path.as_os_str() == "-" {
        true => Ok(File { path: None, content: read_stdin_bytes()? }),
        false => Ok(File {
            content: SecretBytes::from(atomic_file::read_user_file_up_to(&path, MOST_BYTES as u64)?),
            path: Some(path),
        }),
    };
    let read_all = |paths: Vec<PathBuf>| paths.into_iter().map(read).collect::<Result<Vec<File>, Error>>();
    let from = match (arguments.stdin, arguments.export.from) {
        (true, _) => From::Text(read_stdin()?),
        (false, Some((format, files))) => From::Export {
            format: format.into(),
            files: read_all(files)?,
            password: arguments.password_file.as_deref().map(read_first_line).transpose()?,
        },
        (false, None) if !arguments.qr.is_empty() => From::Pictures(read_all(arguments.qr)?),
        (false, None) => From::Prompt,
    };
    Ok(Arguments {
        name: arguments.name,
        from,
        serial_number: arguments.serial,
        profile: arguments.profile,
        overwrite: arguments.force,
        dry_run: arguments.dry_run,
        confirmed: arguments.yes,
    })
}

fn of_aws(device: args::DeviceAtAwsArgs) -> commands::mfa::AtAws {
    commands::mfa::AtAws {
        name: device.name,
        profile: device.profile,
        user_name: device.user_name,
        mfa_code: device.mfa_code,
    }
}

fn opening(
    passphrase: &args::PassphraseArgs,
    identities: &[std::path::PathBuf],
) -> Result<commands::backup::Opening, Error> {
    let identity_files = identities.iter().map(|path| Ok(SecretBytes::from(atomic_file::read_user_file(path)?)));
    let passphrase = passphrase.passphrase_file.as_deref().map(read_first_line).transpose()?;
    Ok(commands::backup::Opening { identity_files: identity_files.collect::<Result<_, Error>>()?, passphrase })
}
