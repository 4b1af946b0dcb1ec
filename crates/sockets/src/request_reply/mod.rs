//! Request and reply (RFC 28): REQ and REP in lockstep, DEALER and ROUTER without it.

mod dealer;
mod rep;
mod req;
mod router;

pub use self::dealer::Dealer;
pub use self::rep::Rep;
pub use self::req::Req;
pub use self::router::Router;
