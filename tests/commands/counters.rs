//! Devices that count their codes: each is given out once, the next one each time.

use mfavault::{
    commands::{self, Error, Outcome},
    mfa::{Algorithm, CodeSettings, Seed, VirtualMfaDevice},
    vault::DeviceRecord,
};

use crate::support::bench::Bench;

/// RFC 4226, appendix D.
const CODES: [&str; 10] =
    ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];

fn record(bench: &Bench, digits: u64, counter: u64) -> DeviceRecord {
    let device = VirtualMfaDevice {
        name: "vpn".to_owned(),
        serial_number: None,
        issuer: None,
        account: "me".to_owned(),
        seed: Seed::from_bytes(b"12345678901234567890".to_vec()).unwrap(),
        settings: CodeSettings::new(Algorithm::Sha1, digits, 30).unwrap(),
        counter: Some(counter),
    };
    DeviceRecord::new(device, None, "a test", mfavault::clock::Clock::now(&*bench.clock))
}

fn store(bench: &Bench, digits: u64, counter: u64) {
    bench.run(|context| context.vault.store_device(&record(bench, digits, counter))).unwrap();
}

/// The code and its counter.
fn code(bench: &Bench) -> Result<(String, u64), Error> {
    match bench.run(|context| commands::code::run(context, Some("vpn".to_owned())))? {
        Outcome::Code { code, valid_until: None, counter: Some(counter), .. } => {
            Ok((code.expose().to_owned(), counter))
        }
        _ => panic!("no code of a counter"),
    }
}

#[test]
fn each_code_is_the_next_one_and_none_is_given_twice() {
    let bench = Bench::new();
    store(&bench, 6, 0);
    bench.set_skew(-90);
    for (counter, expected) in CODES.into_iter().enumerate() {
        if counter == 5 {
            // As a restore of an old backup would: the ledger knows better.
            store(&bench, 6, 0);
        }
        assert_eq!(code(&bench).unwrap(), (expected.to_owned(), counter as u64));
    }
    store(&bench, 6, 4_000);
    assert_eq!(code(&bench).unwrap().1, 4_000, "the record knows that the other side is ahead");
    assert_eq!(bench.prompt.talk(), "", "no clock has a part in it");
}

#[test]
fn a_seed_that_was_taken_for_one_of_the_time_first_counts_from_where_it_should() {
    let bench = Bench::new();
    let mut of_time = record(&bench, 6, 0);
    of_time.device.counter = None;
    bench.run(|context| context.vault.store_device(&of_time)).unwrap();
    bench.run(|context| commands::code::run(context, Some("vpn".to_owned()))).map(drop).unwrap();
    store(&bench, 6, 2);
    assert_eq!(code(&bench).unwrap(), (CODES[2].to_owned(), 2));
}

#[test]
fn a_counter_that_cannot_be_written_down_gives_no_code() {
    let bench = Bench::new();
    store(&bench, 6, 0);
    code(&bench).unwrap();
    let state = std::fs::read_dir(&bench.environment.folders.state).unwrap().map(|entry| entry.unwrap().path());
    let ledger = state.into_iter().find(|path| path.extension().is_some_and(|end| end == "json")).unwrap();
    let written = std::fs::read(&ledger).unwrap();
    std::fs::write(&ledger, "damaged").unwrap();
    assert!(matches!(code(&bench), Err(Error::Vault(_))));
    std::fs::write(&ledger, written).unwrap();
    assert_eq!(code(&bench).unwrap().1, 1, "and none is skipped");
}

#[test]
fn a_code_has_as_many_digits_as_the_device_says() {
    let bench = Bench::new();
    // The ten digits of the RFC's first value are 1284755224.
    for (digits, expected) in [(6, "755224"), (7, "4755224"), (8, "84755224")] {
        let record = record(&bench, digits, 0);
        assert_eq!(record.device.code(mfavault::mfa::TimeStep(0)).expose(), expected);
    }
}

#[test]
fn there_are_no_two_codes_of_time_steps() {
    let bench = Bench::new();
    store(&bench, 6, 0);
    let refused = bench.run(|context| commands::mfa::codes::run(context, "vpn"));
    assert!(matches!(refused, Err(Error::CounterBased { name }) if name == "vpn"));
    assert_eq!(code(&bench).unwrap().1, 0, "nothing was spent by the refusal");
}
