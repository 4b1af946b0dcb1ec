//! A bank with one account, and a client that deposits in it.

use std::collections::BTreeSet;
use std::time::Duration;

use seaworthy::{Context, Error, Message, Network, Options, RepSocket, ReqSocket};

/// What the bank makes of a deposit that comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retries {
    /// It counts again.
    Count,
    /// It counts once: deposits have numbers.
    CountOnce,
}

/// Adds up deposits and answers each with the balance, forever.
///
/// # Errors
/// When the endpoint cannot be bound.
pub async fn bank<N: Network>(network: N, endpoint: &str, retries: Retries) -> Result<(), Error> {
    let socket = RepSocket::new(&Context::with_network(network))?;
    socket.bind(endpoint)?;
    let (mut balance, mut seen) = (0_u64, BTreeSet::new());
    loop {
        let request = socket.recv().await?;
        if let (Some(deposit), Some(amount)) = (number(&request, 0), number(&request, 1)) {
            let is_new = seen.insert(deposit);
            if is_new || retries == Retries::Count {
                balance += amount;
                tracing::info!(deposit, amount, balance, "deposited");
            }
        }
        socket.send(balance.to_be_bytes().to_vec()).await?;
    }
}

/// Deposits 1, 2, 3, … up to `last`, and gives back the balance after that. A deposit that is not answered within a
/// second is sent again.
///
/// # Errors
/// When the endpoint is none.
pub async fn deposit<N: Network>(network: N, endpoint: &str, last: u64) -> Result<u64, Error> {
    let options = Options::default()
        .rcvtimeo(Duration::from_secs(1)) // `recv` gives up waiting
        .req_relaxed(true) // and another request may follow one without a reply,
        .req_correlate(true) // whose late reply is not taken for the new one's
        .heartbeat_ivl(Duration::from_secs(1)) // a peer that went silent is found out
        .linger(Duration::ZERO); // do not wait for the peer at the end
    let socket = ReqSocket::with_options(&Context::with_network(network.clone()), options)?;
    socket.connect(endpoint)?;
    let mut balance = 0;
    for amount in 1..=last {
        let request = [amount, amount].map(|number| number.to_be_bytes().to_vec());
        loop {
            socket.send(request.clone()).await?;
            match socket.recv().await {
                Ok(reply) => break balance = number(&reply, 0).unwrap_or(balance),
                Err(Error::WouldBlock) => tracing::info!(amount, "no answer"),
                Err(error) => return Err(error),
            }
        }
        network.sleep_until(network.now() + Duration::from_millis(100)).await;
    }
    Ok(balance)
}

/// The number in a frame.
fn number(message: &Message, frame: usize) -> Option<u64> {
    Some(u64::from_be_bytes(message.frame(frame)?.try_into().ok()?))
}
