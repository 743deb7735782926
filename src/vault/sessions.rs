//! What is remembered for a time: sessions, and sign-ins at IAM Identity Center. What is over is forgotten when something
//! new is remembered.
//!
//! Sessions may have a keystore of their own, which may lose them: whoever looks finds none then, and obtains one anew.
//! The index says of each where it is, so that it is forgotten there whatever is wished by then. Sign-ins hold what
//! cannot be obtained without a person, and stay beside the keys.

use std::{cell::RefCell, collections::VecDeque, time::SystemTime};

use super::{CacheKey, INDEX_LOCK, Index, SessionEntry, SessionRecord, SignInEntry, SignInRecord, Vault, VaultError};
use crate::{
    keystore::{Keystore, KeystoreError, RecordName},
    profile::ProfileName,
    secret::SecretBytes,
};

/// The kind of the records that hold sessions.
const SESSION: &str = "session";

/// A keystore that is the sessions' own.
pub(super) struct SessionKeystore<'a> {
    pub(super) keystore: &'a dyn Keystore,
    /// Whether new sessions go there; else it holds those it got before.
    takes_new: bool,
}

impl<'a> Vault<'a> {
    /// The same with another keystore for sessions, which may lose them. Unless it takes the new ones, those that it got
    /// before are only forgotten there.
    #[must_use]
    pub fn with_sessions_in(self, keystore: &'a dyn Keystore, takes_new: bool) -> Self {
        Vault { sessions: Some(SessionKeystore { keystore, takes_new }), ..self }
    }

    /// The sessions' own keystore, if new ones go there.
    fn apart(&self) -> Option<&'a dyn Keystore> {
        self.sessions.as_ref().filter(|sessions| sessions.takes_new).map(|sessions| sessions.keystore)
    }
}

impl Vault<'_> {
    /// A remembered session that still holds at `until`. One that was damaged or belongs elsewhere counts as none.
    ///
    /// # Errors
    /// If the keystore cannot be asked, then as [`Keystore::get`].
    pub fn session(&self, key: &CacheKey, until: SystemTime) -> Result<Option<SessionRecord>, VaultError> {
        match self.find_session(key) {
            Ok(Some(session)) if session.credentials.expiration > until => Ok(Some(session)),
            Ok(_) | Err(VaultError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Remembers a session that was made just now; forgets those that are over.
    ///
    /// # Errors
    /// As [`Keystore::put`].
    pub fn remember_session(&self, key: &CacheKey, session: &SessionRecord, now: SystemTime) -> Result<(), VaultError> {
        self.remember(key, session, SessionEntry::of(session, false, now), now)
    }

    /// As [`Vault::remember_session`], for one that roles are assumed with and that does not go out itself.
    ///
    /// # Errors
    /// As [`Keystore::put`].
    pub fn remember_session_for_roles(
        &self,
        key: &CacheKey,
        session: &SessionRecord,
        now: SystemTime,
    ) -> Result<(), VaultError> {
        self.remember(key, session, SessionEntry::of(session, true, now), now)
    }

    /// Where sessions have a keystore of their own, the keys' keystore is asked only if the index says that it has this one.
    fn find_session(&self, key: &CacheKey) -> Result<Option<SessionRecord>, VaultError> {
        let record = session_record(key);
        let parse = |bytes: &SecretBytes| SessionRecord::from_bytes(bytes, key);
        if let Some(found) = self.apart().map(|keystore| keystore.get(&record)) {
            let is_beside_keys = |entry: &SessionEntry| !entry.apart;
            return match found {
                Ok(bytes) => Ok(parse(&bytes).ok()),
                Err(_) if !self.indexes()?.main.sessions.get(key.as_str()).is_some_and(is_beside_keys) => Ok(None),
                Err(_) => self.read(&record, parse),
            };
        }
        self.read(&record, parse)
    }

    fn remember(
        &self,
        key: &CacheKey,
        session: &SessionRecord,
        entry: SessionEntry,
        now: SystemTime,
    ) -> Result<(), VaultError> {
        let apart = self.apart();
        let is_elsewhere = |before: &SessionEntry| before.apart != apart.is_some();
        if self.indexes()?.main.sessions.get(key.as_str()).is_some_and(is_elsewhere) {
            // Never in two places: the index names one.
            self.forget_session(key)?;
        }
        match apart {
            Some(keystore) => self.put_apart(keystore, key, session, entry, now)?,
            None => {
                let enter = |index: &mut Index| drop(index.sessions.insert(key.as_str().to_owned(), entry));
                let put = || Ok(self.keystore.put(&session_record(key), &session.to_bytes(key))?);
                self.open(&session_record(key), true)?;
                self.change(enter, put, |_| {})?;
            }
        }
        self.forget_those(|_, entry| entry.expiration <= now).map(drop)
    }

    /// Where there is no room, those that end soonest make some. A session that finds none is not remembered, which is no
    /// error: it was obtained, and will be again.
    fn put_apart(
        &self,
        keystore: &dyn Keystore,
        key: &CacheKey,
        session: &SessionRecord,
        entry: SessionEntry,
        now: SystemTime,
    ) -> Result<(), VaultError> {
        let (record, bytes) = (session_record(key), session.to_bytes(key));
        let time = session.credentials.expiration.duration_since(now).unwrap_or_default();
        let others = RefCell::new(VecDeque::new());
        let gone = RefCell::new(Vec::new());
        let enter = |index: &mut Index| {
            index.sessions.insert(key.as_str().to_owned(), SessionEntry { apart: true, ..entry });
            let apart = index.sessions.iter().filter(|(other, entry)| entry.apart && *other != key.as_str());
            let mut apart: Vec<_> = apart.map(|(other, entry)| (entry.expiration, other.clone())).collect();
            apart.sort();
            others.borrow_mut().extend(apart);
        };
        let put = || {
            while let Err(error) = keystore.put_for(&record, &bytes, time) {
                let is_full = !matches!(error, KeystoreError::TooLarge { .. });
                let Some((_, other)) = others.borrow_mut().pop_front().filter(|_| is_full) else {
                    log::debug!("the session is not remembered: {error}");
                    gone.borrow_mut().push(key.as_str().to_owned());
                    break;
                };
                let _ = keystore.remove(&RecordName::new(SESSION, other.as_str()));
                gone.borrow_mut().push(other);
            }
            Ok(())
        };
        let leave = |index: &mut Index| gone.borrow().iter().for_each(|key| drop(index.sessions.remove(key)));
        self.change(enter, put, leave)
    }

    /// Forgets the sessions of a profile and those made with its keys, or all; says how many were still valid at `now`.
    ///
    /// # Errors
    /// As [`Keystore::remove`].
    pub fn forget_sessions(&self, profile: Option<&ProfileName>, now: SystemTime) -> Result<usize, VaultError> {
        let forgotten =
            self.forget_those(|_, entry| profile.is_none_or(|name| entry.profile == *name || entry.source == *name))?;
        Ok(forgotten.iter().filter(|entry| entry.expiration > now).count())
    }

    /// Forgets one session, if it is remembered.
    ///
    /// # Errors
    /// As [`Keystore::remove`].
    pub fn forget_session(&self, key: &CacheKey) -> Result<(), VaultError> {
        self.forget_those(|other, _| other == key.as_str()).map(drop)
    }

    /// Forgets the sessions of a profile and those made with its keys, but for this one.
    ///
    /// # Errors
    /// As [`Keystore::remove`].
    pub fn forget_other_sessions(&self, profile: &ProfileName, kept: Option<&CacheKey>) -> Result<(), VaultError> {
        let is_kept = |key: &str| kept.is_some_and(|kept| kept.as_str() == key);
        let is_of_profile = |entry: &SessionEntry| entry.profile == *profile || entry.source == *profile;
        self.forget_those(|key, entry| is_of_profile(entry) && !is_kept(key)).map(drop)
    }

    /// Forgets the sessions that are wanted gone, as the index says under its lock: one that was renewed meanwhile is
    /// another one.
    fn forget_those(&self, wanted: impl Fn(&str, &SessionEntry) -> bool) -> Result<Vec<SessionEntry>, VaultError> {
        let sessions = self.indexes()?.main.sessions;
        let mut wanted_now = sessions.iter().filter(|(key, entry)| wanted(key, entry)).peekable();
        if wanted_now.peek().is_none() {
            return Ok(Vec::new());
        }
        if let Some((key, _)) = wanted_now.find(|(_, entry)| !entry.apart) {
            self.open(&RecordName::new(SESSION, key), false)?;
        }
        let folder = self.data()?;
        let _lock = folder.lock(INDEX_LOCK)?;
        self.check_place(false)?;
        let before = Index::read(folder, self.keystore.name())?;
        let mut index = before.clone();
        let gone: Vec<_> = index.sessions.extract_if(.., |key, entry| wanted(key, entry)).collect();
        let held = gone.iter().filter(|(_, entry)| !entry.apart);
        let records: Vec<_> = held.map(|(key, _)| RecordName::new(SESSION, key)).collect();
        // At once: a store that is one file is not written anew for each.
        self.keystore.remove_all(&records)?;
        let mut forgotten = Vec::new();
        for (key, entry) in gone {
            // Of what the keys' keystore had, the index is believed.
            if !entry.apart || self.forget_apart(&key)? {
                forgotten.push(entry);
            }
        }
        self.write_index(&before, &index)?;
        Ok(forgotten)
    }

    /// Forgets a session that is apart; says whether it was there.
    fn forget_apart(&self, key: &str) -> Result<bool, VaultError> {
        match self.sessions.as_ref().map(|sessions| sessions.keystore.remove(&RecordName::new(SESSION, key))) {
            Some(Ok(())) => Ok(true),
            Some(Err(KeystoreError::NotFound { .. })) | None => Ok(false),
            Some(Err(error)) => Err(error.into()),
        }
    }

    pub(super) fn leave_out_lost_sessions(&self, index: &mut Index) {
        if let Some(sessions) = &self.sessions {
            let is_there = |key: &String| sessions.keystore.get(&RecordName::new(SESSION, key)).is_ok();
            index.sessions.retain(|key, entry| !entry.apart || is_there(key));
        }
    }

    /// A remembered sign-in at IAM Identity Center, whether its token still holds or not. One that was damaged counts as
    /// none.
    ///
    /// # Errors
    /// If the keystore cannot be asked, then as [`Keystore::get`].
    pub fn sign_in(&self, key: &CacheKey) -> Result<Option<SignInRecord>, VaultError> {
        match self.read(&sign_in_record(key.as_str()), |bytes| SignInRecord::from_bytes(bytes, key)) {
            Err(VaultError::Damaged { .. }) => Ok(None),
            found => found,
        }
    }

    /// Remembers a sign-in; forgets those that are of no use any more by `now`.
    ///
    /// # Errors
    /// As [`Keystore::put`].
    pub fn remember_sign_in(&self, key: &CacheKey, sign_in: &SignInRecord, now: SystemTime) -> Result<(), VaultError> {
        let enter = |index: &mut Index| drop(index.sign_ins.insert(key.as_str().to_owned(), SignInEntry::of(sign_in)));
        let put = || Ok(self.keystore.put(&sign_in_record(key.as_str()), &sign_in.to_bytes(key))?);
        self.open(&sign_in_record(key.as_str()), true)?;
        self.change(enter, put, |_| {})?;
        self.forget_sign_ins_if(|entry| entry.useless_from <= now).map(drop)
    }

    /// Forgets all sign-ins; says how many there were.
    ///
    /// # Errors
    /// As [`Keystore::remove`].
    pub fn forget_sign_ins(&self) -> Result<usize, VaultError> {
        self.forget_sign_ins_if(|_| true)
    }

    fn forget_sign_ins_if(&self, wanted: impl Fn(&SignInEntry) -> bool) -> Result<usize, VaultError> {
        let sign_ins = self.index()?.sign_ins.into_iter();
        let keys: Vec<String> = sign_ins.filter(|(_, entry)| wanted(entry)).map(|(key, _)| key).collect();
        for key in &keys {
            let leave = |index: &mut Index| drop(index.sign_ins.remove(key));
            self.open(&sign_in_record(key), false)?;
            self.change(|_| {}, || self.forget(&sign_in_record(key)), leave)?;
        }
        Ok(keys.len())
    }
}

fn sign_in_record(key: &str) -> RecordName {
    RecordName::new("sign-in", key)
}

fn session_record(key: &CacheKey) -> RecordName {
    RecordName::new(SESSION, key.as_str())
}
