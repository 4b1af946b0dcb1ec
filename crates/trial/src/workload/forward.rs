//! A proxy between sockets of one host: forwards until the run closes, through pauses and dropped futures.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use seaworthy::proxy::{Forwards, Mode, ProxyHandle, Side};
use seaworthy::{Message, Network, Proxy, Socket, proxy};

use super::run_state::SocketName;
use super::socket::AnySocket;
use super::workload_context::SocketContext;
use crate::payload::read_message;
use crate::scenario::proxy::{ProxyMode, ProxyPlan};
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::script::quantity::Span;
use seaworthy_sim::trace::{EventKind, Phase, RelayStep};

/// The sockets of a proxy beside its frontend.
pub(super) struct Ends<N: Network> {
    pub(super) backend: Rc<AnySocket<N>>,
    pub(super) capture: Option<Rc<AnySocket<N>>>,
}

pub(super) async fn run<N: Network>(socket_context: &SocketContext<N>, plan: &ProxyPlan, ends: &Ends<N>) {
    use AnySocket::{Dealer, Pair, Pub, Pull, Push, Router, Sub, XPub, XSub};
    match (&*socket_context.socket, &*ends.backend) {
        (Router(front), Dealer(back)) => between(socket_context, plan, ends, front, back).await,
        (Router(front), Router(back)) => between(socket_context, plan, ends, front, back).await,
        (Dealer(front), Dealer(back)) => between(socket_context, plan, ends, front, back).await,
        (Dealer(front), Router(back)) => between(socket_context, plan, ends, front, back).await,
        (Pull(front), Push(back)) => between(socket_context, plan, ends, front, back).await,
        (Push(front), Pull(back)) => between(socket_context, plan, ends, front, back).await,
        (XSub(front), XPub(back)) => between(socket_context, plan, ends, front, back).await,
        (XPub(front), XSub(back)) => between(socket_context, plan, ends, front, back).await,
        (Sub(front), Pub(back)) => between(socket_context, plan, ends, front, back).await,
        (Pair(front), Pair(back)) => between(socket_context, plan, ends, front, back).await,
        // A validated scenario asks for nothing of the kind.
        _ => {}
    }
}

async fn between<F: Forwards, B: Forwards, N: Network>(
    socket_context: &SocketContext<N>,
    plan: &ProxyPlan,
    ends: &Ends<N>,
    frontend: &Socket<F, N>,
    backend: &Socket<B, N>,
) {
    let count = |draw: Option<Draw<_>>| {
        draw.map(Draw::value).map(|count: seaworthy_sim::script::quantity::Count| count.0)
    };
    let names = Names::of(socket_context);
    let watcher = |side: Side, step: seaworthy::proxy::RelayStep, message: &Message| {
        names.take_down(socket_context, side, step, message)
    };
    let mut broker = proxy(frontend, backend).watch(&watcher).mode(match plan.mode {
        Some(ProxyMode::BiasedFrontend) => Mode::Biased(Side::Frontend),
        Some(ProxyMode::BiasedBackend) => Mode::Biased(Side::Backend),
        Some(ProxyMode::Fair) | None => Mode::Fair,
    });
    if let Some(batch) = count(plan.batch) {
        broker = broker.batch(u32::try_from(batch).unwrap_or(u32::MAX));
    }
    if let Some(queue) = count(plan.queue) {
        broker = broker.queue(usize::try_from(queue).unwrap_or(usize::MAX));
    }
    if let Some(capture) = &ends.capture {
        broker = captured(broker, capture);
    }
    let handle = broker.handle();
    let polls = count(plan.drop_after_polls);
    let every = plan.terminate_every.map(|every| every.value().0);
    let ended = Cell::new(0);
    let forwarding = async {
        loop {
            match dropped_after(polls, broker.run()).await {
                None => {}
                Some(Ok(_)) if every.is_some() => ended.set(ended.get() + 1),
                Some(Ok(_)) => break,
                Some(Err(error)) => {
                    let (operation, error) = (error.operation.to_owned(), error.to_string());
                    socket_context.record(EventKind::Failed { operation, error });
                    break;
                }
            }
        }
    };
    let mut forwarding = pin!(forwarding);
    let mut steering = pin!(steer(socket_context, &handle));
    let mut terminating = pin!(terminate(socket_context, &handle, every, &ended));
    let all = poll_fn(|context| {
        if steering.as_mut().poll(context).is_ready() || terminating.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        forwarding.as_mut().poll(context)
    });
    socket_context.run.before(Phase::Closing, all).await;
}

/// The sockets of a proxy, as a trace calls them.
struct Names {
    frontend: SocketName,
    backend: SocketName,
    /// By side: whose messages come in there, by number. Those of others are answered there.
    behind: [Vec<bool>; 2],
}

impl Names {
    fn of<N: Network>(socket_context: &SocketContext<N>) -> Self {
        let (plan, frontend) = (socket_context.run.plan(), socket_context.name.clone());
        let number = plan.forwards_to(frontend.number).unwrap_or(frontend.number);
        let backend = SocketName { number, name: plan.name(number).clone(), ..frontend.clone() };
        let behind = |side| (0..plan.sockets.len()).map(|socket| plan.is_behind(side, socket)).collect();
        let behind = [frontend.number, backend.number].map(behind);
        Self { frontend, backend, behind }
    }

    /// Records a step of a message that the socket of `side` had received. Subscriptions and the like are nobody's.
    fn take_down<N: Network>(
        &self,
        socket_context: &SocketContext<N>,
        side: Side,
        step: seaworthy::proxy::RelayStep,
        message: &Message,
    ) {
        let Ok((before, stamp)) = read_message(message) else { return };
        let (received_by, sent_by) = match side {
            Side::Frontend => (&self.frontend, &self.backend),
            Side::Backend => (&self.backend, &self.frontend),
        };
        let (step, at) = match step {
            seaworthy::proxy::RelayStep::Taken => (RelayStep::Taken, received_by),
            seaworthy::proxy::RelayStep::Given => (RelayStep::Given, sent_by),
            seaworthy::proxy::RelayStep::Refused => (RelayStep::Refused, sent_by),
            seaworthy::proxy::RelayStep::PutBack => (RelayStep::PutBack, received_by),
            _ => return,
        };
        let what = EventKind::Relayed {
            step,
            message: socket_context.run.message_name(stamp),
            parts: u8::try_from(message.len() - before).unwrap_or(u8::MAX),
            bytes: message.byte_len() as u64,
            answer: self.behind[side as usize].get(usize::from(stamp.sender)) == Some(&false),
        };
        socket_context.run.record(at, what);
    }
}

fn captured<'s, F: Forwards, B: Forwards, N: Network>(
    broker: Proxy<'s, F, B, N>,
    capture: &'s AnySocket<N>,
) -> Proxy<'s, F, B, N> {
    match capture {
        AnySocket::Push(socket) => broker.capture(socket),
        AnySocket::Pub(socket) => broker.capture(socket),
        AnySocket::XPub(socket) => broker.capture(socket),
        AnySocket::XSub(socket) => broker.capture(socket),
        AnySocket::Dealer(socket) => broker.capture(socket),
        AnySocket::Router(socket) => broker.capture(socket),
        AnySocket::Pair(socket) => broker.capture(socket),
        AnySocket::Pull(_) | AnySocket::Sub(_) | AnySocket::Req(_) | AnySocket::Rep(_) => broker,
    }
}

/// Pauses the proxy while its frontend is stalled.
async fn steer<N: Network>(socket_context: &SocketContext<N>, handle: &ProxyHandle) {
    loop {
        socket_context.run.may_not_read(&socket_context.name).await;
        handle.pause();
        socket_context.run.may_read(&socket_context.name).await;
        handle.resume();
    }
}

/// Terminates the proxy each time `every` has passed, and sees that its run has ended by the next time: whoever runs it
/// counts that. Goes on until it has not.
async fn terminate<N: Network>(
    socket_context: &SocketContext<N>,
    handle: &ProxyHandle,
    every: Option<Duration>,
    ended: &Cell<u64>,
) {
    let Some(every) = every else { return std::future::pending().await };
    for told in 0.. {
        socket_context.network.sleep_until(socket_context.network.now() + every).await;
        if ended.get() < told {
            let error = format!("it goes on {} after it was told to end", Span(every));
            return socket_context.record(EventKind::Failed { operation: "terminate".to_owned(), error });
        }
        handle.terminate();
    }
}

/// Polls `work` at most so often and then drops it: then `None`.
async fn dropped_after<T>(polls: Option<u64>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut polled = 0;
    poll_fn(|context| {
        polled += 1;
        match work.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if polls.is_some_and(|polls| polled >= polls) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
