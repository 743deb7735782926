//! AWS configs as people have them, each a folder of `tests/data/profiles`, explained by the real binary.
//!
//! A case is `config`, perhaps `credentials`, and `case.toml`: a `sentence`, what is asked of `mfavault explain`, what
//! the vault holds, and either what is `explained` or how it is `refused`. Of each step, call, duration, serial number
//! and role must be as given, or absent; what else is given must be so; what else there is need not be. Notes must be
//! exactly those given. Folders are left out of paths; the user's own is `~`.

use std::{
    collections::BTreeMap,
    fs,
    path::{MAIN_SEPARATOR, Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use mfavault::{
    credentials::LongTermCredentials,
    environment::Environment,
    keystore::{Keystore, KeystoreError, RecordName},
    mfa::{CodeSettings, Seed, VirtualMfaDevice},
    secret::SecretBytes,
    vault::{DeviceRecord, KeyRecord, Vault},
};
use serde::Deserialize;
use serde_json::Value;

use crate::support::memory_keystore::MemoryKeystore;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What it shows.
    sentence: String,
    /// The arguments of `explain`, parted by spaces.
    ask: String,
    /// The profiles whose keys are in the vault.
    #[serde(default)]
    keys: Vec<String>,
    /// The devices in the vault by name.
    #[serde(default)]
    devices: BTreeMap<String, Device>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    explained: Option<Value>,
    refused: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Device {
    profile: Option<String>,
    serial_number: Option<String>,
}

/// Goes by the name of the file keystore, without the work of its key derivation.
struct File(MemoryKeystore);

impl Keystore for File {
    fn name(&self) -> &'static str {
        "file"
    }

    fn get(&self, record: &RecordName) -> Result<SecretBytes, KeystoreError> {
        self.0.get(record)
    }

    fn put(&self, record: &RecordName, content: &SecretBytes) -> Result<(), KeystoreError> {
        self.0.put(record, content)
    }

    fn remove(&self, record: &RecordName) -> Result<(), KeystoreError> {
        self.0.remove(record)
    }
}

#[test]
fn every_case_is_explained_as_it_should_be() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/profiles");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 50, "the cases are gone: {}", cases.len());
    let mut failures = Vec::new();
    for case in &cases {
        let name = case.file_name().unwrap().display();
        if let Err(why) = check(case) {
            failures.push(format!("{name}: {why}"));
        }
    }
    assert!(failures.is_empty(), "{} of {} cases:\n\n{}", failures.len(), cases.len(), failures.join("\n\n"));
}

fn check(folder: &Path) -> Result<(), String> {
    let text = fs::read_to_string(folder.join("case.toml")).map_err(|error| format!("case.toml: {error}"))?;
    let case: Case = toml::from_str(&text).map_err(|error| format!("case.toml: {error}"))?;
    let home = tempfile::tempdir().unwrap();
    store(&case, home.path());
    let output = Command::new(env!("CARGO_BIN_EXE_mfavault"))
        .env_clear()
        .envs([("HOME", home.path()), ("MFAVAULT_HOME", &home.path().join("vault"))])
        .env("AWS_CONFIG_FILE", folder.join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", folder.join("credentials"))
        .env("MFAVAULT_KEYSTORE", "file")
        .envs(&case.environment)
        .arg("explain")
        .args(case.ask.split_whitespace())
        .arg("--json")
        .output()
        .unwrap();
    let short = |text: &str| -> String {
        let in_folder = format!("{}{MAIN_SEPARATOR}", folder.display());
        text.replace(&in_folder, "").replace(&home.path().display().to_string(), "~")
    };
    let (stdout, stderr) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let differences = match (&case.explained, &case.refused) {
        (Some(expected), None) => {
            let found: Value =
                serde_json::from_str(&stdout).map_err(|_| format!("{}\n{}", case.sentence, short(&stderr)))?;
            differences_of_plans(expected, &shortened(found, &short))
        }
        (None, Some(expected)) if !output.status.success() && short(&stderr).trim() == expected.trim() => vec![],
        (None, Some(expected)) => {
            vec![format!("expected\n{}\nfound\n{}{stdout}", expected.trim(), short(&stderr))]
        }
        _ => vec!["it expects nothing, or both a plan and a refusal".to_owned()],
    };
    match differences.is_empty() {
        true => Ok(()),
        false => Err(format!("{}\n  {}", case.sentence, differences.join("\n  "))),
    }
}

/// Explaining unlocks nothing, so that the index of a file keystore is enough.
fn store(case: &Case, home: &Path) {
    let variables = [("MFAVAULT_HOME".into(), home.join("vault").into_os_string())];
    let environment = Environment::from_variables(variables.into(), Some(home.to_owned())).unwrap();
    let keystore = File(MemoryKeystore::new());
    let vault = Vault::new(&keystore, &environment.folders.data, &environment.folders.state);
    let added = SystemTime::UNIX_EPOCH;
    for (number, profile) in case.keys.iter().enumerate() {
        let access_key_id = format!("AKIAIOSFODNN7EXAMPL{number}").parse().unwrap();
        let credentials = LongTermCredentials { access_key_id, secret_access_key: "wJalr".into() };
        let record = KeyRecord { created: None, credentials, account_id: None, added };
        vault.store_key(&profile.parse().unwrap(), &record).unwrap();
    }
    for (name, device) in &case.devices {
        let device_itself = VirtualMfaDevice {
            name: name.clone(),
            serial_number: device.serial_number.as_ref().map(|serial| serial.parse().unwrap()),
            issuer: None,
            account: "somebody".to_owned(),
            seed: Seed::from_base32(&format!("{:A<64}", name.to_uppercase())).unwrap(),
            settings: CodeSettings::AWS,
            counter: None,
        };
        let profile = device.profile.as_ref().map(|profile| profile.parse().unwrap());
        let record = DeviceRecord::new(device_itself, profile, "a case", added);
        vault.store_device(&record).unwrap();
    }
}

fn shortened(value: Value, short: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(short(&text)),
        Value::Array(values) => values.into_iter().map(|value| shortened(value, short)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, shortened(value, short))).collect(),
        other => other,
    }
}

fn differences_of_plans(expected: &Value, found: &Value) -> Vec<String> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let mut differences = Vec::new();
    let (expected_steps, steps) = (list(expected, "steps"), list(found, "steps"));
    if expected["steps"].is_null() || expected_steps.len() != steps.len() {
        differences.push(format!("steps: {} expected, found {steps:#?}", expected_steps.len()));
    }
    for (number, (expected, found)) in expected_steps.iter().zip(&steps).enumerate() {
        for key in ["call", "duration_seconds", "serial_number", "role_arn"] {
            if expected[key].is_null() {
                compare(&format!("steps[{number}].{key}"), &Value::Null, &found[key], &mut differences);
            }
        }
        compare_given(&format!("steps[{number}]."), expected, found, &mut differences);
    }
    compare("notes", &list(expected, "notes").into(), &list(found, "notes").into(), &mut differences);
    compare_given("", expected, found, &mut differences);
    differences
}

/// Compares what is expected and no list of its own, into the depth.
fn compare_given(path: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    for (key, value) in expected.as_object().into_iter().flatten() {
        let path = format!("{path}{key}");
        match value {
            Value::Object(_) => compare_given(&format!("{path}."), value, &found[key], differences),
            _ if path == "steps" || path == "notes" => {}
            _ => compare(&path, value, &found[key], differences),
        }
    }
}

fn compare(path: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    if expected != found {
        differences.push(format!("{path}: expected {expected}, found {found}"));
    }
}
