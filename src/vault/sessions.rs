//! What is remembered for a time: sessions, and sign-ins at IAM Identity Center. What is over is forgotten when something
//! new is remembered.

use std::time::SystemTime;

use super::{CacheKey, Index, SessionEntry, SessionRecord, SignInEntry, SignInRecord, Vault, VaultError};
use crate::{keystore::RecordName, profile::ProfileName};

impl Vault<'_> {
    /// A remembered session that still holds at `until`. One that was damaged or belongs elsewhere counts as none.
    ///
    /// # Errors
    /// If the keystore cannot be asked, then as [`Keystore::get`](crate::keystore::Keystore::get).
    pub fn session(&self, key: &CacheKey, until: SystemTime) -> Result<Option<SessionRecord>, VaultError> {
        match self.read(&session_record(key), |bytes| SessionRecord::from_bytes(bytes, key)) {
            Ok(Some(session)) if session.credentials.expiration > until => Ok(Some(session)),
            Ok(_) | Err(VaultError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Remembers a session that was made just now; forgets those that are over.
    ///
    /// # Errors
    /// As [`Keystore::put`](crate::keystore::Keystore::put).
    pub fn remember_session(&self, key: &CacheKey, session: &SessionRecord, now: SystemTime) -> Result<(), VaultError> {
        self.remember(key, session, SessionEntry::of(session, false, now), now)
    }

    /// As [`Vault::remember_session`], for one that roles are assumed with and that does not go out itself.
    ///
    /// # Errors
    /// As [`Keystore::put`](crate::keystore::Keystore::put).
    pub fn remember_session_for_roles(
        &self,
        key: &CacheKey,
        session: &SessionRecord,
        now: SystemTime,
    ) -> Result<(), VaultError> {
        self.remember(key, session, SessionEntry::of(session, true, now), now)
    }

    fn remember(
        &self,
        key: &CacheKey,
        session: &SessionRecord,
        entry: SessionEntry,
        now: SystemTime,
    ) -> Result<(), VaultError> {
        let enter = |index: &mut Index| drop(index.sessions.insert(key.as_str().to_owned(), entry));
        let put = || Ok(self.keystore.put(&session_record(key), &session.to_bytes(key))?);
        self.change(enter, put, |_| {})?;
        self.forget_those(|_, entry| entry.expiration <= now).map(drop)
    }

    /// Forgets the sessions of a profile and those made with its keys, or all; says how many were still valid at `now`.
    ///
    /// # Errors
    /// As [`Keystore::remove`](crate::keystore::Keystore::remove).
    pub fn forget_sessions(&self, profile: Option<&ProfileName>, now: SystemTime) -> Result<usize, VaultError> {
        let forgotten =
            self.forget_those(|_, entry| profile.is_none_or(|name| entry.profile == *name || entry.source == *name))?;
        Ok(forgotten.iter().filter(|entry| entry.expiration > now).count())
    }

    /// Forgets one session, if it is remembered.
    ///
    /// # Errors
    /// As [`Keystore::remove`](crate::keystore::Keystore::remove).
    pub fn forget_session(&self, key: &CacheKey) -> Result<(), VaultError> {
        if !self.index()?.sessions.contains_key(key.as_str()) {
            return Ok(());
        }
        let leave = |index: &mut Index| drop(index.sessions.remove(key.as_str()));
        self.change(|_| {}, || self.forget(&session_record(key)), leave).map(drop)
    }

    /// Forgets the sessions of a profile and those made with its keys, but for this one.
    ///
    /// # Errors
    /// As [`Keystore::remove`](crate::keystore::Keystore::remove).
    pub fn forget_other_sessions(&self, profile: &ProfileName, kept: Option<&CacheKey>) -> Result<(), VaultError> {
        let is_kept = |key: &str| kept.is_some_and(|kept| kept.as_str() == key);
        let is_of_profile = |entry: &SessionEntry| entry.profile == *profile || entry.source == *profile;
        self.forget_those(|key, entry| is_of_profile(entry) && !is_kept(key)).map(drop)
    }

    /// Forgets the sessions that are wanted gone, as the index says under its lock: one that was renewed meanwhile is
    /// another one.
    fn forget_those(&self, wanted: impl Fn(&str, &SessionEntry) -> bool) -> Result<Vec<SessionEntry>, VaultError> {
        if !self.index()?.sessions.iter().any(|(key, entry)| wanted(key, entry)) {
            return Ok(Vec::new());
        }
        let folder = self.data()?;
        let _lock = folder.lock("index.lock")?;
        let before = Index::read(folder, self.keystore.name())?;
        let mut index = before.clone();
        let mut forgotten = Vec::new();
        for (key, entry) in before.sessions.iter().filter(|(key, entry)| wanted(key, entry)) {
            self.forget(&RecordName::new("session", key))?;
            index.sessions.remove(key);
            forgotten.push(entry.clone());
        }
        self.write_index(&before, &index)?;
        Ok(forgotten)
    }

    /// A remembered sign-in at IAM Identity Center, whether its token still holds or not. One that was damaged counts as
    /// none.
    ///
    /// # Errors
    /// If the keystore cannot be asked, then as [`Keystore::get`](crate::keystore::Keystore::get).
    pub fn sign_in(&self, key: &CacheKey) -> Result<Option<SignInRecord>, VaultError> {
        match self.read(&sign_in_record(key.as_str()), |bytes| SignInRecord::from_bytes(bytes, key)) {
            Err(VaultError::Damaged { .. }) => Ok(None),
            found => found,
        }
    }

    /// Remembers a sign-in; forgets those that are of no use any more by `now`.
    ///
    /// # Errors
    /// As [`Keystore::put`](crate::keystore::Keystore::put).
    pub fn remember_sign_in(&self, key: &CacheKey, sign_in: &SignInRecord, now: SystemTime) -> Result<(), VaultError> {
        let enter = |index: &mut Index| drop(index.sign_ins.insert(key.as_str().to_owned(), SignInEntry::of(sign_in)));
        let put = || Ok(self.keystore.put(&sign_in_record(key.as_str()), &sign_in.to_bytes(key))?);
        self.change(enter, put, |_| {})?;
        self.forget_sign_ins_if(|entry| entry.useless_from <= now).map(drop)
    }

    /// Forgets all sign-ins; says how many there were.
    ///
    /// # Errors
    /// As [`Keystore::remove`](crate::keystore::Keystore::remove).
    pub fn forget_sign_ins(&self) -> Result<usize, VaultError> {
        self.forget_sign_ins_if(|_| true)
    }

    fn forget_sign_ins_if(&self, wanted: impl Fn(&SignInEntry) -> bool) -> Result<usize, VaultError> {
        let sign_ins = self.index()?.sign_ins.into_iter();
        let keys: Vec<String> = sign_ins.filter(|(_, entry)| wanted(entry)).map(|(key, _)| key).collect();
        for key in &keys {
            let leave = |index: &mut Index| drop(index.sign_ins.remove(key));
            self.change(|_| {}, || self.forget(&sign_in_record(key)), leave)?;
        }
        Ok(keys.len())
    }
}

fn sign_in_record(key: &str) -> RecordName {
    RecordName::new("sign-in", key)
}

fn session_record(key: &CacheKey) -> RecordName {
    RecordName::new("session", key.as_str())
}
