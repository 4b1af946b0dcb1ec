//! Readers that are slower than they know.

use std::time::Duration;

use futures_util::future::join;
use seaworthy_core::Network;
use seaworthy_sim::{ReadRate, Readers, SimNetwork};

use crate::place::{Pair, Transport, control, on_both_carriers, pattern, read_up_to, write_all};

on_both_carriers! {
    a_slow_reader_takes_as_many_bytes_a_second_as_it_may;
    a_slow_ipc_reader_is_slow_too;
    a_stalled_reader_reads_nothing_until_it_may;
    one_stream_can_be_slow_alone;
}

const SECOND: Duration = Duration::from_secs(1);

async fn takes(pair: &Pair<SimNetwork>, rate: ReadRate, bytes: usize) -> Duration {
    let (near, far) = pair.connected().await;
    let (control, near_id, far_id) = control(pair);
    let reader = if pair.transport == Transport::Ipc { near_id } else { far_id };
    control.set_read_rate(Readers::Host(reader), rate);
    let before = pair.near.now();
    let (written, read) = join(write_all(&near, pattern(bytes)), read_up_to(&far, bytes)).await;
    written.unwrap();
    assert_eq!(read.unwrap().len(), bytes);
    pair.near.now() - before
}

async fn a_slow_reader_takes_as_many_bytes_a_second_as_it_may(pair: Pair<SimNetwork>) {
    for (rate, bytes) in [(10_000, 50_000), (100, 500), (1_000_000, 4_000_000)] {
        let took = takes(&pair, ReadRate::BytesPerSecond(rate), bytes).await;
        let expected = Duration::from_millis(bytes as u64 * 1000 / rate);
        assert!(took.abs_diff(expected) < expected / 8 + SECOND / 10, "{took:?} at {rate}");
    }
}

async fn a_slow_ipc_reader_is_slow_too(mut pair: Pair<SimNetwork>) {
    pair.transport = Transport::Ipc;
    let took = takes(&pair, ReadRate::BytesPerSecond(10_000), 50_000).await;
    assert!(took.abs_diff(5 * SECOND) < SECOND / 2, "{took:?}");
}

async fn a_stalled_reader_reads_nothing_until_it_may(pair: Pair<SimNetwork>) {
    let (near, far) = pair.connected().await;
    let (control, _, far_id) = control(&pair);
    control.set_read_rate(Readers::Host(far_id), ReadRate::Stalled);
    write_all(&near, "wait for it").await.unwrap();
    let reading = Box::pin(read_up_to(&far, 11));
    let Err(reading) = pair.within(60 * SECOND, reading).await else { panic!("it read") };
    control.set_read_rate(Readers::Host(far_id), ReadRate::Unlimited);
    let before = pair.near.now();
    assert_eq!(reading.await.unwrap(), "wait for it");
    assert!(pair.near.now() - before <= Duration::from_millis(1));
}

async fn one_stream_can_be_slow_alone(pair: Pair<SimNetwork>) {
    let (near, slow) = pair.connected().await;
    let (other, fast) = pair.connected().await;
    let (control, ..) = control(&pair);
    control.set_read_rate(Readers::Stream(slow.id()), ReadRate::Stalled);
    write_all(&near, "slow").await.unwrap();
    write_all(&other, "fast").await.unwrap();
    assert_eq!(read_up_to(&fast, 4).await.unwrap(), "fast");
    assert!(pair.within(60 * SECOND, Box::pin(read_up_to(&slow, 4))).await.is_err());
}
