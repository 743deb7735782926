//! `serve` and `exec --server`: the server runs in this thread, whatever ends it tells from another.

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::{Arc, mpsc},
    time::Duration,
};

use super::{
    EXEC_FAILED,
    args::{ExecArgs, ServeArgs, SessionArgs},
    report,
};
use crate::{
    clock::SystemClock,
    commands::{
        Context, Error,
        exec::{Found, launch_with_server},
        serve::{self, CredentialServer, SERVER_MIN_TTL},
    },
    process::{self, EndSignal, Hardened},
};

/// How long the server may take to end once the command has, in the midst of a call to AWS.
const GRACE: Duration = Duration::from_secs(1);

/// Prints where the credentials are, and hands them out until a signal comes.
///
/// # Errors
/// As [`CredentialServer::start`]; if standard output cannot be written, then `Io`.
pub(super) fn run(context: &Context<'_>, arguments: ServeArgs) -> Result<ExitCode, Error> {
    let mut server = start(context, arguments.session)?;
    let (sender, signals) = mpsc::channel();
    let stopper = server.stopper();
    process::on_end_signal(move |signal| {
        // Both are there as long as the server is.
        let _ = sender.send(signal);
        stopper.stop();
    })
    .map_err(|source| Error::Io { action: "listen for signals", source })?;
    context.prompt.release_signals();
    let format: crate::credentials::ExportFormat = arguments.format.into();
    let text = format.variables(&server.variables())?;
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.expose().as_bytes()).and_then(|()| stdout.flush());
    written.map_err(|source| Error::Io { action: "write to standard output", source })?;
    drop(stdout);
    context.prompt.say(&format!("serving the credentials of `{}`; Ctrl-C ends it", server.profile()));
    server.serve();
    Ok(match signals.try_recv() {
        Ok(EndSignal::Interrupt) => ExitCode::from(report::INTERRUPTED),
        Ok(EndSignal::Terminate) | Err(_) => ExitCode::SUCCESS,
    })
}

/// Hands the credentials out as long as a command runs; its status is ours.
///
/// # Errors
/// If the command is not there or cannot be executed, then `Launch`, before AWS is asked; else as
/// [`CredentialServer::start`].
pub(super) fn exec(context: &Context<'_>, arguments: ExecArgs, hardened: Hardened) -> Result<ExitCode, Error> {
    let found = Found::find(context, arguments.command)?;
    let mut server = start(context, arguments.session)?;
    let launch = launch_with_server(context, &server, found);
    context.prompt.release_signals();
    let (sender, ended) = mpsc::channel();
    let stopper = server.stopper();
    let wait = move || {
        let status = process::run(&launch, &hardened);
        let code = status.as_ref().copied().unwrap_or(i32::from(EXEC_FAILED));
        // Both are there as long as the server is.
        let _ = sender.send(status);
        stopper.stop();
        std::thread::park_timeout(GRACE);
        #[allow(clippy::disallowed_methods, reason = "nobody needs any more what the main thread still asks AWS for")]
        std::process::exit(code);
    };
    let thread = std::thread::Builder::new().name("command".to_owned()).spawn(wait);
    thread.map_err(|source| Error::Io { action: "start a thread", source })?;
    server.serve();
    let gone = || Error::Io { action: "wait for the command", source: io::Error::other("its thread is gone") };
    let status = ended.recv().map_err(|_| gone())??;
    Ok(ExitCode::from(u8::try_from(status & 0xff).unwrap_or(EXEC_FAILED)))
}

fn start<'a>(context: &'a Context<'a>, arguments: SessionArgs) -> Result<CredentialServer<'a>, Error> {
    let asked = arguments.min_ttl;
    let mut request = super::session_request(context, arguments)?;
    request.min_ttl = asked.unwrap_or(SERVER_MIN_TTL);
    let server = CredentialServer::start(context, request, Arc::new(SystemClock))?;
    // A convenience only: what hinders it hinders nothing else.
    let _ = context.vault.note_use(server.profile());
    if let Some(rival) = serve::rival(context)? {
        context.prompt.say(&format!(
            "note: the AWS CLI and SDKs take what `{}` in [default] says before they ask this server: {}",
            rival.key, rival.place
        ));
        context
            .prompt
            .say("hint: give that profile another name, or set AWS_PROFILE to one without credentials where they run");
    }
    Ok(server)
}
