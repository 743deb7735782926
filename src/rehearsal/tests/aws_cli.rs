//! The ritual of AWS's documentation, typed into the real AWS CLI, with other people's tools for picture and codes.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use super::*;
use crate::{clock::SystemClock, rfc3339};

/// What the test needs on the `PATH`.
const TOOLS: [[&str; 2]; 3] = [["aws", "--version"], ["zbarimg", "--version"], ["oathtool", "--version"]];

/// Whether the tools are here. In CI they must be; elsewhere their absence is said, whatever the test runner swallows.
#[allow(clippy::disallowed_methods, reason = "whether this is CI is known from the environment only")]
fn tools_are_here() -> bool {
    let here =
        |tool: &[&str; 2]| Command::new(tool[0]).arg(tool[1]).output().is_ok_and(|output| output.status.success());
    let Some(missing) = TOOLS.iter().find(|tool| !here(tool)) else { return true };
    assert!(std::env::var_os("CI").is_none(), "{} is missing, and this is CI", missing[0]);
    writeln!(std::io::stderr(), "SKIPPED: the AWS CLI's ritual was not tried: {} is missing", missing[0]).ok();
    false
}

/// The AWS CLI in a folder of its own, with nothing of the user's.
struct AwsCli<'a> {
    aws: &'a Rehearsal,
    folder: &'a Path,
    /// Access key ID, secret access key, session token.
    credentials: [String; 3],
}

impl AwsCli<'_> {
    fn try_run(&self, arguments: &str) -> Output {
        let [access_key_id, secret_access_key, session_token] = &self.credentials;
        let mut command = Command::new("aws");
        command.args(arguments.split(' ')).current_dir(self.folder);
        for name in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_DEFAULT_REGION"] {
            command.env_remove(name);
        }
        if !session_token.is_empty() {
            command.env("AWS_SESSION_TOKEN", session_token);
        }
        command
            .env("AWS_ENDPOINT_URL", self.aws.url())
            .env("AWS_CONFIG_FILE", self.folder.join("config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.folder.join("credentials"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", access_key_id)
            .env("AWS_SECRET_ACCESS_KEY", secret_access_key)
            .env("NO_PROXY", "127.0.0.1")
            .env("AWS_PAGER", "");
        command.output().expect("the AWS CLI runs")
    }

    #[track_caller]
    fn run(&self, arguments: &str) -> serde_json::Value {
        let output = self.try_run(arguments);
        assert!(output.status.success(), "aws {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    #[track_caller]
    fn fail(&self, arguments: &str) -> String {
        let output = self.try_run(arguments);
        assert!(!output.status.success(), "aws {arguments} should fail");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// What oathtool says for a seed, some seconds from a time. The seed goes in by stdin.
fn oathtool(seed: &str, now: SystemTime, offset_seconds: u64) -> String {
    let time = rfc3339::format(now - Duration::from_secs(offset_seconds)).replace('T', " ").replace('Z', " UTC");
    let mut child = Command::new("oathtool")
        .args(["--totp", "--base32", "--now", &time, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("oathtool runs");
    child.stdin.take().expect("a pipe").write_all(seed.as_bytes()).expect("sent");
    let output = child.wait_with_output().expect("oathtool ends");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

#[test]
fn the_documented_ritual_works_with_the_aws_cli() {
    if !tools_are_here() {
        return;
    }
    let aws = Rehearsal::start(Settings::new(Arc::new(SystemClock))).expect("a rehearsal");
    let folder = tempfile::tempdir().expect("a folder");
    let alice = aws.credentials("alice").expect("a user");
    let credentials = [alice.access_key_id.to_string(), alice.secret_access_key.expose().clone(), String::new()];
    let mut cli = AwsCli { aws: &aws, folder: folder.path(), credentials };

    let refusal = cli.fail("iam list-users");
    assert!(refusal.contains("(AccessDenied)") && refusal.contains("with an explicit deny"), "{refusal}");

    let created = cli.run(
        "iam create-virtual-mfa-device --virtual-mfa-device-name alice --outfile QRCode.png --bootstrap-method QRCodePNG",
    );
    assert_eq!(created["VirtualMFADevice"]["SerialNumber"], ALICES_DEVICE);
    let picture = Command::new("zbarimg").args(["--quiet", "--raw", "QRCode.png"]).current_dir(folder.path()).output();
    let uri = String::from_utf8(picture.expect("zbarimg runs").stdout).expect("text");
    let start = "otpauth://totp/Amazon%20Web%20Services:alice@111122223333?secret=";
    let seed = uri.trim().strip_prefix(start).and_then(|rest| rest.split('&').next()).expect("AWS's URI");
    assert_eq!(seed.len(), 64);

    let now = aws.now();
    cli.run(&format!(
        "iam enable-mfa-device --user-name alice --serial-number {ALICES_DEVICE} --authentication-code-1 {} \
         --authentication-code-2 {}",
        oathtool(seed, now, 30),
        oathtool(seed, now, 0)
    ));
    let session = cli.run(&format!(
        "sts get-session-token --serial-number {ALICES_DEVICE} --token-code {}",
        oathtool(seed, aws.now(), 0)
    ));
    cli.fail("iam list-users");
    cli.credentials = ["AccessKeyId", "SecretAccessKey", "SessionToken"]
        .map(|name| session["Credentials"][name].as_str().expect("text").to_owned());
    let users = cli.run("iam list-users");
    assert_eq!(users["Users"][1]["UserName"], "alice");
    let report = cli.fail("iam get-credential-report");
    assert!(report.contains("ReportNotPresent"), "{report}");
    let identity = cli.run("sts get-caller-identity --region eu-central-1");
    assert_eq!(identity["Arn"], "arn:aws:iam::111122223333:user/alice");
}
