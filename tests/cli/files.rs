//! Files and folders: their modes whatever the umask, and what others may have put in their place.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::fs::{CWD, Mode, mkfifoat};

use super::world::{MFAVAULT, Run, World, files};

/// The same command, which is killed if it hangs.
fn hasty(world: &World, arguments: &str) -> Command {
    let mut command = world.program("timeout");
    command.args(["--signal=KILL", "30", "setsid", MFAVAULT]).args(arguments.split(' '));
    command
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn files_are_0600_and_folders_0700_whatever_the_umask() {
    for umask in ["000", "777"] {
        let Some(world) = World::empty().for_a_user() else { return };
        fs::remove_file(world.path("config")).unwrap();
        let admin = world.key("admin");
        let script = format!(
            "set -e; umask {umask}; umask\n\
             printf '%s\\n%s\\n' \"$ID\" \"$SECRET\" | \"$0\" add admin --stdin\n\
             echo JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP | \"$0\" mfa import other --stdin\n\
             \"$0\" code other\n\"$0\" exec admin -- true\n\"$0\" list\n\
             \"$0\" mfa qr other --output ../qr.png\n\"$0\" mfa qr other --output ../qr.svg\n\
             \"$0\" backup create ../backup.age\n\"$0\" setup admin --yes\n\"$0\" clear"
        );
        let mut command = world.program("setsid");
        command.args(["bash", "-c", &script, MFAVAULT]);
        command.env("ID", admin.access_key_id.as_str()).env("SECRET", admin.secret_access_key.expose());
        let ran = command.run().succeeded();
        assert!(ran.stdout.starts_with(&format!("0{umask}\n")), "{ran:?}");

        let vault = world.path("vault");
        let mut ours = files(&vault);
        assert!(ours.len() > 6, "{ours:?}");
        ours.extend(["vault", "config", "qr.png", "qr.svg", "backup.age"].map(|name| world.path(name)));
        for path in ours {
            let metadata = fs::symlink_metadata(&path).unwrap();
            let expected = if metadata.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(metadata.mode() & 0o7777, expected, "{} with umask {umask}", path.display());
        }
    }
}

#[test]
fn modes_that_became_wide_are_tightened() {
    let Some(world) = World::with_keys().for_a_user() else { return };
    set_mode(&world.path("vault/data/keystore"), 0o644);
    set_mode(&world.path("vault/data"), 0o755);
    world.line("export admin -n").run().succeeded();
    assert_eq!(fs::metadata(world.path("vault/data/keystore")).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(world.path("vault/data")).unwrap().mode() & 0o777, 0o700);
}

/// The files that a session touches, by what they are.
fn targets(world: &World) -> Vec<PathBuf> {
    let state = world.path("vault/state");
    let ledger = files(&state).into_iter().find(|path| path.to_string_lossy().ends_with(".json")).unwrap();
    vec![world.path("vault/data/keystore"), world.path("vault/data/index.file.json"), ledger]
}

#[test]
fn links_and_pipes_in_the_place_of_our_files_are_refused_and_nothing_hangs() {
    let world = World::enrolled();
    world.line("code alice").run().succeeded();
    let Some(world) = world.for_a_user() else { return };
    let victim = world.path("victim");
    for target in targets(&world) {
        let content = fs::read(&target).unwrap();
        fs::write(&victim, &content).unwrap();
        let name = target.file_name().unwrap().to_str().unwrap().to_owned();
        let plantings: [(&str, &dyn Fn()); 4] = [
            ("symbolic link", &|| symlink(&victim, &target).unwrap()),
            ("symbolic link", &|| symlink("/dev/zero", &target).unwrap()),
            ("regular file", &|| mkfifoat(CWD, &target, Mode::RUSR | Mode::WUSR).unwrap()),
            ("regular file", &|| fs::create_dir(&target).unwrap()),
        ];
        for (reason, plant) in plantings {
            fs::remove_file(&target).unwrap();
            plant();
            world.give(&target);
            let ran = hasty(&world, "exec main --refresh -- touch ran").run();
            ran.refused(125, &[&name, reason, "hint: rm "]);
            match target.is_dir() && !target.is_symlink() {
                true => fs::remove_dir(&target).unwrap(),
                false => fs::remove_file(&target).unwrap(),
            }
            fs::write(&target, &content).unwrap();
        }
        // A second name lets somebody else keep the file.
        fs::remove_file(&target).unwrap();
        world.give(&victim);
        fs::hard_link(&victim, &target).unwrap();
        let ran = hasty(&world, "exec main --refresh -- touch ran").run().refused(125, &[&name, "hard link"]);
        let repair = ran.stderr.lines().last().unwrap().strip_prefix("hint: ").unwrap().to_owned();
        world.program("sh").args(["-c", &repair]).run().succeeded();
        assert_eq!(fs::read(&target).unwrap(), content, "nothing is lost by {repair}");
        fs::remove_file(target.with_added_extension("linked")).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), content);
        world.give(&target);
    }
    assert!(!world.path("home/ran").exists());
    hasty(&world, "exec main --refresh -- touch ran").run().succeeded();
}

#[test]
fn a_folder_that_others_may_write_to_is_refused_with_the_repair() {
    let Some(world) = World::with_keys().for_a_user() else { return };
    for folder in ["vault", "vault/data"] {
        let path = world.path(folder);
        for mode in [0o770, 0o702, 0o777] {
            set_mode(&path, mode);
            let ran = hasty(&world, "export admin -n").run().refused(1, &["others may write", "hint: chmod "]);
            let hint = ran.stderr.lines().last().unwrap().strip_prefix("hint: ").unwrap().to_owned();
            assert!(hint.contains(path.to_str().unwrap()), "{hint}");
            world.program("sh").args(["-c", &hint]).run().succeeded();
            hasty(&world, "export admin -n").run().succeeded();
        }
        set_mode(&path, 0o700);
    }
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let Some(world) = World::with_keys().for_a_user() else { return };
    std::os::unix::fs::chown(world.path("vault/data"), Some(1), Some(1)).unwrap();
    set_mode(&world.path("vault/data"), 0o755);
    hasty(&world, "export admin -n").run().refused(1, &["owned by another user", "chown"]);
}

#[test]
fn a_file_of_the_user_is_never_replaced_without_force() {
    let world = World::enrolled();
    fs::write(world.path("home/there"), "mine").unwrap();
    symlink("there", world.path("home/link.png")).unwrap();
    fs::write(world.path("home/there.png"), "mine").unwrap();
    for arguments in ["mfa qr alice --output there.png", "mfa qr alice --output link.png", "backup create there"] {
        world.line(arguments).run().refused(1, &["--force"]);
    }
    assert_eq!(fs::read(world.path("home/there")).unwrap(), b"mine");
    assert_eq!(fs::read(world.path("home/there.png")).unwrap(), b"mine");
    world.line("backup create there --force").run().succeeded();
    assert!(fs::read(world.path("home/there")).unwrap().starts_with(b"age-encryption.org/v1"));
}

#[test]
fn a_pipe_with_a_name_is_not_waited_for_and_one_of_the_shell_is_read() {
    let world = World::enrolled();
    mkfifoat(CWD, world.path("home/pipe"), Mode::RUSR | Mode::WUSR).unwrap();
    symlink("pipe", world.path("home/link")).unwrap();
    for arguments in
        ["mfa import --from aegis pipe", "mfa import --qr link", "backup verify pipe", "backup restore link"]
    {
        world.line(arguments).run().refused(1, &["it is a named pipe"]);
    }
    let script = "mfavault mfa import --from otpauth <(echo 'otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ') --yes";
    world.program("bash").args(["-c", script]).run().succeeded();
}
