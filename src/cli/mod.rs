//! Words: the only place that knows clap, colours, exit codes, and which adapter is real.
//!
//! `args` reads the command line, `wire` puts the world together, this file calls the command, `render` shows what came
//! out, `report` says what went wrong, `hint` what to do about it.

mod args;
mod audit;
mod care;
mod complete;
mod copy;
mod credential_report;
mod devices;
mod doctor;
mod explain;
mod hint;
mod input;
mod keys;
mod keystore_commands;
mod keystore_survey;
mod keystores;
mod log;
mod narrow;
mod parse;
mod passphrase;
mod picker;
mod profiles;
mod qr_codes;
mod rehearse;
mod render;
mod report;
mod serve;
mod settings_table;
mod shell;
mod status;
mod tour;
mod watch;
mod wire;

use std::{io::IsTerminal, process::ExitCode, time::Duration};

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use self::{
    args::{
        AuditCommand, BackupCommand, Cli, CodesFormat, Command, ExportFormat, KeystoreCommand, ListArgs, MfaCommand,
        SettingsCommand,
    },
    input::{policy_document, read_first_line, read_stdin, read_stdin_bytes, read_text},
    wire::World,
};
use crate::{
    atomic_file,
    aws::SessionPolicy,
    commands::{self, Context, Error, Outcome, SessionRequest, exec::SDK_MIN_TTL},
    credentials::ExportDetails,
    environment::Environment,
    process, session,
};

/// Exit status for a failure of ours before the child of `exec` ran.
const EXEC_FAILED: u8 = 125;

/// Runs the program: the whole of `main`.
#[must_use]
pub fn main() -> ExitCode {
    // Before anything secret is in memory.
    let hardened = process::harden();
    let arguments: Vec<_> = std::env::args_os().collect();
    if complete::answered(&arguments) {
        return ExitCode::SUCCESS;
    }
    let words = Cli::command().color(args::colour_asked_for(&arguments));
    let read = words.try_get_matches_from(&arguments);
    let (cli, words) = match read.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, command_of(&matches)))) {
        Ok(read) => read,
        Err(error) => return report::usage(&error, &arguments),
    };
    if parse::secret_among(&arguments) {
        return report::secret_argument(report::Colour::chosen(cli.global.color));
    }
    let colour = report::Colour::chosen(cli.global.color);
    let own_failure = if matches!(cli.command, Command::Exec(_)) { EXEC_FAILED } else { 1 };
    let result = hardened.map_err(|source| Error::Io { action: "keep this process's memory from others", source });
    match result.and_then(|hardened| run(cli, words, hardened)) {
        Ok(code) => code,
        Err(error) => report::failure(&error, own_failure, colour),
    }
}

/// The words of the command without its arguments, such as `mfa enable`.
fn command_of(mut matches: &ArgMatches) -> String {
    let mut words = Vec::new();
    while let Some((word, within)) = matches.subcommand() {
        words.push(word);
        matches = within;
    }
    words.join(" ")
}

fn run(cli: Cli, words: String, hardened: process::Hardened) -> Result<ExitCode, Error> {
    match &cli.command {
        Command::Init(arguments) => return shell::init(arguments.shell).map(|()| ExitCode::SUCCESS),
        Command::Completions(arguments) => return shell::completions(arguments.shell).map(|()| ExitCode::SUCCESS),
        Command::Man(arguments) => return shell::man(&arguments.command),
        _ => {}
    }
    let files = match &cli.command {
        Command::Doctor(arguments) => match Environment::read() {
            Ok(environment) => {
                if !arguments.mends() {
                    atomic_file::leave_modes();
                }
                commands::doctor::look(&environment.folders)
            }
            Err(error) => return doctor::without_a_world(Vec::new(), error.into(), arguments, &cli.global),
        },
        _ => Vec::new(),
    };
    let world = match (World::read(&cli.global), &cli.command) {
        (Err(error), Command::Doctor(arguments)) => {
            return doctor::without_a_world(files, error, arguments, &cli.global);
        }
        (world, _) => world?,
    };
    log::start(cli.global.verbose, world.environment.log);
    match cli.command {
        Command::Rehearse(arguments) => rehearse::run(&world, arguments, &hardened),
        Command::Unlock(arguments) => world.unlock(arguments.time),
        Command::Lock(_) => world.lock(),
        Command::Settings(SettingsCommand::Show(arguments)) => {
            settings_table::show(&world.wishes, &world.environment, arguments.json).map(|()| ExitCode::SUCCESS)
        }
        Command::Keystore(KeystoreCommand::List(arguments)) => {
            keystore_commands::list(&world, &arguments).map(|()| ExitCode::SUCCESS)
        }
        Command::ClearClipboard(arguments) => copy::clear_clipboard(&world, Duration::from_secs(arguments.after)),
        Command::Status(arguments) if arguments.short => status::short(&world.environment),
        mut command => {
            let show = Show::of(&command, cli.global.color);
            let keystores = match (world.keystores(), &command) {
                (Err(error), Command::Doctor(arguments)) => {
                    return doctor::without_a_world(files, error, arguments, &cli.global);
                }
                (keystores, _) => keystores?,
            };
            if matches!(command, Command::Mfa(_)) {
                world.wishes.say_if_not_apart(&keystores, &world);
            }
            let vault = keystores.vault(&world.environment).opened_by(words);
            let aws = world.aws()?;
            let context = world.context(&vault, &aws)?;
            if let Command::Code(arguments) = &command
                && arguments.watch
            {
                return watch::run(&context, arguments.name.as_deref(), report::Colour::chosen(cli.global.color));
            }
            if show.copy {
                // Before a code is spent that could not be copied.
                copy::find_clipboard(&world)?;
            }
            let used = picker::settle(&world, &context, &mut command)?;
            let command = match command {
                Command::Serve(arguments) => return serve::run(&context, arguments),
                Command::Exec(arguments) if arguments.server => return serve::exec(&context, arguments, hardened),
                command => command,
            };
            let outcome = match command {
                Command::Keystore(command) => keystore_commands::run(&world, &context, command),
                Command::Doctor(arguments) => care::doctor(&world, &context, &arguments, files),
                command => dispatch(&context, command),
            };
            if let Err(error) = session::keep_clock_offset(&vault, &aws, context.prompt) {
                context.prompt.say(&format!("warning: AWS's time is not kept for the next command: {error}"));
            }
            let outcome = outcome.inspect_err(|error| keystore_commands::say_if_elsewhere(&context, error))?;
            // A convenience only: what hinders it hinders nothing else.
            let _ = used.map(|profile| vault.note_use(&profile));
            if let (Outcome::Code { code, .. }, true) = (&outcome, show.copy) {
                copy::copy(&world, code)?;
                return Ok(ExitCode::SUCCESS);
            }
            finish(&context, outcome, show, hardened)
        }
    }
}

/// How an outcome is shown: flags that the command itself does not need.
#[derive(Clone, Copy)]
struct Show {
    json: bool,
    colour: args::ColorChoice,
    codes: CodesFormat,
    export: ExportFormat,
    /// The credentials say whose they are.
    for_shell: bool,
    /// The code goes into the clipboard.
    copy: bool,
    /// A secret may go to what is no terminal.
    force: bool,
    /// As AWS wrote it.
    csv: bool,
}

impl Show {
    fn of(command: &Command, colour: args::ColorChoice) -> Self {
        let (codes, export) = (CodesFormat::Lines, ExportFormat::Json);
        let mut show =
            Show { json: false, colour, codes, export, for_shell: false, copy: false, force: true, csv: false };
        match command {
            Command::List(arguments) => show.json = arguments.json,
            Command::Explain(arguments) => show.json = arguments.json,
            Command::Whoami(arguments) => show.json = arguments.json,
            Command::Status(arguments) => show.json = arguments.json,
            Command::Doctor(arguments) => show.json = arguments.json,
            Command::Code(arguments) => {
                show.json = arguments.json;
                show.copy = arguments.copy;
            }
            Command::Export(arguments) => {
                show.export = arguments.format;
                show.for_shell = arguments.for_shell;
            }
            Command::Mfa(MfaCommand::List(arguments)) => show.json = arguments.json,
            Command::Mfa(MfaCommand::Show(arguments)) => show.json = arguments.json,
            Command::Mfa(MfaCommand::Codes(arguments)) => {
                show.json = arguments.json;
                show.codes = arguments.format;
            }
            Command::Mfa(MfaCommand::Qr(arguments)) => show.force = arguments.force,
            Command::Backup(BackupCommand::Verify(arguments)) => show.json = arguments.json,
            Command::Audit(AuditCommand::Show(arguments)) => show.json = arguments.json,
            Command::Audit(AuditCommand::Verify(arguments)) => show.json = arguments.json,
            Command::Report(arguments) => {
                show.json = arguments.json;
                show.csv = arguments.csv;
            }
            _ => {}
        }
        show
    }
}

fn dispatch(context: &Context<'_>, command: Command) -> Result<Outcome, Error> {
    match command {
        Command::Add(arguments) => {
            let from = key_source(&arguments.source)?;
            commands::add::run(
                context,
                commands::add::Arguments {
                    profile: context.profile_or_default(arguments.profile),
                    from,
                    verify: !arguments.no_verify,
                    config: !arguments.no_config,
                    overwrite: arguments.force,
                    mfa_serial: arguments.mfa_serial,
                },
            )
        }
        Command::List(ListArgs { older_than: Some(age), .. }) => commands::list::older_than(context, age),
        Command::List(_) => commands::list::run(context),
        Command::Remove(arguments) => commands::remove::run(context, &arguments.profile, arguments.force),
        Command::Exec(arguments) => {
            let request = session_request(context, arguments.session)?;
            commands::exec::run(context, &request, arguments.command)
        }
        Command::Export(arguments) => {
            commands::exec::credentials(context, &session_request(context, arguments.session)?)
        }
        Command::CredentialProcess(arguments) => {
            let asked = arguments.session.min_ttl;
            let mut request = session_request(context, arguments.session)?;
            request.min_ttl = asked.unwrap_or(SDK_MIN_TTL);
            commands::exec::credentials(context, &request)
        }
        Command::Login(arguments) => {
            let request = session_request(context, arguments.session)?;
            commands::login::run(context, request, arguments.destination.as_deref(), arguments.print)
        }
        Command::Status(_) => commands::status::run(context),
        Command::Setup(arguments) => commands::setup::run(context, &arguments.profile, arguments.yes, arguments.undo),
        Command::Clear(arguments) => commands::clear::run(context, arguments.profile.as_ref()),
        Command::Explain(arguments) => commands::explain::run(context, &session_request(context, arguments.session)?),
        Command::Whoami(arguments) => commands::whoami::run(context, &session_request(context, arguments.session)?),
        Command::Rotate(arguments) => keys::rotate(context, arguments),
        Command::Import(command) => keys::import(context, command),
        Command::Report(arguments) => keys::report(context, arguments),
        Command::Audit(command) => care::audit(context, command),
        Command::Mfa(command) => devices::mfa(context, command),
        Command::Code(arguments) if arguments.copy => commands::code::to_copy(context, arguments.name),
        Command::Code(arguments) => commands::code::run(context, arguments.name),
        Command::Backup(command) => devices::backup(context, command),
        Command::Serve(_)
        | Command::Keystore(_)
        | Command::Doctor(_)
        | Command::Rehearse(_)
        | Command::Unlock(_)
        | Command::Lock(_)
        | Command::Settings(_)
        | Command::Init(_)
        | Command::Completions(_)
        | Command::Man(_)
        | Command::ClearClipboard(_) => Ok(Outcome::Done),
    }
}

/// Shows what came out, and chooses the exit code.
fn finish(context: &Context<'_>, outcome: Outcome, show: Show, hardened: process::Hardened) -> Result<ExitCode, Error> {
    let now = context.clock.now();
    let mut code = ExitCode::SUCCESS;
    let reminds = matches!(outcome, Outcome::Profiles(_) | Outcome::Devices(_)) && !show.json;
    let shown = match outcome {
        Outcome::Done => Ok(()),
        Outcome::Line(line) => render::print(&format!("{line}\n")),
        Outcome::RemoteDevices(rows) => render::remote_devices(&rows, show.json),
        Outcome::Profiles(rows) => profiles::profiles(&rows, show.json, now),
        Outcome::Sessions(rows) => status::sessions(&rows, show.json, show.colour, now),
        Outcome::Whoami(whoami) => render::whoami(&whoami, show.json, now),
        Outcome::Plan(plan) => explain::plan(&plan, show.json),
        Outcome::Devices(devices) => render::devices(&devices, show.json),
        Outcome::Device(name, entry) => render::device(&name, &entry, show.json),
        Outcome::Code { name, serial_number, code, valid_until, counter } => {
            render::code(&name, serial_number.as_ref(), &code, valid_until, counter, show.json)
        }
        Outcome::ConsecutiveCodes { name, serial_number, codes, valid_until } => {
            let format = (!show.json).then_some(show.codes);
            render::consecutive_codes(&name, serial_number.as_ref(), &codes, valid_until, format)
        }
        Outcome::Credentials { credentials, profile, region, account_id } => {
            let (region, account_id) = (region.as_deref(), account_id.as_deref());
            let details =
                ExportDetails { profile: profile.as_str(), names_profile: show.for_shell, region, account_id };
            render::print_secret(&credentials.export(show.export.into(), details)?)
        }
        Outcome::QrCode(_) if !show.force && !std::io::stdout().is_terminal() => return Err(Error::NotATerminal),
        Outcome::QrCodes(_) if !show.force && !std::io::stdout().is_terminal() => return Err(Error::NotATerminal),
        Outcome::QrCodes(codes) => qr_codes::in_turn(context, &codes)?,
        Outcome::QrCode(text) => {
            qr_codes::check_room(&text)?;
            render::print_secret(&text)
        }
        Outcome::Secret(text) => render::print_secret(&text),
        Outcome::SecretFiles { files, overwrite } => {
            if !overwrite {
                // Before the first seed stands in the clear.
                files.iter().try_for_each(|(path, _)| atomic_file::check_new_file(path))?;
            }
            for (path, content) in &files {
                atomic_file::write_user_file(path, content.expose(), overwrite)?;
                context.prompt.say(&format!("wrote {}", path.display()));
            }
            Ok(())
        }
        Outcome::Comparison(comparison) => {
            if !comparison.is_alike() {
                code = ExitCode::FAILURE;
            }
            render::comparison(&comparison, show.json)
        }
        Outcome::Findings(findings) => {
            let (is_wrong, shown) = doctor::findings(&findings, show.json, report::Colour::for_output(show.colour));
            if is_wrong {
                code = ExitCode::FAILURE;
            }
            shown
        }
        Outcome::AuditLog(lines) => audit::log(&lines, show.json),
        Outcome::AuditVerdict(verdict, earlier) => {
            audit::verdict(&verdict, &earlier, show.json).map(|verdict| code = verdict)
        }
        Outcome::Report(report) => {
            if !report.failed.is_empty() {
                code = ExitCode::FAILURE;
            }
            credential_report::show(&report, show.csv, show.json, show.colour)
        }
        Outcome::Text(text) => render::print(&text),
        Outcome::Launch(launch) => {
            let status = process::launch(&launch, &hardened)?;
            return Ok(ExitCode::from(u8::try_from(status & 0xff).unwrap_or(EXEC_FAILED)));
        }
    };
    shown.map_err(|source| Error::Io { action: "write to standard output", source })?;
    if reminds {
        keystore_commands::say_what_is_elsewhere(context);
    }
    let not_backed_up = if reminds { commands::list::not_backed_up(context)? } else { Vec::new() };
    if !not_backed_up.is_empty() {
        context.prompt.say(&report::no_backup_of(&not_backed_up));
    }
    Ok(code)
}

fn session_request(context: &Context<'_>, arguments: args::SessionArgs) -> Result<SessionRequest, Error> {
    let document = arguments.policy.as_deref().map(policy_document).transpose()?;
    let arns = arguments.policy_arn;
    Ok(SessionRequest {
        session_policy: SessionPolicy { document, arns },
        for_console: false,
        profile: context.profile_or_default(arguments.profile),
        duration: arguments.duration,
        no_session: arguments.no_session,
        region: arguments.region,
        mfa_code: arguments.mfa_code,
        min_ttl: arguments.min_ttl.unwrap_or(SessionRequest::MIN_TTL),
        refresh: arguments.refresh,
    })
}

fn key_source(arguments: &args::KeySourceArgs) -> Result<commands::add::From, Error> {
    use commands::add::From;
    Ok(match (arguments.env, arguments.stdin, &arguments.csv, arguments.from_credentials_file) {
        (true, ..) => From::Environment,
        (_, true, ..) => From::Lines(read_stdin()?),
        (_, _, Some(path), _) => From::Csv(read_text(path)?),
        (_, _, _, true) => From::CredentialsFile,
        _ => From::Prompt,
    })
}
