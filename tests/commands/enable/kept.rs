//! What `mfa enable` must not forget: seeds that it did not make, devices of other accounts, devices that IAM is late to
//! know; and what it must not take for a proof.

use std::{
    cell::{Cell, RefCell},
    fs, mem,
    time::{Duration, SystemTime},
};

use mfavault::{
    aws::{
        AssumeRoleRequest, Aws, AwsError, Caller, CallerIdentity, ClockOffset, CreatedAccessKey, CreatedDevice,
        CredentialReport, DeviceAuthorization, EnabledDevice, Grant, HttpAws, ListedAccessKey, ListedDevice, MfaProof,
        RegisteredClient, SessionPolicy, SsoToken, WebIdentityRequest,
        endpoints::{ConsoleEndpoints, Endpoints, SsoEndpoints},
    },
    clock::Clock,
    commands::{Error, SessionRequest, mfa::enable},
    credentials::{AccessKeyId, SessionCredentials},
    mfa::{AuthenticationCode, CodeSettings, Seed, SerialNumber, VirtualMfaDevice},
    rehearsal::{FaultKind, Rehearsal, Settings},
    secret::SecretText,
    vault::{DeviceRecord, SessionKind, SessionRecord},
};

use super::{begun, enrolments, unfinished};
use crate::support::bench::{Bench, SERIAL, name};

const ADMINS: &str = "arn:aws:iam::111122223333:mfa/admin";

/// AWS where EnableMFADevice does not know a device yet, and perhaps DeleteVirtualMFADevice neither; where a user has
/// devices that the stand-in does not have; and to which the way is long.
pub(super) struct Late<'a> {
    aws: HttpAws,
    enabling: Cell<usize>,
    deleting: Cell<usize>,
    asked: RefCell<Vec<&'static str>>,
    /// Devices that the user has, too.
    pub(super) others: Vec<SerialNumber>,
    /// What happens before EnableMFADevice gets there.
    pub(super) on_the_way: Box<dyn Fn() + 'a>,
}

impl Late<'_> {
    pub(super) fn new(bench: &Bench, enabling: usize, deleting: usize) -> Self {
        Late {
            aws: bench.client(),
            enabling: Cell::new(enabling),
            deleting: Cell::new(deleting),
            asked: RefCell::default(),
            others: Vec::new(),
            on_the_way: Box::new(|| ()),
        }
    }

    fn answer(&self, left: &Cell<usize>, operation: &'static str) -> Result<(), AwsError> {
        self.asked.borrow_mut().push(operation);
        if left.get() == 0 {
            return Ok(());
        }
        left.set(left.get() - 1);
        Err(AwsError::NoSuchEntity { operation, message: "it is late".to_owned() })
    }
}

impl Aws for Late<'_> {
    fn get_caller_identity(&self, caller: Caller<'_>) -> Result<CallerIdentity, AwsError> {
        self.aws.get_caller_identity(caller)
    }

    fn get_session_token(
        &self,
        caller: Caller<'_>,
        duration: Duration,
        mfa: Option<&MfaProof>,
    ) -> Result<SessionCredentials, AwsError> {
        self.aws.get_session_token(caller, duration, mfa)
    }

    fn assume_role(&self, caller: Caller<'_>, request: &AssumeRoleRequest) -> Result<SessionCredentials, AwsError> {
        self.aws.assume_role(caller, request)
    }

    fn assume_role_with_web_identity(
        &self,
        endpoints: &Endpoints,
        request: &WebIdentityRequest,
    ) -> Result<SessionCredentials, AwsError> {
        self.aws.assume_role_with_web_identity(endpoints, request)
    }

    fn get_federation_token(
        &self,
        caller: Caller<'_>,
        name: &str,
        session_policy: &SessionPolicy,
        duration: Duration,
    ) -> Result<SessionCredentials, AwsError> {
        self.aws.get_federation_token(caller, name, session_policy, duration)
    }

    fn get_signin_token(
        &self,
        console: &ConsoleEndpoints,
        credentials: &SessionCredentials,
        duration: Option<Duration>,
    ) -> Result<SecretText, AwsError> {
        self.aws.get_signin_token(console, credentials, duration)
    }

    fn register_client(&self, sso: &SsoEndpoints, name: &str, scopes: &[String]) -> Result<RegisteredClient, AwsError> {
        self.aws.register_client(sso, name, scopes)
    }

    fn start_device_authorization(
        &self,
        sso: &SsoEndpoints,
        client: &RegisteredClient,
        start_url: &str,
    ) -> Result<DeviceAuthorization, AwsError> {
        self.aws.start_device_authorization(sso, client, start_url)
    }

    fn create_token(
        &self,
        sso: &SsoEndpoints,
        client: &RegisteredClient,
        grant: Grant<'_>,
    ) -> Result<SsoToken, AwsError> {
        self.aws.create_token(sso, client, grant)
    }

    fn get_role_credentials(
        &self,
        sso: &SsoEndpoints,
        access_token: &SecretText,
        account_id: &str,
        role_name: &str,
    ) -> Result<SessionCredentials, AwsError> {
        self.aws.get_role_credentials(sso, access_token, account_id, role_name)
    }

    fn create_virtual_mfa_device(&self, caller: Caller<'_>, name: &str) -> Result<CreatedDevice, AwsError> {
        self.aws.create_virtual_mfa_device(caller, name)
    }

    fn enable_mfa_device(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        serial_number: &SerialNumber,
        codes: [&AuthenticationCode; 2],
    ) -> Result<(), AwsError> {
        self.answer(&self.enabling, "EnableMFADevice")?;
        (self.on_the_way)();
        self.aws.enable_mfa_device(caller, user_name, serial_number, codes)
    }

    fn resync_mfa_device(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        serial_number: &SerialNumber,
        codes: [&AuthenticationCode; 2],
    ) -> Result<(), AwsError> {
        self.aws.resync_mfa_device(caller, user_name, serial_number, codes)
    }

    fn list_mfa_devices(&self, caller: Caller<'_>, user_name: &str) -> Result<Vec<EnabledDevice>, AwsError> {
        let others = self.others.iter().map(|serial_number| EnabledDevice {
            serial_number: serial_number.clone(),
            user_name: user_name.to_owned(),
            enabled: SystemTime::UNIX_EPOCH,
        });
        Ok(self.aws.list_mfa_devices(caller, user_name)?.into_iter().chain(others).collect())
    }

    fn deactivate_mfa_device(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        serial_number: &SerialNumber,
    ) -> Result<(), AwsError> {
        self.aws.deactivate_mfa_device(caller, user_name, serial_number)
    }

    fn list_virtual_mfa_devices(&self, caller: Caller<'_>) -> Result<Vec<ListedDevice>, AwsError> {
        self.aws.list_virtual_mfa_devices(caller)
    }

    fn delete_virtual_mfa_device(&self, caller: Caller<'_>, serial_number: &SerialNumber) -> Result<(), AwsError> {
        self.answer(&self.deleting, "DeleteVirtualMFADevice")?;
        self.aws.delete_virtual_mfa_device(caller, serial_number)
    }

    fn create_access_key(&self, caller: Caller<'_>, user_name: &str) -> Result<CreatedAccessKey, AwsError> {
        self.aws.create_access_key(caller, user_name)
    }

    fn list_access_keys(&self, caller: Caller<'_>, user_name: &str) -> Result<Vec<ListedAccessKey>, AwsError> {
        self.aws.list_access_keys(caller, user_name)
    }

    fn update_access_key(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        access_key_id: &AccessKeyId,
        active: bool,
    ) -> Result<(), AwsError> {
        self.aws.update_access_key(caller, user_name, access_key_id, active)
    }

    fn delete_access_key(
        &self,
        caller: Caller<'_>,
        user_name: &str,
        access_key_id: &AccessKeyId,
    ) -> Result<(), AwsError> {
        self.aws.delete_access_key(caller, user_name, access_key_id)
    }

    fn get_access_key_last_used(
        &self,
        caller: Caller<'_>,
        access_key_id: &AccessKeyId,
    ) -> Result<Option<SystemTime>, AwsError> {
        self.aws.get_access_key_last_used(caller, access_key_id)
    }

    fn generate_credential_report(&self, caller: Caller<'_>) -> Result<bool, AwsError> {
        self.aws.generate_credential_report(caller)
    }

    fn get_credential_report(&self, caller: Caller<'_>) -> Result<CredentialReport, AwsError> {
        self.aws.get_credential_report(caller)
    }

    fn clock_offset(&self) -> Option<ClockOffset> {
        self.aws.clock_offset()
    }
}

/// `mfa enable main --qr device.png` at an AWS that is late; which of the late calls were made.
fn enable_late(bench: &Bench, enabling: usize, deleting: usize) -> (Vec<&'static str>, Result<(), Error>) {
    let late = Late::new(bench, enabling, deleting);
    let qr = Some(bench.path("device.png"));
    let arguments = enable::Arguments { qr, ..enable::Arguments::plain(name("main")) };
    let result = bench.run_with(&bench.keystore, &late, |context| enable::run(context, &arguments)).map(drop);
    (late.asked.into_inner(), result)
}

/// A world whose profile `main` is an administrator's, who may delete devices.
fn with_admin() -> Bench {
    let bench = Bench::empty(|_| {});
    bench.write_config("[profile main]\n");
    bench.store_key("main", "admin");
    bench
}

/// Puts a seed into the vault as `mfa import` does.
fn imported(bench: &Bench, local_name: &str, serial_number: Option<&str>, seed: Option<Seed>) -> DeviceRecord {
    let device = VirtualMfaDevice {
        name: local_name.to_owned(),
        serial_number: serial_number.map(|serial| serial.parse().unwrap()),
        issuer: None,
        account: local_name.to_owned(),
        seed: seed.unwrap_or_else(|| Seed::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap()),
        settings: CodeSettings::AWS,
        counter: None,
    };
    let record = DeviceRecord::new(device, None, "typed in", bench.clock.now());
    bench.run(|context| context.vault.store_device(&record)).unwrap();
    record
}

/// A device that somebody made at AWS and did not enable.
fn made_at_aws(bench: &Bench, name: &str) -> Seed {
    let admin = bench.key_of("admin").into();
    bench.ask_aws(&admin, |aws, caller| aws.create_virtual_mfa_device(caller, name)).unwrap().seed
}

#[test]
fn an_imported_seed_of_a_device_that_aws_does_not_have_is_kept() {
    for (bench, user, serial) in [(Bench::new(), "alice", SERIAL), (with_admin(), "admin", ADMINS)] {
        let record = imported(&bench, "phone", Some(serial), None);
        bench.clock.advance(600);
        let error = bench.enable().unwrap_err();
        assert!(matches!(&error, Error::NotAtAws { name, .. } if name == "phone"), "{user}: {error}");
        assert_eq!((bench.device("phone"), enrolments(&bench)), (Some(record), 0), "{user}");
        bench.enable_with(|arguments| arguments.name = Some("laptop".to_owned())).unwrap();
        assert!(bench.device("phone").is_some() && bench.device("laptop").is_some(), "{user}");
    }
}

#[test]
fn a_name_whose_device_is_another_users_is_refused_at_once() {
    let bench = with_admin();
    let phone = |arguments: &mut enable::Arguments, user_name: Option<&str>| {
        arguments.name = Some("phone".to_owned());
        arguments.user_name = user_name.map(ToOwned::to_owned);
    };
    bench.enable_with(|arguments| phone(arguments, Some("alice"))).unwrap();
    let devices = bench.devices_at_aws();
    bench.clock.advance(600);
    let (requests, result) = bench.requests_of(|| bench.enable_with(|arguments| phone(arguments, None)));
    let error = result.unwrap_err();
    assert!(matches!(&error, Error::DeviceInUse { user_name, .. } if user_name == "admin"), "{error}");
    assert!(!requests.iter().any(|request| request.contains("EnableMFADevice")), "{requests:?}");
    // Where they cannot be listed, AWS tells, when it is too late for two codes.
    bench.fail("ListVirtualMFADevices", FaultKind::ClosedBeforeActing, None);
    let (requests, result) = bench.requests_of(|| bench.enable_with(|arguments| phone(arguments, None)));
    assert!(matches!(result, Err(Error::DeviceInUse { .. })), "{result:?}");
    assert_eq!(requests.iter().filter(|request| request.contains("EnableMFADevice")).count(), 1, "{requests:?}");
    assert_eq!((bench.devices_at_aws(), enrolments(&bench)), (devices, 0));
    assert!(bench.device("phone").is_some());
}

#[test]
fn an_imported_seed_whose_codes_aws_refuses_is_kept_and_the_device_too() {
    let bench = with_admin();
    made_at_aws(&bench, "admin");
    let record = imported(&bench, "phone", Some(ADMINS), None);
    let error = bench.enable().unwrap_err();
    assert!(matches!(error, Error::Aws(AwsError::InvalidAuthenticationCode { .. })), "{error}");
    assert!(bench.prompt.talk().contains("was not begun here"));
    assert_eq!((bench.device("phone"), bench.devices_at_aws()), (Some(record), vec![(ADMINS.to_owned(), None)]));
}

#[test]
fn an_imported_device_that_is_not_enabled_yet_is_enabled_and_proved() {
    let bench = Bench::new();
    let seed = made_at_aws(&bench, "alice");
    imported(&bench, "phone", Some(SERIAL), Some(seed));
    bench.enable().unwrap();
    assert_eq!(bench.devices_at_aws(), [(SERIAL.to_owned(), Some("alice".to_owned()))]);
    assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
}

#[test]
fn the_seed_of_another_accounts_device_is_kept_when_the_profiles_key_is_replaced() {
    let mut bench = Bench::new();
    bench.fail("GetSessionToken", FaultKind::ClosedBeforeActing, None);
    unfinished(bench.enable());
    bench.aws.clear_faults();
    let first = bench.device("alice").unwrap();
    let mut settings = Settings::new(bench.clock.clone());
    settings.account_id = "444455556666".to_owned();
    let first_aws = mem::replace(&mut bench.aws, Rehearsal::start(settings).unwrap());
    bench.set_environment(&[]);
    bench.store_key("main", "alice");
    bench.enable().unwrap();
    assert_eq!(bench.device("alice"), Some(first));
    let second = bench.device("alice@444455556666").unwrap().device.serial_number.unwrap();
    assert_eq!(second.as_str(), "arn:aws:iam::444455556666:mfa/alice");
    assert_eq!(enrolments(&bench), 0);
    bench.aws = first_aws;
    bench.assert_no_device_without_its_seed(&bench.keystore, "the first account");
}

#[test]
fn what_was_begun_in_another_account_is_still_begun_after_a_run_in_this_one() {
    let mut bench = Bench::new();
    let mut settings = Settings::new(bench.clock.clone());
    settings.account_id = "444455556666".to_owned();
    let mut other_aws = Rehearsal::start(settings).unwrap();
    let mut change_account = |bench: &mut Bench| {
        mem::swap(&mut bench.aws, &mut other_aws);
        bench.set_environment(&[]);
        bench.store_key("main", "alice");
    };
    change_account(&mut bench);
    bench.enable().unwrap();
    change_account(&mut bench);
    bench.write_config("[profile main]\n");
    bench.fail("EnableMFADevice", FaultKind::ClosedBeforeActing, None);
    unfinished(bench.enable());
    bench.aws.clear_faults();
    change_account(&mut bench);
    bench.enable().unwrap();
    assert_eq!(enrolments(&bench), 1);
}

#[test]
fn a_device_that_iam_is_a_moment_late_to_know_is_waited_for() {
    let bench = Bench::new();
    let (asked, result) = enable_late(&bench, 1, 0);
    result.unwrap();
    assert_eq!(asked, ["EnableMFADevice", "EnableMFADevice"]);
    assert!(bench.prompt.countdowns()[0].0.contains("IAM"));
}

#[test]
fn a_device_that_iam_does_not_come_to_know_is_deleted_with_seed_and_picture() {
    let bench = with_admin();
    let (asked, result) = enable_late(&bench, 5, 0);
    assert!(matches!(result, Err(Error::Aws(AwsError::NoSuchEntity { .. }))));
    assert_eq!(asked, [["EnableMFADevice"; 5].as_slice(), &["DeleteVirtualMFADevice"]].concat());
    assert_eq!((bench.devices_at_aws(), bench.device("admin"), enrolments(&bench)), (vec![], None, 0));
    assert!(!bench.path("device.png").exists());
}

#[test]
fn a_new_device_that_iam_does_not_know_even_to_delete_it_keeps_its_seed_for_the_next_run() {
    // alice may not delete, so she never hears whether it is there.
    for (bench, deleting) in [(with_admin(), 1), (Bench::new(), 0)] {
        let (_, result) = enable_late(&bench, 5, deleting);
        assert!(matches!(unfinished(result), Error::Aws(AwsError::NoSuchEntity { .. })));
        assert!(bench.prompt.talk().contains("its seed is kept"));
        assert_eq!((bench.devices_at_aws().len(), enrolments(&bench)), (1, 1));
        let (_, result) = enable_late(&bench, 0, 0);
        result.unwrap();
        assert_eq!((bench.devices_at_aws().len(), enrolments(&bench)), (1, 0));
        bench.assert_no_device_without_its_seed(&bench.keystore, "after the second run");
    }
}

#[test]
fn a_session_of_an_earlier_device_of_the_name_is_no_proof() {
    let bench = Bench::new();
    let old = bench.run(|context| {
        let plan = SessionRequest::plain(name("main")).plan_with_serial(context, &SERIAL.parse().unwrap()).unwrap();
        let credentials = SessionCredentials {
            access_key_id: "ASIAIOSFODNN7EXAMPLE".parse().unwrap(),
            secret_access_key: "wJalr".into(),
            session_token: "old".into(),
            expiration: bench.clock.now() + Duration::from_secs(3600),
        };
        let kind = SessionKind::GetSessionToken;
        let session = SessionRecord { credentials, kind, profile: name("main"), source: name("main"), mfa: true };
        let key = plan.steps[0].cache_key.clone();
        context.vault.remember_session(&key, &session, bench.clock.now()).unwrap();
        (key, session)
    });
    bench.fail("GetSessionToken", FaultKind::ClosedBeforeActing, None);
    unfinished(bench.enable());
    bench.aws.clear_faults();
    let (requests, result) = bench.requests_of(|| bench.enable());
    result.unwrap();
    assert!(requests.contains(&"GetSessionToken 3600 mfa/alice+code".to_owned()), "{requests:?}");
    let remembered = bench.run(|context| context.vault.session(&old.0, bench.clock.now())).unwrap().unwrap();
    assert_ne!(remembered, old.1);
    assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
}

#[test]
fn the_proof_of_a_profile_with_a_role_is_not_taken_for_the_roles_session() {
    let bench = Bench::new();
    let role = "role_arn = arn:aws:iam::111122223333:role/deploy\nduration_seconds = 7200";
    bench.write_config(&format!("[profile main]\n{role}\n"));
    bench.enable().unwrap();
    assert!(bench.prompt.talk().contains("proved it"));
    let (requests, credentials) = bench.requests_of(|| bench.credentials("main"));
    credentials.unwrap();
    assert_eq!(requests, ["AssumeRole 7200 mfa/alice+code"]);
}

#[test]
fn the_proof_of_a_profile_whose_sessions_come_of_another_key_is_not_remembered() {
    let bench = Bench::new();
    bench.store_key("other", "admin");
    let role = "role_arn = arn:aws:iam::111122223333:role/open\nsource_profile = other";
    bench.write_config(&format!("[profile main]\n{role}\n[profile other]\n"));
    let (requests, result) = bench.requests_of(|| bench.enable());
    result.unwrap();
    assert!(requests.contains(&"GetSessionToken 900 mfa/alice+code".to_owned()), "{requests:?}");
    assert!(!bench.keystore.names().iter().any(|record| record.starts_with("session/")));
}

#[test]
fn a_run_with_a_qr_code_can_be_run_again() {
    let bench = Bench::new();
    let path = bench.path("device.png");
    let with_qr = || bench.enable_with(|arguments| arguments.qr = Some(path.clone()));
    bench.fail("EnableMFADevice", FaultKind::ClosedBeforeActing, None);
    unfinished(with_qr());
    bench.aws.clear_faults();
    let picture = fs::read(&path).unwrap();
    let mut other = picture.clone();
    *other.last_mut().unwrap() ^= 1;
    for content in [b"mine".to_vec(), other] {
        fs::write(&path, &content).unwrap();
        assert!(matches!(unfinished(with_qr()), Error::PictureExists { .. }));
        assert_eq!((fs::read(&path).unwrap(), bench.devices_at_aws()), (content, vec![(SERIAL.to_owned(), None)]));
    }
    fs::write(&path, &picture).unwrap();
    with_qr().unwrap();
    with_qr().unwrap();
    assert_eq!(fs::read(&path).unwrap(), picture);
    fs::remove_file(&path).unwrap();
    with_qr().unwrap();
    assert_eq!(fs::read(&path).unwrap(), picture, "of a device that is enabled already");
}

#[test]
fn a_local_name_that_is_taken_is_never_taken_over() {
    let bench = Bench::new();
    let held = ["alice", "alice@111122223333"].map(|name| imported(&bench, name, None, None));
    bench.enable().unwrap();
    assert_eq!(["alice", "alice@111122223333"].map(|name| bench.device(name).unwrap()), held);
    let record = bench.device("alice@111122223333-2").unwrap();
    assert_eq!(record.device.serial_number.unwrap().as_str(), SERIAL);
}

#[test]
fn a_name_whose_seed_is_here_already_is_passed_over_when_the_wanted_one_is_taken() {
    let bench = Bench::new();
    made_at_aws(&bench, "alice");
    let record = imported(&bench, "phone", Some(&format!("{SERIAL}-2")), None);
    bench.enable().unwrap();
    assert_eq!(bench.device("phone"), Some(record));
    assert!(bench.devices_at_aws().contains(&(format!("{SERIAL}-3"), Some("alice".to_owned()))));
}

#[test]
fn what_was_begun_for_another_user_is_not_gone_on_with() {
    let bench = with_admin();
    begun(&bench);
    let first = bench.device("admin").unwrap();
    let for_alice = || bench.enable_with(|arguments| arguments.user_name = Some("alice".to_owned()));
    let begun = |begun: &enable::Begun| (begun.serial_number.as_str() == ADMINS, begun.user_name.clone());
    let error = for_alice().unwrap_err();
    assert!(matches!(&error, Error::EnrolmentBegun { begun: which, .. } if begun(which) == (true, None)), "{error}");
    assert_eq!((bench.device("admin"), enrolments(&bench)), (Some(first), 1));
    bench.enable().unwrap();
    for_alice().unwrap();
    let owners = [(ADMINS, "admin"), (SERIAL, "alice")];
    assert_eq!(bench.devices_at_aws(), owners.map(|(serial, user)| (serial.to_owned(), Some(user.to_owned()))));
}

#[test]
fn what_was_begun_and_then_forgotten_here_stands_in_nobodys_way() {
    let bench = with_admin();
    begun(&bench);
    bench.run(|context| context.vault.forget_device("admin")).unwrap();
    bench.enable_with(|arguments| arguments.user_name = Some("alice".to_owned())).unwrap();
    assert_eq!(enrolments(&bench), 0);
    bench.assert_no_device_without_its_seed(&bench.keystore, "another one");
}
