//! Sockets that meet under a name of their context (libzmq's test_inproc_connect, test_pair_inproc, test_hwm,
//! test_reqrep_inproc, test_sub_forward, and what it leaves open).

mod marks;
mod meeting;
mod names;
mod partings;
mod routing_ids;
mod subscriptions;

use super::fixture::sockets::Push;

const NAME: &str = "inproc://name";

/// Sends until that would block, and gives how many messages that were.
fn fill(push: &Push) -> usize {
    (0..).take_while(|number: &usize| push.try_send(number.to_string()).is_ok()).count()
}
