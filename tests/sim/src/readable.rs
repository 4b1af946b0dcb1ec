//! Waiting for something to read.

use std::pin::pin;

use bytes::BytesMut;
use seaworthy_core::{Network, Stream};

use crate::place::{PATIENCE, Pair, on_every_network, poll_once, read_up_to, write_all};

on_every_network! {
    both a_stream_is_readable_once_bytes_have_come_and_they_stay;
    both a_stream_is_readable_at_its_end;
    both a_stream_that_was_reset_is_readable;
    both waiting_can_be_given_up_and_begun_again;
}

async fn a_stream_is_readable_once_bytes_have_come_and_they_stay<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let waiting = pair.within(PATIENCE, Box::pin(far.readable())).await.expect_err("nothing was written");
    write_all(&near, "some bytes").await.unwrap();
    waiting.await;
    far.readable().await;
    assert_eq!(read_up_to(&far, 10).await.unwrap(), "some bytes");
    assert!(pair.within(PATIENCE, Box::pin(far.readable())).await.is_err(), "everything was read");
}

async fn a_stream_is_readable_at_its_end<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let waiting = pair.within(PATIENCE, Box::pin(far.readable())).await.expect_err("nothing was written");
    near.shutdown().await.unwrap();
    waiting.await;
    assert_eq!(far.read(BytesMut::with_capacity(10)).await.0.unwrap(), 0);
    far.readable().await;
}

async fn a_stream_that_was_reset_is_readable<N: Network>(pair: Pair<N>) {
    for own in [false, true] {
        let (near, far) = pair.connected().await;
        let waiting = pair.within(PATIENCE, Box::pin(far.readable())).await.expect_err("nothing was written");
        if own {
            far.reset()
        } else {
            near.reset()
        }
        waiting.await;
        far.readable().await;
    }
}

async fn waiting_can_be_given_up_and_begun_again<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    for _ in 0..3 {
        assert_eq!(poll_once(&mut pin!(far.readable())), None);
    }
    write_all(&near, "some bytes").await.unwrap();
    far.readable().await;
    assert_eq!(read_up_to(&far, 10).await.unwrap(), "some bytes");
    write_all(&near, "more").await.unwrap();
    assert_eq!(read_up_to(&far, 4).await.unwrap(), "more");
}
