//! Many keys at once: one change of everything, whatever their number, and all of them or none.

use std::{cell::RefCell, fmt::Write, fs};

use mfavault::{
    commands::import::{self, From, HowToTakeIn},
    keystore::{Keystore, KeystoreError, RecordName},
    secret::SecretBytes,
};

use super::{keep, stored, write};
use crate::support::{bench::Bench, disk::Disk, memory_keystore::MemoryKeystore, programs::installed};

/// A keystore that takes and gives many records at once, and notes how often it is asked.
struct AtOnce<'a> {
    keystore: &'a MemoryKeystore,
    asked: RefCell<Vec<&'static str>>,
}

impl AtOnce<'_> {
    fn note(&self, operation: &'static str) {
        self.asked.borrow_mut().push(operation);
    }
}

impl Keystore for AtOnce<'_> {
    fn name(&self) -> &'static str {
        self.keystore.name()
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        self.note("get");
        self.keystore.get(record)
    }

    fn get_all(&self, records: &[RecordName]) -> Result<Vec<Option<SecretBytes>>, KeystoreError> {
        self.note("get_all");
        self.keystore.get_all(records)
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        self.note("put");
        self.keystore.put(record, content)
    }

    fn put_all(&self, records: &[(RecordName, SecretBytes)]) -> Result<(), KeystoreError> {
        self.note("put_all");
        self.keystore.put_all(records)
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.note("remove");
        self.keystore.remove(record)
    }
}

/// A credentials file with so many keys.
fn credentials(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        writeln!(text, "[p{number}]\naws_access_key_id = AKIA{number:016}\naws_secret_access_key = {number:040}\n")
            .unwrap();
    }
    text
}

fn unchecked() -> HowToTakeIn {
    let mut how = HowToTakeIn {
        profiles: Vec::new(),
        dry_run: false,
        overwrite: false,
        verify: false,
        config: true,
        remove_source: None,
        confirmed: true,
    };
    keep(&mut how);
    how
}

#[test]
fn a_thousand_keys_are_one_change_of_the_keystore() {
    let bench = Bench::empty(|_| {});
    write(&bench, "credentials", &credentials(1000));
    let keystore = AtOnce { keystore: &bench.keystore, asked: RefCell::default() };
    let import = || bench.run_over(&keystore, |context| import::run(context, From::CredentialsFile, &unchecked()));
    import().unwrap();
    assert_eq!(keystore.asked.take(), ["get_all", "get_all", "put_all", "get_all"]);
    assert_eq!(stored(&bench, "p999").unwrap().credentials.secret_access_key, format!("{:040}", 999).into());
    assert_eq!(bench.run(|context| context.vault.index()).unwrap().keys.len(), 1000);
    assert_eq!(bench.text("config").matches("[profile p").count(), 1000);
    let log = fs::read_to_string(bench.environment.folders.state.join("audit.jsonl")).unwrap();
    assert_eq!(log.lines().filter(|line| line.contains("imported")).count(), 1000);
    // Nor does it cost more to find that they are here.
    import().unwrap();
    assert_eq!(keystore.asked.take(), ["get_all"]);
}

/// How many of `p0` to `p19` are held.
fn held(disk: &Disk) -> usize {
    let keystore = disk.keystore();
    let keys: Vec<_> = (0..20).map(|number| format!("p{number}").parse().unwrap()).collect();
    disk.bench.run_over(&keystore, |context| context.vault.keys(&keys)).unwrap().iter().flatten().count()
}

#[test]
fn an_import_that_is_killed_anywhere_brought_all_or_none_and_the_next_brings_all() {
    const IMPORT: [&str; 5] = ["import", "credentials-file", "--no-verify", "--yes", "--keep-source"];
    if !installed(&["strace"]) {
        return;
    }
    let disk = || {
        let disk = Disk::with_key("other", "admin");
        write(&disk.bench, "credentials", &credentials(20));
        disk
    };
    let (mut none, mut all) = (0, 0);
    for (call, count) in disk().calls(&["fsync", "renameat", "rename", "flock"], &IMPORT) {
        for nth in 1..=count {
            let (disk, case) = (disk(), format!("{call} {nth} of {count}"));
            let output = disk.mfavault(&["-e", &format!("inject={call}:signal=KILL:when={nth}")], &IMPORT);
            match held(&disk) {
                0 => none += 1,
                20 => all += 1,
                some => panic!("{case}: {some} of 20: {output:?}"),
            }
            let again = disk.mfavault(&[], &IMPORT);
            assert!(again.status.success() && held(&disk) == 20, "{case}: {again:?}");
        }
    }
    assert!(none > 5 && all > 3, "{none} brought none, {all} all");
}

#[test]
fn many_keys_go_from_their_file_at_once_and_a_run_that_is_killed_there_loses_none() {
    const IMPORT: [&str; 6] = ["import", "credentials-file", "--no-verify", "--no-config", "--yes", "--remove-source"];
    if !installed(&["strace"]) {
        return;
    }
    let text = format!("{}[kept]\nregion = eu-west-1\n", credentials(20));
    let disk = || {
        let disk = Disk::with_key("other", "admin");
        write(&disk.bench, "credentials", &text);
        disk
    };
    let mut kinds = [0, 0];
    for (call, count) in disk().calls(&["fsync", "renameat", "rename", "write"], &IMPORT) {
        for nth in count.saturating_sub(6).max(1)..=count {
            let (disk, case) = (disk(), format!("{call} {nth} of {count}"));
            let output = disk.mfavault(&["-e", &format!("inject={call}:signal=KILL:when={nth}")], &IMPORT);
            let left = disk.bench.text("credentials");
            let is_gone = left == "[kept]\nregion = eu-west-1\n";
            assert!(is_gone || left == text, "{case}: {left}: {output:?}");
            assert!(!is_gone || held(&disk) == 20, "{case}: {output:?}");
            kinds[usize::from(is_gone)] += 1;
        }
    }
    assert!(kinds.iter().all(|kind| *kind > 0), "{kinds:?}");
}

#[test]
fn of_many_keys_only_those_go_that_are_still_what_was_read() {
    let bench = Bench::empty(|_| {});
    let text = credentials(5) + "\n[mine]\nregion = eu-west-1\n";
    write(&bench, "credentials", &text);
    let path = bench.path("credentials");
    let changed = text.replace(&format!("{:040}", 3), "another/secret").replace("[p1]", "[p1]\nregion = x");
    bench.prompt.answer("yes");
    bench.prompt.meanwhile(move || fs::write(&path, &changed).unwrap());
    let how = HowToTakeIn { remove_source: None, ..unchecked() };
    bench.run(|context| import::run(context, From::CredentialsFile, &how)).unwrap();
    let id = format!("AKIA{:016}", 3);
    let kept = format!("[p1]\nregion = x\n\n[p3]\naws_access_key_id = {id}\naws_secret_access_key = another/secret\n");
    assert_eq!(bench.text("credentials"), kept + "\n\n[mine]\nregion = eu-west-1\n");
    assert!(bench.prompt.talk().contains("1 of 5 stayed"));
}
