//! What is left of a replacement that is all but over, and a new key that stops working in the middle of it.

use mfavault::{
    commands::{
        Error,
        rotate::{self, RotateError},
    },
    credentials::{AccessKeyId, LongTermCredentials},
    keystore::{Keystore, KeystoreError, RecordName},
    rehearsal::FaultKind,
    secret::SecretBytes,
    vault::KeyRecord,
};

use super::{
    arguments, assert_only_key, keys_at_aws, last_four, of_admin, rotate as rotate_key, set_active, stored, unfinished,
};
use crate::support::{bench::Bench, memory_keystore::MemoryKeystore};

/// A keystore where something happens once a record of this name was put.
struct Hooked<'a> {
    keystore: &'a MemoryKeystore,
    record: &'static str,
    happens: &'a dyn Fn(),
}

impl Keystore for Hooked<'_> {
    fn name(&self) -> &'static str {
        self.keystore.name()
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        self.keystore.get(record)
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        self.keystore.put(record, content)?;
        if record.to_string() == self.record {
            (self.happens)();
        }
        Ok(())
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.keystore.remove(record)
    }
}

/// The record of a rotation is gone, and the index still names it.
fn lose_record(bench: &Bench) {
    bench.keystore.remove(&RecordName::new("rotation", "main")).unwrap();
}

#[test]
fn one_that_had_only_the_journal_left_to_end_is_not_done_again() {
    let bench = of_admin();
    bench.fail("DeleteAccessKey", FaultKind::ServerError, None);
    unfinished(rotate_key(&bench));
    bench.aws.clear_faults();
    let new = stored(&bench, "main");
    lose_record(&bench);
    let (requests, result) = bench.requests_of(|| rotate_key(&bench));
    result.unwrap();
    assert!(requests.is_empty(), "{requests:?}");
    assert_eq!(stored(&bench, "main"), new);
    assert!(bench.run(|context| context.vault.index()).unwrap().rotations.is_empty());
}

#[test]
fn one_that_got_no_further_than_the_index_is_begun_anew() {
    let bench = of_admin();
    let old = stored(&bench, "main");
    bench.fail("CreateAccessKey", FaultKind::ClosedBeforeActing, None);
    unfinished(rotate_key(&bench));
    bench.aws.clear_faults();
    lose_record(&bench);
    rotate_key(&bench).unwrap();
    assert_ne!(stored(&bench, "main").credentials, old.credentials);
    assert_only_key(&bench, "admin");
}

#[test]
fn a_new_key_that_works_no_more_once_the_old_one_is_inactive_gives_way_to_it_again() {
    let bench = Bench::with_device();
    let old = stored(&bench, "main").credentials;
    let deactivate = || {
        let new = keys_at_aws(&bench, "alice").pop().unwrap().0;
        assert_ne!(new, old.access_key_id.as_str());
        // By the time the profile has its old key again there is nothing to do.
        if stored_is(&bench, &new) {
            set_active(&bench, "admin", "alice", &new.parse::<AccessKeyId>().unwrap(), false);
        }
    };
    let hooked = Hooked { keystore: &bench.keystore, record: "key/main", happens: &deactivate };
    let error = bench.run_over(&hooked, |context| rotate::run(context, &arguments("main"))).map(drop).unwrap_err();
    assert!(matches!(error, Error::Rotate(RotateError::NotAccepted { .. })), "{error}: {}", bench.prompt.talk());
    assert_eq!(stored(&bench, "main").credentials, old);
    assert_only_key(&bench, "alice");
    assert!(bench.prompt.talk().contains("activated"));
}

fn stored_is(bench: &Bench, id: &str) -> bool {
    stored(bench, "main").credentials.access_key_id.as_str() == id
}

#[test]
fn a_key_that_the_keystore_does_not_give_back_is_had_from_what_was_begun() {
    let bench = of_admin();
    bench.fail("DeleteAccessKey", FaultKind::ServerError, None);
    unfinished(rotate_key(&bench));
    bench.aws.clear_faults();
    bench.keystore.put(&RecordName::new("key", "main"), &SecretBytes::from(b"{".to_vec())).unwrap();
    rotate_key(&bench).unwrap();
    assert_only_key(&bench, "admin");
}

#[test]
fn a_new_key_that_went_away_meanwhile_is_made_anew() {
    let bench = Bench::with_device();
    bench.store_key("boss", "admin");
    bench.fail("UpdateAccessKey", FaultKind::ServerError, None);
    unfinished(rotate_key(&bench));
    bench.aws.clear_faults();
    let gone: KeyRecord = stored(&bench, "main");
    let boss = LongTermCredentials::clone(&stored(&bench, "boss").credentials);
    bench
        .ask_aws(&boss.into(), |aws, caller| {
            mfavault::aws::Aws::delete_access_key(aws, caller, "alice", &gone.credentials.access_key_id)
        })
        .unwrap();
    bench.clock.advance(24 * 3600);
    rotate_key(&bench).unwrap();
    assert_ne!(stored(&bench, "main").credentials, gone.credentials);
    assert_only_key(&bench, "alice");
}

#[test]
fn at_each_step_a_signal_would_be_told_how_the_keys_stand() {
    let bench = of_admin();
    let old = last_four(&stored(&bench, "main").credentials);
    let expect = |keys: &str| {
        let words = format!("interrupted: {keys}; `mfavault rotate main` goes on from here");
        assert_eq!(bench.prompt.last_words(), Some(words));
    };
    let fails = |action: &str| {
        bench.fail(action, FaultKind::ServerError, None);
        unfinished(rotate_key(&bench));
        bench.aws.clear_faults();
    };
    assert_eq!(bench.prompt.last_words(), None);
    fails("CreateAccessKey");
    expect(&format!("a new access key is not stored yet, and the old one, {old}, is still active"));
    fails("UpdateAccessKey");
    let new = last_four(&stored(&bench, "main").credentials);
    expect(&format!("the new access key {new} is in use, and the old one, {old}, is being deactivated"));
    fails("GetCallerIdentity");
    expect(&format!("the replacement of the access key {old} by {new} is not finished"));
    fails("DeleteAccessKey");
    expect(&format!("the new access key {new} is in use, and the old one, {old}, is being deleted"));
    rotate_key(&bench).unwrap();
    assert_eq!(bench.prompt.last_words(), None);
}
