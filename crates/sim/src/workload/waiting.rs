//! Tells an operation that waits from one that lets others run first.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Runs `work` until it is complete, or until it waits for somebody else to wake it: then `None`. What wakes itself only
/// lets others run.
pub(super) async fn unless_waiting<T>(mut work: impl Future<Output = T> + Unpin) -> Option<T> {
    let mut own: Option<(Arc<Noticing>, Waker)> = None;
    poll_fn(|context| {
        let (noticing, waker) = own.get_or_insert_with(|| {
            let noticing =
                Arc::new(Noticing { task: context.waker().clone(), woken: AtomicBool::new(false) });
            (Arc::clone(&noticing), Waker::from(noticing))
        });
        noticing.woken.store(false, Ordering::Relaxed);
        match Pin::new(&mut work).poll(&mut Context::from_waker(waker)) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if noticing.woken.load(Ordering::Relaxed) => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        }
    })
    .await
}

/// Wakes a task, and notices that it did.
struct Noticing {
    task: Waker,
    woken: AtomicBool,
}

impl Wake for Noticing {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
        self.task.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn poll<T>(work: impl Future<Output = T>) -> Poll<T> {
        pin!(work).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn what_is_complete_or_wakes_itself_does_not_wait() {
        assert_eq!(poll(unless_waiting(std::future::ready(7))), Poll::Ready(Some(7)));
        assert_eq!(poll(unless_waiting(std::future::pending::<u8>())), Poll::Ready(None));
        let mut yields = 1;
        let mut work = pin!(unless_waiting(poll_fn(|context| {
            if yields > 0 {
                yields -= 1;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(7)
        })));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(work.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(work.as_mut().poll(&mut context), Poll::Ready(Some(7)));
    }
}
