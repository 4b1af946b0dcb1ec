//! The binding side: takes the pipes that are offered under a name.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use seaworthy_core::inproc::NameTaken;
use seaworthy_core::pipe::Watch;
use seaworthy_core::{Doorbell, Endpoint, Network, waker_for_others};

use super::{NameArrivals, NameBinding, Names, Offer, PEER_ADDRESS, PeerInfo, inproc_connected};
use crate::log::Severity;
use crate::monitor::Origin;
use crate::monitor::{Event, HandshakeFailure};
use crate::peer_id::PeerId;
use crate::ready_set::{ReadySet, Waiter};
use crate::tasks::Tasks;
use crate::transport::{CloseSignal, CloseWatch, SocketRef, high_water_marks};

/// Binds a name: takes what waits for it, and starts the task that takes what comes later. The name is free once what
/// is given back is dropped.
pub(crate) fn bind<N: Network>(
    network: &N,
    names: &Names,
    name: &str,
    socket: Rc<dyn SocketRef>,
    doorbell: Option<Arc<Doorbell>>,
    closing: &CloseSignal,
    tasks: &Tasks,
) -> Result<NameBinding, NameTaken> {
    let info = PeerInfo::of(&*socket, network);
    let (binding, arrivals) = names.bind(name, info.clone())?;
    let endpoint = Endpoint::Inproc(name.to_owned());
    socket.emit(Event::Listening { endpoint: endpoint.clone() }, Severity::Routine);
    let gone = Arc::<ReadySet>::default();
    if let Some(doorbell) = &doorbell {
        gone.set_doorbell(Arc::clone(doorbell));
    }
    let mut binder = Binder {
        socket,
        doorbell,
        endpoint,
        info,
        arrivals,
        closing: closing.watch(),
        accepted: BTreeMap::new(),
        gone,
    };
    while let Some(offer) = binder.arrivals.take() {
        binder.accept(offer);
    }
    let token = tasks.token();
    network.spawn("binder", async move {
        binder.run().await;
        drop(token);
    });
    Ok(binding)
}

struct Binder {
    socket: Rc<dyn SocketRef>,
    doorbell: Option<Arc<Doorbell>>,
    endpoint: Endpoint,
    info: PeerInfo,
    arrivals: NameArrivals,
    closing: CloseWatch,
    accepted: BTreeMap<PeerId, Accepted>,
    /// Accepted peers that are gone, and this task, which waits for them.
    gone: Arc<ReadySet>,
}

struct Accepted {
    origin: Origin,
    /// By what name it is known.
    routing_id: Bytes,
    _watch: Watch,
}

enum Step {
    Offer(Box<Offer>),
    Gone,
    Closing,
}

impl Binder {
    async fn run(mut self) {
        let mut waiter = Waiter::new(Arc::clone(&self.gone));
        loop {
            match poll_fn(|context| self.poll_step(context, &mut waiter)).await {
                Step::Offer(offer) => self.accept(offer),
                Step::Gone => self.part(),
                Step::Closing => break,
            }
        }
        for Accepted { origin, routing_id, .. } in self.accepted.into_values() {
            self.socket.emit(origin.disconnected(routing_id, "closed by this socket"), Severity::Routine);
        }
        self.socket.emit(Event::Closed { endpoint: self.endpoint }, Severity::Routine);
    }

    fn poll_step(&mut self, context: &Context<'_>, waiter: &mut Waiter) -> Poll<Step> {
        waiter.wait(context.waker());
        if self.closing.poll_closed(context).is_ready() {
            return Poll::Ready(Step::Closing);
        }
        if self.gone.any() {
            return Poll::Ready(Step::Gone);
        }
        let waker = waker_for_others(self.doorbell.as_ref(), context.waker());
        self.arrivals
            .poll_next(&Context::from_waker(&waker))
            .map(|arrival| arrival.map_or(Step::Closing, Step::Offer))
    }

    fn accept(&mut self, offer: Box<Offer>) {
        let Offer { mut pipe, from } = *offer;
        let origin = self.socket.begin(&self.endpoint, PEER_ADDRESS.to_owned());
        self.socket.emit(origin.accepted(), Severity::Routine);
        if let Err(incompatible) = self.info.accept(&from) {
            self.socket
                .emit(origin.handshake_failed(HandshakeFailure::Protocol, incompatible), Severity::Fault);
            return;
        }
        let (tx, rx) = high_water_marks(&self.socket.options());
        pipe.set_marks(tx, rx);
        match self.info.shares_thread_with(&from) {
            Some(true) => pipe.stay_local(),
            Some(false) => self.socket.peer_on_other_thread(),
            None => {}
        }
        let watch = pipe.rx.watch();
        let id = match self.socket.attach(pipe) {
            Ok(id) => id,
            Err(rejected) => {
                self.socket
                    .emit(origin.handshake_failed(HandshakeFailure::NoDetail, rejected), Severity::Routine);
                return;
            }
        };
        self.closing.add(id);
        if !watch.wait(&self.gone.peer_waker(id)) {
            self.gone.add(id);
        }
        let routing_id = inproc_connected(&*self.socket, id, &from);
        let succeeded = origin.handshake_succeeded(routing_id.clone(), from.socket_type.name(), Bytes::new());
        self.socket.emit(succeeded, Severity::Routine);
        self.accepted.insert(id, Accepted { origin, routing_id, _watch: watch });
    }

    fn part(&mut self) {
        let mut gone = Vec::new();
        self.gone.drain(&mut gone);
        for id in gone {
            let Some(Accepted { origin, routing_id, .. }) = self.accepted.remove(&id) else { continue };
            self.socket.emit(origin.disconnected(routing_id, "closed by the peer"), Severity::Routine);
            self.closing.remove(id);
            self.socket.departed(id);
        }
    }
}
