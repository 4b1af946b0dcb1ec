//! Sends or receives on a low-level `Connection`, as an application without sockets: one stream at a time, a new one when
//! it broke or was poisoned.

use std::time::Duration;

use seaworthy::low_level::Connection;
use seaworthy::low_level::ConnectionConfig;
use seaworthy::{Message, Network, SocketType, StreamOptions};
use seaworthy_core::Endpoint;

use super::cancel::{cancellable, dropped};
use super::receive::take_down;
use super::send::{fill, next_probe};
use super::workload_context::WorkloadContext;
use crate::scenario::{Plan, Role, SocketKind, Workload};
use seaworthy_sim::script::CancelOperation;
use seaworthy_sim::trace::{EventKind, Phase};

/// Pause before connecting anew.
const RETRY: Duration = Duration::from_millis(20);

/// Plays a workload of a socket with `low_level`.
pub(super) async fn run<N: Network>(context: &WorkloadContext<N>, workload: &Workload) {
    let run = &context.run;
    let Some(mut line) = Line::of(context) else { return };
    match workload.role {
        Role::Send => drop(run.before(Phase::Closing, send(context, workload, &mut line)).await),
        Role::Receive => drop(run.before(Phase::Closing, receive(context, workload, &mut line)).await),
        // A validated scenario asks for nothing else.
        _ => {}
    }
}

async fn send<N: Network>(context: &WorkloadContext<N>, workload: &Workload, line: &mut Line<N>) {
    let count = Plan::count(workload);
    while context.run.phase() < Phase::Draining {
        let stamp = context.run.next_stamp(&context.name);
        if stamp.sequence >= count {
            context.run.done(&context.name, count);
            let Some(()) = next_probe(context).await else { return };
        }
        let mut message = Message::default();
        let parts = fill(&mut message, workload, stamp);
        let (name, bytes) = (context.run.message_name(stamp), message.byte_len() as u64);
        let connection = line.connection(context).await;
        match cancellable(context, CancelOperation::Send, connection.send(message.clone())).await {
            Some(Ok(())) => {
                let what =
                    EventKind::Sent { message: name, parts, bytes, topic: None, to: None, answer: false };
                context.run.sent(&context.name, what);
            }
            // Its last byte was not written, so nobody has it: it is sent again.
            Some(Err(_)) => line.hang_up(),
            None => {
                dropped(context, CancelOperation::Send, Some(name)).await;
                context.run.skip(&context.name);
                line.after_drop(context, message).await;
            }
        }
        if stamp.sequence < count {
            context.pause(workload).await;
        }
    }
}

async fn receive<N: Network>(context: &WorkloadContext<N>, workload: &Workload, line: &mut Line<N>) {
    loop {
        context.run.may_read(&context.name).await;
        let connection = line.connection(context).await;
        match cancellable(context, CancelOperation::Receive, connection.recv()).await {
            Some(Ok(message)) => {
                take_down(context, &message);
                context.pause(workload).await;
            }
            Some(Err(_)) => line.hang_up(),
            None => {
                dropped(context, CancelOperation::Receive, None).await;
                if line.is_poisoned() {
                    line.hang_up();
                }
            }
        }
    }
}

/// Where to connect, and the connection while there is one.
struct Line<N: Network> {
    endpoint: Endpoint,
    config: ConnectionConfig,
    connection: Option<Connection<N>>,
}

impl<N: Network> Line<N> {
    fn of(context: &WorkloadContext<N>) -> Option<Self> {
        let (plan, number) = (context.run.plan(), context.name.number);
        let path = plan.paths.iter().find(|path| path.connecting == number)?;
        let kind = match plan.socket(number).kind {
            SocketKind::Push => SocketType::Push,
            SocketKind::Pull => SocketType::Pull,
            SocketKind::Dealer => SocketType::Dealer,
            _ => return None,
        };
        let config = ConnectionConfig::from((&plan.socket(number).options.to_options(), kind));
        Some(Self { endpoint: path.endpoint.clone(), config, connection: None })
    }

    /// The connection, made now if there is none.
    async fn connection(&mut self, context: &WorkloadContext<N>) -> &mut Connection<N> {
        let there = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect_at_last(context).await,
        };
        self.connection.insert(there)
    }

    async fn connect_at_last(&self, context: &WorkloadContext<N>) -> Connection<N> {
        loop {
            if let Some(connection) = self.connect(context).await {
                return connection;
            }
            context.network.sleep_until(context.network.now() + RETRY).await;
        }
    }

    async fn connect(&self, context: &WorkloadContext<N>) -> Option<Connection<N>> {
        context.record(EventKind::Connecting { endpoint: self.endpoint.to_string() });
        let stream = context.network.connect(&self.endpoint, &StreamOptions::default()).await.ok()?;
        Connection::handshake(&context.network, stream, self.config.clone()).await.ok()
    }

    fn is_poisoned(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_poisoned)
    }

    fn hang_up(&mut self) {
        self.connection = None;
    }

    /// A send was dropped. If that poisoned the connection, nothing is taken by it any more, and another takes its place.
    async fn after_drop(&mut self, context: &WorkloadContext<N>, message: Message) {
        if let Some(connection) = self.connection.as_mut().filter(|connection| connection.is_poisoned()) {
            if connection.send(message).await.is_ok() {
                let error = "a poisoned connection took another message".to_owned();
                context.record(EventKind::Failed { operation: "send".to_owned(), error });
            }
            self.hang_up();
        }
    }
}
