//! Pipelines (RFC 30): work goes from PUSH to PULL, each message to one of them.

mod pull;
mod push;

pub use self::pull::Pull;
pub use self::push::Push;
