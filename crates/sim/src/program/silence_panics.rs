//! Panics that are expected and have been told of: those of runs that repeat a failure.

use std::cell::Cell;
use std::panic::{set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static HUSHED: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, panics of this thread are not printed.
pub(super) struct SilencePanics;

impl SilencePanics {
    pub(super) fn new() -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let print = take_hook();
            set_hook(Box::new(move |panic| {
                if !HUSHED.get() {
                    print(panic);
                }
            }));
        });
        HUSHED.set(true);
        Self
    }
}

impl Drop for SilencePanics {
    fn drop(&mut self) {
        HUSHED.set(false);
    }
}
