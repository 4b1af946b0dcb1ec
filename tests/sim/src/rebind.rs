//! An endpoint that was let go can be bound again in the next line, without an await in between.

use std::io::ErrorKind;
use std::time::Duration;

use futures_util::future::join;
use seaworthy::{Context, DealerSocket, Error, RepSocket, ReqSocket};
use seaworthy_core::{Endpoint, IpcPath, Listener, Network, StreamOptions};

use crate::place::{
    Pair, Transport, error_of, on_compio, on_every_network, poll_once, read_up_to, write_all,
};

on_every_network! {
    both a_closed_listener_frees_its_endpoint_and_fails_the_accept_under_way;
    both a_socket_binds_what_another_has_just_let_go;
    ipc an_abstract_name_is_free_as_soon_as_it_is_let_go;
    tcp a_bound_endpoint_is_let_go_under_each_of_its_names;
}

async fn a_closed_listener_frees_its_endpoint_and_fails_the_accept_under_way<N: Network>(pair: Pair<N>) {
    let options = StreamOptions::default();
    let first = pair.listen();
    let endpoint = first.local_endpoint();
    let mut accept = Box::pin(first.accept());
    assert!(poll_once(&mut accept).is_none());
    // By now an accept is in flight, if the network has such a thing.
    pair.sleep(Duration::from_millis(1)).await;
    assert!(poll_once(&mut accept).is_none());
    first.close();
    let second = pair.listener().listen(&endpoint, &options).unwrap();
    assert_eq!(error_of(accept.await).kind(), ErrorKind::NotConnected);
    first.close();
    assert_eq!(error_of(first.accept().await).kind(), ErrorKind::NotConnected);
    drop(first);
    let near = pair.near.connect(&second.local_endpoint(), &options).await.unwrap();
    write_all(&near, "second").await.unwrap();
    let far = second.accept().await.unwrap();
    assert_eq!(read_up_to(&far, 6).await.unwrap(), "second");
}

/// Asks a REP that has just been bound, over a new connection.
async fn ask<N: Network>(pair: &Pair<N>, rep: &RepSocket<N>, endpoint: &Endpoint) {
    let req = ReqSocket::new(&Context::with_network(pair.near.clone())).unwrap();
    req.connect(endpoint).unwrap();
    let (answer, ()) = join(
        async {
            req.send("who?").await.unwrap();
            req.recv().await.unwrap()
        },
        async {
            let question = rep.recv().await.unwrap();
            rep.send(question).await.unwrap();
        },
    )
    .await;
    assert_eq!(answer.frame(0), Some(&b"who?"[..]));
}

async fn a_socket_binds_what_another_has_just_let_go<N: Network>(pair: Pair<N>) {
    let context = Context::with_network(pair.listener().clone());
    let endpoint = pair.listen().local_endpoint();
    rebind(&pair, &context, &endpoint).await;
}

async fn an_abstract_name_is_free_as_soon_as_it_is_let_go<N: Network>(pair: Pair<N>) {
    let context = Context::with_network(pair.listener().clone());
    let name = Endpoint::Ipc(IpcPath::Abstract(format!("seaworthy-{:x}", pair.near.random())));
    rebind(&pair, &context, &name).await;
}

async fn rebind<N: Network>(pair: &Pair<N>, context: &Context<N>, endpoint: &Endpoint) {
    let new = || RepSocket::new(context).unwrap();
    // With a connection, and an accept in flight.
    let rep = new();
    rep.bind(endpoint).unwrap();
    ask(pair, &rep, endpoint).await;
    drop(rep);
    let rep = new();
    rep.bind(endpoint).unwrap();
    ask(pair, &rep, endpoint).await;
    // The same socket, and one of another type, again and again in one turn.
    for _ in 0..3 {
        rep.unbind(endpoint).unwrap();
        rep.bind(endpoint).unwrap();
    }
    rep.unbind(endpoint).unwrap();
    for _ in 0..3 {
        DealerSocket::new(context).unwrap().bind(endpoint).unwrap();
    }
    rep.bind(endpoint).unwrap();
    ask(pair, &rep, endpoint).await;
    // The end of close and what comes after it.
    rep.close().await;
    let rep = new();
    rep.bind(endpoint).unwrap();
    // A future of close that was never polled closes all the same.
    drop(rep.close());
    let rep = new();
    rep.bind(endpoint).unwrap();
    ask(pair, &rep, endpoint).await;
}

async fn a_bound_endpoint_is_let_go_under_each_of_its_names<N: Network>(pair: Pair<N>) {
    let rep = RepSocket::new(&Context::with_network(pair.far)).unwrap();
    for (bound, names) in [
        ("localhost", &["localhost:*", "localhost:PORT", "127.0.0.1:PORT", "[::ffff:127.0.0.1]:PORT"][..]),
        ("127.0.0.1", &["127.0.0.1:*", "127.0.0.1:PORT", "localhost:PORT"]),
        ("*", &["*:*", "*:PORT", "0.0.0.0:PORT"]),
    ] {
        for name in names {
            let Endpoint::Tcp { port, .. } = rep.bind(format!("tcp://{bound}:*")).unwrap() else {
                panic!("not tcp")
            };
            let name = format!("tcp://{}", name.replace("PORT", &port.to_string()));
            // Not by another port, and not as what was connected.
            let other = format!("tcp://{bound}:{}", port ^ 1);
            assert!(matches!(rep.unbind(&other), Err(Error::UnknownEndpoint(_))), "{other}");
            assert!(matches!(rep.disconnect(&name), Err(Error::UnknownEndpoint(_))), "{name}");
            rep.unbind(&name).unwrap_or_else(|error| panic!("bound {bound}: {error}"));
            rep.bind(format!("tcp://{bound}:{port}")).unwrap();
            rep.unbind(format!("tcp://{bound}:{port}")).unwrap();
        }
    }
}

#[test]
fn a_network_interface_is_let_go_by_its_name_and_the_port_that_was_chosen() {
    on_compio(Transport::Tcp, async |pair| {
        let rep = RepSocket::new(&Context::with_network(pair.far)).unwrap();
        let Endpoint::Tcp { port, .. } = rep.bind("tcp://lo:*").unwrap() else { panic!("not tcp") };
        rep.unbind(format!("tcp://lo:{port}")).unwrap();
        rep.bind(format!("tcp://lo:{port}")).unwrap();
    });
}

#[test]
fn what_no_socket_can_bind_is_refused_with_the_reason() {
    on_compio(Transport::Tcp, async |pair| {
        let rep = RepSocket::new(&Context::with_network(pair.far)).unwrap();
        let error = rep.bind("tcp://127.0.0.1:*;127.0.0.1:5555").unwrap_err();
        assert!(error.to_string().contains("a source address is for connecting"), "{error}");
    });
}
