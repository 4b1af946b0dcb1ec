//! What is expected of a run.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::coverage_point::CoveragePoint;
use seaworthy_sim::script::quantity::Span;
use seaworthy_sim::words;

/// What is expected beyond the checks that always apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Which messages may get lost. Default `legal`.
    #[serde(default, skip_serializing_if = "LossRule::is_default")]
    pub loss: LossRule,
    /// How long after everything is healed each connected pair may take to exchange a message again.
    /// Default 10 s.
    #[serde(default = "default_progress", skip_serializing_if = "is_default_progress")]
    pub progress_within: Span,
    /// What must have happened for the run to prove anything, or must not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub must: Vec<Must>,
    /// What some seed of a sweep must have come across, for `explore`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sometimes: Vec<CoveragePoint>,
}

words! {
    /// Which messages may get lost.
    #[derive(Default)]
    pub enum LossRule {
        /// Those that ZeroMQ's specifications allow to be lost.
        #[default]
        Legal = "legal",
        /// None.
        None = "none",
    }
}

/// An event that must be seen at a socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Must {
    /// The socket or group, or the hostile peer; each member must.
    pub socket: String,
    /// The event.
    pub event: MustEvent,
    /// How often at least. Default 1, or 0 when only `at_most` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<u64>,
    /// How often at most. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<u64>,
    /// Count from this time on. Default: the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Span>,
    /// Count until this time. Default: the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Span>,
}

words! {
    /// Events that an expectation can count.
    pub enum MustEvent {
        /// A send had to wait for room.
        Blocked = "blocked",
        /// A message was taken by a send.
        Sent = "sent",
        /// A message was received.
        Received = "received",
        /// A message that was sent was received nowhere it should have been.
        Lost = "lost",
        /// A handshake succeeded.
        Connected = "connected",
        /// A connection ended.
        Disconnected = "disconnected",
        /// A request was given up, or an operation ended with `sndtimeo` or `rcvtimeo`.
        Timeout = "timeout",
        /// The application dropped an operation that was not complete.
        Cancelled = "cancelled",
        /// SUB, XSUB: the `xpub_welcome_msg` of a publisher was received.
        Welcomed = "welcomed",
        /// A hostile peer: a socket ended a connection with it.
        Dismissed = "dismissed",
        /// XPUB: notice of a subscription was received, or of the end of one.
        Noticed = "noticed",
    }
}

fn default_progress() -> Span {
    Span(Duration::from_secs(10))
}

fn is_default_progress(span: &Span) -> bool {
    *span == default_progress()
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            loss: LossRule::default(),
            progress_within: default_progress(),
            must: Vec::new(),
            sometimes: Vec::new(),
        }
    }
}

impl Expect {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl LossRule {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
