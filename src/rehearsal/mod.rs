//! A strict stand-in of AWS: one account on loopback, for learning, demos and tests.
//!
//! It speaks the Query APIs (IAM 2010-05-08, STS 2011-06-15), those of IAM Identity Center (SSO and SSO OIDC
//! 2019-06-10) and the console's federation endpoint, so the AWS CLI and every SDK talk to it with `AWS_ENDPOINT_URL`.
//! They are told apart by their paths. Where other stand-ins nod, it checks: signatures, scopes and their dates, codes and the order
//! of pairs, codes already used, the budget of tries, MFA conditions of policies, who may call what with which kind
//! of credentials. Nothing is kept when it stops. IAM is signed for the partition's one region, such as `us-east-1`.
//!
//! What tests and demos steer, also over HTTP (answers are JSON; as everywhere here, without `Origin` only):
//!
//! | request | effect |
//! | --- | --- |
//! | `POST /_rehearsal/clock?offset_seconds=90` | AWS's clock goes 90 s ahead of this machine's |
//! | `POST /_rehearsal/fault?action=EnableMFADevice&kind=lost-answer&times=1` | the next answer is lost after acting |
//! | `POST /_rehearsal/fault?kind=latency&milliseconds=500` | every answer is late; without `times`, until cleared |
//! | `POST /_rehearsal/clear-faults` | no faults any more |
//! | `POST /_rehearsal/sign-in?user_code=ABCD-EFGH&answer=deny` | a person refuses a sign-in; or: `approve` |
//! | `GET /_rehearsal/requests` | what was asked: `action`, `time`, `user`, `access_key_id`, `serial_number`, … |
//! | `GET /_rehearsal/state` | users, their access keys and devices, sign-ins, without any secret |
//!
//! Kinds of faults: `latency`, `lost-answer`, `closed-before-acting`, `throttling`, `server-error`, `truncated-body`.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use thiserror::Error;

use crate::{
    clock::Clock,
    credentials::LongTermCredentials,
    http_server::{Audience, HttpRequest, HttpResponse, HttpServer},
};

mod answer;
mod assume_role;
mod authorise;
mod codes;
mod control;
mod error;
mod exchange;
mod iam_account;
mod iam_devices;
mod iam_keys;
mod identity_center;
mod policy;
mod random;
mod report;
mod request;
mod sessions;
mod settings;
mod signin;
mod sts;
mod web_identity;
mod world;
mod xml;

pub use control::{Fault, FaultKind, LoggedRequest};
pub use policy::InvalidPolicy;
pub use settings::{
    IdentityCenterSettings, ManagedPolicySettings, PermissionSetSettings, RoleSettings, Settings, UserSettings,
    WebIdentitySettings,
};

use control::Control;
use world::World;

/// Why a rehearsal did not start.
#[derive(Debug, Error)]
pub enum RehearsalError {
    /// No port, or no thread.
    #[error("cannot listen on the loopback address")]
    Listen(#[source] io::Error),
    /// The system gave no random bytes for keys.
    #[error("the system gave no random bytes")]
    Random,
    /// A policy of the settings says what the stand-in does not understand.
    #[error("the policy of `{owner}` cannot be used")]
    Policy {
        /// The user or role.
        owner: String,
        /// What is wrong with it.
        #[source]
        source: InvalidPolicy,
    },
}

/// A running stand-in of AWS; gone when dropped.
pub struct Rehearsal {
    server: HttpServer,
    shared: Arc<Shared>,
}

/// What the threads of the server share.
struct Shared {
    clock: Arc<dyn Clock + Send + Sync>,
    control: Mutex<Control>,
    world: Mutex<World>,
}

impl Rehearsal {
    /// Makes the account and answers on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If no port or thread can be had, then `Listen`; if the system has no random bytes, then `Random`; if a policy
    /// cannot be read or uses what is not understood, then `Policy`.
    pub fn start(settings: Settings) -> Result<Rehearsal, RehearsalError> {
        let clock = Arc::clone(&settings.clock);
        let world = World::new(&settings, clock.now())?;
        let shared = Arc::new(Shared { clock, control: Mutex::default(), world: Mutex::new(world) });
        let handler = {
            let shared = Arc::clone(&shared);
            Arc::new(move |request: &HttpRequest| shared.answer(request))
        };
        let server = HttpServer::start(Audience::Everybody, handler).map_err(RehearsalError::Listen)?;
        Ok(Rehearsal { server, shared })
    }

    /// What `AWS_ENDPOINT_URL` is set to, such as `http://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The twelve digits of the account.
    pub fn account_id(&self) -> String {
        self.shared.world().account_id.clone()
    }

    /// The first access key that a user was given at the start; none for an unknown user, or root without one.
    /// The root user is called `root`.
    pub fn credentials(&self, user_name: &str) -> Option<LongTermCredentials> {
        self.shared.world().first_credentials(user_name)
    }

    /// The time by the stand-in's clock.
    pub fn now(&self) -> SystemTime {
        self.shared.now()
    }

    /// Sets how many seconds the stand-in's clock is ahead of this machine's; negative: behind.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.shared.control().clock_offset_seconds = seconds;
    }

    /// Lets something go wrong. Of several faults that fit a request, the one set first happens.
    pub fn inject_fault(&self, fault: Fault) {
        self.shared.control().faults.push(fault);
    }

    /// Lets nothing go wrong any more.
    pub fn clear_faults(&self) {
        self.shared.control().faults.clear();
    }

    /// Lets a person approve or refuse a sign-in at IAM Identity Center; says whether one with this code was waiting.
    pub fn answer_sign_in(&self, user_code: &str, approved: bool) -> bool {
        let now = self.now();
        self.shared.world().identity_center.answer_sign_in(user_code, approved, now)
    }

    /// Returns when every request that was sent before is dealt with, though whoever sent it may be gone.
    ///
    /// # Errors
    /// If the stand-in does not answer any more, then `Listen`.
    pub fn wait_until_idle(&self) -> Result<(), RehearsalError> {
        self.server.wait_until_idle().map_err(RehearsalError::Listen)
    }

    /// What was asked so far, oldest first; of very many requests, the last ten thousand.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.control().requests()
    }

    /// Users, access keys, devices and sign-ins as `GET /_rehearsal/state` shows them: without any secret.
    pub fn state(&self) -> serde_json::Value {
        self.shared.world().state()
    }
}

impl Shared {
    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> SystemTime {
        let offset = self.control().clock_offset_seconds;
        let distance = Duration::from_secs(offset.unsigned_abs());
        let now = self.clock.now();
        let shifted = if offset < 0 { now.checked_sub(distance) } else { now.checked_add(distance) };
        shifted.unwrap_or(now)
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        if request.path.starts_with("/_rehearsal/") {
            return control::answer(self, request);
        }
        match request.path.as_str() {
            "/federation" => signin::answer(self, request),
            path if identity_center::serves(path) => identity_center::answer(self, request),
            _ => answer::answer(self, request),
        }
    }
}

#[cfg(test)]
mod tests;
