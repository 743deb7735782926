//! Files of ours that hold something else than they should, and texts of others that would deceive: said for what they
//! are, with a hint that mends it.

use std::{fs, path::PathBuf, time::SystemTime};

use mfavault::{
    backup_file::{self, Recipient},
    mfa::{CodeSettings, Seed, VirtualMfaDevice},
    vault::{DeviceRecord, Snapshot},
    visible::is_unseen,
};

use super::world::{Ran, Run, World, files};

/// The hint of a refusal.
fn hint(ran: &Ran) -> &str {
    ran.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_else(|| panic!("no hint: {ran:?}"))
}

#[track_caller]
fn is_clean(ran: &Ran) {
    let unseen = |text: &str| text.chars().any(|character| character != '\n' && is_unseen(character));
    assert!(!unseen(&ran.stdout) && !unseen(&ran.stderr), "{ran:?}");
}

#[test]
fn a_damaged_ledger_gives_no_code_until_it_is_deleted() {
    let world = World::enrolled();
    world.line("code alice").run().succeeded();
    let ledgers = files(&world.path("vault/state"));
    let ledger = ledgers.iter().find(|path| path.extension().is_some_and(|extension| extension == "json")).unwrap();
    fs::write(ledger, "{").unwrap();
    let ran = world.line("code alice").run().refused(1, &["the ledger"]);
    assert!(hint(&ran).starts_with(&format!("delete {};", ledger.display())), "{ran:?}");
    fs::remove_file(ledger).unwrap();
    world.line("code alice").run().succeeded();
}

#[test]
fn an_unknown_choice_of_keystore_is_an_error_and_no_other_keystore_is_begun() {
    let world = World::with_keys();
    let choice = world.path("vault/data/keystore.choice");
    let list = || {
        let mut command = world.line("list --json");
        command.env_remove("MFAVAULT_KEYSTORE").run()
    };
    list().succeeded();
    for content in [&b"cloud\n"[..], b"", b"\xff\x1b[2J"] {
        fs::write(&choice, content).unwrap();
        let ran = list().refused(1, &["keystore.choice", "none of os, file, pass, helper", "--keystore"]);
        is_clean(&ran);
        world.line("list --keystore file").run().succeeded();
    }
    fs::write(&choice, "file").unwrap();
    list().succeeded();
}

#[test]
fn a_backup_whose_texts_would_deceive_is_refused() {
    let world = World::with_keys();
    let file = |name: &str| -> PathBuf {
        let device = VirtualMfaDevice {
            name: name.to_owned(),
            serial_number: None,
            issuer: None,
            account: "alice".to_owned(),
            seed: Seed::from_bytes(vec![7; 20]).unwrap(),
            settings: CodeSettings::AWS,
            counter: None,
        };
        let added = SystemTime::UNIX_EPOCH;
        let record = DeviceRecord::new(device, None, "a stranger", added);
        let snapshot = Snapshot { generation: 0, created: added, devices: vec![record], keys: Vec::new() };
        let recipients = [Recipient::passphrase("pass".into())];
        let path = world.path("home/hostile.age");
        fs::write(&path, backup_file::encrypt(&snapshot.to_bytes(), &recipients).unwrap()).unwrap();
        path
    };
    fs::write(world.path("home/passphrase"), "pass\n").unwrap();
    for name in ["alice\u{1b}[2J", "alice\nbob", "ecila\u{202e}", "alice\u{200b}"] {
        file(name);
        for command in ["verify", "restore --yes"] {
            let line = format!("backup {command} hostile.age --passphrase-file passphrase");
            is_clean(&world.line(&line).run().refused(1, &["direction-changing"]));
        }
    }
    file("alice");
    world.line("backup restore --yes hostile.age --passphrase-file passphrase").run().succeeded();
    world.line("code alice").run().succeeded();
}

#[test]
fn a_new_device_gets_no_name_that_would_deceive() {
    let world = World::empty();
    for name in ["ecila\u{202e}", "alice\u{200b}", "a\u{1b}[2J"] {
        let ran = world.mfavault(["mfa", "import", name, "--stdin"]).run_with("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
        is_clean(&ran.refused(1, &["direction-changing"]));
    }
    let uri = "otpauth://totp/Example:bob%E2%80%AEecila?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    is_clean(&world.line("mfa import --stdin").run_with(uri).refused(1, &["direction-changing"]));
    assert!(!world.path("vault/data/keystore").exists());
}

#[test]
fn texts_of_a_changed_index_cannot_steer_a_terminal_and_stay_true_in_json() {
    let world = World::enrolled();
    let path = world.path("vault/data/index.file.json");
    let mut index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let hostile = "evil\u{1b}[2J\u{9b}2J\nrow\u{202e}\u{200b}";
    let mut entry = index["devices"]["alice"].clone();
    for field in ["issuer", "account", "provenance"] {
        entry[field] = hostile.into();
    }
    index["devices"][hostile] = entry;
    fs::write(&path, index.to_string()).unwrap();
    for arguments in [&["mfa", "list"][..], &["mfa", "show", hostile], &["list"]] {
        is_clean(&world.mfavault(arguments.iter().copied()).run().succeeded());
    }
    assert_eq!(world.line("mfa list").run().succeeded().stdout.lines().count(), 3);
    for arguments in [&["mfa", "list", "--json"][..], &["mfa", "show", hostile, "--json"]] {
        let ran = world.mfavault(arguments.iter().copied()).run().succeeded();
        is_clean(&ran);
        assert!(ran.json().to_string().contains(&serde_json::to_string(hostile).unwrap()), "{ran:?}");
    }
}

#[test]
fn keys_in_plain_text_are_taken_into_the_vault_from_where_they_stand() {
    let world = World::with_keys();
    let pair = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n";
    fs::write(world.path("credentials"), format!("[main]\n{pair}")).unwrap();
    let ran = world.line("setup main --yes").run().refused(1, &["credentials:2"]);
    assert!(hint(&ran).contains("mfavault add main --from-credentials-file"), "{ran:?}");
    fs::write(world.path("credentials"), "").unwrap();
    world.configure("[profile main]\n", &format!("[profile main]\n{pair}"));
    let ran = world.line("setup main --yes").run().refused(1, &["config:2"]);
    assert!(!hint(&ran).contains("--from-credentials-file"), "{ran:?}");
    assert!(hint(&ran).contains("mfavault add main") && hint(&ran).contains("delete them"), "{ran:?}");
}
