//! Reads and writes that do less than they were asked to.

use bytes::{Bytes, BytesMut};
use futures_util::future::join;
use seaworthy_core::{Network, Stream};
use seaworthy_sim::{ShortIo, SimNetwork};

use crate::place::{Pair, control, on_both_carriers, on_every_network, pattern, read_to_end, write_all};

on_every_network! {
    both a_write_takes_a_prefix_of_its_segments_and_gives_them_back_untouched;
    both a_read_appends_behind_what_the_buffer_holds;
    both a_read_without_room_is_an_error_and_an_empty_write_is_not;
}

async fn a_write_takes_a_prefix_of_its_segments_and_gives_them_back_untouched<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    let bytes = pattern(8 << 20);
    let segments: Vec<Bytes> =
        [0..5, 5..5, 5..70_000, 70_000..bytes.len()].map(|part| bytes.slice(part)).into();
    let writing = async {
        let (written, back) = near.write(segments.clone()).await;
        assert!(back == segments, "the segments were touched");
        near.shutdown().await.unwrap();
        written.unwrap()
    };
    let (written, read) = join(writing, read_to_end(&far)).await;
    assert!((1..=bytes.len()).contains(&written));
    assert!(read.unwrap() == bytes.slice(..written), "not the prefix that was reported");
}

async fn a_read_appends_behind_what_the_buffer_holds<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    write_all(&near, "world").await.unwrap();
    let mut buffer = BytesMut::with_capacity(64);
    buffer.extend_from_slice(b"hello ");
    while buffer.len() < 11 {
        let before = buffer.len();
        let (read, filled) = far.read(buffer).await;
        assert_eq!(read.unwrap(), filled.len() - before);
        buffer = filled;
    }
    assert_eq!(buffer, "hello world");
}

async fn a_read_without_room_is_an_error_and_an_empty_write_is_not<N: Network>(pair: Pair<N>) {
    let (near, far) = pair.connected().await;
    assert_eq!(near.write(vec![Bytes::new(), Bytes::new()]).await.0.unwrap(), 0);
    let (read, _) = far.read(BytesMut::new()).await;
    assert_eq!(read.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

on_both_carriers! {
    short_reads_and_writes_lose_nothing;
}

async fn short_reads_and_writes_lose_nothing(pair: Pair<SimNetwork>) {
    let (control, near_id, far_id) = control(&pair);
    for host in [near_id, far_id] {
        control.set_short_io(host, ShortIo { read: 0.5, write: 0.5 });
    }
    let (near, far) = pair.connected().await;
    let bytes = pattern(100_000);
    let (mut short_writes, mut short_reads) = (0, 0);
    let writing = async {
        let mut rest = bytes.clone();
        while !rest.is_empty() {
            let asked = rest.len().min(1000);
            let written = near.write(vec![rest.slice(..asked)]).await.0.unwrap();
            assert!(written >= 1);
            short_writes += u32::from(written < asked);
            let _ = rest.split_to(written);
        }
        near.shutdown().await.unwrap();
    };
    let reading = async {
        let mut all = BytesMut::new();
        loop {
            let (read, part) = far.read(BytesMut::with_capacity(1000)).await;
            if read.unwrap() == 0 {
                return all;
            }
            short_reads += u32::from(part.len() < 1000);
            all.extend_from_slice(&part);
        }
    };
    let ((), read) = join(writing, reading).await;
    assert!(read == bytes);
    assert!(short_writes > 20 && short_reads > 20, "{short_writes} {short_reads}");
}
