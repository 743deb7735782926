//! The stand-in over HTTP: asked by a small signed client, and by the real AWS CLI.

mod account;
mod aws_cli;
mod client;
mod control;
mod devices;
mod identity_center;
mod own_client;
mod roles;
mod sessions;
mod signatures;
mod signin;
mod web_identity;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use super::*;
use client::{Answer, Client};

const ALICES_DEVICE: &str = "arn:aws:iam::111122223333:mfa/alice";

/// A clock that stands until it is moved; at first at the beginning of a window of tries.
struct ManualClock(Mutex<SystemTime>);

impl ManualClock {
    fn advance(&self, seconds: u64) {
        *self.0.lock().expect("not poisoned") += Duration::from_secs(seconds);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().expect("not poisoned")
    }

    fn wait_until(&self, time: SystemTime) {
        let mut now = self.0.lock().expect("not poisoned");
        *now = (*now).max(time);
    }
}

/// A rehearsal and its clock.
struct Stage {
    clock: Arc<ManualClock>,
    aws: Rehearsal,
}

impl Stage {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_294_080);
        let clock = Arc::new(ManualClock(Mutex::new(start)));
        let mut settings = Settings::new(Arc::clone(&clock) as Arc<dyn Clock + Send + Sync>);
        change(&mut settings);
        Stage { clock, aws: Rehearsal::start(settings).expect("a rehearsal") }
    }

    fn default() -> Self {
        Stage::new(|_| {})
    }

    fn client(&self, user_name: &str) -> Client {
        let credentials = self.aws.credentials(user_name).expect("a user");
        Client::new(&self.aws, credentials.access_key_id.as_str(), &credentials.secret_access_key, None)
    }

    /// Sends a request that nobody signs; `head` is the request line and headers but `Host`.
    fn unsigned(&self, head: &str, body: &str) -> Answer {
        let address = self.aws.url().replace("http://", "");
        let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let headers = if headers.is_empty() { String::new() } else { format!("{headers}\r\n") };
        let length = body.len();
        let request = format!("{line} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
        client::send(&address, &request)
    }

    /// The calls so far: action and error code.
    fn calls(&self) -> Vec<(String, Option<String>)> {
        self.aws.requests().into_iter().map(|request| (request.action, request.error_code)).collect()
    }

    /// Creates and enables a device for a user, and returns what makes its codes.
    fn enable(&self, user_name: &str) -> TestDevice {
        let device = TestDevice::create(&self.client("admin"), user_name);
        device.enable(&self.client("admin"), user_name, self.aws.now()).expect_ok();
        device
    }
}

/// The authenticator's side of a device.
struct TestDevice {
    serial_number: String,
    device: crate::mfa::VirtualMfaDevice,
}

impl TestDevice {
    fn create(client: &Client, name: &str) -> Self {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let answer = client.call("CreateVirtualMFADevice", &[("VirtualMFADeviceName", name)]).expect_ok();
        let seed = STANDARD.decode(answer.text("Base32StringSeed")).expect("base64");
        let seed = String::from_utf8(seed).expect("text");
        assert_eq!(seed.len(), 64);
        let device = crate::mfa::VirtualMfaDevice {
            name: name.to_owned(),
            serial_number: None,
            issuer: None,
            account: name.to_owned(),
            seed: crate::mfa::Seed::from_base32(&seed).expect("a seed"),
            settings: crate::mfa::CodeSettings::AWS,
            counter: None,
        };
        TestDevice { serial_number: answer.text("SerialNumber"), device }
    }

    /// The code some steps from a time.
    fn code(&self, now: SystemTime, steps: i64) -> String {
        let step = crate::mfa::TimeStep::at(now, crate::mfa::CodeSettings::AWS).0.strict_add_signed(steps);
        self.device.code(crate::mfa::TimeStep(step)).expose().to_owned()
    }

    fn pair(&self, client: &Client, action: &str, user_name: &str, codes: [&str; 2]) -> Answer {
        client.call(
            action,
            &[
                ("UserName", user_name),
                ("SerialNumber", &self.serial_number),
                ("AuthenticationCode1", codes[0]),
                ("AuthenticationCode2", codes[1]),
            ],
        )
    }

    /// Enables it with the codes of the previous and the current step.
    fn enable(&self, client: &Client, user_name: &str, now: SystemTime) -> Answer {
        self.pair(client, "EnableMFADevice", user_name, [&self.code(now, -1), &self.code(now, 0)])
    }

    fn session_token(&self, client: &Client, code: &str) -> Answer {
        client.call("GetSessionToken", &[("SerialNumber", &self.serial_number), ("TokenCode", code)])
    }
}
