//! A run of a test that was made, and why it failed.

use std::any::Any;
use std::error::Error;

use seaworthy_engine::Failure;

use super::artifacts::Artifacts;
use crate::invariant::determinism;
use crate::invariant::normal::normal;
use crate::script::FaultPlan;

/// A run that was made.
pub(super) struct Played {
    pub(super) failure: Option<TestFailure>,
    pub(super) storm: Option<FaultPlan>,
    pub(super) evidence: Artifacts,
}

impl Played {
    /// What failures that are probably one have in common; empty when it passed.
    pub(super) fn kind(&self) -> &str {
        self.failure.as_ref().map_or("", |trouble| &trouble.kind)
    }
}

/// Why a run failed.
#[derive(Clone, Debug)]
pub(super) struct TestFailure {
    pub(super) kind: String,
    pub(super) message: String,
    pub(super) failure: Option<Failure>,
}

/// The kind of runs that differ.
pub(super) const NONDETERMINISM: &str = "determinism";

impl TestFailure {
    pub(super) fn of_failure(failure: Failure) -> Self {
        let kind = match &failure {
            Failure::Violations(violations) => {
                violations.first().map(|first| first.check.to_owned()).unwrap_or_default()
            }
            Failure::Livelock { .. } => "livelock".to_owned(),
            Failure::Slow { .. } => "too slow".to_owned(),
            other => normal(&other.to_string()),
        };
        Self { kind, message: failure.to_string(), failure: Some(failure) }
    }

    pub(super) fn of_error(error: &(dyn Error + 'static)) -> Self {
        match error.downcast_ref::<Failure>() {
            Some(failure) => Self::of_failure(failure.clone()),
            None => Self { kind: normal(&error.to_string()), message: error.to_string(), failure: None },
        }
    }

    pub(super) fn of_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let message = format!("the test panicked: {}", text.unwrap_or_default());
        Self { kind: normal(&message), message, failure: None }
    }
}

/// The failure of two runs of one seed that should have been alike.
pub(super) fn differ(first: &Played, second: &Played) -> Option<Played> {
    let (one, other) = (&first.evidence, &second.evidence);
    let found = determinism::compare((&one.trace, one.audit), (&other.trace, other.audit))?;
    let trouble = TestFailure::of_failure(Failure::Violations(vec![found]));
    let evidence = Artifacts {
        seed: one.seed,
        hosts: one.hosts.clone(),
        trace: other.trace.clone(),
        audit: other.audit,
        packets: other.packets.clone(),
    };
    Some(Played { failure: Some(trouble), storm: second.storm.clone(), evidence })
}
