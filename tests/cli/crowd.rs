//! Many processes that want the same session at once: one asks AWS, the rest read its answer.

mod killed;

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use mfavault::rehearsal::{Fault, FaultKind};

use super::world::{Ran, Run, World, ran};

/// Starts all before waiting for any.
fn at_once(commands: impl IntoIterator<Item = Command>) -> Vec<Ran> {
    let start = |mut command: Command| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = commands.into_iter().map(start).collect();
    children.into_iter().map(|child| ran(child.wait_with_output().unwrap())).collect()
}

fn late(world: &World, milliseconds: u64, times: Option<u32>) {
    let kind = FaultKind::Latency(Duration::from_millis(milliseconds));
    world.aws.inject_fault(Fault { action: Some("GetSessionToken".to_owned()), kind, times });
}

fn is_refused(world: &World) -> bool {
    world.aws.requests().iter().any(|request| request.status >= 400)
}

#[test]
fn sixty_four_processes_make_one_call() {
    let world = World::enrolled();
    world.unlock();
    late(&world, 300, None);
    let documents = at_once((0..64).map(|_| world.line("credential-process main")));
    let first = documents[0].stdout.clone();
    assert!(!first.is_empty());
    for ran in documents {
        assert_eq!(ran.succeeded().stdout, first);
    }
    assert_eq!(world.calls("GetSessionToken"), 1);
    assert!(!is_refused(&world));
}

#[test]
fn sixty_four_commands_make_one_call_and_the_65th_none() {
    let world = World::enrolled();
    world.unlock();
    let tokens = at_once((0..64).map(|_| world.line("exec main -- printenv AWS_SESSION_TOKEN")));
    let first = tokens[0].stdout.clone();
    for ran in tokens {
        assert_eq!(ran.succeeded().stdout, first);
    }
    let asked = world.aws.requests().len();
    assert_eq!(world.line("exec main -- printenv AWS_SESSION_TOKEN").run().succeeded().stdout, first);
    assert_eq!((world.calls("GetSessionToken"), world.aws.requests().len()), (1, asked));
}

#[test]
fn a_passphrase_in_the_environment_makes_no_difference() {
    let world = World::enrolled();
    let documents = at_once((0..32).map(|_| world.line("credential-process main")));
    let first = documents[0].stdout.clone();
    for ran in documents {
        assert_eq!(ran.succeeded().stdout, first);
    }
    assert_eq!(world.calls("GetSessionToken"), 1);
}

#[test]
fn roles_and_their_source_are_asked_for_once() {
    let world = World::enrolled();
    world.unlock();
    let lines = ["credential-process deploy", "exec main -d 8h -- true", "export deploy", "explain deploy"];
    for ran in at_once(lines.iter().cycle().take(32).map(|line| world.line(line))) {
        ran.succeeded();
    }
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (1, 1));
    assert!(!is_refused(&world));
}

#[test]
fn sixty_four_processes_for_a_role_make_one_call_for_each_step() {
    let world = World::enrolled();
    world.unlock();
    let documents = at_once((0..64).map(|_| world.line("credential-process deploy")));
    let first = documents[0].stdout.clone();
    for ran in documents {
        assert_eq!(ran.succeeded().stdout, first);
    }
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (1, 1));
    assert!(!is_refused(&world));
}

#[test]
fn two_roles_of_one_key_at_once_share_the_session_of_their_source() {
    let world = World::enrolled();
    world.unlock();
    let role = "[profile open]\nrole_arn = arn:aws:iam::111122223333:role/open\nsource_profile = main\n\n";
    world.configure("[profile deploy]", &format!("{role}[profile deploy]"));
    late(&world, 300, None);
    let profiles = ["deploy", "open"].iter().cycle().take(32);
    let documents = at_once(profiles.map(|profile| world.mfavault(["credential-process", profile])));
    let first = [documents[0].stdout.clone(), documents[1].stdout.clone()];
    assert_ne!(first[0], first[1]);
    for (index, ran) in documents.into_iter().enumerate() {
        assert_eq!(ran.succeeded().stdout, first[index % 2]);
    }
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (1, 2));
    assert!(!is_refused(&world));
}

#[test]
fn a_killed_leader_leaves_nobody_waiting() {
    let world = World::enrolled();
    world.unlock();
    late(&world, 60_000, Some(1));
    let mut leader = world.line("credential-process main").stdout(Stdio::null()).spawn().unwrap();
    // It holds the lock once its request has come.
    while world.calls("GetSessionToken") == 0 {
        assert!(leader.try_wait().unwrap().is_none());
        std::thread::yield_now();
    }
    let start = |mut command: Command| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let rest: Vec<_> = (0..16).map(|_| start(world.line("credential-process main"))).collect();
    leader.kill().unwrap();
    leader.wait().unwrap();
    let rest: Vec<Ran> = rest.into_iter().map(|child| ran(child.wait_with_output().unwrap())).collect();
    let first = rest[0].stdout.clone();
    for ran in rest {
        assert_eq!(ran.succeeded().stdout, first);
    }
    // The dead leader's code is spent: the next one took another.
    assert_eq!(world.calls("GetSessionToken"), 2);
    assert!(!is_refused(&world));
}

#[test]
fn codes_for_people_at_once_are_of_one_step_and_all_succeed() {
    let world = World::enrolled();
    world.unlock();
    for ran in at_once((0..16).map(|_| world.line("code alice"))) {
        let ran = ran.succeeded();
        assert!(ran.stdout.len() == 7 && ran.stdout.trim().bytes().all(|byte| byte.is_ascii_digit()), "{ran:?}");
    }
}
