//! Sleeping.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::{Instant, Network};
use seaworthy_sim::SimNetwork;

use crate::place::{Pair, on_both_carriers, on_every_network, poll_once};

on_every_network! {
    tcp a_sleep_never_ends_early;
    tcp a_deadline_that_has_passed_is_no_sleep_at_all;
    tcp sleepers_wake_in_the_order_of_their_deadlines;
    tcp a_dropped_sleep_disturbs_nobody;
}

async fn a_sleep_never_ends_early<N: Network>(pair: Pair<N>) {
    for micros in [1, 999, 1_000, 1_001, 20_000] {
        let deadline = pair.near.now() + Duration::from_micros(micros);
        pair.near.sleep_until(deadline).await;
        assert!(pair.near.now() >= deadline);
    }
}

async fn a_deadline_that_has_passed_is_no_sleep_at_all<N: Network>(pair: Pair<N>) {
    assert!(poll_once(&mut Box::pin(pair.near.sleep_until(Instant::ZERO))).is_some());
    assert!(poll_once(&mut Box::pin(pair.near.sleep_until(pair.near.now()))).is_some());
}

async fn sleepers_wake_in_the_order_of_their_deadlines<N: Network>(pair: Pair<N>) {
    let woken = Rc::new(RefCell::new(Vec::new()));
    let start = pair.near.now() + Duration::from_millis(20);
    for place in [3_u32, 1, 4, 0, 2] {
        let (woken, net) = (Rc::clone(&woken), pair.near.clone());
        pair.near.spawn("sleeper", async move {
            net.sleep_until(start + Duration::from_millis(5) * place).await;
            woken.borrow_mut().push(place);
        });
    }
    pair.near.sleep_until(start + Duration::from_millis(100)).await;
    assert_eq!(*woken.borrow(), [0, 1, 2, 3, 4]);
}

async fn a_dropped_sleep_disturbs_nobody<N: Network>(pair: Pair<N>) {
    let mut sleep = Box::pin(pair.near.sleep_until(pair.near.now() + Duration::from_millis(1)));
    assert!(poll_once(&mut sleep).is_none());
    drop(sleep);
    let deadline = pair.near.now() + Duration::from_millis(10);
    pair.near.sleep_until(deadline).await;
    assert!(pair.near.now() >= deadline);
}

on_both_carriers! {
    a_sleep_ends_within_a_tick_of_its_deadline;
}

async fn a_sleep_ends_within_a_tick_of_its_deadline(pair: Pair<SimNetwork>) {
    let deadline = pair.near.now() + Duration::from_micros(123_456);
    pair.near.sleep_until(deadline).await;
    assert!(pair.near.now() - deadline <= Duration::from_millis(1));
}
