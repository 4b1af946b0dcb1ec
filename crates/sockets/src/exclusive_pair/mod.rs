//! Exclusive pairs (RFC 31): two sockets that talk to each other and to nobody else.

mod pair;

pub use self::pair::Pair;
