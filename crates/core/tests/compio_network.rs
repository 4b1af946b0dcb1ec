//! What only the real network has to answer for: addresses, socket files, the kernel's limits. The contract it
//! shares with the simulated network is tested in tests/sim.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind, Read};
use std::net::ToSocketAddrs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use seaworthy_core::{
    CompioListener, CompioNetwork, CompioStream, Endpoint, Host, IpcPath, Listener, Network, Stream,
    StreamOptions,
};
use socket2::{Domain, SockAddr, Socket, Type};

fn run<T>(test: impl AsyncFnOnce(CompioNetwork) -> T) -> T {
    compio::runtime::Runtime::new().unwrap().block_on(async {
        compio::time::timeout(Duration::from_secs(30), test(CompioNetwork::new())).await.expect("timed out")
    })
}

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn listen(network: &CompioNetwork, text: &str) -> io::Result<CompioListener> {
    network.listen(&endpoint(text), &StreamOptions::default())
}

async fn pair(network: &CompioNetwork, text: &str) -> (CompioStream, CompioStream) {
    let listener = listen(network, text).unwrap();
    let connected = network.connect(&listener.local_endpoint(), &StreamOptions::default()).await.unwrap();
    (connected, listener.accept().await.unwrap())
}

async fn write_all(stream: &CompioStream, text: &'static str) {
    let (written, _) = stream.write(vec![Bytes::from_static(text.as_bytes())]).await;
    assert_eq!(written.unwrap(), text.len());
}

async fn read_exactly(stream: &CompioStream, bytes: usize) -> BytesMut {
    let mut buffer = BytesMut::with_capacity(bytes);
    while buffer.len() < bytes {
        let (read, filled) = stream.read(buffer).await;
        assert_ne!(read.unwrap(), 0, "the stream ended after {} bytes", filled.len());
        buffer = filled;
    }
    buffer
}

/// The two ends of `text` exchange a word in each direction.
fn exchanges(text: &str) {
    run(async |network| {
        let (here, there) = pair(&network, text).await;
        write_all(&here, "ping").await;
        assert_eq!(read_exactly(&there, 4).await, "ping");
        write_all(&there, "pong").await;
        assert_eq!(read_exactly(&here, 4).await, "pong");
    });
}

fn temporary_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("seaworthy-core-{name}-{}", std::process::id()))
}

#[test]
fn every_kind_of_address_carries_bytes() {
    exchanges("tcp://127.0.0.1:*");
    exchanges("tcp://[::1]:*");
    exchanges("tcp://*:*");
    exchanges("tcp://[::]:*");
    exchanges("tcp://localhost:*");
    exchanges("tcp://lo:*");
    exchanges("tcp://[::1%lo]:*");
    exchanges("ipc://*");
    exchanges(&format!("ipc://@seaworthy-core-{}", std::process::id()));
    exchanges(&format!("ipc://{}", temporary_path("exchange").display()));
}

#[test]
fn an_ipv6_wildcard_also_takes_ipv4_connections() {
    run(async |network| {
        let listener = listen(&network, "tcp://[::]:*").unwrap();
        let Endpoint::Tcp { port, .. } = listener.local_endpoint() else { panic!("not tcp") };
        let four = endpoint(&format!("tcp://127.0.0.1:{port}"));
        network.connect(&four, &StreamOptions::default()).await.unwrap();
        listener.accept().await.unwrap();
    });
}

#[test]
fn a_name_is_tried_at_every_address_it_has() {
    run(async |network| {
        // Only one of them is listened on at a time. A system without a hosts file knows none.
        let known = ("localhost", 0).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        for address in known.unwrap_or_else(|_| vec![([127, 0, 0, 1], 0).into()]) {
            let listener = listen(&network, &format!("tcp://{address}")).unwrap();
            let Endpoint::Tcp { port, .. } = listener.local_endpoint() else { panic!("not tcp") };
            let name = Endpoint::Tcp { host: Host::Name("localhost".into()), port };
            network.connect(&name, &StreamOptions::default()).await.unwrap();
        }
    });
}

#[test]
fn a_connection_comes_from_the_source_that_was_named() {
    run(async |network| {
        let listener = listen(&network, "tcp://127.0.0.1:*").unwrap();
        let Endpoint::Tcp { port, .. } = listener.local_endpoint() else { panic!("not tcp") };
        let options = StreamOptions::default();
        for (source, seen) in [("127.0.0.2:*", "127.0.0.2:"), ("*:*", "127.0.0.1:"), ("lo:*", "127.0.0.1:")] {
            let to = endpoint(&format!("tcp://{source};127.0.0.1:{port}"));
            network.connect(&to, &options).await.unwrap();
            let accepted = listener.accept().await.unwrap();
            assert!(accepted.peer_address().starts_with(seen), "{source}: {}", accepted.peer_address());
        }
        // A port, for two servers at the same time.
        let source = listen(&network, "tcp://127.0.0.3:*").unwrap().local_endpoint();
        let Endpoint::Tcp { port: free, .. } = source else { panic!("not tcp") };
        let other = listen(&network, "tcp://127.0.0.1:*").unwrap();
        let mut connected = Vec::new();
        for listener in [&listener, &other] {
            let Endpoint::Tcp { port, .. } = listener.local_endpoint() else { panic!("not tcp") };
            let to = endpoint(&format!("tcp://127.0.0.3:{free};127.0.0.1:{port}"));
            connected.push(network.connect(&to, &options).await.unwrap());
            let accepted = listener.accept().await.unwrap();
            assert_eq!(accepted.peer_address(), format!("127.0.0.3:{free}"));
        }
    });
}

#[test]
fn a_source_that_is_not_ours_or_of_another_family_is_refused_and_none_is_listened_at() {
    run(async |network| {
        let options = StreamOptions::default();
        let connect = async |to: &str| network.connect(&endpoint(to), &options).await.unwrap_err();
        assert_eq!(connect("tcp://192.0.2.1:*;127.0.0.1:1").await.kind(), ErrorKind::AddrNotAvailable);
        let error = connect("tcp://no-such-if:*;127.0.0.1:1").await;
        assert!(error.to_string().contains("no-such-if"), "{error}");
        assert_eq!(connect("tcp://127.0.0.1:*;[::1]:1").await.kind(), ErrorKind::InvalidInput);
        let error = listen(&network, "tcp://127.0.0.1:*;127.0.0.1:1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn a_zone_that_is_no_interface_is_named() {
    run(async |network| {
        let nowhere = endpoint("tcp://[fe80::1%no-such-if]:1");
        let error = network.connect(&nowhere, &StreamOptions::default()).await.unwrap_err();
        assert!(error.to_string().contains("no-such-if"), "{error}");
        assert!(
            network
                .listen(&nowhere, &StreamOptions::default())
                .unwrap_err()
                .to_string()
                .contains("no-such-if")
        );
    });
}

#[test]
fn a_name_that_does_not_resolve_is_not_found_and_named() {
    run(async |network| {
        let nowhere = endpoint("tcp://no-such-host.invalid:1");
        let error = network.connect(&nowhere, &StreamOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
        let error = listen(&network, "tcp://no-such-host.invalid:1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn a_foreign_address_or_a_taken_port_cannot_be_listened_at() {
    run(async |network| {
        // TEST-NET-1: nobody's address.
        let error = listen(&network, "tcp://192.0.2.1:*").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        let first = listen(&network, "tcp://127.0.0.1:*").unwrap();
        let taken = first.local_endpoint();
        let error = network.listen(&taken, &StreamOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn a_dropped_listener_frees_its_port_at_once_though_an_accept_was_in_flight() {
    run(async |network| {
        let listener = listen(&network, "tcp://127.0.0.1:*").unwrap();
        let endpoint = listener.local_endpoint();
        assert!(poll_once(listener.accept()).is_none());
        compio::time::sleep(Duration::from_millis(1)).await;
        drop(listener);
        let again = network.listen(&endpoint, &StreamOptions::default()).unwrap();
        network.connect(&endpoint, &StreamOptions::default()).await.unwrap();
        again.accept().await.unwrap();
    });
}

#[test]
fn a_listener_that_is_dropped_outside_its_runtime_or_after_it_frees_its_endpoint() {
    for place in ["tcp://127.0.0.1:*", "ipc://*", &format!("ipc://@seaworthy-outside-{}", std::process::id())]
    {
        let network = CompioNetwork::new();
        let mut endpoint = endpoint(place);
        for after in [false, true, false] {
            let runtime = compio::runtime::Runtime::new().unwrap();
            let listener = runtime.block_on(async {
                let listener = network.listen(&endpoint, &StreamOptions::default()).unwrap();
                assert!(poll_once(listener.accept()).is_none());
                listener
            });
            endpoint = listener.local_endpoint();
            if after {
                drop(runtime);
            }
            drop(listener);
        }
    }
}

#[test]
fn an_accept_that_was_dropped_loses_no_connection() {
    run(async |network| {
        let listener = listen(&network, "tcp://127.0.0.1:*").unwrap();
        let mut first = Box::pin(listener.accept());
        assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let connected = network.connect(&listener.local_endpoint(), &StreamOptions::default()).await.unwrap();
        write_all(&connected, "first").await;
        // By now the kernel has given the connection to the first accept.
        drop(first);
        let accepted = listener.accept().await.unwrap();
        assert_eq!(read_exactly(&accepted, 5).await, "first");
    });
}

#[test]
fn a_stale_socket_file_is_replaced_and_the_new_one_removed_with_its_listener() {
    run(async |network| {
        let path = temporary_path("stale");
        drop(StdUnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let listener = network.listen(&Endpoint::ipc_file(&path), &StreamOptions::default()).unwrap();
        network.connect(&listener.local_endpoint(), &StreamOptions::default()).await.unwrap();
        drop(listener);
        assert!(!path.exists());
    });
}

#[test]
fn a_socket_file_in_use_and_a_file_that_is_no_socket_are_left_alone() {
    run(async |network| {
        let path = temporary_path("alive");
        let alive = StdUnixListener::bind(&path).unwrap();
        let error = network.listen(&Endpoint::ipc_file(&path), &StreamOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert!(path.exists());
        drop(alive);
        std::fs::remove_file(&path).unwrap();

        std::fs::write(&path, "a letter").unwrap();
        let error = network.listen(&Endpoint::ipc_file(&path), &StreamOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a letter");
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn a_listener_does_not_remove_a_file_that_took_the_place_of_its_own() {
    run(async |network| {
        let path = temporary_path("successor");
        let first = network.listen(&Endpoint::ipc_file(&path), &StreamOptions::default()).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = network.listen(&Endpoint::ipc_file(&path), &StreamOptions::default()).unwrap();
        drop(first);
        network.connect(&second.local_endpoint(), &StreamOptions::default()).await.unwrap();
    });
}

#[test]
fn an_ipc_wildcard_is_for_its_user_and_leaves_nothing_behind() {
    run(async |network| {
        let listener = listen(&network, "ipc://*").unwrap();
        let Endpoint::Ipc(IpcPath::File(path)) = listener.local_endpoint() else { panic!("not a file") };
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        drop(listener);
        assert!(!path.exists());
    });
}

#[test]
fn connecting_to_a_missing_or_stale_socket_file_fails_as_such() {
    run(async |network| {
        let path = temporary_path("connect");
        let to = Endpoint::ipc_file(&path);
        let error = network.connect(&to, &StreamOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        drop(StdUnixListener::bind(&path).unwrap());
        let error = network.connect(&to, &StreamOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn a_read_appends_to_what_the_buffer_holds() {
    run(async |network| {
        let (here, there) = pair(&network, "tcp://127.0.0.1:*").await;
        write_all(&here, "world").await;
        let mut buffer = BytesMut::with_capacity(64);
        buffer.extend_from_slice(b"hello ");
        let (read, buffer) = there.read(buffer).await;
        assert_eq!(read.unwrap(), 5);
        assert_eq!(buffer, "hello world");
    });
}

#[test]
fn a_read_into_a_full_buffer_is_an_error_and_not_the_end_of_the_stream() {
    run(async |network| {
        let (here, there) = pair(&network, "tcp://127.0.0.1:*").await;
        write_all(&here, "x").await;
        let (read, _) = there.read(BytesMut::new()).await;
        assert_eq!(read.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read_exactly(&there, 1).await, "x");
    });
}

#[test]
fn more_segments_than_the_kernel_takes_are_written_as_a_prefix() {
    run(async |network| {
        let (here, there) = pair(&network, "tcp://127.0.0.1:*").await;
        let segments: Vec<Bytes> = (0..3000u32).map(|n| Bytes::from(n.to_be_bytes().to_vec())).collect();
        let (written, same) = here.write(segments.clone()).await;
        let written = written.unwrap();
        assert_eq!(written, 1024 * 4);
        assert_eq!(same, segments);
        assert_eq!(read_exactly(&there, written).await, segments.concat()[..written]);
    });
}

#[test]
fn empty_segments_do_not_hide_the_byte_behind_them() {
    run(async |network| {
        let (here, there) = pair(&network, "tcp://127.0.0.1:*").await;
        let mut segments = vec![Bytes::new(); 2000];
        assert_eq!(here.write(segments.clone()).await.0.unwrap(), 0);
        segments.push(Bytes::from_static(b"x"));
        assert_eq!(here.write(segments).await.0.unwrap(), 1);
        assert_eq!(read_exactly(&there, 1).await, "x");
    });
}

#[test]
fn a_read_that_waits_for_more_than_its_socket_holds_does_not_wait_for_ever() {
    const BYTES: usize = 1 << 20;
    for rcvbuf in [None, Some(4096)] {
        run(async |network| {
            let mut options = StreamOptions::default();
            options.rcvbuf = rcvbuf;
            let listener = network.listen(&endpoint("tcp://127.0.0.1:*"), &options).unwrap();
            let connected = network.connect(&listener.local_endpoint(), &options).await.unwrap();
            let accepted = listener.accept().await.unwrap();
            let writing = compio::runtime::spawn(async move {
                let mut rest = Bytes::from(vec![7; BYTES]);
                while !rest.is_empty() {
                    let (written, _) = connected.write(vec![rest.clone()]).await;
                    rest = rest.split_off(written.unwrap());
                }
                connected
            });
            let mut buffer = BytesMut::with_capacity(BYTES);
            while buffer.len() < BYTES {
                accepted.set_rcvlowat((BYTES - buffer.len()).min(192 * 1024));
                let (read, filled) = accepted.read(buffer).await;
                assert_ne!(read.unwrap(), 0);
                buffer = filled;
            }
            drop(writing.await);
        });
    }
}

#[test]
fn a_read_that_waits_for_more_is_woken_by_the_end() {
    run(async |network| {
        let (here, there) = pair(&network, "tcp://127.0.0.1:*").await;
        there.set_rcvlowat(100);
        // In flight before anything has come.
        let mut reading = pin!(there.read(BytesMut::with_capacity(1000)));
        assert!(poll_once(reading.as_mut()).is_none());
        write_all(&here, "the last words").await;
        here.shutdown().await.unwrap();
        let (read, buffer) = reading.await;
        assert_eq!((read.unwrap(), &buffer[..]), (14, &b"the last words"[..]));
        assert_eq!(there.read(buffer).await.0.unwrap(), 0);
    });
}

#[test]
fn a_reset_ends_the_operations_in_flight_and_the_tcp_peer_sees_it() {
    run(async |network| {
        let (here, there) = pair(&network, "tcp://127.0.0.1:*").await;
        let full = async {
            // Nobody reads, so this ends in a write that waits.
            loop {
                let (written, _) = here.write(vec![Bytes::from(vec![0; 1 << 20])]).await;
                if let Err(error) = written {
                    break error;
                }
            }
        };
        let mut read = pin!(here.read(BytesMut::with_capacity(16)));
        let mut full = pin!(full);
        let context = &mut Context::from_waker(Waker::noop());
        assert!(read.as_mut().poll(context).is_pending());
        for _ in 0..10 {
            assert!(full.as_mut().poll(context).is_pending());
            compio::time::sleep(Duration::from_millis(1)).await;
        }
        here.reset();
        assert!(read.await.0.is_err());
        full.await;
        let error = loop {
            match there.read(BytesMut::with_capacity(1 << 20)).await.0 {
                Ok(0) => panic!("the peer saw an orderly end"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_reset_ends_the_operations_in_flight_on_ipc_too() {
    run(async |network| {
        let (here, there) = pair(&network, "ipc://*").await;
        let mut read = pin!(here.read(BytesMut::with_capacity(16)));
        assert!(read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        here.reset();
        assert!(matches!(read.await.0, Ok(0) | Err(_)));
        assert!(here.write(vec![Bytes::from_static(b"x")]).await.0.is_err());
        assert!(matches!(there.read(BytesMut::with_capacity(16)).await.0, Ok(0) | Err(_)));
    });
}

#[test]
fn a_task_whose_operations_never_wait_lets_others_run() {
    const BYTES: usize = 1000;
    run(async |network| {
        let (here, there) = pair(&network, "tcp://127.0.0.1:*").await;
        let ran = Rc::new(Cell::new(0));
        let runs = ran.clone();
        network.spawn("other", async move {
            loop {
                runs.set(runs.get() + 1);
                yield_now().await;
            }
        });
        for _ in 0..BYTES {
            write_all(&here, "x").await;
        }
        let written = ran.take();
        assert!(written > 10, "{written} turns during {BYTES} writes");
        for _ in 0..BYTES {
            read_exactly(&there, 1).await;
        }
        let read = ran.take();
        assert!(read > 10, "{read} turns during {BYTES} reads");
    });
}

#[test]
fn a_listener_whose_connections_are_there_lets_others_run() {
    const CONNECTIONS: usize = 100;
    run(async |network| {
        let listener = listen(&network, "ipc://*").unwrap();
        let mut connected = Vec::new();
        for _ in 0..CONNECTIONS {
            let to = listener.local_endpoint();
            connected.push(network.connect(&to, &StreamOptions::default()).await.unwrap());
        }
        let ran = Rc::new(Cell::new(0));
        let runs = ran.clone();
        network.spawn("other", async move {
            loop {
                runs.set(runs.get() + 1);
                yield_now().await;
            }
        });
        for _ in 0..CONNECTIONS {
            listener.accept().await.unwrap();
        }
        assert!(ran.get() > 2, "{} turns during {CONNECTIONS} accepts", ran.get());
    });
}

#[test]
fn a_socket_file_without_room_for_a_connection_gives_no_stream_that_is_not_connected() {
    run(async |network| {
        let path = temporary_path("full");
        let address = SockAddr::unix(&path).unwrap();
        let full = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        full.bind(&address).unwrap();
        full.listen(0).unwrap();
        full.set_nonblocking(true).unwrap();
        let filling = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        filling.connect(&address).unwrap();
        let to = Endpoint::ipc_file(&path);
        let connecting = compio::runtime::spawn({
            let network = network.clone();
            async move { network.connect(&to, &StreamOptions::default()).await }
        });
        compio::time::sleep(Duration::from_millis(10)).await;
        let first = full.accept().unwrap().0;
        // io_uring waits for room, epoll cannot.
        match connecting.await.unwrap() {
            Ok(stream) => {
                let second = full.accept().unwrap().0;
                write_all(&stream, "room").await;
                let mut bytes = [0; 4];
                second.set_nonblocking(true).unwrap();
                (&second).read_exact(&mut bytes).unwrap();
                assert_eq!(&bytes, b"room");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::NotConnected),
        }
        drop((first, filling));
        std::fs::remove_file(&path).unwrap();
    });
}

#[test]
fn a_shut_down_stream_still_reads() {
    run(async |network| {
        let (here, there) = pair(&network, "tcp://127.0.0.1:*").await;
        here.shutdown().await.unwrap();
        assert_eq!(there.read(BytesMut::with_capacity(16)).await.0.unwrap(), 0);
        write_all(&there, "still here").await;
        assert_eq!(read_exactly(&here, 10).await, "still here");
    });
}

#[test]
fn writing_to_a_gone_peer_is_an_error_and_not_a_signal() {
    run(async |network| {
        let (here, there) = pair(&network, "ipc://*").await;
        drop(there);
        let error = here.write(vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]).await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

/// Collects the names of tasks that were reported.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Reports {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::ERROR
    }

    fn event(&self, event: &tracing::Event<'_>) {
        struct Fields<'a>(&'a mut Vec<String>);
        impl tracing::field::Visit for Fields<'_> {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0.push(format!("{}={value:?}", field.name()));
            }
        }
        event.record(&mut Fields(&mut self.0.lock().unwrap()));
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_task_that_panics_is_reported_by_name_and_ends_alone() {
    let reports = Reports::default();
    tracing::subscriber::with_default(reports.clone(), || {
        run(async |network| {
            let held = Rc::new(());
            let task_holds = held.clone();
            network.spawn("doomed", async move {
                let _held = task_holds;
                panic!("as planned");
            });
            let deadline = network.now() + Duration::from_millis(1);
            network.sleep_until(deadline).await;
            assert!(network.now() >= deadline);
            assert_eq!(Rc::strong_count(&held), 1, "the task still holds what it held");
        });
    });
    let reports = reports.0.lock().unwrap();
    assert!(reports.contains(&"task=\"doomed\"".to_owned()), "{reports:?}");
    assert!(reports.contains(&"panic=\"as planned\"".to_owned()), "{reports:?}");
}

#[test]
fn listening_outside_a_runtime_is_an_error() {
    let error = listen(&CompioNetwork::new(), "tcp://127.0.0.1:*").unwrap_err();
    assert!(error.to_string().contains("outside a compio runtime"), "{error}");
}

/// Polls `future` once and drops it.
fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Lets the other tasks run.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
