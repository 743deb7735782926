//! Where an authentication code comes from: the command line, a seed in the vault, the profile's command, a person.

use std::{ffi::OsString, time::Duration};

use super::{
    authenticator::{Authenticator, clock_offset},
    consent::Purpose,
    error::ObtainError,
    obtain::Obtainer,
    plan::{Plan, Step},
};
use crate::{
    aws::MfaProof,
    environment,
    mfa::{AuthenticationCode, SerialNumber},
    process,
    vault::DeviceRecord,
};

/// How often a person may mistype a code: within AWS's nine checks in three minutes.
const TYPED_TRIES: usize = 3;
/// How long the profile's `mfa_process` may take: it may ask a person, or for a touch.
const MFA_PROCESS_PATIENCE: Duration = Duration::from_secs(60);

/// Where the codes of a device come from.
pub(super) enum CodeSource {
    /// Given on the command line, good for one call.
    Given(AuthenticationCode),
    /// The seeds are in the vault, of one or several devices of the user.
    Seeds(Vec<DeviceRecord>),
    /// A command that prints a code.
    Process(String),
    /// A person.
    Typed,
}

impl CodeSource {
    /// Whether another code costs nobody anything.
    pub(super) fn makes_codes(&self) -> bool {
        matches!(self, CodeSource::Seeds(_) | CodeSource::Process(_))
    }

    /// How many codes that AWS does not take are tried: a made one is wrong once by bad luck, and twice for a reason.
    pub(super) fn tries(&self) -> usize {
        match self {
            CodeSource::Given(_) => 1,
            CodeSource::Seeds(_) | CodeSource::Process(_) => 2,
            CodeSource::Typed => TYPED_TRIES,
        }
    }

    /// Leaves out a device, if there is another one.
    pub(super) fn without(&mut self, serial_number: &SerialNumber) -> bool {
        match self {
            CodeSource::Seeds(devices) if devices.len() > 1 => {
                devices.retain(|record| record.device.serial_number.as_ref() != Some(serial_number));
                true
            }
            _ => false,
        }
    }
}

impl Obtainer<'_> {
    /// The order of the contract: what was given, the seed, the profile's command, a person.
    pub(super) fn code_source(
        &self,
        plan: &Plan,
        step: &Step,
        serial_number: &SerialNumber,
    ) -> Result<CodeSource, ObtainError> {
        if let Some(code) = &self.given_code {
            return Ok(CodeSource::Given(code.clone()));
        }
        if let Some(device) = self.vault.device_with_serial(serial_number)? {
            let mut devices = vec![device];
            for other in &step.other_serial_numbers {
                devices.extend(self.vault.device_with_serial(other)?);
            }
            return Ok(CodeSource::Seeds(devices));
        }
        Ok(plan.mfa_process.clone().map_or(CodeSource::Typed, CodeSource::Process))
    }

    /// A code, and the device it is of.
    pub(super) fn proof(
        &self,
        source: &CodeSource,
        step: &Step,
        serial_number: &SerialNumber,
    ) -> Result<MfaProof, ObtainError> {
        let read = |text: &str, origin| text.trim().parse().map_err(|source| ObtainError::NoCode { origin, source });
        let mut used = serial_number.clone();
        let code = match source {
            CodeSource::Given(code) => code.clone(),
            CodeSource::Seeds(devices) => {
                let authenticator = Authenticator { vault: self.vault, clock: self.clock, prompt: self.prompt };
                let devices: Vec<&DeviceRecord> = devices.iter().collect();
                let purpose = Purpose::Call { operation: step.call.as_str(), profile: &step.profile };
                let offset = clock_offset(self.vault, self.aws)?;
                let (place, code) = authenticator.code_of_any(&devices, offset, purpose)?;
                used = devices[place].device.serial_number.clone().unwrap_or(used);
                code
            }
            CodeSource::Process(command) => {
                let output = process::output_of(
                    command,
                    &self.without_credentials(),
                    MFA_PROCESS_PATIENCE,
                    self.prompt.may_ask(),
                );
                read(output.map_err(ObtainError::MfaProcess)?.expose(), "the `mfa_process` of the profile")?
            }
            CodeSource::Typed => self.typed(serial_number)?,
        };
        Ok(MfaProof { serial_number: used, code })
    }

    fn typed(&self, serial_number: &SerialNumber) -> Result<AuthenticationCode, ObtainError> {
        let question = format!("Code of {serial_number}");
        let instead = "--mfa-code, or `mfavault mfa import` with the device's seed";
        let mut tries = TYPED_TRIES;
        loop {
            let answer = self.prompt.secret(&question, instead);
            let answer =
                answer.map_err(|source| ObtainError::CodeNeeded { serial_number: serial_number.clone(), source })?;
            tries -= 1;
            match answer.expose().trim().parse() {
                Ok(code) => return Ok(code),
                Err(source) if tries == 0 => return Err(ObtainError::NoCode { origin: "the terminal", source }),
                Err(error) => self.prompt.say(&format!("{error}; once more")),
            }
        }
    }

    /// The environment for a profile's commands.
    pub(super) fn without_credentials(&self) -> Vec<(OsString, OsString)> {
        let mut variables: Vec<_> =
            environment::without_credentials(self.environment.inherited.iter().cloned()).collect();
        if self.environment.no_input {
            variables.push(("MFAVAULT_NO_INPUT".into(), "1".into()));
        }
        variables
    }
}
