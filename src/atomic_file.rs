//! Files that are whole or not there: private folders, atomic replacement, locks that the kernel releases on death.
//!
//! Folders are 0700 and files 0600 whatever the umask. What somebody else owns or could have planted (a link, a pipe,
//! a folder others may write to) is refused. File work goes through the folder's descriptor, so that a rename on the
//! way there changes nothing.

use std::{
    ffi::OsStr,
    fs::{File, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;

mod growing;
mod survey;
#[cfg(not(unix))]
#[path = "atomic_file/portable.rs"]
mod system;
#[cfg(unix)]
#[path = "atomic_file/unix.rs"]
mod system;
mod user_files;

pub use growing::GrowingFile;
pub use survey::{Survey, survey, try_to_write};
use system::Folder;
pub use user_files::{
    check_new_file, check_program, create_folders, mode_if_others_read, read_user_file, read_user_file_up_to,
    replace_keeping_mode, write_user_file,
};

/// The largest file of ours that is read or written.
const LIMIT_BYTES: u64 = 64 * 1024 * 1024;
/// Begins the name of every file that is not finished yet.
const TEMPORARY_PREFIX: &str = ".tmp-";

/// Whether this process leaves modes as it finds them; as its umask, that is one thing for all of it.
static LEAVES_MODES: AtomicBool = AtomicBool::new(false);

/// From now on this process opens what others may look into without tightening it: for whoever only tells of it. What
/// others may write to is refused as before.
pub fn leave_modes() {
    LEAVES_MODES.store(true, Ordering::Relaxed);
}

/// Why a file could not be read or written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was being done, such as `write`.
        action: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others could have planted it or can change it.
    #[error("{} is not safe to use: {reason}", path.display())]
    Unsafe {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The exact command that mends it.
        repair: String,
    },
}

impl FileError {
    /// Whether the disk takes nothing more at all: it is full, or can only be read.
    pub fn disk_takes_nothing(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        matches!(self, FileError::Io { source, .. }
            if matches!(source.kind(), QuotaExceeded | ReadOnlyFilesystem | StorageFull))
    }
}

/// A folder that only its owner can look into, held by a descriptor.
#[derive(Debug)]
pub struct PrivateFolder {
    path: PathBuf,
    folder: Folder,
}

impl PrivateFolder {
    /// Opens the folder, creating it and missing parents with mode 0700; tightens one of ours that others may read.
    ///
    /// # Errors
    /// If the folder or one above it is owned by somebody else, may be written to by others, or is reached by somebody
    /// else's symbolic link, then `Unsafe`; if the system refuses, then `Io`.
    pub fn open(path: &Path) -> Result<PrivateFolder, FileError> {
        Ok(PrivateFolder { path: path.to_owned(), folder: Folder::open_private(path)? })
    }

    /// As [`PrivateFolder::open`], but creates nothing: `None` when the folder is not there.
    ///
    /// # Errors
    /// As [`PrivateFolder::open`].
    pub fn open_if_present(path: &Path) -> Result<Option<PrivateFolder>, FileError> {
        match std::fs::symlink_metadata(path) {
            Ok(_) => Self::open(path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused("look for", path)(error)),
        }
    }

    /// The path it was opened with.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a whole file of at most 64 MiB; `None` when it is not there. It never waits, whatever lies there.
    ///
    /// # Errors
    /// If it is no regular file, has a second name (a hard link) or another owner, then `Unsafe`; otherwise `Io`.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        let path = self.path_of(name, "read")?;
        let Some(file) = self.folder.open_to_read(&path, OsStr::new(name))? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = match file.metadata() {
            Ok(metadata) if metadata.len() > LIMIT_BYTES => Err(too_large()),
            Ok(metadata) => {
                // One allocation, because a growing one leaves copies of its content behind.
                bytes.reserve_exact(usize::try_from(metadata.len()).unwrap_or(0) + 1);
                file.take(LIMIT_BYTES + 1).read_to_end(&mut bytes)
            }
            Err(error) => Err(error),
        };
        match read {
            Ok(_) if bytes.len() as u64 > LIMIT_BYTES => Err(refused("read", &path)(too_large())),
            Ok(_) => Ok(Some(bytes)),
            Err(error) => Err(refused("read", &path)(error)),
        }
    }

    /// Writes a file whole, with mode 0600, replacing an older one; on return it survives a crash of the machine.
    ///
    /// Also sweeps temporary files that dead processes left more than an hour ago.
    ///
    /// # Errors
    /// If the system refuses or there are more than 64 MiB, then `Io`, and the older file is untouched, save when only
    /// the last step (making the new name durable) failed.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let path = self.path_of(name, "write")?;
        self.replace(name, bytes).and_then(|()| self.folder.sync()).map_err(refused("write", &path))
    }

    /// Replaces a file and what is kept as `NAME.previous` together: both are on the disk before either gets its name, and
    /// the file itself comes last. Killed in between, the file is as before.
    ///
    /// Copies, not links: a reader at any instant sees one whole file with one name.
    ///
    /// # Errors
    /// As [`PrivateFolder::write`].
    pub fn write_with_previous(&self, name: &str, bytes: &[u8], previous: &[u8]) -> Result<(), FileError> {
        let previous_name = previous_name(name);
        let (path, previous_path) = (self.path_of(name, "write")?, self.path_of(&previous_name, "write")?);
        let former = self.unfinished(&previous_name, previous).map_err(refused("write", &previous_path))?;
        let latter = self.unfinished(name, bytes).map_err(refused("write", &path))?;
        former.rename(OsStr::new(&previous_name)).map_err(refused("write", &previous_path))?;
        latter.rename(OsStr::new(name)).and_then(|()| self.folder.sync()).map_err(refused("write", &path))
    }

    /// As [`PrivateFolder::write`], and what stood there before, whatever it is, gets another name, which must be free.
    ///
    /// # Errors
    /// As [`PrivateFolder::write`]; if the other name is taken, then `Io` of the kind `AlreadyExists`.
    pub fn write_setting_aside(&self, name: &str, bytes: &[u8], aside: &str) -> Result<(), FileError> {
        let (path, aside_path) = (self.path_of(name, "write")?, self.path_of(aside, "rename to")?);
        let latter = self.unfinished(name, bytes).map_err(refused("write", &path))?;
        match self.folder.rename_if_absent(OsStr::new(name), OsStr::new(aside)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(refused("rename to", &aside_path)(error));
            }
            _ => {}
        }
        latter.rename(OsStr::new(name)).and_then(|()| self.folder.sync()).map_err(refused("write", &path))
    }

    /// Removes what was left unfinished of the file of this name: by whoever holds a lock without which nobody writes it.
    pub fn sweep_of(&self, name: &str) {
        for unfinished in self.folder.names().unwrap_or_default() {
            let target = unfinished.strip_prefix(TEMPORARY_PREFIX).and_then(|rest| rest.splitn(3, '-').nth(2));
            if target == Some(name) {
                // Tidying only: a later write tries again.
                let _ = self.folder.remove(OsStr::new(&unfinished));
            }
        }
    }

    /// Appends in one write, without waiting for the disk, creating the file if it is missing. One that has `limit` bytes
    /// or more becomes `NAME.previous` first.
    ///
    /// # Errors
    /// As [`PrivateFolder::read`].
    pub fn append(&self, name: &str, bytes: &[u8], limit: u64) -> Result<(), FileError> {
        let path = self.path_of(name, "append to")?;
        let open = || self.folder.open_to_append(&path, OsStr::new(name));
        let mut file = open()?;
        if file.metadata().map_err(refused("append to", &path))?.len() >= limit {
            let renamed = self.folder.rename(OsStr::new(name), OsStr::new(&previous_name(name)));
            renamed.map_err(refused("rename", &path))?;
            file = open()?;
        }
        file.write_all(bytes).map_err(refused("append to", &path))
    }

    /// The names of what is in it, in no order.
    ///
    /// # Errors
    /// If the system refuses, then `Io`.
    pub fn names(&self) -> Result<Vec<String>, FileError> {
        self.folder.names().map_err(refused("look into", &self.path))
    }

    /// Removes a file; says whether it was there.
    ///
    /// # Errors
    /// If the system refuses, then `Io`.
    pub fn remove(&self, name: &str) -> Result<bool, FileError> {
        let path = self.path_of(name, "remove")?;
        match self.folder.remove(OsStr::new(name)) {
            Ok(()) => self.folder.sync().map(|()| true).map_err(refused("remove", &path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(refused("remove", &path)(error)),
        }
    }

    /// Waits for the lock of this name, for as long as another process holds it. The kernel releases it on death.
    ///
    /// The lock is a file of its own, which only [`PrivateFolder::remove_idle_lock`] removes.
    ///
    /// # Errors
    /// As [`PrivateFolder::read`].
    pub fn lock(&self, name: &str) -> Result<FileLock, FileError> {
        let path = self.path_of(name, "lock")?;
        loop {
            let file = self.folder.open_to_lock(&path, OsStr::new(name))?;
            lock(&file).map_err(refused("lock", &path))?;
            if system::has_its_name(&file).map_err(refused("lock", &path))? {
                return Ok(FileLock { _file: file });
            }
        }
    }

    /// As [`PrivateFolder::lock`]; calls `say` once if it takes longer than `patience`.
    ///
    /// # Errors
    /// As [`PrivateFolder::lock`].
    pub fn lock_or_say(&self, name: &str, patience: Duration, say: &dyn Fn()) -> Result<FileLock, FileError> {
        let path = self.path_of(name, "lock")?;
        let file = self.folder.open_to_lock(&path, OsStr::new(name))?;
        match file.try_lock() {
            Ok(()) if system::has_its_name(&file).map_err(refused("lock", &path))? => {
                return Ok(FileLock { _file: file });
            }
            Ok(()) => return self.lock(name),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(refused("lock", &path)(error)),
        }
        let locked = thread::scope(|scope| {
            let (done, waiting) = mpsc::channel();
            let locking = &file;
            let thread = thread::Builder::new();
            match thread.spawn_scoped(scope, move || drop(done.send(lock(locking)))) {
                Ok(_) => waiting.recv_timeout(patience).or_else(|_| {
                    say();
                    waiting.recv()
                }),
                Err(_) => Ok(lock(&file)),
            }
        });
        let lost = |_| Err(io::Error::other("the thread that waited for it is gone"));
        locked.unwrap_or_else(lost).map_err(refused("lock", &path))?;
        match system::has_its_name(&file).map_err(refused("lock", &path))? {
            true => Ok(FileLock { _file: file }),
            false => self.lock(name),
        }
    }

    /// Whether somebody holds the lock of this name at this moment. Makes no lock file.
    ///
    /// # Errors
    /// As [`PrivateFolder::read`].
    pub fn is_locked(&self, name: &str) -> Result<bool, FileError> {
        let file = self.folder.open_to_read(&self.path_of(name, "look at")?, OsStr::new(name))?;
        Ok(file.is_some_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))))
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = self.unfinished(name, bytes)?;
        self.folder.sweep(TEMPORARY_PREFIX, &temporary.name);
        temporary.rename(OsStr::new(name))
    }

    /// The content of a file of ours, on the disk, before it has its name.
    fn unfinished(&self, name: &str, bytes: &[u8]) -> io::Result<Temporary<'_>> {
        if bytes.len() as u64 > LIMIT_BYTES {
            return Err(too_large());
        }
        Temporary::write(&self.folder, bytes, None, &format!("-{name}"))
    }

    fn path_of(&self, name: &str, action: &'static str) -> Result<PathBuf, FileError> {
        let path = self.path.join(name);
        if path.file_name() == Some(OsStr::new(name)) && !name.starts_with(TEMPORARY_PREFIX) {
            return Ok(path);
        }
        Err(refused(action, &path)(io::Error::new(io::ErrorKind::InvalidInput, "not a plain file name")))
    }
}

/// The name under which [`PrivateFolder::write_with_previous`] keeps the former content.
pub fn previous_name(name: &str) -> String {
    format!("{name}.previous")
}

/// Waits for a lock, whatever signals come meanwhile.
fn lock(file: &File) -> io::Result<()> {
    loop {
        match file.lock() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A lock that is held until this is dropped or the process ends.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

/// A file that is not finished: removed when dropped before it got its name.
struct Temporary<'folder> {
    folder: &'folder Folder,
    name: String,
    renamed: bool,
}

impl<'folder> Temporary<'folder> {
    /// Writes the bytes and has them on the disk; with the mode and owner of `like`, or else 0600. The name ends as told.
    fn write(
        folder: &'folder Folder,
        bytes: &[u8],
        like: Option<&std::fs::Metadata>,
        ending: &str,
    ) -> io::Result<Self> {
        Temporary::fill(folder, like, ending, |file| file.write_all(bytes))
    }

    fn fill(
        folder: &'folder Folder,
        like: Option<&std::fs::Metadata>,
        ending: &str,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut random = [0; 8];
        SystemRandom::new().fill(&mut random).map_err(|_| io::Error::other("the system gives no random bytes"))?;
        let name = format!("{TEMPORARY_PREFIX}{}-{:016x}{ending}", std::process::id(), u64::from_le_bytes(random));
        let mut file = folder.create(OsStr::new(&name), like)?;
        let temporary = Temporary { folder, name, renamed: false };
        write(&mut file)?;
        file.sync_all()?;
        Ok(temporary)
    }

    fn rename(mut self, to: &OsStr) -> io::Result<()> {
        self.folder.rename(OsStr::new(&self.name), to)?;
        self.renamed = true;
        Ok(())
    }

    fn rename_if_absent(mut self, to: &OsStr) -> io::Result<()> {
        self.folder.rename_if_absent(OsStr::new(&self.name), to)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.renamed {
            // Nothing better can be done about a failure here; the sweep of a later write finds it.
            let _ = self.folder.remove(OsStr::new(&self.name));
        }
    }
}

fn refused(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError::Io { action, path, source }
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "larger than 64 MiB")
}

/// The path as one word of a POSIX shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(unix)]
#[cfg(test)]
#[path = "atomic_file/tests.rs"]
mod tests;
