//! Takes down what a socket's monitor says.

use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream;
use seaworthy::monitor::Event;
use seaworthy::{Monitor, Network};

use super::run_state::{RunState, SocketName};
use seaworthy_sim::trace::EventKind;

/// Watches a socket until it is gone.
pub(super) fn spawn<N: Network>(run: &RunState, name: &SocketName, network: &N, mut monitor: Monitor) {
    let (run, name) = (run.clone(), name.clone());
    network.spawn("monitor", async move {
        while let Some(event) = poll_fn(|context| Pin::new(&mut monitor).poll_next(context)).await {
            if let Some(what) = translate(&event) {
                run.record(&name, what);
            }
        }
    });
}

fn translate(event: &Event) -> Option<EventKind> {
    Some(match event {
        Event::Accepted { endpoint, .. } => {
            EventKind::Connected { endpoint: endpoint.to_string(), accepted: true }
        }
        Event::Connected { endpoint, .. } => {
            EventKind::Connected { endpoint: endpoint.to_string(), accepted: false }
        }
        Event::HandshakeSucceeded { endpoint, socket_type, routing_id, .. } => EventKind::Handshake {
            endpoint: endpoint.to_string(),
            peer: (*socket_type).to_owned(),
            name: name(routing_id),
        },
        Event::HandshakeFailed { endpoint, reason, .. } => {
            EventKind::HandshakeFailed { endpoint: endpoint.to_string(), reason: reason.clone() }
        }
        Event::Disconnected { endpoint, reason, routing_id, .. } => EventKind::Disconnected {
            endpoint: endpoint.to_string(),
            reason: reason.clone(),
            name: name(routing_id),
        },
        Event::ConnectRetried { endpoint, after, reason } => EventKind::Retrying {
            endpoint: endpoint.to_string(),
            after: u64::try_from(after.as_nanos()).unwrap_or(u64::MAX),
            reason: reason.clone(),
        },
        Event::ConnectStopped { endpoint, reason } | Event::AcceptFailed { endpoint, reason } => {
            EventKind::Stopped { endpoint: endpoint.to_string(), reason: reason.clone() }
        }
        // What the application did itself is in the trace already.
        _ => return None,
    })
}

/// What a peer calls itself, if it does. Names that a ROUTER made up begin with a zero byte.
fn name(routing_id: &[u8]) -> Option<String> {
    (!matches!(routing_id, [] | [0, ..])).then(|| String::from_utf8_lossy(routing_id).into_owned())
}
