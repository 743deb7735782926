//! `import` with the real stores of aws-vault: a GNOME Keyring, the program `pass` with GnuPG, and files that its own
//! library sealed; and that nothing of a key shows.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::STANDARD};

use super::world::{Run, World, files};
use crate::{keystore_contract::os::Session, support::programs};

const COLLECTION: &str = "/org/freedesktop/secrets/collection/awsvault";
const PASSPHRASE: &str = "correct horse battery staple";

/// The JSON of an item as aws-vault stores it.
fn item(world: &World, name: &str, user: &str) -> String {
    let key = world.key(user);
    let value = serde_json::json!({
        "AccessKeyID": key.access_key_id.as_str(), "SecretAccessKey": key.secret_access_key.expose(), "SessionToken": "",
        "Source": "", "CanExpire": false, "Expires": "0001-01-01T00:00:00Z", "AccountID": "",
    });
    let item = serde_json::json!({
        "Key": name, "Data": STANDARD.encode(value.to_string()), "Label": format!("aws-vault ({name})"),
        "Description": "", "KeychainNotTrustApplication": true, "KeychainNotSynchronizable": false,
    });
    item.to_string()
}

fn assert_nothing_shows(world: &World, said: &str) {
    for user in ["alice", "admin"] {
        let key = world.key(user);
        for secret in [key.access_key_id.as_str(), key.secret_access_key.expose()] {
            assert!(!said.contains(secret) && !said.contains(&STANDARD.encode(secret)), "{said}");
        }
    }
}

fn secret_tool(world: &World, session: &Session, arguments: &[&str]) -> Command {
    let mut command = world.program("secret-tool");
    session.environment(command.args(arguments));
    command
}

#[test]
fn items_of_the_secret_service_come_in_and_go() {
    if !programs::installed(&["secret-tool"]) {
        return;
    }
    let Some(session) = Session::with_keyring_of(&["awsvault"]) else { return };
    let world = World::empty();
    for (name, content) in [
        ("main", item(&world, "main", "alice")),
        ("team/dev", item(&world, "team/dev", "admin")),
        ("sts.GetSessionToken,bWFpbg,,1700000000", "{}".to_owned()),
    ] {
        let arguments = ["store", "-c", COLLECTION, "--label", name, "profile", name];
        secret_tool(&world, &session, &arguments).run_with(&content).succeeded();
    }
    let import = |more: &str| {
        let mut command = world.line(&format!("import aws-vault {more}"));
        session.environment(&mut command);
        command.run()
    };
    let ran = import("--dry-run").succeeded();
    assert!(ran.stderr.contains("new      main: ****") && ran.stderr.contains("1 session"), "{ran:?}");
    let ran = import("--yes --remove-source --backend secret-service").succeeded();
    assert!(ran.stderr.contains("took it out of aws-vault's collection `awsvault`"), "{ran:?}");
    assert_nothing_shows(&world, &format!("{}{}", ran.stdout, ran.stderr));
    world.in_vault(|vault| {
        let key = |profile: &str| vault.key(&profile.parse().unwrap()).unwrap().unwrap().credentials;
        assert_eq!((key("main"), key("team/dev")), (world.key("alice"), world.key("admin")));
    });
    let found = |name: &str| secret_tool(&world, &session, &["lookup", "profile", name]).run().stdout;
    assert_eq!((found("main"), found("team/dev")), (String::new(), String::new()));
    assert_eq!(found("sts.GetSessionToken,bWFpbg,,1700000000"), "{}");
    import("--yes --backend secret-service").refused(1, &["no access key in it"]);
}

#[test]
fn a_locked_collection_is_not_taken_for_an_empty_one() {
    if !programs::installed(&["secret-tool", "dbus-send"]) {
        return;
    }
    let Some(session) = Session::with_keyring() else { return };
    let world = World::empty();
    let arguments = ["store", "--label", "main", "profile", "main"];
    secret_tool(&world, &session, &arguments).run_with(&item(&world, "main", "alice")).succeeded();
    let import = |more: &str| {
        let mut command = world.line(&format!("--no-input import aws-vault {more}"));
        session.environment(&mut command);
        command.env("AWS_VAULT_SECRET_SERVICE_COLLECTION_NAME", "login").run()
    };
    import("--dry-run").succeeded();
    let mut lock = world.program("dbus-send");
    lock.args(["--session", "--print-reply", "--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"]);
    lock.args(["org.freedesktop.Secret.Service.Lock", "array:objpath:/org/freedesktop/secrets/collection/login"]);
    session.environment(&mut lock);
    lock.run().succeeded();
    import("--dry-run --backend secret-service").refused(1, &["`login`", "locked", "unlock it"]);
    let ran = import("--dry-run").refused(1, &["no access key in it"]);
    assert!(ran.stderr.contains("what is in it was not looked at"), "{ran:?}");
}

#[test]
fn without_a_secret_service_only_who_names_it_is_refused() {
    let world = World::empty();
    world.line("import aws-vault --backend secret-service").run().refused(1, &["Secret Service", "--backend file"]);
    let ran = world.line("import aws-vault").run().refused(1, &["no access key in it"]);
    assert!(ran.stderr.contains("unavailable") && ran.stderr.contains("what is in it was not looked at"), "{ran:?}");
    assert!(ran.stderr.contains("nothing of aws-vault was found in the collection `awsvault`"), "{ran:?}");
    assert!(ran.stderr.contains(".awsvault/keys") && !ran.stderr.contains("password store"), "{ran:?}");
}

/// A password store with a key that nobody else has. GnuPG's agent is ended when dropped.
struct Store<'w> {
    world: &'w World,
    gnupg: PathBuf,
}

impl<'w> Store<'w> {
    fn new(world: &'w World) -> Self {
        let store = Store { world, gnupg: world.path("gnupg") };
        fs::create_dir(&store.gnupg).unwrap();
        fs::set_permissions(&store.gnupg, fs::Permissions::from_mode(0o700)).unwrap();
        let key = ["--batch", "--passphrase", "", "--quick-generate-key", "tester", "default", "default", "never"];
        store.program("gpg", &key).run().succeeded();
        store.program("pass", &["init", "tester"]).run().succeeded();
        store
    }

    fn with<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("GNUPGHOME", &self.gnupg).env("PASSWORD_STORE_DIR", self.world.path("store"))
    }

    fn program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = self.world.program(program);
        self.with(command.args(arguments));
        command
    }

    fn insert(&self, name: &str, content: &str) {
        self.program("pass", &["insert", "-m", "-f", name]).run_with(content).succeeded();
    }

    fn has(&self, name: &str) -> bool {
        self.world.path("store").join(format!("{name}.gpg")).exists()
    }
}

impl Drop for Store<'_> {
    fn drop(&mut self) {
        self.program("gpgconf", &["--kill", "all"]).run();
    }
}

#[test]
fn items_of_the_password_store_come_in_and_go_and_no_other_entry_is_opened() {
    if !programs::installed(&["pass", "gpg", "gpgconf"]) {
        return;
    }
    let world = World::empty();
    let store = Store::new(&world);
    store.insert("aws/main", &item(&world, "main", "alice"));
    store.insert("aws/team/dev", &item(&world, "team/dev", "admin"));
    store.insert("aws/session,bWFpbg,,1700000000", "{}");
    store.insert("admin", &item(&world, "admin", "admin"));
    store.insert("bank", "hunter2hunter2");
    let import = |more: &str, prefix: &str| {
        let mut command = world.line(&format!("import aws-vault {more}"));
        store.with(&mut command).env("AWS_VAULT_PASS_PREFIX", prefix).run()
    };
    import("", "").refused(1, &["no access key in it"]);
    let ran = import("--yes --remove-source", "aws").succeeded();
    assert!(
        ran.stderr.contains("aws-vault's part of the password store") && ran.stderr.contains("1 session"),
        "{ran:?}"
    );
    assert_nothing_shows(&world, &format!("{}{}", ran.stdout, ran.stderr));
    assert!(!store.has("aws/main") && !store.has("aws/team/dev") && store.has("aws/session,bWFpbg,,1700000000"));
    assert!(store.has("admin") && store.has("bank"));

    // Without a prefix, only what is called as a profile is: `admin` is one of the AWS config, `bank` is none.
    let ran = import("--yes --backend pass --keep-source", "").succeeded();
    assert!(ran.stderr.contains("new      admin: ****") && ran.stderr.contains("were not opened"), "{ran:?}");
    assert!(!ran.stderr.contains("bank") && store.has("admin"), "{ran:?}");
    let ran = import("--yes --backend pass --profile bank", "").refused(1, &["no access key in it"]);
    assert!(ran.stderr.contains("skipped  bank: it is no item of aws-vault"), "{ran:?}");
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
    world.in_vault(|vault| {
        let key = |profile: &str| vault.key(&profile.parse().unwrap()).unwrap().unwrap().credentials;
        assert_eq!(
            (key("main"), key("team/dev"), key("admin")),
            (world.key("alice"), world.key("admin"), world.key("admin"))
        );
    });
}

#[test]
fn a_program_named_pass_in_the_current_folder_is_not_run() {
    let world = World::empty();
    let (trap, store) = (world.path("home/pass"), world.path("store"));
    fs::write(&trap, "#!/bin/sh\ntouch \"$0.ran\"\n").unwrap();
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(&store).unwrap();
    fs::write(store.join("main.gpg"), "not encrypted").unwrap();
    let mut command = world.line("import aws-vault --backend pass --dry-run");
    let path = format!(".::{}", programs::path().to_str().unwrap());
    command.env("PASSWORD_STORE_DIR", &store).env("PATH", path).env("GNUPGHOME", world.path("none"));
    command.run();
    assert!(!world.path("home/pass.ran").exists());
}

#[test]
fn what_pass_starts_is_not_looked_for_in_the_current_folder_and_asks_nobody_when_we_may_not() {
    let world = World::empty();
    let (folder, store) = (world.path("bin"), world.path("store"));
    for folder in [&folder, &store] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(folder.join("pass"), "#!/bin/sh\nenv > \"$0.env\"\n").unwrap();
    fs::set_permissions(folder.join("pass"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(store.join("main.gpg"), "not encrypted").unwrap();
    let mut command = world.line("--no-input import aws-vault --backend pass --profile main --dry-run");
    let path = format!(".::bin:{}:{}", folder.display(), programs::path().to_str().unwrap());
    command.env("PASSWORD_STORE_DIR", &store).env("PATH", path).env("AWS_VAULT_FILE_PASSPHRASE", PASSPHRASE);
    command.run();
    let seen = fs::read_to_string(folder.join("pass.env")).unwrap();
    let path = seen.lines().find_map(|line| line.strip_prefix("PATH=")).unwrap();
    assert!(path.split(':').all(|folder| folder.starts_with('/')), "{path}");
    assert!(seen.contains("--pinentry-mode error") && !seen.contains(PASSPHRASE), "{seen}");
}

#[test]
fn encrypted_files_come_in_by_the_passphrase_and_nothing_of_it_shows() {
    let world = World::empty();
    let folder = world.path("keys");
    fs::create_dir(&folder).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/aws_vault/keys");
    for name in ["prod", "team%2Fdev"] {
        fs::copy(fixtures.join(name), folder.join(name)).unwrap();
    }
    let import = |more: &str| world.line(&format!("import aws-vault --file-dir {} {more}", folder.display()));
    import("--yes").run().refused(1, &["AWS_VAULT_FILE_PASSPHRASE"]);
    let refused = import("--yes").env("AWS_VAULT_FILE_PASSPHRASE", "hunter2hunter2").run();
    let refused = refused.refused(1, &["the passphrase opens none of the files"]);
    assert!(!refused.stderr.contains("hunter2"));
    let ran = import("--yes --no-verify -vvv").env("AWS_VAULT_FILE_PASSPHRASE", PASSPHRASE).run().succeeded();
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for secret in ["wJalrXUtnFEMI", "je7MtGbClwBF", "AKIAIOSFODNN7EXAMPLE", PASSPHRASE] {
        assert!(!said.contains(secret), "{said}");
        for path in files(&world.path("vault")).into_iter().filter(|path| path.is_file()) {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{}", path.display());
        }
    }
    assert!(ran.stdout.is_empty() && folder.join("prod").exists(), "without a wish and a person they stay");
    let document = world.line("export prod --no-session --format json").run().succeeded().json();
    assert_eq!(document["SecretAccessKey"], "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
}

#[test]
fn on_a_terminal_the_passphrase_is_hidden_and_both_questions_are_asked() {
    let world = World::empty();
    let folder = world.path("keys");
    fs::create_dir(&folder).unwrap();
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/aws_vault/keys/prod"), folder.join("prod"))
        .unwrap();
    let mut command = world.program(super::world::MFAVAULT);
    command.args(["import", "aws-vault", "--no-verify", "--file-dir"]).arg(&folder);
    let mut terminal = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
    terminal.exp_string("Passphrase of aws-vault's files in ").unwrap();
    terminal.send_line(PASSPHRASE).unwrap();
    let mut shown = terminal.exp_string("Import it?").unwrap();
    terminal.send_line("y").unwrap();
    shown.push_str(&terminal.exp_string("Take it out of aws-vault's files in ").unwrap());
    terminal.send_line("y").unwrap();
    shown.push_str(&terminal.exp_eof().unwrap());
    assert!(!shown.contains(PASSPHRASE) && shown.contains("stored 1 key"), "{shown}");
    assert!(!folder.join("prod").exists(), "{shown}");
}

#[test]
fn a_csv_is_taken_in_and_deleted() {
    let world = World::empty();
    let key = world.key("alice");
    let (id, secret) = (key.access_key_id, key.secret_access_key);
    let file = world.path("accessKeys.csv");
    fs::write(&file, format!("Access key ID,Secret access key\n{id},{}\n", secret.expose())).unwrap();
    let import = |more: &str| world.line(&format!("import csv {} {more}", file.display())).run();
    import("--yes").refused(1, &["--profile"]);
    let ran = import("--yes --profile main --remove-source").succeeded();
    assert!(ran.stderr.contains("stored 1 key") && !file.exists(), "{ran:?}");
    assert_nothing_shows(&world, &ran.stderr);
    world.line("whoami main --no-session").run().succeeded();
}
