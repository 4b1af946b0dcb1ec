//! Two threads of one process, each with its own runtime, or two sockets on one thread.

use std::error::Error;
use std::thread;

use seaworthy::{PullSocket, PushSocket, RepSocket, ReqSocket};

use crate::meter::OneWay;
use crate::report::Unsupported;
use crate::{Outcome, Peer, pipeline, request_reply};

const ENDPOINT: &str = "inproc://bench";

/// `--kind push_pull` and `req_rep` between two threads, `same_thread` for a send and a receive in turn on one.
pub(crate) async fn run(peer: &Peer) -> Outcome {
    match peer.arguments.kind.as_str() {
        "push_pull" => {
            let pull = PullSocket::with_options(&peer.context, peer.options())?;
            pull.bind(ENDPOINT)?;
            beside(peer, async |peer| {
                let push = PushSocket::with_options(&peer.context, peer.options())?;
                push.connect(ENDPOINT)?;
                pipeline::push_all(&push, &peer).await
            });
            pipeline::pull_all(&pull, peer).await
        }
        "req_rep" => {
            let rep = RepSocket::with_options(&peer.context, peer.options())?;
            rep.bind(ENDPOINT)?;
            beside(peer, async |peer| {
                let req = ReqSocket::with_options(&peer.context, peer.options())?;
                req.connect(ENDPOINT)?;
                request_reply::ask_all(&req, &peer).await?;
                // The other thread answers for ever.
                std::process::exit(0)
            });
            request_reply::answer_all(&rep).await
        }
        "same_thread" => same_thread(peer).await,
        kind => Err(Unsupported(format!("inproc --kind {kind}")).into()),
    }
}

/// Runs `work` on a thread and a runtime of its own.
#[allow(clippy::disallowed_methods, reason = "two threads are what is measured")]
fn beside(peer: &Peer, work: impl AsyncFnOnce(Peer) -> Outcome + Send + 'static) {
    let peer = peer.clone();
    thread::spawn(move || {
        let outcome = seaworthy::runtime()
            .map_err(Box::<dyn Error>::from)
            .and_then(|runtime| runtime.block_on(work(peer)));
        if let Err(error) = outcome {
            eprintln!("seaworthy-peer: {error}");
            std::process::exit(1);
        }
    });
}

async fn same_thread(peer: &Peer) -> Outcome {
    let pull = PullSocket::with_options(&peer.context, peer.options())?;
    let push = PushSocket::with_options(&peer.context, peer.options())?;
    pull.bind(ENDPOINT)?;
    push.connect(ENDPOINT)?;
    let payload = peer.arguments.payload();
    push.send(payload.clone()).await?;
    pull.recv().await?;
    let mut meter = OneWay::new(&peer.arguments);
    loop {
        push.send(payload.clone()).await?;
        if !meter.count(&pull.recv().await?)? {
            return Ok(());
        }
    }
}
