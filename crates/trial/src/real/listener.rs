//! [`RealListener`]: a listening endpoint of this machine under its name in the scenario.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use seaworthy_core::{CompioListener, CompioStream, Endpoint, IpcPath, Listener, Stream as _};

use super::host::Host;
use super::stream::RealStream;
use seaworthy_engine::{Event, StreamId};

/// How often the other end of a stream is looked for, which connected and was not told yet: it is on this thread. One
/// that gave up meanwhile never comes.
const LOOKS: u32 = 10;

/// Time from one look to the next.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A listening endpoint.
pub(crate) struct RealListener {
    host: Rc<Host>,
    inner: CompioListener,
    /// As the scenario calls it.
    endpoint: Endpoint,
    /// A stream that was accepted and not handed out yet.
    held: RefCell<Option<CompioStream>>,
    closed: Cell<bool>,
}

impl RealListener {
    pub(super) fn new(host: Rc<Host>, inner: CompioListener, endpoint: &Endpoint) -> Self {
        if let Endpoint::Ipc(IpcPath::File(file)) = inner.local_endpoint() {
            host.files.borrow_mut().insert(file);
        }
        let endpoint = match (endpoint, inner.local_endpoint()) {
            (Endpoint::Ipc(IpcPath::Wildcard), place) => place,
            (endpoint, _) => endpoint.clone(),
        };
        Self { host, inner, endpoint, held: RefCell::default(), closed: Cell::new(false) }
    }

    pub(super) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The connecting end of the stream that is held; `None` if nobody of this run connected it.
    async fn partner(&self) -> Option<StreamId> {
        let env = &self.host.env;
        let mark = match &self.endpoint {
            Endpoint::Tcp { .. } => self.held.borrow().as_ref()?.peer_address(),
            _ => self.inner.local_endpoint().to_string(),
        };
        for _ in 0..LOOKS {
            if let Some(partner) = env.meetings.partner(&mark) {
                return Some(partner);
            }
            env.sleep(LOOK_AGAIN).await;
        }
        None
    }
}

impl Listener for RealListener {
    type Stream = RealStream;

    fn local_endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    async fn accept(&self) -> io::Result<RealStream> {
        self.host.yield_now().await;
        if self.held.borrow().is_none() {
            let accepted = self.inner.accept().await?;
            self.held.replace(Some(accepted));
        }
        let peer = self.partner().await;
        let inner = self.held.take().ok_or(io::ErrorKind::ConnectionAborted)?;
        let env = &self.host.env;
        let id = env.recorder.next_stream();
        if let Some(peer) = peer {
            env.meetings.join(peer, id);
        }
        let stream = RealStream::new(Rc::clone(&self.host), id, inner, self.endpoint.clone());
        env.record(&Event::Accepted { host: self.host.id, stream: id, peer, addresses: None });
        Ok(stream)
    }

    fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.inner.close();
        drop(self.held.take());
        let place = self.inner.local_endpoint();
        self.host.env.meetings.clear(&place.to_string());
        if let Endpoint::Ipc(IpcPath::File(file)) = place {
            self.host.files.borrow_mut().remove(&file);
        }
        let event = Event::Unlistened { host: self.host.id, endpoint: &self.endpoint };
        self.host.env.record(&event);
    }
}

impl Drop for RealListener {
    fn drop(&mut self) {
        self.close();
    }
}
