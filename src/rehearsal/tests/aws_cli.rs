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
            .env("NO_PROXY", "127.0.0.1")
            .env("HOME", self.folder)
            .env("AWS_PAGER", "");
        for (name, value) in [("AWS_ACCESS_KEY_ID", access_key_id), ("AWS_SECRET_ACCESS_KEY", secret_access_key)] {
            command.env_remove(name);
            if !value.is_empty() {
                command.env(name, value);
            }
        }
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

#[test]
fn the_aws_cli_assumes_a_role_with_a_web_identity() {
    if !tools_are_here() {
        return;
    }
    let aws = Rehearsal::start(Settings::new(Arc::new(SystemClock))).expect("a rehearsal");
    let folder = tempfile::tempdir().expect("a folder");
    let cli = AwsCli { aws: &aws, folder: folder.path(), credentials: [const { String::new() }; 3] };
    let role = "arn:aws:iam::111122223333:role/web";
    let assume = |token: &str| {
        format!(
            "sts assume-role-with-web-identity --role-arn {role} --role-session-name cli --web-identity-token {token}"
        )
    };
    let assumed = cli.run(&assume(Settings::WEB_IDENTITY_TOKEN));
    assert_eq!(assumed["AssumedRoleUser"]["Arn"], "arn:aws:sts::111122223333:assumed-role/web/cli");
    assert_eq!(assumed["Audience"], "sts.amazonaws.com");
    assert!(cli.fail(&assume("nonsense")).contains("(InvalidIdentityToken)"));
    std::fs::write(folder.path().join("token"), Settings::WEB_IDENTITY_TOKEN).expect("written");
    let config = format!("[profile web]\nrole_arn = {role}\nweb_identity_token_file = token\n");
    std::fs::write(folder.path().join("config"), config).expect("written");
    let identity = cli.run("sts get-caller-identity --profile web");
    let arn = identity["Arn"].as_str().expect("text");
    assert!(arn.starts_with("arn:aws:sts::111122223333:assumed-role/web/botocore-session-"), "{arn}");
}

#[test]
fn the_aws_cli_signs_in_at_identity_center_and_refreshes() {
    if !tools_are_here() {
        return;
    }
    let mut settings = Settings::new(Arc::new(SystemClock));
    settings.identity_center.polling_interval = Duration::ZERO;
    // Shorter than the time before its end at which botocore refreshes a token.
    settings.identity_center.access_token_lifetime = Duration::from_secs(60);
    let aws = Rehearsal::start(settings).expect("a rehearsal");
    let folder = tempfile::tempdir().expect("a folder");
    let cli = AwsCli { aws: &aws, folder: folder.path(), credentials: [const { String::new() }; 3] };
    let text = |value: &serde_json::Value, name: &str| value[name].as_str().expect("text").to_owned();
    let start_url = "https://rehearsal.awsapps.com/start";
    // Version 1 would fetch a parameter that is a URL.
    let config = format!(
        "[default]\ncli_follow_urlparam = false\n\n[profile sso]\nsso_session = s\nsso_account_id = 111122223333\nsso_role_name = Developer\n\n[sso-session s]\n\
         sso_start_url = {start_url}\nsso_region = us-east-1\nsso_registration_scopes = sso:account:access\n"
    );
    std::fs::write(folder.path().join("config"), config).expect("written");
    let client = cli.run("sso-oidc register-client --client-name cli --client-type public --scopes sso:account:access");
    let client_options =
        format!("--client-id {} --client-secret {}", text(&client, "clientId"), text(&client, "clientSecret"));
    let device = cli.run(&format!("sso-oidc start-device-authorization {client_options} --start-url {start_url}"));
    let create = format!(
        "sso-oidc create-token {client_options} --grant-type urn:ietf:params:oauth:grant-type:device_code \
         --device-code {}",
        text(&device, "deviceCode")
    );
    assert!(cli.fail(&create).contains("(AuthorizationPendingException)"));
    assert!(aws.answer_sign_in(&text(&device, "userCode"), true));
    let token = cli.run(&create);
    let access_token = text(&token, "accessToken");
    let get = |role: &str| {
        format!("sso get-role-credentials --account-id 111122223333 --role-name {role} --access-token {access_token}")
    };
    let credentials = cli.run(&get("Developer"));
    assert!(text(&credentials["roleCredentials"], "accessKeyId").starts_with("ASIA"));
    assert!(cli.fail(&get("Other")).contains("(ForbiddenException)"));

    // What `aws sso login` of version 2 leaves behind; the name is the SHA-1 of the session's, `s`.
    let cache = folder.path().join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).expect("a folder");
    let kept = serde_json::json!({
        "startUrl": start_url,
        "region": "us-east-1",
        "accessToken": access_token,
        "expiresAt": rfc3339::format(aws.now() + Duration::from_secs(60)),
        "clientId": client["clientId"],
        "clientSecret": client["clientSecret"],
        "registrationExpiresAt": rfc3339::format(aws.now() + Duration::from_secs(86_400)),
        "refreshToken": token["refreshToken"],
    });
    std::fs::write(cache.join("a0f1490a20d0211c997b44bc357e1972deab8ae3.json"), kept.to_string()).expect("written");
    let identity = cli.run("sts get-caller-identity --profile sso");
    let arn = text(&identity, "Arn");
    assert!(arn.contains(":assumed-role/AWSReservedSSO_Developer_") && arn.ends_with("/alice"), "{arn}");
    let log = aws.requests();
    let last: Vec<&str> = log[log.len() - 3..].iter().map(|request| request.action.as_str()).collect();
    assert_eq!(last, ["CreateToken", "GetRoleCredentials", "GetCallerIdentity"]);
}
