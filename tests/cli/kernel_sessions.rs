//! Sessions in the kernel's keyring: what is warm asks no other keystore, and what was forgotten is gone.

use std::{fs, process::Command};

use super::world::{MFAVAULT, Run, World};
use crate::{
    keystore_contract::{kernel, os::Session},
    support::programs,
};

const SETTING: &str = "session_keystore = \"kernel\"\n";

fn wish(world: &World, settings: &str) {
    fs::create_dir_all(world.path("vault")).unwrap();
    fs::write(world.path("vault/config.toml"), settings).unwrap();
}

#[test]
fn a_warm_command_speaks_to_no_system_keyring() {
    let Some(session) = Session::with_keyring() else { return };
    if !kernel::allowed() || !programs::installed(&["strace"]) {
        return;
    }
    let world = World::empty();
    let in_session = |mut command: Command| {
        command.env_remove("MFAVAULT_KEYSTORE").env_remove("MFAVAULT_PASSPHRASE");
        session.environment(&mut command);
        command
    };
    // How often a command opens a socket to the bus.
    let calls_to_the_bus = |arguments: &str| {
        let trace = world.path("trace");
        let mut command = in_session(world.program("strace"));
        command.args(["-f", "-e", "trace=connect", "-o"]).arg(&trace).arg(MFAVAULT).args(arguments.split(' '));
        let ran = command.run().succeeded();
        (fs::read_to_string(trace).unwrap().matches("AF_UNIX").count(), ran.stdout)
    };
    let key = world.key("admin");
    let pair = format!("{}\n{}\n", key.access_key_id, key.secret_access_key.expose());
    in_session(world.line("add admin --stdin --force")).run_with(&pair).succeeded();
    let exec = "exec admin -- printenv AWS_SESSION_TOKEN";
    calls_to_the_bus(exec);
    assert!(calls_to_the_bus(exec).0 > 0, "a session beside the keys is read over the bus");
    wish(&world, SETTING);
    assert!(calls_to_the_bus("exec admin --refresh -- true").0 > 0);
    let (calls, token) = calls_to_the_bus(exec);
    assert_eq!((calls, token.is_empty()), (0, false));
    assert_eq!(calls_to_the_bus("credential-process admin").0, 0);
    assert_eq!(calls_to_the_bus("list").0, 0);
    assert_eq!(world.calls("GetSessionToken"), 2);
    in_session(world.line("remove admin --force")).run().succeeded();
}

#[test]
fn what_was_forgotten_is_gone_from_the_kernel_whatever_the_settings_say_by_then() {
    let world = World::with_keys();
    if !kernel::allowed() {
        return;
    }
    world.unlock();
    let live = || world.line("list --json").run().succeeded().json()[0]["sessions"].as_array().unwrap().len();
    let exec = || drop(world.line("exec admin -- true").run().succeeded());
    for (command, calls) in [("clear admin", 1), ("remove admin --force", 2)] {
        wish(&world, SETTING);
        exec();
        exec();
        assert_eq!((world.calls("GetSessionToken"), live()), (calls, 1));
        wish(&world, "");
        assert_eq!(live(), 1, "it is still known");
        let ran = world.line(command).run().succeeded();
        assert!(command != "clear admin" || ran.stdout == "forgot 1 session\n", "{ran:?}");
    }
    wish(&world, SETTING);
    world.line("exec admin -- true").run().refused(125, &["admin"]);
}

#[test]
fn the_kernel_is_no_keystore_for_keys_or_seeds() {
    let world = World::with_keys();
    let ran = world.line("list --keystore kernel").run();
    assert!(ran.status.code() == Some(2) && ran.stderr.contains("invalid value 'kernel'"), "{ran:?}");
    world.line("list").env("MFAVAULT_SEED_KEYSTORE", "kernel").run().refused(1, &["MFAVAULT_SEED_KEYSTORE"]);
    wish(&world, "keystore = \"kernel\"\n");
    world.line("list").run().refused(1, &["config.toml:1", "kernel"]);
}
