//! `mfa deactivate`: AWS demands the device no more; with `--delete` AWS forgets it, and so does this vault.

use super::{
    AtAws,
    retire::{Retirement, Standing},
    target::{Target, check_account},
};
use crate::{
    commands::{Context, Error, Outcome, account::Account},
    mfa::SerialNumber,
    vault::ENROLMENT_LOCK,
    visible::shell_word,
};

/// Deactivates a device, and deletes it if asked to; ends what a run that was killed had begun.
///
/// # Errors
/// If the device cannot be told or asked about, then as [`Target::find`] and [`Account::open`]; if it is to be deleted
/// and is no virtual one, then `NotVirtual`; if another user has it, then `NotOfUser`; if AWS does not have it, then
/// `NotAtAws`; if it is being replaced, then `BeingReplaced`; if nobody confirms, then `Prompt` or `Declined`; if AWS
/// does not let the caller delete it, then `NotDeleted`.
pub fn run(context: &Context<'_>, device: &AtAws, delete: bool, confirmed: bool) -> Result<Outcome, Error> {
    let _lock = context.vault.lock(ENROLMENT_LOCK)?;
    let target = Target::find(context, device)?;
    let serial_number = &target.serial_number;
    if delete && !serial_number.is_virtual() {
        return Err(Error::NotVirtual { serial_number: serial_number.clone() });
    }
    if context.vault.index()?.enrolments.values().any(|begun| begun.replaces.as_ref() == Some(serial_number)) {
        return Err(Error::BeingReplaced { name: device.name.clone(), serial_number: serial_number.clone() });
    }
    let account = Account::open(context, &target.profile, device.user_name.as_deref(), device.mfa_code.clone())?;
    check_account(&account, serial_number)?;
    let retirement = Retirement::find(&account, serial_number, device.mfa_code.is_some())?;
    match (&target.name, retirement.standing()) {
        (Some(name), Standing::Gone) if !delete => {
            let name = name.clone();
            return Err(Error::NotAtAws { name, serial_number: serial_number.clone() });
        }
        (None, Standing::Gone) => {
            context.prompt.say(&format!("AWS has no device {serial_number}, and its seed is not here"));
            return Ok(Outcome::Done);
        }
        (_, Standing::Unassigned) if !delete => {}
        _ => context.confirm(confirmed, &question(&target, &account, &retirement, delete), "--yes")?,
    }
    retirement.deactivate(retirement.heir()?.as_ref())?;
    if delete {
        retirement.delete()?;
        end_enrolments(&target, context)?;
    } else if let Some(name) = &target.name {
        context.prompt.say(&format!(
            "its seed stays here as `{name}`: {} uses it again",
            enable_command(&account, serial_number)
        ));
    }
    forget_sessions(&target, &account)?;
    Ok(Outcome::Done)
}

/// What enables the device again; AWS knows it by its own name, not by the local one.
fn enable_command(account: &Account<'_>, serial_number: &SerialNumber) -> String {
    let whose = if account.is_own() { String::new() } else { format!(" --user-name {}", account.user_name) };
    let name = serial_number.arn().and_then(|arn| arn.resource.strip_prefix("mfa/").map(str::to_owned));
    let name = name.map_or_else(String::new, |name| format!(" --name {name}"));
    format!("`mfavault mfa enable {}{whose}{name}`", shell_word(account.profile))
}

fn question(target: &Target, account: &Account<'_>, retirement: &Retirement<'_>, delete: bool) -> String {
    let (serial_number, user_name, profile) = (&target.serial_number, &account.user_name, &target.profile);
    let mut question = match retirement.standing() {
        Standing::Enabled => format!("Deactivate the MFA device {serial_number} of {user_name}?"),
        Standing::Unassigned => format!("Delete the MFA device {serial_number}, which nobody has?"),
        Standing::Gone => format!("Forget the MFA device {serial_number}, which AWS does not have?"),
    };
    if retirement.is_last() {
        question.push_str(&format!(
            " It is the last one: where a policy demands MFA, {user_name} can do nothing but enable a new one."
        ));
    }
    question.push_str(match (delete, &target.name) {
        (true, Some(_)) => " AWS forgets it for good, and its seed here is forgotten.",
        (true, None) => " AWS forgets it for good.",
        (false, Some(_)) => " Its seed stays here.",
        (false, None) => "",
    });
    question.push_str(&format!(" Remembered sessions of `{profile}` are forgotten."));
    question
}

/// An enrolment of the device that was begun is over, too.
fn end_enrolments(target: &Target, context: &Context<'_>) -> Result<(), Error> {
    for (profile, begun) in context.vault.index()?.enrolments {
        if begun.serial_number == target.serial_number {
            context.vault.end_enrolment(&profile)?;
        }
    }
    Ok(())
}

/// Sessions that the device proved end with it, as far as this machine has a say in it.
fn forget_sessions(target: &Target, account: &Account<'_>) -> Result<(), Error> {
    let context = account.context;
    let of_record = target.record.as_ref().and_then(|record| record.profile.as_ref());
    let of_user = of_record.or_else(|| account.is_own().then_some(&target.profile));
    if let Some(profile) = of_user {
        context.vault.forget_sessions(Some(profile), context.clock.now())?;
    }
    Ok(())
}
