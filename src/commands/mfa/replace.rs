//! `mfa replace`: a new device beside the old one, enabled and proved, before the old one is retired; so that the user
//! has a working device all the time. The journal knows what replaces what, until all is done.

use std::path::PathBuf;

use super::{
    AtAws, enable,
    retire::Retirement,
    target::{Target, check_account},
};
use crate::{
    commands::{
        Context, Error, Outcome,
        account::{Account, serial_of},
    },
    mfa::SerialNumber,
    profile::ProfileName,
    vault::{AuditEvent, DeviceRecord, ENROLMENT_LOCK, Enrolment},
    visible::shell_word,
};

/// Which device, and by what.
pub struct Arguments {
    /// The old one.
    pub device: AtAws,
    /// The new one's name at AWS.
    pub new_name: Option<String>,
    /// Where the new seed is written as a QR code before the device is enabled.
    pub qr: Option<PathBuf>,
    /// Whether it was confirmed beforehand.
    pub confirmed: bool,
}

/// Replaces a device by a new one; ends what a run that was killed had begun, whichever of the two is named.
///
/// # Errors
/// If the device cannot be told or asked about, then as [`Target::find`] and [`Account::open`]; if it or the one that
/// was begun is in another account, then `OtherAccount`; if AWS does not demand it of the user, then `NotEnabled`; if the
/// user has as many devices as AWS allows, then `DeviceLimit`; if nobody confirms, then `Prompt` or `Declined`; then as
/// [`enable::hold`]; if what comes after fails, then `EnrolmentUnfinished`, and the new device works. That AWS does not
/// let the old one be deleted is no error.
pub fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Error> {
    let _lock = context.vault.lock(ENROLMENT_LOCK)?;
    let device = &arguments.device;
    let target = Target::find(context, device);
    let (profile, old, begun) = match (begun(context, device, target.as_ref().ok())?, target) {
        (Some((profile, old, begun)), _) => (profile, old, Some(begun)),
        (None, target) => {
            let target = target?;
            (target.profile, target.serial_number, None)
        }
    };
    let account = Account::open(context, &profile, device.user_name.as_deref(), device.mfa_code.clone())?;
    check_account(&account, &old)?;
    let replacement = Replacement { account: &account, arguments, old: &old };
    let name = match begun {
        Some(begun) if replacement.goes_on(&begun)? => name_at_aws(&begun.serial_number),
        _ => {
            replacement.begin()?;
            name_at_aws(&old).map(|name| without_number(&name).to_owned())
        }
    };
    let new = enable::hold(
        &account,
        &enable::Arguments {
            profile: profile.clone(),
            name: arguments.new_name.clone().or(name),
            user_name: device.user_name.clone(),
            qr: arguments.qr.clone(),
            mfa_code: device.mfa_code.clone(),
            beside: Some(old.clone()),
        },
    )?;
    replacement.finish(&new).map_err(|source| replacement.unfinished(&new, source))?;
    Ok(Outcome::Done)
}

struct Replacement<'a> {
    account: &'a Account<'a>,
    arguments: &'a Arguments,
    old: &'a SerialNumber,
}

impl Replacement<'_> {
    /// Whether what was begun is gone on with. The profile's key may have become another user's since: for him nothing
    /// is begun, unless the new device's seed is here; [`enable::hold`] then says whose it is.
    fn goes_on(&self, begun: &Enrolment) -> Result<bool, Error> {
        let account = self.account;
        check_account(account, &begun.serial_number)?;
        let is_here = || Ok::<_, Error>(account.context.vault.device_with_serial(&begun.serial_number)?.is_some());
        Ok(begun.user_name == account.user_name || is_here()?)
    }

    /// What must hold before anything is made.
    fn begin(&self) -> Result<(), Error> {
        let (account, old) = (self.account, self.old);
        let devices = account.devices()?;
        if devices.iter().all(|device| device.serial_number != *old) {
            return Err(Error::NotEnabled { serial_number: old.clone(), user_name: account.user_name.clone() });
        }
        account.check_room(&devices)?;
        let question = format!(
            "Put a new MFA device in the place of {old} of {}? It is enabled{} first; then AWS demands the old one no more \
             and forgets it, and so does this vault.",
            account.user_name,
            // Only the user's own key can prove it.
            if account.is_own() { " and proved" } else { "" }
        );
        account.context.confirm(self.arguments.confirmed, &question, "--yes")
    }

    /// The new one works: the old one goes, and leaves its name behind.
    fn finish(&self, new: &DeviceRecord) -> Result<(), Error> {
        let (account, vault, serial_number) = (self.account, self.account.context.vault, serial_of(new)?);
        let name = self.note_name()?;
        let retirement = Retirement::find(account, self.old, false)?;
        retirement.deactivate(Some(serial_number))?;
        if self.old.is_virtual() {
            match retirement.delete() {
                Err(Error::NotDeleted { source, .. }) => {
                    let aside = name.as_deref().map(|name| self.move_aside(name)).transpose()?.flatten();
                    self.warn(&source.to_string(), aside.as_deref());
                }
                deleted => deleted?,
            }
        }
        account.forget_sessions_but_proof(new)?;
        if let Some(name) = name {
            self.take_name(serial_number, &name)?;
        }
        let name = vault.index()?.device_with_serial(serial_number).unwrap_or_default().to_owned();
        self.audit(&name, serial_number, &format!("replaced {}", self.old))?;
        vault.end_enrolment(account.profile)?;
        account.say(&format!("{serial_number} has replaced {}; here it is `{name}`", self.old));
        Ok(())
    }

    /// The old one's local name. It is written down before the old one's record, which has it, can go.
    fn note_name(&self) -> Result<Option<String>, Error> {
        let vault = self.account.context.vault;
        let mut index = vault.index()?;
        let Some(begun) = index.enrolments.remove(self.account.profile) else { return Ok(None) };
        if begun.takes_name.is_some() {
            return Ok(begun.takes_name);
        }
        let takes_name = index.device_with_serial(self.old).map(str::to_owned);
        if takes_name.is_some() {
            let enrolment = Enrolment { takes_name: takes_name.clone(), ..begun };
            vault.begin_enrolment(self.account.profile, enrolment)?;
        }
        Ok(takes_name)
    }

    /// An old one that AWS does not let us delete keeps its seed, under another name: its own goes to the new one. Says
    /// which name.
    fn move_aside(&self, name: &str) -> Result<Option<String>, Error> {
        let vault = self.account.context.vault;
        let index = vault.index()?;
        let names: Vec<&str> = index.names_with_serial(self.old).collect();
        let other = names.iter().find(|other| **other != name).map(|other| (*other).to_owned());
        if !names.contains(&name) {
            return Ok(other);
        }
        let is_free = |name: &String| !index.devices.contains_key(name);
        let fresh = || (1..).map(|number| format!("{name}-old-{number}"));
        let aside = other.or_else(|| [format!("{name}-old")].into_iter().chain(fresh()).find(is_free));
        if let Some(aside) = &aside {
            self.audit(aside, self.old, &format!("renamed from {name}"))?;
            vault.rename_device(name, aside)?;
        }
        Ok(aside)
    }

    /// Takes over the name that the old one had, unless its record is still there.
    fn take_name(&self, new: &SerialNumber, name: &str) -> Result<(), Error> {
        let vault = self.account.context.vault;
        let index = vault.index()?;
        if index.devices.get(name).is_none_or(|entry| entry.serial_number.as_ref() == Some(new)) {
            for before in index.names_with_serial(new).filter(|before| *before != name) {
                self.audit(name, new, &format!("renamed from {before}"))?;
                vault.rename_device(before, name)?;
            }
        }
        Ok(())
    }

    fn audit(&self, device: &str, serial_number: &SerialNumber, change: &str) -> Result<(), Error> {
        let event = AuditEvent::DeviceChanged { device, serial_number: Some(serial_number), change };
        self.account.context.audit(&event)
    }

    fn warn(&self, why: &str, name: Option<&str>) {
        let old = self.old;
        let then = name.map(|name| {
            format!("; then `mfavault mfa deactivate {name} --delete` forgets its seed", name = shell_word(name))
        });
        self.account.say(&format!(
            "warning: {old} is deactivated, demanded of nobody, and not deleted: an administrator does that with `{}`{}",
            super::delete_command(old),
            then.unwrap_or_default()
        ));
        self.account.say(&format!("AWS said: {why}"));
    }

    fn unfinished(&self, new: &DeviceRecord, source: Error) -> Error {
        let serial_number = match serial_of(new) {
            Ok(serial_number) => serial_number.clone(),
            Err(error) => return error,
        };
        let begun = enable::Begun {
            profile: self.account.profile.clone(),
            serial_number,
            user_name: self.arguments.device.user_name.clone(),
            replaces: Some(self.arguments.device.name.clone()),
        };
        Error::EnrolmentUnfinished { begun: Box::new(begun), source: Box::new(source) }
    }
}

/// The replacement that was begun and that is meant: by the name or serial number of either device, or by its profile.
fn begun(
    context: &Context<'_>,
    device: &AtAws,
    target: Option<&Target>,
) -> Result<Option<(ProfileName, SerialNumber, Enrolment)>, Error> {
    let found = target.map(|target| &target.serial_number);
    let of_profile = |profile: &ProfileName| device.name == profile.as_str();
    for (profile, begun) in context.vault.index()?.enrolments {
        let Some(old) = begun.replaces.clone() else { continue };
        let by_serial_number = found == Some(&old) || found == Some(&begun.serial_number);
        let by_name = begun.takes_name.as_ref() == Some(&device.name) || device.name == old.as_str();
        if by_serial_number || by_name || of_profile(&profile) {
            return Ok(Some((profile, old, begun)));
        }
    }
    Ok(None)
}

/// What a device is called at AWS, with its path; nothing for a hardware token or passkey.
fn name_at_aws(serial_number: &SerialNumber) -> Option<String> {
    serial_number.arn()?.resource.strip_prefix("mfa/").map(str::to_owned)
}

/// `alice` of `alice-2`: a fresh name like the old one is found from there.
fn without_number(name: &str) -> &str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once('-') {
        Some((start, number)) if !start.is_empty() && !start.ends_with('/') && is_number(number) => start,
        _ => name,
    }
}
