//! `status`: the live sessions, and first of all what this shell holds.

use std::time::{Duration, SystemTime};

use super::{Context, Error, Outcome};
use crate::{
    environment::Environment,
    profile::ProfileName,
    vault::{Index, SessionEntry, SessionKind},
};

/// A session, as the index knows it or as this shell's environment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// For which profile.
    pub profile: ProfileName,
    /// Whether it is what the shell holds that this command was started from.
    pub in_this_shell: bool,
    /// What the vault knows of it; a shell may outlive what it remembers.
    pub known: Option<Known>,
    /// Until when; long-term credentials and those of a server do not end.
    pub expiration: Option<SystemTime>,
}

/// What the index says of a session beside its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// With whose keys.
    pub source: ProfileName,
    /// By which call.
    pub kind: SessionKind,
    /// Whether policies see MFA in it.
    pub mfa: bool,
    /// Whether it is for roles to be assumed with, and does not leave the vault.
    pub for_roles: bool,
    /// How long it lasts in all, if that is known.
    pub length: Option<Duration>,
}

/// Gives the sessions that still hold, the one of this shell first, then those that end soonest. Reads the index and
/// nothing else.
///
/// # Errors
/// If the index cannot be read, then `Vault`.
pub fn run(context: &Context<'_>) -> Result<Outcome, Error> {
    let index = context.vault.index()?;
    Ok(Outcome::Sessions(rows(&index, context.environment, context.clock.now())))
}

fn rows(index: &Index, environment: &Environment, now: SystemTime) -> Vec<SessionRow> {
    let live = index.sessions.values().filter(|session| session.expiration > now);
    let mut rows: Vec<SessionRow> = live.map(row).collect();
    rows.sort_by(|one, other| (one.expiration, &one.profile).cmp(&(other.expiration, &other.profile)));
    if let Some(profile) = &environment.current_profile {
        let expiration = environment.credential_expiration;
        let is_this = |row: &SessionRow| {
            let goes_out = row.known.as_ref().is_none_or(|known| !known.for_roles);
            goes_out && row.profile == *profile && row.expiration == expiration
        };
        let mut own = match rows.iter().position(is_this) {
            Some(position) => rows.remove(position),
            None => SessionRow { profile: profile.clone(), in_this_shell: true, known: None, expiration },
        };
        own.in_this_shell = true;
        rows.insert(0, own);
    }
    rows
}

fn row(session: &SessionEntry) -> SessionRow {
    SessionRow {
        profile: session.profile.clone(),
        in_this_shell: false,
        known: Some(Known {
            source: session.source.clone(),
            kind: session.kind,
            mfa: session.mfa,
            for_roles: session.for_roles,
            length: session.made.and_then(|made| session.expiration.duration_since(made).ok()),
        }),
        expiration: Some(session.expiration),
    }
}
