//! From the words of `doctor` and `audit` to their commands.

use super::{
    args::{AuditCommand, DoctorArgs},
    keystore_survey::{State, Survey},
    wire::World,
};
use crate::{
    commands::{self, Context, Error, Outcome, doctor::Fact},
    keystore::{Generation, KeystoreError, KeystoreKind},
    vault::{AuditEvent, Part, VaultError},
};

/// `files` is what was found in our folders before anything opened them.
pub(super) fn doctor(
    world: &World,
    context: &Context<'_>,
    arguments: &DoctorArgs,
    files: Vec<Fact>,
) -> Result<Outcome, Error> {
    if arguments.restore_keystore {
        restore_keystore(world, context)?;
    }
    let mut keystores = keystores(world);
    keystores.extend(generations(world));
    let arguments = commands::doctor::Arguments { fix: arguments.fix, offline: arguments.offline, files, keystores };
    commands::doctor::run(context, arguments)
}

pub(super) fn audit(context: &Context<'_>, command: AuditCommand) -> Result<Outcome, Error> {
    match command {
        AuditCommand::Show(arguments) => commands::audit::show(context, arguments.last),
        AuditCommand::Verify(_) => {
            let verified = commands::audit::verify(context)?;
            if matches!(&verified, Outcome::AuditVerdict(verdict, _) if verdict.fault.is_some()) {
                context.prompt.say("hint: `mfavault audit rotate` keeps it as it is, and begins a new one");
            }
            Ok(verified)
        }
        AuditCommand::Rotate(arguments) => commands::audit::rotate(context, arguments.yes),
    }
}

fn restore_keystore(world: &World, context: &Context<'_>) -> Result<(), Error> {
    world.only_with_the_file()?;
    context.audit(&AuditEvent::KeystoreChanged { keystore: "file", change: "goes back to the generation before" })?;
    let aside = world.file_keystore(false).restore_previous(context.clock.now()).map_err(VaultError::from)?;
    context.prompt.say(&match aside {
        Some(path) => format!("went back to the generation before; the damaged file is {}", path.display()),
        None => "went back to the generation before".to_owned(),
    });
    Ok(())
}

/// Which keystores are used, why, and whether they can be; what one holds that is not used is no matter here.
fn keystores(world: &World) -> Vec<Fact> {
    let survey = match Survey::take(world) {
        Ok(survey) => survey,
        // That is among the findings about the records.
        Err(Error::Vault(VaultError::Damaged { what: Part::Index(_), .. })) => return Vec::new(),
        Err(error) => return vec![Fact::Fails(error)],
    };
    let used = survey.keystores.iter().filter(|keystore| !keystore.uses.is_empty()).zip(survey.used());
    let facts = used.filter_map(|(keystore, (name, state))| match &keystore.state {
        // Why is among what is found of its generations.
        State::Unusable(_) if keystore.name == KeystoreKind::File.name() => None,
        State::Unusable(reason) => {
            let error = KeystoreError::Unavailable { keystore: keystore.name, reason: reason.clone() };
            Some(Fact::Keystore { name, state, unusable: Some(Error::Vault(error.into())) })
        }
        _ => Some(Fact::Keystore { name, state, unusable: None }),
    });
    let mut facts: Vec<Fact> = facts.collect();
    facts.extend(survey.pending.map(|pending| Fact::UnfinishedMove {
        from: pending.from,
        to: pending.to,
        seeds_only: pending.seeds_only,
    }));
    facts
}

/// How the file of the file keystore is, where there is one.
fn generations(world: &World) -> Vec<Fact> {
    let generations = match world.file_keystore(false).generations() {
        Ok(generations) => generations,
        Err(error) => return vec![Fact::Fails(Error::Vault(error.into()))],
    };
    let can_go_back = generations.can_go_back();
    let damaged = match generations.present {
        Generation::Absent if can_go_back => Some("it is gone"),
        Generation::Damaged { reason } => Some(reason),
        _ => None,
    };
    let paths = generations.set_aside;
    let set_aside = (!paths.is_empty()).then_some(Fact::SetAside { paths });
    damaged.map(|reason| Fact::KeystoreDamaged { reason, can_go_back }).into_iter().chain(set_aside).collect()
}
