//! A question in a window, by the desktop's pinentry, where there is no terminal: the Assuan protocol over its standard
//! input and output (GnuPG: "The Assuan Protocol", "The Pinentry protocol"). Only yes or no, never a secret.
//!
//! The program is looked for in the system's folders only, never along PATH. It is not told of any terminal, so that a
//! pinentry without a display fails instead of writing to one.

use std::{
    ffi::OsString,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use super::PromptError;

const FOLDERS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
const NAMES: [&str; 5] = ["pinentry-gnome3", "pinentry-qt", "pinentry-gtk-2", "pinentry-mac", "pinentry"];
const TITLE: &str = "mfavault";
/// How long a person has to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much longer a pinentry has to end by itself.
const GRACE: Duration = Duration::from_secs(3);
/// Far above everything a pinentry says for one question.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Codes of libgpg-error, the lower 16 bits of what a pinentry gives: the person said no, closed the window, or let the
/// time go by.
const NOT_CONFIRMED: u32 = 114;
const CANCELED: u32 = 99;
const TIMEOUT: u32 = 62;

/// Shows a question in a window, by a program that is looked for when there is a question.
pub struct Dialog {
    folders: Vec<PathBuf>,
    environment: Vec<(OsString, OsString)>,
    patience: Duration,
}

/// Why there is no answer.
enum Failure {
    /// There is none.
    NoProgram,
    /// In time.
    NoAnswer,
    /// It did not start, ended, or said something else than the protocol has.
    Io(io::Error),
    /// It said that it cannot.
    Refused,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Io(error)
    }
}

impl Dialog {
    /// By the system's pinentry. `environment` is all it gets; the display is to be in there.
    pub fn new(environment: Vec<(OsString, OsString)>) -> Self {
        Self::in_folders(FOLDERS.map(PathBuf::from).into(), environment, PATIENCE)
    }

    /// As [`Dialog::new`], by the pinentry of these folders, where a person has this time to answer.
    pub fn in_folders(folders: Vec<PathBuf>, environment: Vec<(OsString, OsString)>, patience: Duration) -> Self {
        Dialog { folders, environment, patience }
    }

    /// Asks, and gives the answer.
    ///
    /// # Errors
    /// If there is no answer, then `NoTerminal` with the reason.
    pub fn agree(&self, question: &str, instead: &str) -> Result<bool, PromptError> {
        self.ask(question).map_err(|failure| {
            let reason = match failure {
                Failure::NoProgram => "no terminal, and no pinentry for a dialog",
                Failure::NoAnswer => "no terminal, and nobody answered the dialog in time",
                Failure::Refused => "no terminal, and the dialog program cannot show a dialog",
                Failure::Io(error) => {
                    log::debug!("the dialog program failed: {error}");
                    "no terminal, and the dialog program failed"
                }
            };
            PromptError::NoTerminal { question: question.to_owned(), reason, instead: instead.to_owned() }
        })
    }

    /// By the first program that can: one that is made for another desktop says that it cannot, or ends.
    fn ask(&self, question: &str) -> Result<bool, Failure> {
        let deadline = Instant::now() + self.patience + GRACE;
        let files = NAMES.iter().flat_map(|name| self.folders.iter().map(move |folder| folder.join(name)));
        let mut failure = Failure::NoProgram;
        for program in files.filter(|path| path.is_absolute() && path.is_file()) {
            match self.ask_by(&program, question, deadline) {
                Err(error @ (Failure::Refused | Failure::Io(_))) => {
                    log::debug!("{} shows no dialog", program.display());
                    failure = error;
                }
                answer => return answer,
            }
        }
        Err(failure)
    }

    fn ask_by(&self, program: &Path, question: &str, deadline: Instant) -> Result<bool, Failure> {
        log::debug!("asking by {}", program.display());
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut pinentry = Pinentry::new(child, deadline)?;
        pinentry.answer()?.must_be_ok()?;
        // Old ones know no time-out; then ours ends it.
        let seconds = self.patience.as_secs().max(1);
        let _ = pinentry.tell(&format!("SETTIMEOUT {seconds}"))?;
        for (name, value) in &self.environment {
            if let (Some("DISPLAY"), Some(display)) = (name.to_str(), value.to_str()) {
                let _ = pinentry.tell(&format!("OPTION display={}", escaped(display)))?;
            }
        }
        for (command, text) in [("SETTITLE", TITLE), ("SETDESC", question), ("SETOK", "Yes"), ("SETCANCEL", "No")] {
            pinentry.tell(&format!("{command} {}", escaped(text)))?.must_be_ok()?;
        }
        match pinentry.tell("CONFIRM")? {
            Answer::Ok => Ok(true),
            Answer::Error(NOT_CONFIRMED | CANCELED) => Ok(false),
            Answer::Error(TIMEOUT) => Err(Failure::NoAnswer),
            Answer::Error(_) => Err(Failure::Refused),
        }
    }
}

/// What a pinentry says to a command.
enum Answer {
    Ok,
    /// The code, without where it comes from.
    Error(u32),
}

impl Answer {
    fn must_be_ok(self) -> Result<(), Failure> {
        match self {
            Answer::Ok => Ok(()),
            Answer::Error(_) => Err(Failure::Refused),
        }
    }
}

/// A pinentry that runs; ended when dropped.
struct Pinentry {
    child: Child,
    lines: Receiver<io::Result<String>>,
    deadline: Instant,
}

impl Pinentry {
    fn new(mut child: Child, deadline: Instant) -> io::Result<Self> {
        let stdout = child.stdout.take().map(|stdout| stdout.take(MAX_ANSWER_BYTES));
        let (sender, lines) = mpsc::channel();
        // A pipe has no time-outs. The thread ends with the pinentry, which is ended below.
        let pinentry = Pinentry { child, lines, deadline };
        thread::Builder::new().name("dialog".to_owned()).spawn(move || {
            for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        })?;
        Ok(pinentry)
    }

    fn tell(&mut self, line: &str) -> Result<Answer, Failure> {
        let stdin = self.child.stdin.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        // One write, so that a pinentry that went away is an error once.
        stdin.write_all(format!("{line}\n").as_bytes())?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Answer, Failure> {
        loop {
            let line = match self.lines.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => line?,
                Err(RecvTimeoutError::Timeout) => return Err(Failure::NoAnswer),
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            };
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("OK") => return Ok(Answer::Ok),
                Some("ERR") => {
                    let code = words.next().and_then(|code| code.parse::<u32>().ok());
                    return Ok(Answer::Error(code.unwrap_or_default() & 0xffff));
                }
                // Comments, status and data.
                Some("#" | "S" | "D") | None => {}
                Some(word) if word.starts_with('#') => {}
                Some(_) => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
            }
        }
    }
}

impl Drop for Pinentry {
    fn drop(&mut self) {
        // At the end of its input it ends by itself; one that does not is not waited for.
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A text as it may stand in a line of Assuan: what would end the line, and the percent sign, escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '%' => escaped.push_str("%25"),
            '\r' => escaped.push_str("%0D"),
            '\n' => escaped.push_str("%0A"),
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    /// A pinentry by script: `answers` is what it says to CONFIRM. What it is told and has in its environment it writes down.
    struct Fake(tempfile::TempDir);

    impl Fake {
        fn new(name: &str, answers: &str) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let script = format!(
                "#!/bin/sh\ncd '{0}'\nenv > environment\necho '# begin'\necho 'OK Pleased to meet you'\n\
                 while read -r line; do\n printf '%s\\n' \"$line\" >> told\n case $line in\n \
                 CONFIRM*) {answers} ;;\n SETTIMEOUT*|OPTION*) echo 'ERR 83886254 Unknown option <Pinentry>' ;;\n \
                 *) echo 'OK' ;;\n esac\ndone\n",
                folder.path().display()
            );
            fs::write(folder.path().join(name), script).expect("written");
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o700)).expect("executable");
            Fake(folder)
        }

        fn dialog(&self) -> Dialog {
            let variable = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
            let environment = vec![variable("DISPLAY", ":7"), variable("PATH", "/usr/bin:/bin")];
            Dialog::in_folders(vec![self.0.path().to_owned()], environment, Duration::from_secs(20))
        }

        fn text(&self, file: &str) -> String {
            fs::read_to_string(self.0.path().join(file)).unwrap_or_default()
        }
    }

    fn reason(answer: Result<bool, PromptError>) -> &'static str {
        match answer {
            Err(PromptError::NoTerminal { question, reason, instead }) => {
                assert_eq!((question.as_str(), instead.as_str()), ("Sure?", "--yes"));
                reason
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_question_is_shown_as_it_is_and_answered() {
        for (answers, expected) in [
            ("echo OK", true),
            ("echo 'S BUTTON_INFO close'; echo OK", true),
            ("echo 'ERR 83886194 Not confirmed <Pinentry>'", false),
            ("echo 'ERR 83886179 Operation cancelled <Pinentry>'", false),
        ] {
            let fake = Fake::new("pinentry-qt", answers);
            let answer = fake.dialog().agree("100% \"sure\"\nof `älice`?", "--yes");
            assert_eq!(answer.expect("an answer"), expected, "{answers}");
            assert!(fake.text("told").contains("SETDESC 100%25 \"sure\"%0Aof `älice`?\n"), "{}", fake.text("told"));
            assert!(fake.text("told").contains("OPTION display=:7\n") && !fake.text("told").contains("tty"));
            let environment = fake.text("environment");
            assert!(environment.contains("DISPLAY=:7") && !environment.contains("HOME="), "{environment}");
        }
    }

    #[test]
    fn what_a_dialog_cannot_do_is_told_apart() {
        let failed = "no terminal, and the dialog program failed";
        for (answers, expected) in [
            ("echo 'ERR 83886142 Timeout <Pinentry>'", "no terminal, and nobody answered the dialog in time"),
            (
                "echo 'ERR 83918950 Inappropriate ioctl <Pinentry>'",
                "no terminal, and the dialog program cannot show a dialog",
            ),
            ("exit 1", failed),
            ("echo 'INQUIRE PASSPHRASE'", failed),
            ("yes '# endless'", failed),
            ("head -c 1000000 /dev/zero", failed),
        ] {
            let fake = Fake::new("pinentry", answers);
            assert_eq!(reason(fake.dialog().agree("Sure?", "--yes")), expected, "{answers}");
        }
        let nowhere = Dialog::in_folders(vec!["/nowhere".into()], Vec::new(), Duration::from_secs(1));
        assert_eq!(reason(nowhere.agree("Sure?", "--yes")), "no terminal, and no pinentry for a dialog");
    }

    #[test]
    fn a_pinentry_of_another_desktop_is_passed_over_and_an_answer_is_not_asked_for_again() {
        let fake = Fake::new("pinentry-qt", "echo 'ERR 83886179 Operation cancelled <Pinentry>'");
        let second = Fake::new("pinentry", "echo OK");
        for (name, script) in [("pinentry-gnome3", "#!/bin/sh\nexit 1\n"), ("pinentry-mac", "no program")] {
            fs::write(fake.0.path().join(name), script).expect("written");
            fs::set_permissions(fake.0.path().join(name), fs::Permissions::from_mode(0o700)).expect("executable");
        }
        let folders = vec![fake.0.path().to_owned(), second.0.path().to_owned()];
        let environment = || fake.dialog().environment;
        let dialog = Dialog::in_folders(folders, environment(), Duration::from_secs(20));
        assert!(!dialog.agree("Sure?", "--yes").expect("an answer"));
        assert_eq!(second.text("told"), "");
        fs::remove_file(fake.0.path().join("pinentry-qt")).expect("removed");
        assert!(dialog.agree("Sure?", "--yes").expect("an answer"), "by the only one left that can");
    }

    #[test]
    fn a_pinentry_that_never_answers_is_ended_in_time() {
        let fake = Fake::new("pinentry", "echo $$ > pid; exec tail -f /dev/null");
        let dialog = Dialog { patience: Duration::ZERO, ..fake.dialog() };
        assert_eq!(reason(dialog.agree("Sure?", "--yes")), "no terminal, and nobody answered the dialog in time");
        let id = rustix::process::Pid::from_raw(fake.text("pid").trim().parse().expect("an ID")).expect("an ID");
        assert!(rustix::process::test_kill_process(id).is_err(), "it still runs");
    }

    #[test]
    fn a_pinentry_is_taken_from_the_given_folders_only() {
        let fake = Fake::new("pinentry", "echo OK");
        let path = vec![(OsString::from("PATH"), fake.0.path().as_os_str().to_owned())];
        for folder in ["", ".", "relative"] {
            let dialog = Dialog::in_folders(vec![folder.into()], path.clone(), Duration::from_secs(1));
            assert_eq!(reason(dialog.agree("Sure?", "--yes")), "no terminal, and no pinentry for a dialog");
        }
        assert_eq!(fake.text("told"), "");
        assert!(FOLDERS.iter().all(|folder| folder.starts_with('/')));
    }
}
