//! From the words of `rotate`, `import` and `report` to their commands.

use super::args::{AwsVaultBackend, ImportKeysCommand, ReportArgs, ReportFinding, RotateArgs, TakeInArgs};
use crate::{
    atomic_file,
    commands::{
        self, Context, Error, Outcome,
        import::{
            From, HowToTakeIn,
            aws_vault::{self, Backend},
        },
        report::Finding,
    },
    secret::SecretBytes,
};

/// Far above what the console offers.
const MOST_CSV_BYTES: u64 = 1 << 20;

pub(super) fn rotate(context: &Context<'_>, arguments: RotateArgs) -> Result<Outcome, Error> {
    let arguments = commands::rotate::Arguments {
        profile: context.profile_or_default(arguments.profile),
        older_than: arguments.older_than,
        deactivate_only: arguments.deactivate_only,
        delete_other: arguments.delete_other,
        mfa_code: arguments.mfa_code,
        confirmed: arguments.yes,
    };
    commands::rotate::run(context, &arguments)
}

pub(super) fn import(context: &Context<'_>, command: ImportKeysCommand) -> Result<Outcome, Error> {
    let (from, arguments) = match command {
        ImportKeysCommand::AwsVault(arguments) => {
            let backend = arguments.backend.map(|backend| match backend {
                AwsVaultBackend::SecretService => Backend::SecretService,
                AwsVaultBackend::File => Backend::File,
                AwsVaultBackend::Pass => Backend::Pass,
            });
            (From::AwsVault(aws_vault::Arguments { backend, file_dir: arguments.file_dir }), arguments.how)
        }
        ImportKeysCommand::CredentialsFile(arguments) => (From::CredentialsFile, arguments.how),
        ImportKeysCommand::Csv(arguments) => {
            let content = SecretBytes::from(atomic_file::read_user_file_up_to(&arguments.file, MOST_CSV_BYTES)?);
            (From::Csv { path: arguments.file, content }, arguments.how)
        }
    };
    commands::import::run(context, from, &how(arguments))
}

pub(super) fn report(context: &Context<'_>, arguments: ReportArgs) -> Result<Outcome, Error> {
    let finding = |finding| match finding {
        ReportFinding::NoMfa => Finding::NoMfa,
        ReportFinding::OldKeys => Finding::OldKeys,
        ReportFinding::UnusedKeys => Finding::UnusedKeys,
        ReportFinding::RootKeys => Finding::RootKeys,
    };
    let arguments = commands::report::Arguments {
        profile: context.profile_or_default(arguments.profile),
        mfa_code: arguments.mfa_code,
        older_than: arguments.older_than,
        fail_on: arguments.fail_on.into_iter().map(finding).collect(),
    };
    commands::report::run(context, &arguments)
}

fn how(arguments: TakeInArgs) -> HowToTakeIn {
    let remove_source = match (arguments.remove_source, arguments.keep_source) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        // Who wants no questions is asked none.
        _ if arguments.yes => Some(false),
        _ => None,
    };
    HowToTakeIn {
        profiles: arguments.profiles,
        dry_run: arguments.dry_run,
        overwrite: arguments.force,
        verify: !arguments.no_verify,
        config: !arguments.no_config,
        remove_source,
        confirmed: arguments.yes,
    }
}
