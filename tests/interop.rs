//! Our files in the hands of the stock tools, and theirs in ours: `age`, `ssh-keygen`, `zbarimg`.
//!
//! Where a tool is not installed its tests say so and pass, save on CI, where they fail.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use mfavault::{
    backup_file::{self, BackupFileError, Identity, Recipient},
    mfa::qr,
    secret::SecretBytes,
};
use rexpect::session::spawn_command;

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

#[test]
fn age_and_we_open_each_others_files_with_a_passphrase() {
    if !installed("age") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let age = |arguments: &[&str], questions: usize| {
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
    };

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
