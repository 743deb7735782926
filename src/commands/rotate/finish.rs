//! From a new key that is stored to the end of the old one: proved, in use, and only then the old one goes.

use std::time::Duration;

use super::{Ending, Owner, RotateError, Rotation, Stands, owner::patiently, short};
use crate::{
    arn::Arn,
    aws::{AwsError, Caller, Signer},
    commands::{Error, SessionRequest},
    credentials::LongTermCredentials,
    profile::ProfileName,
    vault::{AuditEvent, KeyRecord, RotationRecord},
};

/// After this long AWS has learnt of a new key, or never will.
const LEARNING: Duration = Duration::from_secs(5 * 60);

/// How the old key stands at AWS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OldKey {
    Active,
    Inactive,
    Gone,
}

impl<'a> Rotation<'a> {
    /// Goes on from a stored new key: in the run that made it with who made it, in a later one with nobody yet. Says
    /// how it ended: undone if AWS had no new key for it any more.
    pub(super) fn finish(
        &self,
        record: RotationRecord,
        new: &KeyRecord,
        owner: Option<Owner<'a>>,
    ) -> Result<Ending, Error> {
        let age = self.context.clock.now().duration_since(new.added).unwrap_or_default();
        if let Err(error) = self.prove(&new.credentials, &record.arn, age < LEARNING)? {
            return self.undo(&record, new, owner, error);
        }
        self.say(&format!("AWS accepts {}", short(&new.credentials.access_key_id)));
        let profiles = self.adopt(&record, new)?;
        if owner.is_some() {
            self.stands(&record, Stands::InUse);
        }
        let (owner, old_key) = match owner {
            Some(mut owner) => {
                owner.account.sign_with(new.credentials.clone());
                (owner, OldKey::Active)
            }
            None => {
                let owner = self.owner(&new.credentials)?;
                let old_key = self.old_key(&owner, &record)?;
                let age = self.now_at_aws(&owner)?.duration_since(record.asked).unwrap_or_default();
                if old_key == OldKey::Active && record.only_deletion && age > LEARNING {
                    // No list is so late: somebody needs it.
                    let masked = short(&record.old.credentials.access_key_id);
                    self.say(&format!("{masked} was activated again: it is left alone"));
                    self.end()?;
                    return Ok(Ending::Undone { deleted: None });
                }
                (owner, old_key)
            }
        };
        if old_key == OldKey::Active {
            self.deactivate(&owner, &record)?;
            if let Err(error) = self.prove(&new.credentials, &record.arn, true)? {
                self.reactivate(&owner, &record)?;
                return self.undo(&record, new, Some(owner), error);
            }
        }
        for profile in &profiles {
            self.context.vault.forget_sessions(Some(profile), self.context.clock.now())?;
        }
        if old_key != OldKey::Gone && !record.deactivate_only && !self.arguments.deactivate_only {
            self.delete_old(&owner, record.clone())?;
        }
        self.end()?;
        self.tell_of_copies(&record.old.credentials.access_key_id);
        Ok(Ending::Replaced)
    }

    /// Whether AWS accepts a pair, asked for a minute if it `may_learn` of it; the error inside says that it does not.
    ///
    /// # Errors
    /// If AWS cannot be asked, then `Aws`.
    pub(super) fn prove(
        &self,
        pair: &LongTermCredentials,
        arn: &str,
        may_learn: bool,
    ) -> Result<Result<(), AwsError>, Error> {
        let endpoints = SessionRequest::plain(self.profile.clone()).endpoints(self.context)?;
        let caller = Caller { signer: Signer::LongTerm(pair), endpoints: &endpoints };
        match patiently(self.context, may_learn, || self.context.aws.get_caller_identity(caller)) {
            Ok(identity) if identity.arn.to_string() == arn => Ok(Ok(())),
            Ok(identity) => Ok(Err(anothers(&identity.arn))),
            Err(error @ AwsError::InvalidCredentials { .. }) => Ok(Err(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// Has every profile with the old key have the new one; gives them.
    fn adopt(&self, record: &RotationRecord, new: &KeyRecord) -> Result<Vec<ProfileName>, Error> {
        let profiles = self.give(&record.old, new)?;
        let names: Vec<String> = profiles.iter().map(|profile| format!("`{profile}`")).collect();
        self.say(&format!(
            "{} is the access key of {} now, in the keystore `{}`",
            short(&new.credentials.access_key_id),
            names.join(", "),
            self.context.vault.keystore_name()
        ));
        Ok(profiles)
    }

    /// Gives one key to every profile that has the other, and to the one that this was begun with; gives all that have it
    /// then.
    pub(super) fn give(&self, instead_of: &KeyRecord, key: &KeyRecord) -> Result<Vec<ProfileName>, Error> {
        let index = self.context.vault.index()?;
        let (other, wanted) = (&instead_of.credentials, &key.credentials);
        // A run that was killed may have named the key in the index and not yet written it.
        let candidates = [other, wanted].map(|pair| index.profiles_with_key(&pair.access_key_id));
        let mut profiles: Vec<ProfileName> = candidates.into_iter().flatten().cloned().collect();
        profiles.push(self.profile.clone());
        profiles.sort_unstable();
        profiles.dedup();
        let mut holders = Vec::new();
        for profile in profiles {
            match self.key_of(&profile)? {
                Some(there) if there.credentials == *wanted => {}
                Some(there) if there.credentials != *other => continue,
                _ => {
                    let access_key_id = wanted.access_key_id.masked();
                    let event = AuditEvent::KeyChanged { profile: &profile, access_key_id, change: "stored" };
                    self.context.vault.audit(self.context.clock.now(), &event)?;
                    self.context.vault.store_key(&profile, key)?;
                }
            }
            holders.push(profile);
        }
        Ok(holders)
    }

    fn old_key(&self, owner: &Owner<'_>, record: &RotationRecord) -> Result<OldKey, Error> {
        let old_id = &record.old.credentials.access_key_id;
        let listed = owner.keys()?.into_iter().find(|key| key.access_key_id == *old_id);
        Ok(match listed {
            None => OldKey::Gone,
            Some(key) if key.is_active => OldKey::Active,
            Some(_) => OldKey::Inactive,
        })
    }

    fn deactivate(&self, owner: &Owner<'_>, record: &RotationRecord) -> Result<(), Error> {
        let old_id = &record.old.credentials.access_key_id;
        self.stands(record, Stands::Deactivating);
        self.audit(old_id, "deactivated")?;
        match owner.set_active(old_id, false) {
            Ok(()) => self.say(&format!("deactivated {}", short(old_id))),
            // Somebody deleted it meanwhile.
            Err(AwsError::NoSuchEntity { .. }) => {}
            Err(source @ AwsError::AccessDenied { .. }) => {
                let (user_name, access_key_id) = (record.user_name.clone(), old_id.clone());
                return Err(RotateError::OldKeyActive { user_name, access_key_id, source }.into());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Takes the deactivation of the old key back.
    fn reactivate(&self, owner: &Owner<'_>, record: &RotationRecord) -> Result<(), Error> {
        let old = &record.old.credentials;
        self.audit(&old.access_key_id, "activated")?;
        owner.set_active(&old.access_key_id, true)?;
        self.say(&format!("activated {} again", short(&old.access_key_id)));
        Ok(self.prove(old, &record.arn, true)??)
    }

    fn delete_old(&self, owner: &Owner<'_>, mut record: RotationRecord) -> Result<(), Error> {
        let access_key_id = record.old.credentials.access_key_id.clone();
        self.stands(&record, Stands::Deleting);
        self.audit(&access_key_id, "deleted")?;
        match owner.delete(&access_key_id) {
            Ok(_) => self.say(&format!("deleted {}", short(&access_key_id))),
            Err(source @ AwsError::AccessDenied { .. }) => {
                // Rights change: the next run tries it again.
                record.only_deletion = true;
                // What AWS said is the error to tell.
                let _ = self.context.vault.store_rotation(self.profile, &record);
                let (profile, user_name) = (self.profile.clone(), record.user_name);
                return Err(RotateError::OldKeyNotDeleted { profile, user_name, access_key_id, source }.into());
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

fn anothers(arn: &Arn) -> AwsError {
    AwsError::UnusableAnswer { operation: "GetCallerIdentity", reason: format!("the new access key is one of {arn}") }
}
