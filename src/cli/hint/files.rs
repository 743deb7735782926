//! What to do about what is kept: the vault and its keystores, files, backups, the exports of others.

use std::io;

use crate::{
    atomic_file::FileError,
    backup_file::BackupFileError,
    commands::backup::SharesError,
    keystore::KeystoreError,
    mfa::interchange::InterchangeError,
    vault::{Part, VaultError},
    visible::shell_word,
};

pub(super) fn of_vault(error: &VaultError) -> Option<String> {
    match error {
        VaultError::Keystore(error) => of_keystore(error),
        VaultError::File(error) => of_file(error),
        VaultError::Damaged { what, .. } => of_damage(what),
        VaultError::NotReadBack { .. } => Some("nothing was entrusted to it; try another with --keystore".to_owned()),
    }
}

fn of_damage(what: &Part) -> Option<String> {
    match what {
        Part::Record(record) => match record.kind() {
            "key" => Some(format!("store it again with `mfavault add {} --force`", shell_word(record.name()))),
            "device" => Some(format!(
                "forget `{}` with `mfavault mfa remove`, then `mfavault backup restore FILE` brings it back",
                record.name()
            )),
            _ => None,
        },
        Part::Index(path) => Some(format!(
            "move {} away; the records themselves stay, and `mfavault add PROFILE` and `mfavault mfa import NAME` enter \
             them again",
            path.display()
        )),
        Part::Ledger(path) => {
            Some(format!("delete {}; codes of the last minutes may then be refused once", path.display()))
        }
        Part::Choice(path) => {
            Some(format!("write `os` or `file`, where your records are, into {}, or give --keystore", path.display()))
        }
    }
}

fn of_keystore(error: &KeystoreError) -> Option<String> {
    match error {
        KeystoreError::Locked { keystore: "file", .. } => Some(
            "run it on a terminal, or `mfavault unlock --for 8h` first, or set MFAVAULT_PASSPHRASE_FILE".to_owned(),
        ),
        KeystoreError::Locked { .. } => Some("unlock it where you manage your passwords, then try again".to_owned()),
        KeystoreError::WrongPassphrase { .. } => Some(
            "try again; MFAVAULT_PASSPHRASE and MFAVAULT_PASSPHRASE_FILE come before a question; the keystore itself is whole"
                .to_owned(),
        ),
        KeystoreError::Unavailable { keystore: "os", .. } => {
            Some("start the system's keyring, or use the encrypted file with --keystore file".to_owned())
        }
        KeystoreError::Corrupt { keystore: "file", .. } => Some(
            "the generation before it is beside it: copy `keystore.previous` to `keystore` to go back to it".to_owned(),
        ),
        KeystoreError::File(error) => of_file(error),
        KeystoreError::NotFound { .. }
        | KeystoreError::Interrupted
        | KeystoreError::Unavailable { .. }
        | KeystoreError::TooLarge { .. }
        | KeystoreError::Corrupt { .. } => None,
    }
}

pub(super) fn of_file(error: &FileError) -> Option<String> {
    match error {
        FileError::Unsafe { repair, .. } => Some(repair.clone()),
        FileError::Io { source, .. } => match source.kind() {
            io::ErrorKind::AlreadyExists => Some("choose another name, or replace it with --force".to_owned()),
            io::ErrorKind::StorageFull => Some("free some space; what was there before is whole".to_owned()),
            _ => None,
        },
    }
}

pub(super) fn of_backup(error: &BackupFileError) -> Option<String> {
    match error {
        BackupFileError::NeedsIdentity | BackupFileError::NoMatchingIdentity => {
            Some("give the private key with --identity FILE".to_owned())
        }
        BackupFileError::MixedPassphrase => Some("leave out --passphrase-file or --recipient".to_owned()),
        BackupFileError::DamagedShare { .. } => {
            Some("take the file as it was written, or another share instead".to_owned())
        }
        BackupFileError::SharesDoNotFit => {
            Some("give one share more, if there is one: then the wrong one can be named".to_owned())
        }
        _ => None,
    }
}

pub(super) fn of_shares(error: &SharesError) -> Option<String> {
    Some(match error {
        SharesError::NoShare { .. } => "give one backup, or several shares of one".to_owned(),
        SharesError::OtherSet { .. } => "the line `set:` in each file says which belong together".to_owned(),
        SharesError::Twice { .. } => "give each share once".to_owned(),
        SharesError::TooFew { needed, .. } => {
            format!("name {needed} of the files at once")
        }
        SharesError::Wrong { path } => format!("leave {} out", path.display()),
    })
}

pub(super) fn of_interchange(error: &InterchangeError) -> Option<String> {
    match error {
        InterchangeError::NotThisFormat { .. } => {
            Some("name another FORMAT after --from; a backup of mfavault is for `mfavault backup restore`".to_owned())
        }
        InterchangeError::SeveralFiles { .. } => Some("import one after the other".to_owned()),
        InterchangeError::NeedsPassword => Some("give --password-file FILE".to_owned()),
        InterchangeError::WrongPassword => Some("try again with the password the export was made with".to_owned()),
        InterchangeError::AccountRestricted => {
            Some("export again with a password of its own (\"Password protected\"), or without encryption".to_owned())
        }
        InterchangeError::Incomplete { .. } => Some("name the pictures of all its QR codes at once".to_owned()),
        InterchangeError::TooCostly { .. } | InterchangeError::TooLarge { .. } => None,
    }
}
