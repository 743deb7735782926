//! A user with two keys, as many as AWS allows.

use mfavault::{
    commands::{Error, rotate::RotateError},
    credentials::AccessKeyId,
    prompt::PromptError,
    vault::KeyRecord,
};

use super::{another_key, assert_only_key, is_accepted, keys_at_aws, last_four, of_admin, rotate, rotate_with, stored};
use super::{assert_nothing_under_way, set_active};
use crate::support::bench::{Bench, name};

fn with_inactive() -> (Bench, AccessKeyId) {
    let bench = of_admin();
    let other = another_key(&bench, "admin").access_key_id;
    set_active(&bench, "admin", "admin", &other, false);
    (bench, other)
}

#[test]
fn an_inactive_one_goes_if_a_person_says_so() {
    let (bench, other) = with_inactive();
    bench.prompt.answer("no");
    assert!(matches!(rotate(&bench), Err(Error::Declined)));
    assert_eq!(keys_at_aws(&bench, "admin").len(), 2);
    assert_nothing_under_way(&bench);
    let question = bench.prompt.questions().remove(0);
    let shown = &other.as_str()[other.as_str().len() - 4..];
    for words in [shown, "inactive", "made 2026-11-", "never seen in use", "the user admin"] {
        assert!(question.contains(words) || question.to_lowercase().contains(words), "{question}");
    }
    bench.prompt.answer("yes");
    rotate(&bench).unwrap();
    assert_only_key(&bench, "admin");
}

#[test]
fn an_inactive_one_goes_without_a_question_if_that_was_said_and_stays_if_nobody_can_be_asked() {
    let (bench, _) = with_inactive();
    bench.prompt.leave();
    match rotate(&bench).unwrap_err() {
        Error::Prompt(PromptError::NoTerminal { instead, .. }) => assert_eq!(instead, "--delete-other"),
        other => panic!("{other}"),
    }
    assert_eq!(keys_at_aws(&bench, "admin").len(), 2);
    rotate_with(&bench, |arguments| arguments.delete_other = true).unwrap();
    assert_only_key(&bench, "admin");
}

#[test]
fn an_active_one_is_never_deleted() {
    let bench = of_admin();
    let other = another_key(&bench, "admin");
    assert!(is_accepted(&bench, &other));
    for delete_other in [false, true] {
        let (requests, result) =
            bench.requests_of(|| rotate_with(&bench, |arguments| arguments.delete_other = delete_other));
        match result.unwrap_err() {
            Error::Rotate(error @ RotateError::OtherKeyActive { .. }) => {
                let text = error.to_string();
                let id = other.access_key_id.as_str();
                assert!(
                    text.contains(id) && text.contains("made 2026-11-") && text.contains("last used 2026-11-"),
                    "{text}"
                );
            }
            other => panic!("{other}"),
        }
        assert!(!requests.iter().any(|request| request.starts_with("Delete") || request.starts_with("Create")));
    }
    assert!(is_accepted(&bench, &other) && is_accepted(&bench, &stored(&bench, "main").credentials));
    assert_nothing_under_way(&bench);
}

#[test]
fn one_that_another_profile_has_here_is_left_alone() {
    let bench = of_admin();
    let other = another_key(&bench, "admin");
    let record = KeyRecord { credentials: other.clone(), ..stored(&bench, "main") };
    bench.run(|context| context.vault.store_key(&name("second"), &record)).unwrap();
    set_active(&bench, "admin", "admin", &other.access_key_id, false);
    match rotate_with(&bench, |arguments| arguments.delete_other = true).unwrap_err() {
        Error::Rotate(RotateError::OtherKeyHeld { held_by, masked, .. }) => {
            assert_eq!((held_by, masked), (name("second"), last_four(&other)));
        }
        other => panic!("{other}"),
    }
    assert_eq!(keys_at_aws(&bench, "admin").len(), 2);
}
