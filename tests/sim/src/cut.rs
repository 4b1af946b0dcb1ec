//! Cuts, holds and black holes.

use std::io::ErrorKind;
use std::time::Duration;

use futures_util::future::join;
use seaworthy_core::{Instant, Network, Stream};
use seaworthy_sim::{Backend, LinkConfig, Sim, SimNetwork};

use crate::place::{Pair, Transport, control, on_both_carriers, read_up_to, simulate, write_all};

on_both_carriers! {
    a_cut_of_two_seconds_under_traffic_loses_nothing;
    a_lone_byte_passes_a_cut_with_the_retransmission_after_it;
    what_is_under_way_when_a_link_is_cut_is_lost;
    an_idle_stream_does_not_notice_a_cut;
    a_one_way_cut_stops_one_way;
    what_is_held_arrives_in_order_when_it_is_released;
    a_black_hole_swallows_until_it_is_healed;
    an_isolated_host_reaches_nobody_until_it_is_reunited;
}

const SECOND: Duration = Duration::from_secs(1);

/// Sends a number every 100 ms and gives back when each arrived.
async fn numbers(pair: &Pair<SimNetwork>, count: u32, meanwhile: impl Future<Output = ()>) -> Vec<Duration> {
    let (near, far) = pair.connected().await;
    let start = pair.near.now();
    let sending = async {
        for number in 0..count {
            pair.near.sleep_until(start + Duration::from_millis(100) * number).await;
            write_all(&near, number.to_be_bytes().to_vec()).await.unwrap();
        }
    };
    let receiving = async {
        let mut arrivals = Vec::new();
        for number in 0..count {
            assert_eq!(read_up_to(&far, 4).await.unwrap()[..], number.to_be_bytes());
            arrivals.push(pair.near.now() - start);
        }
        arrivals
    };
    join(join(sending, meanwhile), receiving).await.1
}

async fn a_cut_of_two_seconds_under_traffic_loses_nothing(pair: Pair<SimNetwork>) {
    let (control, near, far) = control(&pair);
    let cut = async {
        pair.sleep(SECOND + Duration::from_millis(50)).await;
        control.cut_both(near, far);
        pair.sleep(2 * SECOND).await;
        control.heal_both(near, far);
    };
    let arrivals = numbers(&pair, 50, cut).await;
    assert!(arrivals[10] < Duration::from_millis(1_005));
    // Healed at 3.05 s; numbers sent at 3.1, 3.2 and 3.3 s tell the sender what is missing.
    let resumed = Duration::from_millis(3_300)..Duration::from_millis(3_320);
    assert!(resumed.contains(&arrivals[11]), "{:?}", arrivals[11]);
    assert!(arrivals[49] < Duration::from_millis(4_950), "{:?}", arrivals[49]);
}

async fn a_lone_byte_passes_a_cut_with_the_retransmission_after_it(pair: Pair<SimNetwork>) {
    let (control, near_id, far_id) = control(&pair);
    let (near, far) = pair.connected().await;
    control.cut_both(near_id, far_id);
    let before = pair.near.now();
    write_all(&near, "!").await.unwrap();
    let Err(reading) = pair.within(2 * SECOND, Box::pin(read_up_to(&far, 1))).await else { panic!("cut") };
    control.heal_both(near_id, far_id);
    assert_eq!(reading.await.unwrap(), "!");
    // Sent at once, again after 1 s, and again after 2 more.
    let took = pair.near.now() - before;
    assert!((3 * SECOND..3 * SECOND + Duration::from_millis(10)).contains(&took), "{took:?}");
}

async fn what_is_under_way_when_a_link_is_cut_is_lost(pair: Pair<SimNetwork>) {
    let (control, near_id, far_id) = control(&pair);
    let (near, far) = pair.connected().await;
    control.set_link(near_id, far_id, LinkConfig::with_latency(SECOND / 2));
    let before = pair.near.now();
    write_all(&near, "!").await.unwrap();
    pair.sleep(SECOND / 4).await;
    control.cut(near_id, far_id);
    pair.sleep(SECOND / 2).await;
    control.heal(near_id, far_id);
    assert_eq!(read_up_to(&far, 1).await.unwrap(), "!");
    // The retransmission after a second, and its way.
    assert!((pair.near.now() - before).abs_diff(SECOND * 3 / 2) < Duration::from_millis(10));
}

async fn an_idle_stream_does_not_notice_a_cut(pair: Pair<SimNetwork>) {
    let (control, near_id, far_id) = control(&pair);
    let (near, far) = pair.connected().await;
    pair.sleep(SECOND).await;
    control.cut_both(near_id, far_id);
    pair.sleep(60 * SECOND).await;
    control.heal_all();
    let before = pair.near.now();
    write_all(&near, "hello").await.unwrap();
    assert_eq!(read_up_to(&far, 5).await.unwrap(), "hello");
    assert!(pair.near.now() - before < Duration::from_millis(10));
}

async fn a_one_way_cut_stops_one_way(pair: Pair<SimNetwork>) {
    let (control, near_id, far_id) = control(&pair);
    let (near, far) = pair.connected().await;
    control.cut(near_id, far_id);
    write_all(&far, "there").await.unwrap();
    assert_eq!(read_up_to(&near, 5).await.unwrap(), "there");
    write_all(&near, "back").await.unwrap();
    let reading = Box::pin(read_up_to(&far, 4));
    let Err(reading) = pair.within(5 * SECOND, reading).await else { panic!("it passed the cut") };
    control.heal(near_id, far_id);
    assert_eq!(reading.await.unwrap(), "back");
}

async fn what_is_held_arrives_in_order_when_it_is_released(pair: Pair<SimNetwork>) {
    let (control, near, far) = control(&pair);
    let hold = async {
        pair.sleep(Duration::from_millis(450)).await;
        control.hold(near, far);
        pair.sleep(Duration::from_millis(500)).await;
        control.release(near, far);
    };
    let arrivals = numbers(&pair, 20, hold).await;
    assert!(arrivals[4] < Duration::from_millis(410));
    let released = Duration::from_millis(948)..Duration::from_millis(955);
    assert!(arrivals[5..9].iter().all(|at| released.contains(at)), "{arrivals:?}");
}

async fn a_black_hole_swallows_until_it_is_healed(pair: Pair<SimNetwork>) {
    let (control, near, far) = control(&pair);
    let hole = async {
        pair.sleep(Duration::from_millis(450)).await;
        control.black_hole(near, far);
        pair.sleep(2 * SECOND).await;
        control.heal(near, far);
    };
    let arrivals = numbers(&pair, 20, hole).await;
    assert!(arrivals[5] > Duration::from_millis(2_450), "{arrivals:?}");
}

async fn an_isolated_host_reaches_nobody_until_it_is_reunited(pair: Pair<SimNetwork>) {
    let (control, near, _) = control(&pair);
    let cut = async {
        control.isolate(near);
        pair.sleep(2 * SECOND).await;
        control.reunite(near);
    };
    let arrivals = numbers(&pair, 3, cut).await;
    assert!(arrivals[0] > 2 * SECOND);
}

#[test]
fn a_peer_that_stays_away_is_given_up_after_the_user_timeout() {
    for backend in [Backend::Warp, Backend::Turmoil] {
        let builder = Sim::builder(1).backend(backend).user_timeout(20 * SECOND);
        simulate(builder, Transport::Tcp, async |pair: Pair<SimNetwork>| {
            let (control, near_id, far_id) = control(&pair);
            let (near, far) = pair.connected().await;
            control.cut_both(near_id, far_id);
            let before: Instant = pair.near.now();
            write_all(&near, "anyone?").await.unwrap();
            let error = read_up_to(&near, 1).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert_eq!((pair.near.now() - before).as_secs(), 20);
            // The other side has nothing to send and knows nothing.
            let reading = Box::pin(read_up_to(&far, 1));
            assert!(pair.within(60 * SECOND, reading).await.is_err());
            drop(far.shutdown().await);
        });
    }
}
