//! Clock, faults and the log of requests, from Rust and over HTTP.

use super::*;

fn control(stage: &Stage, request: &str) -> Answer {
    let address = stage.aws.url().replace("http://", "");
    client::send(&address, &format!("{request} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
}

fn once(action: &str, kind: FaultKind) -> Fault {
    Fault { action: Some(action.to_owned()), kind, times: Some(1) }
}

#[test]
fn faults_happen_as_often_as_they_were_set_for_to_the_action_they_were_set_for() {
    let stage = Stage::default();
    let client = stage.client("admin");
    stage.aws.inject_fault(once("GetCallerIdentity", FaultKind::Throttling));
    stage.aws.inject_fault(once("GetCallerIdentity", FaultKind::ServerError));
    client.call("ListUsers", &[]).expect_ok();
    client.call("GetCallerIdentity", &[]).expect_error(400, "Throttling", "Rate exceeded");
    client.call("GetCallerIdentity", &[]).expect_error(500, "InternalFailure", "");
    client.call("GetCallerIdentity", &[]).expect_ok();
}

#[test]
fn a_lost_answer_was_acted_on_and_a_closed_connection_was_not() {
    let stage = Stage::default();
    let client = stage.client("admin");
    let create = |name| client.call("CreateVirtualMFADevice", &[("VirtualMFADeviceName", name)]);
    for (kind, name) in [(FaultKind::LostAnswer, "lost"), (FaultKind::ClosedBeforeActing, "closed")] {
        stage.aws.inject_fault(once("CreateVirtualMFADevice", kind));
        assert_eq!(create(name).head, "");
    }
    create("lost").expect_error(409, "EntityAlreadyExists", "");
    create("closed").expect_ok();
    stage.aws.inject_fault(once("GetCallerIdentity", FaultKind::TruncatedBody));
    let cut = client.call("GetCallerIdentity", &[]);
    assert_eq!(cut.status(), 200);
    assert!(!cut.body.contains("</GetCallerIdentityResponse>"));
}

#[test]
fn clock_and_faults_are_set_over_http() {
    let stage = Stage::default();
    let client = stage.client("admin");
    let before = stage.aws.now();
    assert_eq!(control(&stage, "POST /_rehearsal/clock?offset_seconds=-90").status(), 200);
    assert_eq!(before.duration_since(stage.aws.now()).expect("earlier"), Duration::from_secs(90));
    let fault = "POST /_rehearsal/fault?action=GetCallerIdentity&kind=throttling";
    assert_eq!(control(&stage, fault).status(), 200);
    client.call("GetCallerIdentity", &[]).expect_error(400, "Throttling", "");
    client.call("GetCallerIdentity", &[]).expect_error(400, "Throttling", "");
    assert_eq!(control(&stage, "POST /_rehearsal/clear-faults").status(), 200);
    assert_eq!(control(&stage, "POST /_rehearsal/fault?kind=latency&milliseconds=1&times=1").status(), 200);
    client.call("GetCallerIdentity", &[]).expect_ok();
    for wrong in ["clock", "clock?offset_seconds=x", "fault", "fault?kind=latency", "fault?kind=throttling&times=0"] {
        assert_eq!(control(&stage, &format!("POST /_rehearsal/{wrong}")).status(), 400, "{wrong}");
    }
    assert_eq!(control(&stage, "GET /_rehearsal/clock?offset_seconds=1").status(), 404);
}

#[test]
fn a_page_in_a_browser_steers_nothing() {
    let stage = Stage::default();
    let attack = "POST /_rehearsal/clock?offset_seconds=90 HTTP/1.1\r\nOrigin: https://attacker.example\r\nX: y";
    assert_eq!(control(&stage, attack).status(), 403);
}

#[test]
fn the_log_says_what_was_asked_and_holds_no_secret() {
    let stage = Stage::default();
    let alice = stage.client("alice");
    let device = stage.enable("alice");
    let code = device.code(stage.aws.now(), 0);
    let session = device.session_token(&alice, &code).expect_ok();
    device.session_token(&alice, &code);
    let log = stage.aws.requests();
    assert_eq!(log.len(), 4);
    assert_eq!(
        (log[2].action.as_str(), log[2].user.as_deref(), log[2].status),
        ("GetSessionToken", Some("alice"), 200)
    );
    assert_eq!(log[2].serial_number.as_deref(), Some(ALICES_DEVICE));
    assert!(log[2].with_code && log[2].access_key_id.as_deref() == Some(alice.access_key_id.as_str()));
    assert_eq!(log[3].error_code.as_deref(), Some("AccessDenied"));
    let shown = [
        control(&stage, "GET /_rehearsal/requests").expect_ok().body,
        control(&stage, "GET /_rehearsal/state").expect_ok().body,
    ];
    let json: serde_json::Value = serde_json::from_str(&shown[0]).expect("JSON");
    assert_eq!(json[2]["time"], "2026-11-21T20:48:00Z");
    let own = stage.aws.credentials("alice").expect("a user").secret_access_key;
    let secrets = [
        own.expose().clone(),
        session.text("SecretAccessKey"),
        session.text("SessionToken"),
        device.device.seed.to_base32().expose().clone(),
        format!("\"{code}\""),
    ];
    for secret in &secrets {
        assert!(shown.iter().all(|text| !text.contains(secret.as_str())));
    }
    assert!(shown[1].contains(ALICES_DEVICE));
}
