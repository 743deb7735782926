//! A file that only grows: what is appended is on the disk when that returns, and a failure leaves nothing half-written.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Take, Write},
    path::PathBuf,
};

use super::{FileError, PrivateFolder, Temporary, refused};

/// A growing file, held open.
pub struct GrowingFile<'f> {
    folder: &'f PrivateFolder,
    path: PathBuf,
    file: File,
}

impl PrivateFolder {
    /// Opens a file that grows, creating it if it is missing. Whoever appends holds a lock.
    ///
    /// # Errors
    /// As [`PrivateFolder::read`].
    pub fn open_growing(&self, name: &str) -> Result<GrowingFile<'_>, FileError> {
        let path = self.path_of(name, "append to")?;
        let file = self.folder.open_to_append(&path, OsStr::new(name))?;
        Ok(GrowingFile { folder: self, path, file })
    }

    /// As [`PrivateFolder::open_growing`], to be read only; `None` when it is not there.
    ///
    /// # Errors
    /// As [`PrivateFolder::read`].
    pub fn open_grown(&self, name: &str) -> Result<Option<GrowingFile<'_>>, FileError> {
        let path = self.path_of(name, "read")?;
        let file = self.folder.open_to_read(&path, OsStr::new(name))?;
        Ok(file.map(|file| GrowingFile { folder: self, path, file }))
    }

    /// As [`PrivateFolder::write`], but after a crash of the machine the older file may be there again.
    ///
    /// # Errors
    /// As [`PrivateFolder::write`].
    pub fn write_soon(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        let path = self.path_of(name, "write")?;
        let write = || self.unfinished(name, bytes)?.rename(OsStr::new(name));
        write().map_err(refused("write", &path))
    }
}

impl GrowingFile<'_> {
    /// How many bytes it has.
    ///
    /// # Errors
    /// If the system does not say, then `Io`.
    pub fn length(&self) -> Result<u64, FileError> {
        Ok(self.file.metadata().map_err(refused("read", &self.path))?.len())
    }

    /// What stands there from one place up to another.
    ///
    /// # Errors
    /// If the system refuses, then `Io`.
    pub fn part(&self, from: u64, to: u64) -> Result<BufReader<Take<&File>>, FileError> {
        (&self.file).seek(SeekFrom::Start(from)).map_err(refused("read", &self.path))?;
        Ok(BufReader::new((&self.file).take(to.saturating_sub(from))))
    }

    /// Copies it under another name in the same folder, which must be free; the copy is on the disk when this returns.
    ///
    /// # Errors
    /// If the name is taken, then `Io` of the kind `AlreadyExists`; if the system refuses, then `Io`, and there is none.
    pub fn copy_as(&self, name: &str) -> Result<(), FileError> {
        let path = self.folder.path_of(name, "write")?;
        let mut content = self.part(0, self.length()?)?;
        let folder = &self.folder.folder;
        let copied = Temporary::fill(folder, None, &format!("-{name}"), |file| io::copy(&mut content, file).map(drop));
        let named = copied.and_then(|copy| copy.rename_if_absent(OsStr::new(name)));
        named.and_then(|()| folder.sync()).map_err(refused("write", &path))
    }

    /// Says of which file it is that the system refused to read on.
    pub fn unreadable(&self, error: io::Error) -> FileError {
        refused("read", &self.path)(error)
    }

    /// Takes off what stands after this length.
    ///
    /// # Errors
    /// If the system refuses, then `Io`.
    pub fn cut_to(&self, length: u64) -> Result<(), FileError> {
        self.file.set_len(length).map_err(refused("cut back", &self.path))
    }

    /// Appends in one write, and waits until it is on the disk.
    ///
    /// # Errors
    /// If the system refuses, then `Io`; what was written of it is taken off again, if the system lets us.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        let length = self.length()?;
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        let named = written.and_then(|()| if length == 0 { self.folder.folder.sync() } else { Ok(()) });
        named.map_err(|error| {
            // The first error is the one to tell.
            let _ = self.file.set_len(length);
            refused("append to", &self.path)(error)
        })
    }
}
