//! Hosts on the real network. Their [`Network`](seaworthy_core::Network) is [`RealNetwork`]; they share this machine's
//! kernel.
//!
//! All hosts of a run are groups of tasks on one compio runtime. Their names and ports stand for ports of 127.0.0.1, their
//! ipc paths for files in a folder of the run. What a kernel can be made to do is done; what it cannot, such as to lose
//! packets, is not attempted here.

mod address_map;
mod environment;
mod host;
mod listener;
mod network;
mod stream;
mod stream_pairing;
mod world;
mod write_ledger;

pub(crate) use self::host::Host;
pub(crate) use self::network::RealNetwork;
pub(crate) use self::world::World;
