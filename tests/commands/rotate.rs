//! `rotate`: the new key for the old one, with one code; what is refused, what is undone, what goes on.

use std::{fs, sync::mpsc, thread, time::Duration};

use mfavault::{
    aws::{Aws, AwsError},
    commands::{
        self, Error, Outcome,
        import::{self, HowToTakeIn},
        list::ProfileRow,
        remove, rotate,
        rotate::RotateError,
    },
    credentials::{AccessKeyId, Credentials, LongTermCredentials},
    keystore::KeystoreError,
    prompt::PromptError,
    rehearsal::{FaultKind, Settings, UserSettings},
    secret::SecretBytes,
    vault::{KeyRecord, ROTATION_LOCK},
};

use crate::support::bench::{Bench, name};

mod deletion_left;
mod goes_on;
mod late_list;
mod older;
mod two_keys;

pub(super) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn arguments(profile: &str) -> rotate::Arguments {
    rotate::Arguments {
        profile: name(profile),
        older_than: None,
        deactivate_only: false,
        delete_other: false,
        mfa_code: None,
        confirmed: false,
    }
}

pub(super) fn rotate(bench: &Bench) -> Result<(), Error> {
    rotate_with(bench, |_| {})
}

pub(super) fn rotate_with(bench: &Bench, change: impl FnOnce(&mut rotate::Arguments)) -> Result<(), Error> {
    let mut arguments = arguments("main");
    change(&mut arguments);
    bench.run(|context| rotate::run(context, &arguments)).map(drop)
}

/// An account whose administrator's key is the vault's, as profile `main`.
pub(super) fn of_admin() -> Bench {
    of_admin_where(|_| {})
}

pub(super) fn of_admin_where(change: impl FnOnce(&mut Settings)) -> Bench {
    let bench = Bench::with(change);
    bench.store_key("main", "admin");
    bench
}

/// What a profile has.
pub(super) fn stored(bench: &Bench, profile: &str) -> KeyRecord {
    bench.run(|context| context.vault.key(&name(profile))).unwrap().unwrap()
}

/// The keys of a user at AWS: the ID and whether it is active.
pub(super) fn keys_at_aws(bench: &Bench, user: &str) -> Vec<(String, bool)> {
    let state = bench.aws.state();
    let user = state["users"].as_array().unwrap().iter().find(|entry| entry["name"] == user).unwrap().clone();
    let keys = user["access_keys"].as_array().unwrap().iter();
    keys.map(|key| (key["access_key_id"].as_str().unwrap().to_owned(), key["active"].as_bool().unwrap())).collect()
}

pub(super) fn is_accepted(bench: &Bench, key: &LongTermCredentials) -> bool {
    bench.ask_aws(&Credentials::LongTerm(key.clone()), |aws, caller| aws.get_caller_identity(caller)).is_ok()
}

/// The profile's key works, is the user's only one, and nothing is under way.
#[track_caller]
pub(super) fn assert_only_key(bench: &Bench, user: &str) {
    let key = stored(bench, "main").credentials;
    assert!(is_accepted(bench, &key));
    assert_eq!(keys_at_aws(bench, user), [(key.access_key_id.as_str().to_owned(), true)]);
    assert_nothing_under_way(bench);
}

#[track_caller]
pub(super) fn assert_nothing_under_way(bench: &Bench) {
    assert!(bench.run(|context| context.vault.index()).unwrap().rotations.is_empty());
    assert!(
        bench.keystore.names().iter().all(|record| !record.starts_with("rotation")),
        "{:?}",
        bench.keystore.names()
    );
}

/// Makes another key of a user, past the program.
pub(super) fn another_key(bench: &Bench, user: &str) -> LongTermCredentials {
    let admin = Credentials::LongTerm(bench.key_of("admin"));
    bench.ask_aws(&admin, |aws, caller| aws.create_access_key(caller, user)).unwrap().credentials
}

pub(super) fn set_active(bench: &Bench, by: &str, user: &str, id: &AccessKeyId, active: bool) {
    let by = Credentials::LongTerm(bench.key_of(by));
    bench.ask_aws(&by, |aws, caller| aws.update_access_key(caller, user, id, active)).unwrap();
}

pub(super) fn last_four(key: &LongTermCredentials) -> String {
    let id = key.access_key_id.as_str();
    format!("****{}", &id[id.len() - 4..])
}

/// What an unfinished replacement ended with.
#[track_caller]
pub(super) fn unfinished(result: Result<(), Error>) -> Error {
    match result {
        Err(Error::Rotate(RotateError::Unfinished { profile, source })) if profile == name("main") => *source,
        other => panic!("not unfinished: {other:?}"),
    }
}

/// A user with these policies on his own keys beside all else he may do.
fn with_denied(actions: &[&str]) -> Bench {
    let denied = actions.iter().map(|action| format!("\"iam:{action}\"")).collect::<Vec<_>>().join(", ");
    of_admin_where(|settings| {
        let policy = format!(
            r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Deny", "Action": [{denied}], "Resource": "*",
                "Condition": {{"StringEquals": {{"aws:username": "admin"}}}}}}}}"#
        );
        settings
            .users
            .iter_mut()
            .filter(|user| user.name == "admin")
            .for_each(|user| user.policies.push(policy.clone()));
        settings.users.push(UserSettings::administrator("chief"));
    })
}

#[test]
fn a_key_is_replaced_by_eight_calls() {
    let bench = of_admin();
    let old = stored(&bench, "main").credentials;
    let (requests, result) = bench.requests_of(|| rotate(&bench));
    result.unwrap();
    let expected = [
        "GetCallerIdentity",
        "ListMFADevices",
        "ListAccessKeys",
        "CreateAccessKey",
        "GetCallerIdentity",
        "UpdateAccessKey",
        "GetCallerIdentity",
        "DeleteAccessKey",
    ];
    assert_eq!(requests, expected);
    assert_only_key(&bench, "admin");
    let new = stored(&bench, "main");
    assert_ne!(new.credentials, old);
    assert!(new.created.is_some() && new.account_id.as_deref() == Some("111122223333"));
    let (old, new) = (last_four(&old), last_four(&new.credentials));
    assert_eq!(
        bench.prompt.talk(),
        format!(
            "made the access key {new}\nAWS accepts {new}\n{new} is the access key of `main` now, in the keystore `memory`\n\
             deactivated {old}\ndeleted {old}"
        )
    );
    assert!(bench.prompt.questions().is_empty());
}

#[test]
fn under_force_mfa_one_code_does_for_all_of_it() {
    let bench = Bench::with_device();
    let (requests, result) = bench.requests_of(|| rotate(&bench));
    result.unwrap();
    assert_eq!(requests.iter().filter(|request| request.contains("+code")).count(), 1, "{requests:?}");
    assert_eq!(requests[2], "GetSessionToken 3600 mfa/alice+code");
    assert_eq!(requests.len(), 9, "{requests:?}");
    assert_only_key(&bench, "alice");
    // What was had with the old key is forgotten, and the new one gives sessions.
    assert!(bench.run(|context| context.vault.index()).unwrap().sessions.is_empty());
    let credentials = bench.credentials("main").unwrap();
    assert!(bench.carries_mfa(&credentials));
}

#[test]
fn a_remembered_session_spares_the_code() {
    let bench = Bench::with_device();
    bench.credentials("main").unwrap();
    let (requests, result) = bench.requests_of(|| rotate(&bench));
    result.unwrap();
    assert!(requests.iter().all(|request| !request.contains("+code")), "{requests:?}");
    assert_only_key(&bench, "alice");
}

#[test]
fn a_new_key_that_aws_is_slow_to_learn_of_is_waited_for() {
    for device in [true, false] {
        let slow = |settings: &mut Settings| settings.propagation_delay = Duration::from_secs(14);
        let bench = match device {
            false => of_admin_where(slow),
            true => {
                let bench = Bench::with(slow);
                bench.enable().unwrap();
                bench.settle();
                bench
            }
        };
        rotate(&bench).unwrap();
        assert_only_key(&bench, if device { "alice" } else { "admin" });
        let awaited = bench.prompt.countdowns();
        assert!(awaited.iter().all(|(reason, _)| reason == "AWS learns of the new access key"), "{awaited:?}");
        assert_eq!(awaited.iter().map(|(_, time)| time.as_secs()).collect::<Vec<_>>(), [1, 2, 4, 8]);
    }
}

#[test]
fn a_new_key_that_is_never_accepted_is_taken_back() {
    let bench = of_admin_where(|settings| settings.propagation_delay = Duration::from_secs(600));
    let old = stored(&bench, "main");
    let error = rotate(&bench).unwrap_err();
    assert!(matches!(error, Error::Rotate(RotateError::NotAccepted { .. })), "{error}");
    assert_eq!(stored(&bench, "main").credentials, old.credentials);
    assert_only_key(&bench, "admin");
    assert_eq!(bench.clock.waited(), Duration::from_secs(60));
}

#[test]
fn a_new_key_that_was_taken_back_by_a_call_without_an_answer_is_no_success() {
    let bench = of_admin_where(|settings| settings.propagation_delay = Duration::from_secs(600));
    let old = stored(&bench, "main");
    bench.fail("DeleteAccessKey", FaultKind::LostAnswer, Some(1));
    let error = rotate(&bench).unwrap_err();
    assert!(matches!(error, Error::Rotate(RotateError::NotAccepted { .. })), "{error}");
    assert_eq!(stored(&bench, "main").credentials, old.credentials);
    assert_only_key(&bench, "admin");
}

#[test]
fn a_key_is_not_removed_or_imported_while_another_run_replaces_it() {
    let other = "Access key ID,Secret access key\nAKIAI44QH8DHBEXAMPLE,je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY\n";
    let import_other = |bench: &Bench| {
        let content = SecretBytes::from(other.as_bytes().to_vec());
        let how = HowToTakeIn {
            profiles: vec![name("main")],
            dry_run: false,
            overwrite: true,
            verify: false,
            config: false,
            remove_source: Some(false),
            confirmed: true,
        };
        let from = import::From::Csv { path: bench.path("keys.csv"), content };
        bench.run(|context| import::run(context, from, &how)).map(drop)
    };
    type Change<'c> = &'c (dyn Fn(&Bench) -> Result<(), Error> + Sync);
    let changes: [Change<'_>; 2] =
        [&|bench| bench.run(|context| remove::run(context, &name("main"), true)).map(drop), &import_other];
    for change in changes {
        let bench = &of_admin();
        let key = || bench.run(|context| context.vault.key(&name("main"))).unwrap();
        let before = key();
        let lock = bench.run(|context| context.vault.lock(ROTATION_LOCK)).unwrap();
        thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            scope.spawn(move || tell.send(change(bench)));
            assert!(told.recv_timeout(Duration::from_millis(200)).is_err());
            assert_eq!(key(), before);
            drop(lock);
            told.recv().unwrap().unwrap();
        });
        assert_ne!(key(), before);
    }
}

#[test]
fn every_profile_with_the_same_key_gets_the_new_one() {
    let bench = of_admin();
    bench.store_key("twin", "admin");
    bench.store_key("other", "alice");
    rotate(&bench).unwrap();
    assert_eq!(stored(&bench, "twin").credentials, stored(&bench, "main").credentials);
    assert_eq!(stored(&bench, "other").credentials, bench.key_of("alice"));
    assert!(bench.prompt.talk().contains("the access key of `main`, `twin` now"));
    assert_only_key(&bench, "admin");
}

#[test]
fn the_old_key_may_stay_inactive() {
    let bench = of_admin();
    let old = stored(&bench, "main").credentials;
    rotate_with(&bench, |arguments| arguments.deactivate_only = true).unwrap();
    let keys = keys_at_aws(&bench, "admin");
    assert!(keys.contains(&(old.access_key_id.as_str().to_owned(), false)) && keys.len() == 2, "{keys:?}");
    assert!(is_accepted(&bench, &stored(&bench, "main").credentials));
    assert_nothing_under_way(&bench);
}

#[test]
fn without_a_device_a_force_mfa_policy_ends_it_before_anything_is_changed() {
    let bench = Bench::new();
    let error = rotate(&bench).unwrap_err();
    assert!(matches!(error, Error::Aws(AwsError::AccessDenied { operation: "ListAccessKeys", .. })), "{error}");
    assert_only_key(&bench, "alice");
}

#[test]
fn a_person_is_asked_for_a_code_only_if_aws_wants_one() {
    let bench = Bench::with_device();
    let record = bench.device("alice").unwrap();
    bench.run(|context| context.vault.forget_device("alice")).unwrap();
    bench.prompt.answer(bench.code(&record, 0).expose());
    let (requests, result) = bench.requests_of(|| rotate(&bench));
    result.unwrap();
    assert_eq!(requests[2..4], ["ListAccessKeys AccessDenied", "GetSessionToken 3600 mfa/alice+code"]);
    assert_only_key(&bench, "alice");
    assert_eq!(bench.prompt.questions().len(), 1);
    // And an administrator who has a device, but need not show it, is not asked.
    let bench = of_admin();
    bench.enable().unwrap();
    bench.settle();
    bench.run(|context| context.vault.forget_device("admin")).unwrap();
    bench.prompt.leave();
    rotate(&bench).unwrap();
}

#[test]
fn keys_of_others_roles_and_root_are_refused_with_what_to_do() {
    let bench = Bench::with(|settings| settings.root_access_key = true);
    bench.write_config(
        "[profile main]\n\n[profile r]\nrole_arn = arn:aws:iam::111122223333:role/open\nsource_profile = main\n",
    );
    let of = |profile: &str| bench.run(|context| rotate::run(context, &arguments(profile))).map(drop).unwrap_err();
    match of("r") {
        Error::Rotate(RotateError::KeyOfAnother { key_of, .. }) => assert_eq!(key_of, name("main")),
        other => panic!("{other}"),
    }
    assert!(matches!(of("nobody"), Error::NoKey { .. }));
    bench.store_key("main", "root");
    assert!(matches!(of("main"), Error::Rotate(RotateError::RootKey { .. })));
    assert!(bench.aws.requests().iter().all(|request| request.action == "GetCallerIdentity"));
}

#[test]
fn what_aws_denies_ends_clearly() {
    let bench = with_denied(&["CreateAccessKey"]);
    let error = rotate(&bench).unwrap_err();
    assert!(matches!(error, Error::Aws(AwsError::AccessDenied { operation: "CreateAccessKey", .. })), "{error}");
    assert_only_key(&bench, "admin");

    // Nobody may deactivate: the new key is in use, the journal stays until the old one is no danger any more.
    let bench = with_denied(&["UpdateAccessKey", "DeleteAccessKey"]);
    let old = stored(&bench, "main").credentials;
    for _ in 0..2 {
        let error = unfinished(rotate(&bench));
        assert!(matches!(error, Error::Rotate(RotateError::OldKeyActive { .. })), "{error}");
        assert_ne!(stored(&bench, "main").credentials, old);
        assert_eq!(keys_at_aws(&bench, "admin").len(), 2);
    }
    let error = bench.run(|context| remove::run(context, &name("main"), true)).map(drop).unwrap_err();
    assert!(matches!(error, Error::Rotate(RotateError::UnderWay { .. })), "{error}");
    set_active(&bench, "chief", "admin", &old.access_key_id, false);
    let error = rotate(&bench).unwrap_err();
    assert!(matches!(error, Error::Rotate(RotateError::OldKeyNotDeleted { .. })), "{error}");

    // Who may only not delete has what --deactivate-only gives.
    let bench = with_denied(&["DeleteAccessKey"]);
    let old = stored(&bench, "main").credentials;
    let error = rotate(&bench).unwrap_err();
    assert!(matches!(error, Error::Rotate(RotateError::OldKeyNotDeleted { .. })), "{error}");
    assert!(keys_at_aws(&bench, "admin").contains(&(old.access_key_id.as_str().to_owned(), false)));
    assert!(is_accepted(&bench, &stored(&bench, "main").credentials));
}

#[test]
fn a_key_whose_secret_did_not_arrive_is_deleted_and_another_made() {
    let bench = of_admin();
    bench.fail("CreateAccessKey", FaultKind::LostAnswer, Some(1));
    let (requests, result) = bench.requests_of(|| rotate(&bench));
    result.unwrap();
    let made = requests.iter().filter(|request| request.starts_with("CreateAccessKey")).count();
    let deleted = requests.iter().filter(|request| request.starts_with("DeleteAccessKey")).count();
    assert_eq!((made, deleted), (2, 2), "{requests:?}");
    assert!(bench.prompt.talk().contains("whose secret did not arrive"));
    assert_only_key(&bench, "admin");
}

#[test]
fn a_key_that_somebody_else_made_meanwhile_is_never_deleted() {
    let bench = of_admin();
    bench.fail("CreateAccessKey", FaultKind::ClosedBeforeActing, None);
    assert!(matches!(unfinished(rotate(&bench)), Error::Aws(AwsError::Unreachable { .. })));
    bench.aws.clear_faults();
    let theirs = another_key(&bench, "admin");
    assert!(is_accepted(&bench, &theirs));
    let error = rotate(&bench).unwrap_err();
    match error {
        Error::Rotate(RotateError::OtherKeyActive { access_key_id, .. }) => {
            assert_eq!(access_key_id, theirs.access_key_id);
        }
        other => panic!("{other}"),
    }
    assert!(is_accepted(&bench, &theirs) && is_accepted(&bench, &stored(&bench, "main").credentials));
    assert_nothing_under_way(&bench);
    // One that was made long after the journal neither, though nobody used it so far.
    let bench = of_admin();
    bench.fail("CreateAccessKey", FaultKind::ClosedBeforeActing, None);
    unfinished(rotate(&bench));
    bench.aws.clear_faults();
    bench.clock.advance(24 * 3600);
    let theirs = another_key(&bench, "admin");
    assert!(matches!(rotate(&bench), Err(Error::Rotate(RotateError::OtherKeyActive { .. }))));
    assert!(is_accepted(&bench, &theirs));
}

#[test]
fn a_new_key_that_cannot_be_stored_is_deleted_again() {
    let bench = of_admin();
    let old = stored(&bench, "main");
    // get and the journal's put and get come before.
    let refuses = || KeystoreError::Unavailable { keystore: "memory", reason: "it does not answer".to_owned() };
    bench.keystore.fail_at(4, refuses);
    let error = rotate(&bench).unwrap_err();
    assert!(matches!(error, Error::Rotate(RotateError::NotStored { .. })), "{error}");
    assert_eq!(stored(&bench, "main"), old);
    assert_only_key(&bench, "admin");
    // If AWS does not let it be deleted, it is named, and the next run deletes it.
    let bench = of_admin();
    bench.keystore.fail_at(4, refuses);
    bench.fail("DeleteAccessKey", FaultKind::ServerError, None);
    match unfinished(rotate(&bench)) {
        Error::Rotate(RotateError::NewKeyLeft { access_key_id, .. }) => {
            assert!(keys_at_aws(&bench, "admin").contains(&(access_key_id.as_str().to_owned(), true)));
        }
        other => panic!("{other}"),
    }
    bench.aws.clear_faults();
    rotate(&bench).unwrap();
    assert_only_key(&bench, "admin");
}

#[test]
fn another_profile_with_the_same_key_goes_on_with_what_was_begun() {
    let bench = of_admin();
    bench.store_key("twin", "admin");
    bench.fail("UpdateAccessKey", FaultKind::ServerError, None);
    unfinished(rotate(&bench));
    bench.aws.clear_faults();
    let (requests, result) = bench.requests_of(|| rotate_with(&bench, |arguments| arguments.profile = name("twin")));
    result.unwrap();
    assert!(!requests.contains(&"CreateAccessKey".to_owned()), "{requests:?}");
    assert_eq!(stored(&bench, "twin").credentials, stored(&bench, "main").credentials);
    assert_only_key(&bench, "admin");
}

#[test]
fn what_was_begun_goes_on_though_the_old_key_is_dead_by_now() {
    let bench = of_admin_where(|settings| settings.users.push(UserSettings::administrator("chief")));
    let old = stored(&bench, "main").credentials;
    bench.fail("UpdateAccessKey", FaultKind::ServerError, None);
    unfinished(rotate(&bench));
    bench.aws.clear_faults();
    // The profile is as if the run had been killed before it gave it the new pair.
    bench.run(|context| {
        let record = context.vault.rotation(&name("main")).unwrap().unwrap();
        context.vault.store_key(&name("main"), &record.old).unwrap();
    });
    set_active(&bench, "chief", "admin", &old.access_key_id, false);
    rotate(&bench).unwrap();
    assert_only_key(&bench, "admin");
}

#[test]
fn of_a_rotation_whose_keys_are_both_dead_a_person_decides() {
    let bench = of_admin_where(|settings| settings.users.push(UserSettings::administrator("chief")));
    bench.fail("UpdateAccessKey", FaultKind::ServerError, None);
    unfinished(rotate(&bench));
    bench.aws.clear_faults();
    for (id, _) in keys_at_aws(&bench, "admin") {
        set_active(&bench, "chief", "admin", &id.parse().unwrap(), false);
    }
    bench.prompt.leave();
    assert!(matches!(unfinished(rotate(&bench)), Error::Prompt(PromptError::NoTerminal { .. })));
    let error = rotate_with(&bench, |arguments| arguments.confirmed = true).unwrap_err();
    assert!(matches!(error, Error::Aws(AwsError::InvalidCredentials { .. })), "{error}");
    assert_nothing_under_way(&bench);
    bench.run(|context| remove::run(context, &name("main"), true)).unwrap();
}

#[test]
fn a_third_key_that_was_stored_meanwhile_ends_what_was_begun() {
    let bench = of_admin();
    let old = stored(&bench, "main");
    bench.fail("UpdateAccessKey", FaultKind::ServerError, None);
    unfinished(rotate(&bench));
    bench.aws.clear_faults();
    let made = stored(&bench, "main").credentials;
    let admin = Credentials::LongTerm(made.clone());
    bench
        .ask_aws(&admin, |aws, caller| aws.delete_access_key(caller, "admin", &old.credentials.access_key_id))
        .unwrap();
    let third = bench.ask_aws(&admin, |aws, caller| aws.create_access_key(caller, "admin")).unwrap().credentials;
    let record = KeyRecord { credentials: third.clone(), ..old };
    bench.run(|context| context.vault.store_key(&name("main"), &record)).unwrap();
    rotate(&bench).unwrap();
    assert!(!is_accepted(&bench, &made) && !is_accepted(&bench, &third));
    assert_only_key(&bench, "admin");
}

#[test]
fn copies_of_the_old_key_in_the_files_of_aws_are_named() {
    let bench = of_admin();
    let key = stored(&bench, "main").credentials;
    let text = format!(
        "# mine\n[old]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.access_key_id,
        key.secret_access_key.expose()
    );
    fs::write(bench.path("credentials"), text).unwrap();
    rotate(&bench).unwrap();
    let place = format!("{}:3 still has the old access key", bench.path("credentials").display());
    let talk = bench.prompt.talk();
    assert!(talk.contains(&place) && !talk.contains(key.secret_access_key.expose().as_str()), "{talk}");
}

pub(super) fn rows(bench: &Bench, older_than: Option<Duration>) -> Vec<ProfileRow> {
    let listed = bench.run(|context| match older_than {
        Some(age) => commands::list::older_than(context, age),
        None => commands::list::run(context),
    });
    match listed {
        Ok(Outcome::Profiles(rows)) => rows,
        _ => panic!("no profiles"),
    }
}
