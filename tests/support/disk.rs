//! A world for the real program: the stand-in of AWS, files on the disk, and the machine's own clock.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Output},
    time::Duration,
};

use mfavault::{
    clock::Clock,
    commands::{clear, mfa},
    keystore::{FileKeystore, KdfCost},
    rehearsal::Settings,
    secret::SecretText,
    vault::KeyRecord,
};

use super::bench::{Bench, name};

const PASSPHRASE: &str = "correct horse";

/// A world on the disk, for the real program, with a keystore that opens quickly.
pub(crate) struct Disk {
    pub(crate) bench: Bench,
}

impl Disk {
    pub(crate) fn new() -> Self {
        Disk::with_key("main", "alice")
    }

    /// With a user's key as the profile's.
    pub(crate) fn with_key(profile: &str, user: &str) -> Self {
        Disk::with_key_where(profile, user, |_| {})
    }

    fn with_key_where(profile: &str, user: &str, change: impl FnOnce(&mut Settings)) -> Self {
        let bench = Bench::on_the_system_clock(change);
        let record =
            KeyRecord { created: None, credentials: bench.key_of(user), account_id: None, added: bench.aws.now() };
        let keystore = Disk::keystore_of(&bench);
        bench.run_over(&keystore, |context| context.vault.store_key(&name(profile), &record)).unwrap();
        Disk { bench }
    }

    /// As [`Disk::new`], with alice's device enabled some minutes ago, so that no code of now is spent, and no session.
    pub(crate) fn with_device() -> Self {
        Disk::with_device_where(|_| {})
    }

    /// As [`Disk::with_device`], in another account.
    pub(crate) fn with_device_where(change: impl FnOnce(&mut Settings)) -> Self {
        let disk = Disk::with_key_where("main", "alice", change);
        let (bench, keystore, now) = (&disk.bench, disk.keystore(), disk.bench.clock.now());
        bench.clock.set(now - Duration::from_secs(280));
        bench.set_skew(-280);
        let arguments = mfa::enable::Arguments::plain(name("main"));
        bench.run_over(&keystore, |context| mfa::enable::run(context, &arguments).map(drop)).unwrap();
        bench.run_over(&keystore, |context| clear::run(context, None).map(drop)).unwrap();
        bench.clock.set(now);
        bench.set_skew(0);
        disk
    }

    fn keystore_of(bench: &Bench) -> FileKeystore {
        let ask = Box::new(|_| Ok(SecretText::from(PASSPHRASE)));
        FileKeystore::with_cost(bench.environment.folders.data.clone(), ask, KdfCost::LEAST)
    }

    pub(crate) fn keystore(&self) -> FileKeystore {
        Disk::keystore_of(&self.bench)
    }

    /// How often a run that goes well makes each of these calls of the system.
    pub(crate) fn calls(&self, calls: &[&'static str], arguments: &[&str]) -> BTreeMap<&'static str, usize> {
        let output = self.mfavault(&["-e", "trace=all"], arguments);
        assert!(output.status.success(), "{output:?}");
        let trace = fs::read_to_string(self.bench.path("trace")).unwrap();
        let count = |call: &str| trace.lines().filter(|line| line.contains(&format!(" {call}("))).count();
        calls.iter().map(|call| (*call, count(call))).collect()
    }

    /// `mfavault ARGUMENTS` under these options of strace, or without strace if there are none.
    pub(crate) fn mfavault(&self, strace: &[&str], arguments: &[&str]) -> Output {
        self.command(strace, arguments).output().unwrap()
    }

    /// As [`Disk::mfavault`], with the keystore that is recorded.
    pub(crate) fn by_record(&self, strace: &[&str], arguments: &[&str]) -> Output {
        self.command(strace, arguments).env_remove("MFAVAULT_KEYSTORE").output().unwrap()
    }

    fn command(&self, strace: &[&str], arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_mfavault");
        let mut command = match strace {
            [] => Command::new(program),
            options => {
                let mut command = Command::new("strace");
                command.args(["-qq", "-f", "-o"]).arg(self.bench.path("trace")).args(options).arg(program);
                command
            }
        };
        command.args(arguments).env_clear();
        command.env("AWS_CONFIG_FILE", self.bench.path("config"));
        command.env("AWS_SHARED_CREDENTIALS_FILE", self.bench.path("credentials"));
        command.env("AWS_ENDPOINT_URL", self.bench.aws.url());
        command.env("HOME", self.bench.path("home")).env("PATH", "/usr/bin:/bin");
        command.env("MFAVAULT_HOME", self.bench.path("vault")).env("MFAVAULT_KEYSTORE", "file");
        command.env("MFAVAULT_PASSPHRASE", PASSPHRASE).env("MFAVAULT_NO_INPUT", "1");
        command
    }
}
