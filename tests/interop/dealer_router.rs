use seaworthy::{DealerSocket, Frame, Options, ReqSocket, RouterSocket};

use crate::conversation::{WINDOW, echo_by_libzmq, echo_by_us, flood_from_libzmq, flood_to_libzmq};
use crate::corpus::{behind, corpus, excerpt, message};
use crate::libzmq;
use crate::link::{on_every_link, on_one_runtime};

#[test]
fn a_router_of_libzmq_answers_our_dealer() {
    on_every_link(async |link, context, libzmq| {
        let dealer = DealerSocket::new(context).unwrap();
        let router = libzmq.socket(zmq::ROUTER);
        link.connect(&dealer, &router);
        echo_by_libzmq(&dealer, router, corpus(), WINDOW).await;
    });
}

#[test]
fn our_router_answers_a_dealer_of_libzmq() {
    on_every_link(async |link, context, libzmq| {
        let router = RouterSocket::new(context).unwrap();
        let dealer = libzmq.socket(zmq::DEALER);
        link.connect(&router, &dealer);
        echo_by_us(&router, dealer, corpus(), WINDOW).await;
    });
}

#[test]
fn dealers_send_to_each_other() {
    on_every_link(async |link, context, libzmq| {
        let ours = DealerSocket::new(context).unwrap();
        let theirs = libzmq.socket(zmq::DEALER);
        link.connect(&ours, &theirs);
        flood_to_libzmq(&ours, theirs, corpus()).await;

        let ours = DealerSocket::new(context).unwrap();
        let theirs = libzmq.socket(zmq::DEALER);
        link.connect(&ours, &theirs);
        flood_from_libzmq(&ours, theirs, corpus()).await;
    });
}

#[test]
fn a_router_of_libzmq_answers_our_req() {
    on_every_link(async |link, context, libzmq| {
        let req = ReqSocket::new(context).unwrap();
        let router = libzmq.socket(zmq::ROUTER);
        link.connect(&req, &router);
        echo_by_libzmq(&req, router, excerpt(), 1).await;
    });
}

#[test]
fn our_router_answers_a_req_of_libzmq() {
    on_every_link(async |link, context, libzmq| {
        let router = RouterSocket::new(context).unwrap();
        let req = libzmq.socket(zmq::REQ);
        link.connect(&router, &req);
        echo_by_us(&router, req, excerpt(), 1).await;
    });
}

#[test]
fn a_router_knows_the_other_side_by_the_identity_it_announces() {
    on_every_link(async |link, context, libzmq| {
        let router = RouterSocket::new(context).unwrap();
        let dealer = libzmq.socket(zmq::DEALER);
        dealer.set_identity(b"alice").unwrap();
        link.connect(&router, &dealer);
        let _dealer = libzmq::run(dealer, |dealer| {
            dealer.send("hello", 0).unwrap();
            dealer
        })
        .await;
        assert_eq!(router.recv().await.unwrap(), message(&[b"alice".to_vec(), b"hello".to_vec()]));

        let longest = vec![b'b'; 255];
        let options = Options::default().routing_id(longest.clone());
        let dealer = DealerSocket::with_options(context, options).unwrap();
        let router = libzmq.socket(zmq::ROUTER);
        link.connect(&dealer, &router);
        dealer.send("hello").await.unwrap();
        libzmq::run(router, move |router| assert_eq!(libzmq::recv(&router), [longest, b"hello".to_vec()]))
            .await;
    });
}

#[test]
fn dealers_without_identity_are_told_apart() {
    on_one_runtime(async |context, libzmq| {
        let router = RouterSocket::new(context).unwrap();
        let endpoint = router.bind("tcp://127.0.0.1:*").unwrap().to_string();
        let dealers: Vec<zmq::Socket> = (0..3).map(|_| libzmq.socket(zmq::DEALER)).collect();
        let mut ids: Vec<Frame> = Vec::new();
        for dealer in &dealers {
            dealer.connect(&endpoint).unwrap();
            dealer.send("hello", 0).unwrap();
            ids.extend(router.recv().await.unwrap().pop_front());
        }
        // Answered in the other order, each gets its own name.
        for id in ids.iter().rev() {
            router.send([id.clone(), id.clone()]).await.unwrap();
        }
        for (dealer, id) in dealers.into_iter().zip(ids) {
            assert_eq!(id.len(), 5, "libzmq makes identities of a zero and four bytes");
            libzmq::run(dealer, move |dealer| assert_eq!(libzmq::recv(&dealer), [id.to_vec()])).await;
        }
    });
}

#[test]
fn a_dealer_talks_to_a_rep_of_libzmq_and_a_rep_of_ours_to_its_dealer() {
    on_every_link(async |link, context, libzmq| {
        let dealer = DealerSocket::new(context).unwrap();
        let rep = libzmq.socket(zmq::REP);
        link.connect(&dealer, &rep);
        echo_by_libzmq(&dealer, rep, behind(b"", excerpt()), WINDOW).await;

        let rep = seaworthy::RepSocket::new(context).unwrap();
        let dealer = libzmq.socket(zmq::DEALER);
        link.connect(&rep, &dealer);
        echo_by_us(&rep, dealer, behind(b"", excerpt()), WINDOW).await;
    });
}
