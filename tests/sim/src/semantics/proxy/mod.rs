//! What a proxy promises: whole messages both ways, order, back-pressure, fairness, steering, and that nothing ends it.

mod cancellation;
mod capture;
mod combinations;
mod control;
mod fairness;
mod holding_back;
mod peers;
mod terminating;

use std::future::Future;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, join};
use seaworthy::Proxy;
use seaworthy::proxy::{Forwards, Statistics};
use seaworthy_sim::SimNetwork;

use super::fixture::Outcome;

/// Runs a proxy for as long as a script takes, and gives what it did.
pub(crate) async fn beside<F: Forwards, B: Forwards>(
    proxy: &mut Proxy<'_, F, B, SimNetwork>,
    script: impl Future<Output = Outcome>,
) -> Result<Statistics, Box<dyn std::error::Error>> {
    let handle = proxy.handle();
    let script = async {
        let outcome = script.await;
        handle.kill();
        outcome
    };
    // Polled only when something woke it, and not whenever the script goes on: a lost wake-up shows.
    let mut running: FuturesUnordered<_> = std::iter::once(proxy.run()).collect();
    let (ended, outcome) = join!(running.next(), script);
    outcome?;
    Ok(ended.expect("it was started")?)
}
