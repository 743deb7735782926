//! What a run of the binary needs: a stand-in of AWS, a home of its own, and nothing of the user's.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::Arc,
    time::SystemTime,
};

use mfavault::{
    aws::{
        Aws, Caller, ConnectionSettings, HttpAws, Signer, TimeSource,
        endpoints::{self, EndpointSettings},
    },
    clock::SystemClock,
    credentials::LongTermCredentials,
    keystore::{FileKeystore, KdfCost},
    mfa::{CodeSettings, TimeStep, VirtualMfaDevice},
    rehearsal::{Rehearsal, Settings},
    secret::SecretText,
    vault::{DeviceRecord, KeyRecord, Vault},
};
use tempfile::TempDir;

use crate::support::programs;

pub(super) const MFAVAULT: &str = env!("CARGO_BIN_EXE_mfavault");
/// Alice's profile; `deploy` is a role reached from it, `admin` belongs to a user without a device.
pub(super) const PROFILE: &str = "main";
pub(super) const SERIAL_NUMBER: &str = "arn:aws:iam::111122223333:mfa/alice";
pub(super) const REGION: &str = "eu-central-1";

/// Nobody's.
const USER_ID: u32 = 54321;

/// Gone when dropped.
pub(super) struct World {
    pub(super) aws: Rehearsal,
    folder: TempDir,
    /// Of the keystore; no other world's.
    pub(super) passphrase: String,
    /// Programs run as somebody without rights.
    as_a_user: bool,
    /// The base32 text of alice's seed, if she has a device.
    pub(super) seed: Option<String>,
}

impl World {
    /// Profiles in the AWS config, and nothing in the vault.
    pub(super) fn empty() -> Self {
        World::empty_where(|_| {})
    }

    fn empty_where(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::new(Arc::new(SystemClock));
        change(&mut settings);
        let aws = Rehearsal::start(settings).unwrap();
        let passphrase = format!("a fine passphrase {}", aws.url());
        let world = World { aws, folder: tempfile::tempdir().unwrap(), passphrase, as_a_user: false, seed: None };
        fs::create_dir(world.path("home")).unwrap();
        let config = format!(
            "[profile {PROFILE}]\nregion = {REGION}\n\n[profile admin]\nregion = us-west-2\n\n\
             [profile deploy]\nrole_arn = arn:aws:iam::111122223333:role/deploy\nsource_profile = {PROFILE}\n"
        );
        fs::write(world.path("config"), config).unwrap();
        fs::write(world.path("credentials"), "").unwrap();
        world
    }

    /// Also the keys of alice and of the administrator, in a file keystore that is cheap to open.
    pub(super) fn with_keys() -> Self {
        World::with_keys_where(|_| {})
    }

    /// The same at a stand-in that is another than usual.
    pub(super) fn with_keys_where(change: impl FnOnce(&mut Settings)) -> Self {
        let world = World::empty_where(change);
        world.in_vault(|vault| {
            for (profile, user) in [(PROFILE, "alice"), ("admin", "admin")] {
                let record = KeyRecord {
                    created: None,
                    credentials: world.key(user),
                    account_id: Some(world.aws.account_id()),
                    added: now(),
                };
                vault.store_key(&profile.parse().unwrap(), &record).unwrap();
            }
        });
        world
    }

    /// Also alice's device: enabled at the stand-in, its seed in the vault, no code spent here.
    pub(super) fn enrolled() -> Self {
        World::with_keys().enrolled_now()
    }

    /// The same, by the stand-in's clock of now.
    pub(super) fn enrolled_now(self) -> Self {
        let mut world = self;
        let time = TimeSource { now: Box::new(now), wait: Box::new(|_| ()) };
        let client = HttpAws::new(ConnectionSettings::default(), time);
        let settings = EndpointSettings { endpoint_url: Some(world.aws.url()), ..Default::default() };
        let (endpoints, key) = (endpoints::resolve(&settings).unwrap(), world.key("alice"));
        let caller = Caller { signer: Signer::LongTerm(&key), endpoints: &endpoints };
        let created = client.create_virtual_mfa_device(caller, "alice").unwrap();
        world.seed = Some(created.seed.to_base32().expose().clone());
        let device = VirtualMfaDevice {
            name: "alice".to_owned(),
            serial_number: Some(created.serial_number.clone()),
            issuer: Some("Amazon Web Services".to_owned()),
            account: "alice@111122223333".to_owned(),
            seed: created.seed,
            settings: CodeSettings::AWS,
            counter: None,
        };
        let step = TimeStep::at(world.aws.now(), CodeSettings::AWS);
        let codes = [&device.code(step.previous()), &device.code(step)];
        client.enable_mfa_device(caller, "alice", &created.serial_number, codes).unwrap();
        let profile = Some(PROFILE.parse().unwrap());
        let record = DeviceRecord::new(device, profile, "a test", now());
        world.in_vault(|vault| vault.store_device(&record).unwrap());
        world.configure("region = eu-central-1\n", &format!("region = eu-central-1\nmfa_serial = {SERIAL_NUMBER}\n"));
        world
    }

    /// Lets programs run as somebody without rights, if the tests are root's: root may do everything anyway. Nothing
    /// where the binary is out of reach of others.
    pub(super) fn for_a_user(mut self) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return Some(self);
        }
        if !programs::installed(&["setpriv"]) {
            return None;
        }
        self.as_a_user = true;
        files(self.folder()).iter().chain([&self.folder().to_owned()]).for_each(|path| self.give(path));
        if self.program(MFAVAULT).arg("--version").run().status.success() {
            return Some(self);
        }
        let _ = writeln!(std::io::stderr(), "SKIPPED: a user without rights does not reach {MFAVAULT}");
        None
    }

    /// Makes the one who runs the programs the owner.
    pub(super) fn give(&self, path: &Path) {
        if self.as_a_user {
            std::os::unix::fs::lchown(path, Some(USER_ID), Some(USER_ID)).unwrap();
        }
    }

    /// Does something to the vault past the program.
    pub(super) fn in_vault(&self, act: impl FnOnce(&Vault<'_>)) {
        let home = self.path("vault");
        let passphrase = SecretText::from(self.passphrase.as_str());
        let ask = Box::new(move |_| Ok(passphrase.clone()));
        let keystore = FileKeystore::with_cost(home.join("data"), ask, KdfCost::LEAST);
        act(&Vault::new(&keystore, &home.join("data"), &home.join("state")));
    }

    /// A path in the world's own folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The first key that a user was given.
    pub(super) fn key(&self, user: &str) -> LongTermCredentials {
        self.aws.credentials(user).unwrap()
    }

    pub(super) fn configure(&self, old: &str, new: &str) {
        let text = fs::read_to_string(self.path("config")).unwrap();
        assert!(text.contains(old), "{text}");
        fs::write(self.path("config"), text.replacen(old, new, 1)).unwrap();
    }

    /// How often the stand-in was asked for this.
    pub(super) fn calls(&self, action: &str) -> usize {
        self.aws.requests().iter().filter(|request| request.action == action).count()
    }

    /// A program in this world: its environment is this and nothing else, its stdin is empty.
    pub(super) fn program(&self, program: &str) -> Command {
        let mut command = Command::new(if self.as_a_user { "setpriv" } else { program });
        if self.as_a_user {
            let id = [format!("--reuid={USER_ID}"), format!("--regid={USER_ID}")];
            command.args(id).args(["--clear-groups", "--inh-caps=-all", "--bounding-set=-all", program]);
        }
        command.env_clear().current_dir(self.path("home")).stdin(Stdio::null());
        let mut path = vec![Path::new(MFAVAULT).parent().unwrap().to_owned()];
        path.extend(std::env::split_paths(&programs::path()));
        command.env("PATH", std::env::join_paths(path).unwrap());
        command.env("HOME", self.path("home")).env("USER", "tester").env("LC_ALL", "C.UTF-8").env("TERM", "xterm");
        for (name, file) in
            [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("MFAVAULT_HOME", "vault")]
        {
            command.env(name, self.path(file));
        }
        command.env("AWS_ENDPOINT_URL", self.aws.url()).env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_PAGER", "");
        command.env("MFAVAULT_KEYSTORE", "file").env("MFAVAULT_PASSPHRASE", &self.passphrase);
        command
    }

    /// `mfavault`, in a session without a terminal; its process ID is that of the command.
    pub(super) fn mfavault<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.program("setsid");
        command.arg(MFAVAULT).args(arguments);
        command
    }

    /// As [`World::mfavault`], the arguments in one text.
    pub(super) fn line(&self, arguments: &str) -> Command {
        self.mfavault(arguments.split_whitespace())
    }

    /// Opens the keystore for all processes, so that deriving keys does not take the time of a test; says whether
    /// the kernel lets us.
    pub(super) fn unlock(&self) -> bool {
        let ran = self.line("unlock --for 5m").run();
        if !ran.status.success() {
            let _ = writeln!(std::io::stderr(), "the kernel's keyring cannot be used here: {}", ran.stderr);
        }
        ran.status.success()
    }
}

#[allow(clippy::disallowed_methods, reason = "the binary under test has the real time, too")]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

/// Everything below a folder, folders included; links are not followed.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        found.push(entry.path());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        }
    }
    found
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Ran {
    #[track_caller]
    pub(super) fn succeeded(self) -> Self {
        assert!(self.status.success(), "{self:?}");
        self
    }

    /// Ended with this status, said nothing on stdout, and an error of the contract's form with these words.
    #[track_caller]
    pub(super) fn refused(self, status: i32, words: &[&str]) -> Self {
        assert_eq!(self.status.code(), Some(status), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        let report = self.stderr.find("error: ").map_or("", |start| &self.stderr[start..]);
        assert!(report.starts_with("error: "), "{self:?}");
        for line in report.lines() {
            let said = ["error: ", "caused by: ", "hint: "].iter().find_map(|start| line.strip_prefix(start));
            let said = said.unwrap_or_else(|| panic!("neither error, cause nor hint: {self:?}"));
            assert!(!said.ends_with('.'), "{self:?}");
            let name_of_something = |word: &str| word.len() > 1 && word.chars().skip(1).any(|c| !c.is_lowercase());
            let capital = said.starts_with(|first: char| first.is_uppercase());
            let first = said.split_whitespace().next().unwrap_or_default();
            assert!(!capital || name_of_something(first), "{self:?}");
        }
        for word in words {
            assert!(report.contains(word), "no {word:?}: {self:?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(super) trait Run {
    fn run(&mut self) -> Ran;
    fn run_with(&mut self, input: &str) -> Ran;
}

impl Run for Command {
    fn run(&mut self) -> Ran {
        ran(self.output().unwrap_or_else(|error| panic!("{self:?}: {error}")))
    }

    fn run_with(&mut self, input: &str) -> Ran {
        let mut child = self.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not want it may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        ran(child.wait_with_output().unwrap())
    }
}

pub(super) fn ran(output: std::process::Output) -> Ran {
    Ran {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
