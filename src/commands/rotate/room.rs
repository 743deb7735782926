//! Room for a new key: AWS allows a user two.

use super::{LastUsed, Owner, RotateError, Rotation, error::day, short};
use crate::{
    aws::{AwsError, ListedAccessKey},
    commands::Error,
    credentials::AccessKeyId,
};

/// Most access keys of a user ("IAM and STS quotas").
const MOST_KEYS: usize = 2;

impl Rotation<'_> {
    /// Sees to it that the user can get one more key: an inactive other one is deleted, if somebody agrees; an active one
    /// is never touched.
    pub(super) fn make_room(
        &self,
        owner: &Owner<'_>,
        keys: &mut Vec<ListedAccessKey>,
        own: &AccessKeyId,
    ) -> Result<(), Error> {
        while keys.len() >= MOST_KEYS
            && let Some(other) = keys.iter().position(|key| key.access_key_id != *own)
        {
            self.delete_other(owner, &keys[other])?;
            keys.remove(other);
        }
        Ok(())
    }

    fn delete_other(&self, owner: &Owner<'_>, other: &ListedAccessKey) -> Result<(), Error> {
        let id = &other.access_key_id;
        let user_name = owner.account.user_name.clone();
        if let Some(held_by) = self.context.vault.index()?.profiles_with_key(id).next().cloned() {
            return Err(RotateError::OtherKeyHeld { user_name, masked: short(id), held_by }.into());
        }
        // The list still shows one that is gone.
        let Some(last_used) = self.last_used(owner, id)? else { return Ok(()) };
        if other.is_active {
            let (profile, access_key_id) = (self.profile.clone(), id.clone());
            let created = other.created;
            let error = RotateError::OtherKeyActive { profile, user_name, access_key_id, created, last_used };
            return Err(error.into());
        }
        let question = format!(
            "The user {user_name} has another access key, as many as AWS allows: {}, inactive, made {}, {last_used}. Delete it for \
             ever?",
            short(id),
            day(other.created)
        );
        self.context.confirm(self.arguments.delete_other, &question, "--delete-other")?;
        self.audit(id, "deleted")?;
        owner.delete(id)?;
        self.say(&format!("deleted {}, which was inactive", short(id)));
        Ok(())
    }

    /// When AWS last saw a key; nothing if it has none of that ID.
    pub(super) fn last_used(&self, owner: &Owner<'_>, access_key_id: &AccessKeyId) -> Result<Option<LastUsed>, Error> {
        match self.context.aws.get_access_key_last_used(owner.account.caller(), access_key_id) {
            Err(AwsError::AccessDenied { .. }) => Ok(Some(LastUsed::NotTold)),
            Err(AwsError::NoSuchEntity { .. }) => Ok(None),
            last_used => Ok(Some(last_used?.map_or(LastUsed::Never, LastUsed::At))),
        }
    }
}
