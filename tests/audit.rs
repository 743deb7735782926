//! The audit log: what was done to it shows, whoever did it and wherever; and nothing is done that it cannot take.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use mfavault::vault::{AuditEvent, AuditFault, AuditVerdict, ClosedState, Tampering, Vault};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{memory_keystore::MemoryKeystore, programs};

const CHILD: &str = "audit::child_that_appends";
const ROTATING_CHILD: &str = "audit::child_that_rotates";
const READING_CHILD: &str = "audit::child_that_reads";

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_294_080 + seconds)
}

fn in_vault<T>(folder: &Path, act: impl FnOnce(&Vault<'_>) -> T) -> T {
    let keystore = MemoryKeystore::new();
    act(&Vault::new(&keystore, &folder.join("data"), &folder.join("state")).opened_by("a test".to_owned()))
}

fn append(folder: &Path, device: &str) {
    let event = AuditEvent::CodeMade { device, serial_number: None, purpose: "a test" };
    in_vault(folder, |vault| vault.audit(at(0), &event)).unwrap();
}

fn log(folder: &Path) -> PathBuf {
    folder.join("state/audit.jsonl")
}

fn head(folder: &Path) -> PathBuf {
    folder.join("state/audit.head")
}

/// A log of so many lines.
fn of_lines(count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    (1..=count).for_each(|number| append(folder.path(), &format!("device-{number}")));
    folder
}

fn verdict(folder: &Path) -> AuditVerdict {
    in_vault(folder, |vault| vault.read_audit(&mut |_| ())).unwrap()
}

fn fault(folder: &Path) -> Option<(u64, Tampering)> {
    verdict(folder).fault.map(|AuditFault { line, tampering }| (line, tampering))
}

/// Closes the log; gives the closed one's file.
fn rotate(folder: &Path) -> PathBuf {
    in_vault(folder, |vault| vault.rotate_audit(at(0))).unwrap().0.unwrap()
}

/// The closed logs, newest first: their names, whether they were whole, and how they are.
fn earlier(folder: &Path) -> Vec<(String, bool, ClosedState)> {
    let closed = verdict(folder).closed;
    let earlier = in_vault(folder, |vault| vault.earlier_audit_logs(closed.as_ref())).unwrap();
    earlier
        .into_iter()
        .map(|earlier| (earlier.log.file.unwrap_or_default(), earlier.log.whole, earlier.state))
        .collect()
}

/// Changes the lines of the log.
fn edit(folder: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let mut lines: Vec<String> = fs::read_to_string(log(folder)).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(log(folder), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

#[test]
fn lines_are_tied_to_each_other_by_the_hash_that_sha256sum_gives() {
    let folder = of_lines(3);
    let text = fs::read_to_string(log(folder.path())).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["previous"], "mfavault audit log 1");
    for (index, line) in lines.iter().enumerate() {
        assert_eq!(line["seq"], index + 1);
        assert_eq!(line["event"], "code_made");
        assert_eq!((&line["time"], &line["command"]), (&"2026-11-21T20:48:00Z".into(), &"a test".into()));
        assert_eq!(line["pid"], std::process::id());
    }
    let sum =
        Command::new("sh").arg("-c").arg("sed -n 2p \"$0\" | sha256sum").arg(log(folder.path())).output().unwrap();
    assert!(String::from_utf8(sum.stdout).unwrap().starts_with(lines[2]["previous"].as_str().unwrap()));
    let verdict = verdict(folder.path());
    assert_eq!((verdict.lines, verdict.torn, verdict.fault), (3, false, None));
    let sum =
        Command::new("sh").arg("-c").arg("tail -n 1 \"$0\" | sha256sum").arg(log(folder.path())).output().unwrap();
    assert!(String::from_utf8(sum.stdout).unwrap().starts_with(&verdict.last_hash.unwrap()));
}

#[test]
fn of_a_vault_in_which_nothing_was_done_there_is_nothing_to_say_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let verdict = verdict(folder.path());
    assert_eq!((verdict.lines, verdict.last_hash, verdict.fault), (0, None, None));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_was_done_to_a_line_is_named_by_its_number() {
    use Tampering::{Changed, CutOff, MissingBefore, Moved, NoLine};
    type Edit = fn(&mut Vec<String>);
    let cases: [(&str, Edit, (u64, Tampering)); 17] = [
        ("the first deleted", |lines| drop(lines.remove(0)), (1, MissingBefore(1))),
        ("one deleted", |lines| drop(lines.remove(2)), (3, MissingBefore(1))),
        ("two deleted", |lines| drop(lines.drain(1..3)), (2, MissingBefore(2))),
        ("the last deleted", |lines| drop(lines.pop()), (6, CutOff(1))),
        ("all deleted", |lines| lines.clear(), (1, CutOff(6))),
        ("the first changed", |lines| lines[0] = lines[0].replace("e-1", "e-9"), (1, Changed)),
        ("one changed", |lines| lines[2] = lines[2].replace("e-3", "e-9"), (3, Changed)),
        ("two changed", |lines| lines[2..4].iter_mut().for_each(|line| line.push(' ')), (4, Changed)),
        ("the last but one changed", |lines| lines[4] = lines[4].replace("e-5", "e-9"), (5, Changed)),
        ("the last changed", |lines| lines[5] = lines[5].replace("e-6", "e-9"), (6, Changed)),
        ("a number changed", |lines| lines[2] = lines[2].replace("\"seq\":3", "\"seq\":30"), (3, Changed)),
        ("two swapped", |lines| lines.swap(1, 2), (2, Moved)),
        (
            "one moved to the end",
            |lines| {
                let line = lines.remove(1);
                lines.push(line)
            },
            (2, Moved),
        ),
        ("one doubled", |lines| lines.insert(2, lines[1].clone()), (3, Moved)),
        ("one added", |lines| lines.insert(2, "{}".to_owned()), (3, NoLine)),
        ("an empty one added", |lines| lines.insert(0, String::new()), (1, NoLine)),
        ("one made unreadable", |lines| lines[3] = "\u{1b}[2J".to_owned(), (4, NoLine)),
    ];
    for (case, change, expected) in cases {
        let folder = of_lines(6);
        edit(folder.path(), change);
        assert_eq!(fault(folder.path()), Some(expected.clone()), "{case}");
        // Later lines hide nothing.
        append(folder.path(), "later");
        append(folder.path(), "later still");
        let after = fault(folder.path());
        let expected = match expected {
            // Where it was cut off, what comes next says so.
            (line, CutOff(count)) => (line, MissingBefore(count)),
            expected => expected,
        };
        assert_eq!(after, Some(expected), "{case}, and later lines");
    }
}

#[test]
fn a_log_that_was_cut_off_at_any_byte_is_known_for_it_then_and_later() {
    let whole = of_lines(3);
    let bytes = fs::read(log(whole.path())).unwrap();
    for length in 0..bytes.len() {
        fs::write(log(whole.path()), &bytes[..length]).unwrap();
        let whole_lines = bytes[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
        let found = fault(whole.path());
        assert_eq!(found, Some((whole_lines + 1, Tampering::CutOff(3 - whole_lines))), "{length}");
        if length % 37 == 0 || length == bytes.len() - 1 {
            let head_before = fs::read(head(whole.path())).unwrap();
            append(whole.path(), "later");
            // Where its line feed alone was missing, the last line is whole again; that it was is in the log.
            let expected = (length < bytes.len() - 1).then_some(whole_lines + 1);
            assert_eq!(fault(whole.path()).map(|fault| fault.0), expected, "{length}, and a later line");
            let text = fs::read_to_string(log(whole.path())).unwrap();
            assert!(text.contains("lines were cut off its end"), "{text}");
            fs::write(head(whole.path()), head_before).unwrap();
        }
    }
    fs::remove_file(log(whole.path())).unwrap();
    assert_eq!(fault(whole.path()), Some((1, Tampering::CutOff(3))));
}

#[test]
fn a_head_that_is_gone_or_another_one_shows() {
    let folder = of_lines(3);
    let right = fs::read(head(folder.path())).unwrap();
    for wrong in ["", "{}", "[]", "\u{0}\u{0}", r#"{"version":2,"seq":3,"hash":"x","length":1}"#] {
        fs::write(head(folder.path()), wrong).unwrap();
        assert_eq!(fault(folder.path()), Some((4, Tampering::NoHead)), "{wrong}");
    }
    fs::remove_file(head(folder.path())).unwrap();
    assert_eq!(fault(folder.path()), Some((4, Tampering::NoHead)));
    let other = String::from_utf8(right).unwrap().replace("\"seq\":3", "\"seq\":2");
    fs::write(head(folder.path()), other).unwrap();
    assert_eq!(fault(folder.path()), Some((2, Tampering::Changed)));
    // The next line says it, since the head is good again after it.
    fs::remove_file(head(folder.path())).unwrap();
    append(folder.path(), "later");
    let text = fs::read_to_string(log(folder.path())).unwrap();
    assert!(text.lines().nth(3).unwrap().contains(r#""event":"log_mended","reason":"its head was gone""#), "{text}");
    assert_eq!((fault(folder.path()), verdict(folder.path()).lines), (None, 5));
}

#[test]
fn a_log_that_was_written_anew_shows_by_its_head() {
    let (folder, other) = (of_lines(4), of_lines(4));
    edit(other.path(), |lines| drop(lines.pop()));
    fs::remove_file(head(other.path())).unwrap();
    append(other.path(), "forged");
    fs::copy(log(other.path()), log(folder.path())).unwrap();
    assert_eq!(fault(folder.path()), Some((4, Tampering::Changed)));
}

#[test]
fn what_a_crash_left_is_no_fault_and_the_next_line_goes_on_from_there() {
    let folder = of_lines(2);
    let older_head = fs::read(head(folder.path())).unwrap();
    append(folder.path(), "device-3");
    // Between the line and the head.
    fs::write(head(folder.path()), &older_head).unwrap();
    assert_eq!((fault(folder.path()), verdict(folder.path()).lines), (None, 3));
    append(folder.path(), "device-4");
    assert_eq!((fault(folder.path()), verdict(folder.path()).lines), (None, 4));
    // Within a line.
    let mut bytes = fs::read(log(folder.path())).unwrap();
    bytes.extend(b"{\"seq\":5,\"ti");
    fs::write(log(folder.path()), bytes).unwrap();
    let torn = verdict(folder.path());
    assert_eq!((torn.fault, torn.lines, torn.torn), (None, 4, true));
    append(folder.path(), "device-5");
    let mended = verdict(folder.path());
    assert_eq!((mended.fault, mended.lines, mended.torn), (None, 6, false));
    let text = fs::read_to_string(log(folder.path())).unwrap();
    assert!(text.lines().nth(4).unwrap().contains("log_mended"), "{text}");
    // At the very first line.
    let first = of_lines(1);
    fs::remove_file(head(first.path())).unwrap();
    assert_eq!(fault(first.path()), None);
    append(first.path(), "device-2");
    assert_eq!((fault(first.path()), verdict(first.path()).lines), (None, 2));
}

#[test]
fn lines_that_are_tied_to_the_head_wrongly_are_not_gone_on_from() {
    let folder = of_lines(2);
    let mut bytes = fs::read(log(folder.path())).unwrap();
    bytes.extend(b"{\"seq\":3,\"previous\":\"forged\"}\n");
    fs::write(log(folder.path()), bytes).unwrap();
    assert_eq!(fault(folder.path()), Some((3, Tampering::Changed)));
    append(folder.path(), "later");
    assert_eq!(fault(folder.path()).unwrap().0, 3);
}

#[test]
fn a_log_that_is_closed_stays_as_it_is_and_the_new_one_vouches_for_it() {
    use ClosedState::{AsClosed, Changed, Missing};
    let folder = of_lines(3);
    let bytes = fs::read(log(folder.path())).unwrap();
    let last = verdict(folder.path()).last_hash;
    let first = rotate(folder.path());
    assert_eq!(first.file_name().unwrap(), "audit-2026-11-21T204800Z.jsonl");
    assert_eq!(fs::read(&first).unwrap(), bytes);
    let closed = verdict(folder.path()).closed.unwrap();
    assert_eq!((closed.lines, closed.whole, closed.last_hash, closed.fault), (3, true, last, None));
    append(folder.path(), "later");
    assert_eq!((fault(folder.path()), verdict(folder.path()).lines), (None, 2));
    let second = rotate(folder.path());
    assert_eq!(second.file_name().unwrap(), "audit-2026-11-21T204800Z-2.jsonl", "nothing is overwritten");
    let (older, newer) = ("audit-2026-11-21T204800Z.jsonl".to_owned(), "audit-2026-11-21T204800Z-2.jsonl".to_owned());
    let as_closed = [(newer.clone(), true, AsClosed), (older.clone(), true, AsClosed)];
    assert_eq!(earlier(folder.path()), as_closed);
    fs::write(&first, [&bytes[..], b"{}\n"].concat()).unwrap();
    assert_eq!(earlier(folder.path())[1], (older.clone(), true, Changed));
    fs::remove_file(&first).unwrap();
    assert_eq!(earlier(folder.path())[1], (older.clone(), true, Missing));
    std::os::unix::fs::symlink(&second, &first).unwrap();
    assert_eq!(
        earlier(folder.path())[1],
        (older.clone(), true, Changed),
        "a link stops nobody from looking at the rest"
    );
    fs::remove_file(&first).unwrap();
    fs::write(&first, &bytes).unwrap();
    fs::remove_file(&second).unwrap();
    let named = [(newer.clone(), true, Missing), (older, false, ClosedState::Unnamed)];
    assert_eq!(earlier(folder.path()), named, "what only a missing log names is here all the same");
    let while_one_is_closed = in_vault(folder.path(), |vault| {
        let _lock = vault.lock("audit.lock")?;
        vault.earlier_audit_logs(vault.read_audit(&mut |_| ())?.closed.as_ref())
    });
    assert_eq!(while_one_is_closed.unwrap().len(), 1, "a copy is there before a log names it");
    let third = rotate(folder.path());
    assert_eq!(
        third.file_name().unwrap(),
        "audit-2026-11-21T204800Z-3.jsonl",
        "a name that a log has is not given again"
    );
}

#[test]
fn a_log_that_is_gone_with_its_head_is_no_new_one_beside_closed_ones() {
    let folder = of_lines(2);
    rotate(folder.path());
    for emptied in [false, true] {
        fs::remove_file(head(folder.path())).unwrap();
        fs::remove_file(log(folder.path())).unwrap();
        if emptied {
            fs::write(log(folder.path()), "").unwrap();
        }
        assert_eq!(fault(folder.path()), Some((1, Tampering::NoHead)), "{emptied}");
        append(folder.path(), "later");
        let text = fs::read_to_string(log(folder.path())).unwrap();
        assert!(text.contains(r#""event":"log_mended""#), "{text}");
    }
    fs::remove_file(head(folder.path())).unwrap();
    fs::remove_file(log(folder.path())).unwrap();
    assert_eq!(in_vault(folder.path(), |vault| vault.rotate_audit(at(0))).unwrap().0, None);
    let closed = verdict(folder.path()).closed.unwrap();
    assert!(!closed.whole && closed.fault.is_some(), "{closed:?}");
}

#[test]
fn a_log_that_is_not_whole_is_closed_as_it_is_and_that_stays_on_record() {
    let folder = of_lines(3);
    edit(folder.path(), |lines| lines[1] = lines[1].replace("e-2", "e-9"));
    let bytes = fs::read(log(folder.path())).unwrap();
    assert_eq!(fs::read(rotate(folder.path())).unwrap(), bytes);
    append(folder.path(), "later");
    let after = verdict(folder.path());
    assert_eq!((after.fault, after.lines), (None, 2));
    assert_eq!(after.closed.unwrap().fault.as_deref(), Some("line 2 was changed"));
    let first = fs::read_to_string(log(folder.path())).unwrap().lines().next().unwrap().to_owned();
    assert!(first.contains(r#""event":"log_rotated""#) && first.contains(r#""whole":false"#), "{first}");
    // What tells of it cannot be taken away without a trace.
    edit(folder.path(), |lines| lines[0] = lines[0].replace("\"whole\":false", "\"whole\":true"));
    assert_eq!(fault(folder.path()), Some((1, Tampering::Changed)));
    let cut = of_lines(3);
    fs::remove_file(log(cut.path())).unwrap();
    let (file, _) = in_vault(cut.path(), |vault| vault.rotate_audit(at(0))).unwrap();
    assert_eq!((file, fault(cut.path())), (None, None));
    assert_eq!(earlier(cut.path()), [(String::new(), false, ClosedState::Missing)]);
    for head_content in [None, Some("garbage")] {
        let headless = of_lines(3);
        match head_content {
            None => fs::remove_file(head(headless.path())).unwrap(),
            Some(text) => fs::write(head(headless.path()), text).unwrap(),
        }
        rotate(headless.path());
        append(headless.path(), "later");
        assert_eq!((fault(headless.path()), verdict(headless.path()).lines), (None, 2));
    }
}

#[test]
fn that_a_log_was_not_whole_is_known_though_those_closed_after_it_are_gone() {
    let folder = of_lines(3);
    edit(folder.path(), |lines| lines[1] = lines[1].replace("e-2", "e-9"));
    rotate(folder.path());
    for _ in 0..2 {
        fs::remove_file(rotate(folder.path())).unwrap();
        let closed = verdict(folder.path()).closed.unwrap();
        assert_eq!((closed.whole, closed.earlier_fault.as_deref()), (true, Some("line 2 was changed")));
    }
}

#[test]
fn a_new_log_is_known_for_being_cut_off_and_never_rotated_where_there_is_none() {
    let folder = of_lines(3);
    rotate(folder.path());
    append(folder.path(), "later");
    append(folder.path(), "later still");
    edit(folder.path(), |lines| lines.truncate(1));
    assert_eq!(fault(folder.path()), Some((2, Tampering::CutOff(2))));
    let empty = tempfile::tempdir().unwrap();
    let (file, verdict) = in_vault(empty.path(), |vault| vault.rotate_audit(at(0))).unwrap();
    assert_eq!((file, verdict.lines, log(empty.path()).exists()), (None, 0, false));
}

#[test]
fn what_is_too_long_for_a_line_is_split_or_shortened_and_the_log_stays_readable() {
    let folder = of_lines(1);
    let names: Vec<String> = (0..60_000).map(|number| format!("{number:0>90}")).collect();
    let start_url = "u".repeat(5 << 20);
    in_vault(folder.path(), |vault| {
        vault.audit(at(0), &AuditEvent::Exported { format: "otpauth", names: &names }).unwrap();
        vault.audit(at(0), &AuditEvent::SignedIn { start_url: &start_url, expiration: at(0) }).unwrap();
        let giant = ["g".repeat(5 << 20)];
        vault.audit(at(0), &AuditEvent::Exported { format: "otpauth", names: &giant }).unwrap();
        vault.audit(at(0), &AuditEvent::Exported { format: "otpauth", names: &[] }).unwrap();
    });
    append(folder.path(), "later");
    let mut told = 0;
    let verdict = in_vault(folder.path(), |vault| {
        vault.read_audit(&mut |line| {
            told += line.content.get("names").map_or(0, |names| names.as_array().unwrap().len())
        })
    });
    assert_eq!((verdict.unwrap().fault, told), (None, names.len() + 1), "every name is in it");
}

#[test]
#[ignore = "started by the tests below"]
#[allow(clippy::disallowed_methods, reason = "how a test speaks to the process it starts")]
fn child_that_rotates() {
    rotate(&PathBuf::from(std::env::var_os("MFAVAULT_TEST_FOLDER").unwrap()));
}

#[test]
fn a_process_that_is_killed_or_refused_anywhere_in_closing_leaves_the_old_log_or_the_new_one() {
    if !programs::installed(&["strace"]) {
        return;
    }
    let calls = ["openat", "write", "fsync", "rename,renameat,renameat2", "copy_file_range,sendfile"];
    let (mut old, mut new) = (0, 0);
    for (call, how) in calls.into_iter().flat_map(|call| [(call, "signal=KILL"), (call, "error=ENOSPC")]) {
        for when in 1.. {
            let folder = of_lines(3);
            // A crash before left the head one line behind.
            let kept = fs::read(head(folder.path())).unwrap();
            append(folder.path(), "device-4");
            if when % 2 == 0 {
                fs::write(head(folder.path()), kept).unwrap();
            }
            let bytes = fs::read(log(folder.path())).unwrap();
            let inject = format!("inject={call}:{how}:when={when}");
            let state = folder.path().join("state");
            let went_well = child_named(ROTATING_CHILD, folder.path(), 0, &["-e", &inject]).status().unwrap().success();
            let case = format!("{call} {how} {when}");
            let after = verdict(folder.path());
            assert_eq!((after.fault, after.torn), (None, false), "{case}");
            match after.closed {
                None => assert_eq!(fs::read(log(folder.path())).unwrap(), bytes, "{case}"),
                Some(closed) => {
                    assert_eq!(fs::read(state.join(closed.file.unwrap())).unwrap(), bytes, "{case}");
                    assert_eq!(earlier(folder.path())[0].2, ClosedState::AsClosed, "{case}");
                }
            }
            if after.lines == 4 {
                old += 1
            } else {
                new += 1
            }
            append(folder.path(), "later");
            append(folder.path(), "later still");
            assert_eq!((fault(folder.path()), verdict(folder.path()).lines), (None, after.lines + 2), "{case}");
            if went_well {
                break;
            }
        }
    }
    assert!(old > 10 && new > 10, "{old} {new}");
}

#[test]
#[ignore = "started by the test below"]
#[allow(clippy::disallowed_methods, reason = "how a test speaks to the process it starts")]
fn child_that_reads() {
    assert_eq!(fault(&PathBuf::from(std::env::var_os("MFAVAULT_TEST_FOLDER").unwrap())), None);
}

#[test]
fn who_reads_while_the_log_is_closed_sees_no_tampering() {
    if !programs::installed(&["strace"]) {
        return;
    }
    let folder = of_lines(3);
    let state = folder.path().join("state").display().to_string();
    // What is opened first is the folder; it stops with the head in its hand.
    let strace = ["-P", &state, "-e", "trace=openat", "-e", "inject=openat:signal=STOP:when=2"];
    let mut reader = child_named(READING_CHILD, folder.path(), 0, &strace).spawn().unwrap();
    let stopped = loop {
        let trace = fs::read_to_string(folder.path().join("trace")).unwrap_or_default();
        if let Some(line) = trace.lines().find(|line| line.contains("stopped by SIGSTOP")) {
            assert!(trace.lines().nth(1).unwrap().contains("audit.head"), "{trace}");
            break line.split(' ').next().unwrap().parse().unwrap();
        }
        assert!(reader.try_wait().unwrap().is_none(), "{trace}");
        std::thread::yield_now();
    };
    append(folder.path(), "later");
    rotate(folder.path());
    kill_process(Pid::from_raw(stopped).unwrap(), Signal::CONT).unwrap();
    assert!(reader.wait().unwrap().success(), "it sees no fault");
}

#[test]
#[ignore = "started by the tests below"]
#[allow(clippy::disallowed_methods, reason = "how a test speaks to the process it starts")]
fn child_that_appends() {
    let folder = PathBuf::from(std::env::var_os("MFAVAULT_TEST_FOLDER").unwrap());
    let count: usize = std::env::var("MFAVAULT_TEST_COUNT").unwrap().parse().unwrap();
    (0..count).for_each(|number| append(&folder, &format!("device-{number}")));
}

fn child(folder: &Path, count: usize, strace: &[&str]) -> Command {
    child_named(CHILD, folder, count, strace)
}

fn child_named(name: &str, folder: &Path, count: usize, strace: &[&str]) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = match strace {
        [] => Command::new(program),
        options => {
            let mut command = Command::new("strace");
            command.args(["-qq", "-f", "-o"]).arg(folder.join("trace")).args(options).arg(program);
            command
        }
    };
    command.args(["--ignored", "--exact", name, "--test-threads=1"]).env_remove("LD_LIBRARY_PATH");
    command.env("MFAVAULT_TEST_FOLDER", folder).env("MFAVAULT_TEST_COUNT", count.to_string());
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command
}

#[test]
fn of_two_processes_that_append_at_once_every_line_is_there_and_tied() {
    let folder = tempfile::tempdir().unwrap();
    let children = [0, 1].map(|_| child(folder.path(), 200, &[]).spawn().unwrap());
    children.into_iter().for_each(|mut child| assert!(child.wait().unwrap().success()));
    let verdict = verdict(folder.path());
    assert_eq!((verdict.lines, verdict.fault, verdict.torn), (400, None, false));
}

#[test]
fn a_process_that_is_killed_anywhere_leaves_a_log_that_is_gone_on_from() {
    if !programs::installed(&["strace"]) {
        return;
    }
    let mut killed = 0;
    for call in ["openat", "write", "fdatasync", "fsync", "rename,renameat,renameat2"] {
        for when in 1.. {
            let folder = of_lines(2);
            let status = interrupted(folder.path(), &format!("inject={call}:signal=KILL:when={when}"));
            let before = verdict(folder.path());
            assert!(before.fault.is_none() && (2..=3).contains(&before.lines), "{call} {when}: {before:?}");
            append(folder.path(), "later");
            let after = verdict(folder.path());
            assert!(after.fault.is_none() && !after.torn && after.lines > before.lines, "{call} {when}: {after:?}");
            if status {
                assert_eq!(before.lines, 3);
                break;
            }
            killed += 1;
        }
    }
    assert!(killed >= 9, "{killed}");
}

#[test]
fn what_the_disk_refuses_is_an_error_and_leaves_a_whole_log() {
    if !programs::installed(&["strace"]) {
        return;
    }
    for (call, error) in [("openat", "EROFS"), ("write", "ENOSPC"), ("fdatasync", "EIO"), ("fsync", "ENOSPC")] {
        for when in 1.. {
            let folder = of_lines(2);
            let text = fs::read(log(folder.path())).unwrap();
            let went_well = interrupted(folder.path(), &format!("inject={call}:error={error}:when={when}"));
            assert_eq!(fault(folder.path()), None, "{call} {when}");
            if went_well {
                assert!(when > 1, "{call} was never refused");
                break;
            }
            // The first write is that of the line; the second that of the head.
            if matches!((call, when), ("write" | "fdatasync", 1)) {
                assert_eq!(fs::read(log(folder.path())).unwrap(), text, "{call} {when}");
            }
        }
    }
}

/// Appends a line in a process to which this happens within the folder of the log; says whether that went well.
fn interrupted(folder: &Path, inject: &str) -> bool {
    let state = folder.join("state");
    let paths = [state.clone(), state.join("audit.jsonl"), state.join("audit.head")];
    let mut options = vec!["-e", inject];
    // The head has another name when it is flushed, and nobody else flushes anything.
    let paths = if inject.starts_with("inject=fsync") { &paths[..0] } else { &paths[..] };
    paths.iter().for_each(|path| options.extend(["-P", path.to_str().unwrap()]));
    child(folder, 1, &options).status().unwrap().success()
}
