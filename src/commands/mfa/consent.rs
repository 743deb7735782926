//! `mfa consent`: whether a person has to agree before a code is made.

use crate::{
    commands::{Context, Error, Outcome},
    session::{
        Purpose,
        consent::{agree, words},
    },
    vault::{Consent, DeviceRecord, ENROLMENT_LOCK},
};

/// Changes whether a person is asked, and how long a yes holds. To ask less than until now, a person has to agree; to ask
/// more, nobody has to. A yes that was given before is forgotten.
///
/// # Errors
/// As [`Context::device`]; if nobody agrees to fewer questions, then `Consent`; if the record cannot be written, then
/// `Vault`.
pub fn run(context: &Context<'_>, name: &str, consent: Option<Consent>) -> Result<Outcome, Error> {
    // What is written back below must be what is there then.
    let _lock = context.vault.lock(ENROLMENT_LOCK)?;
    let record = context.device(name)?;
    let name = record.device.name.clone();
    if record.consent != consent {
        if let Some(purpose) = asks_less(record.consent, consent) {
            agree(context.vault, context.clock, context.prompt, &record, purpose)?;
        }
        let changed = DeviceRecord { consent, ..record };
        // Before the change: a yes from before must not hold by the new rule.
        context.audit_device(&changed.device, if consent.is_some() { "asks" } else { "asks nobody" })?;
        context.vault.forget_agreement(&changed)?;
        context.vault.store_device(&changed)?;
    }
    context.prompt.say(&match consent {
        None => format!("codes of `{name}` are made without asking"),
        Some(Consent { remembered }) if remembered.is_zero() => {
            format!("somebody is asked before each code of `{name}`, and before its seed is shown")
        }
        Some(Consent { remembered }) => format!(
            "somebody is asked before a code of `{name}`, which holds for {}, and before its seed is shown",
            words(remembered)
        ),
    });
    Ok(Outcome::Done)
}

/// What a person has to agree to, if the new rule asks less than the old one.
fn asks_less(before: Option<Consent>, after: Option<Consent>) -> Option<Purpose<'static>> {
    match (before?, after) {
        (_, None) => Some(Purpose::NoMoreQuestions),
        (before, Some(after)) if after.remembered > before.remembered => {
            Some(Purpose::LongerYes { remembered: after.remembered })
        }
        (_, Some(_)) => None,
    }
}
