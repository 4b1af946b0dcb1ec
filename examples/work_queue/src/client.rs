//! A client: submits jobs until it has heard of each.

use std::collections::BTreeMap;

use seaworthy::{Context, DealerSocket, Error, Frame, Network};

use crate::message::{JobId, Word};
use crate::{PATIENCE, options};

/// Has jobs done by the broker at an endpoint, and gives back what came out of each.
///
/// A job that nobody reports is submitted again, under its number: the broker does not do it twice because of that.
///
/// # Errors
/// When the endpoint is none.
pub async fn client<N: Network>(
    network: N,
    endpoint: &str,
    jobs: BTreeMap<JobId, Frame>,
) -> Result<BTreeMap<JobId, Frame>, Error> {
    let socket = DealerSocket::with_options(&Context::with_network(network), options().rcvtimeo(PATIENCE))?;
    socket.connect(endpoint)?;
    let mut results = BTreeMap::new();
    submit(&socket, &jobs, &results).await?;
    while results.len() < jobs.len() {
        match socket.recv().await.map(|message| Word::read(&message)) {
            Ok(Some(Word::Report(job, result))) => {
                tracing::info!(job, "reported");
                results.insert(job, result);
            }
            Ok(_) => {}
            Err(Error::WouldBlock) => submit(&socket, &jobs, &results).await?,
            Err(error) => return Err(error),
        }
    }
    socket.close().await;
    Ok(results)
}

/// Submits what has not been reported.
async fn submit<N: Network>(
    socket: &DealerSocket<N>,
    jobs: &BTreeMap<JobId, Frame>,
    results: &BTreeMap<JobId, Frame>,
) -> Result<(), Error> {
    for (job, data) in jobs.iter().filter(|(job, _)| !results.contains_key(job)) {
        socket.send(Word::Submit(*job, data.clone()).into_message()).await?;
    }
    Ok(())
}
