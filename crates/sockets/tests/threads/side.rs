//! A thread with a runtime.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use compio::runtime::RuntimeBuilder;

/// Sizes of the queue by which a runtime is woken from other threads: the smallest, and compio's default.
pub(crate) const QUEUES: [usize; 2] = [1, 64];

/// After which a thread is taken for hung. Nothing here takes a second.
const HUNG: Duration = Duration::from_secs(120);

/// What a thread gives in the end.
pub(crate) struct Side<T>(Receiver<T>);

/// Runs something on a thread and a runtime of its own, whose queue has this size.
#[expect(clippy::disallowed_methods, reason = "threads are what is tested")]
pub(crate) fn side<T: Send + 'static>(
    queue: usize,
    work: impl AsyncFnOnce() -> T + Send + 'static,
) -> Side<T> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let runtime = RuntimeBuilder::new().sync_queue_size(queue).build().unwrap();
        let outcome = runtime.block_on(work());
        drop(runtime);
        let _ = tell.send(outcome);
    });
    Side(told)
}

impl<T> Side<T> {
    /// Waits for its end.
    pub(crate) fn join(self) -> T {
        self.0.recv_timeout(HUNG).expect("a thread panicked, or waits for another")
    }
}

/// Lets every other task of this thread run until it waits.
pub(crate) async fn settle() {
    for _ in 0..4 {
        compio::time::sleep(Duration::from_millis(1)).await;
    }
}
