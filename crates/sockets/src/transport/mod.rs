//! From pipes to streams: tasks that accept, connect and carry bytes, one per connection.
//!
//! Only this room and the context are generic over the network.

mod attached_pipe;
mod attachment;
mod close_signal;
mod cross_thread_waker;
mod dialer;
mod disconnect_reason;
mod driver;
mod linger;
mod listener;
mod pending_handshakes;
mod read_buffer_sizer;
mod socket_ref;

pub(crate) use self::attachment::high_water_marks;
pub(crate) use self::close_signal::{CloseSignal, CloseWatch};
pub(crate) use self::dialer::dial;
pub(crate) use self::driver::{IDLE_AFTER, advance};
pub(crate) use self::listener::{ListenerHandle, listen};
pub(crate) use self::read_buffer_sizer::ReadBufferSizer;
pub(crate) use self::socket_ref::{PeerRejected, SocketRef};
