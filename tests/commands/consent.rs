//! Devices that ask: no code and no seed goes out unless a person agrees, and a yes holds as long as it should.

use std::{fs, sync::Arc, time::Duration};

use mfavault::{
    clock::Clock,
    commands::{self, Error, Outcome, SessionRequest, backup, mfa, serve::CredentialServer},
    prompt::PromptError,
    session::{ConsentError, ObtainError, consent::Withheld},
    vault::Consent,
};

use super::sources::second_device;
use crate::support::bench::{Bench, SERIAL, name};

const TAKEN: &str = "GetSessionToken 3600 mfa/alice+code";

fn set(bench: &Bench, minutes: Option<u64>) -> Result<(), Error> {
    let consent = minutes.map(|minutes| Consent { remembered: Duration::from_secs(minutes * 60) });
    bench.run(|context| mfa::consent::run(context, "alice", consent)).map(drop)
}

/// Alice's device asks, and a yes holds for so many minutes.
fn asking(minutes: u64) -> Bench {
    let bench = Bench::with_device();
    set(&bench, Some(minutes)).unwrap();
    assert_eq!(bench.prompt.questions(), Vec::<String>::new(), "to ask more needs nobody's yes");
    bench.prompt.talk();
    bench
}

fn refresh(bench: &Bench) -> Result<(), Error> {
    bench.credentials_with("main", |request| request.refresh = true).map(drop)
}

fn code(bench: &Bench) -> Result<(), Error> {
    bench.run(|context| commands::code::run(context, Some("alice".to_owned()))).map(drop)
}

fn needed(error: Error) -> Withheld {
    match error {
        Error::Consent(ConsentError::Needed { what, name, .. })
        | Error::Obtain(ObtainError::Consent(ConsentError::Needed { what, name, .. })) => {
            assert_eq!(name, "alice");
            what
        }
        other => panic!("{other:?}"),
    }
}

fn is_refused(result: Result<(), Error>) -> bool {
    matches!(
        result,
        Err(Error::Consent(ConsentError::Refused { .. })
            | Error::Obtain(ObtainError::Consent(ConsentError::Refused { .. })))
    )
}

/// How many steps of alice's device were spent.
fn spent(bench: &Bench) -> usize {
    let ledgers = fs::read_dir(&bench.environment.folders.state).unwrap().map(|entry| entry.unwrap().path());
    let texts = ledgers.filter(|path| path.to_string_lossy().ends_with(".json")).map(fs::read_to_string);
    let ledger = texts.map(Result::unwrap).find(|text| text.contains("\"spent\"")).unwrap_or_default();
    ledger.split_once("\"spent\"").map_or(0, |(_, rest)| rest.matches(',').count())
}

#[test]
fn a_code_goes_to_aws_after_a_yes_that_says_for_what_and_not_after_a_no() {
    let bench = asking(0);
    let before = spent(&bench);
    bench.prompt.answer("no");
    let (requests, result) = bench.requests_of(|| refresh(&bench));
    assert!(is_refused(result) && requests.is_empty(), "{requests:?}");
    assert_eq!(spent(&bench), before, "no code is spent");
    let question = [format!("Give a code of `alice` ({SERIAL}) for GetSessionToken of profile `main`?")];
    assert_eq!(bench.prompt.questions(), question);
    for _ in 0..2 {
        bench.prompt.answer("yes");
        assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, [TAKEN]);
        assert_eq!(bench.prompt.questions(), question, "each code by itself");
    }
    bench.credentials("main").unwrap();
    assert_eq!(bench.prompt.questions(), Vec::<String>::new(), "a session that is remembered takes no code");
}

#[test]
fn where_nobody_can_be_asked_no_code_goes_out() {
    let bench = asking(0);
    let before = spent(&bench);
    bench.prompt.leave();
    let (requests, result) = bench.requests_of(|| refresh(&bench));
    assert_eq!((needed(result.unwrap_err()), requests), (Withheld::Code, Vec::new()));
    assert_eq!(needed(code(&bench).unwrap_err()), Withheld::Code);
    let codes = bench.run(|context| mfa::codes::run(context, "alice")).map(drop);
    assert_eq!(needed(codes.unwrap_err()), Withheld::Code);
    assert_eq!(spent(&bench), before);
}

#[test]
fn a_yes_holds_for_its_time_for_every_code_and_no_longer() {
    let bench = asking(15);
    bench.prompt.answer("yes");
    refresh(&bench).unwrap();
    assert!(bench.prompt.questions()[0].ends_with("of profile `main`, and more codes for 15 min?"));
    bench.clock.advance(14 * 60);
    bench.prompt.leave();
    refresh(&bench).unwrap();
    code(&bench).unwrap();
    bench.run(|context| mfa::codes::run(context, "alice")).map(drop).unwrap();
    bench.clock.advance(60);
    assert_eq!(needed(refresh(&bench).unwrap_err()), Withheld::Code);
}

#[test]
fn clearing_a_change_of_the_rule_and_a_clock_set_back_end_a_yes() {
    let end: [fn(&Bench); 3] = [
        |bench| drop(bench.run(|context| commands::clear::run(context, Some(&name("main")))).unwrap()),
        |bench| set(bench, Some(10)).unwrap(),
        |bench| bench.clock.set(bench.clock.now() - Duration::from_secs(3600)),
    ];
    for end in end {
        let bench = asking(15);
        bench.prompt.answer("yes");
        code(&bench).unwrap();
        bench.prompt.leave();
        code(&bench).unwrap();
        end(&bench);
        assert_eq!(needed(code(&bench).unwrap_err()), Withheld::Code);
    }
}

fn alice() -> mfa::export::Devices {
    mfa::export::Devices::Named(vec!["alice".to_owned()])
}

fn export(bench: &Bench) -> Result<(), Error> {
    let arguments = mfa::export::Arguments { google: false, output: None, overwrite: false, confirmed: true };
    bench.run(|context| mfa::export::run(context, &alice(), &arguments)).map(drop)
}

fn qr(bench: &Bench) -> Result<(), Error> {
    let arguments = mfa::qr::Arguments { google: false, output: Some("x.png".into()), overwrite: true };
    bench.run(|context| mfa::qr::run(context, &alice(), &arguments)).map(drop)
}

fn sheet(bench: &Bench) -> Result<(), Error> {
    let (file, names) = (bench.path("sheet.html"), vec!["alice".to_owned()]);
    let arguments = backup::sheet::Arguments { file, names, confirmed: true, overwrite: true };
    bench.run(|context| backup::sheet::run(context, &arguments)).map(drop)
}

#[test]
fn the_seed_is_shown_after_a_yes_of_its_own_that_no_option_and_no_earlier_yes_gives() {
    let bench = asking(15);
    bench.prompt.answer("yes");
    code(&bench).unwrap();
    bench.prompt.questions();
    for (show, command) in
        [(export as fn(&Bench) -> _, "mfavault mfa export"), (qr, "mfavault mfa qr"), (sheet, "mfavault backup sheet")]
    {
        bench.prompt.answer("no");
        assert!(is_refused(show(&bench)));
        bench.prompt.answer("yes");
        show(&bench).unwrap();
        let question = format!("Give out the seed of `alice` ({SERIAL}) in the clear, for `{command}`?");
        assert_eq!(bench.prompt.questions(), [question.clone(), question]);
    }
    bench.prompt.leave();
    assert_eq!(needed(export(&bench).unwrap_err()), Withheld::Seed);
}

#[test]
fn enabling_once_more_is_no_way_to_the_seed() {
    let bench = asking(15);
    bench.prompt.leave();
    let picture = bench.path("alice.png");
    let enabled = bench.enable_with(|arguments| arguments.qr = Some(picture.clone()));
    assert_eq!((needed(enabled.unwrap_err()), picture.exists()), (Withheld::Seed, false));
}

#[test]
fn to_ask_less_needs_a_yes_and_to_ask_more_needs_none() {
    let bench = asking(15);
    for (minutes, question) in [(Some(60), "hold for 1 h?"), (None, "without asking?")] {
        bench.prompt.answer("no");
        assert!(is_refused(set(&bench, minutes)));
        assert!(bench.prompt.questions()[0].ends_with(question));
    }
    assert_eq!(bench.device("alice").unwrap().consent, Some(Consent { remembered: Duration::from_secs(900) }));
    set(&bench, Some(5)).unwrap();
    set(&bench, Some(5)).unwrap();
    bench.prompt.leave();
    assert_eq!(needed(set(&bench, Some(15)).unwrap_err()), Withheld::Policy);
    assert_eq!(needed(set(&bench, None).unwrap_err()), Withheld::Policy);
    set(&bench, Some(0)).unwrap();
    assert_eq!(bench.prompt.questions(), Vec::<String>::new());
    let index = bench.run(|context| context.vault.index()).unwrap();
    assert!(index.devices["alice"].asks);
}

#[test]
fn an_index_that_says_otherwise_is_not_believed() {
    let bench = asking(0);
    let path = bench.environment.folders.data.join("index.memory.json");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"asks\": true"), "{text}");
    fs::write(&path, text.replace("\"asks\": true", "\"asks\": false")).unwrap();
    bench.prompt.leave();
    assert_eq!(needed(code(&bench).unwrap_err()), Withheld::Code);
    assert_eq!(needed(export(&bench).unwrap_err()), Withheld::Seed);
}

#[test]
fn a_question_that_is_interrupted_is_no_answer() {
    let bench = asking(0);
    bench.prompt.interrupt();
    let error = refresh(&bench).unwrap_err();
    let interrupted = |error: &Error| {
        matches!(error, Error::Obtain(ObtainError::Consent(ConsentError::Prompt(PromptError::Interrupted))))
    };
    assert!(interrupted(&error), "{error:?}");
}

#[test]
fn a_server_says_that_it_asks_nobody_and_renews_as_long_as_a_yes_holds() {
    let bench = asking(15);
    let request = || {
        let mut request = SessionRequest::plain(name("main"));
        (request.duration, request.min_ttl) = (Some(Duration::from_secs(900)), Duration::from_secs(600));
        request
    };
    bench.prompt.answer("yes");
    bench.run(|context| {
        let clock = Arc::clone(&bench.clock) as Arc<dyn Clock + Send + Sync>;
        let mut server = CredentialServer::start(context, request(), clock).unwrap();
        let talk = bench.prompt.talk();
        assert!(talk.contains("codes of `alice` need somebody's yes"), "{talk}");
        bench.prompt.questions();
        let mut look = |minutes: u64| {
            bench.clock.advance(minutes * 60);
            bench.requests_of(|| server.look(false)).0.len()
        };
        assert_eq!((look(8), bench.prompt.talk()), (1, String::new()), "the yes from the start holds");
        assert_eq!(look(8), 0);
        let talk = bench.prompt.talk();
        assert!(talk.contains("no new credentials") && talk.contains("has to agree to a code of `alice`"), "{talk}");
        assert_eq!(bench.prompt.questions(), Vec::<String>::new());
        bench.prompt.answer("yes");
        code(&bench).unwrap();
        assert_eq!(look(2), 1, "a yes given elsewhere will do");
    });
}

#[test]
fn of_several_devices_one_is_taken_that_nobody_has_to_be_asked_about() {
    let bench = asking(0);
    second_device(&bench, "spare", Some(name("main")));
    bench.clock.advance(180);
    assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, ["GetSessionToken 3600 mfa/spare+code"]);
    let consent = Some(Consent { remembered: Duration::ZERO });
    bench.run(|context| mfa::consent::run(context, "spare", consent)).map(drop).unwrap();
    bench.prompt.answer("yes");
    assert_eq!(bench.requests_of(|| refresh(&bench).unwrap()).0, [TAKEN], "else the one of the profile");
    assert_eq!(bench.prompt.questions().len(), 1);
}

#[test]
fn a_device_is_shown_with_what_it_asks() {
    let bench = asking(0);
    match bench.run(|context| mfa::list::show(context, "alice")).unwrap() {
        Outcome::Device(_, entry) => assert!(entry.asks),
        _ => panic!("no device"),
    }
}
