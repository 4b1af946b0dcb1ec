//! Two futures of which the first to complete counts.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

use seaworthy_core::{Instant, Network};

/// Which of two futures completed.
pub(crate) enum Winner<A, B> {
    First(A),
    Second(B),
}

/// Completes with the first of the two to complete, or with `first` if both do, and drops the other.
pub(crate) async fn race<A, B>(
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> Winner<A, B> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| {
        if let Poll::Ready(output) = first.as_mut().poll(context) {
            return Poll::Ready(Winner::First(output));
        }
        second.as_mut().poll(context).map(Winner::Second)
    })
    .await
}

/// What `work` completes with, unless the deadline passes before.
pub(crate) async fn before<N: Network, T>(
    network: &N,
    deadline: Option<Instant>,
    work: impl Future<Output = T>,
) -> Option<T> {
    match race(work, until(network, deadline)).await {
        Winner::First(output) => Some(output),
        Winner::Second(()) => None,
    }
}

/// Completes at the deadline; never if there is none.
pub(crate) async fn until<N: Network>(network: &N, deadline: Option<Instant>) {
    match deadline {
        Some(at) => network.sleep_until(at).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::task::{Context, Waker};

    use super::*;

    fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_first_wins_if_both_are_ready() {
        assert!(matches!(poll_once(race(ready(1), ready(2))), Poll::Ready(Winner::First(1))));
    }

    #[test]
    fn the_second_wins_if_only_it_is_ready() {
        assert!(matches!(poll_once(race(pending::<()>(), ready(2))), Poll::Ready(Winner::Second(2))));
        assert!(poll_once(race(pending::<()>(), pending::<()>())).is_pending());
    }
}
