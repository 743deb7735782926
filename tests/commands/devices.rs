//! `mfa list`, `show`, `qr`, `export`, `remove`: devices held here, shown and given out, and forgotten.

use std::path::PathBuf;

use mfavault::{
    commands::{
        self, Error, Outcome,
        mfa::{self, export::Devices, remote::Whereabouts},
    },
    mfa::{qr, uri::OtpauthUri},
    prompt::PromptError,
    rehearsal::FaultKind,
};

use crate::support::bench::{Bench, SERIAL, import_of, name};

fn import(bench: &Bench, device: &str, profile: &str) {
    let arguments = mfa::import::Arguments {
        name: Some(device.to_owned()),
        serial_number: Some(format!("arn:aws:iam::111122223333:mfa/{device}").parse().unwrap()),
        profile: Some(name(profile)),
        ..import_of(mfa::import::From::Text("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into()))
    };
    bench.run(|context| mfa::import::run(context, arguments)).unwrap();
}

fn uri(bench: &Bench) -> String {
    OtpauthUri::of(&bench.device("alice").unwrap().device).to_uri().expose().clone()
}

#[test]
fn listing_and_showing_unlock_nothing() {
    let bench = Bench::with_device();
    import(&bench, "spare", "other");
    let operations = bench.keystore.operations();
    let Ok(Outcome::Devices(devices)) = bench.run(mfa::list::run) else { panic!("no devices") };
    assert_eq!(devices.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["alice", "spare"]);
    for asked in ["alice", "main"] {
        let Ok(Outcome::Device(name, entry)) = bench.run(|context| mfa::list::show(context, asked)) else { panic!() };
        assert_eq!((name.as_str(), entry.serial_number.unwrap().as_str(), entry.fits_aws), ("alice", SERIAL, true));
    }
    assert_eq!(bench.keystore.operations(), operations);
}

#[test]
fn a_device_is_found_by_its_name_else_by_its_profiles_serial_number_else_by_its_profile() {
    let bench = Bench::with_device();
    let asked = |name: &str| bench.run(|context| context.device_name(name));
    import(&bench, "one", "other");
    assert_eq!(asked("other").unwrap(), "one", "a profile that the config does not know");
    import(&bench, "two", "other");
    assert!(matches!(asked("other"), Err(Error::SeveralDevices { names, .. }) if names == ["one", "two"]));
    bench.write_config("[profile other]\nmfa_serial = arn:aws:iam::111122223333:mfa/two\n");
    assert_eq!(asked("other").unwrap(), "two");
    import(&bench, "other", "main");
    assert_eq!(asked("other").unwrap(), "other", "a device's own name comes first");
    for missing in ["nothing", "", "[", "default"] {
        assert!(matches!(asked(missing), Err(Error::NoDevice { .. })), "{missing}");
    }
}

#[test]
fn a_code_is_of_the_device_that_a_session_would_take() {
    let bench = Bench::with_device();
    bench.store_key("admin", "admin");
    import(&bench, "spare", "other");
    // A source with keys of its own is used with them: the way ends at `admin`, and `last` has no say.
    bench.write_config(&format!(
        "[profile role]\nrole_arn = arn:aws:iam::111122223333:role/open\nsource_profile = mid\n\
         [profile mid]\nrole_arn = arn:aws:iam::111122223333:role/hop\nsource_profile = main\n[profile main]\n\
         [profile early]\nrole_arn = arn:aws:iam::111122223333:role/open\nsource_profile = early\nmfa_serial = {SERIAL}\n\
         [profile short]\nrole_arn = arn:aws:iam::111122223333:role/open\nsource_profile = admin\n\
         [profile admin]\nrole_arn = arn:aws:iam::111122223333:role/hop\nsource_profile = last\n\
         [profile last]\nmfa_serial = arn:aws:iam::111122223333:mfa/spare\n\
         [profile far]\nrole_arn = arn:aws:iam::111122223333:role/open\nsource_profile = keyless\n\
         [profile keyless]\nrole_arn = arn:aws:iam::111122223333:role/hop\nsource_profile = last\n",
    ));
    let asked = |name: &str| bench.run(|context| context.device_name(name));
    assert_eq!(asked("role").unwrap(), "alice", "the device of the source at the end");
    assert_eq!(asked("early").unwrap(), "alice", "a device may come before the keys");
    assert_eq!(asked("far").unwrap(), "spare", "the serial number of the source at the end");
    assert!(matches!(asked("short"), Err(Error::NoDeviceOfProfile { .. })));
    let Ok(Outcome::Profiles(rows)) = bench.run(commands::list::run) else { panic!("no profiles") };
    let listed = |name: &str| {
        let row = rows.iter().find(|row| row.profile.as_str() == name).unwrap();
        (row.serial_number.as_ref().map(|serial| serial.as_str().to_owned()), row.device.is_some())
    };
    assert_eq!(listed("role"), (Some(SERIAL.to_owned()), true));
    assert_eq!(listed("far"), (Some("arn:aws:iam::111122223333:mfa/spare".to_owned()), true));
    assert_eq!(listed("short"), (None, false));
}

#[test]
fn a_device_without_a_serial_number_is_found_by_its_profile() {
    let bench = Bench::new();
    let arguments = mfa::import::Arguments {
        name: Some("web".to_owned()),
        profile: Some(name("main")),
        ..import_of(mfa::import::From::Text("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into()))
    };
    bench.run(|context| mfa::import::run(context, arguments)).unwrap();
    let asked = |name: &str| bench.run(|context| context.device_name(name));
    assert_eq!(asked("main").unwrap(), "web");
    import(&bench, "spare", "main");
    assert_eq!(asked("main").unwrap(), "spare", "one that AWS knows comes first");
}

#[test]
fn the_profile_of_the_environment_is_asked_for_if_no_name_is_given() {
    let mut bench = Bench::with_device();
    assert!(
        matches!(bench.run(|context| commands::code::run(context, None)), Err(Error::NoDevice { name }) if name == "default")
    );
    bench.set_environment(&[("AWS_PROFILE", "main")]);
    assert!(
        matches!(bench.run(|context| commands::code::run(context, None)), Ok(Outcome::Code { name, .. }) if name == "alice")
    );
}

#[test]
fn the_qr_code_decodes_to_the_devices_uri() {
    let bench = Bench::with_device();
    let draw = |output: Option<&str>| {
        let arguments = mfa::qr::Arguments { google: false, output: output.map(PathBuf::from), overwrite: false };
        bench.run(|context| mfa::qr::run(context, &Devices::Named(vec!["main".to_owned()]), &arguments))
    };
    let Ok(Outcome::SecretFiles { files, overwrite: false }) = draw(Some("x/device.PNG")) else { panic!("no file") };
    let [(path, content)] = &files[..] else { panic!("one file") };
    assert_eq!(path, &PathBuf::from("x/device.PNG"));
    assert_eq!(qr::read(content.expose()).unwrap()[0].expose(), &uri(&bench));
    let Ok(Outcome::SecretFiles { files, .. }) = draw(Some("device.svg")) else { panic!("no file") };
    assert!(std::str::from_utf8(files[0].1.expose()).unwrap().contains("<svg"));
    let Ok(Outcome::QrCode(blocks)) = draw(None) else { panic!("no blocks") };
    assert!(blocks.expose().lines().count() > 20);
    let operations = bench.keystore.operations();
    for name in ["device.jpg", "device", ".png"] {
        assert!(matches!(draw(Some(name)), Err(Error::PictureFormat { .. })), "{name}");
    }
    assert_eq!(bench.keystore.operations(), operations, "refused before the seed is read");
}

#[test]
fn the_uri_is_given_out_after_a_yes_only() {
    let bench = Bench::with_device();
    let export = |confirmed| {
        let arguments = mfa::export::Arguments { google: false, output: None, overwrite: false, confirmed };
        bench.run(|context| mfa::export::run(context, &Devices::Named(vec!["main".to_owned()]), &arguments))
    };
    bench.prompt.answer("no");
    assert!(matches!(export(false), Err(Error::Declined)));
    assert!(bench.prompt.questions()[0].contains("`alice`"));
    bench.prompt.leave();
    assert!(matches!(export(false), Err(Error::Prompt(PromptError::NoTerminal { instead, .. })) if instead == "--yes"));
    let Ok(Outcome::Secret(text)) = export(true) else { panic!("no URI") };
    assert_eq!(text.expose().strip_suffix('\n').unwrap(), uri(&bench));
    let device = bench.device("alice").unwrap().device;
    let read: OtpauthUri = text.expose().parse().unwrap();
    assert!(read.seed == device.seed && read.aws_label().unwrap().serial_number_guess("aws") == device.serial_number);
}

#[test]
fn a_device_is_forgotten_by_its_own_name_after_a_yes_only_and_aws_is_not_asked() {
    let bench = Bench::with_device();
    let remove = |name: &str, confirmed| bench.run(|context| mfa::remove::run(context, name, confirmed)).map(drop);
    assert!(matches!(remove("main", true), Err(Error::NoDevice { .. })), "not by its profile's");
    bench.prompt.answer("no");
    assert!(matches!(remove("alice", false), Err(Error::Declined)));
    assert!(bench.prompt.questions()[0].contains("AWS still demands"));
    bench.prompt.leave();
    assert!(
        matches!(remove("alice", false), Err(Error::Prompt(PromptError::NoTerminal { instead, .. })) if instead == "--force")
    );
    assert!(bench.device("alice").is_some());
    let (requests, result) = bench.requests_of(|| remove("alice", true));
    assert!(result.is_ok() && requests.is_empty());
    assert_eq!((bench.device("alice"), bench.keystore.names()), (None, vec!["key/main".to_owned()]));
    assert!(matches!(remove("alice", true), Err(Error::NoDevice { .. })));
}

#[test]
fn the_devices_of_both_sides_are_joined() {
    let bench = Bench::with_device();
    import(&bench, "spare", "main");
    import(&bench, "orphan", "other");
    bench.store_key("admin", "admin");
    let rows = |bench: &Bench| match bench.run(mfa::remote::run) {
        Ok(Outcome::RemoteDevices(rows)) => rows.into_iter().map(|row| (row.name, row.whereabouts)).collect::<Vec<_>>(),
        other => panic!("{:?}", other.err()),
    };
    let named = |name: &str, whereabouts| (Some(name.to_owned()), whereabouts);
    let others = [named("orphan", Whereabouts::MissingThere), named("spare", Whereabouts::MissingThere)];
    assert_eq!(rows(&bench), [&[named("alice", Whereabouts::Held)], &others[..]].concat());
    bench.run(|context| context.vault.forget_device("alice")).unwrap();
    assert_eq!(rows(&bench), [&others[..], &[(None, Whereabouts::MissingHere)]].concat());
    bench.fail("ListVirtualMFADevices", FaultKind::Throttling, None);
    assert_eq!(rows(&bench)[0], named("orphan", Whereabouts::NotAsked), "nobody asked about its profile's user");
}

#[test]
fn a_profile_that_aws_refuses_hides_no_other() {
    let bench = Bench::with_device();
    bench.store_key("admin", "admin");
    import(&bench, "spare", "admin");
    let rows = || match bench.run(mfa::remote::run) {
        Ok(Outcome::RemoteDevices(rows)) => {
            Ok(rows.into_iter().map(|row| (row.name.unwrap(), row.whereabouts)).collect())
        }
        Ok(_) => panic!("no devices"),
        Err(error) => Err(error),
    };
    let named = |name: &str, whereabouts| (name.to_owned(), whereabouts);
    let all: Vec<_> = rows().unwrap();
    assert_eq!(all, [named("alice", Whereabouts::Held), named("spare", Whereabouts::MissingThere)]);
    bench.write_config("[profile main]\n[profile admin]\nregion = no region\n");
    let all: Vec<_> = rows().unwrap();
    assert_eq!(all, [named("alice", Whereabouts::Held), named("spare", Whereabouts::MissingThere)]);
    let talk = bench.prompt.talk();
    assert!(talk.contains("`admin`") && !talk.contains("`main`"), "{talk}");
    bench.write_config("[profile main]\nregion = no region\n[profile admin]\nregion = no region\n");
    assert!(matches!(rows(), Err(Error::Profile(_))), "nobody could be asked");
}
