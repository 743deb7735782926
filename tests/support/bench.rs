//! A whole world to run commands in: the stand-in of AWS, a vault, AWS's files, a person, and a clock for all of them.

use std::{
    cell::OnceCell,
    ffi::OsString,
    fs,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use mfavault::{
    aws::{Aws, AwsError, Caller, ConnectionSettings, HttpAws, MfaProof, Signer, TimeSource, endpoints},
    clock::{Clock, SystemClock},
    commands::{self, Context, Error, Outcome, SessionRequest, mfa},
    credentials::{Credentials, LongTermCredentials, SessionCredentials},
    environment::Environment,
    keystore::Keystore,
    mfa::{AuthenticationCode, CodeSettings, TimeStep},
    profile::ProfileName,
    rehearsal::{Fault, FaultKind, Rehearsal, Settings},
    vault::{DeviceRecord, KeyRecord, Vault},
};

use super::{manual_clock::ManualClock, memory_keystore::MemoryKeystore, scripted_prompt::ScriptedPrompt};

pub(crate) const SERIAL: &str = "arn:aws:iam::111122223333:mfa/alice";
const CONFIG: &str = "[profile main]\nregion = us-east-1\n";

/// The world; each [`Bench::run`] is like a new process in it.
pub(crate) struct Bench {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) aws: Rehearsal,
    pub(crate) keystore: MemoryKeystore,
    /// The seeds' own keystore, if they have one.
    pub(crate) seeds: Option<MemoryKeystore>,
    pub(crate) prompt: ScriptedPrompt,
    pub(crate) environment: Environment,
    pub(crate) own_program: PathBuf,
    /// What the person does in the browser with a sign-in: approve it or not; none has no browser.
    browser: Mutex<Option<bool>>,
    folder: tempfile::TempDir,
    skew: AtomicI64,
    hours_visited: AtomicI64,
}

/// To import from there what comes, without a wish.
pub(crate) fn import_of(from: mfa::import::From) -> mfa::import::Arguments {
    mfa::import::Arguments {
        name: None,
        from,
        serial_number: None,
        profile: None,
        overwrite: false,
        dry_run: false,
        confirmed: false,
    }
}

impl Bench {
    /// An account with `alice` under a force-MFA policy; her key is the vault's, as profile `main`.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// As [`Bench::new`], with another account.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let bench = Self::empty(change);
        fs::write(bench.path("config"), CONFIG).unwrap();
        bench.store_key("main", "alice");
        bench
    }

    /// As [`Bench::with`], but nothing is stored yet.
    pub(crate) fn empty(change: impl FnOnce(&mut Settings)) -> Self {
        Self::at(ManualClock::new(), change)
    }

    /// For the real program, which lives by the machine's clock; nothing is stored yet, and time stands still here.
    pub(crate) fn on_the_system_clock(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = ManualClock::new();
        clock.set(SystemClock.now());
        let bench = Self::at(clock, |settings| {
            settings.clock = Arc::new(SystemClock);
            change(settings);
        });
        bench.write_config(CONFIG);
        bench
    }

    fn at(clock: ManualClock, change: impl FnOnce(&mut Settings)) -> Self {
        let clock = Arc::new(clock);
        let mut settings = Settings::new(Arc::clone(&clock) as Arc<dyn Clock + Send + Sync>);
        change(&mut settings);
        let aws = Rehearsal::start(settings).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let environment = environment(&folder, &[("AWS_ENDPOINT_URL", &aws.url())]);
        let (keystore, prompt) = (MemoryKeystore::new(), ScriptedPrompt::default());
        let (skew, hours_visited) = (AtomicI64::new(0), AtomicI64::new(0));
        let own_program = PathBuf::from("/opt/mfavault/bin/mfavault");
        let browser = Mutex::default();
        let seeds = None;
        Bench { clock, aws, keystore, seeds, prompt, environment, own_program, browser, folder, skew, hours_visited }
    }

    /// As [`Bench::new`], with alice's device enabled, no session remembered, and nothing spent that counts.
    pub(crate) fn with_device() -> Self {
        let bench = Self::new();
        bench.enable().unwrap();
        bench.settle();
        bench
    }

    /// Forgets sessions, and lets so much time pass that no code and no try of before counts any more.
    pub(crate) fn settle(&self) {
        self.run(|context| commands::clear::run(context, None)).unwrap();
        self.clock.advance(180);
        self.prompt.talk();
        self.prompt.countdowns();
        self.clock.waited();
    }

    /// Sets how many seconds AWS's clock is ahead.
    pub(crate) fn set_skew(&self, seconds: i64) {
        self.skew.store(seconds, Ordering::Relaxed);
        self.aws.set_clock_offset(seconds);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Replaces the AWS config.
    pub(crate) fn write_config(&self, text: &str) {
        fs::write(self.path("config"), text).unwrap();
    }

    /// Adds or replaces variables of the environment.
    pub(crate) fn set_environment(&mut self, pairs: &[(&str, &str)]) {
        let url = self.aws.url();
        let all: Vec<_> = [("AWS_ENDPOINT_URL", url.as_str())].into_iter().chain(pairs.iter().copied()).collect();
        self.environment = environment(&self.folder, &all);
    }

    /// What a command does in a process of its own.
    pub(crate) fn run<T>(&self, act: impl FnOnce(&Context<'_>) -> T) -> T {
        self.run_over(&self.keystore, act)
    }

    /// As [`Bench::run`], over another keystore.
    pub(crate) fn run_over<T>(&self, keystore: &dyn Keystore, act: impl FnOnce(&Context<'_>) -> T) -> T {
        self.run_with(keystore, &self.client(), act)
    }

    /// As [`Bench::run_over`], with something between the command and AWS.
    pub(crate) fn run_with<T>(&self, keystore: &dyn Keystore, aws: &dyn Aws, act: impl FnOnce(&Context<'_>) -> T) -> T {
        let vault = Vault::new(keystore, &self.environment.folders.data, &self.environment.folders.state);
        let vault = match &self.seeds {
            Some(seeds) => vault.with_seeds_in(seeds, true),
            None => vault,
        };
        act(&Context {
            vault: &vault,
            aws,
            prompt: &self.prompt,
            clock: &*self.clock,
            environment: &self.environment,
            shared_config: OnceCell::new(),
            own_program: self.own_program.clone(),
            browse: Box::new(|url| self.browse(url)),
            given_passphrase: Box::new(|| Ok(self.environment.passphrase.clone())),
        })
    }

    /// Sets what the person does in the browser with a sign-in: approve it or not; none has no browser.
    pub(crate) fn set_browser(&self, approves: Option<bool>) {
        *self.browser.lock().unwrap() = approves;
    }

    fn browse(&self, url: &str) -> bool {
        let Some(approves) = *self.browser.lock().unwrap() else { return false };
        let (_, user_code) = url.split_once("user_code=").expect("the page of a sign-in");
        assert!(self.aws.answer_sign_in(user_code, approves), "{url}");
        true
    }

    /// The way to AWS.
    pub(crate) fn client(&self) -> HttpAws {
        let (now, wait) = (Arc::clone(&self.clock), Arc::clone(&self.clock));
        let now = Box::new(move || now.now());
        let wait = Box::new(move |time| wait.wait_until(wait.now() + time));
        HttpAws::new(ConnectionSettings::default(), TimeSource { now, wait })
    }

    /// The key pair of one of the account's users.
    pub(crate) fn key_of(&self, user: &str) -> LongTermCredentials {
        self.aws.credentials(user).unwrap()
    }

    pub(crate) fn store_key(&self, profile: &str, user: &str) {
        let record =
            KeyRecord { created: None, credentials: self.key_of(user), account_id: None, added: self.clock.now() };
        self.run(|context| context.vault.store_key(&name(profile), &record)).unwrap();
    }

    /// `mfa enable main`.
    pub(crate) fn enable(&self) -> Result<(), Error> {
        self.enable_with(|_| {})
    }

    /// `mfa enable main` with more options.
    pub(crate) fn enable_with(&self, change: impl FnOnce(&mut mfa::enable::Arguments)) -> Result<(), Error> {
        let mut arguments = mfa::enable::Arguments::plain(name("main"));
        change(&mut arguments);
        self.run(|context| mfa::enable::run(context, &arguments)).map(|_| ())
    }

    /// What `export PROFILE` gives.
    pub(crate) fn credentials(&self, profile: &str) -> Result<Credentials, Error> {
        self.credentials_with(profile, |_| {})
    }

    /// What `export PROFILE` gives with options.
    pub(crate) fn credentials_with(
        &self,
        profile: &str,
        change: impl FnOnce(&mut SessionRequest),
    ) -> Result<Credentials, Error> {
        let mut request = SessionRequest::plain(name(profile));
        change(&mut request);
        match self.run(|context| commands::exec::credentials(context, &request))? {
            Outcome::Credentials { credentials, .. } => Ok(credentials),
            _ => panic!("no credentials came out"),
        }
    }

    pub(crate) fn device(&self, name: &str) -> Option<DeviceRecord> {
        self.run(|context| context.vault.device(name)).unwrap()
    }

    /// Requests from here on: what was asked while `act` ran, as `Action seconds device`, refused ones with the error.
    pub(crate) fn requests_of<T>(&self, act: impl FnOnce() -> T) -> (Vec<String>, T) {
        let before = self.aws.requests().len();
        let result = act();
        let requests = self.aws.requests().split_off(before);
        let lines = requests.into_iter().map(|request| {
            let mut line = request.action;
            line.extend(request.duration_seconds.map(|seconds| format!(" {seconds}")));
            line.extend(
                request.serial_number.map(|serial| format!(" {}", serial.replace("arn:aws:iam::111122223333:", ""))),
            );
            line.push_str(if request.with_code { "+code" } else { "" });
            line.extend(request.error_code.map(|code| format!(" {code}")));
            line
        });
        (lines.collect(), result)
    }

    /// Lets an action go wrong, so many times, or until faults are cleared.
    pub(crate) fn fail(&self, action: &str, kind: FaultKind, times: Option<u32>) {
        self.aws.inject_fault(Fault { action: Some(action.to_owned()), kind, times });
    }

    /// The devices at AWS: serial number and owner, none for a device that is not enabled.
    pub(crate) fn devices_at_aws(&self) -> Vec<(String, Option<String>)> {
        let state = self.aws.state();
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let devices = state["devices"].as_array().unwrap().iter();
        devices.map(|device| (text(&device["serial_number"]).unwrap(), text(&device["user"]))).collect()
    }

    /// Asserts that AWS demands no device whose seed is not in the vault or makes wrong codes. An hour to come is
    /// visited for it, so that nothing is spent that counts.
    #[track_caller]
    pub(crate) fn assert_no_device_without_its_seed(&self, keystore: &dyn Keystore, case: &str) {
        for (serial, user) in self.devices_at_aws() {
            let Some(user) = user else { continue };
            let found = self.run_over(keystore, |context| context.vault.device_with_serial(&serial.parse().unwrap()));
            let Ok(Some(record)) = found else { panic!("{case}: AWS demands {serial}, and its seed is lost") };
            let hours = self.hours_visited.fetch_add(1, Ordering::Relaxed) + 1;
            self.aws.set_clock_offset(self.skew.load(Ordering::Relaxed) + 3600 * hours);
            let session = self.session_with(&user, &record);
            self.aws.set_clock_offset(self.skew.load(Ordering::Relaxed));
            assert!(session.is_ok(), "{case}: the seed of {serial} makes wrong codes: {session:?}");
        }
    }

    /// A session of a user with the code of the current step, past vault and ledger.
    pub(crate) fn session_with(&self, user: &str, record: &DeviceRecord) -> Result<SessionCredentials, AwsError> {
        let proof =
            MfaProof { serial_number: record.device.serial_number.clone().unwrap(), code: self.code(record, 0) };
        self.ask_aws(&self.key_of(user).into(), |aws, caller| {
            aws.get_session_token(caller, Duration::from_secs(3600), Some(&proof))
        })
    }

    /// The code of a device so many steps from AWS's now, past the ledger.
    pub(crate) fn code(&self, record: &DeviceRecord, steps: i64) -> AuthenticationCode {
        let now = TimeStep::at(self.aws.now(), CodeSettings::AWS);
        record.device.code(TimeStep(now.0.strict_add_signed(steps)))
    }

    /// Whether IAM lets these credentials do what the force-MFA policy denies without MFA.
    pub(crate) fn carries_mfa(&self, credentials: &Credentials) -> bool {
        self.ask_aws(credentials, |aws, caller| aws.list_users(caller)).is_ok()
    }

    /// Asks AWS with these credentials.
    pub(crate) fn ask_aws<T>(&self, credentials: &Credentials, ask: impl FnOnce(&HttpAws, Caller<'_>) -> T) -> T {
        let settings = endpoints::EndpointSettings { endpoint_url: Some(self.aws.url()), ..Default::default() };
        let endpoints = endpoints::resolve(&settings).unwrap();
        let signer = match credentials {
            Credentials::LongTerm(key) => Signer::LongTerm(key),
            Credentials::Session(session) => Signer::Session(session),
        };
        let now = self.aws.now();
        let time = TimeSource { now: Box::new(move || now), wait: Box::new(|_| ()) };
        ask(&HttpAws::new(ConnectionSettings::default(), time), Caller { signer, endpoints: &endpoints })
    }
}

pub(crate) fn name(profile: &str) -> ProfileName {
    profile.parse().unwrap()
}

fn environment(folder: &tempfile::TempDir, pairs: &[(&str, &str)]) -> Environment {
    let own = [
        ("AWS_CONFIG_FILE", folder.path().join("config").into_os_string()),
        ("AWS_SHARED_CREDENTIALS_FILE", folder.path().join("credentials").into_os_string()),
        ("MFAVAULT_HOME", folder.path().join("vault").into_os_string()),
        ("PATH", OsString::from("/usr/bin:/bin")),
        ("USER", OsString::from("tester")),
    ];
    let given = pairs.iter().rev().map(|(name, value)| (name.into(), value.into()));
    let own = own.into_iter().map(|(name, value)| (name.into(), value));
    // Of equal names the first counts.
    Environment::from_variables(given.chain(own).collect(), Some(folder.path().to_owned())).unwrap()
}
