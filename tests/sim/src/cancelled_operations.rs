//! Reads and writes whose future is dropped while they are in flight: nothing happened, a prefix happened, or
//! all of it did.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use seaworthy_core::{Instant, Network, Stream};
use seaworthy_sim::{CancelOutcome, Event, Operation, Sim, SimNetwork};

use crate::place::{
    PATIENCE, Pair, Transport, control, on_both_carriers, on_every_network, pattern, poll_once, read_to_end,
    read_up_to, simulate, write_all,
};

on_every_network! {
    both a_dropped_write_has_sent_a_prefix_of_its_bytes;
    both a_dropped_read_loses_no_more_than_it_asked_for;
}

async fn a_dropped_write_has_sent_a_prefix_of_its_bytes<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let bytes = pattern(32 << 20);
    let mut taken = 0;
    loop {
        let rest = bytes.slice(taken..);
        // The write that waits is dropped.
        match pair.within(PATIENCE, Box::pin(near.write(vec![rest]))).await {
            Ok((written, _)) => taken += written.unwrap(),
            Err(_) => break,
        }
    }
    drop(near);
    let read = read_to_end(&far).await.unwrap();
    assert!(read.len() >= taken && bytes.starts_with(&read), "{} of {taken}", read.len());
}

async fn a_dropped_read_loses_no_more_than_it_asked_for<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let mut read = Box::pin(far.read(BytesMut::with_capacity(10)));
    assert!(poll_once(&mut read).is_none());
    drop(read);
    let bytes = pattern(1000);
    write_all(&near, bytes.clone()).await.unwrap();
    near.shutdown().await.unwrap();
    let rest = read_to_end(&far).await.unwrap();
    assert!(rest.len() >= 990 && bytes.ends_with(&rest), "{}", rest.len());
}

on_both_carriers! {
    a_dropped_read_that_did_nothing_leaves_every_byte;
    a_dropped_read_that_did_all_takes_what_has_come;
    a_dropped_read_that_did_all_takes_what_comes_first;
    a_dropped_write_that_did_nothing_sends_nothing;
    a_dropped_write_that_did_all_sends_all_when_there_is_room;
    a_dropped_write_that_did_a_prefix_sends_some_but_not_all;
    an_operation_that_was_never_polled_did_nothing;
}

const SECOND: Duration = Duration::from_secs(1);

async fn a_dropped_read_that_did_nothing_leaves_every_byte(pair: Pair<SimNetwork>) {
    let (control, ..) = control(&pair);
    control.force_cancel(CancelOutcome::Nothing);
    assert_eq!(after_a_dropped_read(&pair).await, "0123456789");
}

async fn a_dropped_read_that_did_all_takes_what_has_come(pair: Pair<SimNetwork>) {
    let (control, ..) = control(&pair);
    control.force_cancel(CancelOutcome::All);
    assert_eq!(after_a_dropped_read(&pair).await, "456789");
}

/// Reads what is left of ten bytes after a read of four was dropped, with the bytes there.
async fn after_a_dropped_read(pair: &Pair<SimNetwork>) -> BytesMut {
    let (near, far) = pair.connected().await;
    let mut read = Box::pin(far.read(BytesMut::with_capacity(4)));
    assert!(poll_once(&mut read).is_none());
    write_all(&near, "0123456789").await.unwrap();
    near.shutdown().await.unwrap();
    pair.sleep(SECOND).await;
    drop(read);
    read_to_end(&far).await.unwrap()
}

async fn a_dropped_read_that_did_all_takes_what_comes_first(pair: Pair<SimNetwork>) {
    let (control, ..) = control(&pair);
    control.force_cancel(CancelOutcome::All);
    let (near, far) = pair.connected().await;
    let mut read = Box::pin(far.read(BytesMut::with_capacity(4)));
    assert!(poll_once(&mut read).is_none());
    drop(read);
    write_all(&near, "0123456789").await.unwrap();
    near.shutdown().await.unwrap();
    assert_eq!(read_to_end(&far).await.unwrap(), "456789");
}

/// Everything that arrives after a write of 1000 bytes behind a full buffer was dropped.
async fn after_a_dropped_write(pair: &Pair<SimNetwork>) -> usize {
    let (near, far) = pair.connected().await;
    // Both buffers.
    write_all(&near, pattern(128 << 10)).await.unwrap();
    pair.sleep(20 * SECOND).await;
    let mut write = Box::pin(near.write(vec![pattern(500), pattern(500)]));
    assert!(poll_once(&mut write).is_none());
    drop(write);
    drop(near);
    read_to_end(&far).await.unwrap().len() - (128 << 10)
}

async fn a_dropped_write_that_did_nothing_sends_nothing(pair: Pair<SimNetwork>) {
    let (control, ..) = control(&pair);
    control.force_cancel(CancelOutcome::Nothing);
    assert_eq!(after_a_dropped_write(&pair).await, 0);
}

async fn a_dropped_write_that_did_all_sends_all_when_there_is_room(pair: Pair<SimNetwork>) {
    let (control, ..) = control(&pair);
    control.force_cancel(CancelOutcome::All);
    assert_eq!(after_a_dropped_write(&pair).await, 1000);
}

async fn a_dropped_write_that_did_a_prefix_sends_some_but_not_all(pair: Pair<SimNetwork>) {
    let (control, ..) = control(&pair);
    control.force_cancel(CancelOutcome::Prefix);
    let mut lengths = BTreeSet::new();
    for _ in 0..10 {
        let sent = after_a_dropped_write(&pair).await;
        assert!((1..1000).contains(&sent), "{sent}");
        lengths.insert(sent);
    }
    assert!(lengths.len() > 5);
}

async fn an_operation_that_was_never_polled_did_nothing(pair: Pair<SimNetwork>) {
    let (control, ..) = control(&pair);
    control.force_cancel(CancelOutcome::All);
    let (near, far) = pair.connected().await;
    drop(near.write(vec!["never".into()]));
    drop(far.read(BytesMut::with_capacity(4)));
    write_all(&near, "always").await.unwrap();
    assert_eq!(read_up_to(&far, 6).await.unwrap(), "always");
}

#[test]
fn with_a_yield_every_operation_can_be_dropped_and_outcomes_follow_their_weights() {
    let outcomes = Rc::new(RefCell::new(Vec::new()));
    let sim = Sim::builder(1).yield_chance(1.0).build();
    let seen = Rc::clone(&outcomes);
    sim.tap(move |_: Instant, event: &Event<'_>| {
        if let Event::Cancelled { operation: Operation::Write, outcome, bytes, .. } = event {
            seen.borrow_mut().push((*outcome, *bytes));
        }
    });
    sim.host("a", |net| async move {
        let listener = net.listen(&"tcp://*:1".parse()?, &Default::default())?;
        let stream = net.connect(&"tcp://a:1".parse()?, &Default::default()).await?;
        let sink = seaworthy_core::Listener::accept(&listener).await?;
        net.spawn("sink", async move {
            let _ = read_to_end(&sink).await;
        });
        for _ in 0..1000 {
            let mut write = Box::pin(stream.write(vec![pattern(100)]));
            assert!(poll_once(&mut write).is_none(), "the buffer is empty, and yet it waits");
            drop(write);
            net.sleep_until(net.now() + Duration::from_millis(1)).await;
        }
        Ok(())
    });
    assert_eq!(sim.run_until_finished(Instant::ZERO + Duration::from_secs(100)), Ok(true));
    let outcomes = outcomes.borrow();
    let count = |wanted| outcomes.iter().filter(|(outcome, _)| *outcome == wanted).count();
    assert_eq!(outcomes.len(), 1000);
    assert!((350..450).contains(&count(CancelOutcome::Nothing)));
    assert!((250..350).contains(&count(CancelOutcome::Prefix)));
    assert!((250..350).contains(&count(CancelOutcome::All)));
    assert!(outcomes.iter().all(|(outcome, bytes)| match outcome {
        CancelOutcome::Nothing => *bytes == 0,
        CancelOutcome::Prefix => (1..100).contains(bytes),
        CancelOutcome::All => *bytes == 100,
    }));
}

#[test]
fn what_is_written_is_read_or_discarded_in_order_whatever_is_cancelled() {
    for transport in [Transport::Tcp, Transport::Ipc] {
        let written = Rc::new(RefCell::new(Vec::new()));
        let arrived = Rc::new(RefCell::new(Vec::new()));
        let builder = Sim::builder(3).yield_chance(0.5);
        let (wrote, came) = (Rc::clone(&written), Rc::clone(&arrived));
        simulate(builder, transport, async move |pair: Pair<SimNetwork>| {
            let (near, far) = pair.connected().await;
            pair.near.control().tap(move |_: Instant, event: &Event<'_>| match event {
                Event::Written { bytes, .. } => wrote.borrow_mut().extend_from_slice(bytes),
                Event::Read { bytes, .. } | Event::Discarded { bytes, .. } => {
                    came.borrow_mut().extend_from_slice(bytes);
                }
                _ => {}
            });
            for round in 0..200 {
                let _ = pair
                    .within(Duration::from_micros(100), Box::pin(near.write(vec![pattern(round * 7)])))
                    .await;
                let read = far.read(BytesMut::with_capacity(round * 5 + 1));
                let _ = pair.within(Duration::from_millis(1), Box::pin(read)).await;
            }
            near.shutdown().await.unwrap();
            let _ = read_to_end(&far).await;
        });
        assert!(written.borrow().len() > 50_000, "{}", written.borrow().len());
        assert!(*written.borrow() == *arrived.borrow());
    }
}
