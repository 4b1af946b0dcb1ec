//! Items that nobody takes are dropped once, whichever end goes last.

use loom::sync::Arc;
use loom::thread;
use seaworthy_core::pipe::{HighWaterMarks, Weigh, pipe};

use crate::waiting::model;

/// loom's `Arc` reports a leak, and a double drop, by itself.
struct Tracked(#[allow(dead_code, reason = "held for its drop")] Arc<()>);

impl Weigh for Tracked {
    fn weight(&self) -> usize {
        1
    }
}

#[test]
fn untaken_items_are_dropped_once() {
    model(|| {
        let token = Arc::new(());
        let (mut near, mut far) = pipe(HighWaterMarks::default(), HighWaterMarks::default());
        let items: Vec<Tracked> = (0..3).map(|_| Tracked(Arc::clone(&token))).collect();
        let writer = thread::spawn(move || {
            for item in items {
                let _ = near.tx.send(item);
            }
        });
        drop(far.rx.take());
        drop(far);
        writer.join().unwrap();
        drop(token);
    });
}
