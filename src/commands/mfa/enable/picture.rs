//! The seed as a QR code in a file: written before the device is enabled, known again by a later run, removed when the
//! seed is forgotten.

use std::{fs, io, path::Path};

use super::Ceremony;
use crate::{
    atomic_file::{self, FileError},
    commands::Error,
    mfa::{qr, uri::OtpauthUri},
    secret::SecretBytes,
    vault::{AuditEvent, DeviceRecord},
};

impl Ceremony<'_> {
    /// Refuses a file that is there already while there is no seed yet whose picture it could be.
    pub(super) fn check_no_picture(&self) -> Result<(), Error> {
        match &self.arguments.qr {
            Some(path) => {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
                    return Err(Error::NoFolder { path: folder.to_owned() });
                }
                atomic_file::check_new_file(path).map_err(|error| taken(path, error))
            }
            None => Ok(()),
        }
    }

    /// Writes the picture that was asked for, unless an earlier run did. It is a backup of the seed, and noted as one.
    pub(super) fn write_picture(&self, record: &DeviceRecord) -> Result<(), Error> {
        let Some(path) = &self.arguments.qr else { return Ok(()) };
        // One that was here before this run may ask.
        self.context.agree_to_seed(record, "mfavault mfa enable --qr")?;
        let picture = picture(record)?;
        match holds(path, &picture) {
            true => self.say(&format!("the QR code is in {} already", path.display())),
            false => {
                let names = [record.device.name.clone()];
                self.context.audit(&AuditEvent::Exported { format: "qr", names: &names })?;
                atomic_file::write_user_file(path, picture.expose(), false).map_err(|error| taken(path, error))?;
                self.say(&format!("wrote the QR code to {}: keep it where no computer reads it", path.display()));
            }
        }
        Ok(self.context.vault.note_picture(&record.device.name, self.context.clock.now())?)
    }

    /// Removes the picture of a seed that is good for nothing any more.
    pub(super) fn remove_picture(&self, record: &DeviceRecord) {
        let Some(path) = &self.arguments.qr else { return };
        if picture(record).is_ok_and(|picture| holds(path, &picture)) {
            self.say(&match fs::remove_file(path) {
                Ok(()) => format!("removed {}, its QR code", path.display()),
                Err(error) => format!("{} is of no use any more, and cannot be removed: {error}", path.display()),
            });
        }
    }
}

fn picture(record: &DeviceRecord) -> Result<SecretBytes, Error> {
    Ok(qr::png(&OtpauthUri::of(&record.device).to_uri())?)
}

/// Whether this very picture is in the file. What is no regular file of its length is not opened: a pipe would wait.
fn holds(path: &Path, picture: &SecretBytes) -> bool {
    let length = picture.expose().len() as u64;
    let alike = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == length);
    alike && atomic_file::read_user_file(path).is_ok_and(|bytes| SecretBytes::from(bytes) == *picture)
}

fn taken(path: &Path, error: FileError) -> Error {
    match error {
        FileError::Io { source, .. } if source.kind() == io::ErrorKind::AlreadyExists => {
            Error::PictureExists { path: path.to_owned() }
        }
        error => error.into(),
    }
}
