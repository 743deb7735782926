//! Tests of `atomic_file` on Unix, in folders of their own.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use super::*;

struct Place {
    _temporary: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().canonicalize().unwrap();
    Place { _temporary: temporary, path }
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn folder(place: &Place) -> PrivateFolder {
    PrivateFolder::open(&place.path.join("private")).unwrap()
}

fn names(folder: &PrivateFolder) -> Vec<String> {
    let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| !name.starts_with(TEMPORARY_PREFIX)).collect();
    names.sort();
    names
}

fn repair<T: std::fmt::Debug>(result: Result<T, FileError>) -> String {
    match result {
        Err(FileError::Unsafe { repair, .. }) => repair,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn what_is_written_is_read_again_and_is_private() {
    let place = place();
    let folder = PrivateFolder::open(&place.path.join("a/b")).unwrap();
    assert_eq!(folder.read("x").unwrap(), None);
    folder.write("x", b"one").unwrap();
    folder.write("x", b"two").unwrap();
    assert_eq!(folder.read("x").unwrap().unwrap(), b"two");
    assert_eq!(mode(&place.path.join("a")), 0o700);
    assert_eq!(mode(&place.path.join("a/b")), 0o700);
    assert_eq!(mode(&place.path.join("a/b/x")), 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_file_and_its_previous_content_are_written_together() {
    let place = place();
    let folder = folder(&place);
    folder.write("x", b"one").unwrap();
    for (content, former) in [("two", "one"), ("three", "two")] {
        folder.write_with_previous("x", content.as_bytes(), former.as_bytes()).unwrap();
    }
    assert_eq!(names(&folder), ["x", "x.previous"]);
    assert_eq!(folder.read("x").unwrap().unwrap(), b"three");
    assert_eq!(folder.read(&previous_name("x")).unwrap().unwrap(), b"two");
    // Neither where one of them cannot be.
    let big = vec![0; usize::try_from(LIMIT_BYTES).unwrap() + 1];
    for (content, former) in [(&b"four"[..], &big[..]), (&big, b"three")] {
        assert!(matches!(folder.write_with_previous("x", content, former), Err(FileError::Io { .. })));
        assert_eq!(folder.read("x").unwrap().unwrap(), b"three");
        assert_eq!(folder.read(&previous_name("x")).unwrap().unwrap(), b"two");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_stood_there_is_set_aside_and_never_written_over() {
    let place = place();
    let folder = folder(&place);
    folder.write_setting_aside("x", b"one", "x.old").unwrap();
    assert_eq!(names(&folder), ["x"]);
    folder.write_setting_aside("x", b"two", "x.old").unwrap();
    assert_eq!(names(&folder), ["x", "x.old"]);
    let taken = folder.write_setting_aside("x", b"three", "x.old");
    assert!(matches!(&taken, Err(FileError::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists));
    assert_eq!(folder.read("x").unwrap().unwrap(), b"two");
    assert_eq!(folder.read("x.old").unwrap().unwrap(), b"one");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_is_unfinished_of_one_file_is_swept_at_once_and_nothing_else() {
    let place = place();
    let folder = folder(&place);
    let of = |name: &str| format!(".tmp-{}-0123456789abcdef{name}", std::process::id());
    let others = [of(""), of("-y"), of("-x.previous"), of("-y-x"), "x-x".to_owned()];
    for name in others.iter().chain([&of("-x")]) {
        fs::write(folder.path().join(name), "").unwrap();
    }
    folder.sweep_of("x");
    assert!(!folder.path().join(of("-x")).exists());
    assert!(others.iter().all(|name| folder.path().join(name).exists()));
}

#[test]
fn removing_says_whether_it_was_there() {
    let place = place();
    let folder = folder(&place);
    folder.write("x", b"").unwrap();
    assert!(folder.remove("x").unwrap());
    assert!(!folder.remove("x").unwrap());
}

#[test]
fn names_that_lead_out_of_the_folder_are_refused() {
    let place = place();
    let folder = folder(&place);
    for name in ["", ".", "..", "a/b", "/etc/passwd", "../x", "x/", ".tmp-1"] {
        assert!(matches!(folder.read(name), Err(FileError::Io { .. })), "{name:?}");
        assert!(matches!(folder.write(name, b""), Err(FileError::Io { .. })), "{name:?}");
        assert!(matches!(folder.remove(name), Err(FileError::Io { .. })), "{name:?}");
    }
}

#[test]
fn a_pipe_a_link_a_folder_and_a_second_name_are_refused_without_waiting() {
    let place = place();
    let folder = folder(&place);
    let inside = |name: &str| folder.path().join(name);
    fs::write(place.path.join("target"), "untouched").unwrap();
    symlink(place.path.join("target"), inside("link")).unwrap();
    fs::create_dir(inside("folder")).unwrap();
    assert!(Command::new("mkfifo").arg(inside("pipe")).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(inside("socket")).unwrap();
    folder.write("file", b"").unwrap();
    fs::hard_link(inside("file"), inside("twin")).unwrap();
    for name in ["link", "folder", "pipe", "socket", "twin"] {
        assert!(repair(folder.read(name)).ends_with(&format!("{name}'")), "{name}");
        assert!(matches!(folder.lock(name), Err(FileError::Unsafe { .. })), "{name}");
    }
    folder.write("link", b"ours").unwrap();
    assert_eq!(fs::read(place.path.join("target")).unwrap(), b"untouched");
    assert_eq!(folder.read("link").unwrap().unwrap(), b"ours");
}

#[test]
fn a_file_that_is_replaced_while_it_is_looked_at_is_still_read() {
    let place = place();
    let folder = folder(&place);
    folder.write("x", b"").unwrap();
    let path = folder.path().join("x");
    let opened = fs::File::open(&path).unwrap();
    folder.write("x", b"").unwrap();
    assert_eq!(opened.metadata().unwrap().nlink(), 0);
    assert!(system::checked(&path, opened).is_ok());
}

#[test]
fn a_file_and_a_folder_that_others_may_read_are_tightened() {
    let place = place();
    folder(&place).write("x", b"").unwrap();
    set_mode(&place.path.join("private"), 0o755);
    set_mode(&place.path.join("private/x"), 0o644);
    folder(&place).read("x").unwrap();
    assert_eq!(mode(&place.path.join("private")), 0o700);
    assert_eq!(mode(&place.path.join("private/x")), 0o600);
}

#[test]
fn a_folder_that_others_may_write_to_is_refused_with_the_command_that_mends_it() {
    let place = place();
    let path = place.path.join("it's mine");
    for writable in [0o770, 0o707, 0o1777] {
        PrivateFolder::open(&path).unwrap();
        set_mode(&path, writable);
        let command = repair(PrivateFolder::open(&path));
        assert!(command.starts_with("chmod 700 '/"), "{command}");
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
        assert_eq!(mode(&path), 0o700);
    }
}

#[test]
fn a_folder_below_one_that_others_may_write_to_is_refused_unless_that_is_sticky() {
    let place = place();
    let above = place.path.join("above");
    fs::create_dir(&above).unwrap();
    set_mode(&above, 0o777);
    assert_eq!(repair(PrivateFolder::open(&above.join("b/c"))), format!("chmod go-w '{}'", above.display()));
    assert!(!above.join("b").exists());
    set_mode(&above, 0o1777);
    PrivateFolder::open(&above.join("b/c")).unwrap();
}

#[test]
fn what_another_user_owns_is_refused() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give files away, so there is nothing to set up.
        return;
    }
    let give_away = |path: &Path| std::os::unix::fs::lchown(path, Some(12345), None).unwrap();
    let place = place();
    folder(&place).write("x", b"").unwrap();
    give_away(&place.path.join("private/x"));
    assert!(repair(folder(&place).read("x")).starts_with("sudo chown 0 '/"));
    give_away(&place.path.join("private"));
    assert!(repair(PrivateFolder::open(&place.path.join("private"))).starts_with("sudo chown 0 '/"));
    symlink(&place.path, place.path.join("planted")).unwrap();
    give_away(&place.path.join("planted"));
    assert!(repair(PrivateFolder::open(&place.path.join("planted/new"))).starts_with("rm '/"));
    fs::create_dir(place.path.join("theirs")).unwrap();
    give_away(&place.path.join("theirs"));
    assert!(repair(PrivateFolder::open(&place.path.join("theirs/new"))).starts_with("sudo chown 0 '/"));
}

#[test]
fn a_folder_of_ours_may_be_a_symbolic_link() {
    let place = place();
    fs::create_dir(place.path.join("elsewhere")).unwrap();
    symlink(place.path.join("elsewhere"), place.path.join("private")).unwrap();
    folder(&place).write("x", b"1").unwrap();
    assert_eq!(fs::read(place.path.join("elsewhere/x")).unwrap(), b"1");
}

#[test]
fn a_renamed_folder_is_still_the_one_written_to() {
    let place = place();
    let folder = folder(&place);
    fs::rename(folder.path(), place.path.join("moved")).unwrap();
    fs::create_dir(folder.path()).unwrap();
    folder.write("x", b"1").unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(place.path.join("moved/x").exists());
}

#[test]
fn a_folder_that_is_not_there_is_not_created_by_a_look() {
    let place = place();
    assert!(PrivateFolder::open_if_present(&place.path.join("a")).unwrap().is_none());
    assert!(!place.path.join("a").exists());
}

#[test]
fn who_waits_for_a_lock_says_so_once_and_goes_on_when_it_is_free() {
    let place = place();
    let folder = folder(&place);
    let said = std::cell::Cell::new(0);
    let free = folder.lock_or_say("lock", Duration::ZERO, &|| said.set(said.get() + 1)).unwrap();
    assert_eq!(said.get(), 0, "it was free");
    drop(free);
    let held = std::cell::RefCell::new(Some(folder.lock("lock").unwrap()));
    let lock = folder.lock_or_say("lock", Duration::from_millis(10), &|| {
        said.set(said.get() + 1);
        drop(held.borrow_mut().take());
    });
    assert_eq!((lock.is_ok(), said.get()), (true, 1));
}

#[test]
fn a_lock_is_held_until_it_is_dropped() {
    let place = place();
    let folder = folder(&place);
    let held = folder.lock("x.lock").unwrap();
    let another = || fs::File::open(folder.path().join("x.lock")).unwrap();
    assert!(matches!(another().try_lock(), Err(fs::TryLockError::WouldBlock)));
    drop(folder.lock("y.lock").unwrap());
    drop(held);
    // Waits: a process that another test starts holds it too, until it has become its program.
    drop(folder.lock("x.lock").unwrap());
    assert_eq!(mode(&folder.path().join("x.lock")), 0o600);
}

#[test]
fn a_lock_that_is_removed_while_somebody_waits_for_it_is_made_anew() {
    let place = place();
    let folder = folder(&place);
    let held = folder.lock("a.lock").unwrap();
    assert!(!folder.remove_idle_lock("a.lock").unwrap(), "somebody holds it");
    thread::scope(|scope| {
        let (waits, is_waiting) = mpsc::channel();
        let folder = &folder;
        let say = move || waits.send(()).unwrap();
        let waiting = scope.spawn(move || folder.lock_or_say("a.lock", Duration::ZERO, &say).unwrap());
        is_waiting.recv().unwrap();
        // As `remove_idle_lock` does while it holds the lock itself.
        fs::remove_file(folder.path().join("a.lock")).unwrap();
        drop(held);
        let now_held = waiting.join().unwrap();
        assert!(!folder.remove_idle_lock("a.lock").unwrap(), "the new file is the one that is locked");
        drop(now_held);
    });
    // A process that another test starts holds it too, until it has become its program.
    while !folder.remove_idle_lock("a.lock").unwrap() {
        thread::yield_now();
    }
    assert!(!folder.path().join("a.lock").exists());
}

#[test]
fn of_two_who_remove_an_idle_lock_the_later_leaves_alone_what_somebody_holds_by_now() {
    let place = place();
    let folder = folder(&place);
    let path = folder.path().join("a.lock");
    let opened_before = folder.folder.open_to_lock(&path, OsStr::new("a.lock")).unwrap();
    while !folder.remove_idle_lock("a.lock").unwrap() {
        thread::yield_now();
    }
    let _held = folder.lock("a.lock").unwrap();
    assert!(!folder.remove_if_idle(&opened_before, "a.lock").unwrap());
    assert!(path.exists(), "without its name, a second one could be locked beside it");
}

#[test]
fn looking_at_a_folder_finds_loose_modes_and_left_overs_and_changes_nothing() {
    let place = place();
    let folder = folder(&place);
    let nothing = survey(&folder.path().join("missing")).unwrap();
    assert_eq!(format!("{nothing:?}"), format!("{:?}", Survey::default()));
    folder.write("a", b"a").unwrap();
    drop(folder.lock("b.lock").unwrap());
    let of_the_living = folder.path().join(format!(".tmp-{}-00", std::process::id()));
    let left_over = folder.path().join(".tmp-999999999-00");
    for path in [&of_the_living, &left_over] {
        fs::write(path, "half").unwrap();
        set_mode(path, 0o600);
    }
    set_mode(folder.path(), 0o750);
    set_mode(&folder.path().join("a"), 0o644);
    let seen = survey(folder.path()).unwrap();
    assert_eq!(seen.loose, [(folder.path().to_owned(), 0o750), (folder.path().join("a"), 0o644)]);
    assert_eq!((seen.temporary, seen.locks), (vec![left_over.clone()], vec!["b.lock".to_owned()]));
    assert_eq!((mode(folder.path()), mode(&folder.path().join("a"))), (0o750, 0o644));
    let folder = PrivateFolder::open(folder.path()).unwrap();
    folder.tighten("a").unwrap();
    folder.remove_left_over(&left_over).unwrap();
    folder.remove_left_over(&of_the_living).unwrap();
    assert_eq!((mode(folder.path()), mode(&folder.path().join("a"))), (0o700, 0o600));
    assert_eq!((left_over.exists(), of_the_living.exists()), (false, true));
}

#[test]
fn temporary_files_of_dead_processes_are_swept_after_an_hour() {
    let place = place();
    let folder = folder(&place);
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let (old, young) = (format!(".tmp-{}-old", dead.id()), format!(".tmp-{}-young", dead.id()));
    let living = format!(".tmp-{}-old", std::process::id());
    for name in [&old, &young, &living] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    for name in [&old, &living] {
        let touched = Command::new("touch").args(["-d", "2 hours ago"]).arg(folder.path().join(name)).status();
        assert!(touched.unwrap().success());
    }
    folder.write("x", b"").unwrap();
    let left = |name: &String| folder.path().join(name).exists();
    assert_eq!((left(&old), left(&young), left(&living)), (false, true, true));
    assert_eq!(names(&folder), ["x"]);
}

#[test]
fn more_than_64_mib_is_neither_written_nor_read() {
    let place = place();
    let folder = folder(&place);
    fs::File::create(folder.path().join("big")).unwrap().set_len(LIMIT_BYTES + 1).unwrap();
    assert!(matches!(folder.read("big"), Err(FileError::Io { .. })));
    let big = vec![0; usize::try_from(LIMIT_BYTES).unwrap() + 1];
    assert!(matches!(folder.write("x", &big), Err(FileError::Io { .. })));
    assert_eq!(names(&folder), ["big"]);
}

#[test]
fn a_failed_write_leaves_the_older_file_and_nothing_else() {
    let place = place();
    let folder = folder(&place);
    fs::create_dir_all(folder.path().join("x/full")).unwrap();
    assert!(matches!(folder.write("x", b"1"), Err(FileError::Io { action: "write", .. })));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    for umask in ["000", "777"] {
        let place = place();
        let child = "atomic_file::tests::child_of_the_umask_test";
        let status = Command::new("sh")
            .args(["-c", "umask $1; shift; exec \"$@\"", "sh", umask])
            .arg(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", child])
            .current_dir(&place.path)
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
        assert_eq!(mode(&place.path.join("a/b")), 0o700, "{umask}");
        for file in ["a/b/x", "a/b/x.lock", "user.png", "aws/config"] {
            assert_eq!(mode(&place.path.join(file)), 0o600, "{umask} {file}");
        }
        assert_eq!(mode(&place.path.join("aws")), 0o700, "{umask}");
    }
}

#[test]
#[ignore = "started by the umask test in a process of its own"]
fn child_of_the_umask_test() {
    let folder = PrivateFolder::open(Path::new("a/b")).unwrap();
    folder.write("x", b"").unwrap();
    folder.lock("x.lock").map(drop).unwrap();
    folder.lock("x.lock").map(drop).unwrap();
    write_user_file(Path::new("user.png"), b"", false).unwrap();
    replace_keeping_mode(Path::new("aws/config"), b"").unwrap();
}

#[test]
fn a_user_file_is_not_overwritten_unless_told() {
    let place = place();
    let path = place.path.join("backup");
    write_user_file(&path, b"one", false).unwrap();
    match write_user_file(&path, b"two", false) {
        Err(FileError::Io { source, .. }) => assert_eq!(source.kind(), io::ErrorKind::AlreadyExists),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&path).unwrap(), b"one");
    write_user_file(&path, b"two", true).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(fs::read_dir(&place.path).unwrap().count(), 1);
}

#[test]
fn a_user_file_follows_no_symbolic_link() {
    let place = place();
    let (link, target) = (place.path.join("link"), place.path.join("target"));
    symlink(&target, &link).unwrap();
    assert!(matches!(write_user_file(&link, b"1", false), Err(FileError::Io { .. })));
    assert_eq!(repair(write_user_file(&link, b"1", true)), format!("rm '{}'", link.display()));
    assert!(!target.exists());
}

#[test]
fn replacing_keeps_the_mode_and_the_symbolic_link() {
    let place = place();
    fs::create_dir(place.path.join("dotfiles")).unwrap();
    let (link, target) = (place.path.join("config"), place.path.join("dotfiles/config"));
    fs::write(&target, "one").unwrap();
    set_mode(&target, 0o640);
    symlink("dotfiles/config", &link).unwrap();
    replace_keeping_mode(&link, b"two").unwrap();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"two");
    assert_eq!(mode(&target), 0o640);
    assert_eq!(fs::read_dir(place.path.join("dotfiles")).unwrap().count(), 1);
}

#[test]
fn a_symbolic_link_that_leads_nowhere_is_an_error_that_names_it() {
    let place = place();
    let link = place.path.join("config");
    symlink("nowhere", &link).unwrap();
    let error = replace_keeping_mode(&link, b"").unwrap_err();
    assert_eq!(error.to_string(), format!("cannot follow {}", link.display()));
}
