//! The Unix half of `atomic_file`: everything goes through a descriptor of the folder, nothing follows a link.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Dir, Gid, Mode, OFlags, Uid},
    io::Errno,
    process,
};

use super::{FileError, LEAVES_MODES, Ordering, quoted, refused};

/// The permission bits.
pub(super) fn mode(metadata: &Metadata) -> u32 {
    metadata.mode() & 0o777
}

/// Whether a locked file was not removed before it was locked.
pub(super) fn has_its_name(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.nlink() > 0)
}

/// Whether an unfinished file is of a process that is gone.
pub(super) fn is_left_over(path: &Path, prefix: &str) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(prefix) && is_dead(name, prefix))
}

/// Whether the process that a file `PREFIX-PID-…` is named after is gone.
fn is_dead(name: &str, prefix: &str) -> bool {
    let pid = name[prefix.len()..].split('-').next().and_then(|digits| digits.parse().ok());
    pid.and_then(process::Pid::from_raw).is_none_or(|pid| process::test_kill_process(pid).is_err())
}

/// Whether a path names a pipe.
pub(super) fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    path.symlink_metadata().is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// Mode bits that let others write.
const OTHERS_WRITE: u32 = 0o022;
/// In a folder with this bit only a file's owner can rename or remove it.
const STICKY: u32 = 0o1000;
/// Who owns what is not mapped into a user namespace, as the kernel shows it: the real root, seen from a container.
const UNMAPPED_OWNER: u32 = 65534;
const ROOT: u32 = 0;

/// A folder, held open.
#[derive(Debug)]
pub(super) struct Folder(File);

impl Folder {
    /// Opens any folder as it is.
    pub(super) fn open(path: &Path) -> io::Result<Folder> {
        let flags = OFlags::DIRECTORY.bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(flags).open(path).map(Folder)
    }

    /// Opens a folder that is only ours, creating what is missing.
    pub(super) fn open_private(path: &Path) -> Result<Folder, FileError> {
        let path = std::path::absolute(path).map_err(refused("find", path))?;
        check_links_on_the_way(&path)?;
        check_folders_above(&path)?;
        create_folders(&path).map_err(refused("create", &path))?;
        let path = path.canonicalize().map_err(refused("open", &path))?;
        check_folders_above(&path)?;
        let flags = (OFlags::DIRECTORY | OFlags::NOFOLLOW).bits().cast_signed();
        let opened = OpenOptions::new().read(true).custom_flags(flags).open(&path);
        let folder = match opened {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(unsafe_to_use(&path, "it is not a folder", "rm"));
            }
            Err(error) => return Err(refused("open", &path)(error)),
        };
        let metadata = folder.metadata().map_err(refused("open", &path))?;
        check_owner(&path, &metadata)?;
        if metadata.mode() & OTHERS_WRITE != 0 {
            return Err(unsafe_to_use(&path, "others may write to it", "chmod 700"));
        }
        if metadata.mode() & 0o777 != 0o700 && tightens() {
            folder.set_permissions(fs::Permissions::from_mode(0o700)).map_err(refused("tighten", &path))?;
        }
        Ok(Folder(folder))
    }

    /// Opens a file of ours for reading; `path` is for what is said about it.
    pub(super) fn open_to_read(&self, path: &Path, name: &OsStr) -> Result<Option<File>, FileError> {
        match self.open_plainly(name, OFlags::RDONLY) {
            Ok(file) => checked(path, file).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(not_opened("read", path, error)),
        }
    }

    /// Opens the file that carries a lock, creating it when it is missing.
    pub(super) fn open_to_lock(&self, path: &Path, name: &OsStr) -> Result<File, FileError> {
        match self.open_plainly(name, OFlags::RDWR | OFlags::CREATE) {
            Ok(file) => checked(path, file),
            Err(error) => Err(not_opened("lock", path, error)),
        }
    }

    /// Opens a file of ours for appending and reading, creating it when it is missing.
    pub(super) fn open_to_append(&self, path: &Path, name: &OsStr) -> Result<File, FileError> {
        match self.open_plainly(name, OFlags::RDWR | OFlags::APPEND | OFlags::CREATE) {
            Ok(file) => checked(path, file),
            Err(error) => Err(not_opened("append to", path, error)),
        }
    }

    /// Creates a file that must not exist yet, with the mode and owner of `like`, or else 0600.
    pub(super) fn create(&self, name: &OsStr, like: Option<&Metadata>) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?);
        let made = self.shape(&file, like);
        if made.is_err() {
            self.remove(name)?;
        }
        made.map(|()| file)
    }

    fn shape(&self, file: &File, like: Option<&Metadata>) -> io::Result<()> {
        let metadata = file.metadata()?;
        if let Some(like) = like.filter(|like| (like.uid(), like.gid()) != (metadata.uid(), metadata.gid())) {
            // Only root may give files away; for others the replaced file becomes theirs, and its mode stays.
            let _ = rustix::fs::fchown(file, Some(Uid::from_raw(like.uid())), Some(Gid::from_raw(like.gid())));
        }
        // Set on the descriptor, because the umask may have taken bits away.
        let mode = like.map_or(0o600, |like| like.mode() & 0o777);
        if metadata.mode() & 0o777 == mode {
            return Ok(());
        }
        file.set_permissions(fs::Permissions::from_mode(mode))
    }

    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, from, &self.0, to)?)
    }

    /// Renames unless the new name is taken, in one step of the kernel.
    pub(super) fn rename_if_absent(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        {
            let flags = rustix::fs::RenameFlags::NOREPLACE;
            match rustix::fs::renameat_with(&self.0, from, &self.0, to, flags) {
                // Not every file system and sandbox knows it; all others know hard links.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP | Errno::PERM) => {}
                answer => return Ok(answer?),
            }
        }
        rustix::fs::linkat(&self.0, from, &self.0, to, AtFlags::empty())?;
        self.remove(from)
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// The names in it that are UTF-8, as all of ours are.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            if let Ok(name) = entry?.file_name().to_str()
                && name != "."
                && name != ".."
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Makes names given or taken here durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    /// Removes files `PREFIX-PID-…` of dead processes that are an hour older than the file `newest`.
    pub(super) fn sweep(&self, prefix: &str, newest: &str) {
        let modified =
            |name: &str| rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| stat.st_mtime);
        let (Ok(names), Ok(now)) = (self.names(), modified(newest)) else { return };
        for name in names.iter().filter(|name| name.starts_with(prefix)) {
            if is_dead(name, prefix) && modified(name).is_ok_and(|then| then < now - 3600) {
                // Tidying only: a later write tries again.
                let _ = self.remove(OsStr::new(name));
            }
        }
    }

    /// Follows no link, waits for no pipe, is not inherited.
    fn open_plainly(&self, name: &OsStr, access: OFlags) -> Result<File, Errno> {
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR).map(File::from)
    }
}

/// Creates a folder and its missing parents, each 0700 whatever the umask.
pub(super) fn create_folders(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folders(parent)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o700)),
        // Another process of ours was faster, or something else is there, which opening it will say.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn check_links_on_the_way(path: &Path) -> Result<(), FileError> {
    for part in path.ancestors() {
        if let Ok(metadata) = part.symlink_metadata()
            && metadata.is_symlink()
            && !is_trusted(metadata.uid())
        {
            return Err(unsafe_to_use(part, "it is a symbolic link that somebody else made", "rm"));
        }
    }
    Ok(())
}

/// Checks every folder above that exists: who can write to one can put another folder in our place.
fn check_folders_above(path: &Path) -> Result<(), FileError> {
    let existing = path.ancestors().skip(1).find_map(|part| part.canonicalize().ok());
    for part in existing.iter().flat_map(|folder| folder.ancestors()) {
        let metadata = part.symlink_metadata().map_err(refused("look at", part))?;
        if !is_trusted(metadata.uid()) && metadata.uid() != UNMAPPED_OWNER {
            return Err(owned_by_another(part, &metadata));
        }
        if metadata.mode() & OTHERS_WRITE != 0 && metadata.mode() & STICKY == 0 {
            return Err(unsafe_to_use(part, "others may write to it", "chmod go-w"));
        }
    }
    Ok(())
}

fn is_trusted(owner: u32) -> bool {
    owner == ROOT || owner == process::geteuid().as_raw()
}

fn check_owner(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    if metadata.uid() == process::geteuid().as_raw() { Ok(()) } else { Err(owned_by_another(path, metadata)) }
}

/// Lets only a program pass that nobody but root and we can change.
pub(super) fn check_program(path: &Path) -> Result<(), FileError> {
    let target = path.canonicalize().map_err(refused("look at", path))?;
    let metadata = target.metadata().map_err(refused("look at", &target))?;
    if !is_trusted(metadata.uid()) && metadata.uid() != UNMAPPED_OWNER {
        return Err(owned_by_another(&target, &metadata));
    }
    let (user, group) = (process::geteuid().as_raw(), process::getegid().as_raw());
    // A user's own group has the user's number; everybody is in one like `users`, or `staff` on macOS.
    let is_of_nobody_else = metadata.gid() == group && group == user;
    let others = if is_of_nobody_else { OTHERS_WRITE & 0o007 } else { OTHERS_WRITE };
    match metadata.mode() & others {
        0 => Ok(()),
        _ => Err(unsafe_to_use(&target, "others may write to it", "chmod go-w")),
    }
}

/// Why what lies there will be refused if somebody else owns it; a link is for whoever follows it.
pub(super) fn foreign(path: &Path) -> Option<FileError> {
    let metadata = path.symlink_metadata().ok().filter(|metadata| !metadata.is_symlink())?;
    check_owner(path, &metadata).err()
}

fn owned_by_another(path: &Path, metadata: &Metadata) -> FileError {
    let command = format!("sudo chown {}", process::geteuid().as_raw());
    unsafe_to_use(path, &format!("it is owned by another user (uid {})", metadata.uid()), &command)
}

/// Lets only a regular file of ours with one name pass, and sets its mode, which the umask may have spoiled.
pub(super) fn checked(path: &Path, file: File) -> Result<File, FileError> {
    let metadata = file.metadata().map_err(refused("read", path))?;
    if !metadata.is_file() {
        return Err(not_regular(path));
    }
    check_owner(path, &metadata)?;
    // None at all is fine: the file was replaced between opening it and looking at it.
    if metadata.nlink() > 1 {
        return Err(has_second_name(path));
    }
    if metadata.mode() & 0o777 != 0o600 && tightens() {
        file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(refused("tighten", path))?;
    }
    Ok(file)
}

fn tightens() -> bool {
    !LEAVES_MODES.load(Ordering::Relaxed)
}

fn not_opened(action: &'static str, path: &Path, error: Errno) -> FileError {
    match error {
        // The last is what some BSDs say for a link.
        Errno::LOOP | Errno::MLINK => unsafe_to_use(path, "it is a symbolic link", "rm"),
        Errno::ISDIR | Errno::NXIO => not_regular(path),
        Errno::ACCESS => match path.symlink_metadata() {
            Ok(metadata) if metadata.uid() != process::geteuid().as_raw() => owned_by_another(path, &metadata),
            _ => refused(action, path)(error.into()),
        },
        error => refused(action, path)(error.into()),
    }
}

fn not_regular(path: &Path) -> FileError {
    unsafe_to_use(path, "it is not a regular file", "rm -r")
}

/// Whoever does not know the other name loses nothing by the repair.
fn has_second_name(path: &Path) -> FileError {
    let aside = path.with_added_extension("linked");
    let (name, aside) = (quoted(path), quoted(&aside));
    let repair = format!("mv {name} {aside} && cp {aside} {name}");
    FileError::Unsafe { path: path.to_owned(), reason: "it has a second name (a hard link)".to_owned(), repair }
}

fn unsafe_to_use(path: &Path, reason: &str, command: &str) -> FileError {
    let path = PathBuf::from(path);
    FileError::Unsafe { reason: reason.to_owned(), repair: format!("{command} {}", quoted(&path)), path }
}
