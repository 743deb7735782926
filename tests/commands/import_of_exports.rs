//! `mfa import --from` and pictures of several codes: shown first, confirmed, all or nothing; and the way back out.

use std::{fs, path::PathBuf};

use mfavault::{
    commands::{
        Error, Outcome,
        mfa::{
            export::{self, Devices},
            import, qr as draw,
        },
    },
    keystore::KeystoreError,
    mfa::{
        interchange::{self, Format, InterchangeError},
        qr,
    },
    prompt::PromptError,
    secret::SecretBytes,
};

use crate::support::bench::{Bench, SERIAL, import_of};

const ONE: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const TWO: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
const THREE: &str = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U";

fn file(name: &str, content: impl Into<Vec<u8>>) -> import::File {
    import::File { path: Some(name.into()), content: SecretBytes::from(content.into()) }
}

fn fixture(name: &str) -> import::File {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/interchange").join(name);
    file(name, fs::read(path).unwrap())
}

fn export(format: Format, files: Vec<import::File>) -> import::From {
    import::From::Export { format, files, password: None }
}

fn list(lines: &[&str]) -> import::From {
    let text = lines.join("\n").replace("ONE", ONE).replace("TWO", TWO).replace("THREE", THREE);
    export(Format::Otpauth, vec![file("list.txt", text)])
}

fn run(bench: &Bench, from: import::From, change: impl FnOnce(&mut import::Arguments)) -> Result<(), Error> {
    let mut arguments = import::Arguments { confirmed: true, ..import_of(from) };
    change(&mut arguments);
    bench.run(|context| import::run(context, arguments)).map(drop)
}

fn names(bench: &Bench) -> Vec<String> {
    bench.run(|context| context.vault.index()).unwrap().devices.into_keys().collect()
}

fn seed(bench: &Bench, name: &str) -> String {
    bench.device(name).unwrap_or_else(|| panic!("no {name}")).device.seed.to_base32().expose().clone()
}

const AWS: &str = "otpauth://totp/Amazon%20Web%20Services:alice@111122223333?secret=ONE&issuer=Amazon%20Web%20Services";

#[test]
fn an_export_is_shown_confirmed_and_stored_with_where_it_came_from() {
    let bench = Bench::new();
    let lines = [
        AWS,
        "otpauth://totp/Site:bob?secret=TWO&issuer=Site&digits=8",
        "otpauth://hotp/Count:carol?secret=THREE&counter=7",
        "otpauth://totp/old?secret=ONE&algorithm=MD5",
    ];
    bench.prompt.answer("no");
    let error = run(&bench, list(&lines), |arguments| arguments.confirmed = false).unwrap_err();
    assert!(matches!(error, Error::Declined), "{error}");
    assert_eq!(names(&bench), [""; 0]);
    let talk = bench.prompt.talk();
    for line in [
        &format!("  new      alice: {SERIAL}, as its label says"),
        "  new      bob",
        "  new      carol",
        "  skipped  old: ",
    ] {
        assert!(talk.contains(line), "{talk}");
    }
    assert_eq!(bench.prompt.questions(), ["Import 3 devices?"]);
    bench.prompt.answer("yes");
    run(&bench, list(&lines), |arguments| arguments.confirmed = false).unwrap();
    assert_eq!(names(&bench), ["alice", "bob", "carol"]);
    let record = bench.device("alice").unwrap();
    assert_eq!(record.device.serial_number.unwrap().as_str(), SERIAL);
    assert!(
        record.provenance.starts_with("otpauth URIs export ") && record.provenance.len() == 28,
        "{}",
        record.provenance
    );
    assert_eq!(bench.device("carol").unwrap().device.counter, Some(7));
    let talk = bench.prompt.talk();
    assert!(talk.contains("list.txt still holds seeds") && talk.contains("SSDs"), "{talk}");
    assert!([ONE, TWO, THREE].iter().all(|seed| !talk.contains(seed)));
}

#[test]
fn a_dry_run_changes_nothing_and_asks_nothing() {
    let bench = Bench::new();
    for from in [list(&[AWS]), list(&[AWS, "otpauth://totp/b?secret=TWO"]), import::From::Text(ONE.into())] {
        run(&bench, from, |arguments| {
            arguments.dry_run = true;
            arguments.confirmed = false;
            if let import::From::Text(_) = arguments.from {
                arguments.name = Some("phone".to_owned());
            }
        })
        .unwrap();
        let talk = bench.prompt.talk();
        assert!(
            talk.contains("  new      ") && talk.contains("nothing was changed") && !talk.contains("still holds"),
            "{talk}"
        );
    }
    assert_eq!((names(&bench), bench.prompt.questions()), (Vec::new(), Vec::new()));
}

#[test]
fn the_same_seed_is_the_same_device_whatever_it_is_called() {
    let bench = Bench::new();
    run(&bench, list(&["otpauth://totp/phone?secret=ONE"]), |_| {}).unwrap();
    bench.prompt.talk();
    run(
        &bench,
        list(&[
            "otpauth://totp/Other:name?secret=ONE",
            "otpauth://totp/new?secret=TWO",
            "otpauth://totp/again?secret=TWO",
        ]),
        |_| {},
    )
    .unwrap();
    let talk = bench.prompt.talk();
    assert!(
        talk.contains("  same     phone: its seed is here already")
            && talk.contains("  same     new: an entry before has its seed"),
        "{talk}"
    );
    assert_eq!(names(&bench), ["new", "phone"]);
    run(&bench, list(&["otpauth://totp/Other:name?secret=ONE"]), |_| {}).unwrap();
    assert!(bench.prompt.talk().contains("nothing to import"));
}

#[test]
fn names_that_collide_say_whose_they_are() {
    let bench = Bench::new();
    run(&bench, list(&["otpauth://totp/held?secret=THREE"]), |_| {}).unwrap();
    let lines = [
        "otpauth://totp/GitHub:me?secret=ONE",
        "otpauth://totp/GitLab:me?secret=TWO",
        "otpauth://totp/GitLab:me?secret=GEZDGNBVGY3TQOJQ",
        "otpauth://totp/Site:held?secret=JBSWY3DPEHPK3PXP",
        "otpauth://totp/?secret=MFRGGZDFMZTWQ2LK&issuer=Only",
        "otpauth://totp/?secret=MFRGGZDFMZTWQ2LKNNWG23TP",
        "otpauth://totp/--dash?secret=NNWG23TPOBYXE43U",
    ];
    run(&bench, list(&lines), |_| {}).unwrap();
    assert_eq!(names(&bench), ["GitHub:me", "GitLab:me", "GitLab:me (2)", "Only", "Site:held", "dash", "held"]);
    let talk = bench.prompt.talk();
    assert!(talk.contains("  skipped  entry 6: ") && talk.contains("a short seed, of 80 bits"), "{talk}");
}

#[test]
fn devices_of_two_accounts_and_of_other_settings_keep_apart() {
    let bench = Bench::new();
    let lines = [
        AWS,
        "otpauth://totp/Amazon%20Web%20Services:alice@444455556666?secret=TWO",
        "otpauth://totp/Amazon%20Web%20Services:bob@444455556666?secret=THREE&algorithm=SHA256",
        "otpauth://totp/Amazon%20Web%20Services:alice@111122223333?secret=GEZDGNBVGY3TQOJQ",
    ];
    run(&bench, list(&lines), |_| {}).unwrap();
    let serial = |name: &str| bench.device(name).unwrap().device.serial_number.map(|serial| serial.to_string());
    assert_eq!(
        names(&bench),
        [
            "Amazon Web Services:alice@111122223333",
            "Amazon Web Services:alice@111122223333 (2)",
            "Amazon Web Services:alice@444455556666",
            "bob"
        ]
    );
    assert_eq!(serial("Amazon Web Services:alice@111122223333").as_deref(), Some(SERIAL));
    assert_eq!(serial("Amazon Web Services:alice@111122223333 (2)"), None, "two seeds for one serial number");
    assert_eq!(serial("bob"), None);
    assert!(bench.prompt.talk().contains("bob: without a serial number: its codes are made with SHA256"));
}

#[test]
fn another_seed_of_a_serial_number_or_name_is_replaced_only_by_force() {
    let bench = Bench::with_device();
    let before = bench.device("alice").unwrap();
    let lines = [AWS, "otpauth://totp/new?secret=TWO"];
    let error = run(&bench, list(&lines), |_| {}).unwrap_err();
    assert!(matches!(&error, Error::ImportConflict { names } if names == &["alice"]), "{error}");
    assert_eq!((names(&bench), bench.device("alice").unwrap()), (vec!["alice".to_owned()], before.clone()));
    assert!(bench.prompt.talk().contains("  conflict alice: its serial number is here with another seed"));
    run(&bench, list(&lines), |arguments| arguments.overwrite = true).unwrap();
    let after = bench.device("alice").unwrap();
    assert_eq!((seed(&bench, "alice").as_str(), after.profile), (ONE, before.profile));

    let named = |arguments: &mut import::Arguments| arguments.name = Some("new".to_owned());
    let error = run(&bench, list(&["otpauth://totp/x?secret=THREE"]), named).unwrap_err();
    assert!(matches!(&error, Error::DeviceExists { name } if name == "new"), "{error}");
    assert_eq!(seed(&bench, "new"), TWO);
}

#[test]
fn a_keystore_that_fails_midway_leaves_all_as_it_was() {
    let lines = [
        "otpauth://totp/a?secret=ONE",
        "otpauth://totp/Held:b?secret=TWO&issuer=Held",
        "otpauth://totp/c?secret=THREE",
    ];
    let mut failed = 0;
    for nth in 1..30 {
        let bench = Bench::new();
        run(
            &bench,
            list(&["otpauth://totp/b?secret=MFRGGZDF", "otpauth://totp/Held:b?secret=NNWG23TP&issuer=Held"]),
            |_| {},
        )
        .unwrap();
        let before = (names(&bench), bench.device("Held:b"));
        let backed_up = |bench: &Bench| bench.run(|context| context.vault.index()).unwrap().devices["Held:b"].backed_up;
        bench.run(|context| context.vault.note_picture("Held:b", context.clock.now())).unwrap();
        bench.clock.advance(60);
        bench.keystore.fail_at(nth, || KeystoreError::Locked { keystore: "test", reason: "it fails".to_owned() });
        let result = run(&bench, list(&lines), |arguments| arguments.overwrite = true);
        bench.keystore.fail_at(usize::MAX / 2, || unreachable!());
        match result {
            Ok(()) => assert_eq!(names(&bench).len(), 4, "{nth}"),
            Err(error) => {
                failed += 1;
                assert!(matches!(error, Error::Vault(_)), "{nth}: {error}");
                assert_eq!((names(&bench), bench.device("Held:b")), before, "{nth}");
                assert!(backed_up(&bench).is_some(), "{nth}");
            }
        }
    }
    assert!(failed > 8, "{failed}");
}

#[test]
fn what_is_said_of_one_device_is_not_said_of_several() {
    let bench = Bench::new();
    let lines = ["otpauth://totp/a?secret=ONE", "otpauth://totp/b?secret=TWO"];
    let error = run(&bench, list(&lines), |arguments| arguments.name = Some("x".to_owned())).unwrap_err();
    assert!(matches!(error, Error::ForOneDevice { option: "name", count: 2 }), "{error}");
    run(&bench, list(&lines[..1]), |arguments| {
        arguments.name = Some("x".to_owned());
        arguments.serial_number = Some(SERIAL.parse().unwrap());
    })
    .unwrap();
    assert_eq!(bench.device("x").unwrap().device.serial_number.unwrap().as_str(), SERIAL);
}

#[test]
fn an_encrypted_export_asks_for_its_password_thrice_at_most() {
    let bench = Bench::new();
    let bitwarden = || export(Format::Bitwarden, vec![fixture("bitwarden/small-pbkdf2.json")]);
    for answer in ["wrong", "wrong", "correct horse battery staple"] {
        bench.prompt.answer(answer);
    }
    run(&bench, bitwarden(), |_| {}).unwrap();
    assert_eq!(bench.prompt.questions(), ["Password of the export"; 3]);
    assert_eq!(names(&bench), ["bob"]);
    assert!(!bench.prompt.talk().contains("still holds"), "it is encrypted");
    for _ in 0..3 {
        bench.prompt.answer("wrong");
    }
    let error = run(&bench, bitwarden(), |_| {}).unwrap_err();
    assert!(matches!(error, Error::Interchange(InterchangeError::WrongPassword)), "{error}");
    bench.prompt.leave();
    let error = run(&bench, bitwarden(), |_| {}).unwrap_err();
    assert!(
        matches!(&error, Error::Prompt(PromptError::NoTerminal { instead, .. }) if instead.contains("--password-file"))
    );
    let with = |password: &str| import::From::Export {
        format: Format::Bitwarden,
        files: vec![fixture("bitwarden/small-argon2id.json")],
        password: Some(password.into()),
    };
    assert!(matches!(run(&bench, with("wrong"), |_| {}), Err(Error::Interchange(InterchangeError::WrongPassword))));
    run(&bench, with("correct horse battery staple"), |_| {}).unwrap();
}

#[test]
fn an_entry_of_pass_is_called_as_its_file_is() {
    let bench = Bench::new();
    run(&bench, export(Format::Pass, vec![fixture("pass/gopass.txt")]), |_| {}).unwrap();
    run(&bench, export(Format::Pass, vec![fixture("pass/site.txt")]), |_| {}).unwrap();
    assert_eq!(names(&bench), ["alice", "gopass"]);
    let from_stdin = || import::File { path: None, ..file("", format!("hunter2\ntotp: {THREE}\n")) };
    let error = run(&bench, export(Format::Pass, vec![from_stdin()]), |_| {}).unwrap_err();
    assert!(matches!(error, Error::NameNeeded), "{error}");
    let named = |arguments: &mut import::Arguments| arguments.name = Some("piped".to_owned());
    run(&bench, export(Format::Pass, vec![from_stdin()]), named).unwrap();
    assert_eq!(seed(&bench, "piped"), THREE);
}

#[test]
fn an_export_with_nothing_of_use_says_so_with_the_reasons() {
    let bench = Bench::new();
    let error = run(&bench, list(&["otpauth://totp/old?secret=ONE&algorithm=MD5"]), |_| {}).unwrap_err();
    assert!(matches!(error, Error::NothingToImport), "{error}");
    assert!(bench.prompt.talk().contains("  skipped  old: "));
}

fn texts(outcome: Outcome) -> Vec<String> {
    match outcome {
        Outcome::Secret(text) => text.expose().lines().map(str::to_owned).collect(),
        _ => panic!("no text"),
    }
}

#[test]
fn pictures_for_google_bring_the_same_devices_back() {
    let bench = Bench::new();
    let line = |letter| format!("otpauth://totp/Site:{letter}?secret=GEZDGN{letter}5K5V6B7A&issuer=Site");
    let lines: Vec<String> = ('A'..='L').map(line).collect();
    let distinct: Vec<&str> = lines.iter().map(String::as_str).collect();
    run(&bench, list(&distinct), |_| {}).unwrap();
    run(
        &bench,
        list(&["otpauth://hotp/Count:c?secret=ONE&counter=7", "otpauth://totp/slow?secret=TWO&period=60"]),
        |_| {},
    )
    .unwrap();
    bench.prompt.talk();
    let all = |google, output: Option<&str>| {
        let arguments = draw::Arguments { google, output: output.map(PathBuf::from), overwrite: false };
        bench.run(|context| draw::run(context, &Devices::All, &arguments))
    };
    let Ok(Outcome::SecretFiles { files, .. }) = all(true, Some("x/codes.png")) else { panic!("no files") };
    assert_eq!(bench.prompt.talk().matches("left out `slow`").count(), 1);
    let count = files.len();
    assert!(count > 1);
    for (number, (path, _)) in files.iter().enumerate() {
        assert_eq!(path, &PathBuf::from(format!("x/codes-{}-of-{count}.png", number + 1)));
    }
    let pictures =
        || files.iter().map(|(path, content)| import::File { path: Some(path.clone()), content: content.clone() });
    let other = Bench::new();
    run(&other, import::From::Pictures(pictures().collect()), |_| {}).unwrap();
    assert_eq!(names(&other).len() + 1, names(&bench).len());
    for name in names(&other) {
        let [one, two] = [&bench, &other].map(|bench| bench.device(&name).unwrap().device);
        assert_eq!(
            (one.seed, one.settings, one.counter, one.issuer),
            (two.seed, two.settings, two.counter, two.issuer),
            "{name}"
        );
    }
    assert!(other.device("c").unwrap().provenance.starts_with("Google Authenticator export "));
    assert!(other.prompt.talk().contains("codes-1-of"));
    let error = run(&Bench::new(), import::From::Pictures(pictures().take(1).collect()), |_| {}).unwrap_err();
    assert!(matches!(error, Error::Interchange(InterchangeError::Incomplete { .. })), "{error}");
    let Ok(Outcome::QrCodes(codes)) = all(true, None) else { panic!("no codes") };
    assert!(codes.len() >= count, "in smaller parts");

    let write = |google| {
        let arguments = export::Arguments { google, output: None, overwrite: false, confirmed: true };
        texts(bench.run(|context| export::run(context, &Devices::All, &arguments)).unwrap())
    };
    assert_eq!((write(false).len(), write(true).len()), (names(&bench).len(), count));
    for (number, text) in write(true).iter().enumerate() {
        assert_eq!(qr::read(files[number].1.expose()).unwrap()[0].expose(), text);
    }
    let read = interchange::read(Format::Otpauth, &[SecretBytes::from(write(false).join("\n").into_bytes())], None);
    assert_eq!(read.unwrap().entries.len(), names(&bench).len());
}

#[test]
fn several_pictures_of_single_codes_come_in_together() {
    let bench = Bench::new();
    let picture =
        |name: &str, uri: &str| file(name, qr::png(&uri.replace("ONE", ONE).as_str().into()).unwrap().expose().clone());
    let pictures = vec![
        picture("aws.png", AWS),
        picture("site.png", &format!("otpauth://totp/Site:bob?secret={TWO}")),
        picture("page.png", "https://example.com/ONE"),
    ];
    run(&bench, import::From::Pictures(pictures), |_| {}).unwrap();
    assert_eq!(names(&bench), ["alice", "bob"]);
    let talk = bench.prompt.talk();
    assert!(
        talk.contains("it is no otpauth URI") && talk.contains("site.png still holds") && !talk.contains(ONE),
        "{talk}"
    );
}

#[test]
fn migration_text_is_taken_from_a_pipe() {
    let bench = Bench::new();
    let text = String::from_utf8(fixture("google/parts.txt").content.expose().clone()).unwrap();
    let (_, uris) = text.split_once('\n').unwrap();
    run(&bench, import::From::Text(uris.into()), |_| {}).unwrap();
    assert_eq!(names(&bench), ["alice", "bob", "carol", "dave"]);
}
