//! Keys, seeds and identifiers, from the system's random source.

use ring::{
    error::Unspecified,
    rand::{SecureRandom, SystemRandom},
};

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Sixteen, which divides 256; without vowels no words come about.
const CONSONANTS: &[u8; 16] = b"BCDFGHJKLMNPQRST";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Random bytes.
///
/// # Errors
/// If the system has none, then `Unspecified`.
pub(super) fn bytes<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(bytes)
}

/// A prefix such as `AKIA`, and 16 characters as AWS's identifiers have them.
pub(super) fn identifier(prefix: &str) -> Result<String, Unspecified> {
    // 32 and 64 divide 256, so that a remainder keeps every character as likely.
    let tail = bytes::<16>()?;
    Ok(prefix.chars().chain(tail.iter().map(|byte| BASE32[usize::from(*byte % 32)] as char)).collect())
}

/// What a person compares, such as `BCDF-GHJK`.
///
/// # Errors
/// If the system has no random bytes, then `Unspecified`.
pub(super) fn user_code() -> Result<String, Unspecified> {
    let code: String = bytes::<8>()?.iter().map(|byte| CONSONANTS[usize::from(*byte % 16)] as char).collect();
    Ok(format!("{}-{}", &code[..4], &code[4..]))
}

/// The 40 characters of a secret access key.
pub(super) fn secret_access_key() -> Result<String, Unspecified> {
    Ok(bytes::<40>()?.iter().map(|byte| BASE64[usize::from(*byte % 64)] as char).collect())
}

/// A session token, as long as AWS's are at the least.
pub(super) fn session_token() -> Result<String, Unspecified> {
    let tail = bytes::<480>()?;
    let start = "IQoJb3JpZ2luX2Vj".chars();
    Ok(start.chain(tail.iter().map(|byte| BASE64[usize::from(*byte % 64)] as char)).collect())
}

/// A request ID; all zeros if the system has no random bytes.
pub(super) fn request_id() -> String {
    let hex: String = bytes::<16>().unwrap_or_default().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
