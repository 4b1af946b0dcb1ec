//! One direction ends, the other goes on.

use std::io::ErrorKind;

use futures_util::future::join;
use seaworthy_core::{Network, Stream};

use crate::place::{Pair, on_every_network, pattern, read_to_end, read_up_to, write_all};

on_every_network! {
    both the_end_of_one_direction_leaves_the_other_open;
    both the_end_comes_after_every_byte;
    both a_dropped_stream_ends_in_an_orderly_way;
    both after_shutdown_writing_fails;
}

async fn the_end_of_one_direction_leaves_the_other_open<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    write_all(&near, "request").await.unwrap();
    near.shutdown().await.unwrap();
    assert_eq!(read_to_end(&far).await.unwrap(), "request");
    write_all(&far, "reply").await.unwrap();
    assert_eq!(read_up_to(&near, 5).await.unwrap(), "reply");
    far.shutdown().await.unwrap();
    assert_eq!(read_to_end(&near).await.unwrap(), "");
    // The end stays the end.
    assert_eq!(read_to_end(&near).await.unwrap(), "");
}

async fn the_end_comes_after_every_byte<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let bytes = pattern(3 << 20);
    let writing = async {
        write_all(&near, bytes.clone()).await.unwrap();
        near.shutdown().await.unwrap();
    };
    let ((), read) = join(writing, read_to_end(&far)).await;
    assert!(read.unwrap() == bytes);
}

async fn a_dropped_stream_ends_in_an_orderly_way<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let bytes = pattern(3 << 20);
    let writing = async {
        write_all(&near, bytes.clone()).await.unwrap();
        drop(near);
    };
    let ((), read) = join(writing, read_to_end(&far)).await;
    assert!(read.unwrap() == bytes);
}

async fn after_shutdown_writing_fails<N: Network>(pair: Pair<N>) {
    let (near, _far) = pair.connected().await;
    near.shutdown().await.unwrap();
    let error = write_all(&near, "late").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}
