//! `doctor`: each fault that is planted is found with its repair, and only what can be mended without a loss is mended.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::world::{PROFILE, Ran, Run, World, files};
use crate::support::programs;

const USERS_ARN: &str = "arn:aws:iam::111122223333:user/alice";

/// What is found, without what is well.
fn found(world: &World, options: &str) -> (bool, Vec<(String, String, String)>) {
    let ran = world.line(&format!("doctor --json{options}")).run();
    let rows = ran.json();
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let rows = rows.as_array().unwrap().iter().filter(|row| row["status"] != "ok" || !row["repair"].is_null());
    let rows = rows.map(|row| (text(row, "status"), text(row, "finding"), text(row, "repair"))).collect();
    (ran.status.success(), rows)
}

/// The one finding with these words.
#[track_caller]
fn finding<'f>(found: &'f [(String, String, String)], words: &str) -> &'f (String, String, String) {
    let all: Vec<_> = found.iter().filter(|(_, finding, _)| finding.contains(words)).collect();
    assert_eq!(all.len(), 1, "{words}: {found:?}");
    all[0]
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn where_all_is_well_it_says_so() {
    let world = World::enrolled();
    let (is_well, found) = found(&world, "");
    assert!(is_well, "{found:?}");
    assert!(found.iter().all(|(status, finding, _)| status == "note" && finding.contains("backup")), "{found:?}");
    let ran = world.line("doctor").run().succeeded();
    for line in ["ok     keystore", "ok     files", "ok     config", "ok     clock", "ok     keys", "note   devices"] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\u{1b}'));
}

#[test]
fn a_passphrase_file_that_others_may_read_is_noted_and_used() {
    let world = World::enrolled();
    let file = world.path("pass'phrase");
    fs::write(&file, format!("{}\n", world.passphrase)).unwrap();
    for (mode, is_noted) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let mut doctor = world.line("doctor --offline");
        doctor.env_remove("MFAVAULT_PASSPHRASE").env("MFAVAULT_PASSPHRASE_FILE", &file);
        let shown = doctor.run().succeeded().stdout;
        assert_eq!(
            shown.contains("has mode 0644: others on this machine may read the passphrase"),
            is_noted,
            "{shown}"
        );
        assert_eq!(shown.contains(r"chmod 600 '"), is_noted, "{shown}");
    }
}

#[test]
fn loose_modes_and_what_killed_runs_left_are_found_before_anything_else_mends_them() {
    let world = World::enrolled();
    let data = world.path("vault/data");
    let index = data.join("index.file.json");
    let left_over = data.join(".tmp-999999999-0011223344556677");
    let lock = world.path("vault/state/session-0011.lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let plant = || {
        fs::write(&left_over, "half").unwrap();
        fs::write(&lock, "").unwrap();
        for (path, mode) in [(&data, 0o755), (&index, 0o644)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    plant();
    fs::set_permissions(&left_over, fs::Permissions::from_mode(0o600)).unwrap();
    let modes = || {
        let files = files(&world.path("vault")).into_iter();
        // Whoever waits for a lock makes its file.
        let files = files.filter(|path| !path.display().to_string().ends_with(".lock"));
        files.map(|path| (mode(&path), path)).collect::<Vec<_>>()
    };
    let before = modes();
    let (is_well, seen) = found(&world, " --offline");
    assert_eq!((modes(), mode(&data)), (before, 0o755), "telling of it changes nothing");
    assert!(!is_well);
    for (words, status) in [
        (format!("{} has mode 0755", data.display()), "wrong"),
        (format!("{} has mode 0644", index.display()), "wrong"),
        (format!("unfinished file {}", left_over.display()), "wrong"),
    ] {
        let (found, _, repair) = finding(&seen, &words);
        assert!(found == status && repair.contains("mfavault doctor --fix"), "{words}: {repair}");
    }
    assert!(left_over.exists() && lock.exists(), "nothing is mended unless told");
    plant();
    let (is_well, seen) = found(&world, " --offline --fix");
    assert!(is_well, "{seen:?}");
    assert_eq!(seen.iter().filter(|(status, ..)| status == "mended").count(), 6, "{seen:?}");
    assert_eq!((mode(&data), mode(&index), left_over.exists(), lock.exists()), (0o700, 0o600, false, false));
    assert!(found(&world, "").0);
}

#[test]
fn what_comes_before_us_for_sdks_and_what_stands_in_the_clear_is_found() {
    let world = World::enrolled();
    world.configure(
        "[profile deploy]\n",
        "[profile deploy]\ncredential_process = /nowhere/mfavault credential-process deploy\n",
    );
    world.configure("region = us-west-2\n", &format!("region = us-west-2\nmfa_serial = {USERS_ARN}\n"));
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let keys =
        |name: &str| format!("[{name}]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {secret}\n");
    let credentials = world.path("credentials");
    let session = |name: &str| keys(name).replace("AKIA", "ASIA") + "aws_session_token = tokentoken\n";
    let others = keys("plain") + &keys("team-long-term") + &session("team") + &session("temporary");
    fs::write(&credentials, keys(PROFILE) + &others).unwrap();
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o644)).unwrap();
    let cache = world.path("cli/cache");
    fs::create_dir_all(&cache).unwrap();
    fs::write(cache.join("ab.json"), "{}").unwrap();
    let (is_well, seen) = found(&world, " --offline");
    assert!(!is_well);
    for (words, repair) in [
        ("take role_arn at ", "mfavault setup deploy"),
        ("starts /nowhere/mfavault, which is not there", "mfavault setup deploy"),
        ("the ARN of a user, not of an MFA device", ":mfa/"),
        ("an access key of `main` stands in plain text", "delete it at"),
        ("an access key of `plain` stands in plain text", "mfavault import credentials-file --profile plain"),
        ("an access key of `team` stands in plain text", "mfavault import credentials-file --profile team`"),
        ("session credentials of `team` stand in plain text", "delete them there"),
        ("session credentials of `temporary` stand in plain text", "delete them there"),
        ("1 session in plain text", "rm -r "),
        ("credentials has mode 0644", "chmod 600"),
    ] {
        let (status, _, found) = finding(&seen, words);
        assert!(status == "wrong" && found.contains(repair), "{words}: {found}");
    }
    let all = format!("{seen:?}");
    assert!(!all.contains(secret));
    let before = fs::read_to_string(world.path("config")).unwrap();
    found(&world, " --offline --fix");
    assert_eq!(fs::read_to_string(world.path("config")).unwrap(), before, "whose config it is mends it");
    assert_eq!((mode(&credentials), cache.join("ab.json").exists()), (0o600, true));
}

#[test]
fn what_the_index_names_in_vain_is_found_and_struck_out() {
    let world = World::enrolled();
    world.in_vault(|vault| {
        let index: PathBuf = world.path("vault/data/index.file.json");
        let kept = fs::read(&index).unwrap();
        vault.forget_key(&"admin".parse().unwrap()).unwrap();
        fs::write(&index, kept).unwrap();
    });
    let (is_well, seen) = found(&world, " --offline");
    let (status, _, repair) = finding(&seen, "the access key `admin` is named in the index");
    assert!(!is_well && status == "wrong" && repair.contains("--fix"), "{seen:?}");
    assert!(found(&world, " --offline --fix").0);
    assert!(found(&world, "").0);
}

#[test]
fn aws_is_asked_about_keys_devices_and_the_time() {
    let world = World::enrolled();
    world.aws.set_clock_offset(200);
    let (is_well, seen) = found(&world, "");
    let (status, _, repair) = finding(&seen, "s behind AWS's");
    assert!(is_well && status == "note" && repair.contains("timedatectl"), "{seen:?}");
    world.aws.set_clock_offset(1200);
    let (is_well, seen) = found(&world, "");
    assert!(!is_well && finding(&seen, "s behind AWS's").0 == "wrong", "{seen:?}");
    let (is_well, seen) = found(&world, " --offline");
    assert!(!is_well && finding(&seen, "s behind AWS's").0 == "wrong", "as kept: {seen:?}");
    world.aws.set_clock_offset(0);
    world.in_vault(|vault| {
        let mut record = vault.key(&"admin".parse().unwrap()).unwrap().unwrap();
        record.credentials.secret_access_key = mfavault::secret::SecretText::from("another secret, of nobody");
        vault.store_key(&"admin".parse().unwrap(), &record).unwrap();
        let mut device = vault.device("alice").unwrap().unwrap();
        vault.forget_device("alice").unwrap();
        device.device.serial_number = Some("arn:aws:iam::111122223333:mfa/gone".parse().unwrap());
        vault.store_device(&device).unwrap();
    });
    let (is_well, seen) = found(&world, "");
    assert!(!is_well);
    let (status, _, repair) = finding(&seen, "AWS does not have the device `alice`");
    assert!(status == "wrong" && repair.contains("mfavault mfa remove alice"), "{seen:?}");
    assert_eq!(finding(&seen, "AWS demands arn:aws:iam::111122223333:mfa/alice").0, "note");
    let (status, _, repair) = finding(&seen, "profile `admin`: ");
    assert!(status == "wrong" && !repair.is_empty(), "{seen:?}");
}

#[test]
fn a_locked_keystore_is_a_finding_and_all_else_is_looked_at() {
    let world = World::enrolled();
    let mut command = world.line("doctor --json");
    command.env_remove("MFAVAULT_PASSPHRASE");
    let ran = command.run();
    let rows = ran.json();
    let rows = rows.as_array().unwrap();
    let locked =
        rows.iter().find(|row| row["finding"].as_str().is_some_and(|text| text.contains("is locked"))).unwrap();
    assert_eq!((locked["area"].as_str(), locked["status"].as_str()), (Some("keystore"), Some("note")));
    assert!(locked["repair"].as_str().is_some_and(|text| text.contains("mfavault unlock")), "{locked}");
    assert!(rows.iter().any(|row| row["area"] == "config") && rows.iter().any(|row| row["area"] == "devices"));
}

#[test]
fn a_damaged_keystore_goes_back_to_the_generation_before_when_told() {
    let world = World::enrolled();
    let file = world.path("vault/data/keystore");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes.truncate(bytes.len() - 1);
    fs::write(&file, &bytes).unwrap();
    let (is_well, seen) = found(&world, " --offline --fix");
    let (status, _, repair) = finding(&seen, "the generation before it is there");
    assert!(!is_well && status == "wrong" && repair.contains("doctor --restore-keystore"), "{seen:?}");
    assert_eq!(fs::read(&file).unwrap(), bytes, "not without being told");
    world.line("code alice").run().refused(1, &["damaged", "doctor --restore-keystore"]);
    let ran = world.line("doctor --offline --restore-keystore").run();
    assert!(ran.stderr.contains("went back to the generation before"), "{ran:?}");
    let aside = fs::read_dir(world.path("vault/data")).unwrap().map(|entry| entry.unwrap().path());
    let aside: Vec<_> = aside.filter(|path| path.display().to_string().contains("keystore.damaged-")).collect();
    assert_eq!(fs::read(&aside[0]).unwrap(), bytes);
    // The seed was what was stored last, and the keys before.
    world.line("exec main --no-session -- true").run().succeeded();
    world.line("doctor --offline --restore-keystore").run().refused(1, &["it opens as it is"]);
    let ran = world.line("audit show").run().succeeded();
    assert!(ran.stdout.contains("goes back to the generation before"), "{}", ran.stdout);
}

#[test]
fn a_log_that_somebody_changed_is_found() {
    let world = World::enrolled();
    world.line("exec main -- true").run().succeeded();
    let log = world.path("vault/state/audit.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replacen("alice", "bob00", 1)).unwrap();
    let (is_well, seen) = found(&world, " --offline");
    assert!(!is_well && finding(&seen, "the audit log is not as it was written: line 1 was changed").0 == "wrong");
}

#[test]
fn an_index_that_was_lost_or_damaged_is_made_anew_from_what_the_keystore_holds() {
    let world = World::enrolled();
    world.line("exec main -- true").run().succeeded();
    let index = world.path("vault/data/index.file.json");
    for damage in [None, Some(""), Some("{\"version\": 1, \"keys\": ")] {
        match damage {
            None => fs::remove_file(&index).unwrap(),
            Some(text) => fs::write(&index, text).unwrap(),
        }
        let (is_well, seen) = found(&world, " --offline");
        assert!(!is_well, "{damage:?}: {seen:?}");
        if damage.is_some() {
            let (status, _, repair) = finding(&seen, "the index ");
            assert!(status == "wrong" && repair.contains("mfavault doctor --fix"), "{seen:?}");
            world.line("list").run().refused(1, &["index.file.json", "mfavault doctor --fix"]);
        } else {
            assert!(finding(&seen, "the device `alice` is in the keystore, and the index").2.contains("--fix"));
        }
        assert!(found(&world, " --offline --fix").0, "{damage:?}");
        let (is_well, seen) = found(&world, "");
        assert!(is_well && !seen.iter().any(|(_, finding, _)| finding.contains("index")), "{seen:?}");
        assert_eq!(world.line("code alice").run().succeeded().stdout.trim().len(), 6);
        world.line("exec admin --no-session -- true").run().succeeded();
    }
    let aside = fs::read_dir(world.path("vault/data")).unwrap();
    let is_aside = |path: &PathBuf| path.display().to_string().contains("index.file.json.damaged-");
    assert!(aside.map(|entry| entry.unwrap().path()).any(|path| is_aside(&path)), "nothing is thrown away");
}

#[test]
fn which_keystore_is_used_and_why_is_said_and_settings_that_cannot_be_used_are_a_finding() {
    let world = World::enrolled();
    let ran = world.line("doctor --offline").run().succeeded();
    assert!(ran.stdout.contains("`file`: keys (environment variable MFAVAULT_KEYSTORE), seeds"), "{}", ran.stdout);
    let ran = world.line("doctor --offline --keystore os --json").run();
    let text = ran.stdout.clone();
    assert!(!ran.status.success() && text.contains("not usable") && text.contains("option --keystore"), "{ran:?}");
    let rows = ran.json();
    let rows: Vec<_> = rows.as_array().unwrap().iter().filter(|row| row["area"] == "keystore").collect();
    assert!(rows.len() == 1 && rows[0]["status"] == "wrong" && !rows[0]["repair"].is_null(), "said once: {rows:?}");
    // With nothing in it, too.
    let ran = world.line("doctor --offline --keystore helper").run();
    assert!(ran.stdout.contains("wrong  keystore  `helper`") && ran.stdout.contains("the setting `helper`"), "{ran:?}");
    fs::write(world.path("vault/config.toml"), "keystore = \"fil\"\n").unwrap();
    let (is_well, seen) = found(&world, "");
    assert!(!is_well && finding(&seen, "config.toml:1").0 == "wrong", "{seen:?}");
    let mut command = world.line("doctor --json");
    let ran = command.env("MFAVAULT_LOG", "loud").run();
    assert!(ran.status.code() == Some(1) && ran.json()[0]["area"] == "config", "{ran:?}");
}

#[test]
fn no_area_is_called_well_that_could_not_be_looked_at_for_a_cause_that_another_tells() {
    let world = World::enrolled();
    world.line("code alice").run().succeeded();
    fs::set_permissions(world.path("vault/state"), fs::Permissions::from_mode(0o777)).unwrap();
    let ran = world.line("doctor --offline").run();
    for line in ["wrong  clock", "note   log       could not be looked at, as said above"] {
        assert!(ran.stdout.contains(line), "{line}: {ran:?}");
    }
}

#[test]
fn a_heading_with_a_slip_is_named_with_file_and_line_and_what_was_meant() {
    let world = World::enrolled();
    let config = fs::read_to_string(world.path("config")).unwrap();
    let line = config.lines().count() + 1;
    let secret =
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY\n";
    fs::write(world.path("config"), format!("{config}[profil prod]\n[Profile dev]\n[profile plain]\n{secret}"))
        .unwrap();
    fs::set_permissions(world.path("config"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::write(world.path("credentials"), "[profile x]\n").unwrap();
    let (is_well, seen) = found(&world, " --offline");
    assert!(!is_well);
    for (words, meant) in [
        (format!("[profil prod] at {}:{line}", world.path("config").display()), "[profile prod]"),
        (format!("[Profile dev] at {}:{}", world.path("config").display(), line + 1), "[profile dev]"),
        (format!("[profile x] at {}:1", world.path("credentials").display()), "[x]"),
        (format!("{} has mode 0640", world.path("config").display()), "chmod 600"),
    ] {
        let (status, _, repair) = finding(&seen, &words);
        assert!(status == "wrong" && repair.contains(meant), "{words}: {repair}");
    }
}

#[test]
fn a_keystore_of_another_owner_is_named_once_with_the_exact_command() {
    let Some(world) = World::enrolled().for_a_user() else { return };
    let keystore = world.path("vault/data/keystore");
    for mode in [0o600, 0o644] {
        if std::os::unix::fs::chown(&keystore, Some(0), None).is_err() {
            return;
        }
        fs::set_permissions(&keystore, fs::Permissions::from_mode(mode)).unwrap();
        let (is_well, seen) = found(&world, " --offline");
        let (status, _, repair) = finding(&seen, "keystore is not safe to use: it is owned by another user (uid 0)");
        let user = fs::metadata(world.path("vault/data")).unwrap();
        let command = format!("sudo chown {} '{}'", std::os::unix::fs::MetadataExt::uid(&user), keystore.display());
        assert!(!is_well && status == "wrong" && *repair == command, "{mode:o}: {repair}");
    }
}

#[test]
fn files_of_another_owner_are_named_with_the_command_that_gives_them_back() {
    let Some(world) = World::enrolled().for_a_user() else { return };
    world.line(&format!("exec {PROFILE} --no-session -- true")).run().succeeded();
    let user = std::os::unix::fs::MetadataExt::uid(&fs::metadata(world.path("vault/data")).unwrap());
    for file in ["config.toml", "data/keystore.choice", "data/index.lock", "state/uses", "state/audit.jsonl"] {
        let path = world.path("vault").join(file);
        if !path.exists() {
            fs::write(&path, "").unwrap();
        }
        if std::os::unix::fs::chown(&path, Some(0), None).is_err() {
            return;
        }
        for mode in [0o600, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let (is_well, seen) = found(&world, " --offline");
            let words = format!("{} is not safe to use: it is owned by another user (uid 0)", path.display());
            let (status, _, repair) = finding(&seen, &words);
            let command = format!("sudo chown {user} '{}'", path.display());
            assert!(!is_well && status == "wrong" && *repair == command, "{file} {mode:o}: {repair}");
            assert!(!seen.iter().any(|(_, finding, _)| finding.contains("has mode 0666")), "{file}: {seen:?}");
        }
        world.give(&path);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(found(&world, " --offline").0);
}

/// A script with the world's folder on a disk of its own: read-only, or full. Nothing where the kernel does not allow it.
fn on_a_disk(world: &World, mount: &str, script: &str) -> Option<Ran> {
    if !programs::installed(&["unshare"]) {
        return None;
    }
    let run = |script: &str| {
        let mut command = world.program("unshare");
        command.args(if rustix::process::geteuid().is_root() { &["-m"][..] } else { &["-rm"] });
        command.args(["sh", "-c", script]).env("WORLD", world.folder()).current_dir("/");
        for variable in ["MFAVAULT_HOME", "MFAVAULT_KEYSTORE"] {
            command.env_remove(variable);
        }
        command.env("XDG_DATA_HOME", world.path("it's data")).run()
    };
    if !run(mount).status.success() {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: no disk of its own can be had here\n");
        return None;
    }
    Some(run(&format!("{mount} && {script}")))
}

/// With the vault where it is without `MFAVAULT_HOME`, and a setting that is needed.
fn in_the_default_folders() -> World {
    let world = World::enrolled();
    let (data, state, config) = (
        world.path("it's data/mfavault"),
        world.path("home/.local/state/mfavault"),
        world.path("home/.config/mfavault"),
    );
    for (from, to) in [("vault/data", &data), ("vault/state", &state)] {
        fs::create_dir_all(world.path(from)).unwrap();
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(world.path(from), to).unwrap();
    }
    fs::remove_file(data.join("keystore.choice")).unwrap();
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), "keystore = \"file\"\n").unwrap();
    for folder in [&state, &config] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    }
    fs::set_permissions(config.join("config.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    world
}

#[test]
fn a_disk_that_is_read_only_is_a_finding_and_the_way_off_it_that_is_told_works() {
    let world = in_the_default_folders();
    let mount = r#"mount --bind "$WORLD" "$WORLD" && mount -o remount,bind,ro "$WORLD""#;
    let run = |script: &str| on_a_disk(&world, mount, script);
    let Some(doctor) = run("mfavault doctor --offline") else { return };
    let words = format!("wrong  files     cannot write to {}", world.path("it's data/mfavault").display());
    assert!(!doctor.status.success() && doctor.stdout.contains(&words), "{}", doctor.stdout);
    let refused = run("mfavault code alice").unwrap();
    let way = |text: &str| text.split('`').find(|part| part.contains("cp -a")).map(str::to_owned);
    let told = way(&refused.stderr).unwrap_or_else(|| panic!("{}", refused.stderr));
    assert_eq!(way(&doctor.stdout), Some(told.clone()));
    let other = tempfile::tempdir().unwrap();
    let script =
        format!("cd '{}' && {told} && mfavault code alice && mfavault doctor --offline", other.path().display());
    let ran = run(&script).unwrap();
    let code = ran.stdout.lines().next().unwrap_or_default();
    assert!(code.len() == 6 && code.parse::<u32>().is_ok() && ran.status.success(), "{told}\n{ran:?}");
}

#[test]
fn a_full_disk_is_a_finding() {
    let world = in_the_default_folders();
    let mount = r#"mkdir -m 700 /tmp/.full-$$ && mount -t tmpfs -o size=1m,mode=700 none /tmp/.full-$$ &&
        cp -a "$WORLD"/. /tmp/.full-$$ && mount --move /tmp/.full-$$ "$WORLD" && rmdir /tmp/.full-$$"#;
    let Some(ran) = on_a_disk(&world, mount, r#"cat /dev/zero > "$WORLD/fill" 2>/dev/null; mfavault doctor --offline"#)
    else {
        return;
    };
    let wrong = ran.stdout.lines().find(|line| line.starts_with("wrong"));
    assert!(!ran.status.success() && wrong.is_some_and(|line| line.contains("o space left on device")), "{ran:?}");
    assert!(ran.stdout.contains("repair: free some space"), "{}", ran.stdout);
}
