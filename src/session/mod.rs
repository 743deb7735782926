//! The way from a profile to session credentials.
//!
//! `planner` decides (pure: what the config says, what the vault holds, what was asked) and makes a `plan`, `obtain`
//! walks it, `sts_call` makes one signed call of it, `outside` runs other tools, `sign_in` signs in at IAM Identity
//! Center, `authenticator` issues codes, `shown` those that a person takes along, `consent` has a person agree to them,
//! `single_flight` lets one process act for all, `denial` says why AWS denied.

mod authenticator;
mod codes;
pub mod consent;
mod denial;
mod error;
mod obtain;
mod outside;
pub mod plan;
mod planner;
mod shown;
mod sign_in;
mod single_flight;
mod sts_call;

pub use authenticator::{Authenticator, ConsecutiveCodes, clock_offset, keep_clock_offset};
pub use consent::{ConsentError, Purpose};
pub use denial::Denial;
pub use error::ObtainError;
pub use obtain::{Obtained, Obtainer};
pub use plan::{Call, EnvironmentKeys, Places, Plan, PlanError, RoleSession, SsoAccess, Start, Step, Wishes};
pub use planner::plan;
pub use shown::ShownCode;
