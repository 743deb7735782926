//! `mfa import`: a seed from elsewhere: typed, piped, or a picture of a QR code.

use super::misfit;
use crate::{
    commands::{Context, Error, Outcome},
    mfa::{CodeSettings, Seed, SerialNumber, VirtualMfaDevice, qr, uri::OtpauthUri},
    profile::ProfileName,
    secret::{SecretBytes, SecretText},
    vault::DeviceRecord,
};

/// What to import, and as what.
pub struct Arguments {
    /// The local name; worked out if not given.
    pub name: Option<String>,
    /// Where the seed is.
    pub from: From,
    /// What AWS knows the device by.
    pub serial_number: Option<SerialNumber>,
    /// The profile whose user has it.
    pub profile: Option<ProfileName>,
    /// Whether another seed of the name is replaced.
    pub overwrite: bool,
}

/// Where the seed is.
pub enum From {
    /// A person types or pastes it.
    Prompt,
    /// The text that was piped in.
    Text(SecretText),
    /// The bytes of a picture.
    Picture(SecretBytes),
}

/// Reads, checks and stores a device, and reads it back.
///
/// # Errors
/// If what was given is not a seed, then `Seed`, `Uri` or `Qr`; if the name cannot be worked out, then `NameNeeded`;
/// if it is for AWS but its codes are not of the kind AWS takes, then `NotForAws`; if another seed has the name, then
/// `DeviceExists`; if the serial number is held under another name, then `SerialNumberHeld`.
pub fn run(context: &Context<'_>, arguments: Arguments) -> Result<Outcome, Error> {
    let (uri, provenance) = read(context, arguments.from)?;
    let configured = match (&arguments.serial_number, &arguments.profile) {
        (None, Some(profile)) => context.mfa_serial(profile)?,
        _ => None,
    };
    let label = uri.aws_label();
    let guessed = label.as_ref().and_then(|label| label.serial_number_guess("aws"));
    let serial_number = arguments.serial_number.or(configured).or_else(|| {
        let serial = guessed.filter(|_| uri.settings == CodeSettings::AWS)?;
        context.prompt.say(&format!("taking {serial} as the serial number, from the label; --serial says otherwise"));
        Some(serial)
    });
    let name = arguments
        .name
        .or_else(|| serial_number.as_ref().map(|serial| serial.device_name().to_owned()))
        .or_else(|| label.map(|label| label.device_name))
        .or_else(|| (!uri.account.is_empty()).then(|| uri.account.clone()))
        .ok_or(Error::NameNeeded)?;
    if let (Some(serial), Some(reason)) = (&serial_number, misfit(uri.settings)) {
        return Err(Error::NotForAws { name, serial_number: serial.clone(), reason });
    }
    let device = VirtualMfaDevice {
        account: if uri.account.is_empty() { name.clone() } else { uri.account },
        name: name.clone(),
        serial_number,
        issuer: uri.issuer,
        seed: uri.seed,
        settings: uri.settings,
    };
    let record = DeviceRecord { device, profile: arguments.profile, provenance, added: context.clock.now() };
    store(context, record, arguments.overwrite)?;
    Ok(Outcome::Done)
}

fn store(context: &Context<'_>, mut record: DeviceRecord, overwrite: bool) -> Result<(), Error> {
    let name = record.device.name.clone();
    super::checked_name(&name)?;
    if let Some(serial_number) = &record.device.serial_number
        && let Some(there) = context.vault.device_with_serial(serial_number)?
        && there.device.name != name
    {
        // Two seeds for one serial number, and nobody could say which of them AWS is shown.
        return Err(Error::SerialNumberHeld { serial_number: serial_number.clone(), name: there.device.name });
    }
    if let Some(there) = context.vault.device(&name)? {
        // What is known of it stays known, unless something else is said now.
        record.profile = record.profile.or_else(|| there.profile.clone());
        record.device.serial_number = record.device.serial_number.or_else(|| there.device.serial_number.clone());
        let same = there.device == record.device && there.profile == record.profile;
        if same {
            context.prompt.say(&format!("`{name}` is here already, with the same seed"));
            return Ok(());
        }
        let codes = |device: &VirtualMfaDevice| (device.seed.clone(), device.settings);
        let other_serial =
            there.device.serial_number.is_some() && there.device.serial_number != record.device.serial_number;
        if (codes(&there.device) != codes(&record.device) || other_serial) && !overwrite {
            return Err(Error::DeviceExists { name });
        }
    }
    context.vault.store_device(&record)?;
    context.prompt.say(&match &record.device.serial_number {
        Some(serial) => format!("stored the seed of `{name}` ({serial})"),
        None => format!("stored the seed of `{name}`; without a serial number it serves `code`, not sessions"),
    });
    Ok(())
}

fn read(context: &Context<'_>, from: From) -> Result<(OtpauthUri, String), Error> {
    match from {
        From::Prompt => {
            let text = context.prompt.secret("Seed (base32) or otpauth:// URI", "--stdin or --qr FILE")?;
            Ok((parse(&text)?, "typed in".to_owned()))
        }
        From::Text(text) => Ok((parse(&text)?, "standard input".to_owned())),
        From::Picture(bytes) => {
            let mut codes = qr::read(bytes.expose())?;
            if codes.len() > 1 {
                return Err(Error::SeveralQrCodes { count: codes.len() });
            }
            let text = codes.pop().ok_or(qr::QrError::NoCode)?;
            Ok((text.expose().parse()?, "QR code".to_owned()))
        }
    }
}

/// A URI, or a bare seed of the kind AWS gives.
fn parse(text: &SecretText) -> Result<OtpauthUri, Error> {
    let trimmed = text.expose().trim();
    if trimmed.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("otpauth://")) {
        return Ok(trimmed.parse()?);
    }
    let seed = Seed::from_base32(trimmed)?;
    Ok(OtpauthUri { issuer: None, account: String::new(), seed, settings: CodeSettings::AWS })
}
