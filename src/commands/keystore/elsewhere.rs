//! What of this vault is in a keystore that is not used now, so that nobody takes it for lost.

use crate::{
    commands::{Context, Error},
    keystore::KeystoreKind,
    vault::{Index, Vault},
};

/// What the keystores that are not used hold by their indexes, in words, if those that are used hold nothing of the kind.
///
/// # Errors
/// If an index cannot be read, then `Vault`.
pub fn notes(context: &Context<'_>) -> Result<Vec<String>, Error> {
    let vault = context.vault;
    let here = vault.index()?;
    let used = [vault.keystore_name(), vault.seed_keystore_name()];
    let mut notes = Vec::new();
    for kind in KeystoreKind::ALL.into_iter().filter(|kind| !used.contains(&kind.name())) {
        let there = Vault::index_of(&context.environment.folders.data, kind.name())?;
        if let Some(what) = hidden(&here, &there) {
            notes.push(format!(
                "note: the keystore `{kind}` holds {what} of this vault, and is not used now: `--keystore {kind}` uses it, \
                 `mfavault keystore list` shows why it is not"
            ));
        }
    }
    Ok(notes)
}

fn hidden(here: &Index, there: &Index) -> Option<String> {
    let counted = |count, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let keys = Some(there.keys.len()).filter(|count| here.keys.is_empty() && *count > 0);
    let devices = Some(there.devices.len()).filter(|count| here.devices.is_empty() && *count > 0);
    let kinds = [keys.map(|count| counted(count, "access key")), devices.map(|count| counted(count, "MFA device"))];
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    (!kinds.is_empty()).then(|| kinds.join(" and "))
}
