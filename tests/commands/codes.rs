//! Codes: none is given out twice, one that AWS refuses is followed by another, and nobody waits who need not.

use std::time::Duration;

use mfavault::{
    aws::{Aws, AwsError, MfaProof},
    commands::{self, Error, Outcome, SessionRequest},
    mfa::{AuthenticationCode, CodeSettings, TimeStep},
    prompt::PromptError,
    rehearsal::FaultKind,
    session::{self, ObtainError},
};

use crate::support::bench::{Bench, SERIAL, name};

const TAKEN: &str = "GetSessionToken 3600 mfa/alice+code";
const REFUSED: &str = "GetSessionToken 3600 mfa/alice+code AccessDenied";

fn refresh(bench: &Bench) -> Result<(), Error> {
    bench.credentials_with("main", |request| request.refresh = true).map(drop)
}

fn code(bench: &Bench, asked: &str) -> AuthenticationCode {
    match bench.run(|context| commands::code::run(context, Some(asked.to_owned()))) {
        Ok(Outcome::Code { code, .. }) => code,
        other => panic!("no code: {:?}", other.err()),
    }
}

/// Uses the code of a step at AWS, past the ledger.
fn use_elsewhere(bench: &Bench, steps: i64) {
    let record = bench.device("alice").unwrap();
    let proof = MfaProof { serial_number: SERIAL.parse().unwrap(), code: bench.code(&record, steps) };
    let key = bench.key_of("alice").into();
    bench.ask_aws(&key, |aws, caller| aws.get_session_token(caller, Duration::from_secs(900), Some(&proof))).unwrap();
}

#[test]
fn three_sessions_in_one_step_take_three_codes_and_a_fourth_waits_with_a_countdown() {
    let bench = Bench::with_device();
    bench.clock.advance(12);
    let (requests, ()) = bench.requests_of(|| (0..3).for_each(|_| refresh(&bench).unwrap()));
    assert_eq!(requests, [TAKEN; 3]);
    assert_eq!((bench.clock.waited(), bench.prompt.countdowns().len()), (Duration::ZERO, 0));
    let (requests, ()) = bench.requests_of(|| refresh(&bench).unwrap());
    assert_eq!(requests, [TAKEN]);
    let countdowns = bench.prompt.countdowns();
    assert_eq!((countdowns.len(), countdowns[0].1), (1, Duration::from_secs(18)), "{countdowns:?}");
}

#[test]
fn a_code_whose_answer_was_lost_is_not_sent_again() {
    let bench = Bench::with_device();
    bench.fail("GetSessionToken", FaultKind::LostAnswer, Some(1));
    assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, [TAKEN; 2]);
    assert!(bench.prompt.talk().contains("trying once more"));
    bench.settle();
    bench.fail("GetSessionToken", FaultKind::LostAnswer, None);
    let (requests, result) = bench.requests_of(|| refresh(&bench));
    assert!(matches!(result, Err(Error::Obtain(ObtainError::Aws(AwsError::Unreachable { .. })))), "{result:?}");
    assert_eq!(requests, [TAKEN; 3]);
    bench.aws.clear_faults();
    assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, [TAKEN], "with a fourth code");
}

#[test]
fn a_code_that_was_turned_away_unseen_is_sent_again() {
    let bench = Bench::with_device();
    bench.fail("GetSessionToken", FaultKind::Throttling, Some(2));
    let throttled = format!("{TAKEN} Throttling");
    assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, [&throttled, &throttled, TAKEN]);
    let (requests, ()) = bench.requests_of(|| (0..2).for_each(|_| refresh(&bench).unwrap()));
    assert_eq!(requests, [TAKEN; 2]);
    assert_eq!(bench.prompt.countdowns().len(), 0, "one code was spent, and two were left");
}

#[test]
fn a_clock_that_is_too_far_off_is_refused_at_once_by_the_next_command_though_no_code_is_left() {
    let bench = Bench::with_device();
    (0..3).for_each(|_| refresh(&bench).unwrap());
    bench.set_skew(1200);
    let refused = || {
        bench.run(|context| {
            let request = SessionRequest { refresh: true, ..SessionRequest::plain(name("main")) };
            let result = commands::exec::credentials(context, &request).map(drop);
            session::keep_clock_offset(context.vault, context.aws, context.prompt).unwrap();
            assert!(matches!(result, Err(Error::Obtain(ObtainError::Aws(AwsError::ClockSkew { .. })))), "{result:?}");
        });
        (bench.prompt.countdowns().len(), bench.prompt.talk())
    };
    assert_eq!(refused().0, 1, "nobody knows the clock yet");
    (0..3).for_each(|_| assert_eq!(refused(), (0, String::new())));
    bench.set_skew(0);
    refresh(&bench).unwrap();
}

#[test]
fn a_clock_that_was_found_wrong_is_reckoned_with_by_the_next_command_until_it_is_right() {
    let bench = Bench::with_device();
    let record = bench.device("alice").unwrap();
    let learn = || {
        bench.run(|context| {
            let request = SessionRequest { refresh: true, ..SessionRequest::plain(name("main")) };
            let result = commands::exec::credentials(context, &request).map(drop);
            session::keep_clock_offset(context.vault, context.aws, context.prompt).unwrap();
            result
        })
    };
    for (skew, side) in [(90, "behind"), (-200, "ahead of")] {
        bench.set_skew(skew);
        assert_eq!(bench.requests_of(|| learn().unwrap()).0, [REFUSED, TAKEN], "{skew} s");
        assert!(bench.prompt.talk().contains(&format!(" s {side} AWS's")), "{skew} s");
        assert_eq!(code(&bench, "main"), bench.code(&record, 0), "{skew} s");
        bench.settle();
        assert_eq!(bench.requests_of(|| learn().unwrap()).0, [TAKEN], "{skew} s");
        assert_eq!(bench.prompt.talk(), "", "said once only");
        bench.settle();
        bench.set_skew(0);
        assert_eq!(bench.requests_of(|| learn().unwrap()).0, [REFUSED, TAKEN], "set right");
        assert_eq!(code(&bench, "main"), bench.code(&record, 0));
        bench.settle();
    }
}

#[test]
fn a_refused_code_is_followed_by_one_other() {
    let bench = Bench::with_device();
    use_elsewhere(&bench, 0);
    assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, [REFUSED, TAKEN]);
    assert!(bench.prompt.talk().contains("trying another"));
}

#[test]
fn two_refused_codes_are_an_error() {
    let bench = Bench::with_device();
    use_elsewhere(&bench, 0);
    use_elsewhere(&bench, -1);
    let (requests, result) = bench.requests_of(|| refresh(&bench));
    assert!(matches!(result, Err(Error::Obtain(ObtainError::Aws(AwsError::InvalidAuthenticationCode { .. })))));
    assert_eq!(requests, [REFUSED; 2]);
}

#[test]
fn a_ledger_that_cannot_be_written_gives_no_code() {
    let bench = Bench::with_device();
    let state = &bench.environment.folders.state;
    let spent = std::fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path());
    let ledger = spent.into_iter().find(|path| path.extension().is_some_and(|end| end == "json")).unwrap();
    std::fs::write(&ledger, "damaged").unwrap();
    let (requests, result) = bench.requests_of(|| refresh(&bench));
    assert!(matches!(result, Err(Error::Obtain(ObtainError::Vault(_)))), "{result:?}");
    assert_eq!(requests, [""; 0]);
}

#[test]
fn a_code_that_was_shown_is_spent_and_asked_again_the_same_with_a_note() {
    let bench = Bench::with_device();
    let shown = code(&bench, "main");
    assert_eq!(shown, bench.code(&bench.device("alice").unwrap(), 0));
    assert_eq!(bench.prompt.talk(), "");
    assert_eq!(code(&bench, "alice"), shown, "by the device's name or its profile's");
    assert!(bench.prompt.talk().contains("given out before"));
    use_elsewhere(&bench, 0);
    assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, [TAKEN], "no session takes a code that was shown");
}

#[test]
fn the_two_codes_for_aws_are_of_the_steps_before_and_of_now_and_both_are_spent() {
    let bench = Bench::with_device();
    let record = bench.device("alice").unwrap();
    let outcome = bench.run(|context| commands::mfa::codes::run(context, "main"));
    let Ok(Outcome::ConsecutiveCodes { codes, name, valid_until, .. }) = outcome else { panic!("no codes") };
    let step = TimeStep::at(bench.aws.now(), CodeSettings::AWS);
    assert_eq!(codes, [(step.previous(), bench.code(&record, -1)), (step, bench.code(&record, 0))]);
    assert_eq!((name.as_str(), valid_until), ("alice", step.end(CodeSettings::AWS)));
    use_elsewhere(&bench, 0);
    use_elsewhere(&bench, -1);
    assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, [TAKEN]);
}

/// Alice's device is in her telephone only.
fn not_held() -> (Bench, [AuthenticationCode; 3]) {
    let bench = Bench::with_device();
    let record = bench.device("alice").unwrap();
    bench.run(|context| context.vault.forget_device("alice")).unwrap();
    let codes = [-1, 0, 1].map(|steps| bench.code(&record, steps));
    (bench, codes)
}

#[test]
fn a_code_of_the_command_line_serves_once_and_is_not_followed_by_another() {
    let (bench, [code, ..]) = not_held();
    let with = |code: &AuthenticationCode| {
        let change = |request: &mut SessionRequest| (request.refresh, request.mfa_code) = (true, Some(code.clone()));
        bench.requests_of(|| bench.credentials_with("main", change))
    };
    let (requests, result) = with(&code);
    assert!(result.is_ok() && requests == [TAKEN]);
    let (requests, result) = with(&code);
    assert!(matches!(result, Err(Error::Obtain(ObtainError::Aws(AwsError::InvalidAuthenticationCode { .. })))));
    assert_eq!(requests, [REFUSED]);
}

#[cfg(unix)]
#[test]
fn a_command_of_the_profile_gives_the_code() {
    let (bench, [_, code, _]) = not_held();
    let config = |command: &str| {
        bench.write_config(&format!("[profile main]\nmfa_serial = {SERIAL}\nmfa_process = {command}\n"))
    };
    config("false");
    assert!(matches!(refresh(&bench), Err(Error::Obtain(ObtainError::MfaProcess(_)))));
    config("echo no code");
    let error = refresh(&bench).unwrap_err();
    assert!(
        matches!(error, Error::Obtain(ObtainError::NoCode { .. })) && !error.to_string().contains("no code "),
        "{error}"
    );
    config(&format!("echo {}", code.expose()));
    assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, [TAKEN]);
    let (requests, result) = bench.requests_of(|| refresh(&bench));
    assert!(matches!(result, Err(Error::Obtain(ObtainError::SameCode))), "{result:?}");
    assert_eq!(requests, [REFUSED], "what AWS refused is not sent again");
}

#[test]
fn a_person_types_the_code_and_may_mistype_it_twice() {
    let (bench, [first, ..]) = not_held();
    bench.prompt.answer("000000");
    bench.prompt.answer("000000");
    bench.prompt.answer(&format!(" {} ", first.expose()));
    assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, [REFUSED, REFUSED, TAKEN]);
    assert!(bench.prompt.questions().iter().all(|question| question == &format!("Code of {SERIAL}")));
    (0..3).for_each(|_| bench.prompt.answer("000000"));
    assert!(refresh(&bench).is_err());
    (0..3).for_each(|_| bench.prompt.answer("12345"));
    assert!(matches!(refresh(&bench), Err(Error::Obtain(ObtainError::NoCode { .. }))));
    bench.prompt.leave();
    let (requests, result) = bench.requests_of(|| refresh(&bench));
    let Err(Error::Obtain(ObtainError::CodeNeeded { source: PromptError::NoTerminal { instead, .. }, .. })) = result
    else {
        panic!("{result:?}")
    };
    assert!(instead.contains("--mfa-code") && requests.is_empty());
}
