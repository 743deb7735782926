//! Values of the command line: times, names of keystores, and what looks like a secret in the wrong place.

use std::{
    ffi::{OsStr, OsString},
    time::Duration,
};

use clap::{
    Arg, Command,
    builder::{PossibleValuesParser, TypedValueParser},
    error::ErrorKind,
};

use crate::{
    keystore::KeystoreKind,
    mfa::{AuthenticationCode, InvalidAuthenticationCode},
    profile::values::time,
    settings::KeystoreWish,
    settings::LONGEST_UNLOCK,
};

/// Reads a time that is not zero.
pub(super) fn some_time(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("it takes some time".to_owned()),
        time => Ok(time),
    }
}

/// Reads an age, whose unit has to be said: a number alone would be seconds, and nobody means those.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Err("it wants a unit, such as 90d or 12h".to_owned()),
        false => some_time(text),
    }
}

/// Reads for how long the encrypted file is unlocked.
pub(super) fn unlock_time(text: &str) -> Result<Duration, String> {
    match some_time(text)? {
        time if time > LONGEST_UNLOCK => Err("it is 30d at most".to_owned()),
        time => Ok(time),
    }
}

/// Reads an authentication code. Not a function, because clap repeats what such a one refuses.
#[derive(Clone)]
pub(super) struct Code;

impl TypedValueParser for Code {
    type Value = AuthenticationCode;

    fn parse_ref(
        &self,
        command: &Command,
        _argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<AuthenticationCode, clap::Error> {
        let code = value.to_str().and_then(|text| text.parse().ok());
        code.ok_or_else(|| {
            let message = format!("the value of '--mfa-code' cannot be used: {InvalidAuthenticationCode}");
            command.clone().error(ErrorKind::ValueValidation, message)
        })
    }
}

/// Whether an argument may be a secret that should have gone another way: it is not to be repeated.
pub(super) fn looks_secret(argument: &str) -> bool {
    let lower = argument.to_ascii_lowercase();
    let encoded = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte);
    let varied =
        argument.bytes().any(|byte| byte.is_ascii_digit()) && argument.bytes().any(|byte| byte.is_ascii_alphabetic());
    lower.contains("otpauth:")
        || lower.contains("otpauth-migration:")
        || lower.starts_with("age-secret-key-")
        || (argument.len() >= 16 && varied && argument.bytes().all(encoded))
        || (argument.len() >= 16
            && argument.bytes().all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte)))
}

/// `--keystore`.
pub(super) fn keystore_wish() -> impl TypedValueParser<Value = KeystoreWish> {
    PossibleValuesParser::new(KeystoreWish::ALL.map(KeystoreWish::name))
        .try_map(|name| named(KeystoreWish::named(&name)))
}

/// A keystore that there is.
pub(super) fn keystore_kind() -> impl TypedValueParser<Value = KeystoreKind> {
    PossibleValuesParser::new(KeystoreKind::ALL.map(KeystoreKind::name))
        .try_map(|name| named(KeystoreKind::named(&name)))
}

fn named<T>(value: Option<T>) -> Result<T, String> {
    value.ok_or_else(|| "there is no such keystore".to_owned())
}

/// Whether one of our own arguments is a seed, a secret access key or an otpauth URI, whatever it was meant as; those
/// of a command that `exec` or `rehearse` runs are not ours. Stricter than [`looks_secret`]: a name is not to be mistaken.
pub(super) fn secret_among(arguments: &[OsString]) -> bool {
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let runs_a_command = arguments[..end].iter().any(|argument| argument == "exec" || argument == "rehearse");
    let own = if runs_a_command { &arguments[..end] } else { arguments };
    own.iter()
        .skip(1)
        .filter_map(|argument| argument.to_str())
        .flat_map(|argument| argument.split_once('=').map_or([argument, ""], |(_, value)| [argument, value]))
        .any(is_secret)
}

fn is_secret(argument: &str) -> bool {
    let joined: String = argument.trim_end_matches('=').split(' ').collect();
    let counted = |of: fn(&u8) -> bool| joined.bytes().filter(of).count();
    let digits = counted(u8::is_ascii_digit);
    let base32 =
        |is_letter: fn(&u8) -> bool| joined.bytes().all(|byte| is_letter(&byte) || matches!(byte, b'2'..=b'7'));
    let seed = match joined.len() {
        0..16 => false,
        16..32 => digits > 1 && base32(u8::is_ascii_uppercase),
        _ => digits > 2 && (base32(u8::is_ascii_uppercase) || base32(u8::is_ascii_lowercase)),
    };
    // 40 characters of base64, and no path.
    let key = joined.len() == 40
        && !joined.starts_with('/')
        && joined.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
        && digits > 0
        && counted(u8::is_ascii_uppercase) > 1
        && counted(u8::is_ascii_lowercase) > 1;
    let lower = joined.to_ascii_lowercase();
    seed || key
        || lower.contains("otpauth:")
        || lower.contains("otpauth-migration:")
        || lower.starts_with("age-secret-key-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_and_keys_look_secret_and_names_do_not() {
        for text in [
            "otpauth://totp/a?secret=MZXW6YTB",
            "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
        ] {
            assert!(looks_secret(text), "{text}");
        }
        for text in
            ["prod", "--stdin", "my-production-account", "arn:aws:iam::123456789012:mfa/alice", "accessKeys.csv"]
        {
            assert!(!looks_secret(text), "{text}");
        }
    }

    #[test]
    fn secrets_among_our_own_arguments_are_found_and_names_are_not_mistaken() {
        let found = |line: &str| secret_among(&line.split(',').map(OsString::from).collect::<Vec<_>>());
        for line in [
            "mfavault,mfa,import,JBSWY3DPEHPK3PXP",
            "mfavault,mfa,import,JBSW Y3DP EHPK 3PXP",
            "mfavault,mfa,import,JBSWY3DPEHPK3PXPJBSWY3DPEE======",
            "mfavault,mfa,import,jbswy3dpehpk3pxpjbswy3dpehpk3pxp",
            "mfavault,mfa,import,--profile=JBSWY3DPEHPK3PXP",
            "mfavault,mfa,import,--,JBSWY3DPEHPK3PXP",
            "mfavault,code,otpauth://totp/a?secret=MZXW6YTB",
            "mfavault,add,wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzz4ey",
            "mfavault,backup,verify,f,-i,AGE-SECRET-KEY-1QQ",
        ] {
            assert!(found(line), "{line}");
        }
        for line in [
            "mfavault,exec,prod,--,echo,JBSWY3DPEHPK3PXP",
            "mfavault,rehearse,--,echo,JBSWY3DPEHPK3PXP",
            "mfavault,exec,PRODUCTIONACCOUNT",
            "mfavault,exec,my-production-account-2024-eu",
            "mfavault,exec,222233334444-AdministratorAccess",
            "mfavault,mfa,import,--serial,arn:aws:iam::123456789012:mfa/JBSWY3DPEHPK3PXP",
            "mfavault,backup,create,/Users/Bob/Backups/ofMfaDevices2024/Alices",
            "mfavault,backup,create,f,-r,age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
        ] {
            assert!(!found(line), "{line}");
        }
    }
}
