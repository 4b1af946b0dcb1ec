//! Links that are slow, lossy, or worse.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join;
use seaworthy_core::{Instant, Network, Stream};
use seaworthy_sim::{DropReason, Event, Latency, LinkConfig, SimNetwork};

use crate::place::{Pair, control, on_both_carriers, pattern, read_to_end, read_up_to, write_all};

on_both_carriers! {
    a_byte_takes_the_latency_of_its_direction;
    bandwidth_bounds_what_passes;
    loss_delays_and_loses_nothing;
    duplicates_arrive_once;
    reordering_keeps_the_order_of_bytes;
    corrupt_packets_are_dropped;
    everything_at_once_loses_nothing;
}

const MS: Duration = Duration::from_millis(1);

async fn a_byte_takes_the_latency_of_its_direction(pair: Pair<SimNetwork>) {
    let (control, near_id, far_id) = control(&pair);
    let (near, far) = pair.connected().await;
    control.set_link(near_id, far_id, LinkConfig::with_latency(20 * MS));
    control.set_link(far_id, near_id, LinkConfig::with_latency(70 * MS));
    for (from, to, latency) in [(&near, &far, 20 * MS), (&far, &near, 70 * MS)] {
        let before = pair.near.now();
        write_all(from, "x").await.unwrap();
        read_up_to(to, 1).await.unwrap();
        let took = pair.near.now() - before;
        assert!(took >= latency && took <= latency + 2 * MS, "{took:?} for {latency:?}");
    }
}

/// Sends 300 kB over a link like this, checks them, and says how long it took and what happened to packets.
async fn transfer(pair: &Pair<SimNetwork>, config: LinkConfig) -> (Duration, Happened) {
    let (control, near_id, far_id) = control(pair);
    control.set_links(near_id, far_id, config);
    let happened = Rc::new(RefCell::new(Happened::default()));
    let seen = Rc::clone(&happened);
    control.tap(move |_: Instant, event: &Event<'_>| {
        let mut seen = seen.borrow_mut();
        match event {
            Event::PacketDropped { reason: DropReason::Loss, .. } => seen.lost += 1,
            Event::PacketDuplicated { .. } => seen.duplicated += 1,
            Event::PacketReordered { .. } => seen.reordered += 1,
            Event::PacketCorrupted { .. } => seen.corrupted += 1,
            _ => {}
        }
    });
    let (near, far) = pair.connected().await;
    let bytes = pattern(300_000);
    let before = pair.near.now();
    let writing = async {
        write_all(&near, bytes.clone()).await.unwrap();
        near.shutdown().await.unwrap();
    };
    let ((), read) = join(writing, read_to_end(&far)).await;
    assert!(read.unwrap() == bytes);
    let took = pair.near.now() - before;
    let happened = *happened.borrow();
    (took, happened)
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Happened {
    lost: u32,
    duplicated: u32,
    reordered: u32,
    corrupted: u32,
}

async fn bandwidth_bounds_what_passes(pair: Pair<SimNetwork>) {
    let (took, _) = transfer(&pair, LinkConfig { bandwidth: Some(100_000), ..LinkConfig::default() }).await;
    // 300 kB and the headers of some 206 packets.
    assert!((3_000 * MS..3_200 * MS).contains(&took), "{took:?}");
}

async fn loss_delays_and_loses_nothing(pair: Pair<SimNetwork>) {
    let (_, happened) = transfer(&pair, LinkConfig { loss: 0.05, ..LinkConfig::default() }).await;
    assert!(happened.lost > 3, "{happened:?}");
}

async fn duplicates_arrive_once(pair: Pair<SimNetwork>) {
    let (_, happened) = transfer(&pair, LinkConfig { duplicate: 0.3, ..LinkConfig::default() }).await;
    assert!(happened.duplicated > 30, "{happened:?}");
}

async fn reordering_keeps_the_order_of_bytes(pair: Pair<SimNetwork>) {
    let (_, happened) = transfer(&pair, LinkConfig { reorder: 0.3, ..LinkConfig::default() }).await;
    assert!(happened.reordered > 30, "{happened:?}");
}

async fn corrupt_packets_are_dropped(pair: Pair<SimNetwork>) {
    let (_, happened) = transfer(&pair, LinkConfig { corrupt: 0.05, ..LinkConfig::default() }).await;
    assert!(happened.corrupted > 3, "{happened:?}");
}

async fn everything_at_once_loses_nothing(pair: Pair<SimNetwork>) {
    let config = LinkConfig {
        latency: Latency::Exponential { min: MS, mean: 5 * MS, max: 80 * MS },
        jitter: 3 * MS,
        bandwidth: Some(1_000_000),
        loss: 0.02,
        duplicate: 0.02,
        reorder: 0.05,
        reorder_delay: 8 * MS,
        corrupt: 0.02,
    };
    let (_, happened) = transfer(&pair, config).await;
    assert!(happened.lost > 0 && happened.corrupted > 0, "{happened:?}");
}
