//! What the sockets of a scenario do.
pub mod payload;
