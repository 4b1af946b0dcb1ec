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

use super::{Introduction, NameArrivals, NameBinding, Names, Offer, PEER_ADDRESS, introduce};
use crate::connections::Origin;
use crate::event::Event;
use crate::log::Weight;
use crate::peers::PeerId;
use crate::ready::{Place, Ready};
use crate::tasks::Tasks;
use crate::transport::{Closing, ClosingWatch, NotTaken, Port, marks};

/// Binds a name: takes what waits for it, and starts the task that takes what comes later. The name is free once what
/// is given back is dropped.
pub(crate) fn bind<N: Network>(
    network: &N,
    names: &Names,
    name: &str,
    port: Rc<dyn Port>,
    doorbell: Option<Arc<Doorbell>>,
    closing: &Closing,
    tasks: &Tasks,
) -> Result<NameBinding, NameTaken> {
    let introduction = Introduction::of(&*port, network);
    let (binding, arrivals) = names.bind(name, introduction.clone())?;
    let endpoint = Endpoint::Inproc(name.to_owned());
    port.emit(Event::Listening { endpoint: endpoint.clone() }, Weight::Ordinary);
    let gone = Arc::<Ready>::default();
    if let Some(doorbell) = &doorbell {
        gone.set_doorbell(Arc::clone(doorbell));
    }
    let mut binder = Binder {
        port,
        doorbell,
        endpoint,
        introduction,
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
    port: Rc<dyn Port>,
    doorbell: Option<Arc<Doorbell>>,
    endpoint: Endpoint,
    introduction: Introduction,
    arrivals: NameArrivals,
    closing: ClosingWatch,
    accepted: BTreeMap<PeerId, Accepted>,
    /// Accepted peers that are gone, and this task, which waits for them.
    gone: Arc<Ready>,
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
        let mut place = Place::new(Arc::clone(&self.gone));
        loop {
            match poll_fn(|context| self.poll_step(context, &mut place)).await {
                Step::Offer(offer) => self.accept(offer),
                Step::Gone => self.part(),
                Step::Closing => break,
            }
        }
        for Accepted { origin, routing_id, .. } in self.accepted.into_values() {
            self.port.emit(origin.disconnected(routing_id, "closed by this socket"), Weight::Ordinary);
        }
        self.port.emit(Event::Closed { endpoint: self.endpoint }, Weight::Ordinary);
    }

    fn poll_step(&mut self, context: &Context<'_>, place: &mut Place) -> Poll<Step> {
        place.wait(context.waker());
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
        let origin = self.port.begin(&self.endpoint, PEER_ADDRESS.to_owned());
        self.port.emit(origin.accepted(), Weight::Ordinary);
        if let Err(incompatible) = self.introduction.accept(&from) {
            self.port.emit(origin.handshake_failed(incompatible), Weight::Fault);
            return;
        }
        let (out, inward) = marks(&self.port.options());
        pipe.set_marks(out, inward);
        match self.introduction.shares_thread_with(&from) {
            Some(true) => pipe.stay_local(),
            Some(false) => self.port.peer_is_elsewhere(),
            None => {}
        }
        let watch = pipe.inward.watch();
        let Some(id) = self.port.attach(pipe) else {
            self.port.emit(origin.handshake_failed(NotTaken), Weight::Ordinary);
            return;
        };
        self.closing.add(id);
        if !watch.wait(&self.gone.notice(id)) {
            self.gone.add(id);
        }
        let routing_id = introduce(&*self.port, id, &from);
        let succeeded = origin.handshake_succeeded(routing_id.clone(), from.socket_type.name());
        self.port.emit(succeeded, Weight::Ordinary);
        self.accepted.insert(id, Accepted { origin, routing_id, _watch: watch });
    }

    fn part(&mut self) {
        let mut gone = Vec::new();
        self.gone.drain(&mut gone);
        for id in gone {
            let Some(Accepted { origin, routing_id, .. }) = self.accepted.remove(&id) else { continue };
            self.port.emit(origin.disconnected(routing_id, "closed by the peer"), Weight::Ordinary);
            self.closing.remove(id);
            self.port.departed(id);
        }
    }
}
