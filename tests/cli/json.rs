//! The shapes of JSON that scripts rely on.

use serde_json::Value;

use super::world::{PROFILE, REGION, Run, SERIAL_NUMBER, World};

fn json(world: &World, line: &str) -> Value {
    world.line(line).run().succeeded().json()
}

/// Every name of a field is in snake_case, and every text that looks like a time is in RFC 3339 UTC.
#[track_caller]
fn well_formed(value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(well_formed),
        Value::Object(fields) => {
            for (name, value) in fields {
                assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
                let is_time = ["expiration", "valid_until", "added"].contains(&name.as_str());
                if let Some(text) = value.as_str().filter(|_| is_time) {
                    assert!(text.ends_with('Z') && mfavault::rfc3339::parse(text).is_some(), "{name}: {text}");
                }
                well_formed(value);
            }
        }
        _ => {}
    }
}

#[test]
fn list_is_an_array_of_profiles() {
    let world = World::enrolled();
    world.line("exec deploy -- true").run().succeeded();
    let rows = json(&world, "list --json");
    well_formed(&rows);
    let row = |name: &str| rows.as_array().unwrap().iter().find(|row| row["profile"] == name).unwrap().clone();
    let main = row(PROFILE);
    let id = world.key("alice").access_key_id.to_string();
    assert_eq!(main["access_key_id"], format!("{}{}", "*".repeat(16), &id[16..]));
    assert_eq!(main["serial_number"], SERIAL_NUMBER);
    assert_eq!(row("admin")["serial_number"], Value::Null);
    assert_eq!(row("admin")["sessions"], Value::Array(vec![]));
    let sessions = row("deploy")["sessions"].as_array().unwrap().clone();
    assert_eq!(sessions.len(), 1);
    assert!(sessions[0]["kind"].is_string() && sessions[0]["expiration"].is_string(), "{sessions:?}");
    assert_eq!(json(&World::empty(), "mfa list --json"), Value::Array(vec![]));
}

#[test]
fn devices_and_codes_have_their_fields() {
    let world = World::enrolled();
    world.line("mfa import other --stdin").run_with("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").succeeded();
    let devices = json(&world, "mfa list --json");
    well_formed(&devices);
    let [alice, other] = devices.as_array().unwrap().as_slice() else { panic!("{devices}") };
    assert_eq!((&alice["name"], &alice["serial_number"]), (&"alice".into(), &SERIAL_NUMBER.into()));
    assert_eq!(alice["profile"], PROFILE);
    assert_eq!((&other["serial_number"], &other["profile"]), (&Value::Null, &Value::Null));
    for name in ["alice", "main"] {
        let code = json(&world, &format!("code {name} --json"));
        well_formed(&code);
        assert_eq!((&code["name"], &code["serial_number"]), (&"alice".into(), &SERIAL_NUMBER.into()));
        assert!(code["code"].as_str().unwrap().len() == 6 && code["valid_until"].is_string(), "{code}");
    }
    let shown = json(&world, "mfa show alice --json");
    well_formed(&shown);
    assert_eq!(shown["serial_number"], SERIAL_NUMBER);
    well_formed(&json(&world, "mfa codes alice --json"));
}

#[test]
fn explain_has_steps_with_where_each_value_came_from() {
    let world = World::enrolled();
    for line in ["explain deploy --json", "explain deploy --json -d 4h", "explain main --json --region us-east-2"] {
        let mut command = world.line(line);
        // No unlock, no network.
        command.env_remove("MFAVAULT_PASSPHRASE").env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
        let plan = command.run().succeeded().json();
        well_formed(&plan);
        for step in plan["steps"].as_array().unwrap() {
            assert!(step["call"].is_string() && step["duration_seconds"].is_u64(), "{step}");
            let fields = step.as_object().unwrap();
            assert!(fields.contains_key("serial_number") && fields.contains_key("origin"), "{step}");
        }
    }
    let calls = |line: &str| -> Vec<(String, u64, bool)> {
        let plan = json(&world, line);
        let steps = plan["steps"].as_array().unwrap().clone();
        steps
            .iter()
            .map(|step| {
                let call = step["call"].as_str().unwrap().to_owned();
                (call, step["duration_seconds"].as_u64().unwrap(), step["serial_number"].is_string())
            })
            .collect()
    };
    let session = |seconds, mfa| ("GetSessionToken".to_owned(), seconds, mfa);
    let role = |seconds, mfa| ("AssumeRole".to_owned(), seconds, mfa);
    assert_eq!(calls("explain main --json"), [session(3600, true)]);
    assert_eq!(calls("explain main --json -d 36h"), [session(129_600, true)]);
    assert_eq!(calls("explain main --json -n"), []);
    assert_eq!(calls("explain admin --json"), [session(3600, false)]);
    assert_eq!(calls("explain deploy --json"), [session(8 * 3600, true), role(3600, false)]);
    assert_eq!(calls("explain deploy --json -d 4h"), [role(4 * 3600, true)]);
    let ran = world.line("exec deploy -d 4h -- printenv AWS_CREDENTIAL_EXPIRATION").run().succeeded();
    assert!(mfavault::rfc3339::parse(ran.stdout.trim()).is_some());
    assert_eq!((world.calls("GetSessionToken"), world.calls("AssumeRole")), (0, 1));
}

#[test]
fn whoami_says_who_and_whether_with_mfa() {
    let world = World::enrolled();
    let who = json(&world, "whoami main --json");
    well_formed(&who);
    assert_eq!(who["arn"], "arn:aws:iam::111122223333:user/alice");
    assert_eq!((&who["mfa_present"], &who["account_id"]), (&true.into(), &"111122223333".into()));
    assert_eq!(json(&world, "whoami admin --json")["mfa_present"], false);
}

#[test]
fn the_region_of_a_role_without_one_is_its_sources() {
    let world = World::enrolled();
    let region = |line: &str| world.line(line).run().succeeded().stdout;
    assert_eq!(region("exec deploy -- printenv AWS_REGION").trim(), REGION);
    assert_eq!(region("exec deploy -r us-east-2 -- printenv AWS_REGION").trim(), "us-east-2");
    let mut command = world.line("exec deploy -- printenv AWS_DEFAULT_REGION");
    assert_eq!(command.env("AWS_REGION", "sa-east-1").run().succeeded().stdout.trim(), "sa-east-1");
}

#[test]
fn verify_is_status_1_on_any_difference() {
    let world = World::enrolled();
    world.line("backup create mfa.age").run().succeeded();
    let same = world.line("backup verify mfa.age --json").run().succeeded().json();
    well_formed(&same);
    world.line("mfa import other --stdin").run_with("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").succeeded();
    let differs = world.line("backup verify mfa.age --json").run();
    assert_eq!(differs.status.code(), Some(1), "{differs:?}");
    well_formed(&differs.json());
    world.line("mfa remove other --force").run().succeeded();
    world.line("backup verify mfa.age").run().succeeded();
    let mut wrong = world.line("backup verify mfa.age --passphrase-file wrong");
    std::fs::write(world.path("home/wrong"), "wrong").unwrap();
    wrong.run().refused(1, &["mfa.age"]);
}

#[test]
fn a_qr_code_is_for_terminals_and_files() {
    let world = World::enrolled();
    world.line("mfa qr alice").run().refused(1, &["terminal", "--output"]);
    assert!(world.line("mfa qr alice --force").run().succeeded().stdout.lines().count() > 20);
    world.line("mfa qr alice --output code.txt").run().refused(1, &[".png"]);
}
