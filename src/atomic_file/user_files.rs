//! Files that belong to the user, not to us: what a person asked for or named, and the AWS config. They lie where the
//! person wants them, so their folders are not checked.

use std::{
    ffi::OsStr,
    io::{self, Read},
    path::Path,
};

use super::{FileError, Folder, Temporary, quoted, refused, system};

/// Writes a file that a person asked for, such as a QR code or a backup: whole, with mode 0600, through no link.
///
/// # Errors
/// If it exists and `overwrite` is false, then `Io` of the kind `AlreadyExists`; if what is to be overwritten is no
/// regular file, then `Unsafe`; if the system refuses, then `Io`.
pub fn write_user_file(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), FileError> {
    let (folder, name) = folder_and_name(path)?;
    if overwrite && path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return Err(FileError::Unsafe {
            path: path.to_owned(),
            reason: "it is not a regular file".to_owned(),
            repair: format!("rm {}", quoted(path)),
        });
    }
    let write = || {
        let temporary = Temporary::write(&folder, bytes, None, "")?;
        if overwrite { temporary.rename(name) } else { temporary.rename_if_absent(name) }?;
        folder.sync()
    };
    write().map_err(refused("write", path))
}

/// Refuses a path at which something is already, before work is done whose result could not be written there.
///
/// # Errors
/// If there is anything at the path, then `Io` of the kind `AlreadyExists`.
pub fn check_new_file(path: &Path) -> Result<(), FileError> {
    match path.symlink_metadata() {
        Ok(_) => Err(refused("write", path)(io::Error::from(io::ErrorKind::AlreadyExists))),
        Err(_) => Ok(()),
    }
}

/// Reads a file that a person named, whatever it is: a picture, a backup, a pipe of the shell.
///
/// # Errors
/// If the system refuses, the file is larger than 128 MiB, or it is a pipe with a name, whose other end might never be
/// opened, then `Io`.
pub fn read_user_file(path: &Path) -> Result<Vec<u8>, FileError> {
    read_user_file_up_to(path, 128 << 20)
}

/// As [`read_user_file`], of a file that has at most so many bytes; a larger one is not read at all.
///
/// # Errors
/// As [`read_user_file`].
pub fn read_user_file_up_to(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, FileError> {
    let read = || {
        // The shell's own pipes have no name that leads to them.
        if std::fs::canonicalize(path).is_ok_and(|path| system::is_pipe(&path)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a named pipe"));
        }
        let file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        if length > limit_bytes {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        // Sized once: a buffer that grows leaves copies of what may be a secret.
        let mut bytes = Vec::with_capacity(usize::try_from(length.max(64 * 1024)).unwrap_or_default() + 1);
        file.take(limit_bytes + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > limit_bytes {
            true => Err(io::Error::from(io::ErrorKind::FileTooLarge)),
            false => Ok(bytes),
        }
    };
    read().map_err(refused("read", path))
}

/// Refuses a program that gets secrets and that others than root and the user may write to: whoever writes it gets them.
///
/// # Errors
/// If others may, then `Unsafe`; if the system refuses to look, then `Io`.
pub fn check_program(path: &Path) -> Result<(), FileError> {
    system::check_program(path)
}

/// Who may read a file that a person named, by its permission bits, if others than its owner may.
pub fn mode_if_others_read(path: &Path) -> Option<u32> {
    let mode = system::mode(&std::fs::metadata(path).ok()?);
    (mode & 0o044 != 0).then_some(mode)
}

/// Replaces a file that belongs to the user, such as the AWS config: whole, keeping its mode, following a symbolic link
/// to the file it names. A new file has mode 0600, and a folder created for it 0700.
///
/// # Errors
/// If the system refuses, or a symbolic link leads nowhere, then `Io`.
pub fn replace_keeping_mode(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        system::create_folders(parent).map_err(refused("create", parent))?;
    }
    let there = path.symlink_metadata().is_ok();
    let target = if there { path.canonicalize().map_err(refused("follow", path))? } else { path.to_owned() };
    let (folder, name) = folder_and_name(&target)?;
    let write = || {
        let former = if there { Some(target.metadata()?) } else { None };
        Temporary::write(&folder, bytes, former.as_ref(), "")?.rename(name)?;
        folder.sync()
    };
    write().map_err(refused("write", &target))
}

/// Creates a folder and its missing parents, each 0700 whatever the umask; what is there stays as it is.
///
/// # Errors
/// If the system refuses, then its error.
pub fn create_folders(path: &Path) -> io::Result<()> {
    system::create_folders(path)
}

fn folder_and_name(path: &Path) -> Result<(Folder, &OsStr), FileError> {
    let Some(name) = path.file_name() else {
        return Err(refused("write", path)(io::Error::new(io::ErrorKind::InvalidInput, "not a file name")));
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok((Folder::open(parent).map_err(refused("open", parent))?, name))
}
