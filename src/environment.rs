//! Edge: the environment, read once and passed on as values. The only place that reads environment variables.
//!
//! An empty variable is as good as none. One that cannot be what it must be is an error that names it; a value is never
//! repeated, for it may be a secret in the wrong place.

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use log::LevelFilter;
use thiserror::Error;

use crate::{
    credentials::{Credentials, LongTermCredentials, SessionCredentials},
    mfa::SerialNumber,
    profile::{Origin, ProfileName, Setting, StsRegionalEndpoints, values},
    rfc3339,
    secret::SecretText,
};

mod aws_vault;
mod child;
mod folders;

pub use aws_vault::AwsVaultVariables;
pub use child::{CREDENTIAL_VARIABLES, child_variables, child_variables_with, without_credentials};
pub use folders::Folders;

/// How the AWS CLI tells a `credential_process` which profiles led to it, the outermost first, with commas.
pub const PROFILE_CHAIN: &str = "_AWS_CLI_PROFILE_CHAIN";
/// The same of those profiles whose `credential_process` this program runs.
pub const OWN_PROFILE_CHAIN: &str = "_MFAVAULT_PROFILE_CHAIN";

/// What the environment says, checked.
#[derive(Clone)]
pub struct Environment {
    /// The user's own folder, for `~`.
    pub home: Option<PathBuf>,
    /// Where our files are.
    pub folders: Folders,
    /// `AWS_CONFIG_FILE`, else `~/.aws/config`.
    pub aws_config_file: PathBuf,
    /// `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub aws_credentials_file: PathBuf,
    /// `MFAVAULT_KEYSTORE`.
    pub keystore: Option<String>,
    /// `MFAVAULT_SEED_KEYSTORE`.
    pub seed_keystore: Option<String>,
    /// `MFAVAULT_PASSPHRASE`.
    pub passphrase: Option<SecretText>,
    /// `MFAVAULT_PASSPHRASE_FILE`.
    pub passphrase_file: Option<PathBuf>,
    /// `MFAVAULT_NO_INPUT`.
    pub no_input: bool,
    /// `MFAVAULT_LOG`.
    pub log: Option<LevelFilter>,
    /// `AWS_PROFILE`.
    pub profile: Option<ProfileName>,
    /// `AWS_REGION`, else `AWS_DEFAULT_REGION`.
    pub region: Option<Setting<String>>,
    /// `AWS_MFA_SERIAL`.
    pub mfa_serial: Option<Setting<SerialNumber>>,
    /// `AWS_SESSION_TOKEN_TTL`, as aws-vault has it: how long a user's session lasts.
    pub user_duration: Option<Setting<Duration>>,
    /// `AWS_ASSUME_ROLE_TTL`, as aws-vault has it: how long a role's session lasts.
    pub role_duration: Option<Setting<Duration>>,
    /// `AWS_ENDPOINT_URL`.
    pub endpoint_url: Option<Setting<String>>,
    /// `AWS_ENDPOINT_URL_STS`.
    pub sts_endpoint_url: Option<Setting<String>>,
    /// `AWS_ENDPOINT_URL_IAM`.
    pub iam_endpoint_url: Option<Setting<String>>,
    /// `AWS_ENDPOINT_URL_SSO`.
    pub sso_endpoint_url: Option<Setting<String>>,
    /// `AWS_ENDPOINT_URL_SSO_OIDC`.
    pub sso_oidc_endpoint_url: Option<Setting<String>>,
    /// `AWS_ENDPOINT_URL_SIGNIN`.
    pub signin_endpoint_url: Option<Setting<String>>,
    /// `AWS_STS_REGIONAL_ENDPOINTS`.
    pub sts_regional_endpoints: Option<Setting<StsRegionalEndpoints>>,
    /// `AWS_USE_FIPS_ENDPOINT`.
    pub use_fips_endpoint: Option<Setting<bool>>,
    /// `AWS_USE_DUALSTACK_ENDPOINT`.
    pub use_dualstack_endpoint: Option<Setting<bool>>,
    /// `AWS_CA_BUNDLE`.
    pub ca_bundle: Option<Setting<PathBuf>>,
    /// `https_proxy`, else `HTTPS_PROXY`; may hold a password.
    pub https_proxy: Option<SecretText>,
    /// `no_proxy`, else `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// `AWS_ACCESS_KEY_ID`, unchecked: only some commands look at it.
    pub access_key_id: Option<SecretText>,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: Option<SecretText>,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<SecretText>,
    /// `AWS_CREDENTIAL_EXPIRATION`, where `exec` set it; one that is no time counts as none.
    pub credential_expiration: Option<SystemTime>,
    /// `MFAVAULT_PROFILE`: the profile whose credentials this environment holds, where `exec` set it.
    pub current_profile: Option<ProfileName>,
    /// [`PROFILE_CHAIN`].
    pub profile_chain: Vec<String>,
    /// [`OWN_PROFILE_CHAIN`].
    pub own_profile_chain: Vec<String>,
    /// `BROWSER`.
    pub browser: Option<OsString>,
    /// `SHELL`; on Windows `COMSPEC`.
    pub shell: Option<PathBuf>,
    /// Whether `WAYLAND_DISPLAY` is set.
    pub wayland: bool,
    /// Whether `DISPLAY` is set.
    pub x11: bool,
    /// Whether `SSH_CONNECTION` or `SSH_TTY` is set.
    pub ssh: bool,
    /// Whether `TMUX` is set.
    pub tmux: bool,
    /// `USER`; on Windows `USERNAME`.
    pub user: Option<String>,
    /// `PATH`, to find commands in.
    pub path: Option<OsString>,
    /// `TERM`.
    pub term: Option<String>,
    /// Where aws-vault keeps its keys.
    pub aws_vault: AwsVaultVariables,
    /// All variables as they are, for a command to inherit; credentials may be among them.
    pub inherited: Vec<(OsString, OsString)>,
}

impl fmt::Debug for Environment {
    /// Shows nothing: what is inherited may be secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").finish_non_exhaustive()
    }
}

/// Why the environment cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// The variable does not hold what it must.
    #[error("the environment variable {variable} cannot be used: {reason}")]
    Unparsable {
        /// Its name.
        variable: &'static str,
        /// What is wrong with its value, without the value.
        reason: String,
    },
    /// The variable is needed and not set.
    #[error("the environment variable {variable} is not set")]
    Unset {
        /// Its name.
        variable: &'static str,
    },
    /// Nobody says where the user's own folder is, and a path is below it.
    #[error("the home folder is unknown, and {needed_for} is below it")]
    NoHome {
        /// What was looked for.
        needed_for: &'static str,
    },
}

/// The process's own variables, all of them, for a child to inherit.
#[allow(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn inherited() -> Vec<(OsString, OsString)> {
    std::env::vars_os().collect()
}

/// Whether `NO_COLOR` is set (no-color.org): for errors that come before the environment could be read.
#[allow(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn wants_no_colour() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// The variable by which a completion script calls us back. It is not clap's own `COMPLETE`, which could be anybody's.
pub const COMPLETION_VARIABLE: &str = "MFAVAULT_COMPLETE";

/// The shell that asks what may come next at its prompt, if that is what we are called for.
#[allow(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn completing_shell() -> Option<OsString> {
    std::env::var_os(COMPLETION_VARIABLE).filter(|shell| !shell.is_empty())
}

impl Environment {
    /// Reads the process's own variables.
    ///
    /// # Errors
    /// If a variable we use cannot be what it must be, then `Unparsable`; if a path is below an unknown home folder,
    /// then `NoHome`.
    pub fn read() -> Result<Self, EnvironmentError> {
        Self::from_variables(inherited(), etcetera::home_dir().ok())
    }

    /// The key pair that the environment holds, for `add --env`.
    ///
    /// # Errors
    /// If a half is not set, then `Unset`; if the ID is not one, or a session token stands beside it (then it is no
    /// long-term pair), then `Unparsable`.
    pub fn long_term_credentials(&self) -> Result<LongTermCredentials, EnvironmentError> {
        let unset = |variable| EnvironmentError::Unset { variable };
        let access_key_id = self.access_key_id.as_ref().ok_or_else(|| unset("AWS_ACCESS_KEY_ID"))?;
        let secret_access_key = self.secret_access_key.clone().ok_or_else(|| unset("AWS_SECRET_ACCESS_KEY"))?;
        if self.session_token.is_some() {
            let reason = "it makes these session credentials, which end".to_owned();
            return Err(EnvironmentError::Unparsable { variable: "AWS_SESSION_TOKEN", reason });
        }
        let access_key_id =
            access_key_id.expose().parse().map_err(|error: crate::credentials::InvalidAccessKeyId| {
                EnvironmentError::Unparsable { variable: "AWS_ACCESS_KEY_ID", reason: error.to_string() }
            })?;
        Ok(LongTermCredentials { access_key_id, secret_access_key })
    }

    /// The session credentials that the environment holds, if it holds any. Without `AWS_CREDENTIAL_EXPIRATION` nobody
    /// says when they end, and they count as about to.
    ///
    /// # Errors
    /// If a session token stands there without a whole key, then `Unset` or `Unparsable`.
    pub fn session_credentials(&self) -> Result<Option<SessionCredentials>, EnvironmentError> {
        let Some(session_token) = self.session_token.clone() else { return Ok(None) };
        let pair = Environment { session_token: None, ..self.clone() }.long_term_credentials()?;
        Ok(Some(SessionCredentials {
            access_key_id: pair.access_key_id,
            secret_access_key: pair.secret_access_key,
            session_token,
            expiration: self.credential_expiration.unwrap_or(SystemTime::UNIX_EPOCH),
        }))
    }

    /// The credentials that the environment holds, if it holds any.
    ///
    /// # Errors
    /// If there is only a part of a key pair, or the ID is none, then `Unset` or `Unparsable`.
    pub fn credentials(&self) -> Result<Option<Credentials>, EnvironmentError> {
        if self.access_key_id.is_none() && self.secret_access_key.is_none() {
            return Ok(None);
        }
        Ok(Some(match self.session_credentials()? {
            Some(session) => Credentials::Session(session),
            None => Credentials::LongTerm(self.long_term_credentials()?),
        }))
    }

    /// What `exec` runs without a command: the user's shell, else the system's.
    pub fn shell(&self) -> OsString {
        let fallback = if cfg!(windows) { "cmd.exe" } else { "/bin/sh" };
        self.shell.as_ref().map_or_else(|| fallback.into(), |shell| shell.clone().into_os_string())
    }

    /// Replaces a leading `~` by the home folder, as the SDKs do for paths in the AWS config.
    pub fn expand_home(&self, path: &Path) -> PathBuf {
        expand_home(path, self.home.as_deref())
    }

    /// The environment of a program with these variables.
    ///
    /// # Errors
    /// As [`Environment::read`].
    pub fn from_variables(
        inherited: Vec<(OsString, OsString)>,
        home_by_system: Option<PathBuf>,
    ) -> Result<Self, EnvironmentError> {
        let variables = Variables(&inherited);
        let home = home_by_system.filter(|home| home.is_absolute());
        let aws_file = |variable, name, what| match (variables.path(variable), &home) {
            (Some(path), home) => Ok(expand_home(&path, home.as_deref())),
            (None, Some(home)) => Ok(home.join(".aws").join(name)),
            (None, None) => Err(EnvironmentError::NoHome { needed_for: what }),
        };
        let region = match variables.setting("AWS_REGION", values::region)? {
            None => variables.setting("AWS_DEFAULT_REGION", values::region)?,
            region => region,
        };
        let https_proxy = variables.secret("https_proxy")?;
        let no_proxy = variables.text("no_proxy")?;
        Ok(Environment {
            folders: Folders::of(&|variable| variables.path(variable), home.as_deref())?,
            aws_config_file: aws_file("AWS_CONFIG_FILE", "config", "the AWS config file")?,
            aws_credentials_file: aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials", "the AWS credentials file")?,
            keystore: variables.parsed("MFAVAULT_KEYSTORE", word)?,
            seed_keystore: variables.parsed("MFAVAULT_SEED_KEYSTORE", word)?,
            passphrase: variables.secret("MFAVAULT_PASSPHRASE")?,
            passphrase_file: variables.path("MFAVAULT_PASSPHRASE_FILE").map(|path| expand_home(&path, home.as_deref())),
            no_input: variables.parsed("MFAVAULT_NO_INPUT", switch)?.unwrap_or(false),
            log: variables.parsed("MFAVAULT_LOG", log_level)?,
            profile: variables.parsed("AWS_PROFILE", profile_name)?,
            region,
            mfa_serial: variables.setting("AWS_MFA_SERIAL", |text| {
                values::serial_number(text).map_err(|_| "it is not the serial number of an MFA device".to_owned())
            })?,
            user_duration: variables.setting("AWS_SESSION_TOKEN_TTL", values::session_duration)?,
            role_duration: variables.setting("AWS_ASSUME_ROLE_TTL", values::role_duration)?,
            endpoint_url: variables.setting("AWS_ENDPOINT_URL", values::endpoint_url)?,
            sts_endpoint_url: variables.setting("AWS_ENDPOINT_URL_STS", values::endpoint_url)?,
            iam_endpoint_url: variables.setting("AWS_ENDPOINT_URL_IAM", values::endpoint_url)?,
            sso_endpoint_url: variables.setting("AWS_ENDPOINT_URL_SSO", values::endpoint_url)?,
            sso_oidc_endpoint_url: variables.setting("AWS_ENDPOINT_URL_SSO_OIDC", values::endpoint_url)?,
            signin_endpoint_url: variables.setting("AWS_ENDPOINT_URL_SIGNIN", values::endpoint_url)?,
            sts_regional_endpoints: variables.setting("AWS_STS_REGIONAL_ENDPOINTS", values::sts_regional_endpoints)?,
            use_fips_endpoint: variables.setting("AWS_USE_FIPS_ENDPOINT", values::boolean)?,
            use_dualstack_endpoint: variables.setting("AWS_USE_DUALSTACK_ENDPOINT", values::boolean)?,
            ca_bundle: variables.path("AWS_CA_BUNDLE").map(|path| Setting {
                value: expand_home(&path, home.as_deref()),
                origin: Origin::Environment("AWS_CA_BUNDLE"),
            }),
            https_proxy: if https_proxy.is_some() { https_proxy } else { variables.secret("HTTPS_PROXY")? },
            no_proxy: if no_proxy.is_some() { no_proxy } else { variables.text("NO_PROXY")? },
            access_key_id: variables.secret("AWS_ACCESS_KEY_ID")?,
            secret_access_key: variables.secret("AWS_SECRET_ACCESS_KEY")?,
            session_token: variables.secret("AWS_SESSION_TOKEN")?,
            credential_expiration: variables
                .text("AWS_CREDENTIAL_EXPIRATION")
                .unwrap_or_default()
                .and_then(|text| rfc3339::parse(&text)),
            current_profile: variables.text("MFAVAULT_PROFILE").unwrap_or_default().and_then(|text| text.parse().ok()),
            profile_chain: variables.list(PROFILE_CHAIN)?,
            own_profile_chain: variables.list(OWN_PROFILE_CHAIN)?,
            browser: variables.get("BROWSER").filter(|value| !value.is_empty()).map(OsStr::to_owned),
            shell: variables.path(if cfg!(windows) { "COMSPEC" } else { "SHELL" }),
            wayland: variables.path("WAYLAND_DISPLAY").is_some(),
            x11: variables.path("DISPLAY").is_some(),
            ssh: variables.path("SSH_CONNECTION").or_else(|| variables.path("SSH_TTY")).is_some(),
            tmux: variables.path("TMUX").is_some(),
            user: variables.text(if cfg!(windows) { "USERNAME" } else { "USER" })?,
            path: variables.get("PATH").map(OsStr::to_owned),
            term: variables.text("TERM")?,
            aws_vault: AwsVaultVariables::of(&variables, home.as_deref())?,
            home,
            inherited,
        })
    }
}

/// Typed reading of single variables.
struct Variables<'a>(&'a [(OsString, OsString)]);

impl Variables<'_> {
    fn get(&self, variable: &str) -> Option<&OsStr> {
        let found = self.0.iter().find(|(name, _)| child::is_name(name, variable));
        found.map(|(_, value)| value.as_os_str())
    }

    fn path(&self, variable: &str) -> Option<PathBuf> {
        self.get(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    fn text(&self, variable: &'static str) -> Result<Option<String>, EnvironmentError> {
        let Some(value) = self.get(variable).filter(|value| !value.is_empty()) else { return Ok(None) };
        let unparsable = || EnvironmentError::Unparsable { variable, reason: "it is not UTF-8".to_owned() };
        value.to_str().map(|text| Some(text.to_owned())).ok_or_else(unparsable)
    }

    fn list(&self, variable: &'static str) -> Result<Vec<String>, EnvironmentError> {
        let text = self.text(variable)?.unwrap_or_default();
        Ok(text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    fn secret(&self, variable: &'static str) -> Result<Option<SecretText>, EnvironmentError> {
        Ok(self.text(variable)?.map(SecretText::from))
    }

    fn parsed<T>(
        &self,
        variable: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, EnvironmentError> {
        let Some(text) = self.text(variable)? else { return Ok(None) };
        parse(&text).map(Some).map_err(|reason| EnvironmentError::Unparsable { variable, reason })
    }

    fn setting<T>(
        &self,
        variable: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<Setting<T>>, EnvironmentError> {
        let value = self.parsed(variable, parse)?;
        Ok(value.map(|value| Setting { value, origin: Origin::Environment(variable) }))
    }
}

fn expand_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

fn word(text: &str) -> Result<String, String> {
    match text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        true => Ok(text.to_owned()),
        false => Err("a keystore's name has letters, digits and dashes only".to_owned()),
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err("it is none of 1, true, 0, false".to_owned()),
    }
}

fn log_level(text: &str) -> Result<LevelFilter, String> {
    text.parse().map_err(|_| "it is none of off, error, warn, info, debug, trace".to_owned())
}

fn profile_name(text: &str) -> Result<ProfileName, String> {
    text.parse().map_err(|error: crate::profile::InvalidProfileName| error.reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn read(pairs: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        Environment::from_variables(variables(pairs), Some("/home/u".into()))
    }

    #[test]
    fn an_empty_environment_gives_the_defaults() {
        let environment = read(&[]).expect("an environment");
        assert_eq!(environment.aws_config_file, Path::new("/home/u/.aws/config"));
        assert_eq!(environment.aws_credentials_file, Path::new("/home/u/.aws/credentials"));
        assert!(!environment.no_input && environment.region.is_none() && environment.passphrase.is_none());
        let empty =
            ["AWS_PROFILE", "AWS_REGION", "MFAVAULT_NO_INPUT", "AWS_ENDPOINT_URL", "NO_COLOR"].map(|name| (name, ""));
        assert!(!read(&empty).expect("empty is as good as none").no_input);
    }

    #[test]
    fn values_are_typed_and_carry_their_origin() {
        let environment = read(&[
            ("AWS_DEFAULT_REGION", "eu-west-2"),
            ("AWS_CONFIG_FILE", "~/other"),
            ("AWS_SHARED_CREDENTIALS_FILE", "relative"),
            ("MFAVAULT_NO_INPUT", "TRUE"),
            ("MFAVAULT_LOG", "debug"),
            ("AWS_USE_FIPS_ENDPOINT", "True"),
            ("https_proxy", "http://u:p@proxy"),
            ("HTTPS_PROXY", "http://other"),
        ])
        .expect("an environment");
        let region = environment.region.clone().expect("a region");
        assert_eq!((region.value.as_str(), region.origin), ("eu-west-2", Origin::Environment("AWS_DEFAULT_REGION")));
        assert_eq!(environment.aws_config_file, Path::new("/home/u/other"));
        assert_eq!(environment.aws_credentials_file, Path::new("relative"));
        assert!(environment.no_input && environment.use_fips_endpoint.as_ref().is_some_and(|setting| setting.value));
        assert_eq!(environment.log, Some(LevelFilter::Debug));
        assert_eq!(environment.https_proxy, Some("http://u:p@proxy".into()));
        assert!(!format!("{environment:?}").contains("u:p"));
    }

    #[test]
    fn an_unparsable_value_is_an_error_that_names_the_variable_only() {
        for variable in [
            "MFAVAULT_NO_INPUT",
            "MFAVAULT_KEYSTORE",
            "MFAVAULT_SEED_KEYSTORE",
            "MFAVAULT_LOG",
            "AWS_PROFILE",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "AWS_MFA_SERIAL",
            "AWS_SESSION_TOKEN_TTL",
            "AWS_ASSUME_ROLE_TTL",
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_STS",
            "AWS_ENDPOINT_URL_IAM",
            "AWS_ENDPOINT_URL_SSO",
            "AWS_ENDPOINT_URL_SSO_OIDC",
            "AWS_ENDPOINT_URL_SIGNIN",
            "AWS_STS_REGIONAL_ENDPOINTS",
            "AWS_USE_FIPS_ENDPOINT",
            "AWS_USE_DUALSTACK_ENDPOINT",
        ] {
            let error = read(&[(variable, "[zzz zzz]")]).expect_err(variable).to_string();
            assert!(error.contains(variable) && !error.contains("zzz"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_not_utf_8_is_an_error_only_where_we_use_it() {
        use std::os::unix::ffi::OsStringExt;
        let read = |variable: &str| {
            let inherited = vec![(variable.into(), OsString::from_vec(vec![0x66, 0xff]))];
            Environment::from_variables(inherited, Some("/home/u".into()))
        };
        let error = read("MFAVAULT_PASSPHRASE").expect_err("refused");
        assert_eq!(error.to_string(), "the environment variable MFAVAULT_PASSPHRASE cannot be used: it is not UTF-8");
        assert!(read("LS_COLORS").is_ok());
        assert!(read("AWS_CONFIG_FILE").is_ok());
    }

    #[test]
    fn a_key_pair_is_taken_only_if_it_is_a_long_term_one() {
        let id = ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
        let secret = ("AWS_SECRET_ACCESS_KEY", "wJalr");
        let pair = |pairs: &[(&str, &str)]| read(pairs).expect("an environment").long_term_credentials();
        assert_eq!(pair(&[id, secret]).expect("a pair").secret_access_key, "wJalr".into());
        assert_eq!(pair(&[id]), Err(EnvironmentError::Unset { variable: "AWS_SECRET_ACCESS_KEY" }));
        assert_eq!(pair(&[secret]), Err(EnvironmentError::Unset { variable: "AWS_ACCESS_KEY_ID" }));
        for pairs in [vec![id, secret, ("AWS_SESSION_TOKEN", "t")], vec![("AWS_ACCESS_KEY_ID", "wJalr/x"), secret]] {
            let error = pair(&pairs).expect_err("refused");
            assert!(matches!(error, EnvironmentError::Unparsable { .. }) && !error.to_string().contains("wJalr"));
        }
    }

    #[test]
    fn without_a_home_only_what_is_below_it_fails() {
        let read = |pairs: &[(&str, &str)]| Environment::from_variables(variables(pairs), None);
        assert!(matches!(read(&[]), Err(EnvironmentError::NoHome { .. })));
        let all = [("MFAVAULT_HOME", "/m"), ("AWS_CONFIG_FILE", "/c"), ("AWS_SHARED_CREDENTIALS_FILE", "/d")];
        assert!(read(&all).is_ok());
    }
}
