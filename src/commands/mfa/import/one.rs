//! One device: under the name, the serial number and the profile that were given, or what its label says.

use super::{Way, Wishes, record, say_line};
use crate::{
    commands::{
        Context, Error,
        mfa::{checked_name, misfit},
    },
    mfa::{VirtualMfaDevice, uri::OtpauthUri},
    prompt::PromptError,
    vault::DeviceRecord,
};

/// Stores it, and says so; one that a person has `at_hand` without a question. Says whether the vault has it now.
pub(super) fn run(
    context: &Context<'_>,
    uri: OtpauthUri,
    wishes: Wishes,
    provenance: String,
    way: Way,
    at_hand: bool,
) -> Result<bool, Error> {
    let mut record = as_wished(context, uri, wishes, &provenance)?;
    let name = record.device.name.clone();
    let standing = standing(context, &mut record)?;
    if way.dry_run || !at_hand {
        let word = match standing {
            Standing::New => "new",
            Standing::Same => "same",
            Standing::Conflict => "conflict",
        };
        let serial_number = record.device.serial_number.as_ref().map(ToString::to_string);
        say_line(context, word, &name, serial_number.as_slice());
    }
    match standing {
        _ if way.dry_run => {
            context.prompt.say("nothing was changed: this was a dry run");
            return Ok(false);
        }
        Standing::Same => {
            context.prompt.say(&format!("`{name}` is here already, with the same seed"));
            return Ok(true);
        }
        Standing::Conflict if !way.overwrite => return Err(Error::DeviceExists { name }),
        _ => {}
    }
    if !at_hand {
        context.confirm(way.confirmed, &format!("Import `{name}`?"), "--yes")?;
    }
    context.audit_device(&record.device, "imported")?;
    context.vault.store_device(&record)?;
    context.prompt.say(&match &record.device.serial_number {
        Some(serial) => format!("stored the seed of `{name}` ({serial})"),
        None => format!("stored the seed of `{name}`; without a serial number it serves `code`, not sessions"),
    });
    Ok(true)
}

/// The record, as far as it is known without the vault.
fn as_wished(context: &Context<'_>, uri: OtpauthUri, wishes: Wishes, provenance: &str) -> Result<DeviceRecord, Error> {
    let configured = match (&wishes.serial_number, &wishes.profile) {
        (None, Some(profile)) => context.mfa_serial(profile)?,
        _ => None,
    };
    let label = uri.aws_label();
    let partition = super::partition(context, wishes.profile.as_ref())?;
    let misfit = misfit(uri.settings, uri.counter);
    let serial_number = wishes.serial_number.or(configured).or_else(|| {
        let guessed = label.as_ref().and_then(|label| label.serial_number_guess(partition));
        let serial = guessed.filter(|_| misfit.is_none())?;
        context.prompt.say(&format!("taking {serial} as the serial number, from the label; --serial says otherwise"));
        Some(serial)
    });
    let name = wishes
        .name
        .or_else(|| serial_number.as_ref().map(|serial| serial.device_name().to_owned()))
        .or_else(|| label.map(|label| label.device_name))
        .or_else(|| (!uri.account.is_empty()).then(|| uri.account.clone()))
        .or_else(|| uri.issuer.clone());
    let name = match name {
        Some(name) => name,
        // The seed was typed or read by now: whoever can be asked for the name need not give it again.
        None => match context.prompt.line("Name of the device", "a NAME: `mfavault mfa import NAME`") {
            Err(PromptError::NoTerminal { .. }) => return Err(Error::NameNeeded),
            name => name?.trim().to_owned(),
        },
    };
    if let (Some(serial), Some(reason)) = (&serial_number, misfit) {
        return Err(Error::NotForAws { name, serial_number: serial.clone(), reason });
    }
    checked_name(&name)?;
    let record = record(context, name, serial_number, uri, provenance);
    Ok(DeviceRecord { profile: wishes.profile, ..record })
}

enum Standing {
    New,
    Same,
    Conflict,
}

/// How it stands to the vault; what is known of it there stays known, unless something else is said now.
fn standing(context: &Context<'_>, record: &mut DeviceRecord) -> Result<Standing, Error> {
    if let Some(serial_number) = &record.device.serial_number
        && let Some(there) = context.vault.device_with_serial(serial_number)?
        && there.device.name != record.device.name
    {
        // Two seeds for one serial number, and nobody could say which of them AWS is shown.
        return Err(Error::SerialNumberHeld { serial_number: serial_number.clone(), name: there.device.name });
    }
    let Some(there) = context.vault.device(&record.device.name)? else { return Ok(Standing::New) };
    record.profile = record.profile.take().or_else(|| there.profile.clone());
    record.consent = there.consent;
    record.device.serial_number = record.device.serial_number.take().or_else(|| there.device.serial_number.clone());
    if there.device == record.device && there.profile == record.profile {
        return Ok(Standing::Same);
    }
    let codes = |device: &VirtualMfaDevice| (device.seed.clone(), device.settings, device.counter.is_some());
    let other_serial =
        there.device.serial_number.is_some() && there.device.serial_number != record.device.serial_number;
    if other_serial || codes(&there.device) != codes(&record.device) {
        return Ok(Standing::Conflict);
    }
    record.deactivated = there.deactivated;
    Ok(Standing::New)
}
