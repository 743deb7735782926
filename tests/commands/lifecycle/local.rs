//! `mfa rename`, `mfa remove`, and the vault's renaming: what is here and nowhere else.

use std::{sync::mpsc, thread, time::Duration};

use mfavault::{clock::Clock, keystore::KeystoreError, vault::Consent};

use super::*;

fn rename(bench: &Bench, from: &str, to: &str) -> Result<(), Error> {
    bench.run(|context| mfa::rename::run(context, from, to)).map(drop)
}

#[test]
fn a_device_gets_another_name_and_keeps_all_else() {
    let bench = Bench::with_device();
    bench.run(|context| context.vault.note_picture("alice", bench.clock.now())).unwrap();
    let (record, entry) = (bench.device("alice").unwrap(), index(&bench).devices["alice"].clone());
    let (requests, result) = bench.requests_of(|| rename(&bench, "alice", "prod key"));
    assert!(result.is_ok() && requests.is_empty());
    let mut renamed = bench.device("prod key").unwrap();
    assert_eq!(std::mem::replace(&mut renamed.device.name, "alice".to_owned()), "prod key");
    assert!(renamed == record && index(&bench).devices["prod key"] == entry && entry.backed_up.is_some());
    assert_eq!((names(&bench), bench.device("alice")), (vec!["prod key".to_owned()], None));
    assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
    rename(&bench, "prod key", "prod key").unwrap();
    assert!(matches!(rename(&bench, "alice", "x"), Err(Error::NoDevice { .. })));
}

#[test]
fn a_device_is_not_changed_or_forgotten_while_another_run_works_on_devices() {
    let consent = Some(Consent { remembered: Duration::ZERO });
    type Change<'c> = &'c (dyn Fn(&Bench) -> Result<(), Error> + Sync);
    let changes: [Change<'_>; 3] = [
        &|bench| rename(bench, "alice", "prod"),
        &|bench| bench.run(|context| mfa::consent::run(context, "alice", consent)).map(drop),
        &|bench| bench.run(|context| mfa::remove::run(context, "alice", true)).map(drop),
    ];
    for change in changes {
        let bench = &Bench::with_device();
        let before = bench.device("alice");
        // Such as one that is about to have AWS demand it.
        let lock = bench.run(|context| context.vault.lock(ENROLMENT_LOCK)).unwrap();
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            scope.spawn(move || tell.send(change(bench)));
            assert!(told.recv_timeout(Duration::from_millis(200)).is_err());
            assert_eq!(bench.device("alice"), before);
            drop(lock);
            told.recv().unwrap().unwrap();
        });
        assert_ne!(bench.device("alice"), before);
    }
}

#[test]
fn a_name_that_is_taken_or_deceives_is_refused() {
    let bench = Bench::with_device();
    add_second(&bench);
    assert!(matches!(rename(&bench, "alice", "alice-2"), Err(Error::NameTaken { .. })));
    for bad in ["", " a", "-a", "a\nb", "a\u{202e}b"] {
        assert!(matches!(rename(&bench, "alice", bad), Err(Error::RecordName { .. })), "{bad:?}");
    }
    assert_eq!(names(&bench), ["alice", "alice-2"]);
}

#[test]
fn a_renaming_that_fails_anywhere_leaves_the_device_working_and_ends_when_done_again() {
    let counted = Bench::with_device();
    let before = counted.keystore.operations();
    rename(&counted, "alice", "prod").unwrap();
    let operations = counted.keystore.operations() - before;
    assert!((4..10).contains(&operations), "{operations}");
    for nth in 1..=operations {
        let bench = Bench::with_device();
        let unavailable = || KeystoreError::Unavailable { keystore: "memory", reason: "it does not answer".to_owned() };
        bench.keystore.fail_at(nth, unavailable);
        assert!(rename(&bench, "alice", "prod").is_err(), "{nth}");
        let held = bench.run(|context| context.vault.device_with_serial(&serial(SERIAL))).unwrap();
        assert!(held.is_some(), "{nth}: the seed is lost");
        assert!(bench.carries_mfa(&bench.credentials("main").unwrap()), "{nth}");
        rename(&bench, "alice", "prod").unwrap_or_else(|error| panic!("{nth}: {error}"));
        assert_eq!(
            (names(&bench), bench.keystore.names().contains(&"device/alice".to_owned())),
            (vec!["prod".to_owned()], false)
        );
    }
}

#[test]
fn a_renaming_that_had_removed_the_old_record_only_strikes_out_its_name() {
    let bench = Bench::with_device();
    let record = bench.device("alice").unwrap();
    rename(&bench, "alice", "prod").unwrap();
    bench.run(|context| context.vault.store_device(&record)).unwrap();
    mfavault::keystore::Keystore::remove(&bench.keystore, &mfavault::keystore::RecordName::new("device", "alice"))
        .unwrap();
    assert_eq!(names(&bench), ["alice", "prod"]);
    assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
    rename(&bench, "alice", "prod").unwrap();
    assert_eq!(names(&bench), ["prod"]);
}

#[test]
fn removing_a_device_says_what_aws_still_does() {
    for (deactivated, backed_up, said) in [
        (false, false, "only an administrator can help"),
        (false, true, "in your backup only"),
        (true, false, "AWS does not demand its codes"),
    ] {
        let bench = Bench::with_device();
        if deactivated {
            deactivate(&bench, "alice", false).unwrap();
        }
        if backed_up {
            bench.run(|context| context.vault.note_picture("alice", bench.clock.now())).unwrap();
        }
        bench.prompt.talk();
        bench.prompt.answer("yes");
        bench.run(|context| mfa::remove::run(context, "alice", false)).unwrap();
        let question = bench.prompt.questions().remove(0);
        assert!(question.contains(said) && question.contains(SERIAL), "{question}");
        assert_eq!(bench.prompt.talk().contains("AWS still demands"), !deactivated);
        assert!(names(&bench).is_empty());
    }
}
