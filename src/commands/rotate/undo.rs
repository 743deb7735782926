//! Taking a new key back that AWS does not accept: the profiles have the old one again, and AWS the new one no more.

use super::{Ending, Owner, RotateError, Rotation, Stands, short};
use crate::{
    aws::AwsError,
    commands::Error,
    vault::{KeyRecord, RotationRecord},
};

impl<'a> Rotation<'a> {
    /// Gives the old key back, deletes the new one, and fails with the reason; if a later run finds that AWS has no such
    /// key any more, says that there is no new key.
    pub(super) fn undo(
        &self,
        record: &RotationRecord,
        new: &KeyRecord,
        owner: Option<Owner<'a>>,
        refusal: AwsError,
    ) -> Result<Ending, Error> {
        let (old, new_id) = (&record.old, &new.credentials.access_key_id);
        let is_later_run = owner.is_none();
        if is_later_run && self.prove(&old.credentials, &record.arn, false)?.is_err() {
            return self.give_up(refusal.into());
        }
        self.stands(record, Stands::Undoing);
        self.give(new, old)?;
        // Sessions are had with what the profile has.
        let owner = match owner {
            Some(mut owner) => {
                owner.account.sign_with(old.credentials.clone());
                owner
            }
            None => self.owner(&old.credentials)?,
        };
        self.audit(new_id, "deleted")?;
        let was_there = owner.delete(new_id).map_err(|source| {
            let (user_name, access_key_id) = (record.user_name.clone(), new_id.clone());
            RotateError::NotTakenBack { user_name, access_key_id, source }
        })?;
        self.end()?;
        // The run that made it has nothing else to begin, and its own call, whose answer was lost, may have deleted it.
        if is_later_run && !was_there {
            self.say(&format!("{} is not at AWS any more", short(new_id)));
            return Ok(Ending::Undone { deleted: Some(new_id.clone()) });
        }
        let (profile, masked) = (self.profile.clone(), short(new_id));
        Err(RotateError::NotAccepted { profile, masked, source: refusal }.into())
    }

    /// Forgets a rotation that nothing can be made of, if somebody agrees, and fails with the reason.
    pub(super) fn give_up(&self, reason: Error) -> Result<Ending, Error> {
        let question = format!(
            "The replacement of the access key of `{}` cannot go on: {reason}. Forget it, and the pair that the profile does \
             not have?",
            self.profile
        );
        self.context.confirm(self.arguments.confirmed, &question, "--yes")?;
        self.end()?;
        self.say(&format!("forgot that the access key of `{}` was being replaced", self.profile));
        Err(reason)
    }
}
