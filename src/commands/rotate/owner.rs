//! Who calls IAM about the keys: the user whose key it is, with MFA if that can be had or is demanded; and how often
//! AWS is asked while it may yet learn of a key.

use std::time::Duration;

use super::{RotateError, Rotation};
use crate::{
    aws::{AwsError, EnabledDevice, ListedAccessKey},
    commands::{
        Context, Error,
        account::{Account, FAULT_PAUSE, may_have_been_obeyed, pause},
    },
    credentials::{AccessKeyId, LongTermCredentials},
};

/// How long to wait for AWS to learn of a new key, try by try: a minute in all. It took 8 to 14 s for a device.
const LEARNING_SECONDS: [u64; 7] = [1, 2, 4, 8, 15, 15, 15];
/// How often AWS may fail before its failure is ours.
const FAULTS_BORNE: usize = 2;

/// The user whose key it is.
pub(super) struct Owner<'a> {
    pub(super) account: Account<'a>,
    devices: Vec<EnabledDevice>,
}

impl<'a> Rotation<'a> {
    /// Finds out whose key it is, and shows MFA at once if a code can be had without a person: so one code does for all
    /// of it, and no call is denied for the lack of it.
    pub(super) fn owner(&self, key: &LongTermCredentials) -> Result<Owner<'a>, Error> {
        let account = Account::open_with_key(self.context, self.profile, key.clone(), self.arguments.mfa_code.clone());
        let account = account.map_err(|error| match error {
            Error::RootUser { arn } => RotateError::RootKey { arn }.into(),
            Error::NotAUser { arn } => RotateError::NotAUser { arn }.into(),
            error => error,
        })?;
        // IAM may be later than STS to learn of the key that just signed.
        let list = || self.context.aws.list_mfa_devices(account.caller(), &account.user_name);
        let devices = match patiently(self.context, true, list) {
            // Who may not see his devices may have rights to his keys all the same.
            Err(AwsError::AccessDenied { .. }) => Vec::new(),
            devices => devices?,
        };
        let owner = Owner { account, devices };
        if owner.account.has_codes_of(&owner.devices)? {
            owner.show_mfa()?;
        }
        Ok(owner)
    }
}

impl Owner<'_> {
    /// The user's keys. A person is asked for a code only when AWS denies this without.
    ///
    /// # Errors
    /// As ListAccessKeys.
    pub(super) fn keys(&self) -> Result<Vec<ListedAccessKey>, Error> {
        let list = |account: &Account<'_>| account.context.aws.list_access_keys(account.caller(), &account.user_name);
        match self.patiently(list) {
            Err(AwsError::AccessDenied { .. }) if !self.account.shows_mfa() && !self.devices.is_empty() => {
                self.show_mfa()?;
                Ok(self.patiently(list)?)
            }
            keys => Ok(keys?),
        }
    }

    /// Makes a key active or inactive. Doing it twice is doing it once.
    pub(super) fn set_active(&self, access_key_id: &AccessKeyId, active: bool) -> Result<(), AwsError> {
        self.patiently(|account| {
            account.context.aws.update_access_key(account.caller(), &account.user_name, access_key_id, active)
        })
    }

    /// Deletes a key; says whether there was one.
    pub(super) fn delete(&self, access_key_id: &AccessKeyId) -> Result<bool, AwsError> {
        let deleted = self.patiently(|account| {
            account.context.aws.delete_access_key(account.caller(), &account.user_name, access_key_id)
        });
        match deleted {
            // Perhaps by this very call, whose answer was lost.
            Err(AwsError::NoSuchEntity { .. }) => Ok(false),
            deleted => deleted.map(|()| true),
        }
    }

    /// With passkeys only there is no MFA session, and the key itself may do.
    fn show_mfa(&self) -> Result<(), Error> {
        match self.account.show_any_mfa(&self.devices, None) {
            Err(Error::OnlyPasskeys { .. }) => Ok(()),
            shown => shown,
        }
    }

    fn patiently<T>(&self, ask: impl Fn(&Account<'_>) -> Result<T, AwsError>) -> Result<T, AwsError> {
        // A session is known everywhere, and will not be if it is not.
        patiently(self.account.context, !self.account.shows_mfa(), || ask(&self.account))
    }
}

/// Asks AWS something that may be asked twice: again after a fault, and, while AWS `may_learn` of the key that signs,
/// also if it does not accept that.
pub(super) fn patiently<T>(
    context: &Context<'_>,
    may_learn: bool,
    ask: impl Fn() -> Result<T, AwsError>,
) -> Result<T, AwsError> {
    let mut waits = LEARNING_SECONDS.iter().filter(|_| may_learn);
    let mut faults = 0;
    loop {
        match ask() {
            Err(error @ AwsError::InvalidCredentials { .. }) => match waits.next() {
                Some(seconds) => pause(context, "AWS learns of the new access key", Duration::from_secs(*seconds)),
                None => return Err(error),
            },
            Err(error) if may_have_been_obeyed(&error) && faults < FAULTS_BORNE => {
                faults += 1;
                pause(context, "AWS has a moment to recover", FAULT_PAUSE);
            }
            answer => return answer,
        }
    }
}
