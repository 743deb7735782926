//! `doctor`: looks for what is wrong, and mends what can be mended without a loss. What to do about the rest is for `cli`
//! to say.

mod config;
mod fact;
mod files;
mod records;
mod remote;

use std::collections::BTreeSet;

pub use fact::{Area, Fact, Finding, Weight};
pub use files::look;

use super::{Context, Error, Outcome};
use crate::vault::ClosedState;

/// Beyond this many bytes the log takes long to read, some fifty thousand lines.
const LARGE_LOG: u64 = 16 << 20;

/// How far it goes.
pub struct Arguments {
    /// Whether what can be mended without a loss is mended.
    pub fix: bool,
    /// Whether AWS is not asked.
    pub offline: bool,
    /// What [`look`] found before anything else could put it right.
    pub files: Vec<Fact>,
    /// What the keystores are, by who chose them.
    pub keystores: Vec<Fact>,
}

/// Looks at the keystore and its records, at files, the AWS config and, unless it is to be left alone, AWS.
///
/// # Errors
/// If a person who is asked for the passphrase interrupts, then `Vault`; all else is a finding.
pub fn run(context: &Context<'_>, arguments: Arguments) -> Result<Outcome, Error> {
    let mut findings: Vec<Finding> = arguments.keystores.into_iter().map(Finding::of(Area::Keystore)).collect();
    findings.extend(records::check(context, arguments.fix)?);
    findings.extend(arguments.files.into_iter().map(|fact| files::mend(context, fact, arguments.fix)));
    findings.extend(config::check(context, arguments.fix));
    match arguments.offline {
        true => {
            findings.extend(remote::clock_as_kept(context));
            findings.extend([Area::Keys, Area::Devices].map(|area| Finding::of(area)(Fact::NotAsked)));
        }
        false => findings.extend(remote::check(context)?),
    }
    findings.extend(of_log(context).into_iter().map(Finding::of(Area::Log)));
    // Many stumble over one cause.
    findings.sort_by_key(|finding| finding.area);
    let (mut told, mut stumbled) = (BTreeSet::new(), BTreeSet::new());
    findings.retain(|finding| match &finding.fact {
        Fact::Fails(error) | Fact::Keystore { unusable: Some(error), .. } => {
            stumbled.insert(finding.area);
            told.insert(error.to_string())
        }
        _ => true,
    });
    for area in Area::ALL {
        if !findings.iter().any(|finding| finding.area == area) {
            let nothing = if stumbled.contains(&area) { Fact::NotLookedAt } else { Fact::NothingWrong };
            findings.push(Finding::of(area)(nothing));
        }
    }
    findings.sort_by_key(|finding| finding.area);
    Ok(Outcome::Findings(findings))
}

fn of_log(context: &Context<'_>) -> Vec<Fact> {
    let verdict = match context.vault.read_audit(&mut |_| ()) {
        Ok(verdict) => verdict,
        Err(error) => return vec![Fact::Fails(Error::Vault(error))],
    };
    let earlier = match context.vault.earlier_audit_logs(verdict.closed.as_ref()) {
        Ok(earlier) => earlier,
        Err(error) => return vec![Fact::Fails(Error::Vault(error))],
    };
    let changed = earlier.into_iter().filter(|earlier| earlier.state == ClosedState::Changed);
    let state = &context.environment.folders.state;
    let changed = changed.filter_map(|earlier| Some(Fact::LogClosedChanged { path: state.join(earlier.log.file?) }));
    let broken = verdict.closed.and_then(|closed| Some((closed.file, closed.fault?)));
    let large = (verdict.bytes > LARGE_LOG).then_some(Fact::LogLarge { bytes: verdict.bytes });
    let tampered = verdict.fault.map(Fact::LogTampered);
    let broken = broken.map(|(file, fault)| Fact::LogClosedBroken { file, fault });
    tampered.into_iter().chain(changed).chain(broken).chain(large).collect()
}
