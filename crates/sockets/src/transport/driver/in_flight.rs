//! An operation whose future lies on the frame of its task.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// At most one operation.
pub(super) struct InFlight<'p, F>(pub(super) Pin<&'p mut Option<F>>);

impl<F: Future> InFlight<'_, F> {
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    #[inline]
    pub(super) fn start(&mut self, operation: F) {
        debug_assert!(self.is_idle(), "an operation of a stream is never dropped before it completes");
        self.replace(operation);
    }

    /// Drops what is in flight. Only for operations that nothing is lost with.
    #[inline]
    pub(super) fn replace(&mut self, operation: F) {
        self.0.set(Some(operation));
    }

    /// Ready when the operation has completed. Pending while there is none.
    #[inline]
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(operation) = self.0.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = ready!(operation.poll(context));
        self.0.set(None);
        Poll::Ready(output)
    }
}
