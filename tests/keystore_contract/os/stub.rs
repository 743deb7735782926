//! The system's keystore against a Secret Service that misbehaves on demand: a stub on the private bus, in a thread of the
//! process that asks it. It knows one item and no cryptography.

use std::{sync::mpsc, thread, time::Duration};

use dbus::{
    Message, Path,
    arg::Variant,
    channel::{BusType, Channel},
    strings::ErrorName,
};
use mfavault::keystore::{Keystore, KeystoreError, OsKeystore, RecordName};

use super::{Session, secret};
use crate::support::stopwatch::within;

/// What it does when a method is called.
#[derive(Clone, Copy)]
enum Act {
    /// Answers with the item where there is one to answer with.
    Item,
    LockedItem,
    Nothing,
    Prompt,
    Completes {
        dismissed: bool,
    },
    Fails(&'static str),
    AnswersNonsense,
    IsSilent,
    Ends,
}

type Script = &'static [(&'static str, Act)];

/// Each test of what the child of the same name finds.
macro_rules! tests {
    ($($name:ident)*) => { $(
        #[test]
        fn $name() {
            let Some(session) = Session::with_bus() else { return };
            session.run_in("stub::child", stringify!($name));
        }
    )* };
}

tests! {
    one_record_costs_three_calls_and_a_missing_one_no_session
    a_service_that_ends_amid_a_call_is_unavailable_whatever_was_called
    nonsense_is_unavailable_whatever_was_called
    a_service_that_falls_silent_is_unavailable_within_two_seconds
    an_error_of_the_service_is_its_reason
    a_dismissed_prompt_is_locked
    a_prompt_is_not_shown_where_nobody_may_be_asked
    a_prompt_that_was_answered_opens
    opening_asks_beforehand
    a_service_that_ends_while_it_asks_is_unavailable
    an_item_that_was_deleted_meanwhile_is_looked_for_again
    items_that_go_one_after_the_other_are_looked_for_again_and_not_for_ever
    two_items_of_one_name_are_damage
    a_session_that_is_over_is_begun_anew
}

fn path(name: &str) -> Path<'static> {
    Path::new(format!("/org/freedesktop/secrets/{name}")).unwrap()
}

/// Serves the script, in which the first entry of a method counts; the names of the methods that were called come back.
fn stub(script: Script) -> mpsc::Receiver<String> {
    let (ready, is_ready) = mpsc::channel();
    let (calls, called) = mpsc::channel();
    thread::spawn(move || {
        let channel = Channel::get_private(BusType::Session).unwrap();
        let bus = ("org.freedesktop.DBus", "/org/freedesktop/DBus");
        let request = Message::new_method_call(bus.0, bus.1, bus.0, "RequestName").unwrap();
        let request = request.append2("org.freedesktop.secrets", 4_u32);
        channel.send_with_reply_and_block(request, Duration::from_secs(5)).unwrap();
        ready.send(()).unwrap();
        let mut used = vec![false; script.len()];
        let mut last = String::new();
        while let Ok(message) = channel.blocking_pop_message(Duration::from_secs(60)) {
            let Some((message, method)) = message.and_then(|message| {
                let method = message.member()?.to_string();
                (message.msg_type() == dbus::MessageType::MethodCall).then_some((message, method))
            }) else {
                continue;
            };
            // One exchange in 256 gives no key and is made again.
            if last != "OpenSession" || method != last {
                let _ = calls.send(method.clone());
            }
            last.clone_from(&method);
            // The last entry of a method holds for ever, those before it once.
            let entries: Vec<usize> = (0..script.len()).filter(|index| script[*index].0 == method).collect();
            let chosen = entries.iter().copied().find(|index| !used[*index]).or(entries.last().copied());
            let act = chosen.map_or(Act::Item, |index| {
                used[index] = true;
                script[index].1
            });
            match act {
                Act::Ends => return,
                Act::IsSilent => {}
                act => answer(&channel, &message, &method, act),
            }
        }
    });
    is_ready.recv().unwrap();
    called
}

fn answer(channel: &Channel, message: &Message, method: &str, act: Act) {
    let (none, item, prompt) = (Path::new("/").unwrap(), path("collection/c/1"), path("prompt/p1"));
    let items = |count: usize| vec![item.clone(); count];
    let reply = message.method_return();
    let reply = match (method, act) {
        (_, Act::Fails(name)) => message.error(&ErrorName::new(name).unwrap(), c"told to"),
        (_, Act::AnswersNonsense) => reply.append1(42_u64),
        ("SearchItems", Act::LockedItem) => reply.append2(items(0), items(1)),
        ("SearchItems", Act::Nothing) => reply.append2(items(0), items(0)),
        ("SearchItems", Act::Prompt) => reply.append2(items(2), items(1)),
        ("SearchItems", _) => reply.append2(items(1), items(0)),
        ("OpenSession", _) => reply.append2(Variant(vec![2_u8; 100]), path("session/s1")),
        ("GetSecret", _) => {
            reply.append1((path("session/s1"), vec![0_u8; 16], vec![0_u8; 16], "text/plain".to_owned()))
        }
        ("ReadAlias", _) => reply.append1(path("collection/c")),
        ("Get", _) => reply.append1(Variant(false)),
        ("Unlock", Act::Prompt) => reply.append2(items(0), prompt),
        ("Unlock", _) => reply.append2(items(1), none),
        ("CreateItem", Act::Prompt) => reply.append2(none, prompt),
        ("CreateItem", _) => reply.append2(item.clone(), none),
        ("Delete", Act::Prompt) => reply.append1(prompt),
        ("Delete", _) => reply.append1(none),
        _ => reply,
    };
    let _ = channel.send(reply);
    if let (Act::Completes { dismissed }, Some(prompt)) = (act, message.path()) {
        let signal = Message::new_signal(&*prompt, "org.freedesktop.Secret.Prompt", "Completed").unwrap();
        let _ = channel.send(signal.append2(dismissed, Variant(items(1))));
    }
    channel.flush();
}

mod child {
    use super::{Act::*, *};

    fn prod() -> RecordName {
        RecordName::new("key", "prod")
    }

    fn within_two_seconds<T>(action: impl FnOnce() -> T) -> T {
        within(Duration::from_secs(2), action)
    }

    fn get(interactive: bool) -> Result<mfavault::secret::SecretBytes, KeystoreError> {
        within_two_seconds(|| OsKeystore::new(interactive).get(&prod()))
    }

    fn unavailable<T: std::fmt::Debug>(answer: Result<T, KeystoreError>) -> String {
        match answer {
            Err(KeystoreError::Unavailable { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn locked<T: std::fmt::Debug>(answer: Result<T, KeystoreError>) -> String {
        match answer {
            Err(KeystoreError::Locked { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    const SILENT: &str = "the Secret Service does not answer";
    const ENDED: &str = "the Secret Service ended before it answered";
    const NONSENSE: &str = "the Secret Service gave an answer that makes no sense";
    const DISMISSED: &str = "the prompt that unlocks it was dismissed, or could not be shown";

    #[test]
    #[ignore = "started by the tests above"]
    fn one_record_costs_three_calls_and_a_missing_one_no_session() {
        let called = stub(&[("SearchItems", Item), ("SearchItems", Nothing)]);
        let _ = get(false);
        assert_eq!(called.try_iter().collect::<Vec<_>>(), ["SearchItems", "OpenSession", "GetSecret"]);
        assert!(matches!(get(false), Err(KeystoreError::NotFound { .. })));
        assert_eq!(called.try_iter().collect::<Vec<_>>(), ["SearchItems", "ReadAlias", "Get"]);
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn a_service_that_ends_amid_a_call_is_unavailable_whatever_was_called() {
        let scripts: [Script; 3] = [&[("SearchItems", Ends)], &[("OpenSession", Ends)], &[("GetSecret", Ends)]];
        for script in scripts {
            stub(script);
            assert_eq!(unavailable(get(false)), ENDED, "{}", script[0].0);
        }
        let scripts: [Script; 4] = [
            &[("SearchItems", Nothing), ("ReadAlias", Ends)],
            &[("SearchItems", Nothing), ("Get", Ends)],
            &[("SearchItems", Nothing), ("CreateItem", Ends)],
            &[("SetSecret", Ends)],
        ];
        for script in scripts {
            stub(script);
            let put = within_two_seconds(|| OsKeystore::new(false).put(&prod(), &secret("content")));
            assert_eq!(unavailable(put), ENDED, "{}", script[script.len() - 1].0);
        }
        stub(&[("Delete", Ends)]);
        assert_eq!(unavailable(within_two_seconds(|| OsKeystore::new(false).remove(&prod()))), ENDED);
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn nonsense_is_unavailable_whatever_was_called() {
        let scripts: [Script; 5] = [
            &[("SearchItems", AnswersNonsense), ("SearchItems", Ends)],
            &[("OpenSession", AnswersNonsense), ("SearchItems", Item), ("SearchItems", Ends)],
            &[("GetSecret", AnswersNonsense), ("SearchItems", Item), ("SearchItems", Ends)],
            // Right in form, and not encrypted for us.
            &[("SearchItems", Item), ("SearchItems", Ends)],
            &[("ReadAlias", AnswersNonsense), ("SearchItems", Nothing), ("SearchItems", Ends)],
        ];
        for script in scripts {
            stub(script);
            assert_eq!(unavailable(get(false)), NONSENSE, "{}", script[0].0);
            assert_eq!(unavailable(get(false)), ENDED);
        }
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn a_service_that_falls_silent_is_unavailable_within_two_seconds() {
        stub(&[("GetSecret", IsSilent), ("SearchItems", Item), ("SearchItems", Ends)]);
        assert_eq!(unavailable(get(false)), SILENT);
        assert_eq!(unavailable(get(true)), ENDED);
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn an_error_of_the_service_is_its_reason() {
        stub(&[
            ("SearchItems", Fails("org.example.Error")),
            ("SearchItems", Item),
            ("GetSecret", Fails("org.freedesktop.Secret.Error.IsLocked")),
        ]);
        assert_eq!(unavailable(get(false)), "the Secret Service says: told to");
        assert_eq!(locked(get(false)), "the Secret Service says so");
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn a_dismissed_prompt_is_locked() {
        stub(&[("SearchItems", LockedItem), ("Unlock", Prompt), ("Prompt", Completes { dismissed: true })]);
        assert_eq!(locked(get(true)), DISMISSED);
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn a_prompt_is_not_shown_where_nobody_may_be_asked() {
        let called = stub(&[
            ("SearchItems", LockedItem),
            ("SearchItems", Nothing),
            ("SearchItems", Item),
            ("CreateItem", Prompt),
            ("Delete", Prompt),
        ]);
        assert_eq!(locked(get(false)), "its collection is locked, and nobody may be asked here");
        let keystore = OsKeystore::new(false);
        let wants = "it wants to ask, and nobody may be asked here";
        assert_eq!(locked(keystore.put(&prod(), &secret("content"))), wants);
        assert_eq!(locked(keystore.remove(&prod())), wants);
        assert!(called.try_iter().all(|method| method != "Prompt" && method != "Unlock"));
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn a_prompt_that_was_answered_opens() {
        let script: Script = &[
            ("SearchItems", LockedItem),
            ("Unlock", Prompt),
            ("Delete", Prompt),
            ("Prompt", Completes { dismissed: false }),
        ];
        let called = stub(script);
        within_two_seconds(|| OsKeystore::new(true).remove(&prod())).unwrap();
        let calls: Vec<String> = called.try_iter().collect();
        assert_eq!(calls, ["SearchItems", "Unlock", "Prompt", "Delete", "Prompt"]);
        // Opened beforehand, by whoever may ask.
        OsKeystore::new(false).open(&prod(), true).unwrap();
        assert_eq!(called.try_iter().count(), 0);
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn opening_asks_beforehand() {
        let called = stub(&[
            ("SearchItems", LockedItem),
            ("SearchItems", Prompt),
            ("Unlock", Prompt),
            ("Prompt", Completes { dismissed: false }),
        ]);
        within_two_seconds(|| OsKeystore::new(true).open(&prod(), false)).unwrap();
        let calls: Vec<String> = called.try_iter().collect();
        assert_eq!(calls, ["SearchItems", "Unlock", "Prompt"]);
        // Of two items of one name, reading says what is wrong.
        OsKeystore::new(true).open(&prod(), false).unwrap();
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn a_service_that_ends_while_it_asks_is_unavailable() {
        stub(&[("SearchItems", LockedItem), ("Unlock", Prompt), ("Prompt", Ends)]);
        assert_eq!(unavailable(get(true)), ENDED);
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn an_item_that_was_deleted_meanwhile_is_looked_for_again() {
        stub(&[
            ("SearchItems", Item),
            ("SearchItems", Nothing),
            ("GetSecret", Fails("org.freedesktop.Secret.Error.NoSuchObject")),
        ]);
        assert!(matches!(get(false), Err(KeystoreError::NotFound { .. })));
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn items_that_go_one_after_the_other_are_looked_for_again_and_not_for_ever() {
        stub(&[
            ("SearchItems", Item),
            ("SearchItems", Item),
            ("SearchItems", Item),
            ("SearchItems", Item),
            ("SearchItems", Nothing),
            ("SearchItems", Item),
            ("GetSecret", Fails("org.freedesktop.Secret.Error.NoSuchObject")),
        ]);
        assert!(matches!(get(false), Err(KeystoreError::NotFound { .. })));
        assert_eq!(unavailable(get(false)), "the Secret Service changes while it is asked");
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn two_items_of_one_name_are_damage() {
        stub(&[("SearchItems", Prompt)]);
        match get(false) {
            Err(KeystoreError::Corrupt { reason, .. }) => assert_eq!(reason, "3 items have the name of one record"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    #[ignore = "started by the tests above"]
    fn a_session_that_is_over_is_begun_anew() {
        let called = stub(&[("SetSecret", Fails("org.freedesktop.Secret.Error.NoSession")), ("SetSecret", Item)]);
        within_two_seconds(|| OsKeystore::new(false).put(&prod(), &secret("content"))).unwrap();
        let sessions = called.try_iter().filter(|method| method == "OpenSession").count();
        assert_eq!(sessions, 2);
    }
}
