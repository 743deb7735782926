//! `rehearse`: a world to try everything in: the stand-in of AWS, a temporary vault, an AWS config of its own.
//!
//! Nothing of the user's is read or written. The world is gone when the command is.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use super::{EXEC_FAILED, args::RehearseArgs, tour, wire};
use crate::{
    aws::{Caller, Signer, endpoints},
    clock::SystemClock,
    commands::Error,
    environment,
    process::{self, Hardened, Launch},
    rehearsal::{IdentityCenterSettings, Rehearsal, Settings},
};

/// The profile of the world's user, and his name.
pub(super) const PROFILE: &str = "rehearsal";
pub(super) const USER: &str = "alice";

const WELCOME: &str = "\
This shell is a rehearsal. AWS is a strict stand-in on this machine (IAM, STS,
IAM Identity Center), the vault is temporary, nothing of yours is touched. You
are the user `alice`; a policy denies her nearly everything without MFA. Her key
is in the credentials file, under the profile `rehearsal`, which AWS_PROFILE
names. Other profiles: `deploy` (a role), `web` (a role for a web identity),
`developer` (a permission set of IAM Identity Center).

  mfavault add --from-credentials-file              store her key
  mfavault mfa enable                               make and enable a device
  mfavault exec -- mfavault rehearse --list-users   what needs MFA
  mfavault exec deploy -- aws sts get-caller-identity

The vault's passphrase, should you be asked, is `only a rehearsal`. Leave with `exit`.";

/// The temporary world; gone when dropped.
pub(super) struct Stage {
    pub(super) aws: Rehearsal,
    folder: tempfile::TempDir,
}

impl Stage {
    pub(super) fn set() -> Result<Self, Error> {
        let failed = |error: &dyn std::error::Error| Error::Rehearsal { reason: error.to_string() };
        let aws = Rehearsal::start(Settings::new(Arc::new(SystemClock))).map_err(|error| failed(&error))?;
        let folder =
            tempfile::Builder::new().prefix("mfavault-rehearsal-").tempdir().map_err(|error| failed(&error))?;
        let stage = Stage { aws, folder };
        stage.furnish().map_err(|error| failed(&error))?;
        Ok(stage)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn furnish(&self) -> io::Result<()> {
        let key = self.aws.credentials(USER).ok_or(io::ErrorKind::NotFound)?;
        let admin = self.aws.credentials("admin").ok_or(io::ErrorKind::NotFound)?;
        let mut credentials = String::new();
        for (profile, pair) in [(PROFILE, &key), ("admin", &admin)] {
            credentials.push_str(&format!(
                "[{profile}]\naws_access_key_id = {}\naws_secret_access_key = {}\n\n",
                pair.access_key_id,
                pair.secret_access_key.expose()
            ));
        }
        let config = format!(
            "[profile {PROFILE}]\nregion = us-east-1\n\n[profile deploy]\nrole_arn = arn:aws:iam::{account}:role/deploy\n\
             source_profile = {PROFILE}\n\n[profile admin]\nregion = us-east-1\n\n[profile web]\n\
             role_arn = arn:aws:iam::{account}:role/web\nweb_identity_token_file = {token}\n\n[profile developer]\n\
             sso_session = {PROFILE}\nsso_account_id = {account}\nsso_role_name = Developer\n\n\
             [sso-session {PROFILE}]\nsso_start_url = {start_url}\nsso_region = us-east-1\n\
             sso_registration_scopes = sso:account:access\n",
            account = self.aws.account_id(),
            token = self.path("web-identity-token").display(),
            start_url = IdentityCenterSettings::START_URL,
        );
        fs::write(self.path("web-identity-token"), Settings::WEB_IDENTITY_TOKEN)?;
        fs::write(self.path("credentials"), credentials)?;
        fs::write(self.path("config"), config)?;
        fs::create_dir(self.path("bin"))?;
        link(&std::env::current_exe()?, &self.path("bin").join(own_name()))
    }

    /// What a command in this world has in its environment: its own AWS, config and vault, and `mfavault` first in PATH.
    pub(super) fn environment(&self, inherited: &[(OsString, OsString)]) -> Vec<(OsString, OsString)> {
        let own: Vec<(&str, OsString)> = vec![
            ("AWS_CONFIG_FILE", self.path("config").into()),
            ("AWS_SHARED_CREDENTIALS_FILE", self.path("credentials").into()),
            ("AWS_ENDPOINT_URL", self.aws.url().into()),
            ("AWS_PROFILE", PROFILE.into()),
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_DEFAULT_REGION", "us-east-1".into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
            ("AWS_PAGER", "".into()),
            // Not MFAVAULT_HOME, which `exec` takes out of its child: from there, too, this vault is found and no other.
            ("XDG_DATA_HOME", self.path("vault/data").into()),
            ("XDG_STATE_HOME", self.path("vault/state").into()),
            // The user's own settings could name another keystore.
            ("XDG_CONFIG_HOME", self.path("vault/config").into()),
            ("MFAVAULT_KEYSTORE", "file".into()),
            ("MFAVAULT_PASSPHRASE", "only a rehearsal".into()),
        ];
        let replaced = |name: &OsString| {
            let name = name.to_string_lossy();
            own.iter().any(|(own, _)| *own == name) || name.starts_with("AWS_")
        };
        let mut path = vec![self.path("bin")];
        let mut environment = Vec::new();
        for (name, value) in environment::without_credentials(inherited.iter().cloned()) {
            if is_path(&name) {
                path.extend(std::env::split_paths(&value));
            } else if !replaced(&name) {
                environment.push((name, value));
            }
        }
        environment.extend(own.into_iter().map(|(name, value)| (name.into(), value)));
        environment.push(("PATH".into(), std::env::join_paths(path).unwrap_or_default()));
        environment
    }
}

pub(super) fn run(world: &wire::World, arguments: RehearseArgs, hardened: &Hardened) -> Result<ExitCode, Error> {
    if arguments.list_users {
        return list_users(world);
    }
    let stage = Stage::set()?;
    let mut command = arguments.command.into_iter();
    let program = match command.next() {
        Some(program) => program,
        None if arguments.tour || !world.at_a_terminal() => return tour::run(&stage, &world.environment.inherited),
        None => {
            WELCOME.lines().for_each(|line| world.prompt.say(line));
            world.shell()
        }
    };
    let environment = stage.environment(&world.environment.inherited);
    let path = environment.iter().find(|(name, _)| is_path(name)).map(|(_, path)| path.clone());
    let program = process::find_program(&program, path.as_deref())?;
    let launch = Launch { program, arguments: command.collect(), environment };
    world.prompt.release_signals();
    let status = process::run(&launch, hardened)?;
    Ok(ExitCode::from(u8::try_from(status & 0xff).unwrap_or(EXEC_FAILED)))
}

/// What a force-MFA policy denies without MFA: lists the users, with the credentials in the environment.
fn list_users(world: &wire::World) -> Result<ExitCode, Error> {
    let environment = &world.environment;
    let url = environment.endpoint_url.as_ref().map(|setting| setting.value.clone());
    let settings = endpoints::EndpointSettings { endpoint_url: url, ..Default::default() };
    let endpoints = endpoints::resolve(&settings)?;
    let aws = world.aws()?;
    let session = environment.session_credentials()?;
    let long_term;
    let signer = match &session {
        Some(session) => Signer::Session(session),
        None => {
            long_term = environment.long_term_credentials()?;
            Signer::LongTerm(&long_term)
        }
    };
    let names = aws.list_users(Caller { signer, endpoints: &endpoints })?;
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    super::render::print(&lines).map_err(|source| Error::Io { action: "write to standard output", source })?;
    Ok(ExitCode::SUCCESS)
}

/// Windows writes it `Path`.
fn is_path(name: &OsStr) -> bool {
    if cfg!(windows) { name.eq_ignore_ascii_case("PATH") } else { name == "PATH" }
}

#[cfg(unix)]
fn link(program: &Path, at: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(program, at)
}

#[cfg(windows)]
fn link(program: &Path, at: &Path) -> io::Result<()> {
    fs::copy(program, at).map(drop)
}

fn own_name() -> &'static str {
    if cfg!(windows) { "mfavault.exe" } else { "mfavault" }
}
