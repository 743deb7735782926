//! From the words of `keystore` to what they do; which adapters are real is `keystores`' knowledge.

use super::{
    args::{KeystoreCommand, KeystoreListArgs, KeystoreMoveArgs},
    keystore_survey::{self, Survey},
    passphrase,
    wire::World,
};
use crate::{
    commands::{self, Context, Error, Outcome, keystore::moving},
    keystore::Keystore,
    session::ObtainError,
};

pub(super) fn run(world: &World, context: &Context<'_>, command: KeystoreCommand) -> Result<Outcome, Error> {
    match command {
        KeystoreCommand::List(arguments) => list(world, &arguments).map(|()| Outcome::Done),
        KeystoreCommand::Move(arguments) => move_records(world, context, &arguments),
        KeystoreCommand::Passphrase(arguments) => passphrase::run(world, context, arguments),
    }
}

/// Without a vault, which may be in none of them yet, or in one that does not answer.
pub(super) fn list(world: &World, arguments: &KeystoreListArgs) -> Result<(), Error> {
    let survey = Survey::take(world)?;
    keystore_survey::print(&survey, arguments.json)
        .map_err(|source| Error::Io { action: "write to standard output", source })
}

fn move_records(world: &World, context: &Context<'_>, arguments: &KeystoreMoveArgs) -> Result<Outcome, Error> {
    let all = world.wishes.all(world);
    let keystores: Vec<&dyn Keystore> = all.iter().map(|keystore| &**keystore).collect();
    let (to, seeds_only) = (arguments.to, arguments.seeds);
    let wanted = moving::Arguments { to, seeds_only, confirmed: arguments.yes, keystores: &keystores };
    let outcome = commands::keystore::moving::run(context, &wanted)?;
    match seeds_only {
        true => world.wishes.say_who_wants_seeds_otherwise(to, to.name() != context.vault.keystore_name(), world),
        false => world.wishes.say_who_wants_otherwise(to, world),
    }
    Ok(outcome)
}

/// Before an error is reported about something that may be in a keystore which is not used now.
pub(super) fn say_if_elsewhere(context: &Context<'_>, error: &Error) {
    let is_about_absence = matches!(
        error,
        Error::NoKey { .. }
            | Error::NoDevice { .. }
            | Error::NoDeviceOfProfile { .. }
            | Error::NothingToBackUp
            | Error::Obtain(ObtainError::NoKey { .. })
    );
    if is_about_absence {
        say_what_is_elsewhere(context);
    }
}

/// An index that cannot be read is no matter here: what is used has one of its own.
pub(super) fn say_what_is_elsewhere(context: &Context<'_>) {
    let notes = commands::keystore::elsewhere::notes(context).unwrap_or_default();
    notes.iter().for_each(|note| context.prompt.say(note));
}
