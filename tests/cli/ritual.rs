//! AWS's documented ritual typed into the real AWS CLI with our codes, and the one command that does all of it.

use std::fs;

use super::world::{Run, SERIAL_NUMBER, World};
use crate::support::programs::installed;

#[test]
fn the_documented_ritual_works_with_the_aws_cli() {
    if !installed(&["aws"]) {
        return;
    }
    let world = World::with_keys();
    // With an endpoint of ours the AWS CLI signs for the profile's region, and IAM has but one.
    world.configure("region = eu-central-1", "region = us-east-1");
    let script = format!(
        "set -eu; eval \"$(mfavault export main --no-session)\"\n\
         aws iam create-virtual-mfa-device --virtual-mfa-device-name alice --outfile QRCode.png \
         --bootstrap-method QRCodePNG >/dev/null\n\
         mfavault mfa import --qr QRCode.png --profile main\n\
         aws iam enable-mfa-device --user-name alice --serial-number {SERIAL_NUMBER} \
         $(mfavault mfa codes alice --format cli)\n\
         mfavault exec main -- aws iam list-users --query 'Users[].UserName' --output text"
    );
    let ran = world.program("sh").args(["-c", &script]).run().succeeded();
    assert_eq!(ran.stdout, "admin\talice\n");
    assert!(ran.stderr.contains(SERIAL_NUMBER), "{ran:?}");
    let devices = world.line("mfa list --json").run().succeeded().json();
    assert_eq!((&devices[0]["name"], &devices[0]["serial_number"]), (&"alice".into(), &SERIAL_NUMBER.into()));
    assert!(world.aws.requests().iter().all(|request| request.status == 200));
}

#[test]
fn the_two_codes_are_consecutive_and_the_later_one_is_the_current_one() {
    let world = World::enrolled();
    let lines = world.line("mfa codes alice").run().succeeded();
    let codes: Vec<&str> = lines.stdout.lines().collect();
    let [first, second] = codes[..] else { panic!("{lines:?}") };
    assert!([first, second].iter().all(|code| code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())));
    let cli = world.line("mfa codes main --format cli").run().succeeded().stdout;
    let json = world.line("mfa codes alice --json").run().succeeded().json();
    let current = world.line("code main --json").run().succeeded().json();
    assert_eq!((&current["name"], &current["serial_number"]), (&"alice".into(), &SERIAL_NUMBER.into()));
    let of_cli: Vec<&str> = cli.split_whitespace().collect();
    assert_eq!((of_cli[0], of_cli[2]), ("--authentication-code-1", "--authentication-code-2"));
    assert_eq!(of_cli.len(), 4);
    // The step may end between two runs, but not often: what follows is what came or what comes next.
    assert!(of_cli[1] == first || of_cli[1] == second);
    assert!(of_cli[3] == second || of_cli[1] == second);
    assert!(mfavault::rfc3339::parse(current["valid_until"].as_str().unwrap()).is_some());
    assert!(json.to_string().contains(of_cli[3]) || json.to_string().contains(second));
}

#[test]
fn enable_does_the_whole_ritual() {
    let world = World::with_keys();
    let ran = world.line("mfa enable main --qr backup.png").run().succeeded();
    assert_eq!(ran.stdout, "");
    assert!(fs::read_to_string(world.path("config")).unwrap().contains(&format!("mfa_serial = {SERIAL_NUMBER}")));
    let calls = world.calls("GetSessionToken");
    let ran = world.line("exec main -- mfavault rehearse --list-users").run().succeeded();
    assert_eq!((ran.stdout.as_str(), world.calls("GetSessionToken")), ("admin\nalice\n", calls));
    // The picture and the vault agree.
    let uri = world.line("mfa export alice --yes").run().succeeded().stdout;
    let picture = fs::read(world.path("home/backup.png")).unwrap();
    let read = mfavault::mfa::qr::read(&picture).unwrap();
    assert_eq!(read[0].expose(), uri.trim());
}
