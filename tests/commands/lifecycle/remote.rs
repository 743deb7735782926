//! `mfa list --remote`: what AWS demands, what lies unassigned there, what is gone, and what nobody may see.

use mfavault::{
    commands::{
        Outcome,
        mfa::remote::{RemoteRow, Whereabouts},
    },
    rehearsal::FaultKind,
};

use super::*;

fn rows(bench: &Bench) -> Vec<(String, Whereabouts)> {
    let Ok(Outcome::RemoteDevices(rows)) = bench.run(mfa::remote::run) else { panic!("no devices") };
    let called = |row: RemoteRow| row.name.unwrap_or_else(|| row.serial_number.unwrap().device_name().to_owned());
    rows.into_iter().map(|row| (row.whereabouts, called(row))).map(|(whereabouts, name)| (name, whereabouts)).collect()
}

fn named(name: &str, whereabouts: Whereabouts) -> (String, Whereabouts) {
    (name.to_owned(), whereabouts)
}

#[test]
fn a_device_is_held_unassigned_or_gone() {
    let bench = free_to_delete();
    add_second(&bench);
    assert_eq!(rows(&bench), [named("alice", Whereabouts::Held), named("alice-2", Whereabouts::Held)]);
    deactivate(&bench, "alice", false).unwrap();
    assert_eq!(rows(&bench)[0], named("alice", Whereabouts::Unassigned));
    let admin = bench.key_of("admin").into();
    bench.ask_aws(&admin, |aws, caller| aws.delete_virtual_mfa_device(caller, &serial(SERIAL))).unwrap();
    assert_eq!(rows(&bench)[0], named("alice", Whereabouts::MissingThere));
}

#[test]
fn what_a_killed_enrolment_left_is_an_orphan_with_the_command_that_deletes_it() {
    let bench = Bench::with_device();
    for name in ["alice-2", "alice-x", "bob", "spare", "alice-"] {
        leave_at_aws(&bench, name);
    }
    assert_eq!(rows(&bench), [named("alice", Whereabouts::Held), named("alice-2", Whereabouts::Orphan)]);
    let talk = bench.prompt.talk();
    assert!(talk.contains(&format!("aws iam delete-virtual-mfa-device --serial-number {SECOND}")), "{talk}");
    assert_eq!(talk.lines().count(), 1, "{talk}");
}

#[test]
fn somebody_elses_device_that_is_held_here_is_known_by_the_list() {
    let bench = administrator_with_bob();
    assert_eq!(rows(&bench), [named("bob", Whereabouts::Held)]);
    deactivate_with(&bench, &of_bob("bob"), false).unwrap();
    assert_eq!(rows(&bench), [named("bob", Whereabouts::Unassigned)]);
}

#[test]
fn all_pages_of_the_list_are_read() {
    let bench = Bench::with_device();
    for number in 0..130 {
        leave_at_aws(&bench, &format!("aaa{number:03}"));
    }
    leave_at_aws(&bench, "alice-3");
    let (requests, rows) = bench.requests_of(|| rows(&bench));
    assert!(rows.contains(&named("alice-3", Whereabouts::Orphan)), "{rows:?}");
    assert_eq!(requests.iter().filter(|line| *line == "ListVirtualMFADevices").count(), 2);
}

#[test]
fn where_the_list_is_denied_there_is_a_note_and_the_rest() {
    let denied = r#"{"Version": "2012-10-17", "Statement":
        {"Effect": "Deny", "Action": "iam:ListVirtualMFADevices", "Resource": "*"}}"#;
    let bench = settled(|settings| settings.users[0].policies.push(denied.to_owned()));
    leave_at_aws(&bench, "alice-2");
    assert_eq!(rows(&bench), [named("alice", Whereabouts::Held)]);
    let talk = bench.prompt.talk();
    assert!(talk.lines().count() == 1 && talk.contains("cannot list the virtual devices"), "{talk}");
    // Then it is by its record that the device is known to be hers.
    deactivate(&bench, "alice", false).unwrap();
    deactivate(&bench, "alice", false).unwrap();
    assert_eq!(rows(&bench), [named("alice", Whereabouts::MissingThere)]);
    bench.store_key("admin", "admin");
    bench.prompt.talk();
    assert_eq!(rows(&bench)[0], named("alice", Whereabouts::Unassigned));
    let talk = bench.prompt.talk();
    assert!(!talk.contains("cannot list"), "another profile of the account could: {talk}");
    bench.fail("ListVirtualMFADevices", FaultKind::ServerError, None);
    assert_eq!(rows(&bench)[0], named("alice", Whereabouts::MissingThere));
}
