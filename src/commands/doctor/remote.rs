//! AWS: the clock, the access keys, the devices.

use std::time::Duration;

use super::{Area, Fact, Finding};
use crate::{
    aws::AwsError,
    commands::{
        Context, Error,
        mfa::remote::{self, RemoteRow, Whereabouts},
    },
    keystore::KeystoreError,
    vault::VaultError,
};

/// From here on a key should be replaced (AWS Security Hub control IAM.3).
const OLD: Duration = Duration::from_secs(90 * 24 * 3600);

/// Asks AWS about every key and device.
///
/// # Errors
/// If a person who is asked for the passphrase interrupts, then `Vault`.
pub(super) fn check(context: &Context<'_>) -> Result<Vec<Finding>, Error> {
    let Ok(index) = context.vault.index() else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    for (profile, key) in &index.keys {
        let age = context.clock.now().duration_since(key.created.unwrap_or(key.added)).unwrap_or_default();
        if age > OLD {
            findings.push(Finding::of(Area::Keys)(Fact::OldKey { profile: profile.clone(), age }));
        }
    }
    match remote::look(context, &index) {
        Ok(seen) => {
            // That is said of the clock, once for all.
            let is_of_clock = |error: &Error| matches!(error, Error::Aws(AwsError::ClockSkew { .. }));
            let failures = seen.failures.into_iter().filter(|(_, error)| !is_of_clock(error));
            findings.extend(
                failures.map(|(profile, error)| Fact::FailsFor { profile, error }).map(Finding::of(Area::Keys)),
            );
            findings.extend(seen.rows.into_iter().filter_map(of_row).map(Finding::of(Area::Devices)));
        }
        Err(error @ Error::Vault(VaultError::Keystore(KeystoreError::Interrupted))) => return Err(error),
        // The records were read before: it is among their findings.
        Err(_) => findings.extend([Area::Keys, Area::Devices].map(|area| Finding::of(area)(Fact::NotAsked))),
    }
    findings.push(Finding::of(Area::Clock)(match context.aws.clock_offset() {
        Some(offset) => Fact::Clock { seconds: offset.seconds },
        None => Fact::ClockUnknown,
    }));
    Ok(findings)
}

/// The clock as an earlier command found it.
pub(super) fn clock_as_kept(context: &Context<'_>) -> Vec<Finding> {
    let fact = match context.vault.clock_offset() {
        Ok(Some(offset)) => Fact::Clock { seconds: offset.seconds },
        Ok(None) => Fact::ClockUnknown,
        Err(error) => Fact::Fails(Error::Vault(error)),
    };
    vec![Finding::of(Area::Clock)(fact)]
}

fn of_row(row: RemoteRow) -> Option<Fact> {
    let serial_number = row.serial_number?;
    match (row.whereabouts, row.name) {
        (Whereabouts::Unassigned | Whereabouts::MissingThere, Some(name)) => {
            let unassigned = row.whereabouts == Whereabouts::Unassigned;
            Some(Fact::NotAtAws { name, serial_number, profile: row.profile, unassigned })
        }
        (Whereabouts::MissingHere, _) => Some(Fact::NotHere { serial_number, profile: row.profile }),
        (Whereabouts::Orphan, _) => Some(Fact::Orphan { serial_number }),
        _ => None,
    }
}
