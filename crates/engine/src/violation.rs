//! A broken promise.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the check that found it.
    pub check: &'static str,
    /// When, in simulated time, if at a time.
    pub at: Option<Duration>,
    /// At which socket or host, if at one.
    pub place: Option<Arc<str>>,
    /// What is wrong.
    pub problem: String,
}

impl Violation {
    /// A violation of a socket or host, at no particular time.
    pub fn of(place: &Arc<str>, problem: String) -> Self {
        Self { check: "", at: None, place: Some(Arc::clone(place)), problem }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.check)?;
        if let Some(at) = self.at {
            write!(f, " {:.6} s", at.as_secs_f64())?;
        }
        if let Some(place) = &self.place {
            write!(f, " {place}")?;
        }
        write!(f, " {}", self.problem)
    }
}
