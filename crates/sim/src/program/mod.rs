//! Simulations of somebody's programs: what they run in, what goes wrong, what must hold, and many seeds of it.

mod agenda;
mod cancel;
mod evidence;
mod explorer;
mod finding;
mod hush;
mod judge;
mod played;
mod promises;
mod sim;
mod storm;
mod sweep;
mod weather;

pub use self::cancel::CancelPoint;
pub use self::explorer::Explorer;
pub use self::finding::Finding;
pub use self::sim::{Sim, SimBuilder};
