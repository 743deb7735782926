//! One for all: many who want the same session at once make one call.

use std::{sync::Barrier, time::Duration};

use mfavault::{credentials::Credentials, rehearsal::FaultKind};

use crate::support::bench::{Bench, SERIAL};
#[cfg(target_os = "linux")]
use crate::support::{disk::Disk, programs::installed};

const MANY: usize = 8;

/// What each of many gets who begin together, thread `n` with the profile of that number.
fn together(bench: &Bench, profiles: &[&str]) -> (Vec<String>, Vec<Option<Credentials>>) {
    let barrier = Barrier::new(MANY);
    bench.requests_of(|| {
        std::thread::scope(|scope| {
            let start = |index: usize| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    bench.credentials(profiles[index % profiles.len()]).ok()
                })
            };
            let threads: Vec<_> = (0..MANY).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    })
}

#[test]
fn many_at_once_make_one_call_and_have_one_session() {
    let bench = Bench::with_device();
    bench.fail("GetSessionToken", FaultKind::Latency(Duration::from_millis(50)), None);
    let (requests, sessions) = together(&bench, &["main"]);
    assert_eq!(requests, ["GetSessionToken 3600 mfa/alice+code"]);
    assert!(sessions.iter().all(|session| session.is_some() && *session == sessions[0]));
}

#[test]
fn many_roles_at_once_share_one_code() {
    let bench = Bench::with_device();
    let role = |name: &str| {
        format!("[profile {name}]\nrole_arn = arn:aws:iam::111122223333:role/{name}\nsource_profile = main\n")
    };
    bench.write_config(&format!("[profile main]\nmfa_serial = {SERIAL}\n{}{}", role("deploy"), role("open")));
    let (mut requests, sessions) = together(&bench, &["deploy", "open"]);
    requests.sort();
    assert_eq!(requests, ["AssumeRole 3600", "AssumeRole 3600", "GetSessionToken 28800 mfa/alice+code"]);
    assert!(sessions.iter().all(Option::is_some));
}

#[test]
fn a_leader_that_fails_is_followed_by_another() {
    let bench = Bench::with_device();
    bench.fail("GetSessionToken", FaultKind::LostAnswer, Some(3));
    let (requests, sessions) = together(&bench, &["main"]);
    assert_eq!(requests.len(), 4, "{requests:?}: three of the first leader, and one of the second");
    assert_eq!(sessions.iter().filter(|session| session.is_none()).count(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn processes_share_a_session_as_threads_do_and_a_killed_one_hinders_nobody() {
    if !installed(&["strace"]) {
        return;
    }
    let disk = Disk::with_device();
    let export = ["export", "main", "--format", "json"];
    assert!(!disk.mfavault(&["-e", "inject=connect:signal=KILL:when=1"], &export).status.success());
    disk.bench.fail("GetSessionToken", FaultKind::Latency(Duration::from_millis(300)), None);
    let (requests, documents) = disk.bench.requests_of(|| {
        std::thread::scope(|scope| {
            let start = |_| scope.spawn(|| disk.mfavault(&[], &export));
            let threads: Vec<_> = (0..MANY).map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        })
    });
    assert_eq!(requests.len(), 1, "{requests:?}");
    for document in &documents {
        assert!(document.status.success() && document.stdout == documents[0].stdout, "{document:?}");
    }
}
