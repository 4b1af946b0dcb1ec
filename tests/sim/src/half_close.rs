//! One direction ends, the other goes on.

use std::io::ErrorKind;
use std::time::Duration;

use futures_util::future::join;
use seaworthy_core::{Network, Stream};
use seaworthy_sim::SimNetwork;

use crate::place::{
    Pair, control, on_both_carriers, on_every_network, pattern, read_to_end, read_up_to, write_all,
};

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

on_both_carriers! {
    bytes_wait_for_their_reader_long_after_both_sides_have_ended;
    connections_leave_nothing_behind;
}

async fn bytes_wait_for_their_reader_long_after_both_sides_have_ended(pair: Pair<SimNetwork>) {
    let (near, far) = pair.connected().await;
    near.shutdown().await.unwrap();
    write_all(&far, pattern(50_000)).await.unwrap();
    drop(far);
    // Long enough for TIME-WAIT to end.
    pair.sleep(Duration::from_secs(60)).await;
    assert!(read_to_end(&near).await.unwrap() == pattern(50_000));
}

async fn connections_leave_nothing_behind(pair: Pair<SimNetwork>) {
    let (control, near_id, far_id) = control(&pair);
    for way in 0..5 {
        let (near, far) = pair.connected().await;
        assert_eq!(control.connections(far_id).len(), 1);
        assert_eq!(control.connections(near_id)[0].state, "ESTABLISHED");
        write_all(&near, "12345").await.unwrap();
        match way {
            0 => {
                drop(near);
                read_to_end(&far).await.unwrap();
                drop(far);
            }
            1 => drop((near, far)),
            2 => {
                near.reset();
                drop((near, far));
            }
            3 => {
                // The peer never closes: the kernel gives up waiting after a minute.
                read_up_to(&far, 5).await.unwrap();
                drop(near);
                pair.sleep(Duration::from_secs(59)).await;
                assert_eq!(control.connections(near_id)[0].state, "FIN-WAIT-2");
                pair.sleep(Duration::from_secs(2)).await;
                assert_eq!(control.connections(near_id), []);
                drop(far);
            }
            _ => {
                control.cut_both(near_id, far_id);
                drop(near);
                assert!(control.connections(near_id)[0].orphan);
                control.heal_all();
                pair.sleep(Duration::from_secs(5)).await;
                drop(far);
            }
        }
        pair.sleep(Duration::from_secs(30)).await;
        assert_eq!(control.connections(near_id), [], "near, in way {way}");
        assert_eq!(control.connections(far_id), [], "far, in way {way}");
    }
}

async fn after_shutdown_writing_fails<N: Network>(pair: Pair<N>) {
    let (near, _far) = pair.connected().await;
    near.shutdown().await.unwrap();
    let error = write_all(&near, "late").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}
