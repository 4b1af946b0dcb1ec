//! Round trips.

use seaworthy::{DealerSocket, RepSocket, ReqSocket, RouterSocket};

use crate::meter::{OneWay, RoundTrips};
use crate::report::ready;
use crate::{Outcome, Peer};

/// Round trips before the first that is measured.
const WARM_UP: u64 = 2000;

pub(crate) async fn req(peer: &Peer) -> Outcome {
    let req = ReqSocket::with_options(&peer.context, peer.options())?;
    req.connect(&peer.arguments.endpoint)?;
    ask_all(&req, peer).await
}

pub(crate) async fn ask_all(req: &ReqSocket, peer: &Peer) -> Outcome {
    let payload = peer.arguments.payload();
    for _ in 0..WARM_UP {
        req.send(payload.clone()).await?;
        req.recv().await?;
    }
    let mut trips = RoundTrips::new(peer.arguments.count);
    for _ in 0..peer.arguments.count {
        let began = trips.now();
        req.send(payload.clone()).await?;
        req.recv().await?;
        trips.add(began);
    }
    trips.finish();
    Ok(())
}

pub(crate) async fn rep(peer: &Peer) -> Outcome {
    let rep = RepSocket::with_options(&peer.context, peer.options())?;
    rep.bind(&peer.arguments.endpoint)?;
    ready();
    answer_all(&rep).await
}

pub(crate) async fn answer_all(rep: &RepSocket) -> Outcome {
    loop {
        let request = rep.recv().await?;
        rep.send(request).await?;
    }
}

/// Keeps a window of messages in flight.
pub(crate) async fn dealer_echo(peer: &Peer) -> Outcome {
    let dealer = DealerSocket::with_options(&peer.context, peer.options())?;
    dealer.connect(&peer.arguments.endpoint)?;
    let payload = peer.arguments.payload();
    let mut meter = OneWay::new(&peer.arguments);
    for _ in 0..peer.arguments.window {
        dealer.send(payload.clone()).await?;
    }
    while meter.count(&dealer.recv().await?)? {
        dealer.send(payload.clone()).await?;
    }
    Ok(())
}

pub(crate) async fn router_echo(peer: &Peer) -> Outcome {
    let router = RouterSocket::with_options(&peer.context, peer.options())?;
    router.bind(&peer.arguments.endpoint)?;
    ready();
    loop {
        // Its first frame is the identity of the peer, which is where the whole message goes back to.
        let message = router.recv().await?;
        router.send(message).await?;
    }
}
