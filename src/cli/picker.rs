//! Which profile a command is about that was called without one: on a terminal a person chooses, the most used first.

use super::{
    args::{Command, SessionArgs},
    wire::World,
};
use crate::{
    commands::{Context, Error, list},
    profile::ProfileName,
};

/// Fills in the profile where a person can be asked for it and there are several; gives the one that is used then, if
/// the command is one of those that hand out its credentials.
pub(super) fn settle(
    world: &World,
    context: &Context<'_>,
    command: &mut Command,
) -> Result<Option<ProfileName>, Error> {
    let Some(session) = session_of(command) else { return Ok(None) };
    let environment = context.environment;
    let is_named = session.profile.is_some() || environment.profile.is_some() || environment.current_profile.is_some();
    if !is_named && world.can_choose() {
        session.profile = chosen(context)?;
    }
    Ok(Some(context.profile_or_default(session.profile.clone())))
}

/// What asks AWS only for a person; `credential-process` is asked by programs.
fn session_of(command: &mut Command) -> Option<&mut SessionArgs> {
    match command {
        Command::Exec(arguments) => Some(&mut arguments.session),
        Command::Export(arguments) => Some(&mut arguments.session),
        Command::Login(arguments) => Some(&mut arguments.session),
        Command::Serve(arguments) => Some(&mut arguments.session),
        Command::Whoami(arguments) => Some(&mut arguments.session),
        _ => None,
    }
}

fn chosen(context: &Context<'_>) -> Result<Option<ProfileName>, Error> {
    let mut profiles = list::usable(context)?;
    if profiles.len() < 2 {
        return Ok(None);
    }
    // Without the counts the order is that of the config: no reason not to ask.
    let uses = context.vault.uses().unwrap_or_default();
    profiles.sort_by_key(|profile| std::cmp::Reverse(uses.get(profile).copied().unwrap_or_default()));
    let names: Vec<String> = profiles.iter().map(ToString::to_string).collect();
    let place = context.prompt.choose("Profile", &names, "the profile as an argument")?;
    Ok(Some(profiles.swap_remove(place)))
}
