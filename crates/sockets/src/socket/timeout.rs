//! How long an operation of a socket may wait.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use seaworthy_core::Network;

use crate::error::Error;

/// Where an operation's limit comes from. Known to the compiler, so that an operation without a limit of its own carries
/// none.
pub(super) trait Limit: Unpin {
    /// The limit, for a socket whose option says `option`. `None`: forever.
    fn of(&self, option: Option<Duration>) -> Option<Duration>;
}

/// From the socket's option.
pub(super) struct FromOption;

/// From the caller, whatever the option says.
pub(super) struct FromCaller(pub(super) Duration);

impl Limit for FromOption {
    #[inline(always)]
    fn of(&self, option: Option<Duration>) -> Option<Duration> {
        option
    }
}

impl Limit for FromCaller {
    #[inline(always)]
    fn of(&self, _: Option<Duration>) -> Option<Duration> {
        Some(self.0)
    }
}

/// Runs from its first poll.
pub(super) struct Timeout {
    /// `None`: forever.
    limit: Option<Duration>,
    expiry: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Timeout {
    pub(super) const fn new(limit: Option<Duration>) -> Self {
        Self { limit, expiry: None }
    }

    /// Ready when the time is over, or nobody here could tell: then the operation fails for this reason.
    pub(super) fn poll(&mut self, network: &impl Network, context: &mut Context<'_>) -> Poll<Error> {
        let Some(limit) = self.limit else { return Poll::Pending };
        if self.expiry.is_none()
            && let Err(source) = network.runtime()
        {
            return Poll::Ready(Error::Runtime { operation: "wait for a limited time", source });
        }
        let expiry = self.expiry.get_or_insert_with(|| Box::pin(network.sleep_until(network.now() + limit)));
        expiry.as_mut().poll(context).map(|()| Error::WouldBlock)
    }
}
