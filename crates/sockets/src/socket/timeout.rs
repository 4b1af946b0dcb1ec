//! How long an operation of a socket may wait.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use seaworthy_core::Network;

/// Runs from its first poll.
pub(super) struct Timeout {
    /// `None`: for ever.
    limit: Option<Duration>,
    expiry: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Timeout {
    pub(super) const fn new(limit: Option<Duration>) -> Self {
        Self { limit, expiry: None }
    }

    /// Ready when the time is over.
    pub(super) fn poll(&mut self, network: &impl Network, context: &mut Context<'_>) -> Poll<()> {
        let Some(limit) = self.limit else { return Poll::Pending };
        let expiry = self.expiry.get_or_insert_with(|| Box::pin(network.sleep_until(network.now() + limit)));
        expiry.as_mut().poll(context)
    }
}
