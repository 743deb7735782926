//! `mfa import`: seeds from elsewhere, what they are called here, and what is no use to AWS.

use mfavault::{
    commands::{self, Error, Outcome, mfa::import},
    mfa::{Algorithm, CodeSettings, qr},
    prompt::PromptError,
    secret::SecretBytes,
};

use crate::support::bench::{Bench, SERIAL, import_of, name};

const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const OTHER: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

fn text(text: &str) -> import::From {
    import::From::Text(text.into())
}

fn picture(uri: &str) -> Vec<u8> {
    qr::png(&uri.into()).unwrap().expose().clone()
}

fn of_picture(bytes: Vec<u8>) -> import::From {
    import::From::Pictures(vec![import::File { path: Some("QRCode.png".into()), content: SecretBytes::from(bytes) }])
}

fn run(bench: &Bench, from: import::From, change: impl FnOnce(&mut import::Arguments)) -> Result<(), Error> {
    let mut arguments = import_of(from);
    change(&mut arguments);
    bench.run(|context| import::run(context, arguments)).map(drop)
}

fn aws_uri(label: &str) -> String {
    format!("otpauth://totp/Amazon%20Web%20Services:{label}?secret={SEED}&issuer=Amazon%20Web%20Services")
}

#[test]
fn a_seed_comes_typed_piped_or_as_a_picture() {
    let uri = aws_uri("alice@111122223333");
    for from in ["typed", "typed URI", "piped", "piped URI", "picture"] {
        let bench = Bench::new();
        let source = match from {
            "typed" | "typed URI" => {
                bench.prompt.answer(if from == "typed" { "gezd gnbv gy3t qojq gezd gnbv gy3t qojq" } else { &uri });
                import::From::Prompt
            }
            "piped" => text(&format!("{SEED}\n")),
            "piped URI" => text(&uri.replace("otpauth", "OTPAUTH")),
            _ => of_picture(picture(&uri)),
        };
        run(&bench, source, |arguments| arguments.name = Some("phone".to_owned()))
            .unwrap_or_else(|error| panic!("{from}: {error}"));
        let record = bench.device("phone").unwrap();
        assert_eq!(
            (record.device.seed.to_base32(), record.device.settings),
            (SEED.into(), CodeSettings::AWS),
            "{from}"
        );
        assert!(!bench.prompt.talk().contains(SEED), "{from}");
    }
}

#[test]
fn a_device_of_aws_that_was_imported_gives_sessions_with_mfa() {
    let bench = Bench::with_device();
    let seed = bench.device("alice").unwrap().device.seed.to_base32();
    bench.run(|context| context.vault.forget_device("alice")).unwrap();
    run(&bench, text(seed.expose()), |arguments| arguments.profile = Some(name("main"))).unwrap();
    let record = bench.device("alice").unwrap();
    assert_eq!(record.device.serial_number.unwrap().as_str(), SERIAL, "as the profile's config says");
    assert!(bench.carries_mfa(&bench.credentials("main").unwrap()));
}

#[test]
fn the_serial_number_is_given_configured_or_guessed_from_the_label_and_said() {
    let bench = Bench::new();
    let serial = |name: &str| bench.device(name).unwrap().device.serial_number.map(|serial| serial.to_string());
    run(&bench, text(&aws_uri("alice@111122223333")), |_| {}).unwrap();
    assert_eq!(serial("alice").as_deref(), Some(SERIAL));
    assert!(bench.prompt.talk().contains("--serial says otherwise"));
    run(&bench, text(&aws_uri("bob@my-alias")), |_| {}).unwrap();
    assert_eq!(serial("bob"), None, "an alias is no account");
    assert!(bench.prompt.talk().contains("without a serial number it serves `code`"));
    run(&bench, text(&aws_uri("carol@111122223333")), |arguments| {
        arguments.serial_number = Some("arn:aws-us-gov:iam::111122223333:mfa/path/carol".parse().unwrap());
    })
    .unwrap();
    assert_eq!(serial("carol").as_deref(), Some("arn:aws-us-gov:iam::111122223333:mfa/path/carol"));
    run(&bench, text(&format!("otpauth://totp/GitHub:dave@111122223333?secret={SEED}&issuer=GitHub")), |_| {}).unwrap();
    assert_eq!(serial("dave@111122223333"), None, "of another issuer");
}

#[test]
fn the_partition_that_a_label_leaves_out_is_that_of_the_profiles_region() {
    let bench = Bench::empty(|_| {});
    bench.write_config("[profile main]\nregion = cn-north-1\n");
    let label = text(&aws_uri("carol@111122223333"));
    run(&bench, label, |arguments| arguments.profile = Some(name("main"))).unwrap();
    let serial_number = bench.device("carol").unwrap().device.serial_number.unwrap();
    assert_eq!(serial_number.as_str(), "arn:aws-cn:iam::111122223333:mfa/carol");
}

#[test]
fn without_a_label_a_serial_number_or_a_name_there_is_no_name() {
    let bench = Bench::new();
    bench.prompt.answer("phone");
    run(&bench, text(SEED), |_| {}).unwrap();
    assert!(bench.device("phone").is_some() && bench.prompt.questions().len() == 1);
    bench.prompt.leave();
    assert!(matches!(run(&bench, text(SEED), |_| {}), Err(Error::NameNeeded)));
    run(&bench, text(SEED), |arguments| arguments.serial_number = Some(SERIAL.parse().unwrap())).unwrap();
    assert!(bench.device("alice").is_some());
}

#[test]
fn names_that_deceive_are_refused() {
    let bench = Bench::new();
    for bad in ["", " a", "a ", "-a", "a\nb", "a\u{1b}[2J", &"x".repeat(129)] {
        let error = run(&bench, text(SEED), |arguments| arguments.name = Some(bad.to_owned())).unwrap_err();
        assert!(matches!(error, Error::RecordName { .. }), "{bad:?}: {error}");
    }
    assert!(bench.run(|context| context.vault.index()).unwrap().devices.is_empty());
}

#[test]
fn other_services_devices_are_taken_and_refused_for_aws() {
    let bench = Bench::new();
    let uri = format!("otpauth://totp/Other:me?secret={SEED}&issuer=Other&algorithm=SHA256&digits=8&period=60");
    let for_aws = |arguments: &mut import::Arguments| arguments.serial_number = Some(SERIAL.parse().unwrap());
    let error = run(&bench, text(&uri), for_aws).unwrap_err();
    assert!(matches!(error, Error::NotForAws { .. }), "{error}");
    run(&bench, text(&uri), |_| {}).unwrap();
    let settings = bench.device("me").unwrap().device.settings;
    assert_eq!(settings, CodeSettings::new(Algorithm::Sha256, 8, 60).unwrap());
    let Ok(Outcome::Code { code, serial_number, .. }) =
        bench.run(|context| commands::code::run(context, Some("me".to_owned())))
    else {
        panic!("no code")
    };
    assert_eq!((code.expose().len(), serial_number), (8, None));
}

#[test]
fn another_seed_of_the_name_is_replaced_only_by_force() {
    let bench = Bench::new();
    let named = |arguments: &mut import::Arguments| arguments.name = Some("phone".to_owned());
    run(&bench, text(SEED), named).unwrap();
    run(&bench, text(SEED), named).unwrap();
    assert!(bench.prompt.talk().contains("is here already, with the same seed"));
    let error = run(&bench, text(OTHER), named).unwrap_err();
    assert!(matches!(error, Error::DeviceExists { .. }), "{error}");
    assert_eq!(bench.device("phone").unwrap().device.seed.to_base32(), SEED.into());
    run(&bench, text(OTHER), |arguments| (arguments.name, arguments.overwrite) = (Some("phone".to_owned()), true))
        .unwrap();
    assert_eq!(bench.device("phone").unwrap().device.seed.to_base32(), OTHER.into());
}

#[test]
fn a_serial_number_that_is_held_under_another_name_is_refused() {
    let bench = Bench::with_device();
    let there = bench.device("alice");
    for overwrite in [false, true] {
        let error = run(&bench, text(SEED), |arguments| {
            arguments.name = Some("phone".to_owned());
            (arguments.serial_number, arguments.overwrite) = (Some(SERIAL.parse().unwrap()), overwrite);
        })
        .unwrap_err();
        assert!(matches!(&error, Error::SerialNumberHeld { name, .. } if name == "alice"), "{error}");
        assert_eq!((bench.device("alice"), bench.device("phone")), (there.clone(), None));
    }
}

#[test]
fn the_same_seed_may_get_its_serial_number_later() {
    let bench = Bench::new();
    let named = |arguments: &mut import::Arguments| arguments.name = Some("phone".to_owned());
    run(&bench, text(SEED), named).unwrap();
    run(&bench, text(SEED), |arguments| {
        named(arguments);
        arguments.serial_number = Some(SERIAL.parse().unwrap());
    })
    .unwrap();
    assert_eq!(bench.device("phone").unwrap().device.serial_number.unwrap().as_str(), SERIAL);
}

#[test]
fn the_same_seed_again_does_not_forget_that_aws_was_told_not_to_demand_it() {
    let bench = Bench::new();
    let alice = |arguments: &mut import::Arguments| {
        arguments.name = Some("alice".to_owned());
        arguments.serial_number = Some(SERIAL.parse().unwrap());
    };
    run(&bench, text(SEED), alice).unwrap();
    let mut record = bench.device("alice").unwrap();
    record.deactivated = true;
    bench.run(|context| context.vault.store_device(&record)).unwrap();
    run(&bench, text(SEED), |arguments| {
        alice(arguments);
        arguments.profile = Some(name("main"));
    })
    .unwrap();
    let record = bench.device("alice").unwrap();
    assert!(record.deactivated && record.profile == Some(name("main")));
    run(&bench, text(OTHER), |arguments| {
        alice(arguments);
        arguments.overwrite = true;
    })
    .unwrap();
    assert!(!bench.device("alice").unwrap().deactivated, "another seed is another device");
}

#[test]
fn what_is_no_seed_is_refused_without_repeating_it() {
    let bench = Bench::new();
    for (case, from) in [
        ("nothing", text("\n")),
        ("not base32", text("GEZDGNBVGY3TQOJ1GEZDGNBVGY3TQOJQ")),
        ("counter based without a counter", text(&format!("otpauth://hotp/a?secret={SEED}"))),
        ("no secret", text("otpauth://totp/a")),
        ("no picture", of_picture(b"GEZDGNBV".to_vec())),
        ("another code", of_picture(picture("https://example.com/GEZDGNBV"))),
    ] {
        let error = run(&bench, from, |arguments| arguments.name = Some("phone".to_owned())).expect_err(case);
        assert!(matches!(error, Error::Seed(_) | Error::Uri(_) | Error::Picture { .. }), "{case}: {error}");
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(!format!("{error} {source}").contains("GEZDGNBV"), "{case}: {error}: {source}");
    }
    bench.prompt.leave();
    let error = run(&bench, import::From::Prompt, |_| {}).unwrap_err();
    assert!(
        matches!(&error, Error::Prompt(PromptError::NoTerminal { instead, .. }) if instead.contains("--stdin")),
        "{error}"
    );
    assert!(bench.run(|context| context.vault.index()).unwrap().devices.is_empty());
}
