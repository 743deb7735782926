//! What to do about what is kept: the vault and its keystores, files, backups, the exports of others.

use std::{io, path::Path};

use crate::{
    atomic_file::FileError,
    aws_vault::AwsVaultError,
    backup_file::BackupFileError,
    commands::backup::SharesError,
    environment::{Environment, Folders},
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
        VaultError::Moved { .. } => Some("run the same again: it finds them there".to_owned()),
        VaultError::MoveConflict { keystore, .. } => Some(format!(
            "nothing was moved; look at what is there with `mfavault list --keystore {keystore}` and `mfavault mfa list \
             --keystore {keystore}`, and rename or remove one of the two"
        )),
        VaultError::WouldHide { keystore, seeds_only } => {
            let seeds = if *seeds_only { " --seeds" } else { "" };
            Some(format!(
                "leave out what asks for another keystore (--keystore, MFAVAULT_KEYSTORE, MFAVAULT_SEED_KEYSTORE, the \
                 settings), and the vault moves; or `keystore move --to {keystore}{seeds}` first, which brings both together"
            ))
        }
        VaultError::MoveUnfinished { from, to, seeds_only, .. } => {
            // Without it, the keys would follow the seeds.
            let seeds = if *seeds_only { " --seeds" } else { "" };
            Some(format!(
                "nothing is lost: `mfavault keystore move --to {to}{seeds}` goes on from here, `mfavault keystore move --to \
                 {from}{seeds}` goes back"
            ))
        }
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
        Part::Index(_) => Some(
            "`mfavault doctor --fix` makes it anew from what the keystore holds, and sets the damaged one aside"
                .to_owned(),
        ),
        Part::Ledger(path) => {
            Some(format!("delete {}; codes of the last minutes may then be refused once", path.display()))
        }
        Part::Move(path) => Some(format!(
            "move {} away; what was being moved is in one of the two keystores, or in both: `mfavault keystore list` shows where",
            path.display()
        )),
        Part::Choice(path) => Some(format!(
            "write `os`, `file`, `pass` or `helper`, where your records are, into {}, or give --keystore",
            path.display()
        )),
    }
}

fn of_keystore(error: &KeystoreError) -> Option<String> {
    match error {
        KeystoreError::Locked { keystore: "file", .. } => Some(
            "run it on a terminal, or `mfavault unlock --for 8h` first, or set MFAVAULT_PASSPHRASE_FILE".to_owned(),
        ),
        KeystoreError::Locked { keystore: "pass", .. } => Some(
            "show any entry with `pass show NAME` first, and GnuPG's agent remembers the passphrase for a while; or run \
             it where you may be asked"
                .to_owned(),
        ),
        KeystoreError::Locked { keystore: "helper", .. } => {
            Some("sign in to what the helper speaks to, or run it where you may be asked".to_owned())
        }
        KeystoreError::Locked { keystore: "os", .. } => Some(
            "log in to the desktop, or run it on a terminal there, where it can ask; or use the encrypted file with \
             --keystore file"
                .to_owned(),
        ),
        KeystoreError::Locked { .. } => Some("unlock it where you manage your passwords, then try again".to_owned()),
        KeystoreError::WrongPassphrase { .. } => Some(
            "try again; MFAVAULT_PASSPHRASE and MFAVAULT_PASSPHRASE_FILE come before a question; the keystore itself is whole"
                .to_owned(),
        ),
        KeystoreError::Unavailable { keystore: "os", .. } => {
            Some(
                "over SSH and in containers there is often none: use the encrypted file with --keystore file; on a \
                 desktop, start its keyring, or log in anew"
                    .to_owned(),
            )
        }
        KeystoreError::Corrupt { keystore: "os", .. } => {
            Some("find the items of mfavault where you manage your passwords, and delete what is not right".to_owned())
        }
        KeystoreError::Unavailable { keystore: "pass", .. } => Some(
            "`pass insert try/it` and `pass show try/it` must work by themselves; `pass init GPG-ID` makes a store"
                .to_owned(),
        ),
        KeystoreError::Unavailable { keystore: "helper", .. } => {
            Some("look at the setting `helper`: it is the program's absolute path and its arguments".to_owned())
        }
        KeystoreError::Unavailable { keystore: "kernel", .. } => {
            Some("take the setting `session_keystore` out, and sessions go where the keys are".to_owned())
        }
        KeystoreError::Corrupt { keystore: "file", .. } => Some(
            "`mfavault doctor --restore-keystore` goes back to the generation before, and sets what is damaged aside; if \
             that is damaged, too, move both files away, and bring a backup back with `mfavault backup restore FILE`"
                .to_owned(),
        ),
        KeystoreError::File(error) => of_file(error),
        KeystoreError::NotFound { .. }
        | KeystoreError::NothingToRestore { .. }
        | KeystoreError::Interrupted
        | KeystoreError::Unavailable { .. }
        | KeystoreError::TooLarge { .. }
        | KeystoreError::Corrupt { .. } => None,
    }
}

pub(super) fn of_file(error: &FileError) -> Option<String> {
    match error {
        FileError::Unsafe { repair, .. } => Some(repair.clone()),
        FileError::Io { path, source, .. } => match source.kind() {
            io::ErrorKind::AlreadyExists => Some("choose another name, or replace it with --force".to_owned()),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("free some space; what was there before is whole".to_owned())
            }
            io::ErrorKind::ReadOnlyFilesystem => {
                let folders = Environment::read().ok().map(|environment| environment.folders);
                Some(off_a_read_only_disk(path, folders.as_ref()))
            }
            _ => None,
        },
    }
}

/// How the vault goes to another disk: what there is of our three folders, as `MFAVAULT_HOME` has them.
fn off_a_read_only_disk(path: &Path, folders: Option<&Folders>) -> String {
    let ours = |folders: &&Folders| {
        [&folders.config, &folders.data, &folders.state].into_iter().any(|folder| path.starts_with(folder))
    };
    let Some(folders) = folders.filter(ours) else { return "name a place on a disk that can be written".to_owned() };
    let mut commands = vec!["mkdir -m 700 DIR".to_owned()];
    for (from, to) in [
        (folders.config.join("config.toml"), "DIR"),
        (folders.data.clone(), "DIR/data"),
        (folders.state.clone(), "DIR/state"),
    ] {
        if from.exists() {
            commands.push(format!("cp -a {} {to}", shell_word(from.display())));
        }
    }
    commands.push("export MFAVAULT_HOME=DIR".to_owned());
    format!("take the vault along, DIR being a new folder on a disk that can be written: `{}`", commands.join(" && "))
}

pub(super) fn of_aws_vault(error: &AwsVaultError) -> Option<String> {
    match error {
        AwsVaultError::Unavailable { .. } => Some(
            "start the system's keyring; if the keys are elsewhere, give --backend file or --backend pass".to_owned(),
        ),
        AwsVaultError::Locked { .. } => Some("unlock it where you manage your passwords, then try again".to_owned()),
        AwsVaultError::WrongPassphrase { .. } => {
            Some("try again; AWS_VAULT_FILE_PASSPHRASE, if it is set, comes before the question".to_owned())
        }
        AwsVaultError::File(error) => of_file(error),
        AwsVaultError::TooMany { .. } | AwsVaultError::Folder { .. } => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_of_the_seeds_goes_on_and_back_without_the_keys() {
        let unfinished = |seeds_only| {
            let source = Box::new(VaultError::Moved { from: "file".to_owned(), to: "os".to_owned() });
            let (from, to) = ("file".to_owned(), "os".to_owned());
            of_vault(&VaultError::MoveUnfinished { from, to, seeds_only, source }).expect("a hint")
        };
        let commands = |hint: &str| hint.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let of_all = ["mfavault keystore move --to os", "mfavault keystore move --to file"];
        assert_eq!(commands(&unfinished(false)), of_all);
        assert_eq!(commands(&unfinished(true)), of_all.map(|command| format!("{command} --seeds")));
    }
}
