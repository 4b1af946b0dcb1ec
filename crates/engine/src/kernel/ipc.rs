//! Unix-domain streams inside one host: no packets, a bounded buffer, socket files.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use seaworthy_core::{Instant, IpcPath, Reachability, StreamOptions};

use crate::environment::Environment;
use crate::event::Event;
use crate::executor::Action;
use crate::id::{HostId, StreamId};
use crate::recorder::Recorder;

/// How long a byte takes to the other side. Not zero: two tasks that talk without end would stop time.
const LATENCY: Duration = Duration::from_micros(10);

/// Linux's default buffer.
const BUFFER: usize = 212_992;

/// What a listener is known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum IpcName {
    File(PathBuf),
    Abstract(String),
}

impl IpcName {
    pub(crate) fn path(&self) -> IpcPath {
        match self {
            Self::File(path) => IpcPath::File(path.clone()),
            Self::Abstract(name) => IpcPath::Abstract(name.clone()),
        }
    }
}

/// Socket files of a host. They outlive processes and power.
pub(crate) type SocketFiles = RefCell<BTreeSet<PathBuf>>;

/// The ipc listeners of one kernel.
#[derive(Debug, Default)]
pub(crate) struct IpcSockets {
    listeners: RefCell<BTreeMap<IpcName, Backlog>>,
    wildcards: Cell<u32>,
}

#[derive(Debug)]
struct Backlog {
    ready: VecDeque<(IpcEnd, StreamId)>,
    limit: usize,
    buffer: usize,
    acceptor: Option<Waker>,
    /// Connecting tasks that wait for room.
    waiting: Vec<Waker>,
}

impl IpcSockets {
    pub(crate) fn listen(
        &self,
        files: &SocketFiles,
        path: &IpcPath,
        options: &StreamOptions,
    ) -> io::Result<IpcName> {
        let name = match path {
            IpcPath::File(path) => IpcName::File(path.clone()),
            IpcPath::Abstract(name) => IpcName::Abstract(name.clone()),
            IpcPath::Wildcard => loop {
                let number = self.wildcards.replace(self.wildcards.get() + 1);
                let path = PathBuf::from(format!("/tmp/seaworthy-{number}"));
                if !files.borrow().contains(&path) {
                    break IpcName::File(path);
                }
            },
        };
        let mut listeners = self.listeners.borrow_mut();
        if listeners.contains_key(&name) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        if let IpcName::File(path) = &name {
            files.borrow_mut().insert(path.clone());
        }
        let backlog = Backlog {
            ready: VecDeque::new(),
            limit: options.backlog as usize,
            buffer: options.sndbuf.unwrap_or(BUFFER).max(1),
            acceptor: None,
            waiting: Vec::new(),
        };
        listeners.insert(name.clone(), backlog);
        Ok(name)
    }

    /// Stops listening. The file goes, unless the process is being killed.
    pub(crate) fn unlisten(&self, files: &SocketFiles, name: &IpcName, is_dying: bool) {
        if let IpcName::File(path) = name
            && !is_dying
        {
            files.borrow_mut().remove(path);
        }
        let Some(backlog) = self.listeners.borrow_mut().remove(name) else { return };
        backlog.acceptor.into_iter().chain(backlog.waiting).for_each(Waker::wake);
        for (end, _) in backlog.ready {
            end.reset_peer();
        }
    }

    /// Connects as soon as there is room in the backlog.
    pub(crate) fn poll_connect(
        &self,
        files: &SocketFiles,
        recorder: &Recorder,
        path: &IpcPath,
        options: &StreamOptions,
        stream: StreamId,
        cx: &Context<'_>,
    ) -> Poll<io::Result<IpcEnd>> {
        let name = match path {
            IpcPath::File(path) if files.borrow().contains(path) => IpcName::File(path.clone()),
            IpcPath::File(_) => return Poll::Ready(Err(io::ErrorKind::NotFound.into())),
            IpcPath::Abstract(name) => IpcName::Abstract(name.clone()),
            IpcPath::Wildcard => return Poll::Ready(Err(io::ErrorKind::InvalidInput.into())),
        };
        let mut listeners = self.listeners.borrow_mut();
        let Some(backlog) = listeners.get_mut(&name) else {
            return Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into()));
        };
        if backlog.ready.len() > backlog.limit {
            backlog.waiting.push(cx.waker().clone());
            return Poll::Pending;
        }
        let accepted = recorder.next_stream();
        let there = Pipe::new(options.sndbuf.unwrap_or(BUFFER).max(1));
        let back = Pipe::new(backlog.buffer);
        let connecting = IpcEnd { stream, incoming: Rc::clone(&back), outgoing: Rc::clone(&there) };
        let accepting = IpcEnd { stream: accepted, incoming: there, outgoing: back };
        backlog.ready.push_back((accepting, stream));
        if let Some(acceptor) = backlog.acceptor.take() {
            acceptor.wake();
        }
        Poll::Ready(Ok(connecting))
    }

    /// The next end, with the stream it is connected to.
    pub(crate) fn poll_accept(
        &self,
        name: &IpcName,
        cx: &Context<'_>,
    ) -> Poll<io::Result<(IpcEnd, StreamId)>> {
        let mut listeners = self.listeners.borrow_mut();
        let Some(backlog) = listeners.get_mut(name) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match backlog.ready.pop_front() {
            Some(ready) => {
                std::mem::take(&mut backlog.waiting).into_iter().for_each(Waker::wake);
                Poll::Ready(Ok(ready))
            }
            None => {
                backlog.acceptor = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// One direction between two ends.
#[derive(Debug)]
struct Pipe {
    /// What is under way or can be read, and from when.
    chunks: VecDeque<(Instant, Bytes)>,
    bytes: usize,
    capacity: usize,
    /// What a cancelled write still has to send.
    ghost_write: VecDeque<Bytes>,
    /// What a cancelled read still takes.
    ghost_read: usize,
    writing_ended: bool,
    reading_ended: bool,
    /// The writer's end was closed with unread bytes.
    reset: bool,
    end_read: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn new(capacity: usize) -> Rc<RefCell<Self>> {
        Rc::new(RefCell::new(Self {
            chunks: VecDeque::new(),
            bytes: 0,
            capacity,
            ghost_write: VecDeque::new(),
            ghost_read: 0,
            writing_ended: false,
            reading_ended: false,
            reset: false,
            end_read: false,
            reader: None,
            writer: None,
        }))
    }

    fn wake(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    fn push(&mut self, now: Instant, bytes: Bytes) {
        self.bytes += bytes.len();
        self.chunks.push_back((now + LATENCY, bytes));
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Lets a cancelled write have the room there is.
    fn flush_ghost_write(&mut self, now: Instant, writer: StreamId, recorder: &Recorder) {
        while self.bytes < self.capacity
            && let Some(mut segment) = self.ghost_write.pop_front()
        {
            let part = segment.split_to(segment.len().min(self.capacity - self.bytes));
            recorder.record(now, &Event::Written { stream: writer, bytes: &part });
            self.push(now, part);
            if !segment.is_empty() {
                self.ghost_write.push_front(segment);
            }
        }
    }

    /// Takes up to `limit` bytes that have arrived.
    fn take(&mut self, now: Instant, limit: usize, mut put: impl FnMut(&[u8])) -> usize {
        let mut count = 0;
        while count < limit
            && let Some((at, chunk)) = self.chunks.front_mut()
            && *at <= now
        {
            let part = chunk.len().min(limit - count);
            put(&chunk[..part]);
            chunk.advance(part);
            count += part;
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
        }
        self.bytes -= count;
        if count > 0
            && let Some(writer) = self.writer.take()
        {
            writer.wake();
        }
        count
    }
}

/// One end of a stream.
#[derive(Debug)]
pub(crate) struct IpcEnd {
    pub(crate) stream: StreamId,
    incoming: Rc<RefCell<Pipe>>,
    outgoing: Rc<RefCell<Pipe>>,
}

impl IpcEnd {
    pub(crate) fn readable(&self, now: Instant) -> usize {
        let pipe = self.incoming.borrow();
        pipe.chunks.iter().take_while(|(at, _)| *at <= now).map(|(_, chunk)| chunk.len()).sum()
    }

    /// The kernel at the other end is this one.
    pub(crate) fn reachability(&self) -> Reachability {
        Reachability { undelivered: self.outgoing.borrow().bytes > 0, unanswered: None, last_sign: None }
    }

    pub(crate) fn writable(&self) -> usize {
        let pipe = self.outgoing.borrow();
        if pipe.ghost_write.is_empty() { pipe.capacity.saturating_sub(pipe.bytes) } else { 0 }
    }

    /// Ready once [`poll_read`](Self::poll_read) is.
    pub(crate) fn poll_readable(
        &self,
        environment: &Environment,
        host: HostId,
        cx: &Context<'_>,
    ) -> Poll<()> {
        let mut pipe = self.incoming.borrow_mut();
        match pipe.chunks.front() {
            Some((at, _)) if *at <= environment.now() => return Poll::Ready(()),
            Some((at, _)) => {
                environment.executor.schedule(host, *at, Action::Wake(cx.waker().clone()));
                return Poll::Pending;
            }
            None => {}
        }
        if pipe.reset || pipe.writing_ended && pipe.ghost_write.is_empty() || pipe.reading_ended {
            return Poll::Ready(());
        }
        pipe.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn poll_read(
        &self,
        environment: &Environment,
        host: HostId,
        cx: &Context<'_>,
        limit: usize,
        buffer: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        let (now, recorder) = (environment.now(), &environment.recorder);
        let mut pipe = self.incoming.borrow_mut();
        let ghost = std::mem::take(&mut pipe.ghost_read);
        if ghost > 0 {
            let mut lost = Vec::new();
            if pipe.take(now, ghost, |bytes| lost.extend_from_slice(bytes)) > 0 {
                recorder.record(now, &Event::Discarded { stream: self.stream, bytes: &lost });
            } else {
                pipe.ghost_read = ghost;
            }
        }
        let start = buffer.len();
        let count = pipe.take(now, limit, |bytes| buffer.extend_from_slice(bytes));
        if count > 0 {
            recorder.record(now, &Event::Read { stream: self.stream, bytes: &buffer[start..] });
            return Poll::Ready(Ok(count));
        }
        if let Some((at, _)) = pipe.chunks.front() {
            environment.executor.schedule(host, *at, Action::Wake(cx.waker().clone()));
            return Poll::Pending;
        }
        if std::mem::take(&mut pipe.reset) {
            pipe.writing_ended = true;
            recorder.record(now, &Event::PeerReset { stream: self.stream });
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if pipe.writing_ended && pipe.ghost_write.is_empty() || pipe.reading_ended {
            if !std::mem::replace(&mut pipe.end_read, true) {
                recorder.record(now, &Event::ReadEnd { stream: self.stream });
            }
            return Poll::Ready(Ok(0));
        }
        pipe.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    pub(crate) fn poll_write(
        &self,
        environment: &Environment,
        cx: &Context<'_>,
        limit: usize,
        segments: &[Bytes],
    ) -> Poll<io::Result<usize>> {
        let (now, recorder) = (environment.now(), &environment.recorder);
        let mut pipe = self.outgoing.borrow_mut();
        if pipe.writing_ended || pipe.reading_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        pipe.flush_ghost_write(now, self.stream, recorder);
        let room = if pipe.ghost_write.is_empty() { pipe.capacity - pipe.bytes } else { 0 };
        let mut left = limit.min(room);
        let mut count = 0;
        for segment in segments {
            let part = segment.slice(..segment.len().min(left));
            if !part.is_empty() {
                recorder.record(now, &Event::Written { stream: self.stream, bytes: &part });
                left -= part.len();
                count += part.len();
                pipe.push(now, part);
            }
        }
        if count == 0 {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(count))
    }

    /// A cancelled read takes so many bytes, of what has come or of what comes first.
    pub(crate) fn ghost_read(&self, bytes: usize) {
        self.incoming.borrow_mut().ghost_read = bytes;
    }

    /// A cancelled write sends these bytes.
    pub(crate) fn ghost_write(&self, environment: &Environment, segments: Vec<Bytes>) {
        let mut pipe = self.outgoing.borrow_mut();
        if !pipe.writing_ended && !pipe.reading_ended {
            pipe.ghost_write.extend(segments);
            pipe.flush_ghost_write(environment.now(), self.stream, &environment.recorder);
        }
    }

    pub(crate) fn shutdown(&self) {
        let mut pipe = self.outgoing.borrow_mut();
        pipe.writing_ended = true;
        pipe.wake();
    }

    /// Ends both directions.
    pub(crate) fn close(&self) {
        let unread = {
            let mut pipe = self.incoming.borrow_mut();
            pipe.reading_ended = true;
            pipe.wake();
            !std::mem::take(&mut pipe.chunks).is_empty()
        };
        let mut pipe = self.outgoing.borrow_mut();
        pipe.writing_ended = true;
        pipe.reset |= unread;
        pipe.wake();
    }

    /// Nobody will accept this end.
    fn reset_peer(&self) {
        self.close();
        self.outgoing.borrow_mut().reset = true;
    }
}
