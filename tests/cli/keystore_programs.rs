//! Keystores that are programs, end to end: `pass` and a helper, chosen, recorded, and what is said when they fail.

use std::{fs, process::Command};

use super::world::{MFAVAULT, Run, World, files};
use crate::{
    keystore_contract::{helper, pass},
    support::programs,
};

/// Without a wish, with these variables.
fn freely(world: &World, arguments: &str, variables: &[(std::ffi::OsString, std::ffi::OsString)]) -> Command {
    let mut command = world.line(arguments);
    command.env_remove("MFAVAULT_KEYSTORE").env_remove("MFAVAULT_PASSPHRASE");
    command.envs(variables.iter().filter(|(name, _)| name != "PATH" && name != "HOME").cloned());
    command
}

/// A key is added, its session used, shown and cleared, a device kept, and all removed; nothing readable is left on disk.
fn lives_in(world: &World, keystore: &str, run: &dyn Fn(&str) -> Command) {
    let key = world.key("admin");
    let pair = format!("{}\n{}\n", key.access_key_id, key.secret_access_key.expose());
    let seed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let ran = run("add admin --stdin").env("MFAVAULT_KEYSTORE", keystore).run_with(&pair).succeeded();
    assert!(ran.stderr.contains(&format!("keystore `{keystore}`")), "{ran:?}");
    // From here on without the variable: it was written down.
    assert_eq!(fs::read_to_string(world.path("vault/data/keystore.choice")).unwrap().trim(), keystore);
    let mut exec = run("exec admin -- printenv AWS_SESSION_TOKEN");
    let token = exec.run().succeeded().stdout;
    assert_eq!((exec.run().succeeded().stdout, world.calls("GetSessionToken")), (token.clone(), 1));
    run("mfa import other --stdin").run_with(seed).succeeded();
    assert_eq!(run("code other").run().succeeded().stdout.trim().len(), 6);
    let planted = [key.secret_access_key.expose().as_str(), token.trim(), seed];
    for file in files(world.folder()).iter().filter(|file| file.is_file()) {
        let text = String::from_utf8_lossy(&fs::read(file).unwrap_or_default()).into_owned();
        assert!(!planted.iter().any(|secret| text.contains(secret)), "{}", file.display());
    }
    run("clear").run().succeeded();
    exec.run().succeeded();
    assert_eq!(world.calls("GetSessionToken"), 2);
    run("mfa remove other --force").run().succeeded();
    run("remove admin --force").run().succeeded();
    run("exec admin -- true").run().refused(125, &["admin"]);
}

#[test]
fn a_vault_lives_in_a_password_store() {
    let Some(home) = pass::Home::new("") else { return };
    let world = World::empty();
    let environment = home.environment();
    lives_in(&world, "pass", &|arguments| freely(&world, arguments, &environment));
    assert!(!home.path("store/mfavault").exists());
}

#[test]
fn a_record_in_a_password_store_and_its_name_are_on_the_disk_before_anything_depends_on_them() {
    if !programs::installed(&["strace"]) {
        return;
    }
    let Some(home) = pass::Home::new("") else { return };
    let world = World::empty();
    let mut import = world.program("strace");
    import.args(["-qq", "-f", "-y", "-o", "trace", "-e", "trace=rename,renameat,renameat2,fsync"]);
    import.args([MFAVAULT, "mfa", "import", "other", "--stdin", "--keystore", "pass"]);
    import.env_remove("MFAVAULT_PASSPHRASE").envs(home.environment().into_iter().filter(|(name, _)| name != "PATH"));
    import.run_with("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").succeeded();
    let trace = fs::read_to_string(world.path("home/trace")).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    let renamed = lines.iter().position(|line| line.contains("other.new.gpg") && line.contains("rename")).unwrap();
    let synced = |lines: &[&str], path: &str| {
        let ending = format!("{path}>)");
        lines.iter().any(|line| line.contains(" fsync(") && line.contains(&ending))
    };
    assert!(synced(&lines[..renamed], "mfavault/device/other.new.gpg"), "{trace}");
    for path in ["mfavault/device/other.gpg", "mfavault/device", "store/mfavault", "store"] {
        assert!(synced(&lines[renamed..], path), "{path}: {trace}");
    }
}

#[test]
fn a_password_store_that_cannot_be_used_says_what_to_do() {
    let Some(home) = pass::Home::new("") else { return };
    let world = World::with_keys();
    let mut environment = home.environment();
    environment.retain(|(name, _)| name != "PASSWORD_STORE_DIR");
    environment.push(("PASSWORD_STORE_DIR".into(), world.path("nowhere").into()));
    let mut run = freely(&world, "add admin --stdin --no-verify --keystore pass", &environment);
    let key = world.key("admin");
    let ran = run.run_with(&format!("{}\n{}\n", key.access_key_id, key.secret_access_key.expose()));
    ran.refused(1, &["`pass`", "not initialised", "nowhere", "pass init"]);
}

#[test]
fn a_vault_lives_with_a_helper_and_only_with_the_one_of_the_settings() {
    let world = World::empty();
    let Some(command) = helper::example(world.folder()) else { return };
    let settings = |command: &[String]| {
        fs::create_dir_all(world.path("vault")).unwrap();
        let command = serde_json::to_string(command).unwrap();
        fs::write(world.path("vault/config.toml"), format!("helper = {command}\n")).unwrap();
    };
    settings(&command);
    lives_in(&world, "helper", &|arguments| freely(&world, arguments, &[]));
    for (command, words) in [
        (vec![], ["no program", "`helper`"]),
        (vec!["helper".to_owned()], ["no absolute path", "`helper`"]),
        (vec!["/bin/false".to_owned()], ["exit status: 1", "`helper`"]),
        (vec!["/bin/cat".to_owned()], ["no content", "`helper`"]),
    ] {
        settings(&command);
        freely(&world, "exec admin --keystore helper -- true", &[]).run().refused(125, &words);
    }
}

#[test]
fn seeds_that_are_apart_are_not_said_to_be_where_everything_else_is() {
    let world = World::enrolled();
    let Some(command) = helper::example(world.folder()) else { return };
    let command = serde_json::to_string(&command).unwrap();
    fs::write(world.path("vault/config.toml"), format!("helper = {command}\n")).unwrap();
    world.line("keystore move --to helper --seeds --yes").run().succeeded();
    let ran = world.line("keystore move --to file --yes").run().succeeded();
    assert!(!ran.stderr.contains("everything") && ran.stderr.contains("keystore move --to file --seeds"), "{ran:?}");
    world.line("keystore move --to file --seeds --yes").run().succeeded();
    let ran = world.line("keystore move --to file --yes").run().succeeded();
    assert!(ran.stderr.contains("everything of this vault is in the keystore `file`"), "{ran:?}");
}
