//! The way from a profile to session credentials.
//!
//! `plan` decides (pure: what the config says, what the vault holds, what was asked), `obtain` acts,
//! `authenticator` issues codes, `single_flight` lets one process act for all.

mod authenticator;
mod obtain;
pub mod plan;
mod single_flight;

pub use authenticator::{Authenticator, ConsecutiveCodes, clock_offset, keep_clock_offset};
pub use obtain::{CodeSource, ObtainError, Obtainer};
pub use plan::{Call, Plan, PlanError, Step, Wishes};
