//! The new key: made at AWS, and its pair in the keystore at once. Where the answer is lost, a key may be there whose
//! secret nobody will ever know: it is found by its age and deleted. That AWS has no room for another key proves that it is
//! there, however late ListAccessKeys shows it.

use std::time::{Duration, SystemTime};

use super::{LastUsed, Owner, RotateError, Rotation, Stands, short};
use crate::{
    aws::{AwsError, CreatedAccessKey, ListedAccessKey},
    commands::{Error, account::FAULT_PAUSE},
    credentials::AccessKeyId,
    vault::{KeyRecord, RotationRecord, VaultError},
};

/// How long a run may be about CreateAccessKey: a key that is younger than its journal by more is somebody else's.
const CREATION_TAKES: Duration = Duration::from_secs(5 * 60);
/// Clocks are compared to the second.
const CLOCKS_DIFFER: Duration = Duration::from_secs(5);
/// After this long a call that was lost has surely shown what it did.
const SHOWS_BY_THEN: Duration = Duration::from_secs(60);
/// How long to wait for ListAccessKeys to show a key that is surely there, try by try: a minute in all.
const LISTING_SECONDS: [u64; 7] = [1, 2, 4, 8, 15, 15, 15];

/// When AWS was asked for the key before, without an answer that tells what came of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Never,
    LongAgo,
    Lately,
}

impl Asked {
    /// By AWS's clock.
    pub(super) fn at(time: SystemTime, now: SystemTime) -> Self {
        match now.duration_since(time).is_ok_and(|age| age > SHOWS_BY_THEN) {
            true => Asked::LongAgo,
            false => Asked::Lately,
        }
    }
}

/// Whether a key may have been made though no answer with its secret came.
fn may_have_made_one(error: &AwsError) -> bool {
    matches!(
        error,
        AwsError::Unreachable { sent: true, .. }
            | AwsError::UnusableAnswer { .. }
            | AwsError::Service { status: 500.., .. }
    )
}

impl Rotation<'_> {
    /// Has AWS make a key; its pair is in the keystore when this returns.
    pub(super) fn create(
        &self,
        owner: &Owner<'_>,
        mut record: RotationRecord,
        asked: Asked,
    ) -> Result<(RotationRecord, KeyRecord), Error> {
        let created = self.create_at_aws(owner, &mut record, asked)?;
        let new = KeyRecord {
            credentials: created.credentials,
            account_id: Some(owner.account.identity.account_id.clone()),
            added: self.context.clock.now(),
            created: Some(created.created),
        };
        record.new = Some(new.clone());
        let new_id = &new.credentials.access_key_id;
        if let Err(stored) = self.context.vault.store_rotation(self.profile, &record) {
            return Err(self.take_back(owner, new_id, stored));
        }
        self.stands(&record, Stands::Stored);
        self.audit(new_id, "created")?;
        self.say(&format!("made the access key {}", short(new_id)));
        Ok((record, new))
    }

    /// Deletes a key again whose secret will be lost with this process, and gives the reason.
    fn take_back(&self, owner: &Owner<'_>, new_id: &AccessKeyId, stored: VaultError) -> Error {
        // A log that cannot be written must not leave the key where it is.
        let _ = self.audit(new_id, "deleted");
        let mut deleted = owner.delete(new_id);
        if let Ok(false) = deleted {
            owner.account.pause("AWS IAM learns of the new access key", FAULT_PAUSE);
            deleted = owner.delete(new_id);
        }
        let source = match deleted {
            Ok(true) => {
                let profile = self.profile.clone();
                return self.end_after(RotateError::NotStored { profile, source: stored }.into());
            }
            Ok(false) => AwsError::NoSuchEntity {
                operation: "DeleteAccessKey",
                message: "IAM does not know the key yet".to_owned(),
            },
            Err(error) => error,
        };
        let (user_name, access_key_id) = (owner.account.user_name.clone(), new_id.clone());
        RotateError::NewKeyLeft { user_name, access_key_id, stored: Box::new(stored), source }.into()
    }

    /// CreateAccessKey; once more, if no answer came, or while there is no room because of what an earlier call made.
    fn create_at_aws(
        &self,
        owner: &Owner<'_>,
        record: &mut RotationRecord,
        mut asked: Asked,
    ) -> Result<CreatedAccessKey, Error> {
        let account = &owner.account;
        let (mut waits, mut was_lost) = (LISTING_SECONDS.iter(), false);
        loop {
            let error = match self.context.aws.create_access_key(account.caller(), &account.user_name) {
                Ok(created) => return Ok(created),
                Err(error) => error,
            };
            if may_have_made_one(&error) && was_lost {
                self.sweep(owner, record)?;
                // The journal stays: what was made may not have shown yet.
                return Err(error.into());
            } else if may_have_made_one(&error) {
                (was_lost, asked) = (true, Asked::Lately);
                self.say(&format!("{error}; looking whether there is a key now"));
                account.pause("AWS has a moment to recover", FAULT_PAUSE);
            } else if matches!(error, AwsError::LimitExceeded { .. }) && asked != Asked::Never {
                // There is a key that the list does not show, or one that AWS has not quite deleted.
                let Some(seconds) = waits.next() else {
                    let user_name = account.user_name.clone();
                    return Err(RotateError::LostKeyNotListed { user_name, source: error }.into());
                };
                account.pause("AWS IAM lists a key whose secret did not arrive", Duration::from_secs(*seconds));
            } else {
                // It surely made none. An earlier call may have.
                return Err(if asked == Asked::Lately { error.into() } else { self.end_after(error.into()) });
            }
            let mut keys = self.sweep(owner, record)?;
            // Two keys that are listed leave no place for one that is not.
            let own = &record.old.credentials.access_key_id;
            self.make_room(owner, &mut keys, own).map_err(|error| self.end_after(error))?;
        }
    }

    /// Deletes the key, if there is one, that was made when this rotation asked for one, that is nobody's, and whose secret
    /// did not arrive. Gives the other keys that AWS lists.
    pub(super) fn sweep(&self, owner: &Owner<'_>, record: &mut RotationRecord) -> Result<Vec<ListedAccessKey>, Error> {
        let mut others = Vec::new();
        for key in owner.keys()? {
            let id = &key.access_key_id;
            if !record.doomed.contains(id) {
                if record.before.contains(id) || !may_be_of(record, key.created) {
                    others.push(key);
                    continue;
                }
                match self.is_unused(owner, id)? {
                    Some(true) => {}
                    Some(false) => {
                        others.push(key);
                        continue;
                    }
                    None => continue,
                }
                // While the list still shows it, and in the next run, it is known.
                record.doomed.push(id.clone());
                self.context.vault.store_rotation(self.profile, record)?;
                self.audit(id, "deleted")?;
            }
            // Also one that was deleted before: AWS may not have known it then.
            if owner.delete(id)? {
                self.say(&format!("deleted {}, whose secret did not arrive", short(id)));
            }
        }
        Ok(others)
    }

    /// Whether nobody used a key so far; nothing if AWS has none of that ID. Says so if it may be in use.
    fn is_unused(&self, owner: &Owner<'_>, id: &AccessKeyId) -> Result<Option<bool>, Error> {
        Ok(match self.last_used(owner, id)? {
            None => None,
            Some(LastUsed::Never) => Some(true),
            Some(LastUsed::At(_)) => {
                self.say(&format!("{id} is in use: somebody else's, and left alone"));
                Some(false)
            }
            Some(LastUsed::NotTold) => {
                self.say(&format!("{id} may be in use, which AWS does not tell: left alone"));
                Some(false)
            }
        })
    }
}

/// Whether a key of this age may be one that the rotation asked for.
fn may_be_of(record: &RotationRecord, created: SystemTime) -> bool {
    created + CLOCKS_DIFFER >= record.begun && created <= record.asked + CREATION_TAKES
}
