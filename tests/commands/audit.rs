//! What commands write down in the audit log: before a code, a session or a seed goes out, and nothing else.

use std::fs;

use mfavault::{
    commands::{self, Error, Outcome, add, mfa},
    secret::SecretText,
    vault::{AuditLine, Consent},
};

use crate::support::bench::{Bench, SERIAL, import_of, name};

/// The lines, as `event of: how`.
fn log(bench: &Bench) -> Vec<String> {
    let Ok(Outcome::AuditLog(lines)) = bench.run(|context| commands::audit::show(context, None)) else {
        panic!("no log came out")
    };
    lines.iter().map(words).collect()
}

fn words(line: &AuditLine) -> String {
    let text =
        |field: &str| line.content.get(field).map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
    let of = ["device", "profile", "names", "keystore", "start_url"].into_iter().find_map(text);
    let how = ["purpose", "operation", "change", "format", "reason"].into_iter().find_map(text);
    format!("{} {}: {}", text("event").unwrap(), of.unwrap_or_default(), how.unwrap_or_default())
}

/// What one act adds.
fn added<T>(bench: &Bench, act: impl FnOnce() -> T) -> Vec<String> {
    let before = log(bench).len();
    let _ = act();
    log(bench).split_off(before)
}

#[test]
fn the_life_of_a_device_is_written_down_in_the_order_of_its_steps() {
    let bench = Bench::new();
    let enabled = added(&bench, || bench.enable().unwrap());
    let expected = [
        "device_changed alice: created",
        "code_made alice: EnableMFADevice",
        "device_changed alice: enabled",
        "code_made alice: proof by GetSessionToken",
        "session_issued main: GetSessionToken",
    ];
    assert_eq!(enabled, expected);
    assert_eq!(
        added(&bench, || bench.run(|context| mfa::rename::run(context, "alice", "a")).unwrap()),
        ["device_changed alice: renamed from alice".replace("alice: ", "a: ")]
    );
    let ask = Some(Consent { remembered: std::time::Duration::ZERO });
    let consented = added(&bench, || bench.run(|context| mfa::consent::run(context, "a", ask)).unwrap());
    assert_eq!(consented, ["device_changed a: asks"]);
    let removed = added(&bench, || bench.run(|context| mfa::remove::run(context, "a", true)).unwrap());
    assert_eq!(removed, ["device_changed a: removed"]);
}

#[test]
fn a_device_that_is_replaced_and_deleted_leaves_each_step() {
    let bench = Bench::with_device();
    bench.prompt.answer("y");
    let device = mfa::AtAws { name: "alice".to_owned(), profile: None, user_name: None, mfa_code: None };
    let arguments = mfa::replace::Arguments { device, new_name: None, qr: None, confirmed: true };
    let lines = added(&bench, || bench.run(|context| mfa::replace::run(context, &arguments)).unwrap());
    // Force-MFA lets nobody delete a device: the old one keeps its seed under another name.
    let replaced = format!("device_changed alice: replaced {SERIAL}");
    assert_eq!(
        lines[7..],
        [
            "device_changed alice: deactivated",
            "device_changed alice-old: renamed from alice",
            "device_changed alice: renamed from alice-2",
            &replaced,
        ]
    );
    let device = mfa::AtAws { name: "alice".to_owned(), profile: None, user_name: None, mfa_code: None };
    bench.settle();
    let lines = added(&bench, || bench.run(|context| mfa::deactivate::run(context, &device, false, true)).unwrap());
    assert_eq!(lines.last().unwrap(), "device_changed alice: deactivated");
}

#[test]
fn a_device_that_is_deleted_is_gone_at_aws_and_then_here() {
    let bench = Bench::new();
    bench.store_key("main", "admin");
    bench.enable().unwrap();
    bench.settle();
    let device = mfa::AtAws { name: "main".to_owned(), profile: None, user_name: None, mfa_code: None };
    let lines = added(&bench, || bench.run(|context| mfa::deactivate::run(context, &device, true, true)));
    let expected =
        ["device_changed admin: deactivated", "device_changed admin: deleted", "device_changed admin: removed"];
    assert_eq!(lines[lines.len() - 3..], expected);
}

#[test]
fn a_session_is_written_down_when_it_is_issued_and_not_when_it_is_remembered() {
    let bench = Bench::with_device();
    let first = added(&bench, || bench.credentials("main").unwrap());
    assert_eq!(first, ["code_made alice: GetSessionToken for main", "session_issued main: GetSessionToken"]);
    assert_eq!(added(&bench, || bench.credentials("main").unwrap()), [""; 0]);
    let key = added(&bench, || bench.credentials_with("main", |request| request.no_session = true).unwrap());
    assert_eq!(key, [r#"exported ["main"]: long-term credentials"#]);
}

#[test]
fn codes_that_are_shown_or_copied_say_by_what() {
    let bench = Bench::with_device();
    let alice = || Some("alice".to_owned());
    let shown = added(&bench, || bench.run(|context| commands::code::run(context, alice())).unwrap());
    assert_eq!(shown, ["code_made alice: mfavault code"]);
    let copied = added(&bench, || bench.run(|context| commands::code::to_copy(context, alice())).unwrap());
    assert_eq!(copied, ["code_made alice: mfavault code --copy"]);
    let pair = added(&bench, || bench.run(|context| mfa::codes::run(context, "alice")).unwrap());
    assert_eq!(pair, ["code_made alice: mfavault mfa codes"]);
    let vpn = "otpauth://hotp/vpn?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&counter=7";
    let imported = added(&bench, || {
        bench.run(|context| mfa::import::run(context, import_of(mfa::import::From::Text(vpn.into())))).unwrap()
    });
    assert_eq!(imported, ["device_changed vpn: imported"]);
    let counted = added(&bench, || bench.run(|context| commands::code::run(context, Some("vpn".to_owned()))).unwrap());
    assert_eq!(counted, ["code_made vpn: mfavault code"]);
}

#[test]
fn keys_and_exports_are_written_down_and_no_secret_with_them() {
    let bench = Bench::with_device();
    let key = bench.key_of("admin");
    let pair = format!("{}\n{}\n", key.access_key_id, key.secret_access_key.expose());
    let arguments = add::Arguments {
        profile: name("admin"),
        from: add::From::Lines(pair.into()),
        verify: false,
        config: false,
        overwrite: false,
        mfa_serial: None,
    };
    let lines = added(&bench, || {
        bench.run(|context| add::run(context, arguments)).unwrap();
        let only = mfa::export::Devices::All;
        let arguments = mfa::export::Arguments { google: false, output: None, overwrite: false, confirmed: true };
        bench.run(|context| mfa::export::run(context, &only, &arguments)).unwrap();
        let arguments = mfa::qr::Arguments { google: true, output: None, overwrite: false };
        bench.run(|context| mfa::qr::run(context, &only, &arguments)).unwrap();
        bench.run(|context| commands::remove::run(context, &name("admin"), true)).unwrap();
    });
    assert_eq!(
        lines,
        [
            "key_changed admin: added",
            r#"exported ["alice"]: otpauth"#,
            r#"exported ["alice"]: qr"#,
            "key_changed admin: removed",
        ]
    );
    let session = bench.credentials("main").unwrap();
    let Ok(Outcome::Code { code, .. }) = bench.run(|context| commands::code::run(context, Some("alice".to_owned())))
    else {
        panic!("no code came out")
    };
    let state = bench.environment.folders.state.clone();
    let text =
        fs::read_to_string(state.join("audit.jsonl")).unwrap() + &fs::read_to_string(state.join("audit.head")).unwrap();
    let seed = bench.device("alice").unwrap().device.seed.to_base32();
    let token = session.session_token().unwrap();
    let ids = [key.access_key_id.to_string(), session.access_key_id().to_string()];
    let secrets: [&SecretText; 5] =
        [&key.secret_access_key, session.secret_access_key(), token, &seed, &bench.key_of("alice").secret_access_key];
    for secret in secrets.into_iter().map(|secret| secret.expose().as_str()).chain(ids.iter().map(String::as_str)) {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(!text.contains(&format!("\"{}\"", code.expose())), "{text}");
}

#[test]
fn where_the_log_cannot_be_written_no_code_no_session_and_no_seed_goes_out() {
    let bench = Bench::with_device();
    let state = bench.environment.folders.state.clone();
    fs::rename(state.join("audit.jsonl"), state.join("kept")).unwrap();
    fs::create_dir(state.join("audit.jsonl")).unwrap();
    let alice = || Some("alice".to_owned());
    assert!(matches!(bench.run(|context| commands::code::run(context, alice())), Err(Error::Vault(_))));
    assert!(matches!(bench.run(|context| mfa::codes::run(context, "alice")), Err(Error::Vault(_))));
    let (requests, session) = bench.requests_of(|| bench.credentials("main"));
    assert!(session.is_err() && requests.is_empty(), "{requests:?}");
    let all = mfa::export::Devices::All;
    let arguments = mfa::export::Arguments { google: false, output: None, overwrite: false, confirmed: true };
    assert!(matches!(bench.run(|context| mfa::export::run(context, &all, &arguments)), Err(Error::Vault(_))));
    assert!(matches!(bench.run(|context| mfa::remove::run(context, "alice", true)), Err(Error::Vault(_))));
    assert!(bench.device("alice").is_some());
    fs::remove_dir(state.join("audit.jsonl")).unwrap();
    fs::rename(state.join("kept"), state.join("audit.jsonl")).unwrap();
    bench.run(|context| commands::code::run(context, alice())).unwrap();
    let Ok(Outcome::AuditVerdict(verdict, _)) = bench.run(commands::audit::verify) else { panic!("no verdict") };
    assert_eq!(verdict.fault, None);
}

#[test]
fn a_log_that_is_not_whole_is_shown_with_a_warning() {
    let bench = Bench::with_device();
    let path = bench.environment.folders.state.join("audit.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("created", "cleared", 1)).unwrap();
    let Ok(Outcome::AuditLog(lines)) = bench.run(|context| commands::audit::show(context, Some(2))) else {
        panic!("no log came out")
    };
    assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<_>>(), [4, 5]);
    assert!(bench.prompt.talk().contains("warning: the log is not as it was written: line 1 was changed"));
}
