//! `mfa resync`: brings a device back into step with AWS, by two consecutive codes, and proves that AWS takes the next.

use super::{
    AtAws, misfit,
    target::{Target, check_account},
};
use crate::{
    aws::AwsError,
    commands::{
        Context, Error, Outcome,
        account::{Account, may_have_been_obeyed, serial_of},
    },
    vault::{DeviceRecord, ENROLMENT_LOCK},
};

/// Resynchronises a device whose seed is here. The config is not touched.
///
/// # Errors
/// If the device cannot be told or asked about, then as [`Target::find`] and [`Account::open`]; if its seed is not here,
/// then `SeedNotHere`; if its codes are not of the kind AWS takes, then `NotForAws`; if AWS does not demand it of the
/// user, then `NotEnabled`; if AWS takes no codes of it, then `Aws` or `NotProved`.
pub fn run(context: &Context<'_>, device: &AtAws) -> Result<Outcome, Error> {
    let _lock = context.vault.lock(ENROLMENT_LOCK)?;
    let target = Target::find(context, device)?;
    let serial_number = target.serial_number.clone();
    let record = target.record.as_ref().ok_or(Error::SeedNotHere { serial_number: serial_number.clone() })?;
    if let Some(reason) = misfit(record.device.settings, record.device.counter) {
        return Err(Error::NotForAws { name: record.device.name.clone(), serial_number, reason });
    }
    let account = Account::open(context, &target.profile, device.user_name.as_deref(), device.mfa_code.clone())?;
    check_account(&account, &serial_number)?;
    if account.devices()?.iter().all(|there| there.serial_number != serial_number) {
        return Err(Error::NotEnabled { serial_number, user_name: account.user_name.clone() });
    }
    if account.is_own() {
        // A session of before proves nothing of now.
        account.forget_proof(record)?;
    }
    resync(&account, record)?;
    match account.is_own() {
        true => {
            account.prove(record)?;
            account.say(&format!("proved it: AWS takes codes of `{}`", record.device.name));
        }
        false => account.say(&format!("only {}'s own key can prove it", account.user_name)),
    }
    Ok(Outcome::Done)
}

/// ResyncMFADevice with the codes of the previous and the current step. Both must be newer than those of any pair that
/// AWS took before, so there is a second try with the next ones.
fn resync(account: &Account<'_>, record: &DeviceRecord) -> Result<(), Error> {
    let (serial_number, authenticator) = (serial_of(record)?, account.authenticator());
    let mut again = false;
    loop {
        let pair = authenticator.newer_pair(record, account.offset()?, "ResyncMFADevice")?;
        let codes = [&pair.codes[0], &pair.codes[1]];
        let asked = account.context.aws.resync_mfa_device(account.caller(), &account.user_name, serial_number, codes);
        match asked {
            Ok(()) => {
                authenticator.note_pair(record, &pair)?;
                account.context.audit_device(&record.device, "resynchronised")?;
                account.say(&format!("resynchronised {serial_number} with two consecutive codes"));
                return Ok(());
            }
            Err(AwsError::InvalidAuthenticationCode { .. }) if !again => {
                account.say("AWS did not take the two codes; trying the next ones");
            }
            Err(error) if may_have_been_obeyed(&error) && account.is_own() => {
                account.say(&format!("whether AWS did it is not known ({error}); the proof will tell"));
                return Ok(());
            }
            Err(error) if may_have_been_obeyed(&error) && !again => {
                account.say("whether AWS did it is not known; once more with the next codes");
            }
            Err(error) => return Err(error.into()),
        }
        authenticator.wait_for_step_after(record, pair.current.next(), account.offset()?);
        again = true;
    }
}
