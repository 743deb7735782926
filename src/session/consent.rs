//! Whether a person agrees: before any code of a device that asks goes out, and before its seed does in the clear.
//!
//! That a device asks is written in its record, sealed with the seed: the index is not believed. A yes to a code may hold
//! for a while; one to a seed, or to being asked less, never does. Nobody is asked under the ledger's lock.

use std::{fmt, time::Duration};

use thiserror::Error;

use crate::{
    atomic_file::FileLock,
    clock::Clock,
    profile::ProfileName,
    prompt::{Prompt, PromptError},
    vault::{CacheKey, DeviceRecord, Vault, VaultError},
};

/// Whoever waits longer most likely waits for a person, and says so.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a person is asked to agree to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// A code for a call to AWS.
    Call {
        /// The operation, such as `GetSessionToken`.
        operation: &'static str,
        /// For whose session.
        profile: &'a ProfileName,
    },
    /// A code to see whether AWS takes it.
    Proof,
    /// A code for whoever ran the command, such as `mfavault code`.
    Shown {
        /// The command.
        command: &'a str,
    },
    /// Two codes in a row, for EnableMFADevice or ResyncMFADevice.
    TwoCodes {
        /// Which of the two, or the command that shows them.
        operation: &'a str,
    },
    /// The seed in the clear, for whoever ran the command, such as `mfavault mfa export`.
    Seed {
        /// The command.
        command: &'a str,
    },
    /// That codes go out from now on without a question.
    NoMoreQuestions,
    /// That a yes holds longer than until now.
    LongerYes {
        /// How long.
        remembered: Duration,
    },
}

impl Purpose<'_> {
    /// In the words of the audit log.
    pub(super) fn in_log(self) -> String {
        match self {
            Purpose::Call { operation, profile } => format!("{operation} for {profile}"),
            Purpose::Proof => "proof by GetSessionToken".to_owned(),
            Purpose::Shown { command } | Purpose::Seed { command } => command.to_owned(),
            Purpose::TwoCodes { operation } => operation.to_owned(),
            Purpose::NoMoreQuestions | Purpose::LongerYes { .. } => "consent".to_owned(),
        }
    }

    fn is_of_codes(self) -> bool {
        withheld(self) == Withheld::Code
    }
}

/// What was not given out, in an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// A code, or two.
    Code,
    /// The seed.
    Seed,
    /// Leave to ask less.
    Policy,
}

impl fmt::Display for Withheld {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Withheld::Code => "a code",
            Withheld::Seed => "the seed",
            Withheld::Policy => "fewer questions",
        })
    }
}

/// Why a person's yes is not there.
#[derive(Debug, Error)]
pub enum ConsentError {
    /// Nobody can be asked.
    #[error("a person has to agree to {what} of `{name}`")]
    Needed {
        /// To what.
        what: Withheld,
        /// The device's local name.
        name: String,
        /// How long a yes would hold.
        remembered: Duration,
        /// Why nobody can be asked.
        source: PromptError,
    },
    /// The person said no.
    #[error("{what} of `{name}` was asked for, and the answer was no")]
    Refused {
        /// To what.
        what: Withheld,
        /// The device's local name.
        name: String,
    },
    /// The person pressed Ctrl-C, or the terminal or dialog failed.
    #[error(transparent)]
    Prompt(PromptError),
    /// What was agreed to before cannot be read or written.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Whether a person would be asked now, before a code of this device goes out.
///
/// # Errors
/// As [`Vault::is_agreed`].
pub fn would_ask(vault: &Vault<'_>, clock: &dyn Clock, record: &DeviceRecord) -> Result<bool, VaultError> {
    Ok(record.consent.is_some() && !vault.is_agreed(record, clock.now())?)
}

/// Has a person agree, if the device wants that; returns when the code or seed may go out.
///
/// Of several processes that need a yes for the same device one asks, and the others take its yes if that holds.
///
/// # Errors
/// If nobody can be asked, then `Needed`; if the answer is no, then `Refused`; if the question is interrupted or cannot be
/// shown, then `Prompt`; if earlier answers cannot be read or written, then `Vault`.
pub fn agree(
    vault: &Vault<'_>,
    clock: &dyn Clock,
    prompt: &dyn Prompt,
    record: &DeviceRecord,
    purpose: Purpose<'_>,
) -> Result<(), ConsentError> {
    let Some(consent) = record.consent else { return Ok(()) };
    let is_agreed = || Ok::<_, VaultError>(purpose.is_of_codes() && vault.is_agreed(record, clock.now())?);
    if is_agreed()? {
        return Ok(());
    }
    let (what, name) = (withheld(purpose), record.device.name.clone());
    let ask = || prompt.agree(&question(record, purpose, consent.remembered), "an earlier yes that still holds");
    // Whoever cannot ask does not wait for those who can.
    let lock = match prompt.may_ask() {
        true => lock(vault, prompt, record, what)?,
        false => None,
    };
    if lock.is_some() && is_agreed()? {
        return Ok(());
    }
    match ask() {
        Ok(true) if purpose.is_of_codes() && !consent.remembered.is_zero() => {
            Ok(vault.remember_agreement(record, clock.now())?)
        }
        Ok(true) => Ok(()),
        Ok(false) => Err(ConsentError::Refused { what, name }),
        Err(source @ PromptError::NoTerminal { .. }) => {
            Err(ConsentError::Needed { what, name, remembered: consent.remembered, source })
        }
        Err(error) => Err(ConsentError::Prompt(error)),
    }
}

fn lock(
    vault: &Vault<'_>,
    prompt: &dyn Prompt,
    record: &DeviceRecord,
    what: Withheld,
) -> Result<Option<FileLock>, VaultError> {
    let name = &record.device.name;
    let say = || prompt.say(&format!("waiting for another mfavault, which asks about `{name}`"));
    match vault.lock_or_say(&lock_name(record), PATIENCE, &say) {
        // A seed can be rescued from a disk that takes nothing more. Nothing but the order of questions is lost.
        Err(VaultError::File(error)) if what == Withheld::Seed && error.disk_takes_nothing() => Ok(None),
        lock => lock.map(Some),
    }
}

fn lock_name(record: &DeviceRecord) -> String {
    let hash = CacheKey::of(["agreement", &record.identity()]);
    format!("agreement-{}.lock", &hash.as_str()[..32])
}

fn withheld(purpose: Purpose<'_>) -> Withheld {
    match purpose {
        Purpose::Call { .. } | Purpose::Proof | Purpose::Shown { .. } | Purpose::TwoCodes { .. } => Withheld::Code,
        Purpose::Seed { .. } => Withheld::Seed,
        Purpose::NoMoreQuestions | Purpose::LongerYes { .. } => Withheld::Policy,
    }
}

fn question(record: &DeviceRecord, purpose: Purpose<'_>, remembered: Duration) -> String {
    let device = match &record.device.serial_number {
        Some(serial_number) => format!("`{}` ({serial_number})", record.device.name),
        None => format!("`{}`", record.device.name),
    };
    let act = match purpose {
        Purpose::Call { operation, profile } => {
            format!("Give a code of {device} for {operation} of profile `{profile}`")
        }
        Purpose::Proof => format!("Give a code of {device}, to prove that AWS takes it"),
        Purpose::Shown { command } => format!("Give a code of {device} to whoever ran `{command}`"),
        Purpose::TwoCodes { .. } => format!("Give two codes in a row of {device}, to enable or resynchronise it"),
        Purpose::Seed { command } => format!("Give out the seed of {device} in the clear, for `{command}`"),
        Purpose::NoMoreQuestions => format!("Give codes of {device} from now on without asking"),
        Purpose::LongerYes { remembered } => format!("Let a yes to codes of {device} hold for {}", words(remembered)),
    };
    match purpose.is_of_codes() && !remembered.is_zero() {
        true => format!("{act}, and more codes for {}?", words(remembered)),
        false => format!("{act}?"),
    }
}

/// A time as people say it, exact to the second.
pub fn words(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        _ if seconds > 0 && seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ if seconds > 0 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_without_loss() {
        for (seconds, text) in [(0, "0 s"), (90, "90 s"), (900, "15 min"), (5400, "90 min"), (28_800, "8 h")] {
            assert_eq!(words(Duration::from_secs(seconds)), text);
        }
    }
}
