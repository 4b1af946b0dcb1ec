//! A proxy under five loads, ours and libzmq's in turn: how long a message takes from one side to the other.
//!
//! ```text
//! cargo bench -p seaworthy-tests-interop --bench proxy -- [--rounds N] [--svg FILE]
//! ```
//!
//! The proxy (DEALER to DEALER, tcp) runs on a thread of its own; both ends are Seaworthy's, on the main thread, so that
//! nothing differs but the proxy. The loads: 1000 messages a second each way; 10,000 a second forward and 10 back;
//! nothing, 5000 at once, nothing; frames of 1 MB as fast as they go; one message at a time.

use std::cell::RefCell;
use std::fmt::Write;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::join;
use seaworthy::{CompioNetwork, Context, DealerSocket, Instant, Message, Network, Options, proxy};

/// Who forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forwarder {
    Ours,
    Libzmq,
}

const FORWARDERS: [Forwarder; 2] = [Forwarder::Ours, Forwarder::Libzmq];

/// Messages in one direction: so many every so often, so many times.
#[derive(Clone, Copy)]
struct Flow {
    size: usize,
    burst: u32,
    every: Duration,
    times: u32,
    /// The next message waits for the one before.
    lockstep: bool,
}

const fn flow(size: usize, burst: u32, every_ms: u64, times: u32) -> Flow {
    Flow { size, burst, every: Duration::from_millis(every_ms), times, lockstep: false }
}

const NOTHING: Flow = flow(64, 0, 1, 0);

const LOADS: [(&str, Flow, Flow); 5] = [
    ("balanced, 1000/s each way", flow(64, 1, 1, 1000), flow(64, 1, 1, 1000)),
    ("asymmetric, 10000/s to 10/s", flow(64, 10, 1, 1000), flow(64, 1, 100, 10)),
    ("burst of 5000", flow(64, 5000, 300, 3), NOTHING),
    ("1 MB frames", flow(1 << 20, 100, 1, 1), NOTHING),
    ("one at a time", Flow { lockstep: true, ..flow(64, 1, 0, 3000) }, NOTHING),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1));
    let rounds: usize = value("--rounds").and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    // Of each load and forwarder: the quantiles of each round.
    let mut results = vec![[Vec::new(), Vec::new()]; LOADS.len()];
    for _ in 0..rounds {
        for (load, (_, forward, backward)) in results.iter_mut().zip(LOADS) {
            for (forwarder, rounds) in FORWARDERS.into_iter().zip(load) {
                rounds.push(quantiles(measure(forwarder, forward, backward)));
            }
        }
    }
    println!(
        "{:<30} {:>8} {:>12} {:>12} {:>12}   µs, median of {rounds}",
        "load", "proxy", "p50", "p99", "p99.9"
    );
    let mut medians = Vec::new();
    for ((name, ..), load) in LOADS.iter().zip(&results) {
        for (forwarder, rounds) in FORWARDERS.iter().zip(load) {
            let median = [0, 1, 2].map(|quantile| {
                let mut all: Vec<f64> = rounds.iter().map(|round: &[f64; 3]| round[quantile]).collect();
                all.sort_by(f64::total_cmp);
                all[all.len() / 2]
            });
            let who = format!("{forwarder:?}").to_lowercase();
            println!("{name:<30} {who:>8} {:>12.0} {:>12.0} {:>12.0}", median[0], median[1], median[2]);
            medians.push((*name, *forwarder, median));
        }
    }
    if let Some(file) = value("--svg") {
        std::fs::write(file, chart(&medians)).expect("the file can be written");
    }
}

/// Delays in both directions, in microseconds: the median, the 99th and the 99.9th percentile.
fn quantiles(mut delays: Vec<f64>) -> [f64; 3] {
    delays.sort_by(f64::total_cmp);
    [0.5, 0.99, 0.999].map(|part| delays[((delays.len() as f64 * part) as usize).min(delays.len() - 1)])
}

/// The delays of all messages of one load.
fn measure(forwarder: Forwarder, forward: Flow, backward: Flow) -> Vec<f64> {
    let (endpoints, bound) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    match forwarder {
        Forwarder::Ours => spawn(move || {
            compio::runtime::Runtime::new().expect("a runtime").block_on(async {
                let context = Context::new();
                let [front, back] = [(); 2].map(|()| DealerSocket::new(&context).expect("default options"));
                let at = [&front, &back]
                    .map(|socket| socket.bind("tcp://127.0.0.1:*").expect("a port").to_string());
                let mut broker = proxy(&front, &back);
                let handle = broker.handle();
                endpoints.send(at).expect("the main thread waits");
                spawn(move || {
                    let _ = stopped.recv();
                    handle.kill();
                });
                broker.run().await.expect("nothing fails");
            });
        }),
        Forwarder::Libzmq => spawn(move || {
            let context = zmq::Context::new();
            let sockets = [(); 2].map(|()| context.socket(zmq::DEALER).expect("a socket"));
            let at = [&sockets[0], &sockets[1]].map(|socket| {
                socket.bind("tcp://127.0.0.1:*").expect("a port");
                socket.get_last_endpoint().expect("bound").expect("text")
            });
            let mut control = context.socket(zmq::PAIR).expect("a socket");
            control.bind("inproc://control").expect("a free name");
            let other = context.socket(zmq::PAIR).expect("a socket");
            other.connect("inproc://control").expect("it is bound");
            endpoints.send(at).expect("the main thread waits");
            spawn(move || {
                let _ = stopped.recv();
                let _ = other.send("TERMINATE", 0);
            });
            let [mut front, mut back] = sockets;
            zmq::proxy_steerable(&mut front, &mut back, &mut control).expect("nothing fails");
        }),
    }
    let [front, back] = bound.recv().expect("the proxy listens");
    let delays = compio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let context = Context::new();
        let open = || DealerSocket::with_options(&context, Options::default().linger(Duration::ZERO));
        let (one, other) = (open().expect("valid options"), open().expect("valid options"));
        one.connect(front).expect("an endpoint");
        other.connect(back).expect("an endpoint");
        // The way is open in both directions.
        one.send("open").await.expect("a socket");
        other.recv().await.expect("a socket");
        other.send("open").await.expect("a socket");
        one.recv().await.expect("a socket");
        let (mut there, back) = join!(carry(&one, &other, forward), carry(&other, &one, backward));
        there.extend(back);
        there
    });
    drop(stop);
    delays
}

#[expect(clippy::disallowed_methods, reason = "a proxy to be measured has a thread of its own")]
fn spawn(work: impl FnOnce() + Send + 'static) {
    std::thread::spawn(work);
}

/// Sends a flow and receives it at the other end; gives how long each message took, in microseconds.
async fn carry(from: &DealerSocket, to: &DealerSocket, flow: Flow) -> Vec<f64> {
    let clock = CompioNetwork::new();
    let sent: RefCell<Vec<Instant>> = RefCell::default();
    let delays: RefCell<Vec<f64>> = RefCell::default();
    let total = (flow.burst * flow.times) as usize;
    let body = Message::from(vec![0; flow.size]);
    let receive = async || {
        to.recv().await.expect("a socket");
        let number = delays.borrow().len();
        let took = clock.now() - sent.borrow()[number];
        delays.borrow_mut().push(took.as_secs_f64() * 1e6);
    };
    let sending = async {
        let began = clock.now();
        for turn in 0..flow.times {
            clock.sleep_until(began + flow.every * turn).await;
            for _ in 0..flow.burst {
                sent.borrow_mut().push(clock.now());
                from.send(body.clone()).await.expect("a socket");
                if flow.lockstep {
                    receive().await;
                }
            }
        }
    };
    let receiving = async {
        if !flow.lockstep {
            for _ in 0..total {
                receive().await;
            }
        }
    };
    join!(sending, receiving);
    delays.into_inner()
}

/// Bars of the three quantiles on a logarithmic scale, for each load and forwarder.
fn chart(medians: &[(&str, Forwarder, [f64; 3])]) -> String {
    const LEFT: f64 = 270.0;
    const DECADE: f64 = 90.0;
    let x = |micros: f64| LEFT + micros.max(1.0).log10() * DECADE;
    let height = 60 + medians.len() * 34;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"{height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<text x=\"10\" y=\"20\" \
         font-size=\"14\">Time through a proxy: p50, p99 and p99.9, logarithmic; shorter is better</text>\n"
    );
    for (power, label) in ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s"].iter().enumerate()
    {
        let at = LEFT + power as f64 * DECADE;
        let _ = writeln!(svg, "<line x1=\"{at}\" x2=\"{at}\" y1=\"44\" y2=\"{height}\" stroke=\"#dddddd\"/>");
        let _ =
            writeln!(svg, "<text x=\"{at}\" y=\"40\" fill=\"#666666\" text-anchor=\"middle\">{label}</text>");
    }
    for (row, (load, forwarder, quantiles)) in medians.iter().enumerate() {
        let y = 52 + row * 34;
        let (name, colour) = match forwarder {
            Forwarder::Ours => ("Seaworthy", "#1f77b4"),
            Forwarder::Libzmq => ("libzmq", "#ff7f0e"),
        };
        let _ = writeln!(svg, "<text x=\"10\" y=\"{}\">{load}, {name}</text>", y + 15);
        for (bar, quantile) in quantiles.iter().enumerate() {
            let (top, width) = (y + bar * 8, x(*quantile) - LEFT);
            let opacity = 1.0 - bar as f64 * 0.3;
            let _ = writeln!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{width:.1}\" height=\"7\" fill=\"{colour}\" \
                 opacity=\"{opacity:.1}\"/>"
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}
