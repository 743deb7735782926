//! `mfa enable`: the whole ritual, from CreateVirtualMFADevice to the proof, so that a crash at any point leaves
//! nothing that a second run cannot finish or undo.
//!
//! What is done is read off what there is: the journal says that an enrolment was begun and under which name, the
//! vault whether the seed is here, ListMFADevices whether AWS demands it. A seed is stored and read back before AWS
//! is told to demand it, and forgotten only when AWS never will. A user who has a device already shows MFA with it
//! before anything is created.

mod begun;
mod create;
mod finish;
mod name;
mod picture;
mod undo;

use std::path::PathBuf;

pub use begun::Begun;
use name::DeviceName;

use crate::commands::account::{Account, FAULT_PAUSE, may_have_been_obeyed, serial_of};
use crate::{
    aws::{AwsError, EnabledDevice},
    commands::{Context, Error, Outcome},
    mfa::{AuthenticationCode, SerialNumber},
    profile::ProfileName,
    vault::{DeviceRecord, ENROLMENT_LOCK},
};

/// Where a seed came from that is made here.
const PROVENANCE: &str = "mfa enable";

/// How often to wait for IAM to learn of a device that it made. It shows changes at once, as far as is known.
const UNKNOWN_TRIES: usize = 4;

/// For whom, and how.
pub struct Arguments {
    /// The profile whose keys call, and whose config gets the serial number.
    pub profile: ProfileName,
    /// The device's name at AWS, perhaps with a path; the user's if not given.
    pub name: Option<String>,
    /// The user who gets the device, if not the caller.
    pub user_name: Option<String>,
    /// Where the seed is written as a QR code before the device is enabled.
    pub qr: Option<PathBuf>,
    /// A code of a device that the user has already and that is not held here.
    pub mfa_code: Option<AuthenticationCode>,
    /// The device that the new one is to replace: it does not count as one that the user has, and who retires it ends
    /// the journal's entry.
    pub beside: Option<SerialNumber>,
}

impl Arguments {
    /// A device of the user's own name for the profile's user.
    pub fn plain(profile: ProfileName) -> Self {
        Arguments { profile, name: None, user_name: None, qr: None, mfa_code: None, beside: None }
    }
}

/// Makes and enables a device, or finishes what an earlier run began.
///
/// # Errors
/// As [`Account::open`] and [`hold`].
pub fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Error> {
    let _lock = context.vault.lock(ENROLMENT_LOCK)?;
    let (user_name, mfa_code) = (arguments.user_name.as_deref(), arguments.mfa_code.clone());
    let account = Account::open(context, &arguments.profile, user_name, mfa_code)?;
    hold(&account, arguments)?;
    Ok(Outcome::Done)
}

/// Makes, stores, enables and proves a device, or finishes what was begun; the enrolment lock is held by the caller.
///
/// # Errors
/// If something else was begun with the profile, then `EnrolmentBegun`; if the user has as many devices as AWS allows,
/// then `DeviceLimit`; if he has devices, none of which gives codes, then `OnlyPasskeys`; if the picture's file is
/// there with other content, then `PictureExists`; if AWS refuses, then `Aws`, and what was begun is undone as far as
/// AWS allows; what could not be undone is said, and the error is `EnrolmentUnfinished`; if AWS does not know a device
/// whose seed was here before, then `NotAtAws`; if another user has it, then `DeviceInUse`.
pub(super) fn hold(account: &Account<'_>, arguments: &Arguments) -> Result<DeviceRecord, Error> {
    let ceremony = Ceremony { context: account.context, arguments, account };
    ceremony.hold().map_err(|error| ceremony.unfinished(error))
}

/// How far an earlier run got.
enum Progress {
    /// Nothing to go on with.
    Fresh(DeviceName),
    /// The seed is here, and AWS does not demand it yet.
    SeedStored(DeviceRecord),
    /// AWS demands it.
    Enabled(DeviceRecord),
}

struct Ceremony<'a> {
    context: &'a Context<'a>,
    arguments: &'a Arguments,
    account: &'a Account<'a>,
}

impl Ceremony<'_> {
    /// What was begun, and then what is asked for, if that is something else.
    fn hold(&self) -> Result<DeviceRecord, Error> {
        let wanted = self.wanted_name()?;
        let mut devices = self.devices_or_undo()?;
        if let Some(progress) = self.begun_progress(&devices)? {
            let record = self.go_on(progress, &devices)?;
            if self.is_asked_for(&record, &wanted) {
                return Ok(record);
            }
            self.say(&format!("that was begun earlier; now for `{wanted}`"));
            devices = self.account.devices()?;
        }
        self.go_on(self.progress(&devices, wanted)?, &devices)
    }

    /// All of it, or what is left of it.
    fn go_on(&self, progress: Progress, devices: &[EnabledDevice]) -> Result<DeviceRecord, Error> {
        let record = match progress {
            Progress::Enabled(record) => {
                self.write_picture(&record)?;
                return self.finish(record, devices);
            }
            Progress::SeedStored(record) => {
                self.may_have_one_more(devices)?;
                record
            }
            Progress::Fresh(name) => {
                self.check_no_picture()?;
                self.may_have_one_more(devices)?;
                self.create(&name, devices)?
            }
        };
        self.write_picture(&record)?;
        if self.account.is_own() {
            self.account.forget_proof(&record)?;
        }
        self.enable(&record)?;
        self.finish(record, devices)
    }

    /// What AWS would refuse of a user who has devices is refused before anything is made.
    fn may_have_one_more(&self, devices: &[EnabledDevice]) -> Result<(), Error> {
        self.account.check_room(devices)?;
        self.account.show_any_mfa(devices, self.arguments.beside.as_ref())
    }

    fn say(&self, line: &str) {
        self.account.say(line);
    }

    /// EnableMFADevice with the previous and the current step. If the answer was lost, ListMFADevices tells; if the
    /// codes were not taken, once more with the next ones.
    fn enable(&self, record: &DeviceRecord) -> Result<(), Error> {
        let serial_number = serial_of(record)?;
        let (account, authenticator) = (self.account, self.account.authenticator());
        let (mut again, mut unknown) = (false, 0);
        loop {
            let pair = authenticator.newer_pair(record, account.offset()?, "EnableMFADevice")?;
            let codes = [&pair.codes[0], &pair.codes[1]];
            let user_name = &account.user_name;
            let asked = self.context.aws.enable_mfa_device(account.caller(), user_name, serial_number, codes);
            let error = match asked {
                Ok(()) => break authenticator.note_pair(record, &pair)?,
                Err(error) => error,
            };
            if matches!(error, AwsError::InvalidAuthenticationCode { .. }) && !again {
                self.say("AWS did not take the two codes; trying the next ones");
                authenticator.wait_for_step_after(record, pair.current.next(), account.offset()?);
            } else if matches!(error, AwsError::NoSuchEntity { .. }) {
                // The user is there, for his devices were just listed: IAM has not learnt of the device yet, or it was
                // deleted since an earlier run.
                if unknown == UNKNOWN_TRIES {
                    return Err(self.undo_missing(record, error));
                }
                unknown += 1;
                account.pause("AWS IAM learns of the new device", FAULT_PAUSE);
                continue;
            } else if !may_have_been_obeyed(&error) {
                self.undo(record);
                return Err(error.into());
            } else if self.is_enabled(serial_number)? {
                break authenticator.note_pair(record, &pair)?;
            } else if matches!(error, AwsError::AlreadyExists { .. }) {
                return Err(self.in_use(serial_number));
            } else if again {
                // The record stays, and the journal's entry: the next run goes on from here.
                return Err(error.into());
            }
            again = true;
        }
        self.context.audit_device(&record.device, "enabled")?;
        self.say("enabled it with the codes of the previous and the current time step");
        Ok(())
    }

    fn is_enabled(&self, serial_number: &SerialNumber) -> Result<bool, Error> {
        Ok(self.account.devices()?.iter().any(|device| device.serial_number == *serial_number))
    }
}
