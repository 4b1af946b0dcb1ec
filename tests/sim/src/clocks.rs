//! Clocks of hosts that are wrong.

use std::time::Duration;

use seaworthy_core::Network;
use seaworthy_sim::{ClockSkew, SimNetwork};

use crate::place::{Pair, control, on_both_carriers};

on_both_carriers! {
    a_fast_clock_shows_more_and_sleeps_less;
    a_slow_clock_shows_less_and_sleeps_more;
    a_jump_wakes_who_has_slept_long_enough_by_the_clock;
}

const SECOND: Duration = Duration::from_secs(1);

fn about(time: Duration, expected: Duration) -> bool {
    time.abs_diff(expected) <= Duration::from_millis(3)
}

async fn a_fast_clock_shows_more_and_sleeps_less(pair: Pair<SimNetwork>) {
    let (control, near, _) = control(&pair);
    control.set_clock(near, ClockSkew { drift_ppm: 1_000_000, ..ClockSkew::default() });
    let (local, real) = (pair.near.now(), control.now());
    pair.near.sleep_until(local + 10 * SECOND).await;
    assert!(about(pair.near.now() - local, 10 * SECOND));
    assert!(about(control.now() - real, 5 * SECOND));
}

async fn a_slow_clock_shows_less_and_sleeps_more(pair: Pair<SimNetwork>) {
    let (control, near, _) = control(&pair);
    control.set_clock(near, ClockSkew { drift_ppm: -500_000, ..ClockSkew::default() });
    let (local, real) = (pair.near.now(), control.now());
    pair.near.sleep_until(local + 10 * SECOND).await;
    assert!(about(control.now() - real, 20 * SECOND));
    // The other host's is right.
    assert!(about(pair.far.now() - real, 20 * SECOND));
}

async fn a_jump_wakes_who_has_slept_long_enough_by_the_clock(pair: Pair<SimNetwork>) {
    let (control, near, _) = control(&pair);
    let real = control.now();
    let far = pair.far.clone();
    let jump = control.clone();
    pair.far.spawn("jump", async move {
        far.sleep_until(far.now() + SECOND).await;
        jump.set_clock(near, ClockSkew { jump: 3600 * SECOND, drift_ppm: 0 });
    });
    pair.near.sleep_until(pair.near.now() + 3000 * SECOND).await;
    assert!(about(control.now() - real, SECOND));
}
