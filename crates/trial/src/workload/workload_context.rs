//! What a workload works with: its run, its network, its name, and its socket.

use std::ops::Deref;
use std::rc::Rc;

use seaworthy::Network;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::trace::{EventKind, Phase};

use super::run_state::{RunState, SocketName};
use super::socket::AnySocket;
use crate::scenario::{Role, Workload};

/// What a workload runs with: the run, the network of its host, and the sockets it plays with.
#[derive(Clone)]
pub(super) struct WorkloadContext<N: Network> {
    pub(super) run: RunState,
    pub(super) network: N,
    pub(super) name: SocketName,
}

/// A workload's context and its socket to work with.
pub(super) struct SocketContext<N: Network> {
    pub(super) context: WorkloadContext<N>,
    pub(super) socket: Rc<AnySocket<N>>,
}

impl<N: Network> Deref for SocketContext<N> {
    type Target = WorkloadContext<N>;

    fn deref(&self) -> &WorkloadContext<N> {
        &self.context
    }
}

impl<N: Network> WorkloadContext<N> {
    /// Until the workload begins. In a later life it has begun.
    pub(super) async fn wait_for(&self, workload: &Workload) {
        let start = workload.start.map(Draw::value).unwrap_or_default();
        if self.name.life == 1 {
            self.network.sleep_until(self.network.now() + start.0).await;
        }
    }

    pub(super) fn record(&self, what: EventKind) {
        self.run.record(&self.name, what);
    }

    pub(super) fn failed(&self, operation: &str, error: &seaworthy::Error) {
        self.record(EventKind::Failed { operation: operation.to_owned(), error: error.to_string() });
    }

    /// The scripted pause of a workload. Once everything is healed, nobody pauses any more.
    pub(super) async fn pause(&self, workload: &Workload) {
        if let Some(pause) = workload.interval.map(Draw::value).filter(|pause| !pause.0.is_zero()) {
            let wake = self.network.sleep_until(self.network.now() + pause.0);
            self.run.before(Phase::Healed, wake).await;
        }
    }
}

impl<N: Network> SocketContext<N> {
    /// In a later life the application starts with all it had learnt.
    pub(super) fn change_subscriptions(&self, workload: &Workload) {
        for topic in &workload.topics {
            let topic_name = topic.clone();
            let (result, what) = if workload.role == Role::Subscribe {
                (self.socket.subscribe(topic), EventKind::Subscribed { topic: topic_name })
            } else {
                (self.socket.unsubscribe(topic), EventKind::Unsubscribed { topic: topic_name })
            };
            match result {
                Ok(()) => self.record(what),
                Err(error) => self.failed(what.name(), &error),
            }
        }
    }
}
