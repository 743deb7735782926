//! What in our folders is not as we leave it: looked at from outside, so that looking changes nothing, and put right.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use ring::rand::{SecureRandom, SystemRandom};

use super::{FileError, PrivateFolder, TEMPORARY_PREFIX, Temporary, refused, system};

/// More than the files of most vaults.
const TRIED_BYTES: usize = 64 * 1024;

/// What was found in one folder; nothing where there is no folder.
#[derive(Debug, Default)]
pub struct Survey {
    /// Why the folder itself, or files in it, will be refused: somebody else owns them.
    pub foreign: Vec<FileError>,
    /// The folder itself and files in it that others may look into, with their mode.
    pub loose: Vec<(PathBuf, u32)>,
    /// Unfinished files that dead processes left.
    pub temporary: Vec<PathBuf>,
    /// Lock files, by name.
    pub locks: Vec<String>,
}

/// Looks at a folder of ours without opening it, because that would tighten it.
///
/// # Errors
/// If the system refuses, then `Io`.
pub fn survey(folder: &Path) -> Result<Survey, FileError> {
    let mut survey = Survey::default();
    let Some(mode) = mode_of(folder).map_err(refused("look at", folder))? else { return Ok(survey) };
    if let Some(error) = system::foreign(folder) {
        survey.foreign.push(error);
        return Ok(survey);
    }
    if mode & 0o077 != 0 {
        survey.loose.push((folder.to_owned(), mode));
    }
    let mut names: Vec<String> = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>())
        .map_err(refused("look into", folder))?
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .collect();
    names.sort();
    for name in names {
        let path = folder.join(&name);
        let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        let foreign = if is_file { system::foreign(&path) } else { None };
        let is_foreign = foreign.is_some();
        survey.foreign.extend(foreign);
        match mode_of(&path).map_err(refused("look at", &path))? {
            // Only its owner can change its mode.
            _ if is_foreign => {}
            Some(mode) if is_file && mode & 0o077 != 0 && !name.starts_with(TEMPORARY_PREFIX) => {
                survey.loose.push((path.clone(), mode))
            }
            _ => {}
        }
        if is_file && name.starts_with(TEMPORARY_PREFIX) && system::is_left_over(&path, TEMPORARY_PREFIX) {
            survey.temporary.push(path);
        } else if is_file && name.ends_with(".lock") {
            survey.locks.push(name);
        }
    }
    Ok(survey)
}

/// Sees whether a folder of ours takes a file: by one that is gone again, because nothing else tells of every quota and
/// every disk. Where there is no folder there is nothing to see, and in somebody else's nothing is tried.
///
/// # Errors
/// If the system refuses, then `Io`.
pub fn try_to_write(folder: &Path) -> Result<(), FileError> {
    if !folder.is_dir() || system::foreign(folder).is_some() {
        return Ok(());
    }
    let opened = system::Folder::open(folder).map_err(refused("open", folder))?;
    let mut bytes = vec![0; TRIED_BYTES];
    // What compresses well takes no room; if there is no chance to be had, zeros do.
    let _ = SystemRandom::new().fill(&mut bytes);
    Temporary::write(&opened, &bytes, None, "-trial").map(drop).map_err(refused("write to", folder))
}

/// The permission bits; none if nothing is there.
fn mode_of(path: &Path) -> io::Result<Option<u32>> {
    match path.symlink_metadata() {
        // A link's own mode says nothing, and where it may lead is for whoever opens it.
        Ok(metadata) if metadata.is_symlink() => Ok(None),
        Ok(metadata) => Ok(Some(system::mode(&metadata))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl PrivateFolder {
    /// Gives the files in it that others may look into mode 0600, as opening the folder gave it 0700.
    ///
    /// # Errors
    /// As [`PrivateFolder::read`].
    pub fn tighten(&self, name: &str) -> Result<(), FileError> {
        let path = self.path_of(name, "tighten")?;
        self.folder.open_to_read(&path, OsStr::new(name)).map(drop)
    }

    /// Removes an unfinished file that a dead process left, as [`survey`] found it.
    ///
    /// # Errors
    /// If the system refuses, then `Io`.
    pub fn remove_left_over(&self, path: &Path) -> Result<(), FileError> {
        match path.file_name().filter(|_| system::is_left_over(path, TEMPORARY_PREFIX)) {
            Some(name) => self.folder.remove(name).map_err(refused("remove", path)),
            None => Ok(()),
        }
    }

    /// Removes a lock file that nobody holds; says whether that was so. Who waits for it meanwhile makes it anew.
    ///
    /// # Errors
    /// As [`PrivateFolder::lock`].
    pub fn remove_idle_lock(&self, name: &str) -> Result<bool, FileError> {
        let path = self.path_of(name, "lock")?;
        let file = self.folder.open_to_lock(&path, OsStr::new(name))?;
        self.remove_if_idle(&file, name).map_err(refused("remove", &path))
    }

    pub(super) fn remove_if_idle(&self, file: &File, name: &str) -> io::Result<bool> {
        // Once somebody else has removed it, its name is of another lock, which may be held.
        let is_idle = file.try_lock().is_ok() && system::has_its_name(file)?;
        if is_idle {
            self.folder.remove(OsStr::new(name))?;
        }
        Ok(is_idle)
    }
}
