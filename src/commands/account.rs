//! Who calls IAM about a user's devices and keys, and about whose.
//!
//! A user without a device calls with the long-term credentials. Whoever has one must show an MFA session to enable or
//! deactivate devices of his own, whatever the policies say (bulletin AWS-2023-001), and under a force-MFA policy to
//! delete them too. Somebody else's devices are an administrator's matter, who calls with what his profile gives.

use std::{cell::OnceCell, time::Duration};

use crate::{
    aws::{AwsError, Caller, CallerIdentity, ClockOffset, EnabledDevice, Signer},
    commands::{Context, Error, SessionRequest},
    credentials::{Credentials, LongTermCredentials, SessionCredentials},
    mfa::{AuthenticationCode, SerialNumber},
    profile::ProfileName,
    session::{Authenticator, Call, Plan, Step, clock_offset},
    vault::DeviceRecord,
};

/// Most devices of any kind that one user, or root, can have ("IAM and STS quotas").
const MOST_DEVICES: usize = 8;
/// How long to let AWS be after it failed or throttled.
pub(in crate::commands) const FAULT_PAUSE: Duration = Duration::from_secs(2);

/// With which profile IAM is called, and about which user.
pub(in crate::commands) struct Account<'a> {
    pub(in crate::commands) context: &'a Context<'a>,
    pub(in crate::commands) profile: &'a ProfileName,
    pub(in crate::commands) plan: Plan,
    pub(in crate::commands) identity: CallerIdentity,
    /// Whose devices it is about.
    pub(in crate::commands) user_name: String,
    /// The user's own key; of an administrator, whatever his profile gives.
    credentials: Credentials,
    /// What was got with the key and a code, once it was needed.
    session: OnceCell<SessionCredentials>,
    mfa_code: Option<AuthenticationCode>,
    is_own: bool,
}

impl<'a> Account<'a> {
    /// Finds out who calls; `user_name` is somebody else whose devices it is about.
    ///
    /// # Errors
    /// If the profile has no key here, then `NoKey`; if its key is root's, then `RootUser`; if it is another one that
    /// is no IAM user's and nobody else is named, then `NotAUser`; for somebody else, as [`SessionRequest::obtain`].
    pub(in crate::commands) fn open(
        context: &'a Context<'a>,
        profile: &'a ProfileName,
        user_name: Option<&str>,
        mfa_code: Option<AuthenticationCode>,
    ) -> Result<Self, Error> {
        let request = SessionRequest { mfa_code: mfa_code.clone(), ..SessionRequest::plain(profile.clone()) };
        let plan = request.plan(context)?;
        // A session without MFA may not call IAM at all, and the key itself may do more.
        let by_key = plan.source == *profile && plan.steps.iter().all(|step| step.call == Call::GetSessionToken);
        let credentials = match user_name.is_some() && !by_key {
            true => request.obtain(context, &plan)?,
            false => {
                let is_role = !plan.steps.iter().all(|step| step.call == Call::GetSessionToken);
                let missing = || match is_role {
                    true => Error::NotOfAUser { profile: profile.clone() },
                    false => Error::NoKey { profile: profile.clone() },
                };
                Credentials::LongTerm(context.vault.key(profile)?.ok_or_else(missing)?.credentials)
            }
        };
        Self::identified(context, profile, plan, credentials, user_name, mfa_code)
    }

    /// As [`Account::open`] for the user whose key this is, whichever the profile has: one of two while one replaces the
    /// other.
    ///
    /// # Errors
    /// If AWS does not accept the key, then `Aws`; if it is root's, then `RootUser`; if it is another one that is no IAM
    /// user's, then `NotAUser`.
    pub(in crate::commands) fn open_with_key(
        context: &'a Context<'a>,
        profile: &'a ProfileName,
        key: LongTermCredentials,
        mfa_code: Option<AuthenticationCode>,
    ) -> Result<Self, Error> {
        let plan = SessionRequest::plain(profile.clone()).plan(context)?;
        Self::identified(context, profile, plan, key.into(), None, mfa_code)
    }

    fn identified(
        context: &'a Context<'a>,
        profile: &'a ProfileName,
        plan: Plan,
        credentials: Credentials,
        user_name: Option<&str>,
        mfa_code: Option<AuthenticationCode>,
    ) -> Result<Self, Error> {
        let caller = Caller { signer: signer(&credentials), endpoints: &plan.endpoints };
        let identity = context.aws.get_caller_identity(caller)?;
        let own_name = identity.arn.resource.starts_with("user/").then(|| identity.arn.resource_name().to_owned());
        let is_own = user_name.is_none() || user_name == own_name.as_deref();
        let user_name = match (user_name, &own_name) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) => name.clone(),
            (None, None) if identity.arn.resource == "root" => return Err(Error::RootUser { arn: identity.arn }),
            (None, None) => return Err(Error::NotAUser { arn: identity.arn }),
        };
        let session = OnceCell::new();
        let account = Account { context, profile, plan, identity, user_name, credentials, session, mfa_code, is_own };
        if let (false, Some(own_name)) = (is_own, own_name) {
            account.show_mfa_of_administrator(&own_name)?;
        }
        Ok(account)
    }

    /// Has the calls from now on that no MFA session signs signed with another key of the same user.
    pub(in crate::commands) fn sign_with(&mut self, key: LongTermCredentials) {
        self.credentials = key.into();
    }

    /// Whether the calls are signed with an MFA session by now.
    pub(in crate::commands) fn shows_mfa(&self) -> bool {
        self.session.get().is_some()
    }

    /// Whether the user has a device whose codes can be had without a person: its seed is here, or a code was given.
    ///
    /// # Errors
    /// If the index cannot be read, then `Vault`.
    pub(in crate::commands) fn has_codes_of(&self, devices: &[EnabledDevice]) -> Result<bool, Error> {
        let index = self.context.vault.index()?;
        let is_held = |device: &EnabledDevice| index.device_with_serial(&device.serial_number).is_some();
        Ok(devices.iter().any(|device| self.mfa_code.is_some() || is_held(device)))
    }

    /// Whether it is about the devices of the caller.
    pub(in crate::commands) fn is_own(&self) -> bool {
        self.is_own
    }

    /// Who signs for IAM: the MFA session, if there is one by now.
    pub(in crate::commands) fn caller(&self) -> Caller<'_> {
        let signer = match self.session.get() {
            Some(session) => Signer::Session(session),
            None => signer(&self.credentials),
        };
        Caller { signer, endpoints: &self.plan.endpoints }
    }

    /// Who signs for GetSessionToken: the key.
    pub(in crate::commands) fn key_caller(&self) -> Caller<'_> {
        Caller { signer: signer(&self.credentials), endpoints: &self.plan.endpoints }
    }

    /// The user's devices of any kind.
    ///
    /// # Errors
    /// As ListMFADevices.
    pub(in crate::commands) fn devices(&self) -> Result<Vec<EnabledDevice>, Error> {
        Ok(self.context.aws.list_mfa_devices(self.caller(), &self.user_name)?)
    }

    /// Refuses one more device than AWS does.
    ///
    /// # Errors
    /// If the user has as many already, then `DeviceLimit`.
    pub(in crate::commands) fn check_room(&self, devices: &[EnabledDevice]) -> Result<(), Error> {
        if devices.len() < MOST_DEVICES {
            return Ok(());
        }
        Err(Error::DeviceLimit {
            profile: self.profile.clone(),
            user_name: self.user_name.clone(),
            is_own: self.is_own,
            serial_numbers: devices.iter().map(|device| device.serial_number.clone()).collect(),
        })
    }

    /// Has the calls from now on signed with an MFA session, if the user has a device at all: AWS wants one for enabling
    /// and deactivating then. Of the devices that give codes it is one whose seed is here, unless a code was given;
    /// then one whose seed is not; among those the preferred one, else the configured one. Does nothing for an
    /// administrator.
    ///
    /// # Errors
    /// If none of them gives codes, then `OnlyPasskeys`; else as [`Account::show_mfa`].
    pub(in crate::commands) fn show_any_mfa(
        &self,
        devices: &[EnabledDevice],
        preferred: Option<&SerialNumber>,
    ) -> Result<(), Error> {
        if !self.is_own || devices.is_empty() || self.session.get().is_some() {
            return Ok(());
        }
        match self.best_for_mfa(devices, preferred)? {
            Some(serial_number) => self.show_mfa(serial_number),
            None => Err(Error::OnlyPasskeys {
                user_name: self.user_name.clone(),
                serial_numbers: devices.iter().map(|device| device.serial_number.clone()).collect(),
            }),
        }
    }

    /// Has the calls from now on signed with an MFA session by this device of the user: one that is remembered, or a
    /// new one by a code of its seed here, of `--mfa-code`, or of a person. Does nothing for an administrator.
    ///
    /// # Errors
    /// As [`SessionRequest::obtain`]; if the profile's sessions are not of its own key, then `NoSessionOfKey`.
    pub(in crate::commands) fn show_mfa(&self, serial_number: &SerialNumber) -> Result<(), Error> {
        match self.is_own {
            true => self.open_session(serial_number),
            false => Ok(()),
        }
    }

    /// A policy may demand MFA of an administrator too: he shows it if nobody has to look for a device of his.
    fn show_mfa_of_administrator(&self, own_name: &str) -> Result<(), Error> {
        let mut devices = self.context.aws.list_mfa_devices(self.caller(), own_name).unwrap_or_default();
        if self.mfa_code.is_none() {
            let (index, configured) = (self.context.vault.index()?, self.context.mfa_serial(self.profile)?);
            devices.retain(|device| {
                let serial_number = &device.serial_number;
                configured.as_ref() == Some(serial_number) || index.device_with_serial(serial_number).is_some()
            });
        }
        match self.best_for_mfa(&devices, None)? {
            Some(serial_number) => self.open_session(serial_number),
            None => Ok(()),
        }
    }

    fn best_for_mfa<'d>(
        &self,
        devices: &'d [EnabledDevice],
        preferred: Option<&SerialNumber>,
    ) -> Result<Option<&'d SerialNumber>, Error> {
        let index = self.context.vault.index()?;
        let configured = match self.context.environment.mfa_serial.clone() {
            Some(setting) => Some(setting.value),
            None => self.context.mfa_serial(self.profile)?,
        };
        let rank = |serial_number: &&SerialNumber| {
            let is_held = index.device_with_serial(serial_number).is_some();
            let asked_for = [preferred, configured.as_ref()].map(|asked| asked == Some(*serial_number));
            (is_held == self.mfa_code.is_some(), !asked_for[0], !asked_for[1])
        };
        let serial_numbers = devices.iter().map(|device| &device.serial_number);
        Ok(serial_numbers.filter(|serial_number| serial_number.gives_codes()).min_by_key(rank))
    }

    fn open_session(&self, serial_number: &SerialNumber) -> Result<(), Error> {
        if self.session.get().is_some() {
            return Ok(());
        }
        let (request, plan) = self.plan_of_session(serial_number)?;
        if let Credentials::Session(session) = request.obtain(self.context, &plan)? {
            self.session.get_or_init(|| session);
        }
        Ok(())
    }

    /// Has the calls from now on signed with the MFA session that a device of the user gave before, if it is remembered
    /// and was not used so far; says whether that is so.
    ///
    /// # Errors
    /// As [`Account::show_mfa`].
    pub(in crate::commands) fn show_remembered_mfa(&self, serial_number: &SerialNumber) -> Result<bool, Error> {
        if !self.is_own || self.session.get().is_some() {
            return Ok(false);
        }
        let (request, plan) = self.plan_of_session(serial_number)?;
        let Some(step) = plan.steps.first() else { return Ok(false) };
        let until = self.context.clock.now() + request.min_ttl;
        let remembered = self.context.vault.session(&step.cache_key, until)?;
        Ok(remembered.map(|session| self.session.get_or_init(|| session.credentials)).is_some())
    }

    /// The session that a device of the user gives with the profile's own key.
    fn plan_of_session(&self, serial_number: &SerialNumber) -> Result<(SessionRequest, Plan), Error> {
        let is_held = self.context.vault.index()?.device_with_serial(serial_number).is_some();
        // A code that was given is of a device that is not held here.
        let mfa_code = self.mfa_code.clone().filter(|_| !is_held);
        let request = SessionRequest { mfa_code, ..SessionRequest::plain(self.profile.clone()) };
        let mut plan = request.plan_with_serial(self.context, serial_number)?;
        plan.steps.truncate(1);
        let is_of_key = plan.source == *self.profile && plan.steps.iter().all(Step::gives_mfa);
        match is_of_key {
            true => Ok((request, plan)),
            false => Err(Error::NoSessionOfKey { profile: self.profile.clone() }),
        }
    }

    /// Says one line of talk.
    pub(in crate::commands) fn say(&self, line: &str) {
        self.context.prompt.say(line);
    }

    /// Lets AWS be for a time, with a countdown.
    pub(in crate::commands) fn pause(&self, reason: &str, time: Duration) {
        pause(self.context, reason, time);
    }

    /// Makes the codes.
    pub(in crate::commands) fn authenticator(&self) -> Authenticator<'_> {
        let Context { vault, clock, prompt, .. } = self.context;
        Authenticator { vault, clock: *clock, prompt: *prompt }
    }

    /// By how much codes are made for another time than this machine's.
    ///
    /// # Errors
    /// As [`clock_offset`].
    pub(in crate::commands) fn offset(&self) -> Result<ClockOffset, Error> {
        Ok(clock_offset(self.context.vault, self.context.aws)?)
    }
}

/// Lets AWS be for a time, with a countdown.
pub(in crate::commands) fn pause(context: &Context<'_>, reason: &str, time: Duration) {
    let until = context.clock.now() + time;
    context.prompt.countdown(reason, time, &|| context.clock.wait_until(until));
}

/// Whether AWS may have done what was asked, all the same.
pub(in crate::commands) fn may_have_been_obeyed(error: &AwsError) -> bool {
    matches!(
        error,
        AwsError::Unreachable { .. }
            | AwsError::AlreadyExists { .. }
            | AwsError::Throttled { .. }
            | AwsError::UnusableAnswer { .. }
            | AwsError::Service { status: 500.., .. }
    )
}

/// What AWS knows a device by.
///
/// # Errors
/// If AWS does not know it, then `NoSerialNumber`.
pub(in crate::commands) fn serial_of(record: &DeviceRecord) -> Result<&SerialNumber, Error> {
    record.device.serial_number.as_ref().ok_or_else(|| Error::NoSerialNumber { name: record.device.name.clone() })
}

fn signer(credentials: &Credentials) -> Signer<'_> {
    match credentials {
        Credentials::LongTerm(key) => Signer::LongTerm(key),
        Credentials::Session(session) => Signer::Session(session),
    }
}
