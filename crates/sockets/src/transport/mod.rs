//! From pipes to streams: tasks that accept, connect and carry bytes, one per connection.
//!
//! Only this room and the context are generic over the network.

mod attachment;
mod dialer;
mod driver;
mod ending;
mod handshakes;
mod inflow;
mod listener;
mod port;
mod read_room;

pub(crate) use self::attachment::{NotTaken, marks};
pub(crate) use self::dialer::dial;
pub(crate) use self::driver::advance;
pub use self::handshakes::PENDING_HANDSHAKES_MAX;
pub(crate) use self::listener::{ListenerHandle, listen};
pub(crate) use self::port::{Closing, ClosingWatch, Port};
pub(crate) use self::read_room::ReadRoom;
