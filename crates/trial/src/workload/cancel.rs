//! Drops operations before they are complete, as an application does that selects, times out or gives up.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use seaworthy::Network;

use super::deadline::Deadline;
use super::workload_context::WorkloadContext;
use seaworthy_sim::script::CancelOperation;
use seaworthy_sim::trace::{EventKind, MessageName};

/// What the application does before it tries again: nothing that takes no time at all, or it would never end.
const AFTERWARDS: Duration = Duration::from_millis(1);

/// Runs an operation, or as much of it as a cancellation lets happen: then `None`, and it was dropped.
pub(super) async fn cancellable<N: Network, T>(
    context: &WorkloadContext<N>,
    operation: CancelOperation,
    work: impl Future<Output = T>,
) -> Option<T> {
    let deadline = context.run.draw_cancel(&context.name, operation);
    let expiry = match deadline {
        Some(Deadline::Time(time)) => Some(context.network.sleep_until(context.network.now() + time)),
        Some(Deadline::Polls(_)) | None => None,
    };
    let polls_max = match deadline {
        Some(Deadline::Polls(polls)) => polls,
        Some(Deadline::Time(_)) | None => u64::MAX,
    };
    let mut work = pin!(work);
    let mut expiry = pin!(expiry);
    let mut polls = 0;
    poll_fn(|context| {
        if polls >= polls_max {
            return Poll::Ready(None);
        }
        polls += 1;
        if let Poll::Ready(output) = work.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        let expired = expiry.as_mut().as_pin_mut().is_some_and(|expiry| expiry.poll(context).is_ready());
        if expired || polls >= polls_max { Poll::Ready(None) } else { Poll::Pending }
    })
    .await
}

/// Takes a dropped operation down, and lets the application do something else.
pub(super) async fn dropped<N: Network>(
    context: &WorkloadContext<N>,
    operation: CancelOperation,
    message: Option<MessageName>,
) {
    context.record(EventKind::Cancelled { operation: operation.to_string(), message });
    rest(context).await;
}

/// Takes an operation down that ended with `sndtimeo` or `rcvtimeo`, and lets the application do something else.
pub(super) async fn timed_out<N: Network>(
    context: &WorkloadContext<N>,
    operation: CancelOperation,
    message: Option<MessageName>,
) {
    context.record(EventKind::TimedOut { operation: operation.to_string(), message });
    rest(context).await;
}

async fn rest<N: Network>(context: &WorkloadContext<N>) {
    context.network.sleep_until(context.network.now() + AFTERWARDS).await;
}
