//! Peers with names: which address is bound, and what goes on while the resolver hangs.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use seaworthy_core::{CompioNetwork, Endpoint, Listener, Network, StreamOptions};

fn run<T>(network: CompioNetwork, test: impl AsyncFnOnce(CompioNetwork) -> T) -> T {
    compio::runtime::Runtime::new().unwrap().block_on(async {
        compio::time::timeout(Duration::from_secs(60), test(network)).await.expect("timed out")
    })
}

fn endpoint(text: &str) -> Endpoint {
    text.parse().unwrap()
}

fn at(host: &str, listener: &impl Listener) -> Endpoint {
    let Endpoint::Tcp { port, .. } = listener.local_endpoint() else { panic!("not tcp") };
    endpoint(&format!("tcp://{host}:{port}"))
}

/// Look-ups that hang.
#[derive(Default)]
struct Outage {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Default)]
struct State {
    over: bool,
    hanging: BTreeSet<String>,
    /// The most that hung at the same time.
    most: usize,
}

impl Outage {
    /// A network on which every name is this host, and those that begin with `hangs` hang until the outage is over.
    fn network(self: &Arc<Self>) -> CompioNetwork {
        let outage = Arc::clone(self);
        CompioNetwork::new().with_resolver(move |name| {
            if name.starts_with("hangs") {
                outage.hang(name);
            }
            Ok(vec!["127.0.0.1:0".parse().unwrap()])
        })
    }

    fn hang(&self, name: &str) {
        let mut state = self.state.lock().unwrap();
        assert!(state.hanging.insert(name.to_owned()), "{name} is looked up twice at once");
        state.most = state.most.max(state.hanging.len());
        let mut state = self.over.wait_while(state, |state| !state.over).unwrap();
        state.hanging.remove(name);
    }

    fn end(&self) {
        self.state.lock().unwrap().over = true;
        self.over.notify_all();
    }
}

/// Connects to `names` names that hang, each from a task of its own that gives up after `timeout` and tries again,
/// while others go on. Then the outage ends.
fn outage(names: usize, timeout: Option<Duration>) {
    let outage = Arc::new(Outage::default());
    run(outage.network(), async |network| {
        let mut options = StreamOptions::default();
        // They all come at once: beyond it the kernel would lose some that take themselves for connected.
        options.backlog = 1000;
        let listener = network.listen(&endpoint("tcp://127.0.0.1:*"), &options).unwrap();
        let known = at("known", &listener);
        network.connect(&known, &options).await.unwrap();
        listener.accept().await.unwrap();
        let mut tasks = Vec::new();
        for number in 0..names {
            let (network, to) = (network.clone(), at(&format!("hangs-{number}"), &listener));
            tasks.push(compio::runtime::spawn(async move {
                loop {
                    let connecting = network.connect(&to, &StreamOptions::default());
                    match timeout {
                        None => return connecting.await.unwrap(),
                        Some(limit) => match compio::time::timeout(limit, connecting).await {
                            Ok(connected) => return connected.unwrap(),
                            Err(_) => continue,
                        },
                    }
                }
            }));
        }
        for _ in 0..100 {
            for to in [&known, &listener.local_endpoint(), &at("localhost", &listener)] {
                network.connect(to, &options).await.unwrap();
                listener.accept().await.unwrap();
            }
            // Lets attempts be given up meanwhile.
            compio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(
            (1..=16).contains(&outage.state.lock().unwrap().most),
            "{}",
            outage.state.lock().unwrap().most
        );
        outage.end();
        for _ in 0..names {
            listener.accept().await.unwrap();
        }
    });
}

#[test]
fn a_hundred_names_that_hang_are_in_nobodys_way() {
    outage(100, None);
}

#[test]
fn three_hundred_names_that_hang_are_in_nobodys_way() {
    outage(300, None);
}

#[test]
fn a_hundred_attempts_that_are_given_up_and_made_again_are_in_nobodys_way() {
    outage(100, Some(Duration::from_millis(10)));
}

#[test]
fn three_hundred_attempts_that_are_given_up_and_made_again_are_in_nobodys_way() {
    outage(300, Some(Duration::from_millis(10)));
}

fn resolving_to(addresses: &[&str]) -> CompioNetwork {
    let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
    CompioNetwork::new().with_resolver(move |_| Ok(addresses.clone()))
}

#[test]
fn a_name_is_bound_at_its_ipv4_address_whatever_the_order() {
    run(resolving_to(&["[::1]:0", "127.0.0.1:0"]), async |network| {
        let listener = network.listen(&endpoint("tcp://both:*"), &StreamOptions::default()).unwrap();
        assert_eq!(listener.local_endpoint(), at("127.0.0.1", &listener));
    });
    run(resolving_to(&["[::1]:0"]), async |network| {
        let listener = network.listen(&endpoint("tcp://six:*"), &StreamOptions::default()).unwrap();
        assert_eq!(listener.local_endpoint(), at("[::1]", &listener));
    });
}

#[test]
fn a_name_without_an_address_and_one_that_fails_are_not_found_and_named() {
    let failing = CompioNetwork::new().with_resolver(|_| Err(io::Error::other("the server is on fire")));
    for (network, why) in [(resolving_to(&[]), "no address"), (failing, "on fire")] {
        run(network, async |network| {
            let (to, options) = (endpoint("tcp://nowhere:1"), StreamOptions::default());
            let errors = [
                network.connect(&to, &options).await.unwrap_err(),
                network.listen(&to, &options).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::NotFound);
                assert!(error.to_string().contains("nowhere") && error.to_string().contains(why), "{error}");
            }
        });
    }
}
