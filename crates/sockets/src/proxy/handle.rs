//! What a proxy shares with its handles.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use seaworthy_core::Doorbell;

use super::statistics::Statistics;

/// What a proxy was told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Forward.
    Run,
    /// Forward nothing, and wait.
    Pause,
    /// Send what is in hand as far as there is room, and end.
    Terminate,
    /// End.
    Kill,
}

/// Steers a proxy from another task, or another thread. Clones steer the same proxy.
///
/// Nothing here waits: the proxy's task carries out an order when it runs next.
///
/// ```
/// use seaworthy::proxy::ProxyHandle;
/// fn is_send<T: Send + Sync + Clone>() {}
/// is_send::<ProxyHandle>();
/// ```
#[derive(Clone, Debug)]
pub struct ProxyHandle(pub(super) Arc<Shared>);

impl ProxyHandle {
    /// Stops forwarding. Nothing is lost: messages stay in the pipes, and peers are held back once these are full. The
    /// proxy's `run` goes on.
    pub fn pause(&self) {
        self.0.give_order(Order::Pause);
    }

    /// Forwards again.
    pub fn resume(&self) {
        self.0.give_order(Order::Run);
    }

    /// Ends the proxy's `run` promptly, also while it is paused. It receives nothing more and sends the messages in hand
    /// as far as there is room for them now. The others go back to the socket they came from, which hands them out
    /// again first, and [`Statistics`] do not count them as received. To wait for room instead, let the proxy run until
    /// nothing moves any more, and terminate it then.
    pub fn terminate(&self) {
        self.0.give_order(Order::Terminate);
    }

    /// Ends the proxy's `run` at once and sends nothing more. Messages in hand go back to the socket they came from.
    pub fn kill(&self) {
        self.0.give_order(Order::Kill);
    }

    /// What the proxy had done when its task last gave way.
    pub fn statistics(&self) -> Statistics {
        self.0.statistics()
    }
}

/// What a proxy and its handles share.
#[derive(Debug)]
pub(super) struct Shared(Mutex<State>);

#[derive(Debug)]
struct State {
    order: Order,
    statistics: Statistics,
    /// The proxy's task.
    task: Option<Waker>,
    /// How other threads wake it.
    doorbell: Option<Arc<Doorbell>>,
}

impl Shared {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State {
            order: Order::Run,
            statistics: Statistics::default(),
            task: None,
            doorbell: None,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what the proxy is to do. TERMINATE and KILL cannot be taken back. Returns the reply for a control socket of
    /// type REP.
    pub(super) fn give_order(&self, order: Order) -> &'static str {
        let mut state = self.lock();
        let ending = matches!(state.order, Order::Terminate | Order::Kill);
        if !ending || order == Order::Kill {
            state.order = order;
        }
        let task = state.task.take();
        let doorbell = state.doorbell.clone();
        drop(state);
        match (task, doorbell) {
            (Some(task), Some(doorbell)) => doorbell.wake(task),
            (Some(task), None) => task.wake(),
            (None, _) => {}
        }
        ""
    }

    pub(super) fn order(&self) -> Order {
        self.lock().order
    }

    /// The proxy's task is about to run where this is the doorbell.
    pub(super) fn set_doorbell(&self, doorbell: Option<Arc<Doorbell>>) {
        self.lock().doorbell = doorbell;
    }

    /// Wakes the proxy's task at the next order.
    pub(super) fn watch(&self, task: &Waker) {
        let mut state = self.lock();
        match &mut state.task {
            Some(known) => known.clone_from(task),
            none => *none = Some(task.clone()),
        }
    }

    pub(super) fn forget_task(&self) {
        self.lock().task = None;
    }

    /// The order to end was carried out, and the proxy can be run again.
    pub(super) fn reset(&self) {
        self.lock().order = Order::Run;
    }

    pub(super) fn publish(&self, statistics: &Statistics) {
        self.lock().statistics = *statistics;
    }

    pub(super) fn statistics(&self) -> Statistics {
        self.lock().statistics
    }
}
