//! One run of a scenario: from a seed to a verdict.

mod clocks;
mod judge;
mod outcome;
mod real;
mod simulated;

pub use self::judge::{confirm, judge, once, prove};
pub use self::outcome::{Outcome, Verdict};
pub use self::real::real;
pub use self::simulated::{capture, run};
