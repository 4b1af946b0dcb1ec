//! What must hold in a run of any program: each a function of its trace.

pub mod determinism;
pub mod normal;
pub mod poison;
pub mod stream_prefix;

use seaworthy_engine::Violation;

use crate::trace::Trace;

/// The most violations one invariant reports of one run: the first few say it all.
const VIOLATIONS_MAX: usize = 5;

/// An invariant by its name.
type Invariant = (&'static str, fn(&Trace) -> Vec<Violation>);

/// Looks for violations of everything that holds whatever the programs do.
pub(crate) fn all(trace: &Trace) -> Vec<Violation> {
    let all: [Invariant; 2] = [("stream prefix", stream_prefix::check), ("poison", poison::check)];
    let found = |(name, check): Invariant| {
        check(trace).into_iter().take(VIOLATIONS_MAX).map(move |found| Violation { check: name, ..found })
    };
    all.into_iter().flat_map(found).collect()
}

#[cfg(test)]
mod tests;
