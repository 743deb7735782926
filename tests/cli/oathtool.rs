//! Our codes beside those of another program: `oathtool` of the OATH Toolkit, for seeds, settings, times and counters at
//! random. It gives many codes a call: those of the steps or counters after the one it was asked for.

use std::{
    io::Write,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use mfavault::mfa::{Algorithm, CodeSettings, Seed, TimeStep, VirtualMfaDevice};

use crate::support::programs;

/// How many codes a call gives.
const WINDOW: u64 = 10;
/// The year 2500.
const LATEST_SECONDS: u64 = 16_725_225_600;

/// Numbers that only look random, the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, first: u64, last: u64) -> u64 {
        first + self.next() % (last - first + 1)
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.within(0, choices.len() as u64 - 1) as usize]
    }
}

fn oathtool(arguments: &[String], seed: &Seed) -> Vec<String> {
    let mut command = Command::new("oathtool");
    command.args(arguments).args(["--base32", "--window", &(WINDOW - 1).to_string(), "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", seed.to_base32().expose()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// One call, and the same codes by us.
fn compare(numbers: &mut Numbers) {
    let length = numbers.within(10, 64);
    let seed = Seed::from_bytes((0..length).map(|_| numbers.next() as u8).collect()).unwrap();
    let digits = numbers.within(6, 8);
    let counts = numbers.within(0, 3) == 0;
    let (algorithm, first, arguments) = if counts {
        // Counters of every size: most of a number's bits are not chosen by chance alone.
        let counter = numbers.next() >> numbers.within(1, 63);
        (Algorithm::Sha1, (30, TimeStep(counter)), vec!["--hotp".to_owned(), format!("--counter={counter}")])
    } else {
        let algorithm = numbers.one_of(&[Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512]);
        let any = numbers.within(1, 86_400);
        let period = numbers.one_of(&[1, 15, 29, 30, 31, 59, 60, 3_607, 86_399, 86_400, any]);
        let seconds = numbers.within(0, LATEST_SECONDS);
        let settings = CodeSettings::new(algorithm, digits, period).unwrap();
        let step = TimeStep::at(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds), settings);
        let (totp, step_size) = (format!("--totp={}", algorithm.as_str()), format!("--time-step-size={period}s"));
        (algorithm, (period, step), vec![totp, step_size, format!("--now=@{seconds}")])
    };
    let (period, step) = first;
    let device = VirtualMfaDevice {
        name: String::new(),
        serial_number: None,
        issuer: None,
        account: String::new(),
        seed,
        settings: CodeSettings::new(algorithm, digits, period).unwrap(),
        counter: counts.then_some(step.0),
    };
    let arguments = [arguments, vec![format!("--digits={digits}")]].concat();
    let theirs = oathtool(&arguments, &device.seed);
    let ours: Vec<String> =
        (0..WINDOW).map(|after| device.code(TimeStep(step.0 + after)).expose().to_owned()).collect();
    assert_eq!(ours, theirs, "{arguments:?} {}", device.seed.to_base32().expose());
}

#[test]
fn two_thousand_codes_are_those_of_oathtool() {
    if programs::installed(&["oathtool"]) {
        let mut numbers = Numbers(4226);
        (0..2_000 / WINDOW).for_each(|_| compare(&mut numbers));
    }
}

#[test]
#[ignore = "by hand: the same at length"]
fn a_hundred_thousand_codes_are_those_of_oathtool() {
    let mut numbers = Numbers(6238);
    (0..100_000 / WINDOW).for_each(|_| compare(&mut numbers));
}
