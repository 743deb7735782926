//! The leak hunt: known secrets go through every command, at its most talkative, and are looked for in all that comes
//! out: streams, arguments of processes, files. They may stand where a command's contract puts them and nowhere else.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use mfavault::mfa::{CodeSettings, Seed, TimeStep, VirtualMfaDevice};

use super::world::{Ran, Run, World, files, now};

const BACKUP_PASSPHRASE: &str = "another fine passphrase 3306";
const OTHER_SEED: &str = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPIYTEMZU";
const UNKNOWN_SECRET: &str = "zzzzXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1";

/// What a command may print.
#[derive(Clone, Copy, PartialEq, Eq)]
enum May {
    Nothing,
    LongTermKey,
    Session,
    Code,
    Seed,
}

#[derive(Clone)]
struct Secret {
    kind: May,
    /// All the ways it may be written.
    forms: Vec<Vec<u8>>,
}

impl Secret {
    fn new(kind: May, text: &str) -> Self {
        let mut forms = forms(text.as_bytes());
        if let (May::Seed, Ok(seed)) = (kind, Seed::from_base32(text)) {
            forms.extend(self::forms(seed.bytes()));
            forms.push(text.to_lowercase().into_bytes());
        }
        Secret { kind, forms }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms.iter().any(|form| contains(bytes, form))
    }
}

/// As it is, in hexadecimal, percent-encoded, and in base64 wherever it begins in a longer text.
fn forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = bytes
        .iter()
        .map(|&byte| match byte.is_ascii_alphanumeric() {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect();
    let mut forms = vec![bytes.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes(), percent.into_bytes()];
    for before in 0..3 {
        let encoded = STANDARD_NO_PAD.encode([&b"xx"[..before], bytes].concat());
        // The characters at both ends depend on the neighbours.
        let inner = &encoded[[0, 2, 3][before]..encoded.len() - 2];
        forms.extend([inner.as_bytes().to_vec(), inner.replace('+', "-").replace('/', "_").into_bytes()]);
    }
    forms
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    bytes.windows(form.len()).any(|window| window == form)
}

/// Whether the six digits stand there by themselves: within a longer number they are something else.
fn contains_code(bytes: &[u8], code: &[u8]) -> bool {
    let ends = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.');
    (0..bytes.len().saturating_sub(code.len() - 1)).any(|at| {
        bytes[at..].starts_with(code) && ends(at.checked_sub(1).map(|before| &bytes[before])) && ends(bytes.get(at + 6))
    })
}

struct Hunt {
    world: World,
    secrets: Vec<Secret>,
    runs: usize,
}

impl Hunt {
    fn new() -> Self {
        let world = World::enrolled();
        let mut hunt = Hunt { world, secrets: Vec::new(), runs: 0 };
        for user in ["alice", "admin"] {
            hunt.knows(May::LongTermKey, hunt.world.key(user).secret_access_key.expose().clone().as_str());
        }
        hunt.knows(May::Seed, hunt.world.seed.clone().unwrap().as_str());
        hunt.knows(May::Seed, OTHER_SEED);
        for text in [hunt.world.passphrase.clone().as_str(), BACKUP_PASSPHRASE, UNKNOWN_SECRET] {
            hunt.knows(May::Nothing, text);
        }
        hunt
    }

    fn knows(&mut self, kind: May, text: &str) {
        self.secrets.push(Secret::new(kind, text));
    }

    /// The codes of both seeds about now.
    fn codes(&self) -> Vec<String> {
        let now = TimeStep::at(now(), CodeSettings::AWS).0;
        let seeds = [self.world.seed.clone().unwrap(), OTHER_SEED.to_owned()];
        let device = |seed: &String| VirtualMfaDevice {
            name: String::new(),
            serial_number: None,
            issuer: None,
            account: String::new(),
            seed: Seed::from_base32(seed).unwrap(),
            settings: CodeSettings::AWS,
            counter: None,
        };
        let all = seeds
            .iter()
            .map(device)
            .flat_map(|device| (now - 4..now + 4).map(move |step| device.code(TimeStep(step)).expose().to_owned()));
        all.collect()
    }

    #[track_caller]
    fn run(&mut self, arguments: &str, input: &str, may: May) -> Ran {
        self.run_in(arguments, input, may, &[])
    }

    /// Runs a command three times as talkative, and looks at what it says; what it did is not judged here.
    #[track_caller]
    fn run_in(&mut self, arguments: &str, input: &str, may: May, environment: &[(&str, &str)]) -> Ran {
        let mut command = self.world.line(&format!("-vv {arguments}"));
        command.env("MFAVAULT_LOG", "trace").env("RUST_BACKTRACE", "1").envs(environment.iter().copied());
        let ran = command.run_with(input);
        self.runs += 1;
        if may == May::Session {
            for field in ["SecretAccessKey", "SessionToken"] {
                let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_default();
                if let Some(text) = document[field].as_str() {
                    self.knows(May::Session, text);
                }
            }
        }
        for secret in &self.secrets {
            assert!(!secret.is_in(ran.stderr.as_bytes()), "{arguments}: {ran:?}");
            assert!(
                secret.kind == may && may != May::Nothing || !secret.is_in(ran.stdout.as_bytes()),
                "{arguments}: {ran:?}"
            );
        }
        for code in self.codes() {
            assert!(!contains_code(ran.stderr.as_bytes(), code.as_bytes()), "{arguments}: {code} {ran:?}");
            assert!(may == May::Code || !contains_code(ran.stdout.as_bytes(), code.as_bytes()), "{arguments}: {ran:?}");
        }
        ran
    }

    /// Looks into every file below the folder.
    fn search_files(&self) {
        let mut seen = 0;
        for path in files(self.world.folder()).into_iter().filter(|path| path.is_file()) {
            let bytes = fs::read(&path).unwrap();
            seen += 1;
            for secret in &self.secrets {
                assert!(!secret.is_in(&bytes), "{} holds a secret", path.display());
                assert!(!secret.is_in(path.to_string_lossy().as_bytes()), "{}", path.display());
            }
            for code in self.codes() {
                assert!(!contains_code(&bytes, code.as_bytes()), "{} holds {code}", path.display());
            }
        }
        assert!(seen > 5, "{seen}");
    }

    /// Looks at the arguments of all processes until told to stop; says how many of ours it saw.
    fn watch_arguments(secrets: &[Secret], stop: &AtomicBool) -> usize {
        let mut ours = 0;
        while !stop.load(Ordering::Relaxed) {
            for process in fs::read_dir("/proc").unwrap().flatten() {
                let Ok(arguments) = fs::read(process.path().join("cmdline")) else { continue };
                ours += usize::from(contains(&arguments, b"mfavault"));
                assert!(
                    !secrets.iter().any(|secret| secret.is_in(&arguments)),
                    "{}",
                    String::from_utf8_lossy(&arguments)
                );
            }
        }
        ours
    }
}

#[test]
fn what_succeeds_leaks_nothing() {
    let mut hunt = Hunt::new();
    let stop = AtomicBool::new(false);
    let watched = hunt.secrets.clone();
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| Hunt::watch_arguments(&watched, &stop));
        let walked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| walk(&mut hunt)));
        stop.store(true, Ordering::Relaxed);
        walked.unwrap();
        watcher.join().unwrap()
    });
    assert!(seen > 0);
    hunt.search_files();
    assert!(hunt.runs > 35, "{}", hunt.runs);
}

fn walk(hunt: &mut Hunt) {
    let alice = hunt.world.key("alice");
    let pair = format!("{}\n{}\n", alice.access_key_id, alice.secret_access_key.expose());
    let uri = format!("otpauth://totp/x:y?secret={OTHER_SEED}&issuer=x\n");
    // Not below the folder: these hold secrets by intention.
    let apart = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        fs::write(apart.path().join(name), text).unwrap();
        apart.path().join(name).display().to_string()
    };
    let passphrase = file("passphrase", BACKUP_PASSPHRASE);
    let csv = file("keys.csv", &format!("Access key ID,Secret access key\n{}", pair.trim().replace('\n', ",")));
    let out = |name: &str| apart.path().join(name).display().to_string();

    for (arguments, input, may) in [
        ("list", "", May::Nothing),
        ("list --json", "", May::Nothing),
        ("explain deploy --json", "", May::Nothing),
        ("exec main -- true", "", May::Nothing),
        ("export main --format json", "", May::Session),
        ("credential-process main", "", May::Session),
        ("export deploy --format json", "", May::Session),
        ("exec deploy -- mfavault rehearse --list-users", "", May::Nothing),
        ("export main --no-session", "", May::LongTermKey),
        ("whoami main", "", May::Nothing),
        ("code main", "", May::Code),
        ("code main --json", "", May::Code),
        ("mfa codes alice", "", May::Code),
        ("mfa codes alice --format cli", "", May::Code),
        ("mfa codes alice --json", "", May::Code),
        ("mfa list", "", May::Nothing),
        ("mfa list --json", "", May::Nothing),
        ("mfa show alice --json", "", May::Nothing),
        ("mfa export alice --yes", "", May::Seed),
        ("mfa import other --stdin", OTHER_SEED, May::Nothing),
        ("mfa import other --stdin", OTHER_SEED, May::Nothing),
        ("mfa import again --stdin", uri.as_str(), May::Nothing),
        ("add second --stdin", pair.as_str(), May::Nothing),
        ("setup main --yes", "", May::Nothing),
        ("setup main --undo --yes", "", May::Nothing),
        ("mfa enable main", "", May::Nothing),
        ("unlock --for 1m", "", May::Nothing),
        ("list", "", May::Nothing),
        ("lock", "", May::Nothing),
        ("clear", "", May::Nothing),
        ("audit show", "", May::Nothing),
        ("audit show --json", "", May::Nothing),
        ("audit verify --json", "", May::Nothing),
        ("mfa policy main", "", May::Nothing),
    ] {
        hunt.run(arguments, input, may).succeeded();
    }
    for arguments in [
        format!("add third --csv {csv}"),
        format!("mfa qr other --output {}", out("qr.png")),
        format!("mfa import from-picture --qr {}", out("qr.png")),
        format!(
            "mfa import --from otpauth {} --dry-run",
            file("list", &format!("{uri}otpauth://totp/z?secret={OTHER_SEED}&digits=9"))
        ),
        format!(
            "mfa import --from bitwarden {} --yes",
            file("vault.csv", &format!("name,login_username,login_totp\nn,u,{OTHER_SEED}"))
        ),
        format!("mfa export --all --yes --format google --output {}", out("google.txt")),
        format!("mfa import --from google {} --yes", out("google.txt")),
        format!("mfa qr --all --google --output {}", out("google.png")),
        format!("backup create {} --passphrase-file {passphrase}", out("backup.age")),
        format!("backup verify {} --passphrase-file {passphrase}", out("backup.age")),
        format!("backup create {} --split 2/2", out("shared")),
        format!("backup verify {} {}", out("shared.2-of-2.txt"), out("shared.1-of-2.txt")),
        format!("backup sheet {} --yes", out("sheet.html")),
        "mfa remove other --force".to_owned(),
        format!("backup restore {} --yes --passphrase-file {passphrase}", out("backup.age")),
        "remove third --force".to_owned(),
        "export second --no-session --format ini".to_owned(),
    ] {
        let may = if arguments.starts_with("export") { May::LongTermKey } else { May::Nothing };
        hunt.run(&arguments, "", may).succeeded();
    }
    assert!(!fs::read(out("backup.age")).unwrap().windows(8).any(|part| OTHER_SEED.as_bytes().starts_with(part)));
}

#[test]
fn what_fails_leaks_nothing_either() {
    let mut hunt = Hunt::new();
    let unknown = format!("AKIAIOSFODNN7EXAMPLE\n{UNKNOWN_SECRET}\n");
    let swapped = format!("{UNKNOWN_SECRET}\nAKIAIOSFODNN7EXAMPLE\n");
    let single = format!("{UNKNOWN_SECRET}\n");
    let no_seed = format!("{OTHER_SEED}0189\n");
    let bad_uri = format!("otpauth://totp/x?secret={OTHER_SEED}&digits=12\n");
    let hotp = format!("otpauth://hotp/x?secret={OTHER_SEED}\n");
    let other_uri = format!("otpauth://totp/x?secret={OTHER_SEED}&algorithm=SHA256\n");
    for (arguments, input) in [
        ("add unknown --stdin", unknown.as_str()),
        ("add main --stdin", &unknown),
        ("add swapped --stdin", &swapped),
        ("add single --stdin", &single),
        ("mfa import x --stdin", &no_seed),
        ("mfa import x --stdin", &bad_uri),
        ("mfa import x --stdin", &hotp),
        ("mfa import alice --stdin", OTHER_SEED),
        ("mfa import --from pass - --no-input", OTHER_SEED),
        ("mfa import --from bitwarden - --yes", &bad_uri),
        ("mfa import --from keepassxc - --yes", &no_seed),
        ("mfa import x --stdin --serial arn:aws:iam::111122223333:mfa/x", &other_uri),
        ("mfa export alice", ""),
        ("remove main", ""),
        ("exec nobody -- true", ""),
        ("export elsewhere", ""),
        ("backup verify config", ""),
        ("code alice --copy", ""),
        ("code alice --watch", ""),
    ] {
        let ran = hunt.run(arguments, input, May::Nothing);
        assert!(!ran.status.success(), "{arguments}: {ran:?}");
    }
    let wrong = [("MFAVAULT_PASSPHRASE", BACKUP_PASSPHRASE)];
    for arguments in ["export main", "code alice", "add x --stdin --no-verify", "unlock"] {
        let ran = hunt.run_in(arguments, &unknown, May::Nothing, &wrong);
        assert!(!ran.status.success(), "{arguments}: {ran:?}");
    }
    // Secrets where they do not belong: nothing repeats the value of a variable.
    for variable in ["AWS_REGION", "AWS_MFA_SERIAL", "MFAVAULT_KEYSTORE", "AWS_ENDPOINT_URL", "AWS_USE_FIPS_ENDPOINT"] {
        let secret = format!("{UNKNOWN_SECRET}!");
        hunt.run_in("export main", "", May::Nothing, &[(variable, &secret)]);
    }
    let proxy = format!("http://user:{UNKNOWN_SECRET}@127.0.0.1:9");
    let away = [("AWS_ENDPOINT_URL", "https://127.0.0.1:9"), ("HTTPS_PROXY", proxy.as_str()), ("NO_PROXY", "")];
    let ran = hunt.run_in("export main", "", May::Nothing, &away);
    assert!(!ran.status.success(), "{ran:?}");
    // A refused code is not repeated.
    let ran = hunt.run("exec main --mfa-code 135797 -- true", "", May::Nothing);
    assert!(!ran.status.success() && !ran.stderr.contains("135797"), "{ran:?}");
    // Nor does the config's error show the lines about it.
    let text =
        format!("[profile main]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {UNKNOWN_SECRET}\n");
    let apart = tempfile::tempdir().unwrap();
    fs::write(apart.path().join("config"), format!("{text}role_arn = nonsense\n")).unwrap();
    fs::write(apart.path().join("credentials"), text.replace("profile ", "")).unwrap();
    let (config, credentials) = (apart.path().join("config"), apart.path().join("credentials"));
    let files =
        [("AWS_CONFIG_FILE", config.to_str().unwrap()), ("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap())];
    for arguments in ["export main", "explain main", "list", "setup main --yes", "add main --from-credentials-file"] {
        hunt.run_in(arguments, "", May::Nothing, &files);
    }
    hunt.search_files();
}

#[test]
fn the_hunt_finds_what_it_looks_for() {
    let secret = Secret::new(May::Seed, OTHER_SEED);
    for text in ["", "a", "ab"] {
        let encoded = STANDARD_NO_PAD.encode(format!("{text}{OTHER_SEED} and more"));
        assert!(secret.is_in(encoded.as_bytes()), "{text:?}");
    }
    assert!(secret.is_in(format!("seed={OTHER_SEED}&").as_bytes()));
    assert!(secret.is_in(&[b"\x00", Seed::from_base32(OTHER_SEED).unwrap().bytes()].concat()));
    assert!(contains_code(b"code 123456\n", b"123456") && !contains_code(b"id 91234567", b"123456"));
}
