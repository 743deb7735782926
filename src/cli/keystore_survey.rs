//! `keystore list`: the keystores there are, whether they can be used here, what each holds by its index, and what it is
//! used for and why. Nothing is unlocked, and nobody asked.

use std::io;

use serde_json::{Value, json};

use super::{keystores::Chosen, narrow, render, wire::World};
use crate::{
    commands::Error,
    environment::without_credentials,
    keystore::{HelperKeystore, KdfCost, KernelKeystore, KeystoreError, KeystoreKind, OsKeystore, PassKeystore},
    settings::SessionPlace,
    vault::{Index, PendingMove, Vault},
    visible::shell_word,
};

/// Where sessions alone may be.
const KERNEL: &str = "kernel";
const SEEDS: &str = "seeds";
/// Those that are in a keystore where no new ones go.
const SEEDS_OF_BEFORE: &str = "seeds of before";

/// Whether it can be used here and now.
pub(super) enum State {
    /// At once.
    Usable,
    /// Somebody has to open it first.
    Locked(String),
    /// Not here, with the reason.
    Unusable(String),
}

/// What it is used for.
pub(super) struct Use {
    /// `keys`, `seeds`, `seeds of before` or `sessions`.
    pub(super) what: &'static str,
    /// Who said so, or what led to it.
    pub(super) because: String,
}

/// A keystore.
pub(super) struct Surveyed {
    pub(super) name: &'static str,
    pub(super) state: State,
    /// Where its records rest, in words.
    pub(super) place: String,
    /// What a guess of the file's passphrase costs.
    pub(super) cost: Option<KdfCost>,
    pub(super) uses: Vec<Use>,
    /// What it holds.
    pub(super) index: Index,
}

/// All there are.
pub(super) struct Survey {
    pub(super) keystores: Vec<Surveyed>,
    /// A move that is not finished.
    pub(super) pending: Option<PendingMove>,
}

impl State {
    fn of(answer: Result<(), KeystoreError>) -> Self {
        match answer {
            Ok(()) => State::Usable,
            Err(KeystoreError::Locked { reason, .. }) => State::Locked(reason),
            Err(KeystoreError::Unavailable { reason, .. }) => State::Unusable(reason),
            Err(error) => State::Unusable(error.to_string()),
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            State::Usable => None,
            State::Locked(reason) | State::Unusable(reason) => Some(reason),
        }
    }
}

impl Survey {
    /// Looks at each keystore, for two seconds at most.
    ///
    /// # Errors
    /// If an index, a recorded choice or the journal of a move cannot be read, then `Vault`.
    pub(super) fn take(world: &World) -> Result<Self, Error> {
        let data = &world.environment.folders.data;
        let main = match world.wishes.main(&world.environment) {
            // The choice is free and waits for a keystore to be opened; that is seen below.
            Err(Error::Vault(crate::vault::VaultError::Keystore(_))) => None,
            main => Some(main?),
        };
        let seeds = main.as_ref().map(|main| world.wishes.seeds(&world.environment, main.kind)).transpose()?.flatten();
        let mut keystores = Vec::new();
        for kind in KeystoreKind::ALL {
            let (state, place, cost) = look(kind, world);
            let mut index = Vault::index_of(data, kind.name())?;
            index.sessions.retain(|_, entry| !entry.apart);
            let uses = uses(kind, world, main.as_ref(), seeds.as_ref());
            keystores.push(Surveyed { name: kind.name(), state, place, cost, uses, index });
        }
        keystores.push(kernel(world, main.as_ref())?);
        Ok(Survey { keystores, pending: Vault::pending_move(data)? })
    }
}

impl Survey {
    /// Those that are used, each with what it is used for, who said so, and whether it can be used.
    pub(super) fn used(&self) -> impl Iterator<Item = (String, String)> {
        self.keystores.iter().filter(|keystore| !keystore.uses.is_empty()).map(|keystore| {
            let uses: Vec<String> =
                keystore.uses.iter().map(|used| format!("{} ({})", used.what, used.because)).collect();
            let state = match &keystore.state {
                State::Usable => "usable".to_owned(),
                State::Locked(reason) => format!("locked: {reason}"),
                State::Unusable(reason) => format!("not usable: {reason}"),
            };
            (keystore.name.to_owned(), format!("{}; {state}", uses.join(", ")))
        })
    }
}

fn look(kind: KeystoreKind, world: &World) -> (State, String, Option<KdfCost>) {
    let inherited = || without_credentials(world.environment.inherited.iter().cloned()).collect();
    match kind {
        KeystoreKind::Os => {
            let place = match () {
                () if cfg!(target_os = "macos") => "Keychain",
                () if cfg!(windows) => "Credential Manager",
                () => "Secret Service",
            };
            (State::of(OsKeystore::probe(world.wishes.collection())), place.to_owned(), None)
        }
        KeystoreKind::File => {
            let file = world.file_keystore(false);
            let place = world.environment.folders.data.join("keystore").display().to_string();
            match (file.cost(), file.is_unlocked()) {
                (Ok(None), _) => (State::Usable, format!("{place} (not there yet)"), None),
                (Ok(cost), Ok(true)) => (State::Usable, place, cost),
                (Ok(cost), Ok(false)) => (State::Locked("opens with its passphrase".to_owned()), place, cost),
                (Err(error), _) | (_, Err(error)) => (State::of(Err(error)), place, None),
            }
        }
        KeystoreKind::Pass => {
            let pass = PassKeystore::new(false, inherited());
            let place =
                pass.store().map_or_else(|_| "-".to_owned(), |store| store.join("mfavault").display().to_string());
            (State::of(pass.probe()), place, None)
        }
        KeystoreKind::Helper => {
            let command = world.wishes.settings.helper.as_ref().map(|helper| helper.value.clone()).unwrap_or_default();
            let words: Vec<String> = command.iter().map(shell_word).collect();
            let place = if words.is_empty() { "-".to_owned() } else { words.join(" ") };
            (State::of(HelperKeystore::new(command, false, inherited()).probe()), place, None)
        }
    }
}

/// The sessions' own keystore, which holds nothing else.
fn kernel(world: &World, main: Option<&Chosen>) -> Result<Surveyed, Error> {
    let (data, settings) = (&world.environment.folders.data, &world.wishes.settings);
    let mut index = Index::default();
    if let Some(main) = main {
        let mut sessions = Vault::index_of(data, main.kind.name())?.sessions;
        sessions.retain(|_, entry| entry.apart);
        index.sessions = sessions;
    }
    let wish = settings.session_keystore.filter(|place| place.value == SessionPlace::Kernel);
    let because = |line| format!("{}:{line}", settings.path.display());
    let uses = wish.map(|place| Use { what: "sessions", because: because(place.line) });
    let place = "memory, for sessions only".to_owned();
    let state = State::of(KernelKeystore::probe());
    Ok(Surveyed { name: KERNEL, state, place, cost: None, uses: uses.into_iter().collect(), index })
}

fn uses(kind: KeystoreKind, world: &World, main: Option<&Chosen>, seeds: Option<&(Chosen, bool)>) -> Vec<Use> {
    let mut uses = Vec::new();
    let Some(main) = main else { return uses };
    let in_kernel = world.wishes.settings.session_keystore.is_some_and(|place| place.value == SessionPlace::Kernel);
    let with_keys = || "with the keys".to_owned();
    if kind == main.kind {
        uses.push(Use { what: "keys", because: main.reason.clone() });
        if seeds.is_none_or(|(_, takes_new)| !takes_new) {
            uses.push(Use { what: SEEDS, because: with_keys() });
        }
        if !in_kernel {
            uses.push(Use { what: "sessions", because: with_keys() });
        }
    }
    if let Some((seeds, takes_new)) = seeds.filter(|(seeds, _)| seeds.kind == kind) {
        let what = if *takes_new { SEEDS } else { SEEDS_OF_BEFORE };
        uses.push(Use { what, because: seeds.reason.clone() });
    }
    uses
}

/// Prints them.
pub(super) fn print(survey: &Survey, as_json: bool) -> io::Result<()> {
    if as_json {
        let rows = survey.keystores.iter().map(|keystore| row_json(keystore, survey.pending.as_ref()));
        return render::print_json(&Value::Array(rows.collect()));
    }
    let mut table = render::table(&["KEYSTORE", "STATE", "HOLDS", "USED FOR", "PLACE"]);
    for keystore in &survey.keystores {
        let state = match &keystore.state {
            State::Usable => "usable".to_owned(),
            State::Locked(reason) => format!("locked: {reason}"),
            State::Unusable(reason) => format!("not usable: {reason}"),
        };
        let used: Vec<&str> = keystore.uses.iter().map(|used| used.what).collect();
        let used = if used.is_empty() { "-".to_owned() } else { used.join(", ") };
        let place = match keystore.cost {
            Some(cost) => {
                format!("{} ({} MiB, {} passes a guess)", keystore.place, cost.memory_kib / 1024, cost.passes)
            }
            None => keystore.place.clone(),
        };
        render::add_row(&mut table, [keystore.name, &state, &held(&keystore.index), &used, &place]);
    }
    narrow::print_table(table)?;
    let mut lines = String::new();
    for what in ["keys", SEEDS, SEEDS_OF_BEFORE, "sessions"] {
        for keystore in &survey.keystores {
            for used in keystore.uses.iter().filter(|used| used.what == what) {
                lines.push_str(&format!("\n{what} in {}: {}", keystore.name, used.because));
            }
        }
    }
    if let Some(pending) = &survey.pending {
        lines.push_str(&format!(
            "\na move from {} to {} is not finished: `mfavault keystore move --to {}{}` goes on",
            pending.from,
            pending.to,
            pending.to,
            if pending.seeds_only { " --seeds" } else { "" }
        ));
    }
    render::print_lines(&lines)
}

/// What there is of each kind, with its number.
fn counts(index: &Index) -> [(&'static str, usize); 5] {
    [
        ("keys", index.keys.len()),
        ("devices", index.devices.len()),
        ("sessions", index.sessions.len()),
        ("sign_ins", index.sign_ins.len()),
        ("rotations", index.rotations.len()),
    ]
}

fn held(index: &Index) -> String {
    let held = counts(index).into_iter().filter(|(_, count)| *count > 0).map(|(what, count)| {
        let what = what.replace('_', "-");
        format!("{count} {}", if count == 1 { what.trim_end_matches('s') } else { &what })
    });
    let held: Vec<String> = held.collect();
    if held.is_empty() { "-".to_owned() } else { held.join(", ") }
}

fn row_json(keystore: &Surveyed, pending: Option<&PendingMove>) -> Value {
    let chosen: serde_json::Map<String, Value> =
        keystore.uses.iter().map(|used| (used.what.replace(' ', "_"), Value::from(used.because.as_str()))).collect();
    let records: serde_json::Map<String, Value> =
        counts(&keystore.index).into_iter().map(|(what, count)| (what.to_owned(), count.into())).collect();
    let pending = pending.filter(|pending| [&pending.from, &pending.to].iter().any(|name| *name == keystore.name));
    json!({
        "name": keystore.name,
        "usable": !matches!(keystore.state, State::Unusable(_)),
        "locked": matches!(keystore.state, State::Locked(_)),
        "reason": keystore.state.reason(),
        "place": keystore.place,
        "kdf": keystore.cost.map(|cost| json!({
            "memory_mib": cost.memory_kib / 1024, "passes": cost.passes, "lanes": cost.lanes
        })),
        "used_for": keystore.uses.iter().map(|used| used.what.replace(' ', "_")).collect::<Vec<_>>(),
        "because": chosen,
        "records": records,
        "unfinished_move": pending.map(|pending| json!({
            "from": pending.from, "to": pending.to, "seeds_only": pending.seeds_only
        })),
    })
}
