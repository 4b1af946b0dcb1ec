//! What shipped scenarios mean, frame by frame and event by event, shortened to a few messages. A faster driver changes
//! none of these; another frame, another order or another outcome does.

use seaworthy_sim::Backend;
use seaworthy_sim::trace::semantic;

use crate::shipped::{run_once, scenario, shortened};

fn lanes(name: &str, messages: u64) -> String {
    let scenario = shortened(scenario(name), messages);
    let outcome = run_once(&scenario, scenario.seed, Backend::Warp);
    assert_eq!(outcome.reasons(), [""; 0]);
    semantic::render(&outcome.trace)
}

#[test]
fn push_partition() {
    insta::assert_snapshot!(lanes("push-partition", 9));
}

#[test]
fn req_rep_flapping() {
    insta::assert_snapshot!(lanes("req-rep-flapping", 4));
}

#[test]
fn ghost_dealer_handover() {
    insta::assert_snapshot!(lanes("ghost-dealer-handover", 6));
}

#[test]
fn resubscribe_after_restart() {
    insta::assert_snapshot!(lanes("resubscribe-after-restart", 12));
}

#[test]
fn half_open_heartbeat() {
    insta::assert_snapshot!(lanes("half-open-heartbeat", 3));
}

#[test]
fn lossy_multipart() {
    insta::assert_snapshot!(lanes("lossy-multipart", 4));
}

#[test]
fn lazy_pirate() {
    insta::assert_snapshot!(lanes("lazy-pirate", 6));
}
