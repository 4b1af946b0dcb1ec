//! [`SimStream`]: one end of a simulated byte stream, and what becomes of operations on it that are dropped.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use seaworthy_core::{Endpoint, IpcPath, Reachability, Stream};

use crate::event::{Event, Operation};
use crate::executor::Action;
use crate::fault::Readers;
use crate::host::Host;
use crate::id::{Addresses, StreamId};
use crate::kernel::ipc::IpcEnd;
use crate::kernel::stack::ConnectionId;
use crate::network::boot::Boot;
use crate::throttle::Allowance;

/// One end of a simulated byte stream.
pub struct SimStream {
    boot: Boot,
    pub(super) id: StreamId,
    end: End,
}

#[derive(Debug)]
pub(super) enum End {
    Tcp(ConnectionId),
    Ipc { end: IpcEnd, path: IpcPath },
}

impl SimStream {
    pub(super) const fn new(boot: Boot, id: StreamId, end: End) -> Self {
        Self { boot, id, end }
    }

    /// Its number in the record of events.
    pub fn id(&self) -> StreamId {
        self.id
    }

    pub(super) fn addresses(&self) -> Option<Addresses> {
        match &self.end {
            End::Tcp(id) => {
                let identity = self.boot.kernel.with_stack(|stack, _| stack.identity(*id)).flatten();
                identity.map(|(_, addresses)| addresses)
            }
            End::Ipc { .. } => None,
        }
    }

    fn readers(&self) -> [Readers; 2] {
        [Readers::Host(self.boot.host.id), Readers::Stream(self.id)]
    }

    fn poll_readable(&self, cx: &Context<'_>) -> Poll<()> {
        match &self.end {
            End::Tcp(id) => self
                .boot
                .kernel
                .with_stack(|stack, _| stack.poll_readable(*id, cx))
                .unwrap_or(Poll::Ready(())),
            End::Ipc { end, .. } => end.poll_readable(&self.boot.host.environment, self.boot.host.id, cx),
        }
    }

    fn poll_read(&self, cx: &Context<'_>, spare: usize, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let Boot { host, kernel } = &self.boot;
        let environment = &host.environment;
        let allowed = match environment.read_allowance(self.readers()) {
            Allowance::Bytes(bytes) => bytes.min(spare),
            Allowance::At(at) => {
                environment.executor.schedule(host.id, at, Action::Wake(cx.waker().clone()));
                return Poll::Pending;
            }
            Allowance::Never => {
                environment.wait_for_rate(cx.waker());
                return Poll::Pending;
            }
        };
        let limit =
            |readable: usize| if readable > 0 { host.cut_read(allowed.min(readable)) } else { allowed };
        let result = match &self.end {
            End::Tcp(id) => kernel
                .with_stack(|stack, now| {
                    let limit = limit(stack.readable(*id));
                    stack.poll_read(*id, cx, limit, buffer, now)
                })
                .unwrap_or_else(|| Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))),
            End::Ipc { end, .. } => {
                let limit = limit(end.readable(environment.now()));
                end.poll_read(environment, host.id, cx, limit, buffer)
            }
        };
        if let Poll::Ready(Ok(count)) = result {
            environment.took(self.readers(), count);
        }
        result
    }

    fn poll_write(&self, cx: &Context<'_>, segments: &[Bytes]) -> Poll<io::Result<usize>> {
        let Boot { host, kernel } = &self.boot;
        let total: usize = segments.iter().map(Bytes::len).sum();
        let limit = |room: usize| host.cut_write(room.min(total));
        match &self.end {
            End::Tcp(id) => kernel
                .with_stack(|stack, now| {
                    let limit = limit(stack.writable(*id));
                    stack.poll_write(*id, cx, limit, segments, now)
                })
                .unwrap_or_else(|| Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))),
            End::Ipc { end, .. } => end.poll_write(&host.environment, cx, limit(end.writable()), segments),
        }
    }
}

impl Stream for SimStream {
    async fn read(&self, mut buffer: BytesMut) -> (io::Result<usize>, BytesMut) {
        let spare = buffer.capacity() - buffer.len();
        if spare == 0 {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "the buffer has no spare capacity");
            return (Err(error), buffer);
        }
        let submitted = Submitted { stream: self, kind: Kind::Read { spare }, done: false };
        yield_now(&self.boot.host).await;
        let result = poll_fn(|cx| self.poll_read(cx, spare, &mut buffer)).await;
        submitted.complete();
        (result, buffer)
    }

    async fn readable(&self) {
        poll_fn(|cx| self.poll_readable(cx)).await;
    }

    async fn write(&self, segments: Vec<Bytes>) -> (io::Result<usize>, Vec<Bytes>) {
        if segments.iter().all(Bytes::is_empty) {
            return (Ok(0), segments);
        }
        let submitted = Submitted { stream: self, kind: Kind::Write { segments }, done: false };
        yield_now(&self.boot.host).await;
        let result = poll_fn(|cx| self.poll_write(cx, submitted.segments())).await;
        (result, submitted.complete())
    }

    async fn shutdown(&self) -> io::Result<()> {
        match &self.end {
            End::Tcp(id) => self
                .boot
                .kernel
                .with_stack(|stack, now| stack.shutdown(*id, now))
                .unwrap_or_else(|| Err(io::ErrorKind::ConnectionAborted.into())),
            End::Ipc { end, .. } => {
                self.boot.host.environment.record(&Event::Shutdown { stream: self.id });
                end.shutdown();
                Ok(())
            }
        }
    }

    fn reset(&self) {
        match &self.end {
            End::Tcp(id) => {
                self.boot.kernel.with_stack(|stack, now| stack.reset(*id, now));
            }
            End::Ipc { end, .. } => {
                self.boot.host.environment.record(&Event::Reset { stream: self.id });
                end.close();
            }
        }
    }

    fn reachability(&self) -> Option<Reachability> {
        match &self.end {
            End::Tcp(id) => self.boot.kernel.with_stack(|stack, now| stack.reachability(*id, now)).flatten(),
            End::Ipc { end, .. } => Some(end.reachability()),
        }
    }

    fn peer_address(&self) -> String {
        match &self.end {
            End::Tcp(_) => self.addresses().map(|addresses| addresses.remote.to_string()).unwrap_or_default(),
            End::Ipc { path, .. } => Endpoint::Ipc(path.clone()).to_string(),
        }
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        match &self.end {
            End::Tcp(id) => {
                self.boot.kernel.with_stack(|stack, now| stack.close(*id, now));
            }
            End::Ipc { end, .. } => {
                self.boot.host.environment.record(&Event::Closed { stream: self.id });
                end.close();
            }
        }
    }
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimStream").field("id", &self.id.index()).field("end", &self.end).finish()
    }
}

/// An operation that was handed to the kernel. Dropped before it is complete, its outcome is drawn.
struct Submitted<'a> {
    stream: &'a SimStream,
    kind: Kind,
    done: bool,
}

enum Kind {
    Read { spare: usize },
    Write { segments: Vec<Bytes> },
}

impl Submitted<'_> {
    fn segments(&self) -> &[Bytes] {
        match &self.kind {
            Kind::Read { .. } => &[],
            Kind::Write { segments } => segments,
        }
    }

    fn complete(mut self) -> Vec<Bytes> {
        self.done = true;
        match &mut self.kind {
            Kind::Read { .. } => Vec::new(),
            Kind::Write { segments } => std::mem::take(segments),
        }
    }
}

impl Drop for Submitted<'_> {
    fn drop(&mut self) {
        let Boot { host, kernel } = &self.stream.boot;
        if self.done || host.environment.has_ended() {
            return;
        }
        let (operation, most) = match &self.kind {
            Kind::Read { spare } => (Operation::Read, *spare),
            Kind::Write { segments } => (Operation::Write, segments.iter().map(Bytes::len).sum()),
        };
        let (outcome, bytes) = host.draw_cancel(most);
        host.environment.record(&Event::Cancelled { stream: self.stream.id, operation, outcome, bytes });
        if bytes == 0 {
            return;
        }
        match (&mut self.kind, &self.stream.end) {
            (Kind::Read { .. }, End::Tcp(id)) => {
                kernel.with_stack(|stack, now| stack.ghost_read(*id, bytes, now));
            }
            (Kind::Read { .. }, End::Ipc { end, .. }) => end.ghost_read(bytes),
            (Kind::Write { segments }, end) => {
                let prefix = prefix(std::mem::take(segments), bytes);
                match end {
                    End::Tcp(id) => {
                        kernel.with_stack(|stack, now| stack.ghost_write(*id, prefix, now));
                    }
                    End::Ipc { end, .. } => end.ghost_write(&host.environment, prefix),
                }
            }
        }
    }
}

/// The first `length` bytes of `segments`.
fn prefix(mut segments: Vec<Bytes>, length: usize) -> Vec<Bytes> {
    let mut left = length;
    for segment in &mut segments {
        segment.truncate(left);
        left -= segment.len();
    }
    segments
}

/// Lets others run first, if the dice say so.
pub(super) async fn yield_now(host: &Host) {
    let mut yields = host.yields();
    poll_fn(|cx| {
        if std::mem::take(&mut yields) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}
