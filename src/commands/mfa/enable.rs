//! `mfa enable`: the whole ritual, from CreateVirtualMFADevice to the proof, so that a crash at any point leaves
//! nothing that a second run cannot finish or undo.
//!
//! What is done is read off what there is: the journal says that an enrolment was begun and under which name, the
//! vault whether the seed is here, ListMFADevices whether AWS demands it. A seed is stored and read back before AWS
//! is told to demand it, and forgotten only when AWS never will.

mod create;
mod picture;
mod prove;
mod undo;

use std::{path::PathBuf, time::Duration};

use create::serial_number;
use prove::Proof;

use crate::{
    aws::{AwsError, Caller, CallerIdentity, ClockOffset, Signer},
    commands::{Context, Error, Outcome, SessionRequest},
    credentials::LongTermCredentials,
    mfa::SerialNumber,
    profile::ProfileName,
    session::{Authenticator, Plan, clock_offset},
    vault::{DeviceRecord, Enrolment},
};

/// Where a seed came from that is made here.
const PROVENANCE: &str = "mfa enable";
/// How long to let AWS be after it failed or throttled.
const FAULT_PAUSE: Duration = Duration::from_secs(2);

/// For whom, and how.
pub struct Arguments {
    /// The profile whose keys call, and whose config gets the serial number.
    pub profile: ProfileName,
    /// The device's name at AWS; the user's if not given.
    pub name: Option<String>,
    /// The user who gets the device, if not the caller.
    pub user_name: Option<String>,
    /// Where the seed is written as a QR code before the device is enabled.
    pub qr: Option<PathBuf>,
}

/// Makes and enables a device, or finishes what an earlier run began.
///
/// # Errors
/// If the profile has no key here, then `NoKey`; if the caller is no IAM user, then `NotAUser`; if the user has a
/// device already, then `UserHasDevice`; if the picture's file is there with other content, then `PictureExists`; if
/// AWS refuses, then `Aws`, and what was begun is undone as far as AWS allows; what could not be undone is said, and the
/// error is `EnrolmentUnfinished`; if AWS does not know a device whose seed was here before, then `NotAtAws`.
pub fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Error> {
    let profile = &arguments.profile;
    let _lock = context.vault.lock("enrolment.lock")?;
    let key = context.vault.key(profile)?.ok_or_else(|| Error::NoKey { profile: profile.clone() })?;
    let plan = SessionRequest::plain(profile.clone()).plan(context)?;
    let ceremony = Ceremony { context, arguments, key: &key.credentials, plan: &plan };
    ceremony.hold().map_err(|error| match context.vault.index() {
        Ok(index) if index.enrolments.contains_key(profile) => {
            Error::EnrolmentUnfinished { profile: profile.clone(), source: Box::new(error) }
        }
        _ => error,
    })
}

/// How far an earlier run got.
enum Progress {
    /// Nothing to go on with.
    Fresh,
    /// The seed is here, and AWS does not demand it yet.
    SeedStored(DeviceRecord),
    /// AWS demands it.
    Enabled(DeviceRecord),
}

struct Ceremony<'a> {
    context: &'a Context<'a>,
    arguments: &'a Arguments,
    key: &'a LongTermCredentials,
    plan: &'a Plan,
}

impl Ceremony<'_> {
    /// All of it, or what is left of it.
    fn hold(&self) -> Result<Outcome, Error> {
        let identity = self.context.aws.get_caller_identity(self.caller())?;
        let user_name = self.user_name(&identity)?;
        let record = match self.resume(&identity, &user_name)? {
            Progress::Enabled(record) => {
                self.write_picture(&record)?;
                return self.finish(&record, &user_name);
            }
            Progress::SeedStored(record) => record,
            Progress::Fresh => {
                self.check_no_picture()?;
                self.create(&identity, &user_name)?
            }
        };
        self.write_picture(&record)?;
        if self.arguments.user_name.is_none() {
            // One that is left over is of an earlier device of this name, and would prove nothing.
            self.context.vault.forget_sessions(Some(&self.arguments.profile), self.context.clock.now())?;
        }
        self.enable(&record, &user_name)?;
        self.finish(&record, &user_name)
    }

    fn caller(&self) -> Caller<'_> {
        Caller { signer: Signer::LongTerm(self.key), endpoints: &self.plan.endpoints }
    }

    fn offset(&self) -> Result<ClockOffset, Error> {
        Ok(clock_offset(self.context.vault, self.context.aws)?)
    }

    fn say(&self, line: &str) {
        self.context.prompt.say(line);
    }

    fn user_name(&self, identity: &CallerIdentity) -> Result<String, Error> {
        match &self.arguments.user_name {
            Some(name) => Ok(name.clone()),
            None if identity.arn.resource.starts_with("user/") => Ok(identity.arn.resource_name().to_owned()),
            None => Err(Error::NotAUser { arn: identity.arn.clone() }),
        }
    }

    /// What the journal says was begun for the profile.
    fn begun(&self) -> Result<Option<Enrolment>, Error> {
        Ok(self.context.vault.index()?.enrolments.remove(&self.arguments.profile))
    }

    /// Finds out what there is of an earlier run, and that the user has no other device.
    fn resume(&self, identity: &CallerIdentity, user_name: &str) -> Result<Progress, Error> {
        let vault = self.context.vault;
        let enabled = self.context.aws.list_mfa_devices(self.caller(), user_name)?;
        let begun = self.begun()?.map(|enrolment| (enrolment.serial_number, enrolment.user_name));
        for device in &enabled {
            if let Some(record) = vault.device_with_serial(&device.serial_number)? {
                self.say(&format!("{} is enabled already; going on from there", device.serial_number));
                return Ok(Progress::Enabled(record));
            }
        }
        if let Some(device) = enabled.into_iter().next() {
            return Err(Error::UserHasDevice { user_name: user_name.to_owned(), serial_number: device.serial_number });
        }
        if let Some((serial_number, _)) = &begun
            && let Some(name) = vault.index()?.device_with_serial(serial_number)
            && vault.device(name)?.is_none()
        {
            // Named in the index by a run that was killed before the seed was written: nothing is there.
            vault.forget_device(name)?;
        }
        // The profile's key may have become one of another account, where a user of the same name has nothing begun.
        let account_of = |serial_number: &SerialNumber| serial_number.arn().map(|arn| arn.account_id);
        let begun = begun
            .filter(|(serial_number, user)| {
                user == user_name && account_of(serial_number).as_ref() == Some(&identity.account_id)
            })
            .map(|(serial_number, _)| serial_number);
        let wanted = serial_number(identity, self.wanted_name(user_name))?;
        for serial_number in begun.into_iter().chain([wanted]) {
            if let Some(record) = vault.device_with_serial(&serial_number)? {
                self.say(&format!("the seed of {serial_number} is here already; going on from there"));
                return Ok(Progress::SeedStored(record));
            }
        }
        Ok(Progress::Fresh)
    }

    /// EnableMFADevice with the previous and the current step. If the answer was lost, ListMFADevices tells; if the
    /// codes were not taken, once more with the next ones.
    fn enable(&self, record: &DeviceRecord, user_name: &str) -> Result<(), Error> {
        let serial_number = serial_of(record)?;
        let authenticator = self.authenticator();
        let mut again = false;
        loop {
            let pair = authenticator.consecutive_codes(record, self.offset()?)?;
            let codes = [&pair.codes[0], &pair.codes[1]];
            let error = match self.context.aws.enable_mfa_device(self.caller(), user_name, serial_number, codes) {
                Ok(()) => break,
                Err(error) => error,
            };
            if matches!(error, AwsError::InvalidAuthenticationCode { .. }) && !again {
                self.say("AWS did not take the two codes; trying the next ones");
                authenticator.wait_for_step_after(record, pair.current.next(), self.offset()?);
            } else if matches!(error, AwsError::NoSuchEntity { .. }) {
                // The user is there, for his devices were just listed: IAM has not learnt of the device yet, or it was
                // deleted since an earlier run.
                if again {
                    return Err(self.undo_missing(record, error));
                }
                self.pause("AWS IAM learns of the new device", FAULT_PAUSE);
            } else if !may_have_been_obeyed(&error) {
                self.undo(record);
                return Err(error.into());
            } else if self.is_enabled(user_name, serial_number)? {
                break;
            } else if again {
                // The record stays, and the journal's entry: the next run goes on from here.
                return Err(error.into());
            }
            again = true;
        }
        self.say("enabled it with the codes of the previous and the current time step");
        Ok(())
    }

    fn is_enabled(&self, user_name: &str, serial_number: &SerialNumber) -> Result<bool, Error> {
        let devices = self.context.aws.list_mfa_devices(self.caller(), user_name)?;
        Ok(devices.iter().any(|device| device.serial_number == *serial_number))
    }

    /// The config line, the proof, and the end of the journal's entry.
    fn finish(&self, record: &DeviceRecord, user_name: &str) -> Result<Outcome, Error> {
        let serial_number = serial_of(record)?;
        if self.arguments.user_name.is_some() {
            self.context.vault.end_enrolment(&self.arguments.profile)?;
            self.say(&format!("{user_name} has {serial_number}; only {user_name}'s own key can prove it"));
            return Ok(Outcome::Done);
        }
        self.context.add_to_config(&self.arguments.profile, Some(serial_number))?;
        let how = match self.prove(record)? {
            Proof::Obtained => "proved it",
            Proof::Remembered => "a session that it proved still holds",
        };
        self.context.vault.end_enrolment(&self.arguments.profile)?;
        self.say(&format!("{how}: `mfavault exec {} -- COMMAND` now carries MFA", self.arguments.profile));
        Ok(Outcome::Done)
    }

    fn pause(&self, reason: &str, time: Duration) {
        let until = self.context.clock.now() + time;
        self.context.prompt.countdown(reason, time, &|| self.context.clock.wait_until(until));
    }

    fn authenticator(&self) -> Authenticator<'_> {
        Authenticator { vault: self.context.vault, clock: self.context.clock, prompt: self.context.prompt }
    }
}

/// Whether AWS may have done what was asked, all the same.
fn may_have_been_obeyed(error: &AwsError) -> bool {
    matches!(
        error,
        AwsError::Unreachable { .. }
            | AwsError::AlreadyExists { .. }
            | AwsError::Throttled { .. }
            | AwsError::UnusableAnswer { .. }
            | AwsError::Service { status: 500.., .. }
    )
}

fn serial_of(record: &DeviceRecord) -> Result<&SerialNumber, Error> {
    record.device.serial_number.as_ref().ok_or_else(|| Error::NoSerialNumber { name: record.device.name.clone() })
}
