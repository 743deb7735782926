//! Going on with what a run began that was killed or failed.

use super::{Asked, Ending, Rotation, Stands, short};
use crate::{
    aws::AwsError,
    commands::Error,
    vault::{KeyRecord, RotationRecord, VaultError},
};

impl Rotation<'_> {
    /// Finishes or undoes it.
    pub(super) fn resume(&self) -> Result<Ending, Error> {
        let record = match self.context.vault.rotation(self.profile) {
            Ok(Some(record)) => record,
            Ok(None) => return self.strike_out(),
            Err(error @ VaultError::Damaged { .. }) => return self.give_up(error.into()),
            Err(error) => return Err(error.into()),
        };
        self.say(&match record.only_deletion {
            true => {
                let masked = short(&record.old.credentials.access_key_id);
                format!("{masked}, the old access key of `{}`, is inactive and not yet deleted", self.profile)
            }
            false => format!("the access key of `{}` is being replaced already; going on from there", self.profile),
        });
        let (old, new) = (&record.old.credentials, record.new.as_ref().map(|new| &new.credentials));
        if let Some(stored) = self.key_of(self.profile)?
            && stored.credentials != *old
            && Some(&stored.credentials) != new
        {
            return self.void(&record, &stored);
        }
        self.stands(&record, if record.new.is_some() { Stands::Begun } else { Stands::Asked });
        match record.new.clone() {
            Some(new) => self.finish(record, &new, None),
            None => self.resume_creation(record),
        }
    }

    /// Only the index knows of it: the run was killed before the record was written, or after it was forgotten.
    fn strike_out(&self) -> Result<Ending, Error> {
        let index = self.context.vault.index()?;
        let fingerprint = index.keys.get(self.profile).map(|key| key.fingerprint.as_str());
        let new = index.rotations.get(self.profile).and_then(|rotation| rotation.new_fingerprint.as_deref());
        let has_new = new.is_some() && new == fingerprint;
        self.end()?;
        if has_new {
            self.say(&format!("the access key of `{}` was replaced already; nothing was left to do", self.profile));
        }
        Ok(if has_new { Ending::Replaced } else { Ending::Undone { deleted: None } })
    }

    /// No new pair came: if AWS made a key, it goes, and another one is made.
    fn resume_creation(&self, mut record: RotationRecord) -> Result<Ending, Error> {
        let owner = match self.owner(&record.old.credentials) {
            Err(error @ Error::Aws(AwsError::InvalidCredentials { .. })) => return self.give_up(error),
            owner => owner?,
        };
        let mut keys = self.sweep(&owner, &mut record)?;
        let own = &record.old.credentials.access_key_id;
        self.make_room(&owner, &mut keys, own).map_err(|error| self.end_after(error))?;
        let now = self.now_at_aws(&owner)?;
        let asked = Asked::at(record.asked, now);
        record.before = keys.into_iter().map(|key| key.access_key_id).collect();
        record.asked = now;
        self.context.vault.store_rotation(self.profile, &record)?;
        let (record, new) = self.create(&owner, record, asked)?;
        self.finish(record, &new, Some(owner))
    }

    /// Somebody stored a third key for the profile: the one that was made is nobody's.
    fn void(&self, record: &RotationRecord, stored: &KeyRecord) -> Result<Ending, Error> {
        self.say(&format!("`{}` has another access key by now: ending that", self.profile));
        let unused = match &record.new {
            // It was in use since then, and may be.
            Some(_) if record.only_deletion => None,
            Some(new) => {
                let id = &new.credentials.access_key_id;
                self.context.vault.index()?.profiles_with_key(id).next().is_none().then_some(id)
            }
            None => None,
        };
        let mut gone = None;
        if let Some(new_id) = unused {
            let deleted = match self.owner(&stored.credentials) {
                Ok(owner) if owner.account.identity.arn.to_string() == record.arn => {
                    self.audit(new_id, "deleted")?;
                    owner.delete(new_id).is_ok()
                }
                _ => false,
            };
            gone = deleted.then(|| new_id.clone());
            self.say(&match deleted {
                true => format!("deleted {}, which nobody has", short(new_id)),
                false => format!(
                    "{new_id} stays at AWS: `aws iam delete-access-key --user-name {} --access-key-id {new_id}` deletes it",
                    record.user_name
                ),
            });
        }
        self.end()?;
        Ok(Ending::Undone { deleted: gone })
    }
}
