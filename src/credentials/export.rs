//! Credentials as text: assignments for shells, and the documents that AWS tools read.
//!
//! Each form gives back exactly the value it was given, and runs nothing: what a form cannot say is refused.

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;
use thiserror::Error;

use super::Credentials;
use crate::{rfc3339, secret::SecretText};

/// A text form of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// `export K='V'`, for POSIX shells, bash and zsh.
    Env,
    /// `K=V`, for `docker --env-file` and its like, which know no quotes.
    Dotenv,
    /// The document of `credential_process`, on one line.
    Json,
    /// A section of `~/.aws/credentials`.
    Ini,
    /// `set -gx K 'V'`.
    Fish,
    /// `$Env:K = 'V'`.
    PowerShell,
    /// `set "K=V"`, for a batch file or `for /f`.
    Cmd,
    /// `$env.K = "V"`.
    Nu,
}

/// What goes out beside the credentials.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportDetails<'a> {
    /// The heading of the ini form.
    pub profile: &'a str,
    /// Whether the forms that are environment variables also say whose credentials they are, in `MFAVAULT_PROFILE`.
    pub names_profile: bool,
    /// For the forms that are environment variables.
    pub region: Option<&'a str>,
    /// For the json form.
    pub account_id: Option<&'a str>,
}

/// Why credentials cannot be written in a form. The value is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExportError {
    /// A value, or the profile's name, has a character that the form cannot say.
    #[error("{name} has a character that the format {format} cannot hold")]
    Unquotable {
        /// The variable or key.
        name: &'static str,
        /// The format, as on the command line.
        format: &'static str,
    },
}

impl ExportFormat {
    /// All forms.
    pub const ALL: [ExportFormat; 8] =
        [Self::Env, Self::Dotenv, Self::Json, Self::Ini, Self::Fish, Self::PowerShell, Self::Cmd, Self::Nu];

    /// Its name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            ExportFormat::Env => "env",
            ExportFormat::Dotenv => "dotenv",
            ExportFormat::Json => "json",
            ExportFormat::Ini => "ini",
            ExportFormat::Fish => "fish",
            ExportFormat::PowerShell => "powershell",
            ExportFormat::Cmd => "cmd",
            ExportFormat::Nu => "nu",
        }
    }

    /// Writes variables, each line with its line feed; as JSON, one object on one line.
    ///
    /// # Errors
    /// If a value has a control character, or one that the form cannot quote, then `Unquotable`; a section of the
    /// credentials file holds none.
    pub fn variables(self, variables: &[(&'static str, SecretText)]) -> Result<SecretText, ExportError> {
        // Sized once: a text that grows by moving would leave its secrets behind.
        let length: usize = variables.iter().map(|(_, value)| value.expose().len()).sum();
        let mut text = String::with_capacity(4 * length + 4096);
        match self {
            ExportFormat::Json => {
                let pairs = variables.iter().map(|(name, value)| (*name, value.expose().as_str()));
                self.write_document(&mut text, &pairs.collect::<BTreeMap<_, _>>())?;
            }
            ExportFormat::Ini => return Err(self.unquotable("a variable")),
            _ => {
                for (name, value) in variables {
                    self.assign(&mut text, name, value.expose())?;
                }
            }
        }
        Ok(text.into())
    }

    /// Appends a document on one line.
    fn write_document(self, text: &mut String, document: &impl Serialize) -> Result<(), ExportError> {
        let mut bytes = std::mem::take(text).into_bytes();
        serde_json::to_writer(&mut bytes, document).map_err(|_| self.unquotable("the document"))?;
        bytes.push(b'\n');
        *text = String::from_utf8(bytes).map_err(|_| self.unquotable("the document"))?;
        Ok(())
    }

    fn unquotable(self, name: &'static str) -> ExportError {
        ExportError::Unquotable { name, format: self.as_str() }
    }

    /// Appends one assignment with its line feed.
    fn assign(self, text: &mut String, name: &'static str, value: &str) -> Result<(), ExportError> {
        let refused: &[char] = match self {
            // In a batch file nothing quotes these for certain; no credential of AWS has one.
            ExportFormat::Cmd => &['"', '%', '!'],
            _ => &[],
        };
        if value.contains(char::is_control) || value.contains(refused) {
            return Err(self.unquotable(name));
        }
        let (before, after) = match self {
            ExportFormat::Env => (format!("export {name}='"), "'"),
            ExportFormat::Fish => (format!("set -gx {name} '"), "'"),
            ExportFormat::PowerShell => (format!("$Env:{name} = '"), "'"),
            ExportFormat::Cmd => (format!("set \"{name}="), "\""),
            ExportFormat::Nu => (format!("$env.{name} = \""), "\""),
            ExportFormat::Dotenv | ExportFormat::Json | ExportFormat::Ini => (format!("{name}="), ""),
        };
        text.push_str(&before);
        for character in value.chars() {
            match (self, character) {
                (ExportFormat::Env, '\'') => text.push_str(r"'\''"),
                (ExportFormat::Fish, '\'' | '\\') | (ExportFormat::Nu, '"' | '\\') => text.extend(['\\', character]),
                // PowerShell takes typographic quotes for plain ones.
                (ExportFormat::PowerShell, '\'' | '\u{2018}'..='\u{201b}') => text.extend([character, character]),
                _ => text.push(character),
            }
        }
        text.push_str(after);
        text.push('\n');
        Ok(())
    }
}

/// The answer of a `credential_process` (AWS SDKs and Tools Reference Guide, "Process credential provider").
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessDocument<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

impl Credentials {
    /// The environment variables that say the same, for a child or a shell; AWS's own names.
    pub fn variables(&self, region: Option<&str>) -> Vec<(&'static str, SecretText)> {
        let mut variables = vec![
            ("AWS_ACCESS_KEY_ID", SecretText::from(self.access_key_id().as_str())),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key().clone()),
        ];
        if let Some(token) = self.session_token() {
            variables.push(("AWS_SESSION_TOKEN", token.clone()));
        }
        if let Some(expiration) = self.expiration() {
            variables.push(("AWS_CREDENTIAL_EXPIRATION", rfc3339::format(expiration).into()));
        }
        if let Some(region) = region {
            variables.extend(["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name, SecretText::from(region))));
        }
        variables
    }

    /// Writes the credentials in a text form, each line with its line feed.
    ///
    /// # Errors
    /// If a value has a control character, or one that the form cannot quote, then `Unquotable`.
    pub fn export(&self, format: ExportFormat, details: ExportDetails<'_>) -> Result<SecretText, ExportError> {
        // Sized once, as above.
        let token_length = self.session_token().map_or(0, |token| token.expose().len());
        let length = token_length + self.secret_access_key().expose().len();
        let mut text = String::with_capacity(4 * length + 4096);
        match format {
            ExportFormat::Json => format.write_document(&mut text, &self.process_document(details))?,
            ExportFormat::Ini => self.write_ini(&mut text, details)?,
            _ => {
                let mut variables = self.variables(details.region);
                if details.names_profile {
                    variables.push(("MFAVAULT_PROFILE", details.profile.into()));
                }
                return format.variables(&variables);
            }
        }
        Ok(text.into())
    }

    fn process_document<'a>(&'a self, details: ExportDetails<'a>) -> ProcessDocument<'a> {
        ProcessDocument {
            version: 1,
            access_key_id: self.access_key_id().as_str(),
            secret_access_key: self.secret_access_key().expose(),
            session_token: self.session_token().map(|token| token.expose().as_str()),
            expiration: self.expiration().map(rfc3339::format),
            account_id: details.account_id,
        }
    }

    fn write_ini(&self, text: &mut String, details: ExportDetails<'_>) -> Result<(), ExportError> {
        if details.profile.is_empty() || details.profile.contains(|c: char| c.is_control() || c == '[' || c == ']') {
            return Err(ExportFormat::Ini.unquotable("the profile's name"));
        }
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "[{}]", details.profile);
        ExportFormat::Ini.assign(text, "aws_access_key_id", self.access_key_id().as_str())?;
        ExportFormat::Ini.assign(text, "aws_secret_access_key", self.secret_access_key().expose())?;
        match self.session_token() {
            Some(token) => ExportFormat::Ini.assign(text, "aws_session_token", token.expose()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write as _,
        process::{Command, Stdio},
        time::{Duration, SystemTime},
    };

    use proptest::prelude::*;

    use super::*;
    use crate::credentials::{LongTermCredentials, SessionCredentials};

    fn session(secret: &str) -> Credentials {
        Credentials::Session(SessionCredentials {
            access_key_id: "ASIAIOSFODNN7EXAMPLE".parse().expect("an ID"),
            secret_access_key: secret.into(),
            session_token: "to/ken+==".into(),
            expiration: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_293_822),
        })
    }

    fn long_term() -> Credentials {
        Credentials::LongTerm(LongTermCredentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".parse().expect("an ID"),
            secret_access_key: "se/cret".into(),
        })
    }

    fn export(credentials: &Credentials, format: ExportFormat) -> String {
        let details = ExportDetails {
            profile: "a b",
            region: Some("eu-west-1"),
            account_id: Some("123456789012"),
            names_profile: false,
        };
        credentials.export(format, details).expect("a text").expose().clone()
    }

    #[test]
    fn the_forms_look_as_their_readers_expect() {
        let session = session("se/cret");
        assert_eq!(
            export(&session, ExportFormat::Env),
            "export AWS_ACCESS_KEY_ID='ASIAIOSFODNN7EXAMPLE'\nexport AWS_SECRET_ACCESS_KEY='se/cret'\nexport AWS_SESSION_TOKEN='to/ken+=='\n\
             export AWS_CREDENTIAL_EXPIRATION='2026-11-21T20:43:42Z'\nexport AWS_REGION='eu-west-1'\nexport AWS_DEFAULT_REGION='eu-west-1'\n"
        );
        assert_eq!(
            export(&session, ExportFormat::Json),
            "{\"Version\":1,\"AccessKeyId\":\"ASIAIOSFODNN7EXAMPLE\",\"SecretAccessKey\":\"se/cret\",\"SessionToken\":\"to/ken+==\",\
             \"Expiration\":\"2026-11-21T20:43:42Z\",\"AccountId\":\"123456789012\"}\n"
        );
        assert_eq!(
            export(&session, ExportFormat::Ini),
            "[a b]\naws_access_key_id=ASIAIOSFODNN7EXAMPLE\naws_secret_access_key=se/cret\naws_session_token=to/ken+==\n"
        );
        for (format, line) in [
            (ExportFormat::Dotenv, "AWS_SESSION_TOKEN=to/ken+=="),
            (ExportFormat::Fish, "set -gx AWS_SESSION_TOKEN 'to/ken+=='"),
            (ExportFormat::PowerShell, "$Env:AWS_SESSION_TOKEN = 'to/ken+=='"),
            (ExportFormat::Cmd, "set \"AWS_SESSION_TOKEN=to/ken+==\""),
            (ExportFormat::Nu, "$env.AWS_SESSION_TOKEN = \"to/ken+==\""),
        ] {
            assert_eq!(export(&session, format).lines().nth(2), Some(line));
        }
    }

    #[test]
    fn long_term_credentials_have_no_token_and_no_expiration() {
        for format in ExportFormat::ALL {
            let text = export(&long_term(), format).to_ascii_lowercase();
            assert!(
                text.contains("akiaiosfodnn7example") && !text.contains("token") && !text.contains("expiration"),
                "{text}"
            );
        }
    }

    #[test]
    fn variables_of_any_kind_have_the_same_forms() {
        let variables = [("B_URL", "http://127.0.0.1:1/x".into()), ("A_TOKEN", "it's".into())];
        let text = |format: ExportFormat| format.variables(&variables).map(|text| text.expose().clone());
        assert_eq!(
            text(ExportFormat::Env).expect("a text"),
            "export B_URL='http://127.0.0.1:1/x'\nexport A_TOKEN='it'\\''s'\n"
        );
        assert_eq!(
            text(ExportFormat::Json).expect("a text"),
            "{\"A_TOKEN\":\"it's\",\"B_URL\":\"http://127.0.0.1:1/x\"}\n"
        );
        assert!(text(ExportFormat::Ini).is_err(), "no section of the credentials file");
    }

    #[test]
    fn what_a_form_cannot_say_is_refused_without_repeating_it() {
        for (format, secret) in [
            (ExportFormat::Env, "a\nb"),
            (ExportFormat::Dotenv, "a\nb"),
            (ExportFormat::Ini, "a\r[b]"),
            (ExportFormat::Fish, "a\0b"),
            (ExportFormat::Cmd, "a%PATH%"),
            (ExportFormat::Cmd, "a\"&calc&\""),
            (ExportFormat::Nu, "a\u{1b}"),
        ] {
            let error = session(secret).export(format, ExportDetails { profile: "p", ..Default::default() });
            let error = error.expect_err(secret).to_string();
            assert!(error.to_ascii_lowercase().contains("secret_access_key") && !error.contains(secret), "{error}");
        }
        for profile in ["", "a]\n[b", "a\nb"] {
            assert!(session("x").export(ExportFormat::Ini, ExportDetails { profile, ..Default::default() }).is_err());
        }
    }

    #[test]
    fn quotes_of_shells_that_are_not_here_are_doubled_or_escaped() {
        let text = export(&session("a'b\u{2019}c"), ExportFormat::PowerShell);
        assert!(text.contains("= 'a''b\u{2019}\u{2019}c'\n"), "{text}");
        let text = export(&session(r#"a"b\c$(d)"#), ExportFormat::Nu);
        assert!(text.contains(r#"= "a\"b\\c$(d)""#), "{text}");
    }

    /// What a shell makes of the secret; nothing if the shell is not installed, which only CI on Linux must have.
    fn round_trip(shell: &str, format: ExportFormat, secret: &str) -> Option<String> {
        let home = tempfile::tempdir().expect("a folder");
        let child = Command::new(shell)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        assert!(child.is_ok() || option_env!("CI").is_none() || !cfg!(target_os = "linux"), "{shell} is missing");
        let mut child = child.ok()?;
        let script = export(&session(secret), format) + "printf %s \"$AWS_SECRET_ACCESS_KEY\"\n";
        child.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("an end");
        Some(String::from_utf8(output.stdout).expect("text"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn real_shells_give_back_any_value(secret in r#"([ -~]|['"\\`$!#&|;()*~%^]|[äß€日’])*"#) {
            let shells = ["sh", "bash", "zsh"].map(|shell| (shell, ExportFormat::Env));
            for (shell, format) in shells.into_iter().chain([("fish", ExportFormat::Fish)]) {
                if let Some(value) = round_trip(shell, format, &secret) {
                    prop_assert_eq!(value, &*secret, "{}", shell);
                }
            }
        }
    }
}
