//! The one type for secrets: seeds, keys, tokens, passphrases.
//!
//! A [`Secret`] has no `Display`, prints a fixed mask in `Debug`, and wipes its memory when dropped.
//! The only way to its content is [`Secret::expose`], so a search for that word finds every use.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A value that must not be seen: masked in `Debug`, wiped on drop.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

/// A secret text, such as a secret access key or a passphrase.
pub type SecretText = Secret<String>;
/// Secret bytes, such as a decoded seed or a record of the vault.
pub type SecretBytes = Secret<Vec<u8>>;

impl<T: Zeroize> Secret<T> {
    /// Takes the value in; it is wiped when the secret is dropped.
    pub fn new(value: T) -> Self {
        Secret(value)
    }

    /// Gives the content out. Every caller answers for where it goes.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize + AsRef<[u8]>> PartialEq for Secret<T> {
    /// Compares in constant time.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref().ct_eq(other.0.as_ref()).into()
    }
}

impl<T: Zeroize + AsRef<[u8]>> Eq for Secret<T> {}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Secret(text.to_owned())
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Secret(text)
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Secret(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_a_fixed_mask() {
        let secret = SecretText::from("wJalrXUtnFEMI");
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(format!("{:?}", Some(&secret)), "Some([secret])");
    }

    #[test]
    fn equality_is_by_content() {
        assert_eq!(SecretText::from("a"), SecretText::from("a"));
        assert_ne!(SecretText::from("a"), SecretText::from("ab"));
    }
}
