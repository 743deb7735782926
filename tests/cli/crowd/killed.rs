//! A leader that is killed at any call by which something outside it changes: those who wait for it go on at once.
//!
//! strace stops the leader there, so that the others surely wait when it dies.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::{is_refused, ran};
use crate::{
    cli::world::{MFAVAULT, Run, World},
    support::{programs::installed, stopwatch::Stopwatch},
};

const CALLS: [&str; 7] = ["write", "fsync", "renameat", "flock", "connect", "sendto", "recvfrom"];
const ARGUMENTS: [&str; 2] = ["credential-process", "deploy"];
const WAITING: usize = 2;

fn traced(world: &World, options: &[&str]) -> Command {
    let mut command = world.program("strace");
    command.args(["-qq", "-f", "-o"]).arg(world.path("trace")).args(options).arg(MFAVAULT).args(ARGUMENTS);
    command
}

fn trace(world: &World) -> String {
    fs::read_to_string(world.path("trace")).unwrap_or_default()
}

/// How often the first thread makes each of these calls; strace counts for each thread.
fn calls() -> Vec<(&'static str, usize)> {
    let world = World::enrolled();
    world.unlock();
    traced(&world, &[]).run().succeeded();
    let trace = trace(&world);
    let thread = trace.split(' ').next().unwrap();
    let count = |call: &str| {
        let own = |line: &&str| line.strip_prefix(thread).is_some_and(|line| line.trim_start().starts_with(call));
        trace.lines().filter(own).count()
    };
    CALLS.iter().map(|call| (*call, count(&format!("{call}(")))).collect()
}

/// Starts a leader that stops after this call; its process ID, or nothing if it came to its end before.
fn stopped_leader(world: &World, call: &str, nth: usize) -> (Child, Option<Pid>) {
    let inject = format!("inject={call}:signal=STOP:when={nth}");
    let mut strace = traced(world, &["-e", &inject]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    loop {
        let ended = strace.try_wait().unwrap().is_some();
        let trace = trace(world);
        if let Some(line) = trace.lines().find(|line| line.contains("stopped by SIGSTOP")) {
            let id = line.split(' ').next().unwrap().parse().unwrap();
            return (strace, Pid::from_raw(id));
        }
        if ended {
            return (strace, None);
        }
        std::thread::yield_now();
    }
}

/// Whether a process is waiting for a lock.
fn waits(process: &Child) -> bool {
    let id = process.id().to_string();
    let locks = fs::read_to_string(Path::new("/proc/locks")).unwrap();
    locks.lines().any(|line| line.contains("->") && line.split_whitespace().any(|word| word == id))
}

/// Whether the leader held the others up, who must go on at once when it is killed.
fn kill_a_leader(call: &str, nth: usize) -> bool {
    let case = format!("{call} {nth}");
    let world = World::enrolled();
    world.unlock();
    let (mut strace, Some(leader)) = stopped_leader(&world, call, nth) else { return false };
    let start = |mut command: Command| command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut others: Vec<Child> = (0..WAITING).map(|_| start(world.mfavault(ARGUMENTS))).collect();
    let started = Stopwatch::start();
    while !others.iter_mut().all(|other| waits(other) || other.try_wait().unwrap().is_some()) {
        assert!(started.elapsed() < Duration::from_secs(30), "{case}: they neither wait for a lock nor end");
        std::thread::yield_now();
    }
    let held_up = others.iter().any(waits);
    kill_process(leader, Signal::KILL).unwrap();
    let killed = Stopwatch::start();
    strace.wait().unwrap();
    while held_up && others.iter().all(waits) {
        assert!(killed.elapsed() < Duration::from_secs(5), "{case}: nobody took over");
    }
    let documents: Vec<_> = others.into_iter().map(|other| ran(other.wait_with_output().unwrap())).collect();
    assert!(killed.elapsed() < Duration::from_secs(10), "{case}: {:?}, as if for the next code", killed.elapsed());
    let first = documents[0].stdout.clone();
    for ran in documents {
        assert_eq!(ran.succeeded().stdout, first, "{case}");
    }
    assert!(world.calls("GetSessionToken") <= 2 && world.calls("AssumeRole") <= 2, "{case}");
    assert!(!is_refused(&world), "{case}");
    held_up
}

#[test]
fn a_leader_for_a_role_that_is_killed_at_any_call_of_the_system_holds_nobody_up() {
    if !installed(&["strace"]) {
        return;
    }
    let mut held_up = 0;
    for (call, count) in calls() {
        for nth in 1..=count {
            held_up += usize::from(kill_a_leader(call, nth));
        }
    }
    assert!(held_up > 30, "the others waited for {held_up} leaders");
}
