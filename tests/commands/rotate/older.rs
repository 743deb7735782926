//! How old a key is: `rotate --older-than`, and what `list` shows.

use super::{DAY, assert_only_key, of_admin, rotate, rotate_with, rows, stored};
use crate::support::bench::{Bench, name};

#[test]
fn a_younger_key_stays_and_the_next_time_it_is_known_without_asking() {
    let bench = of_admin();
    let key = stored(&bench, "main");
    bench.clock.advance(30 * 24 * 3600);
    let when_old = |bench: &Bench| rotate_with(bench, |arguments| arguments.older_than = Some(90 * DAY));
    let (requests, result) = bench.requests_of(|| when_old(&bench));
    result.unwrap();
    assert_eq!(requests, ["GetCallerIdentity", "ListMFADevices", "ListAccessKeys"]);
    assert!(bench.prompt.talk().contains("it is not that old, and stays"));
    assert_eq!(stored(&bench, "main").credentials, key.credentials);
    assert!(stored(&bench, "main").created.is_some());
    let operations = bench.keystore.operations();
    let (requests, result) = bench.requests_of(|| when_old(&bench));
    result.unwrap();
    assert!(requests.is_empty() && bench.keystore.operations() == operations, "{requests:?}");
    bench.clock.advance(70 * 24 * 3600);
    when_old(&bench).unwrap();
    assert_ne!(stored(&bench, "main").credentials, key.credentials);
    assert_only_key(&bench, "admin");
}

#[test]
fn the_list_shows_how_old_keys_are_and_only_the_old_ones_if_asked() {
    let bench = of_admin();
    bench.clock.advance(100 * 24 * 3600);
    bench.store_key("young", "alice");
    let row = |older_than| rows(&bench, older_than).into_iter().find(|row| row.profile == name("main"));
    let now = mfavault::clock::Clock::now(&*bench.clock);
    let main = row(None).unwrap();
    assert_eq!((main.key_created, main.key_age(now)), (None, Some(100 * DAY)));
    assert_eq!(rows(&bench, Some(90 * DAY)).into_iter().map(|row| row.profile).collect::<Vec<_>>(), [name("main")]);
    rotate(&bench).unwrap();
    let main = row(None).unwrap();
    assert_eq!((main.key_created, main.key_age(now).unwrap().as_secs()), (Some(now), 0));
    assert!(row(Some(90 * DAY)).is_none());
}
