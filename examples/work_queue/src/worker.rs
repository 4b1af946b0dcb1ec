//! A worker: asks for a job, does it, says what came out.

use std::time::Duration;

use seaworthy::{Context, DealerSocket, Error, Frame, Network};

use crate::message::Word;
use crate::{PATIENCE, options};

/// When a worker tells the broker that a job is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledge {
    /// When it is done.
    WhenDone,
    /// When it is taken, so that the next one is under way meanwhile. That is faster, and it is the bug: when the worker
    /// dies now, the job was reported and will never be done.
    WhenTaken,
}

/// Works for the broker at an endpoint, for ever, under a name that it keeps when it is started anew.
///
/// # Errors
/// When the endpoint is none.
pub async fn worker<N: Network>(
    network: N,
    name: &str,
    endpoint: &str,
    acknowledge: Acknowledge,
) -> Result<(), Error> {
    let options = options().routing_id(name.to_owned()).rcvtimeo(PATIENCE / 2);
    let socket = DealerSocket::with_options(&Context::with_network(network.clone()), options)?;
    socket.connect(endpoint)?;
    socket.send(Word::Ready.into_message()).await?;
    loop {
        match socket.recv().await.map(|message| Word::read(&message)) {
            Ok(Some(Word::Job(job, data))) => {
                tracing::info!(job, "taken");
                let result = outcome(&data);
                if acknowledge == Acknowledge::WhenTaken {
                    socket.send(Word::Done(job, result.clone()).into_message()).await?;
                }
                work(&network).await;
                tracing::info!(job, "done");
                if acknowledge == Acknowledge::WhenDone {
                    socket.send(Word::Done(job, result).into_message()).await?;
                }
                socket.send(Word::Ready.into_message()).await?;
            }
            Ok(_) => {}
            // Nothing to do for a while: perhaps nobody knows that we are here.
            Err(Error::WouldBlock) => socket.send(Word::Ready.into_message()).await?,
            Err(error) => return Err(error),
        }
    }
}

/// What a job comes to: its bytes in the opposite order.
fn outcome(data: &[u8]) -> Frame {
    data.iter().rev().copied().collect()
}

/// The work itself, which takes its time.
pub async fn work<N: Network>(network: &N) {
    network.sleep_until(network.now() + Duration::from_millis(50)).await;
}
