//! `keystore move`: everything, or the seeds alone, goes to another keystore; what an earlier run left is ended first.

use crate::{
    commands::{Context, Error, Outcome},
    keystore::{Keystore, KeystoreKind},
    vault::{Index, Leg, Settled},
};

/// How many names are shown before the rest is only counted.
const SHOWN: usize = 20;

/// What goes where.
pub struct Arguments<'a> {
    /// The keystore that it goes to.
    pub to: KeystoreKind,
    /// Whether only devices go, to a place of their own or back.
    pub seeds_only: bool,
    /// Whether it was confirmed beforehand.
    pub confirmed: bool,
    /// The keystores there are, opened when they are needed.
    pub keystores: &'a [&'a dyn Keystore],
}

/// Ends what an earlier run left, shows what would move, asks, and moves it.
///
/// # Errors
/// As [`Vault::move_to`](crate::vault::Vault::move_to); if nobody confirms, then `Prompt` or `Declined`.
pub fn run(context: &Context<'_>, arguments: &Arguments<'_>) -> Result<Outcome, Error> {
    let (vault, to) = (context.vault, arguments.to.name());
    let say = || context.prompt.say("waiting for a command that must not be interrupted by this");
    if let Some(settled) = vault.settle_move(arguments.keystores, &say)? {
        say_how(context, &settled);
    }
    let legs = vault.legs(to, arguments.seeds_only)?;
    if legs.is_empty() {
        let are_apart = vault.index()?.devices.values().any(|device| device.keystore != to);
        context.prompt.say(&match (arguments.seeds_only, are_apart) {
            (true, _) => format!("nothing to move: the seeds of this vault are in the keystore `{to}`"),
            (false, false) => format!("nothing to move: everything of this vault is in the keystore `{to}`"),
            (false, true) => format!(
                "nothing to move: all but the seeds of this vault is in the keystore `{to}`; `mfavault keystore move --to \
                 {to} --seeds` takes them there"
            ),
        });
        return Ok(Outcome::Done);
    }
    let mut count = 0;
    for leg in &legs {
        context.prompt.say(&format!("from the keystore `{}` to `{to}`:", leg.from));
        let lines = shown(&leg.part);
        count += lines.iter().map(|(_, count)| count).sum::<usize>();
        lines.iter().for_each(|(line, _)| context.prompt.say(&format!("  {line}")));
    }
    let question = match count {
        0 => format!("Have what comes from now on go to the keystore `{to}`?"),
        count => format!("Move {} to the keystore `{to}`?", counted(count, "record")),
    };
    context.confirm(arguments.confirmed, &question, "--yes")?;
    let moved = vault.move_to(to, arguments.seeds_only, arguments.keystores, context.clock.now(), &say)?;
    for record in &moved.gone {
        context
            .prompt
            .say(&format!("note: {record} was named in the index, but not in the keystore: it is named no more"));
    }
    for kind in ["session", "sign-in"] {
        let count = moved.unreadable.iter().filter(|record| record.kind() == kind).count();
        if count > 0 {
            context.prompt.say(&format!(
                "note: {} could not be read: forgotten, and obtained anew when it is needed",
                counted(count, kind)
            ));
        }
    }
    context.prompt.say(&match moved.records {
        0 => format!("what comes from now on goes to the keystore `{to}`"),
        records => format!(
            "moved {} to the keystore `{to}`: read back, compared, and gone where they were",
            counted(records, "record")
        ),
    });
    say_if_together(context, arguments, &legs)?;
    Ok(Outcome::Done)
}

/// That one unlocking gives both factors from now on, where it did not before.
fn say_if_together(context: &Context<'_>, arguments: &Arguments<'_>, legs: &[Leg]) -> Result<(), Error> {
    let vault = context.vault;
    let were_apart = vault.seed_keystore_name() != vault.keystore_name();
    let to = arguments.to.name();
    let are_together =
        if arguments.seeds_only { to == vault.keystore_name() } else { to == vault.seed_keystore_name() };
    if were_apart && are_together && !legs.is_empty() {
        context.prompt.say(&format!(
            "note: keys and seeds are both in the keystore `{to}` now: one unlocking gives both factors"
        ));
    }
    Ok(())
}

fn say_how(context: &Context<'_>, settled: &Settled) {
    let Settled { from, to, finished, kept } = settled;
    context.prompt.say(&match finished {
        true => format!("finished the move from the keystore `{from}` to `{to}` that an earlier run began"),
        false => format!("an earlier run did not finish moving to `{to}`: what it copied is gone, all is in `{from}`"),
    });
    for record in kept {
        context.prompt.say(&format!("note: {record} came to the keystore `{from}` since then, and stays there"));
    }
}

/// What a part holds, a line each, with how many records each line stands for.
fn shown(part: &Index) -> Vec<(String, usize)> {
    let keys = part.keys.iter().map(|(profile, key)| format!("access key of {profile}, {}", key.masked_access_key_id));
    let devices = part.devices.iter().map(|(name, device)| match &device.serial_number {
        Some(serial_number) => format!("MFA device {name}, {serial_number}"),
        None => format!("MFA device {name}"),
    });
    let mut lines: Vec<(String, usize)> = keys.chain(devices).map(|line| (line, 1)).collect();
    if lines.len() > SHOWN {
        let more = lines.split_off(SHOWN).len();
        lines.push((format!("and {more} more"), more));
    }
    let others = [
        (part.sessions.len(), "session"),
        (part.sign_ins.len(), "sign-in"),
        (part.rotations.len(), "rotation under way"),
    ];
    lines.extend(others.iter().filter(|(count, _)| *count > 0).map(|(count, what)| (counted(*count, what), *count)));
    lines
}

/// `1 record`, `3 records`; of several words, the first is the noun.
fn counted(count: usize, what: &str) -> String {
    let (noun, rest) = what.split_once(' ').map_or((what, String::new()), |(noun, rest)| (noun, format!(" {rest}")));
    format!("{count} {noun}{}{rest}", if count == 1 { "" } else { "s" })
}
