//! The system's own keystore: the Secret Service in `linux`, the Keychain of macOS and the Credential Manager of Windows
//! in `elsewhere`, the latter's long records in `split`.

#[cfg(any(not(target_os = "linux"), test))]
#[cfg_attr(target_os = "linux", allow(dead_code, unreachable_pub, reason = "tested here, used elsewhere"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(windows, test))]
mod split;

#[cfg(not(target_os = "linux"))]
pub use elsewhere::OsKeystore;
#[cfg(target_os = "linux")]
pub use linux::OsKeystore;

use super::KeystoreError;

const NAME: &str = "os";
/// Names our items among everything else that the system keeps.
const SERVICE: &str = "mfavault";

fn unavailable(reason: impl Into<String>) -> KeystoreError {
    KeystoreError::Unavailable { keystore: NAME, reason: reason.into() }
}

fn corrupt(reason: impl Into<String>) -> KeystoreError {
    KeystoreError::Corrupt { keystore: NAME, reason: reason.into() }
}
