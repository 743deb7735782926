//! `rotate`: a profile's access key is replaced by a new one: made, stored, proved, and only then the old one deactivated
//! and deleted.
//!
//! What is done is read off what there is: the journal says that a rotation was begun, its record which pairs there are,
//! the profile's own record which of them is in use, ListAccessKeys how the old one stands. A record with the old pair is
//! in the keystore before AWS is asked for a new one, the new pair is added to it as soon as AWS gave it, and both stay
//! until AWS has done everything. A profile gets the new pair when AWS accepts it, and before AWS ends the old one.

mod copies;
mod create;
mod error;
mod finish;
mod owner;
mod resume;
mod room;
mod stands;
mod undo;

use std::time::{Duration, SystemTime};

use create::Asked;
pub use error::{LastUsed, RotateError};
use owner::Owner;
use stands::Stands;

use super::{Context, Error, Outcome, SessionRequest};
use crate::{
    atomic_file::FileLock,
    credentials::AccessKeyId,
    mfa::AuthenticationCode,
    profile::ProfileName,
    vault::{AuditEvent, KeyRecord, ROTATION_LOCK, RotationRecord, VaultError},
};

/// After this long, whoever waits for another run is told so.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whose key, and how.
pub struct Arguments {
    /// The profile.
    pub profile: ProfileName,
    /// Nothing is done unless the key is older.
    pub older_than: Option<Duration>,
    /// Whether the old key stays at AWS, inactive.
    pub deactivate_only: bool,
    /// Whether another key of the user, if it is inactive, may be deleted to make room.
    pub delete_other: bool,
    /// A code of a device that is not held here.
    pub mfa_code: Option<AuthenticationCode>,
    /// Whether a rotation of which AWS accepts neither key is forgotten without a question.
    pub confirmed: bool,
}

/// Replaces the key, or finishes or undoes what an earlier run began.
///
/// # Errors
/// If the profile has no key here, then `NoKey`, or `KeyOfAnother` if it uses another profile's; if the key is no IAM
/// user's, then `RootKey` or `NotAUser`; if the user has two keys, then `OtherKeyActive` or `OtherKeyHeld`, or `Prompt` or
/// `Declined` if nobody agrees that the other one goes; if AWS refuses before there is a new key, then `Aws`, and nothing
/// was changed; if the new key is of no use, then `NotStored` or `NotAccepted`, and all is as before; if it is in use and
/// only the deletion of the inactive old one is denied, then `OldKeyNotDeleted`, and the next run tries that again. Whatever else leaves something for the
/// next run is in an `Unfinished`.
pub fn run(context: &Context<'_>, arguments: &Arguments) -> Result<Outcome, Error> {
    let _lock = lock(context)?;
    let begun = context.vault.index()?.rotation_of(&arguments.profile).map(|(profile, _)| profile.clone());
    let mut gone = None;
    if let Some(profile) = begun {
        let rotation = Rotation { context, arguments, profile: &profile };
        match rotation.resume().map_err(|error| rotation.unfinished(error))? {
            Ending::Replaced => return Ok(Outcome::Done),
            Ending::Undone { deleted } => gone = deleted,
        }
    }
    let rotation = Rotation { context, arguments, profile: &arguments.profile };
    rotation.begin(gone.as_ref()).map_err(|error| rotation.unfinished(error))?;
    Ok(Outcome::Done)
}

/// Waits until no other run replaces, removes or imports access keys: which pair a profile has is known under this lock.
pub(super) fn lock(context: &Context<'_>) -> Result<FileLock, Error> {
    let say = || context.prompt.say("waiting for another mfavault, which is changing access keys");
    Ok(context.vault.lock_or_say(ROTATION_LOCK, PATIENCE, &say)?)
}

/// How a rotation ended.
enum Ending {
    /// The profile has a new key, and the old one is out of the way.
    Replaced,
    /// Nothing is left of it. AWS may list a key a while longer that it deleted.
    Undone { deleted: Option<AccessKeyId> },
}

struct Rotation<'a> {
    context: &'a Context<'a>,
    arguments: &'a Arguments,
    /// The profile that it was begun with, and that the journal has it under.
    profile: &'a ProfileName,
}

impl<'a> Rotation<'a> {
    /// All of it, from the start. Of the key that is `gone` the list may not know yet.
    fn begin(&self, gone: Option<&AccessKeyId>) -> Result<(), Error> {
        let Some(entry) = self.context.vault.index()?.keys.remove(self.profile) else { return Err(self.no_key()?) };
        if entry.created.is_some_and(|created| self.is_younger(&entry.masked_access_key_id, created)) {
            return Ok(());
        }
        let old = self.context.vault.key(self.profile)?;
        let old = old.ok_or_else(|| Error::NoKey { profile: self.profile.clone() })?;
        let owner = self.owner(&old.credentials)?;
        let mut keys = owner.keys()?;
        keys.retain(|key| Some(&key.access_key_id) != gone);
        let old_id = &old.credentials.access_key_id;
        if let Some(created) = keys.iter().find(|key| key.access_key_id == *old_id).map(|key| key.created)
            && self.is_younger(&old_id.masked(), created)
        {
            // Next time it is known without asking.
            let known = KeyRecord { created: Some(created), ..old };
            return Ok(self.context.vault.store_key(self.profile, &known)?);
        }
        self.make_room(&owner, &mut keys, old_id)?;
        let now = self.now_at_aws(&owner)?;
        let record = RotationRecord {
            user_name: owner.account.user_name.clone(),
            arn: owner.account.identity.arn.to_string(),
            old,
            new: None,
            before: keys.into_iter().map(|key| key.access_key_id).collect(),
            doomed: Vec::new(),
            begun: now,
            asked: now,
            deactivate_only: self.arguments.deactivate_only,
            only_deletion: false,
        };
        self.context.vault.store_rotation(self.profile, &record)?;
        self.stands(&record, Stands::Asked);
        let (record, new) = self.create(&owner, record, Asked::Never)?;
        self.finish(record, &new, Some(owner)).map(drop)
    }

    fn now_at_aws(&self, owner: &Owner<'_>) -> Result<SystemTime, Error> {
        Ok(owner.account.offset()?.apply(self.context.clock.now()))
    }

    /// Whose the credentials of a profile are that has no key here.
    fn no_key(&self) -> Result<Error, Error> {
        let profile = self.profile.clone();
        let plan = SessionRequest::plain(profile.clone()).plan(self.context);
        let holds_key = |source: &ProfileName| Ok::<_, Error>(self.context.vault.index()?.keys.contains_key(source));
        Ok(match plan {
            Ok(plan) if holds_key(&plan.source)? => RotateError::KeyOfAnother { profile, key_of: plan.source }.into(),
            _ => Error::NoKey { profile },
        })
    }

    /// Whether the key is younger than was asked for; says so.
    fn is_younger(&self, masked: &str, created: SystemTime) -> bool {
        let age = self.context.clock.now().duration_since(created).unwrap_or_default();
        let is_younger = self.arguments.older_than.is_some_and(|oldest| age < oldest);
        if is_younger {
            self.say(&format!(
                "the access key {} of `{}` was made {}: it is not that old, and stays",
                shortened(masked),
                self.profile,
                error::day(created)
            ));
        }
        is_younger
    }

    /// An error that leaves something for the next run says so.
    fn unfinished(&self, error: Error) -> Error {
        if let Error::Rotate(RotateError::OldKeyNotDeleted { .. }) = error {
            return error;
        }
        let is_under_way = self.context.vault.index().is_ok_and(|index| index.rotations.contains_key(self.profile));
        match is_under_way {
            true => RotateError::Unfinished { profile: self.profile.clone(), source: Box::new(error) }.into(),
            false => error,
        }
    }

    /// What a profile has as its key; nothing if that cannot be read, for the rotation has both pairs.
    fn key_of(&self, profile: &ProfileName) -> Result<Option<KeyRecord>, Error> {
        match self.context.vault.key(profile) {
            Err(VaultError::Damaged { .. }) => Ok(None),
            found => Ok(found?),
        }
    }

    /// Writes to the log what is about to be done to a key.
    fn audit(&self, access_key_id: &AccessKeyId, change: &str) -> Result<(), Error> {
        let event = AuditEvent::KeyChanged { profile: self.profile, access_key_id: access_key_id.masked(), change };
        Ok(self.context.vault.audit(self.context.clock.now(), &event)?)
    }

    fn say(&self, line: &str) {
        self.context.prompt.say(line);
    }
}

/// `****MPLE`: enough to tell a user's two keys apart.
fn short(access_key_id: &AccessKeyId) -> String {
    shortened(&access_key_id.masked())
}

fn shortened(masked: &str) -> String {
    masked[masked.len().saturating_sub(8)..].to_owned()
}
