//! `keystore`: where secrets rest, and moving them to another place.

pub mod elsewhere;
pub mod moving;
