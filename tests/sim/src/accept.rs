//! The backlog of a listener.

use std::time::Duration;

use seaworthy_core::{Listener, Network, StreamOptions};
use seaworthy_sim::SimNetwork;

use crate::place::{PATIENCE, Pair, on_both_carriers, on_every_network, poll_once, read_up_to, write_all};

on_every_network! {
    both streams_are_accepted_in_the_order_in_which_they_connected;
    both a_dropped_accept_loses_no_stream;
}

async fn streams_are_accepted_in_the_order_in_which_they_connected<N: Network>(pair: Pair<N>) {
    let listener = pair.listen();
    let mut streams = Vec::new();
    for number in 0..10_u8 {
        let stream = pair.connect(&listener).await.unwrap();
        write_all(&stream, vec![number]).await.unwrap();
        streams.push(stream);
    }
    for number in 0..10_u8 {
        let stream = listener.accept().await.unwrap();
        assert_eq!(read_up_to(&stream, 1).await.unwrap()[..], [number]);
    }
}

async fn a_dropped_accept_loses_no_stream<N: Network>(pair: Pair<N>) {
    let listener = pair.listen();
    let mut accept = Box::pin(listener.accept());
    assert!(poll_once(&mut accept).is_none());
    let near = pair.connect(&listener).await.unwrap();
    drop(accept);
    write_all(&near, "still here").await.unwrap();
    let far = listener.accept().await.unwrap();
    assert_eq!(read_up_to(&far, 10).await.unwrap(), "still here");
}

fn small_backlog() -> StreamOptions {
    let mut options = StreamOptions::default();
    options.backlog = 2;
    options
}

on_both_carriers! {
    beyond_its_backlog_a_listener_is_silent_and_peers_try_again;
}

async fn beyond_its_backlog_a_listener_is_silent_and_peers_try_again(pair: Pair<SimNetwork>) {
    let listener = pair.listen_with(&small_backlog());
    // As Linux: one more than the backlog.
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(pair.connect(&listener).await.unwrap());
    }
    let fourth = Box::pin(pair.connect(&listener));
    let Err(fourth) = pair.within(Duration::from_secs(10), fourth).await else {
        panic!("connected beyond it")
    };
    let accepted = listener.accept().await.unwrap();
    // A retry of the kernel, at most 8 seconds later, finds room.
    assert!(pair.within(Duration::from_secs(8), fourth).await.is_ok_and(|stream| stream.is_ok()));
    drop(accepted);
    assert!(pair.within(PATIENCE, Box::pin(listener.accept())).await.is_ok());
}
