//! `export` through real shells, and the document of `credential-process`.

use std::{io::Read, os::unix::fs::PermissionsExt, process::Stdio, time::Duration};

use serde_json::Value;

use super::world::{MFAVAULT, PROFILE, REGION, Run, World, now};
use crate::support::programs::installed;

const NAMES: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
];

/// The values of [`NAMES`] as the JSON document has them, a line each.
fn expected(world: &World) -> String {
    let document = document(world);
    let of = |key: &str| document[key].as_str().unwrap().to_owned();
    let session = ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"].map(of);
    session.into_iter().chain([REGION, REGION].map(str::to_owned)).map(|value| value + "\n").collect()
}

fn document(world: &World) -> Value {
    world.mfavault(["export", PROFILE, "--format", "json"]).run().succeeded().json()
}

#[test]
fn every_shell_takes_over_the_credentials() {
    let world = World::enrolled();
    let expected = expected(&world);
    let print = NAMES.map(|name| format!("printf '%s\\n' \"${name}\"; ")).concat();
    let in_child = format!("sh -c '{}'", NAMES.map(|name| format!("echo \"${name}\"; ")).concat());
    for (shell, script) in [
        ("sh", format!("eval \"$(mfavault export main)\"; {print}")),
        ("sh", format!("eval \"$(mfavault export main)\"; {in_child}")),
        ("bash", format!("set -eu; eval \"$(mfavault export main --format env)\"; {print}")),
        ("bash", format!("source <(mfavault export main); {in_child}")),
        ("zsh", format!("eval \"$(mfavault export main)\"; {print}")),
        ("fish", format!("mfavault export main --format fish | source; {in_child}")),
        ("sh", format!("mfavault export main --format dotenv > f; set -a; . ./f; {in_child}")),
    ] {
        if installed(&[shell]) {
            let ran = world.program(shell).args(["-c", &script]).run().succeeded();
            assert_eq!(ran.stdout, expected, "{shell}: {script}");
        }
    }
    assert_eq!(world.calls("GetSessionToken"), 1);
}

#[test]
fn the_ini_form_is_a_section_that_python_reads() {
    if !installed(&["python3"]) {
        return;
    }
    let world = World::enrolled();
    let script = "import configparser, sys\n\
                  c = configparser.RawConfigParser(); c.read_file(sys.stdin); s = c['main']\n\
                  print(s['aws_access_key_id'], s['aws_secret_access_key'], s['aws_session_token'])";
    let ini = world.line("export main --format ini").run().succeeded().stdout;
    let ran = world.program("python3").args(["-c", script]).run_with(&ini).succeeded();
    let expected = expected(&world);
    assert_eq!(ran.stdout.trim().replace(' ', "\n"), expected.lines().take(3).collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_forms_for_other_systems_say_the_same() {
    let world = World::enrolled();
    let expected = expected(&world);
    for (format, before, between, after) in
        [("powershell", "$Env:", " = '", "'"), ("cmd", "set \"", "=", "\""), ("nu", "$env.", " = \"", "\"")]
    {
        let ran = world.mfavault(["export", PROFILE, "--format", format]).run().succeeded();
        let lines: Vec<String> = NAMES
            .iter()
            .zip(expected.lines())
            .map(|(name, value)| format!("{before}{name}{between}{value}{after}\n"))
            .collect();
        assert_eq!(ran.stdout, lines.concat(), "{format}");
    }
}

#[test]
fn credential_process_prints_one_compact_document() {
    let world = World::enrolled();
    let ran = world.line("credential-process main").run().succeeded();
    assert_eq!(ran.stdout.matches('\n').count(), 1);
    assert!(ran.stdout.ends_with("}\n") && !ran.stdout.contains([' ', '\t', '\r']), "{}", ran.stdout);
    let document = ran.json();
    assert!(document["Version"].is_u64() && document["Version"] == 1, "a number, not a text");
    assert!(document["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
    let expiration = document["Expiration"].as_str().unwrap();
    assert!(expiration.ends_with('Z'));
    let left = mfavault::rfc3339::parse(expiration).unwrap().duration_since(now()).unwrap();
    assert!(left > Duration::from_secs(55 * 60), "{left:?}");
    assert_eq!(document["AccountId"], "111122223333");
    assert_eq!(ran.stderr, "");
}

#[test]
fn credential_process_leaves_stdin_alone() {
    let world = World::enrolled();
    for script in [
        "printf untouched | (mfavault credential-process main >/dev/null; cat)",
        "(mfavault credential-process main >/dev/null; cat) <<< untouched",
        "mfavault credential-process main <&- >/dev/null && printf untouched",
        "setsid --wait mfavault credential-process main </dev/null >/dev/null && printf untouched",
        "mfavault credential-process main </dev/zero >/dev/null && printf untouched",
    ] {
        let ran = world.program("bash").args(["-c", script]).run().succeeded();
        assert_eq!(ran.stdout.trim(), "untouched", "{script}: {ran:?}");
    }
}

#[test]
fn a_slow_reader_gets_the_whole_document() {
    let world = World::enrolled();
    let mut child = world.line("credential-process main").stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (mut text, mut buffer) = (Vec::new(), [0; 512]);
    loop {
        match stdout.read(&mut buffer).unwrap() {
            0 => break,
            count => text.extend_from_slice(&buffer[..count]),
        }
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap()["Version"], 1);
}

#[test]
fn credential_process_hands_out_more_than_15_minutes_when_they_can_be_had() {
    let world = World::with_keys();
    // 16 minutes by a clock that is 2 minutes behind: 14 by ours.
    world.aws.set_clock_offset(-120);
    let world = world.enrolled_now();
    let expiration = |line: &str| world.line(line).run().succeeded().json()["Expiration"].as_str().unwrap().to_owned();
    let short = expiration("export main -d 16m --format json");
    assert_eq!(expiration("export main -d 16m --format json"), short);
    // Both clocks were set right since.
    world.aws.set_clock_offset(0);
    std::fs::remove_file(world.path("vault/state/clock-offset")).unwrap();
    let longer = expiration("credential-process main -d 16m");
    assert_ne!(longer, short);
    assert_eq!(expiration("credential-process main -d 16m"), longer);
}

#[test]
fn a_shortest_session_is_not_fetched_by_every_call() {
    let world = World::enrolled();
    for _ in 0..3 {
        world.line("credential-process main -d 15m").run().succeeded();
    }
    assert_eq!(world.calls("GetSessionToken"), 1);
}

#[test]
fn a_role_shares_the_session_of_its_source() {
    let world = World::enrolled();
    let first = world.line("credential-process deploy").run().succeeded().json();
    assert_eq!(first["AccountId"], "111122223333");
    world.line("exec deploy -- true").run().succeeded();
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (1, 1));
}

#[test]
fn a_failure_prints_no_document() {
    let world = World::with_keys();
    world.line("credential-process nobody").run().refused(1, &["nobody"]);
    world.line("credential-process main").env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").run().refused(1, &["hint:"]);
}

#[test]
fn a_process_that_leads_back_here_is_told_at_once_and_one_that_leads_elsewhere_is_heard() {
    let world = World::enrolled();
    let round = world.path("round");
    std::fs::write(&round, format!("#!/bin/sh\nexec {MFAVAULT} export round --format json\n")).unwrap();
    std::fs::set_permissions(&round, PermissionsExt::from_mode(0o755)).unwrap();
    let mut text = std::fs::read_to_string(world.path("config")).unwrap();
    text.push_str(&format!(
        "[profile round]\ncredential_process = {}\nmfa_serial = GAHT12345678\n[profile roles]\nsource_profile = round\n\
         role_arn = arn:aws:iam::111122223333:role/open\n[profile far]\ncredential_process = {MFAVAULT} \
         credential-process near\n[profile near]\ncredential_process = {MFAVAULT} credential-process main\n",
        round.display()
    ));
    std::fs::write(world.path("config"), text).unwrap();
    for profile in ["round", "roles"] {
        // The inner run tells its reason on the same stderr.
        world.line(&format!("export {profile}")).run().refused(1, &["leads back here: round → round"]);
    }
    let far = world.line("export far --format json").run().succeeded().json();
    let main = world.line("export main --format json").run().succeeded().json();
    assert_eq!(far["AccessKeyId"], main["AccessKeyId"], "by our own program, twice, with its own vault");
}
