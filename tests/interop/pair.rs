use seaworthy::{Options, PairSocket};

use crate::conversation::{WINDOW, echo_by_libzmq, echo_by_us, flood_from_libzmq, flood_to_libzmq};
use crate::corpus::{corpus, excerpt};
use crate::libzmq;
use crate::link::{last_endpoint, on_every_link, on_one_runtime};

#[test]
fn a_pair_of_libzmq_gets_all_that_ours_sends() {
    on_every_link(async |link, context, libzmq| {
        let ours = PairSocket::new(context).unwrap();
        let theirs = libzmq.socket(zmq::PAIR);
        link.connect(&ours, &theirs);
        flood_to_libzmq(&ours, theirs, corpus()).await;
    });
}

#[test]
fn our_pair_gets_all_that_one_of_libzmq_sends() {
    on_every_link(async |link, context, libzmq| {
        let ours = PairSocket::new(context).unwrap();
        let theirs = libzmq.socket(zmq::PAIR);
        link.connect(&ours, &theirs);
        flood_from_libzmq(&ours, theirs, corpus()).await;
    });
}

#[test]
fn pairs_answer_each_other() {
    on_every_link(async |link, context, libzmq| {
        let ours = PairSocket::new(context).unwrap();
        let theirs = libzmq.socket(zmq::PAIR);
        link.connect(&ours, &theirs);
        echo_by_libzmq(&ours, theirs, excerpt(), WINDOW).await;

        let ours = PairSocket::new(context).unwrap();
        let theirs = libzmq.socket(zmq::PAIR);
        link.connect(&ours, &theirs);
        echo_by_us(&ours, theirs, excerpt(), WINDOW).await;
    });
}

#[test]
fn pairs_of_libzmq_have_their_turn_at_ours_one_after_the_other() {
    on_one_runtime(async |context, libzmq| {
        let ours = PairSocket::new(context).unwrap();
        let endpoint = ours.bind("tcp://127.0.0.1:*").unwrap().to_string();
        let first = libzmq.socket(zmq::PAIR);
        first.connect(&endpoint).unwrap();
        first.send("first", 0).unwrap();
        assert_eq!(ours.recv().await.unwrap(), "first".into());
        let waiting = [(); 2].map(|()| libzmq.socket(zmq::PAIR));
        for (number, next) in waiting.iter().enumerate() {
            next.connect(&endpoint).unwrap();
            next.send(&format!("waiting {number}"), 0).unwrap();
        }
        // They knock; the first is still served, and only the first.
        ours.send("still you").await.unwrap();
        libzmq::run(first, |first| assert_eq!(libzmq::recv(&first), [b"still you"])).await;
        // It is gone now: one of the others is let in, with what it said meanwhile.
        let heard = ours.recv().await.unwrap();
        let number = usize::from(heard == "waiting 1".into());
        assert_eq!(heard, format!("waiting {number}").into());
        let mut waiting = waiting.into_iter().map(Some).collect::<Vec<_>>();
        drop(waiting[number].take());
        assert_eq!(ours.recv().await.unwrap(), format!("waiting {}", 1 - number).into());
    });
}

#[test]
fn our_pair_has_its_turn_at_one_of_libzmq() {
    on_one_runtime(async |context, libzmq| {
        let theirs = libzmq.socket(zmq::PAIR);
        theirs.bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = last_endpoint(&theirs);
        let options = || Options::default().reconnect_ivl(std::time::Duration::from_millis(10));
        let first = PairSocket::with_options(context, options()).unwrap();
        first.connect(&endpoint).unwrap();
        first.send("first").await.unwrap();
        let theirs = libzmq::run(theirs, |theirs| {
            assert_eq!(libzmq::recv(&theirs), [b"first"]);
            theirs
        })
        .await;
        first.close().await;
        let receive = libzmq::run(theirs, |theirs| libzmq::recv(&theirs));
        // Who knocks before libzmq's PAIR has quite parted with the first one gets a connection that stays mute, so
        // whoever is not heard knocks anew.
        let repeat = async {
            loop {
                let next = PairSocket::with_options(context, options()).unwrap();
                next.connect(&endpoint).unwrap();
                next.send("next").await.unwrap();
                compio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        match futures_util::future::select(std::pin::pin!(receive), std::pin::pin!(repeat)).await {
            futures_util::future::Either::Left((heard, _)) => assert_eq!(heard, [b"next"]),
            futures_util::future::Either::Right((never, _)) => never,
        }
    });
}
