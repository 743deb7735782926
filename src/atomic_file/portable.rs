//! The half of `atomic_file` for systems that are not Unix: plain paths, and privacy as the user's own folders give it.

use std::{
    ffi::OsStr,
    fs::{self, File, Metadata, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{FileError, refused};

/// A file of an unknown process is left over only after this long.
const LEFT_OVER: Duration = Duration::from_secs(24 * 3600);

/// Owners are the system's business here.
pub(super) fn foreign(_path: &Path) -> Option<FileError> {
    None
}

/// A folder, by its absolute path.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Folder> {
        path.canonicalize().map(Folder)
    }

    pub(super) fn open_private(path: &Path) -> Result<Folder, FileError> {
        create_folders(path).map_err(refused("create", path))?;
        Folder::open(path).map_err(refused("open", path))
    }

    pub(super) fn open_to_read(&self, path: &Path, name: &OsStr) -> Result<Option<File>, FileError> {
        match File::open(self.0.join(name)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused("read", path)(error)),
        }
    }

    pub(super) fn open_to_lock(&self, path: &Path, name: &OsStr) -> Result<File, FileError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(self.0.join(name)).map_err(refused("lock", path))
    }

    pub(super) fn open_to_append(&self, path: &Path, name: &OsStr) -> Result<File, FileError> {
        let opened = OpenOptions::new().read(true).append(true).create(true).open(self.0.join(name));
        opened.map_err(refused("append to", path))
    }

    pub(super) fn create(&self, name: &OsStr, _like: Option<&Metadata>) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(self.0.join(name))
    }

    pub(super) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    pub(super) fn rename_if_absent(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        fs::hard_link(self.0.join(from), self.0.join(to))?;
        self.remove(from)
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.0)?.collect::<io::Result<Vec<_>>>()?;
        Ok(entries.into_iter().filter_map(|entry| entry.file_name().into_string().ok()).collect())
    }

    /// Folders cannot be flushed here; the file system's journal keeps their order.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn sweep(&self, prefix: &str, newest: &str) {
        let modified = |name: &str| fs::metadata(self.0.join(name)).and_then(|metadata| metadata.modified());
        let (Ok(names), Ok(now)) = (self.names(), modified(newest)) else { return };
        for name in names.iter().filter(|name| name.starts_with(prefix)) {
            let age = modified(name).ok().and_then(|then| now.duration_since(then).ok());
            if age.is_some_and(|age| age > LEFT_OVER) {
                // Tidying only: a later write tries again.
                let _ = self.remove(OsStr::new(name));
            }
        }
    }
}

/// There the folder's access rules say who reads.
pub(super) fn mode(_metadata: &Metadata) -> u32 {
    0o600
}

/// An open file cannot be removed there.
pub(super) fn has_its_name(_file: &File) -> io::Result<bool> {
    Ok(true)
}

/// Whether an unfinished file is so old that nobody finishes it.
pub(super) fn is_left_over(path: &Path, _prefix: &str) -> bool {
    let age = fs::metadata(path).and_then(|metadata| metadata.modified()).ok().and_then(|then| then.elapsed().ok());
    age.is_some_and(|age| age > LEFT_OVER)
}

pub(super) fn create_folders(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Pipes have no names among files here.
pub(super) fn is_pipe(_path: &Path) -> bool {
    false
}

/// There the folder's access rules say who writes.
pub(super) fn check_program(_path: &Path) -> Result<(), FileError> {
    Ok(())
}
