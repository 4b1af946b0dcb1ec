//! Both directions end at once.

use std::io::ErrorKind;

use bytes::BytesMut;
use futures_util::future::join;
use seaworthy_core::{Network, Stream};

use crate::place::{PATIENCE, Pair, on_every_network, pattern, read_to_end, read_up_to, write_all};

on_every_network! {
    tcp a_reset_reaches_a_reader_that_waits;
    tcp a_reset_reaches_a_writer_that_waits;
    both a_reset_ends_the_own_reader_and_writer;
    tcp what_arrived_before_a_reset_can_be_read;
    both closing_with_unread_bytes_is_a_reset;
    both after_the_peer_is_gone_writing_fails;
}

async fn a_reset_reaches_a_reader_that_waits<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let reading = async { far.read(BytesMut::with_capacity(10)).await.0 };
    let resetting = async {
        pair.sleep(PATIENCE).await;
        near.reset();
    };
    let (read, ()) = join(reading, resetting).await;
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

async fn a_reset_reaches_a_writer_that_waits<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let writing = async { write_all(&far, pattern(20 << 20)).await };
    let resetting = async {
        pair.sleep(PATIENCE).await;
        near.reset();
    };
    let (written, ()) = join(writing, resetting).await;
    let kind = written.unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind}");
}

async fn a_reset_ends_the_own_reader_and_writer<N: Network>(pair: Pair<N>) {
    let (near, _far) = pair.connected().await;
    let reading = async { near.read(BytesMut::with_capacity(10)).await.0 };
    let writing = async { write_all(&near, pattern(20 << 20)).await };
    let resetting = async {
        pair.sleep(PATIENCE).await;
        near.reset();
    };
    let (read, (written, ())) = join(reading, join(writing, resetting)).await;
    assert!(read.as_ref().map_or(true, |bytes| *bytes == 0), "{read:?}");
    assert!(written.is_err());
}

async fn what_arrived_before_a_reset_can_be_read<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    write_all(&near, "last words").await.unwrap();
    assert_eq!(read_up_to(&far, 5).await.unwrap(), "last ");
    near.reset();
    pair.sleep(PATIENCE).await;
    assert_eq!(read_up_to(&far, 5).await.unwrap(), "words");
    assert_eq!(read_up_to(&far, 1).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

async fn closing_with_unread_bytes_is_a_reset<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    write_all(&near, "nobody will read this").await.unwrap();
    // They have arrived when the first can be read.
    assert_eq!(read_up_to(&far, 1).await.unwrap(), "n");
    drop(far);
    assert_eq!(read_to_end(&near).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

async fn after_the_peer_is_gone_writing_fails<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    drop(far);
    // The first write may still go out; the answer to it is a reset.
    let mut outcome = Ok(());
    for _ in 0..50 {
        outcome = write_all(&near, "anyone?").await;
        if outcome.is_err() {
            break;
        }
        pair.sleep(PATIENCE / 10).await;
    }
    let kind = outcome.unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind}");
}
