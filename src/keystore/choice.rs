//! Which keystore is used, and why: what was asked for, else where the vault is, else what this machine has.

use std::fmt;

use super::KeystoreError;

/// The kinds of keystore there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeystoreKind {
    /// The operating system's own.
    Os,
    /// The encrypted file.
    File,
    /// The password store of the program `pass`.
    Pass,
    /// A program that speaks our protocol.
    Helper,
}

impl KeystoreKind {
    /// All of them.
    pub const ALL: [KeystoreKind; 4] = [KeystoreKind::Os, KeystoreKind::File, KeystoreKind::Pass, KeystoreKind::Helper];

    /// The kind of this name, such as `os` or `file`.
    pub fn named(name: &str) -> Option<KeystoreKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name a person uses for it.
    pub fn name(self) -> &'static str {
        match self {
            KeystoreKind::Os => "os",
            KeystoreKind::File => "file",
            KeystoreKind::Pass => "pass",
            KeystoreKind::Helper => "helper",
        }
    }
}

impl fmt::Display for KeystoreKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A keystore and the reason for it, as a person reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Which one.
    pub kind: KeystoreKind,
    /// Such as `the system's keystore answers`.
    pub reason: String,
}

/// Chooses: `wish` was asked for by name, `recorded` is where the vault was made. The system's keystore is probed only
/// when there is neither, so a recorded one that does not work is an error of its own calls, never a change of place.
///
/// # Errors
/// If the choice is free and the system's keystore is there but locked, then `Locked`: the next run would find it open,
/// and records must not end up in two places.
pub fn choose(
    wish: Option<KeystoreKind>,
    recorded: Option<KeystoreKind>,
    probe: impl FnOnce() -> Result<(), KeystoreError>,
) -> Result<Choice, KeystoreError> {
    let (kind, reason) = match (wish, recorded) {
        (Some(wish), _) => (wish, "it was asked for".to_owned()),
        (None, Some(recorded)) => (recorded, "the vault is there".to_owned()),
        (None, None) => match probe() {
            Ok(()) => (KeystoreKind::Os, "the system's keystore answers".to_owned()),
            Err(KeystoreError::Unavailable { reason, .. }) => {
                (KeystoreKind::File, format!("no system keystore: {reason}; using the encrypted file"))
            }
            Err(error) => return Err(error),
        },
    };
    Ok(Choice { kind, reason })
}

#[cfg(test)]
mod tests {
    use KeystoreKind::{File, Os};

    use super::*;

    fn not_probed() -> Result<(), KeystoreError> {
        panic!("the choice was made already")
    }

    fn absent() -> Result<(), KeystoreError> {
        Err(KeystoreError::Unavailable { keystore: "os", reason: "no D-Bus session bus".to_owned() })
    }

    #[test]
    fn a_wish_comes_before_the_record_and_both_before_a_probe() {
        for (wish, recorded, kind, reason) in [
            (Some(File), None, File, "it was asked for"),
            (Some(Os), Some(Os), Os, "it was asked for"),
            (Some(File), Some(Os), File, "it was asked for"),
            (None, Some(Os), Os, "the vault is there"),
            (None, Some(File), File, "the vault is there"),
        ] {
            let choice = choose(wish, recorded, not_probed).unwrap();
            assert_eq!((choice.kind, choice.reason.as_str()), (kind, reason));
        }
    }

    #[test]
    fn a_free_choice_takes_the_systems_keystore_where_there_is_one() {
        assert_eq!(choose(None, None, || Ok(())).unwrap().kind, Os);
        let choice = choose(None, None, absent).unwrap();
        assert_eq!(choice.kind, File);
        assert_eq!(choice.reason, "no system keystore: no D-Bus session bus; using the encrypted file");
    }

    #[test]
    fn a_locked_keystore_is_not_passed_over() {
        let locked = || Err(KeystoreError::Locked { keystore: "os", reason: String::new() });
        assert!(matches!(choose(None, None, locked), Err(KeystoreError::Locked { .. })));
    }

    #[test]
    fn kinds_are_known_by_their_names() {
        for kind in KeystoreKind::ALL {
            assert_eq!(KeystoreKind::named(&kind.to_string()), Some(kind));
        }
        assert_eq!(KeystoreKind::named("auto"), None);
    }
}
