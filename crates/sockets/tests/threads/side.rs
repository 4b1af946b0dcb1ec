//! A thread with a runtime.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use compio::driver::{DriverType, ProactorBuilder};
use compio::runtime::RuntimeBuilder;

/// How a runtime is built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Build {
    /// Without one, io_uring if it is allowed.
    driver: Option<DriverType>,
    /// The size of the queue by which it is woken from other threads.
    queue: usize,
}

/// The smallest queue, and compio's default one, on each driver.
pub(crate) const BUILDS: [Build; 3] =
    [SMALL, Build { driver: None, queue: 64 }, Build { driver: Some(DriverType::Poll), queue: 1 }];

pub(crate) const SMALL: Build = Build { driver: None, queue: 1 };

/// After which a thread is taken for hung. Nothing here takes a second.
const HUNG: Duration = Duration::from_secs(120);

/// What a thread gives in the end.
pub(crate) struct Side<T>(Receiver<T>);

/// Runs something on a thread and a runtime of its own.
#[expect(clippy::disallowed_methods, reason = "threads are what is tested")]
pub(crate) fn side<T: Send + 'static>(
    build: Build,
    work: impl AsyncFnOnce() -> T + Send + 'static,
) -> Side<T> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut proactor = ProactorBuilder::new();
        if let Some(driver) = build.driver {
            proactor.driver_type(driver);
        }
        let runtime = RuntimeBuilder::new()
            .with_proactor(proactor)
            .sync_queue_size(build.queue)
            .build()
            .expect("a runtime");
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
