//! Connecting: to a listener, to nobody, to nowhere.

use std::io::ErrorKind;
use std::time::Duration;

use seaworthy_core::{Endpoint, Host, IpcPath, Listener, Network, Stream, StreamOptions};
use seaworthy_sim::SimNetwork;

use crate::place::{
    PATIENCE, Pair, Transport, control, error_of, on_both_carriers, on_every_network, read_up_to, write_all,
};

on_every_network! {
    both connected_ends_exchange_bytes_in_both_directions;
    both a_listener_without_accept_still_lets_a_peer_connect_and_write;
    both nobody_listening_is_refused;
    both a_dropped_listener_refuses;
    both a_place_can_be_listened_at_once_and_again_when_it_is_free;
    tcp an_unknown_name_is_not_found;
    tcp a_dropped_attempt_to_connect_leaves_no_stream;
}

async fn connected_ends_exchange_bytes_in_both_directions<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    write_all(&near, "ping").await.unwrap();
    assert_eq!(read_up_to(&far, 4).await.unwrap(), "ping");
    write_all(&far, "pong").await.unwrap();
    assert_eq!(read_up_to(&near, 4).await.unwrap(), "pong");
    assert!(!near.peer_address().is_empty());
}

async fn a_listener_without_accept_still_lets_a_peer_connect_and_write<N: Network>(pair: Pair<N>) {
    let listener = pair.listen();
    let near = pair.connect(&listener).await.unwrap();
    write_all(&near, "early").await.unwrap();
    let far = listener.accept().await.unwrap();
    assert_eq!(read_up_to(&far, 5).await.unwrap(), "early");
}

async fn nobody_listening_is_refused<N: Network>(pair: Pair<N>) {
    let place = {
        let listener = pair.listen();
        listener.local_endpoint()
    };
    let error = error_of(pair.near.connect(&place, &StreamOptions::default()).await);
    let expected = match pair.transport {
        Transport::Tcp => ErrorKind::ConnectionRefused,
        // The file is gone with its listener.
        Transport::Ipc => ErrorKind::NotFound,
    };
    assert_eq!(error.kind(), expected, "{error}");
}

async fn a_dropped_listener_refuses<N: Network>(pair: Pair<N>) {
    let listener = pair.listen();
    let place = listener.local_endpoint();
    let waiting = pair.connect(&listener).await.unwrap();
    pair.sleep(PATIENCE).await;
    let just_connected = pair.connect(&listener).await.unwrap();
    drop(listener);
    assert!(pair.near.connect(&place, &StreamOptions::default()).await.is_err());
    // And who was waiting to be accepted is told.
    for stream in [waiting, just_connected] {
        let outcome = read_up_to(&stream, 1).await;
        let reset = outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::ConnectionReset);
        assert!(reset || outcome.as_ref().is_ok_and(|bytes| bytes.is_empty()), "{outcome:?}");
    }
}

async fn a_place_can_be_listened_at_once_and_again_when_it_is_free<N: Network>(pair: Pair<N>) {
    let options = StreamOptions::default();
    let anywhere = match pair.transport {
        Transport::Tcp => pair.listen().local_endpoint(),
        Transport::Ipc => Endpoint::Ipc(IpcPath::Abstract(format!("seaworthy-{}", pair.near.random()))),
    };
    let first = pair.listener().listen(&anywhere, &options).unwrap();
    let place = first.local_endpoint();
    let taken = error_of(pair.listener().listen(&place, &options));
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    drop(first);
    pair.listener().listen(&place, &options).expect("free");
}

async fn an_unknown_name_is_not_found<N: Network>(pair: Pair<N>) {
    let nowhere: Endpoint = "tcp://no-such-host.invalid:1".parse().unwrap();
    let error = error_of(pair.near.connect(&nowhere, &StreamOptions::default()).await);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no-such-host.invalid"), "{error} does not name it");
}

async fn a_dropped_attempt_to_connect_leaves_no_stream<N: Network>(pair: Pair<N>) {
    let listener = pair.listen();
    let attempt = Box::pin(pair.connect(&listener));
    match pair.within(Duration::ZERO, attempt).await {
        Ok(stream) => drop(stream),
        Err(attempt) => drop(attempt),
    }
    // Either nothing comes, or a stream that has ended.
    if let Ok(stream) = pair.within(PATIENCE, Box::pin(listener.accept())).await {
        let outcome = read_up_to(&stream.unwrap(), 1).await;
        assert!(outcome.as_ref().map_or(true, |bytes| bytes.is_empty()), "{outcome:?}");
    }
}

// What the real network cannot be made to do here.

on_both_carriers! {
    an_address_of_nobody_is_unreachable_after_three_seconds;
    a_cut_link_times_out_when_the_kernel_gives_up;
    a_link_that_heals_in_time_lets_an_attempt_through;
    a_host_without_power_times_out;
    a_loopback_address_stays_inside_the_host;
    a_connection_comes_from_the_port_that_was_named;
    zones_and_foreign_sources_are_refused_by_name;
    ten_thousand_attempts_leak_nothing;
}

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp { host: Host::Name(host.into()), port }
}

async fn a_connection_comes_from_the_port_that_was_named(pair: Pair<SimNetwork>) {
    let (listener, options) = (pair.listen(), StreamOptions::default());
    let Endpoint::Tcp { port, .. } = listener.local_endpoint() else { panic!("not tcp") };
    let mut streams = Vec::new();
    for source in ["near:7000", "*:7001", "localhost:7002"] {
        let to: Endpoint = format!("tcp://{source};far:{port}").parse().unwrap();
        streams.push(pair.near.connect(&to, &options).await.unwrap());
        let accepted = listener.accept().await.unwrap();
        let peer = accepted.peer_address();
        assert!(peer.ends_with(&source[source.len() - 5..]), "{source}: {peer}");
        streams.push(accepted);
    }
    let again: Endpoint = format!("tcp://near:7000;far:{port}").parse().unwrap();
    assert_eq!(error_of(pair.near.connect(&again, &options).await).kind(), ErrorKind::AddrInUse);
}

async fn zones_and_foreign_sources_are_refused_by_name(pair: Pair<SimNetwork>) {
    let options = StreamOptions::default();
    let zone: Endpoint = "tcp://[fe80::1%eth0]:1".parse().unwrap();
    for error in
        [error_of(pair.near.connect(&zone, &options).await), error_of(pair.near.listen(&zone, &options))]
    {
        assert_eq!(error.kind(), ErrorKind::AddrNotAvailable);
        assert!(error.to_string().contains("[fe80::1%eth0]"), "{error}");
    }
    let foreign: Endpoint = "tcp://far:*;far:1".parse().unwrap();
    assert_eq!(error_of(pair.near.connect(&foreign, &options).await).kind(), ErrorKind::AddrNotAvailable);
    let error = error_of(pair.near.listen(&"tcp://*:*;far:1".parse().unwrap(), &options));
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

async fn an_address_of_nobody_is_unreachable_after_three_seconds(pair: Pair<SimNetwork>) {
    let before = pair.near.now();
    let nobody: Endpoint = "tcp://10.9.9.9:1".parse().unwrap();
    let error = error_of(pair.near.connect(&nobody, &StreamOptions::default()).await);
    assert_eq!(error.kind(), ErrorKind::HostUnreachable);
    assert_eq!((pair.near.now() - before).as_secs(), 3);
}

async fn a_cut_link_times_out_when_the_kernel_gives_up(pair: Pair<SimNetwork>) {
    let listener = pair.listen();
    let (control, near, far) = control(&pair);
    control.cut_both(near, far);
    let before = pair.near.now();
    let error = error_of(pair.connect(&listener).await);
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!((pair.near.now() - before).as_secs(), 127);
}

async fn a_link_that_heals_in_time_lets_an_attempt_through(pair: Pair<SimNetwork>) {
    let listener = pair.listen();
    let (control, near, far) = control(&pair);
    control.cut_both(near, far);
    let attempt = Box::pin(pair.connect(&listener));
    let Err(attempt) = pair.within(Duration::from_secs(20), attempt).await else {
        panic!("connected over a cut")
    };
    control.heal_all();
    attempt.await.unwrap();
}

async fn a_host_without_power_times_out(pair: Pair<SimNetwork>) {
    let listener = pair.listen();
    let place = listener.local_endpoint();
    let (control, _, far) = control(&pair);
    control.crash(far, seaworthy_sim::CrashKind::Power);
    let error = error_of(pair.near.connect(&place, &StreamOptions::default()).await);
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

async fn a_loopback_address_stays_inside_the_host(pair: Pair<SimNetwork>) {
    let (control, near, far) = control(&pair);
    control.cut_both(near, far);
    for name in ["localhost", "near", "127.0.0.1", "10.0.0.2"] {
        let place: Endpoint = format!("tcp://{name}:7").parse().unwrap();
        let listener = pair.near.listen(&place, &StreamOptions::default()).unwrap();
        let here = pair.near.connect(&place, &StreamOptions::default()).await.unwrap();
        let there = listener.accept().await.unwrap();
        // Long enough for every timer to be far away.
        pair.sleep(Duration::from_secs(1)).await;
        let before = pair.near.now();
        write_all(&here, "home").await.unwrap();
        assert_eq!(read_up_to(&there, 4).await.unwrap(), "home");
        // Microseconds, or a tick.
        assert!(pair.near.now() - before <= Duration::from_millis(1));
    }
}

async fn ten_thousand_attempts_leak_nothing(pair: Pair<SimNetwork>) {
    let refused = tcp("far", 1);
    for _ in 0..10_000 {
        let error = error_of(pair.near.connect(&refused, &StreamOptions::default()).await);
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
}
