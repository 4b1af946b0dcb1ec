//! The middle: a proxy between two bound sockets.

use seaworthy::proxy::Forwards;
use seaworthy::{DealerSocket, PullSocket, PushSocket, RouterSocket, Socket, XPubSocket, XSubSocket, proxy};

use crate::report::{Unsupported, ready};
use crate::{Outcome, Peer};

pub(crate) async fn forward(peer: &Peer) -> Outcome {
    let (context, options) = (&peer.context, || peer.options());
    match peer.arguments.kind.as_str() {
        "router_dealer" => {
            let frontend = RouterSocket::with_options(context, options())?;
            let backend = DealerSocket::with_options(context, options())?;
            between(peer, &frontend, &backend).await
        }
        "pull_push" => {
            let frontend = PullSocket::with_options(context, options())?;
            let backend = PushSocket::with_options(context, options())?;
            between(peer, &frontend, &backend).await
        }
        "xsub_xpub" => {
            let frontend = XSubSocket::with_options(context, options())?;
            let options = options().xpub_nodrop(peer.arguments.no_drop);
            let backend = XPubSocket::with_options(context, options)?;
            between(peer, &frontend, &backend).await
        }
        kind => Err(Unsupported(format!("proxy --kind {kind}")).into()),
    }
}

async fn between<F: Forwards, B: Forwards>(
    peer: &Peer,
    frontend: &Socket<F>,
    backend: &Socket<B>,
) -> Outcome {
    frontend.bind(&peer.arguments.endpoint)?;
    backend.bind(&peer.arguments.endpoint2)?;
    ready();
    proxy(frontend, backend).run().await?;
    Ok(())
}
