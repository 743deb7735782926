//! `add --from-credentials-file` killed at every call by which something outside it changes: the key is never lost.

use std::fs;

use crate::support::{bench::name, disk::Disk, programs::installed};

const ADD: [&str; 3] = ["add", "main", "--from-credentials-file"];
const CALLS: [&str; 6] = ["write", "fsync", "renameat", "rename", "flock", "connect"];

/// A keystore with another key, and alice's in the credentials file.
fn disk() -> (Disk, String) {
    let disk = Disk::with_key("other", "admin");
    let key = disk.bench.key_of("alice");
    let (id, secret) = (key.access_key_id, key.secret_access_key.expose());
    let text =
        format!("[main]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n\n[x]\nregion = us-east-1\n");
    fs::write(disk.bench.path("credentials"), &text).unwrap();
    (disk, text)
}

#[test]
fn a_key_that_is_moved_is_in_the_file_or_in_the_vault_whenever_the_move_is_killed() {
    if !installed(&["strace"]) {
        return;
    }
    let mut killed = 0;
    for (call, count) in disk().0.calls(&CALLS, &ADD) {
        for nth in 1..=count {
            let case = format!("{call} {nth} of {count}");
            let (disk, text) = disk();
            let inject = format!("inject={call}:signal=KILL:when={nth}");
            killed += usize::from(!disk.mfavault(&["-e", &inject], &ADD).status.success());
            let keystore = disk.keystore();
            let stored = || disk.bench.run_over(&keystore, |context| context.vault.key(&name("main"))).unwrap();
            let in_the_vault = stored().is_some_and(|record| record.credentials == disk.bench.key_of("alice"));
            let in_the_file = disk.bench.text("credentials") == text;
            assert!(in_the_vault || in_the_file, "{case}");
            let again = disk.mfavault(&[], &ADD);
            assert_eq!(again.status.success(), in_the_file, "{case}: {again:?}");
            assert!(stored().is_some(), "{case}");
            assert_eq!(disk.bench.text("credentials"), "[x]\nregion = us-east-1\n", "{case}");
        }
    }
    assert!(killed > 20, "{killed} runs were killed");
}
