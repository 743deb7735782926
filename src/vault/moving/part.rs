//! A part of an index: what a move takes from one keystore's and enters in another's.
//!
//! Each function names every field, so that what is remembered from some day on cannot be forgotten here: it does not
//! compile before somebody decided how it moves.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    keystore::RecordName,
    vault::{DEVICE, Index, rotations::ROTATION},
};

impl Index {
    /// The records that it names.
    pub(in crate::vault) fn records(&self) -> Vec<RecordName> {
        let Index { version: _, keys, devices, sessions, sign_ins, enrolments: _, rotations, last_backup: _ } = self;
        let keys = keys.keys().map(|profile| RecordName::new("key", profile.as_str()));
        let devices = devices.keys().map(|name| RecordName::new(DEVICE, name));
        let sessions = sessions.keys().map(|key| RecordName::new("session", key));
        let sign_ins = sign_ins.keys().map(|key| RecordName::new("sign-in", key));
        let rotations = rotations.keys().map(|profile| RecordName::new(ROTATION, profile.as_str()));
        keys.chain(devices).chain(sessions).chain(sign_ins).chain(rotations).collect()
    }

    /// Those of its records that another index names, too.
    pub(super) fn named_in(&self, other: &Index) -> Vec<RecordName> {
        let others: BTreeSet<RecordName> = other.records().into_iter().collect();
        self.records().into_iter().filter(|record| others.contains(record)).collect()
    }

    /// Its keys and devices alone: what is worth nothing without its record.
    pub(super) fn of_keys_and_devices(&self) -> Index {
        Index { keys: self.keys.clone(), ..self.of_devices() }
    }

    /// Its devices alone.
    pub(super) fn of_devices(&self) -> Index {
        Index { devices: self.devices.clone(), ..Index::new() }
    }

    /// Enters all of a part, in the place of what has the same name.
    pub(super) fn add(&mut self, part: &Index) {
        let Index { version: _, keys, devices, sessions, sign_ins, enrolments, rotations, last_backup } = part.clone();
        self.keys.extend(keys);
        self.devices.extend(devices);
        self.sessions.extend(sessions);
        self.sign_ins.extend(sign_ins);
        self.enrolments.extend(enrolments);
        self.rotations.extend(rotations);
        if let Some(backup) = last_backup
            && self.last_backup.as_ref().is_none_or(|last| last.is_older_than(&backup))
        {
            self.last_backup = Some(backup);
        }
    }

    /// Strikes out what a part names.
    pub(super) fn subtract(&mut self, part: &Index) {
        let Index { version: _, keys, devices, sessions, sign_ins, enrolments, rotations, last_backup } = part;
        strike(&mut self.keys, keys);
        strike(&mut self.devices, devices);
        strike(&mut self.sessions, sessions);
        strike(&mut self.sign_ins, sign_ins);
        strike(&mut self.enrolments, enrolments);
        strike(&mut self.rotations, rotations);
        if last_backup.is_some() {
            self.last_backup = None;
        }
    }

    /// Leaves out the records that are not to stay, and nothing else.
    pub(super) fn retain_records(&mut self, stays: impl Fn(&RecordName) -> bool) {
        let Index { version: _, keys, devices, sessions, sign_ins, enrolments: _, rotations, last_backup: _ } = self;
        keys.retain(|profile, _| stays(&RecordName::new("key", profile.as_str())));
        devices.retain(|name, _| stays(&RecordName::new(DEVICE, name)));
        sessions.retain(|key, _| stays(&RecordName::new("session", key)));
        sign_ins.retain(|key, _| stays(&RecordName::new("sign-in", key)));
        rotations.retain(|profile, _| stays(&RecordName::new(ROTATION, profile.as_str())));
    }

    /// What another index says in the same words.
    pub(super) fn common(&self, other: &Index) -> Index {
        let Index { version: _, keys, devices, sessions, sign_ins, enrolments, rotations, last_backup: _ } = self;
        Index {
            keys: same(keys, &other.keys),
            devices: same(devices, &other.devices),
            sessions: same(sessions, &other.sessions),
            sign_ins: same(sign_ins, &other.sign_ins),
            enrolments: same(enrolments, &other.enrolments),
            rotations: same(rotations, &other.rotations),
            ..Index::new()
        }
    }

    /// What is under way in another index by the same name and in other words: two of them do not become one.
    pub(super) fn clashes(&self, other: &Index) -> Vec<String> {
        let Index { version: _, keys: _, devices: _, sessions: _, sign_ins: _, enrolments, rotations, last_backup: _ } =
            self;
        let enrolments = differing(enrolments, &other.enrolments).map(|profile| format!("enrolment/{profile}"));
        let rotations = differing(rotations, &other.rotations).map(|profile| format!("{ROTATION}/{profile}"));
        enrolments.chain(rotations).collect()
    }
}

fn strike<K: Ord, V>(from: &mut BTreeMap<K, V>, what: &BTreeMap<K, V>) {
    from.retain(|name, _| !what.contains_key(name));
}

fn same<K: Ord + Clone, V: PartialEq + Clone>(one: &BTreeMap<K, V>, other: &BTreeMap<K, V>) -> BTreeMap<K, V> {
    let alike = one.iter().filter(|(name, entry)| other.get(*name) == Some(*entry));
    alike.map(|(name, entry)| (name.clone(), entry.clone())).collect()
}

fn differing<'m, K: Ord, V: PartialEq>(
    one: &'m BTreeMap<K, V>,
    other: &'m BTreeMap<K, V>,
) -> impl Iterator<Item = &'m K> {
    one.iter().filter(|(name, entry)| other.get(*name).is_some_and(|there| there != *entry)).map(|(name, _)| name)
}
