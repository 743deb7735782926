//! Our files in the hands of the stock tools, and theirs in ours: `age`, `ssh-keygen`, `zbarimg`, a browser.
//!
//! Where a tool is not installed its tests say so and pass, save on CI, where they fail.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use mfavault::{
    backup_file::{self, BackupFileError, Identity, Recipient},
    commands::{
        backup::{Opening, create, sheet},
        mfa::import,
    },
    mfa::qr,
    secret::SecretBytes,
};
use rexpect::session::spawn_command;

use crate::support::{
    bench::{Bench, import_of},
    programs,
};

const CONTENT: &[u8] = b"the seeds of all devices\n";

fn content() -> SecretBytes {
    SecretBytes::from(CONTENT.to_vec())
}

#[allow(clippy::disallowed_methods, reason = "tests are run by the environment of CI")]
fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "CI lacks `{program}`");
    if !found {
        let _ = writeln!(std::io::stderr(), "skipped: `{program}` is not installed");
    }
    found
}

fn run(program: &str, arguments: &[&str], folder: &Path) -> Vec<u8> {
    let output = Command::new(program).args(arguments).current_dir(folder).output().expect("the tool runs");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn file(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).expect("a file")
}

fn public_key(folder: &Path, name: &str) -> Recipient {
    String::from_utf8(file(folder, name)).expect("text").parse().expect("a recipient")
}

#[test]
fn age_and_we_open_each_others_files_with_age_keys() {
    if !installed("age") || !installed("age-keygen") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    run("age-keygen", &["-o", "key"], folder);
    let public = String::from_utf8(run("age-keygen", &["-y", "key"], folder)).expect("text");
    let identities = Identity::read_file(&file(folder, "key").into(), None).expect("identities");

    let ours = backup_file::encrypt(&content(), &[public.parse().expect("a recipient")]).expect("encrypted");
    std::fs::write(folder.join("ours"), ours).expect("written");
    assert_eq!(run("age", &["-d", "-i", "key", "ours"], folder), CONTENT);

    std::fs::write(folder.join("plain"), CONTENT).expect("written");
    for armor in [&[][..], &["-a"]] {
        let arguments = [armor, &["-r", public.trim(), "plain"]].concat();
        let theirs = run("age", &arguments, folder);
        assert_eq!(backup_file::decrypt(&theirs, &identities).expect("decrypted").expose(), CONTENT);
    }
}

#[test]
fn age_and_we_open_each_others_files_with_ssh_keys() {
    if !installed("age") || !installed("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    std::fs::write(folder.join("plain"), CONTENT).expect("written");
    for kind in ["ed25519", "rsa"] {
        run("ssh-keygen", &["-q", "-t", kind, "-N", "", "-f", kind], folder);
        let public = format!("{kind}.pub");
        let identities = Identity::read_file(&file(folder, kind).into(), None).expect("identities");

        let ours = backup_file::encrypt(&content(), &[public_key(folder, &public)]).expect("encrypted");
        std::fs::write(folder.join("ours"), ours).expect("written");
        assert_eq!(run("age", &["-d", "-i", kind, "ours"], folder), CONTENT);

        let theirs = run("age", &["-R", &public, "plain"], folder);
        assert_eq!(backup_file::decrypt(&theirs, &identities).expect("decrypted").expose(), CONTENT);
    }
}

#[test]
fn an_ssh_key_with_a_passphrase_opens_with_that_passphrase_only() {
    if !installed("ssh-keygen") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "right", "-f", "key"], folder);
    let key: SecretBytes = file(folder, "key").into();
    let backup = backup_file::encrypt(&content(), &[public_key(folder, "key.pub")]).expect("encrypted");

    let identities = Identity::read_file(&key, Some(&"right".into())).expect("identities");
    assert_eq!(backup_file::decrypt(&backup, &identities).expect("decrypted").expose(), CONTENT);
    let wrong = Identity::read_file(&key, Some(&"wrong".into()));
    assert!(matches!(wrong, Err(BackupFileError::WrongIdentityPassphrase)));
    assert!(matches!(Identity::read_file(&key, None), Err(BackupFileError::IdentityNeedsPassphrase)));

    run("ssh-keygen", &["-q", "-t", "ecdsa", "-N", "", "-f", "other"], folder);
    let other = Identity::read_file(&file(folder, "other").into(), None);
    assert!(matches!(other, Err(BackupFileError::UnsupportedKey)), "{other:?}");
}

/// `age` on a terminal of its own, where the passphrase is typed so many times.
fn age_with_passphrase(arguments: &[&str], questions: usize, folder: &Path) {
    let mut command = Command::new("age");
    command.args(arguments).current_dir(folder);
    let mut terminal = spawn_command(command, Some(20_000)).expect("age runs");
    for _ in 0..questions {
        terminal.exp_string("passphrase").expect("a question");
        terminal.exp_string(":").expect("a question");
        terminal.send_line("correct horse").expect("an answer");
    }
    terminal.exp_eof().expect("the end");
    terminal.process().wait().expect("age ends");
}

#[test]
fn age_and_we_open_each_others_files_with_a_passphrase() {
    if !installed("age") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let age = |arguments: &[&str], questions| age_with_passphrase(arguments, questions, folder);

    let ours = backup_file::encrypt(&content(), &[Recipient::passphrase("correct horse".into())]).expect("encrypted");
    std::fs::write(folder.join("ours"), ours).expect("written");
    age(&["-d", "-o", "opened", "ours"], 1);
    assert_eq!(file(folder, "opened"), CONTENT);

    std::fs::write(folder.join("plain"), CONTENT).expect("written");
    age(&["-p", "-o", "theirs", "plain"], 2);
    let passphrase = [Identity::passphrase("correct horse".into())];
    let opened = backup_file::decrypt(&file(folder, "theirs"), &passphrase).expect("decrypted");
    assert_eq!(opened.expose(), CONTENT);
}

#[test]
fn zbar_reads_what_we_draw() {
    if !installed("zbarimg") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let text = "otpauth://totp/Amazon%20Web%20Services:alice@123456789012?\
        secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Amazon%20Web%20Services";
    let picture = qr::png(&text.into()).expect("a picture");
    std::fs::write(folder.path().join("code.png"), picture.expose()).expect("written");
    let read = run("zbarimg", &["--quiet", "--raw", "code.png"], folder.path());
    assert_eq!(String::from_utf8_lossy(&read).trim_end(), text);
}

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// Takes a seed or URI in.
fn import(bench: &Bench, name: &str, text: &str) {
    let (name, from) = (Some(name.to_owned()), import::From::Text(text.into()));
    let arguments = import::Arguments { name, ..import_of(from) };
    bench.run(|context| import::run(context, arguments)).expect("imported");
}

/// Runs `backup create` with one seed in the vault.
fn back_up(bench: &Bench, file: &str, change: impl FnOnce(&mut create::Arguments)) {
    let (file, recipients, opening) = (bench.path(file), Vec::new(), Opening::default());
    let mut arguments =
        create::Arguments { file, recipients, opening, split: None, with_keys: false, overwrite: false };
    change(&mut arguments);
    bench.run(|context| create::run(context, arguments)).expect("a backup");
}

#[track_caller]
fn assert_backup(opened: &[u8]) {
    let content: serde_json::Value = serde_json::from_slice(opened).expect("JSON");
    assert_eq!(content["devices"][0]["seed"], SEED, "{content:#}");
}

#[test]
fn age_opens_the_backups_that_we_write() {
    if !programs::installed(&["age", "age-keygen", "ssh-keygen"]) {
        return;
    }
    let bench = Bench::empty(|_| {});
    import(&bench, "alice", SEED);
    let folder = bench.path("tools");
    std::fs::create_dir(&folder).expect("a folder");

    back_up(&bench, "tools/by-passphrase", |arguments| arguments.opening.passphrase = Some("correct horse".into()));
    age_with_passphrase(&["-d", "-o", "opened", "by-passphrase"], 1, &folder);
    assert_backup(&file(&folder, "opened"));

    run("age-keygen", &["-o", "x25519"], &folder);
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "ed25519"], &folder);
    let public = [run("age-keygen", &["-y", "x25519"], &folder), file(&folder, "ed25519.pub")];
    let public = public.map(|key| String::from_utf8(key).expect("text"));
    back_up(&bench, "tools/by-key", |arguments| arguments.recipients = public.to_vec());
    for key in ["x25519", "ed25519"] {
        assert_backup(&run("age", &["-d", "-i", key, "by-key"], &folder));
    }
}

#[test]
fn shares_are_joined_without_us_by_the_program_of_the_manual() {
    if !programs::installed(&["age", "python3", "sed"]) {
        return;
    }
    let bench = Bench::empty(|_| {});
    import(&bench, "alice", SEED);
    let folder = bench.path("tools");
    std::fs::create_dir(&folder).expect("a folder");
    let manual = include_str!("../docs/storage-format.md");
    let (_, program) = manual.split_once("```python\n").expect("a program");
    let (program, _) = program.split_once("```").expect("its end");
    std::fs::write(folder.join("join.py"), program).expect("written");

    back_up(&bench, "tools/mfa", |arguments| arguments.split = Some("3/5".parse().expect("a split")));
    for [first, second, third] in [["1", "2", "3"], ["5", "3", "1"], ["4", "2", "5"]] {
        let files = [first, second, third].map(|number| format!("mfa.{number}-of-5.txt"));
        let key = run("python3", &["join.py", &files[0], &files[1], &files[2]], &folder);
        assert!(key.starts_with(b"AGE-SECRET-KEY-1"));
        std::fs::write(folder.join("key"), key).expect("written");
        std::fs::write(folder.join("sealed"), run("sed", &["-n", "/^-----BEGIN AGE/,$p", &files[0]], &folder))
            .expect("written");
        assert_backup(&run("age", &["-d", "-i", "key", "sealed"], &folder));
    }
    let sum = "grep -v '^sha256: ' mfa.1-of-5.txt | sha256sum | cut -c1-64";
    let sum = String::from_utf8(run("sh", &["-c", sum], &folder)).expect("text");
    assert!(String::from_utf8(file(&folder, "mfa.1-of-5.txt")).expect("text").contains(&format!("\nsha256: {sum}")));
}

/// What makes a page hard: many devices, long texts, other settings, marks of HTML.
const DEVICES: [(&str, &str); 6] = [
    (
        "alice",
        "otpauth://totp/Amazon%20Web%20Services:alice@111122223333?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Amazon%20Web%20Services",
    ),
    ("other", "otpauth://totp/Example:bob?secret=JBSWY3DPEHPK3PXP&issuer=Example&algorithm=SHA512&digits=8&period=60"),
    ("counted", "otpauth://hotp/Example:carol?secret=JBSWY3DPEHPK3PXP&issuer=Example&counter=7"),
    (
        "<b>M\u{fc}ller & \u{65e5}\u{672c}</b>",
        "otpauth://totp/M%C3%BCller%20%26%20%E6%97%A5%E6%9C%AC:%3Cb%3E?secret=JBSWY3DPEHPK3PXP",
    ),
    ("second", "otpauth://totp/dave?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
    ("third", "otpauth://totp/erin?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"),
];

#[test]
fn every_code_of_a_sheet_is_read_from_the_browsers_picture_and_from_paper() {
    if !programs::installed(&["chromium", "pdftoppm", "timeout", "zbarimg"]) {
        return;
    }
    let bench = Bench::empty(|_| {});
    DEVICES.iter().for_each(|(name, uri)| import(&bench, name, uri));
    let long = format!("otpauth://totp/long?secret={}", SEED.repeat(50));
    import(&bench, "long", &long);
    let folder = bench.path("page");
    std::fs::create_dir(&folder).expect("a folder");
    let file = folder.join("sheet.html");
    let arguments = sheet::Arguments { file: file.clone(), names: Vec::new(), confirmed: true, overwrite: false };
    bench.run(|context| sheet::run(context, &arguments)).expect("a sheet");
    let page = std::fs::read_to_string(&file).expect("a page");
    let uris = DEVICES.map(|(name, _)| name).into_iter().chain(["long"]).map(|name| {
        let device = bench.device(name).expect("a device").device;
        mfavault::mfa::uri::OtpauthUri::of(&device).to_uri().expose().clone()
    });
    let mut expected: Vec<String> = uris.collect();
    expected.sort();

    browse(&folder, &["--hide-scrollbars", "--window-size=900,3600", "--screenshot=page.png"], "sheet.html");
    assert_eq!(codes(&folder, &["page.png".to_owned()]), expected);
    for size in ["A4", "Letter"] {
        let sized = page.replacen("@page {", &format!("@page {{ size: {size};"), 1);
        std::fs::write(folder.join("sized.html"), sized).expect("written");
        browse(&folder, &["--no-pdf-header-footer", "--print-to-pdf=page.pdf"], "sized.html");
        run("pdftoppm", &["-r", "100", "-png", "page.pdf", size], &folder);
        let names = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file").file_name());
        let pages: Vec<String> =
            names.filter_map(|name| name.into_string().ok()).filter(|name| name.starts_with(size)).collect();
        assert!((2..=4).contains(&pages.len()), "{pages:?}");
        assert_eq!(codes(&folder, &pages), expected, "{size}");
    }
}

/// A browser without a window, a network or a past.
fn browse(folder: &Path, arguments: &[&str], page: &str) {
    let mut command = Command::new("timeout");
    command.args(["60", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.arg(format!("--user-data-dir={}", folder.join("browser").display())).args(arguments);
    command.arg(format!("file://{}", folder.join(page).display())).current_dir(folder).env("HOME", folder);
    let output = command.output().expect("the browser runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The texts of all codes in these pictures.
fn codes(folder: &Path, pictures: &[String]) -> Vec<String> {
    let arguments: Vec<&str> = ["--quiet", "--raw"].into_iter().chain(pictures.iter().map(String::as_str)).collect();
    let read = String::from_utf8(run("zbarimg", &arguments, folder)).expect("text");
    let mut texts: Vec<String> = read.lines().map(str::to_owned).collect();
    texts.sort();
    texts
}
