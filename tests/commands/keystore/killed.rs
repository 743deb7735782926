//! `keystore move` of the real program, from the encrypted file to a helper, killed at every call of the system by which a
//! file of ours changes: at any time it is all there, and the next run ends it.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, process::Output};

use crate::support::{disk::Disk, programs::installed};

/// Those of the program's own; the helper is a process of its own.
const CALLS: [&str; 3] = ["renameat", "unlinkat", "fsync"];
const THERE: [&str; 5] = ["keystore", "move", "--to", "helper", "--yes"];
const BACK: [&str; 5] = ["keystore", "move", "--to", "file", "--yes"];

/// Keeps each record in a file, in the clear: what is tested is the way there.
const HELPER: &str = r#"#!/usr/bin/python3 -IS
import base64, json, os, sys
request = json.load(sys.stdin)
name = base64.b32encode((request["kind"] + "/" + request["name"]).encode()).decode()
path = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "records", name)
answer = {"version": 1}
try:
    if request["operation"] == "put":
        with open(path + ".new", "w") as file:
            file.write(request["content"])
        os.rename(path + ".new", path)
    elif request["operation"] == "get":
        answer["content"] = open(path).read()
    else:
        os.remove(path)
except FileNotFoundError:
    answer["error"] = "not-found"
json.dump(answer, sys.stdout)
"#;

/// A key and a device in the encrypted file, and a helper that the settings name.
fn disk() -> Disk {
    let disk = Disk::with_device();
    let helper = disk.bench.path("helper");
    fs::write(&helper, HELPER).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o700)).unwrap();
    fs::create_dir(disk.bench.path("records")).unwrap();
    let settings = format!("helper = [{:?}]\n", helper.display().to_string());
    fs::write(disk.bench.path("vault/config.toml"), settings).unwrap();
    disk
}

/// How often the program itself makes each call in a move that goes well.
fn calls() -> BTreeMap<&'static str, usize> {
    let disk = disk();
    let traced = format!("trace={}", CALLS.join(","));
    let output = disk.by_record(&["-e", &traced], &THERE);
    assert!(output.status.success(), "{output:?}");
    let trace = disk.bench.text("trace");
    // Signals from the helpers come in between.
    let own = trace.lines().find(|line| line.contains(" renameat(")).and_then(|line| line.split(' ').next()).unwrap();
    let of_own = |call: &str| {
        let is_it = |line: &&str| line.split(' ').next() == Some(own) && line.contains(&format!(" {call}("));
        trace.lines().filter(is_it).count()
    };
    CALLS.into_iter().map(|call| (call, of_own(call))).collect()
}

#[track_caller]
fn succeeded(output: &Output, case: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{case}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn assert_whole(disk: &Disk, case: &str) {
    let key = succeeded(&disk.by_record(&[], &["export", "main", "--no-session", "--format", "json"]), case);
    assert!(key.contains(disk.bench.key_of("alice").secret_access_key.expose()), "{case}");
    succeeded(&disk.by_record(&[], &["mfa", "export", "alice", "--yes"]), case);
    let listed = succeeded(&disk.by_record(&[], &["mfa", "list", "--json"]), case);
    assert!(listed.contains(":mfa/alice"), "{case}: {listed}");
}

fn files(disk: &Disk, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(disk.bench.path(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_move_that_is_killed_at_any_change_of_a_file_loses_nothing_and_the_next_run_ends_it() {
    if !installed(&["strace", "python3"]) {
        return;
    }
    let mut killed = 0;
    for (call, count) in calls() {
        // Between the calls that give a file its name, those that flush it change nothing that is seen.
        for nth in (1..=count).step_by(if call == "fsync" { 4 } else { 1 }) {
            let case = format!("{call} {nth} of {count}");
            let disk = disk();
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            killed += usize::from(!disk.by_record(&["-e", &inject], &THERE).status.success());
            assert_whole(&disk, &case);
            let journal = disk.bench.text("vault/data/keystore-move.json");
            assert!(!journal.contains(disk.bench.key_of("alice").secret_access_key.expose()), "{case}: {journal}");
            let back = nth % 3 == 0;
            succeeded(&disk.by_record(&[], if back { &BACK } else { &THERE }), &case);
            assert_whole(&disk, &case);
            let (data, records) = (files(&disk, "vault/data"), files(&disk, "records"));
            let has = |file: &str| data.iter().any(|name| name == file);
            assert_eq!((has("keystore"), records.len()), (back, if back { 0 } else { 2 }), "{case}: {data:?}");
            assert_eq!((has("index.file.json"), has("index.helper.json")), (back, !back), "{case}: {data:?}");
            assert!(!has("keystore-move.json") && (back || !has("keystore.previous")), "{case}: {data:?}");
        }
    }
    assert!(killed > 15, "{killed} runs were killed");
}
