//! Tells an operation that waits from one that lets others run first.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// How often work may leave it to somebody else to wake it before it counts as waiting: a socket lets its runtime do I/O
/// twice before it goes on with an operation for which there is room.
const ROUNDS_OF_IO: usize = 3;

/// Runs `work` until it is complete, or until it waits for somebody else to wake it: then `None`. What wakes itself only
/// lets others run, and so does what waits until the runtime has done I/O. `after_io` arranges for a task to be woken
/// then, if that can be done.
pub(super) async fn unless_waiting<T>(
    mut work: impl Future<Output = T> + Unpin,
    after_io: impl Fn(&Waker) -> bool,
) -> Option<T> {
    let mut own: Option<(Arc<Noticing>, Waker)> = None;
    let mut rounds = 0;
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
            Poll::Pending if rounds < ROUNDS_OF_IO && after_io(context.waker()) => {
                rounds += 1;
                Poll::Pending
            }
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
        assert_eq!(poll(unless_waiting(std::future::ready(7), |_| false)), Poll::Ready(Some(7)));
        assert_eq!(poll(unless_waiting(std::future::pending::<u8>(), |_| false)), Poll::Ready(None));
        let mut yields = 1;
        let mut work = pin!(unless_waiting(
            poll_fn(|context| {
                if yields > 0 {
                    yields -= 1;
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(7)
            }),
            |_| false
        ));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(work.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(work.as_mut().poll(&mut context), Poll::Ready(Some(7)));
    }

    #[test]
    fn what_waits_only_for_rounds_of_io_does_not_wait_either() {
        for (pending, waits) in [(ROUNDS_OF_IO, false), (ROUNDS_OF_IO + 1, true)] {
            let mut left = pending;
            let work = poll_fn(|_| {
                if left == 0 {
                    return Poll::Ready(7);
                }
                left -= 1;
                Poll::Pending
            });
            let mut work = pin!(unless_waiting(work, |_| true));
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..ROUNDS_OF_IO {
                assert_eq!(work.as_mut().poll(&mut context), Poll::Pending);
            }
            assert_eq!(work.as_mut().poll(&mut context), Poll::Ready((!waits).then_some(7)));
        }
    }
}
