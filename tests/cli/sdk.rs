//! AWS's CLI and SDKs, each a small program in `tests/sdk/` that `tests/run` installs: they get their credentials here,
//! through `setup` and through the loopback endpoint, with MFA, and come back for more when a session is about to end.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::world::{PROFILE, REGION, Run, SERIAL_NUMBER, World};
use crate::support::programs::installed;

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
/// Nobody gets it without MFA.
const ROLE_WITH_MFA: &str = "arn:aws:iam::111122223333:role/deploy";
const ASSUMED: &str = "arn:aws:sts::111122223333:assumed-role/deploy/";

/// Each prints its caller's ARN by the default credentials and, given a role's ARN, that of the role's session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    AwsCli,
    Boto3,
    JavaScript,
    Rust,
}

impl Client {
    /// Those that are installed here.
    fn all() -> Vec<Client> {
        use Client::{AwsCli, Boto3, JavaScript, Rust};
        [AwsCli, Boto3, JavaScript, Rust].into_iter().filter(|client| client.is_installed()).collect()
    }

    fn is_installed(self) -> bool {
        match self {
            Client::AwsCli => installed(&["aws"]),
            Client::Boto3 => {
                let there = || Command::new("python3").args(["-c", "import boto3"]).output();
                installed(&["python3"]) && (there().unwrap().status.success() || installed(&["boto3 for python3"]))
            }
            Client::JavaScript => {
                let there = tools().join("node/node_modules/@aws-sdk/client-sts").exists();
                installed(&["node"]) && (there || installed(&["AWS's SDK for JavaScript"]))
            }
            Client::Rust => installed(&[&text(tools().join(RUST_CLIENT))]),
        }
    }

    /// The client's command line.
    fn words(self, world: &World) -> Vec<String> {
        let program = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(name);
        let words = match self {
            Client::AwsCli => vec!["sh".into(), program("whoami.sh")],
            Client::Boto3 => vec!["python3".into(), program("whoami.py")],
            Client::JavaScript => {
                // Modules are looked for from the program's own folder upwards.
                let modules = world.path("node_modules");
                if !modules.exists() {
                    symlink(tools().join("node/node_modules"), modules).unwrap();
                }
                fs::copy(program("node/whoami.mjs"), world.path("whoami.mjs")).unwrap();
                vec!["node".into(), world.path("whoami.mjs")]
            }
            Client::Rust => vec![tools().join(RUST_CLIENT)],
        };
        words.into_iter().map(text).collect()
    }

    /// What the client prints; its credentials are those that this environment leads to.
    fn run(self, world: &World, environment: &[(&str, &str)], arguments: &[&str]) -> Vec<String> {
        let words = self.words(world);
        let mut command = world.program(&words[0]);
        command.args(&words[1..]).args(arguments).env("AWS_REGION", REGION).env("AWS_DEFAULT_REGION", REGION);
        lines(&command.envs(environment.iter().copied()).run().succeeded().stdout)
    }
}

const RUST_CLIENT: &str = "rust-sdk/debug/mfavault-rust-sdk-client";

/// Where `tests/run` installs.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools")
}

fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().unwrap()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[track_caller]
fn assert_alice_with_mfa(printed: &[String], client: Client) {
    let [caller, assumed] = printed else { panic!("{client:?}: {printed:?}") };
    assert_eq!(caller, ALICE, "{client:?}");
    assert!(assumed.starts_with(ASSUMED), "{client:?}: {assumed}");
}

#[test]
fn every_client_gets_a_users_session_with_mfa_through_setup() {
    let world = World::enrolled();
    world.mfavault(["setup", PROFILE, "--yes"]).run().succeeded();
    for client in Client::all() {
        let printed = client.run(&world, &[("AWS_PROFILE", PROFILE)], &[ROLE_WITH_MFA]);
        assert_alice_with_mfa(&printed, client);
        assert_eq!(world.calls("GetSessionToken"), 1, "{client:?} shares the session of those before");
    }
}

#[test]
fn every_client_gets_a_roles_session_through_setup_and_does_not_assume_the_role_itself() {
    let world = World::enrolled();
    let before = fs::read_to_string(world.path("config")).unwrap();
    let shown = world.mfavault(["setup", "deploy", "--yes"]).run().succeeded();
    assert!(shown.stderr.contains("credential_process"), "{shown:?}");
    let config = fs::read_to_string(world.path("config")).unwrap();
    assert!(config.contains("mfavault_role_arn") && !config.contains("\nrole_arn"), "{config}");
    for client in Client::all() {
        let printed = client.run(&world, &[("AWS_PROFILE", "deploy")], &[]);
        assert!(
            matches!(&printed[..], [arn] if arn.starts_with(&format!("{ASSUMED}tester@"))),
            "{client:?}: {printed:?}"
        );
        assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (1, 1), "{client:?}");
    }
    world.mfavault(["setup", "deploy", "--undo", "--yes"]).run().succeeded();
    assert_eq!(fs::read_to_string(world.path("config")).unwrap(), before);
}

#[test]
fn every_client_gets_the_default_profiles_session_without_naming_any() {
    let world = World::enrolled();
    let key = world.key("alice");
    let pair = format!("{}\n{}\n", key.access_key_id, key.secret_access_key.expose());
    world.line(&format!("add default --stdin --mfa-serial {SERIAL_NUMBER}")).run_with(&pair).succeeded();
    world.mfavault(["setup", "default", "--yes"]).run().succeeded();
    for client in Client::all() {
        assert_alice_with_mfa(&client.run(&world, &[], &[ROLE_WITH_MFA]), client);
    }
    assert!(world.calls("GetSessionToken") <= 1);
}

/// A profile whose process writes down that it was called.
fn counted(world: &World, profile: &str, arguments: &str) -> impl Fn() -> usize {
    let (script, asked) = (world.path("counted.sh"), world.path("asked"));
    let text = format!("#!/bin/sh\necho >> {}\nexec mfavault credential-process {arguments}\n", asked.display());
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let mut config = fs::read_to_string(world.path("config")).unwrap();
    config += &format!("\n[profile {profile}]\ncredential_process = {}\n", script.display());
    fs::write(world.path("config"), config).unwrap();
    move || fs::read_to_string(&asked).unwrap_or_default().lines().count()
}

#[test]
fn sdks_come_back_when_a_session_is_about_to_end() {
    let world = World::enrolled();
    let environment = [("AWS_PROFILE", "counted")];
    // With less than 15 minutes left, boto3 asks before each call.
    if Client::Boto3.is_installed() {
        let asked = counted(&world, "counted", "main -d 15m");
        assert_alice_with_mfa(&Client::Boto3.run(&world, &environment, &[ROLE_WITH_MFA]), Client::Boto3);
        assert!(asked() >= 2, "{}", asked());
    }
    if Client::JavaScript.is_installed() {
        let world = World::enrolled();
        let asked = counted(&world, "counted", "main");
        assert_eq!(Client::JavaScript.run(&world, &environment, &["--refresh"]), [ALICE, ALICE]);
        assert_eq!((asked(), world.calls("GetSessionToken")), (2, 1));
    }
}

#[test]
fn every_client_gets_credentials_from_the_endpoint_of_exec() {
    let world = World::enrolled();
    let script = "[ -z \"${AWS_SESSION_TOKEN-}\" ] && [ -n \"$AWS_CONTAINER_CREDENTIALS_FULL_URI\" ] && exec \"$@\"";
    for client in Client::all() {
        let words = client.words(&world);
        let mut arguments = vec!["exec", "--server", PROFILE, "--", "sh", "-c", script, "sh"];
        arguments.extend(words.iter().map(String::as_str).chain([ROLE_WITH_MFA]));
        let ran = world.mfavault(arguments).env("AWS_REGION", REGION).run().succeeded();
        assert_alice_with_mfa(&lines(&ran.stdout), client);
        assert_eq!(world.calls("GetSessionToken"), 1, "{client:?} shares the session of those before");
    }
}

#[test]
fn every_client_gets_credentials_from_the_endpoint_of_serve() {
    let world = World::enrolled();
    let mut server = world.line("serve deploy").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let variables: Vec<String> =
        BufReader::new(server.stdout.take().unwrap()).lines().take(2).map(Result::unwrap).collect();
    let script = format!("{}; exec \"$@\"", variables.join("; "));
    let run = |client: Client| {
        let mut command = world.program("sh");
        command.args(["-c", &script, "sh"]).args(client.words(&world)).env("AWS_REGION", REGION);
        (client, command.env("AWS_DEFAULT_REGION", REGION).run())
    };
    let ran: Vec<_> = Client::all().into_iter().map(run).collect();
    server.kill().unwrap();
    server.wait().unwrap();
    for (client, ran) in ran {
        let printed = lines(&ran.succeeded().stdout);
        assert!(matches!(&printed[..], [arn] if arn.starts_with(ASSUMED)), "{client:?}: {printed:?}");
    }
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (1, 1));
}
