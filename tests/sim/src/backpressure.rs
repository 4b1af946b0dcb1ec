//! A writer that nobody reads from.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, join, select};
use seaworthy_core::{Network, Stream, StreamOptions};
use seaworthy_sim::{Backend, Sim, SimNetwork};

use crate::place::{
    PATIENCE, Pair, Transport, on_both_carriers, on_every_network, pattern, read_to_end, read_up_to,
    simulate, write_all,
};

on_every_network! {
    both a_writer_waits_for_its_reader_and_loses_nothing;
    both a_blocked_writer_is_told_when_its_reader_goes_away;
    both what_nobody_reads_stops_nothing_that_goes_the_other_way;
}

/// Writes `bytes` until the stream takes no more for a while. Gives back how many it took. The write that
/// waited is cancelled, so the stream is of no more use for writing.
async fn fill<N: Network>(pair: &Pair<N>, stream: &N::Stream, bytes: &Bytes) -> usize {
    let mut taken = 0;
    while taken < bytes.len() {
        let rest = bytes.slice(taken..);
        match pair.within(PATIENCE, Box::pin(stream.write(vec![rest]))).await {
            Ok((written, _)) => taken += written.unwrap(),
            Err(_) => break,
        }
    }
    taken
}

async fn a_writer_waits_for_its_reader_and_loses_nothing<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let bytes = pattern(20 << 20);
    let writing = async {
        write_all(&near, bytes.clone()).await.unwrap();
        near.shutdown().await.unwrap();
        pair.near.now()
    };
    let reading = async {
        pair.sleep(PATIENCE).await;
        let started = pair.near.now();
        (started, read_to_end(&far).await.unwrap())
    };
    let (written, (started, read)) = join(writing, reading).await;
    assert!(written >= started, "20 MiB went where nobody read them");
    assert!(read == bytes, "what was read is not what was written");
}

async fn a_blocked_writer_is_told_when_its_reader_goes_away<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let writing = async { write_all(&near, pattern(20 << 20)).await };
    let leaving = async {
        pair.sleep(PATIENCE).await;
        drop(far);
    };
    let (outcome, ()) = join(writing, leaving).await;
    assert!(outcome.is_err());
}

async fn what_nobody_reads_stops_nothing_that_goes_the_other_way<N: Network>(pair: Pair<N>) {
    const ROUNDS: usize = 5;
    let (near, far) = pair.connected().await;
    let bytes = pattern(100_000);
    let never_read = Box::pin(async {
        write_all(&near, pattern(20 << 20)).await.unwrap();
        unreachable!("20 MiB went where nobody read them");
    });
    let other_way = Box::pin(async {
        // The window is closed, and probed now and then: an answer must count before and after.
        for _ in 0..ROUNDS {
            pair.sleep(PATIENCE).await;
            let writing = async { write_all(&far, bytes.clone()).await.unwrap() };
            let reading = async { read_up_to(&near, bytes.len()).await.unwrap() };
            let ((), read) = join(writing, reading).await;
            assert!(read == bytes, "what was read is not what was written");
        }
    });
    match select(never_read, other_way).await {
        Either::Left((never, _)) => never,
        Either::Right(((), _)) => {}
    }
}

on_both_carriers! {
    a_writer_never_read_blocks_at_exactly_both_buffers;
}

async fn a_writer_never_read_blocks_at_exactly_both_buffers(pair: Pair<SimNetwork>) {
    // Windows of a million bytes are announced in multiples of 16.
    let cases = [(None, None, 1), (Some(4096), Some(10_000), 1), (Some(300_000), Some(1_000_000), 16)];
    for (sndbuf, rcvbuf, unit) in cases {
        let mut options = StreamOptions::default();
        (options.sndbuf, options.rcvbuf) = (sndbuf, rcvbuf);
        let (near, _far) = pair.connected_with(&options).await;
        let expected = sndbuf.unwrap_or(65_536) + rcvbuf.unwrap_or(65_536);
        let (mut taken, mut before) = (0, usize::MAX);
        let bytes = pattern(4 << 20);
        // The window's last byte is offered by a probe.
        while taken != before {
            before = taken;
            taken += fill_slowly(&pair, &near, &bytes).await;
        }
        assert!(taken <= expected && taken + unit > expected, "{taken} is not {expected}");
    }
}

/// As [`fill`], with the patience of a window probe, and nothing that is cancelled.
async fn fill_slowly(pair: &Pair<SimNetwork>, stream: &seaworthy_sim::SimStream, bytes: &Bytes) -> usize {
    pair.near.control().force_cancel(seaworthy_sim::CancelOutcome::Nothing);
    let taken = fill(pair, stream, bytes).await;
    pair.sleep(Duration::from_secs(10)).await;
    taken
}

#[test]
fn the_buffers_of_a_simulation_are_those_of_streams_that_do_not_say() {
    let taken = Rc::new(RefCell::new(0));
    let result = Rc::clone(&taken);
    let builder = Sim::builder(1).backend(Backend::Warp).buffers(10_000, 20_000);
    simulate(builder, Transport::Tcp, async move |pair: Pair<SimNetwork>| {
        let (near, _far) = pair.connected().await;
        result.replace(fill(&pair, &near, &pattern(1 << 20)).await);
    });
    assert_eq!(*taken.borrow(), 30_000);
}
