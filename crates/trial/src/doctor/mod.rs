//! Whether the testbed finds bugs: bugs that are [planted](seaworthy_core::planted) on purpose, each looked for in the
//! scenario and by the check that the [catalogue] names.

pub mod catalogue;
mod detector;
mod hunt;

pub use seaworthy_core::planted::{Bug, COMPILED, NoSuchBug};

pub use self::catalogue::Entry;
pub use self::detector::Detector;
pub use self::hunt::{Hunt, without_bug};
