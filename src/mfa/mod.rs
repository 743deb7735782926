//! Noun, pure: the virtual MFA device, its serial number, its seed and its authentication codes.
//!
//! Codes follow RFC 4226 (HOTP) and RFC 6238 (TOTP); what AWS takes is SHA-1, six digits, thirty seconds.

mod code;
pub mod interchange;
pub mod qr;
mod seed;
mod serial_number;
pub mod uri;

pub use code::{Algorithm, AuthenticationCode, CodeSettings, InvalidAuthenticationCode, InvalidCodeSettings, TimeStep};
pub use seed::{InvalidSeed, Seed};
pub use serial_number::{InvalidSerialNumber, SerialNumber};

/// A virtual MFA device: what makes its codes, and what AWS calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualMfaDevice {
    /// The local name, unique in the vault.
    pub name: String,
    /// What AWS knows it by; absent for devices of other services.
    pub serial_number: Option<SerialNumber>,
    /// Who demands the codes, such as `Amazon Web Services`, as authenticator apps show it.
    pub issuer: Option<String>,
    /// For whom, such as `alice@123456789012`, as authenticator apps show it.
    pub account: String,
    /// The shared secret.
    pub seed: Seed,
    /// Algorithm, digits and period.
    pub settings: CodeSettings,
    /// Of a counter-based device (RFC 4226): the first counter whose code was not given out when this was written
    /// down. The ledger knows of later ones. None makes codes of the time.
    pub counter: Option<u64>,
}

impl VirtualMfaDevice {
    /// The code of one time step; of a counter-based device, the code of that counter.
    pub fn code(&self, step: TimeStep) -> AuthenticationCode {
        code::authentication_code(&self.seed, self.settings, step)
    }

    /// Whether AWS takes codes of this kind.
    pub fn fits_aws(&self) -> bool {
        self.settings == CodeSettings::AWS && self.counter.is_none()
    }
}
