//! SIGINT and SIGTERM, as something to wait for.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::task::{Poll, Waker};

use compio::io::AsyncRead;
use signal_hook::consts::{SIGINT, SIGTERM};

/// Both signals. A handler may do next to nothing, so it writes a byte that a task reads.
pub(crate) struct Signals {
    arrived: Rc<Arrived>,
    seen: usize,
}

#[derive(Default)]
struct Arrived {
    count: Cell<usize>,
    waiting: RefCell<Option<Waker>>,
}

impl Signals {
    /// From now on the two signals no longer end the process by themselves.
    pub(crate) fn new() -> io::Result<Self> {
        let (ours, handlers) = UnixStream::pair()?;
        signal_hook::low_level::pipe::register(SIGINT, handlers.try_clone()?)?;
        signal_hook::low_level::pipe::register(SIGTERM, handlers)?;
        let mut stream = compio::net::UnixStream::from_std(ours)?;
        let arrived = Rc::<Arrived>::default();
        let told = Rc::clone(&arrived);
        // The task owns the read, so that nobody's dropped future loses a signal.
        compio::runtime::spawn(async move {
            while let compio::BufResult(Ok(count @ 1..), _) = stream.read([0; 16]).await {
                told.count.set(told.count.get() + count);
                if let Some(task) = told.waiting.take() {
                    task.wake();
                }
            }
        })
        .detach();
        Ok(Self { arrived, seen: 0 })
    }

    /// Waits for the next signal. Cancel-safe.
    pub(crate) async fn next(&mut self) {
        poll_fn(|context| {
            if self.arrived.count.get() > self.seen {
                self.seen += 1;
                return Poll::Ready(());
            }
            self.arrived.waiting.replace(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
