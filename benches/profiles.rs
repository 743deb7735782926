//! How long a large AWS config takes: each call of ours reads it whole, and follows one profile to its source.
//!
//!   cargo bench --bench profiles

use divan::{Bencher, black_box};
use mfavault::profile::{ConfigText, FileKind, ProfileName, SharedConfig, chain};

const PROFILE: &str = "[profile NAME]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/deploy\n\
                       source_profile = main\nmfa_serial = arn:aws:iam::123456789012:mfa/alice\n# note\noutput = json\n\n";

fn main() {
    divan::main();
}

/// So many profiles, and comments up to a size.
fn text(profiles: usize, bytes: usize) -> String {
    let mut text: String = (0..profiles).map(|number| PROFILE.replace("NAME", &format!("p{number}"))).collect();
    text.push_str("[profile main]\n");
    while text.len() < bytes {
        text.push_str("# so many words that say nothing to anybody\n");
    }
    text + &PROFILE.replace("NAME", "last")
}

fn config(text: String) -> SharedConfig {
    SharedConfig {
        config: ConfigText::parse("config", FileKind::Config, text),
        credentials: ConfigText::parse("credentials", FileKind::Credentials, ""),
    }
}

#[divan::bench(args = [(10, 0), (1_000, 0), (1_000, 10_000_000)])]
fn read(bencher: Bencher, (profiles, bytes): (usize, usize)) {
    bencher.with_inputs(|| text(profiles, bytes)).bench_values(config);
}

#[divan::bench(args = [("last", 10), ("last", 1_000), ("lost", 1_000)])]
fn resolve(bencher: Bencher, (name, profiles): (&str, usize)) {
    let config = config(text(profiles, 0));
    let name: ProfileName = name.parse().expect("a profile name");
    bencher.bench(|| chain(black_box(&config), &name, &|_| false));
}
