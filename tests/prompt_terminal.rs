//! Questions on a real pseudo-terminal.
//!
//! Each test runs this test binary again, with [`child`] as its only test, as the process that asks. Its answer comes
//! back in a file, since stdout, stderr and stdin are what the tests put in its way.
#![cfg(unix)]

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use mfavault::prompt::{Prompt, PromptError, TerminalPrompt};
use rexpect::session::{PtySession, spawn_command};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const QUESTION: &str = "MFAVAULT_TEST_QUESTION";
const FOLDER: &str = "MFAVAULT_TEST_FOLDER";

/// Not a test: the process that asks, if the environment says what.
#[test]
#[allow(clippy::disallowed_methods, reason = "the environment is how a test binary is told what to do")]
fn child() {
    let (Ok(question), Some(folder)) = (env::var(QUESTION), env::var_os(FOLDER)) else { return };
    let folder = PathBuf::from(folder);
    std::fs::write(folder.join("pid"), std::process::id().to_string()).expect("written");
    let prompt = TerminalPrompt::new(false);
    let answer = match question.as_str() {
        "secret" => show(prompt.secret("Pass\x1b[2Jphrase", "--stdin").map(|secret| secret.expose().clone())),
        "line" => show(prompt.line("Name", "--name")),
        "confirm" => show(prompt.confirm("Sure?", "--yes")),
        "twice" => show(prompt.line("First", "--first")) + " " + &show(prompt.line("Second", "--second")),
        "then signal" => {
            show(prompt.line("First", "--first"));
            kill_process(rustix::process::getpid(), Signal::TERM).expect("sent");
            std::thread::park_timeout(Duration::from_millis(300));
            "survived".to_owned()
        }
        "then released" => {
            let before = show(prompt.line("First", "--first"));
            prompt.release_signals();
            for signal in [Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP] {
                kill_process(rustix::process::getpid(), signal).expect("sent");
            }
            before + ", then " + &show(prompt.line("Second", "--second"))
        }
        "countdown" => {
            prompt.countdown("waiting for the next code", Duration::from_millis(16_500), &|| {
                let _ = prompt.line("Stop", "");
            });
            "waited".to_owned()
        }
        "say" => {
            prompt.say("done\x1b[2J\nreally");
            "said".to_owned()
        }
        other => panic!("no question `{other}`"),
    };
    std::fs::write(folder.join("answer"), answer).expect("written");
}

fn show<T: std::fmt::Display>(answer: Result<T, PromptError>) -> String {
    match answer {
        Ok(answer) => format!("answer {answer}"),
        Err(PromptError::NoTerminal { question, reason, instead }) => format!("{reason}: {question}, {instead}"),
        Err(PromptError::Interrupted) => "interrupted".to_owned(),
        Err(PromptError::Io(error)) => format!("failed: {error}"),
    }
}

struct Asking {
    terminal: PtySession,
    folder: TempDir,
}

impl Asking {
    /// Runs the child on a terminal that echoes, and then `stty -a`, with a shell's redirections around the child.
    fn start(question: &str, redirections: &str) -> Self {
        Self::start_after("stty echo", question, redirections)
    }

    fn start_after(stty: &str, question: &str, redirections: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{stty}; \"$@\" {redirections}; echo \"status $?\"; stty -a; echo over"), "sh"]);
        command.args(this_binary(question, folder.path()));
        command.current_dir(&folder);
        Asking { terminal: spawn_command(command, Some(20_000)).expect("a terminal"), folder }
    }

    fn sees(&mut self, text: &str) -> String {
        self.terminal.exp_string(text).unwrap_or_else(|error| panic!("no {text:?}: {error}"))
    }

    fn types(&mut self, line: &str) {
        self.terminal.send_line(line).expect("typed");
    }

    /// What the terminal showed to the end, and the answer the child wrote.
    fn end(mut self) -> (String, String) {
        let shown = self.sees("over\r\n");
        (shown, file(self.folder.path(), "answer"))
    }
}

fn this_binary(question: &str, folder: &Path) -> Vec<String> {
    let binary = env::current_exe().expect("this binary").display().to_string();
    let name = format!("{}::child", module_path!().split_once("::").expect("a module").1);
    let variables = [format!("{QUESTION}={question}"), format!("{FOLDER}={}", folder.display())];
    let arguments = [binary, "--exact".to_owned(), name, "--nocapture".to_owned(), "--quiet".to_owned()];
    ["env".to_owned()].into_iter().chain(variables).chain(arguments).collect()
}

fn file(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap_or_default()
}

fn echoes(stty: &str) -> bool {
    ["echo", "isig"].iter().all(|mode| stty.split_whitespace().any(|word| word == *mode))
}

#[test]
fn a_secret_is_read_and_never_shown() {
    let mut asking = Asking::start("secret", "");
    asking.sees("Pass[2Jphrase: ");
    asking.types("tr0ub4dor & 3 ");
    let (shown, answer) = asking.end();
    assert_eq!(answer, "answer tr0ub4dor & 3 ");
    assert!(!shown.contains("tr0ub"), "{shown}");
    assert!(echoes(&shown), "{shown}");
}

#[test]
fn a_line_is_shown_while_it_is_typed_and_can_be_corrected() {
    let mut asking = Asking::start("line", "");
    asking.sees("Name: ");
    asking.types(" alicf\x7fe ");
    let (shown, answer) = asking.end();
    assert_eq!(answer, "answer alice");
    assert!(shown.contains("alicf"), "{shown}");
}

#[test]
fn a_terminal_that_was_left_raw_can_be_answered_on() {
    let mut asking = Asking::start_after("stty raw -echo", "line", "");
    asking.sees("Name: ");
    asking.terminal.send("alice\r").expect("typed");
    asking.terminal.flush().expect("typed");
    asking.sees("over");
    assert_eq!(file(asking.folder.path(), "answer"), "answer alice");
}

#[test]
fn yes_is_yes_and_nothing_is_no_and_the_rest_is_asked_again() {
    let mut asking = Asking::start("confirm", "");
    asking.sees("Sure? [y/N] ");
    asking.types("perhaps");
    asking.sees("Sure? [y/N] ");
    asking.types("Yes");
    assert_eq!(asking.end().1, "answer true");

    let mut asking = Asking::start("confirm", "");
    asking.sees("Sure? [y/N] ");
    asking.types("");
    assert_eq!(asking.end().1, "answer false");
}

#[test]
fn questions_reach_the_terminal_with_all_three_streams_redirected() {
    let mut asking = Asking::start("secret", "</dev/null >out 2>err");
    asking.sees("Pass[2Jphrase: ");
    asking.types("secret");
    let streams = file(asking.folder.path(), "out") + &file(asking.folder.path(), "err");
    let (shown, answer) = asking.end();
    assert_eq!(answer, "answer secret");
    assert!(!shown.contains("secret"), "{shown}");
    assert!(!streams.contains("phrase"), "{streams}");
}

#[test]
fn ctrl_c_is_an_answer_and_leaves_the_terminal_as_it_was() {
    for question in ["secret", "line"] {
        let mut asking = Asking::start(question, "");
        asking.sees(": ");
        asking.terminal.send("half typed").expect("typed");
        asking.terminal.send_control('c').expect("typed");
        let (shown, answer) = asking.end();
        assert_eq!(answer, "interrupted");
        assert!(echoes(&shown), "{shown}");
    }
}

#[test]
fn the_end_of_the_input_is_an_error() {
    let mut asking = Asking::start("secret", "");
    asking.sees("phrase: ");
    asking.terminal.send_control('d').expect("typed");
    let (shown, answer) = asking.end();
    assert_eq!(answer, "failed: the input ended before the answer");
    assert!(echoes(&shown), "{shown}");
}

#[test]
fn a_signal_ends_the_process_and_leaves_the_terminal_as_it_was() {
    for (signal, status) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let mut asking = Asking::start("secret", "");
        asking.sees("phrase: ");
        kill(&asking, signal);
        asking.sees(&format!("status {status}"));
        let (shown, answer) = asking.end();
        assert_eq!(answer, "");
        assert!(echoes(&shown), "{shown}");
    }
}

#[test]
fn between_questions_signals_end_the_process() {
    let mut asking = Asking::start("then signal", "");
    asking.sees("First: ");
    asking.types("1");
    asking.sees("status 143");
    assert_eq!(asking.end().1, "");
}

#[test]
fn after_the_last_question_signals_are_left_to_others_and_nobody_is_asked() {
    let mut asking = Asking::start("then released", "");
    asking.sees("First: ");
    asking.types("1");
    let (shown, answer) = asking.end();
    assert_eq!(answer, "answer 1, then nobody is asked any more: Second, --second");
    assert!(!shown.contains("Second"), "{shown}");
}

fn kill(asking: &Asking, signal: Signal) {
    let pid = file(asking.folder.path(), "pid").parse().expect("a process id");
    kill_process(Pid::from_raw(pid).expect("a process id"), signal).expect("sent");
}

#[test]
fn two_questions_in_a_row_are_both_answered() {
    let mut asking = Asking::start("twice", "");
    asking.sees("First: ");
    asking.types("1");
    asking.sees("Second: ");
    asking.types("2");
    assert_eq!(asking.end().1, "answer 1 answer 2");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_terminal_a_question_is_an_error_that_names_another_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let status = Command::new("setsid").arg("--wait").args(this_binary("secret", folder.path())).status();
    assert!(status.expect("setsid runs").success());
    assert_eq!(file(folder.path(), "answer"), "no terminal: Pass[2Jphrase, --stdin");
}

#[test]
fn a_countdown_counts_on_a_terminal_and_is_one_line_elsewhere() {
    let mut asking = Asking::start("countdown", "");
    asking.sees("waiting for the next code (17 s)");
    asking.sees("waiting for the next code (16 s)");
    asking.types("");
    assert_eq!(asking.end().1, "waited");

    let mut asking = Asking::start("countdown", "2>err");
    asking.sees("Stop: ");
    asking.types("");
    asking.sees("over");
    assert_eq!(file(asking.folder.path(), "err"), "waiting for the next code (17 s)\n");
}

#[test]
fn what_is_said_is_one_clean_line_on_stderr_and_a_closed_stderr_is_no_error() {
    let mut asking = Asking::start("say", "2>err");
    asking.sees("over");
    assert_eq!(file(asking.folder.path(), "err"), "done[2Jreally\n");
    assert_eq!(Asking::start("say", "2>&-").end().1, "said");
}
