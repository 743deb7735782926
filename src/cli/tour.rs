//! The tour of the rehearsal: the whole story, each command shown with its output and what just happened.
//!
//! Every command is this very program, run as a person would run it. The tour fails with the first that does not do
//! what it should.

use std::{
    ffi::OsString,
    io::{self, IsTerminal, Write},
    process::{Command, ExitCode, Output, Stdio},
};

use super::rehearse::{PROFILE, Stage, USER};
use crate::{commands::Error, environment};

/// How many processes ask at once for the same session.
const CROWD: usize = 16;

pub(super) fn run(stage: &Stage, inherited: &[(OsString, OsString)]) -> Result<ExitCode, Error> {
    let tour = Tour {
        stage,
        environment: stage.environment(inherited),
        colour: io::stdout().is_terminal() && !environment::wants_no_colour(),
    };
    tour.tell(
        "A rehearsal of everything, against a strict stand-in of AWS on this machine. Nothing of yours is touched.\n",
    )?;
    tour.keep_the_key()?;
    tour.enable_a_device()?;
    tour.run_commands()?;
    tour.serve_an_sdk()?;
    tour.back_up_and_restore()?;
    tour.serve_a_crowd()?;
    tour.tell(
        "\nThat was the whole story, and every step of it held.\nYour turn: `mfavault rehearse` on a terminal \
               gives you a shell in such a world; `mfavault add` begins with your own.\n",
    )?;
    Ok(ExitCode::SUCCESS)
}

struct Tour<'a> {
    stage: &'a Stage,
    environment: Vec<(OsString, OsString)>,
    colour: bool,
}

impl Tour<'_> {
    fn keep_the_key(&self) -> Result<(), Error> {
        self.chapter("1. The access key goes into the vault")?;
        self.show(&["add", PROFILE, "--from-credentials-file"])?;
        let left = std::fs::read_to_string(self.stage.path("credentials")).unwrap_or_default();
        self.held(!left.contains(&format!("[{PROFILE}]")), "the key left the plain file")?;
        self.tell("The key was checked with GetCallerIdentity, encrypted, read back, and only then taken out of the plain file.")
    }

    fn enable_a_device(&self) -> Result<(), Error> {
        self.chapter("2. Without MFA, the policy denies nearly everything")?;
        self.show_refused(
            &["exec", PROFILE, "--no-session", "--", "mfavault", "rehearse", "--list-users"],
            "explicit deny",
        )?;
        self.chapter("3. A virtual MFA device, in one command")?;
        self.show(&["mfa", "enable", PROFILE])?;
        self.tell(
            "The seed was stored and read back before AWS was told to demand its codes. The codes of the previous and \
                   the current half minute made it work at once; the next one proved it with a real GetSessionToken.",
        )
    }

    fn run_commands(&self) -> Result<(), Error> {
        self.chapter("4. The same command, now with MFA")?;
        let calls = self.calls("GetSessionToken");
        self.show(&["exec", PROFILE, "--", "mfavault", "rehearse", "--list-users"])?;
        self.held(self.calls("GetSessionToken") == calls, "the session was taken from the vault")?;
        self.tell("No digits typed and no call to STS: the session of the proof was remembered, encrypted.")
    }

    fn serve_an_sdk(&self) -> Result<(), Error> {
        self.chapter("5. Every AWS SDK gets its credentials from here")?;
        self.show(&["setup", PROFILE, "--yes"])?;
        let output = self.capture(&["credential-process", PROFILE])?;
        let document: serde_json::Value =
            serde_json::from_slice(&output.stdout).map_err(|error| failed(&format!("credential-process: {error}")))?;
        let shown = serde_json::json!({
            "Version": document["Version"],
            "AccessKeyId": document["AccessKeyId"],
            "SecretAccessKey": "(not shown)",
            "SessionToken": "(not shown)",
            "Expiration": document["Expiration"],
        });
        self.print(&format!("{shown}\n"))?;
        self.held(document["Version"] == 1 && document["SessionToken"].is_string(), "the document is complete")?;
        self.tell(
            "That line in the AWS config is all an SDK needs: plain `aws`, Terraform and boto3 ask for this document.",
        )
    }

    fn back_up_and_restore(&self) -> Result<(), Error> {
        self.chapter("6. A backup that is proven, and a restore that is real")?;
        let passphrase = self.stage.path("passphrase");
        std::fs::write(&passphrase, "correct horse battery staple\n").map_err(|error| failed(&error.to_string()))?;
        self.show(&["backup", "create", "mfa.age", "--passphrase-file", "passphrase"])?;
        self.show(&["backup", "verify", "mfa.age", "--passphrase-file", "passphrase"])?;
        self.show(&["mfa", "remove", USER, "--force"])?;
        self.show_refused(&["code", PROFILE], "no MFA device")?;
        self.show(&["backup", "restore", "mfa.age", "--passphrase-file", "passphrase", "--yes"])?;
        self.tell(
            "The file is in the age format: the `age` tool opens it too. The ledger of spent codes was not rewound.",
        )
    }

    fn serve_a_crowd(&self) -> Result<(), Error> {
        self.chapter("7. Many at once: one code, one call")?;
        self.show(&["clear"])?;
        let calls = self.calls("GetSessionToken");
        self.command_line(&["credential-process", PROFILE], &format!("   ({CROWD} at the same time)"))?;
        let start = |place| {
            let mut command = self.command(&["credential-process", PROFILE]);
            // All wait for the same thing: one that says so is enough.
            let talk = if place == 0 { own_stdout()? } else { Stdio::null() };
            let started = command.stdout(Stdio::piped()).stderr(talk).spawn();
            started.map_err(|error| failed(&error.to_string()))
        };
        let mut answers = Vec::new();
        for child in (0..CROWD).map(start).collect::<Result<Vec<_>, Error>>()? {
            answers.push(child.wait_with_output().map_err(|error| failed(&error.to_string()))?);
        }
        let alike = answers.iter().all(|answer| answer.status.success() && answer.stdout == answers[0].stdout);
        self.held(alike, "all were given the same session")?;
        self.held(self.calls("GetSessionToken") == calls + 1, "STS was asked once")?;
        let refused =
            self.stage.aws.requests().iter().filter(|request| request.with_code && request.status >= 400).count();
        self.held(refused == 0, "no code was ever refused")
    }

    fn calls(&self, action: &str) -> usize {
        self.stage.aws.requests().iter().filter(|request| request.action == action).count()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        // The very file that runs, also if it was replaced meanwhile.
        let program = std::env::current_exe().unwrap_or_else(|_| "mfavault".into());
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.stage.path(".")).stdin(Stdio::null());
        command
    }

    /// Shows a command line and runs it, its output for all to see.
    fn show(&self, arguments: &[&str]) -> Result<(), Error> {
        self.command_line(arguments, "")?;
        let status =
            self.command(arguments).stderr(own_stdout()?).status().map_err(|error| failed(&error.to_string()))?;
        self.check(status.success(), &format!("`mfavault {}` ended with {status}", arguments.join(" ")))
    }

    /// Shows a command that is to be refused, and checks the reason.
    fn show_refused(&self, arguments: &[&str], reason: &str) -> Result<(), Error> {
        self.command_line(arguments, "")?;
        let output = self.command(arguments).output().map_err(|error| failed(&error.to_string()))?;
        let talk = String::from_utf8_lossy(&output.stderr);
        self.print(&talk)?;
        self.check(!output.status.success() && talk.contains(reason), "a command was to be refused, and was not")
    }

    fn capture(&self, arguments: &[&str]) -> Result<Output, Error> {
        self.command_line(arguments, "")?;
        let output = self.command(arguments).output().map_err(|error| failed(&error.to_string()))?;
        self.check(output.status.success(), &String::from_utf8_lossy(&output.stderr))?;
        Ok(output)
    }

    fn command_line(&self, arguments: &[&str], remark: &str) -> Result<(), Error> {
        let line = format!("$ mfavault {}", arguments.join(" "));
        self.print(&format!("\n{}{remark}\n", self.paint("1;32", &line)))
    }

    fn chapter(&self, title: &str) -> Result<(), Error> {
        self.print(&format!("\n{}\n", self.paint("1;33", title)))
    }

    fn tell(&self, text: &str) -> Result<(), Error> {
        self.print(&format!("{}\n", self.paint("36", &text.lines().map(wrapped).collect::<Vec<_>>().join("\n"))))
    }

    /// Says what held, or ends the tour.
    fn held(&self, holds: bool, what: &str) -> Result<(), Error> {
        self.check(holds, &format!("it does not hold that {what}"))?;
        self.print(&format!("{} {what}\n", self.paint("32", "held:")))
    }

    fn check(&self, holds: bool, reason: &str) -> Result<(), Error> {
        if holds { Ok(()) } else { Err(failed(reason)) }
    }

    fn print(&self, text: &str) -> Result<(), Error> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        written.map_err(|source| Error::Io { action: "write to standard output", source })
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Breaks lines between words, so that a story reads well on a terminal of any width from 80 columns on.
fn wrapped(line: &str) -> String {
    let (mut broken, mut column) = (String::with_capacity(line.len()), 0);
    for word in line.split(' ') {
        let width = word.chars().count();
        match column {
            0 => {}
            _ if column + 1 + width > 79 => {
                broken.push('\n');
                column = 0;
            }
            _ => {
                broken.push(' ');
                column += 1;
            }
        }
        broken.push_str(word);
        column += width;
    }
    broken
}

/// Talk and data in one stream, in the order they come: the tour is a story, also in a file.
fn own_stdout() -> Result<Stdio, Error> {
    #[cfg(unix)]
    let own = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned();
    #[cfg(windows)]
    let own = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned();
    own.map(Stdio::from).map_err(|error| failed(&error.to_string()))
}

fn failed(reason: &str) -> Error {
    Error::Rehearsal { reason: reason.trim().to_owned() }
}
