//! What a mark in bytes counts is what is resident, within a factor of two, and memory comes back after a burst. Counted
//! by the allocator, in a process of its own with one test, so that nobody else allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use compio::runtime::Runtime;
use seaworthy::{Context, Message, Options, PullSocket, PushSocket};

/// Counts the bytes that are allocated, as they were asked for.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: it does what `System` does, and counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocated() -> usize {
    ALLOCATED.load(Ordering::Relaxed)
}

/// Enough that a connection's own buffers do not count.
const MARK: usize = 4 << 20;

const SIZES: [usize; 11] = [0, 1, 33, 64, 65, 100, 255, 1000, 8 << 10, 64 << 10, 1 << 20];

/// What comes and goes besides messages: buffers of connections, and what was left of the one before.
const OTHERS: usize = MARK / 50;

/// Both sides of the factor. The bytes of a message of 64 lie in its frame, whose memory counts apart: it counts twice.
#[track_caller]
fn assert_within_two(resident: usize, weight: usize, what: &str, size: usize) {
    assert!(
        resident <= 2 * weight + OTHERS && weight <= 2 * resident + OTHERS,
        "{what}, {size} bytes each: {resident} are resident, {weight} count"
    );
}

#[test]
fn what_counts_is_resident_within_a_factor_of_two_and_comes_back() {
    Runtime::new().unwrap().block_on(async {
        for size in SIZES {
            queued_to_send(size).await;
            received_and_kept(size).await;
        }
        given_back_within_a_process().await;
        given_back_under_heartbeats().await;
    });
}

/// Messages wait in the pipe to an endpoint where nobody listens.
async fn queued_to_send(size: usize) {
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = Options::default().sndhwm(0).sndhwm_bytes(MARK).linger(Duration::ZERO);
    let socket = PushSocket::with_options(&Context::new(), options).unwrap();
    socket.connect(format!("tcp://{nowhere}")).unwrap();
    let before = allocated();
    while socket.try_send(vec![7; size]).is_ok() {}
    let weight = socket.queued().sending_bytes;
    assert!(weight >= MARK, "{weight}");
    assert_within_two(allocated() - before, weight, "queued", size);
    drop(socket);
    // Its dialer lets go of the pipe when it runs next.
    settles(|| allocated() < before + OTHERS).await;
}

/// A peer sends all that it can; then some messages are kept, and all others dropped.
async fn received_and_kept(size: usize) {
    let options = Options::default().rcvhwm(0).rcvhwm_bytes(MARK);
    let socket = PullSocket::with_options(&Context::new(), options).unwrap();
    let endpoint = socket.bind("tcp://127.0.0.1:*").unwrap().to_string();
    let idle = allocated();
    let sender = flood(endpoint.trim_start_matches("tcp://").to_owned(), size);
    let before = allocated();
    while socket.queued().received_bytes < MARK {
        pause().await;
    }
    let weight = socket.queued().received_bytes;
    assert_within_two(allocated() - before, weight, "received", size);
    // Every third message of some, as those who filter do.
    let mut kept = Vec::<Message>::new();
    let mut weight = 0;
    for number in 0.. {
        let message = socket.recv().await.unwrap();
        if number % 3 == 0 {
            weight += message.weight();
            kept.push(message);
        }
        if weight >= MARK {
            break;
        }
    }
    socket.close().await;
    while !sender.is_finished() {
        pause().await;
    }
    let own = kept.capacity() * size_of::<Message>();
    let resident = || allocated() + kept.len() * size_of::<Message>() - idle - own;
    // The driver has to notice.
    settles(|| resident() <= 2 * weight).await;
    assert_within_two(resident(), weight, "kept", size);
}

/// A burst between two sockets of a process leaves next to nothing behind.
async fn given_back_within_a_process() {
    let context = Context::new();
    let pull = PullSocket::with_options(&context, Options::default().rcvhwm(0)).unwrap();
    let push = PushSocket::with_options(&context, Options::default().sndhwm(0)).unwrap();
    pull.bind("inproc://burst").unwrap();
    push.connect("inproc://burst").unwrap();
    push.send("warm").await.unwrap();
    pull.recv().await.unwrap();
    let before = allocated();
    for _ in 0..2000 {
        push.send("burst").await.unwrap();
    }
    let burst = allocated() - before;
    assert!(burst > 1900 * size_of::<Message>(), "{burst}");
    for _ in 0..2000 {
        pull.recv().await.unwrap();
    }
    // Nothing comes; the look says so to the pipe.
    assert!(pull.try_recv().is_err());
    settles(|| allocated() < before + burst / 20).await;
    let left = allocated() - before;
    assert!(left < burst / 20, "{left} of {burst} are left");
}

/// A burst on a connection whose heartbeats are closer than the time after which it is taken to be quiet.
async fn given_back_under_heartbeats() {
    let context = Context::new();
    let options = Options::default().heartbeat_ivl(Duration::from_millis(100));
    let pull = PullSocket::with_options(&context, options.clone().rcvhwm(0)).unwrap();
    let push = PushSocket::with_options(&context, options.sndhwm(0)).unwrap();
    push.connect(pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    push.send("warm").await.unwrap();
    pull.recv().await.unwrap();
    let before = allocated();
    for _ in 0..20_000 {
        push.send(vec![7; 100]).await.unwrap();
    }
    let burst = allocated() - before;
    for _ in 0..20_000 {
        pull.recv().await.unwrap();
    }
    assert!(pull.try_recv().is_err());
    settles(|| allocated() < before + burst / 100).await;
    let left = allocated() - before;
    assert!(left < burst / 100, "{left} of {burst} are left under heartbeats");
}

/// Waits until something is so, or will not be any more.
async fn settles(is_so: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        pause().await;
    }
}

/// Lets the runtime do I/O. Nothing depends on how long it is.
async fn pause() {
    compio::time::sleep(Duration::from_millis(1)).await;
}

/// A thread that speaks ZMTP 3.1 as a PUSH and sends messages of this size until the connection ends.
#[expect(clippy::disallowed_methods, reason = "it allocates nothing while the test counts")]
fn flood(address: String, size: usize) -> thread::JoinHandle<()> {
    let mut greeting = [0; 64];
    greeting[..12].copy_from_slice(b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01");
    greeting[12..16].copy_from_slice(b"NULL");
    let mut bytes = greeting.to_vec();
    bytes.extend(b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH");
    let handshake = bytes.len();
    let length = size as u64;
    match u8::try_from(size) {
        Ok(short) => bytes.extend([0, short]),
        Err(_) => {
            bytes.push(2);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.resize(bytes.len() + size, 7);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let frame = bytes.split_off(handshake);
    // Small ones together, or the kernel would count them as whole pages.
    let batch = frame.repeat((64 << 10) / frame.len() + 1);
    thread::spawn(move || {
        stream.write_all(&bytes).unwrap();
        // What the peer says until it closes is of no interest, but has to be read, or its end would be a reset.
        stream.read_exact(&mut [0; 64]).unwrap();
        while stream.write_all(&batch).is_ok() {}
    })
}
