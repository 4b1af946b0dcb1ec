use seaworthy::{Options, RouterSocket};

use crate::conversation::{WINDOW, echo_by_libzmq, echo_by_us};
use crate::corpus::{behind, corpus, message};
use crate::libzmq;
use crate::link::{Link, on_every_link};

/// Two routers that know of each other, because each has received the other's probe.
async fn acquainted(
    link: Link,
    context: &seaworthy::Context,
    libzmq: &libzmq::Libzmq,
) -> (RouterSocket, zmq::Socket) {
    let options = Options::default().routing_id("ours").probe_router(true);
    let ours = RouterSocket::with_options(context, options).unwrap();
    let theirs = libzmq.socket(zmq::ROUTER);
    theirs.set_identity(b"libzmq").unwrap();
    theirs.set_probe_router(true).unwrap();
    link.connect(&ours, &theirs);
    // libzmq sends its probe when it is next called, so both sides receive at the same time.
    let theirs = libzmq::run(theirs, |theirs| {
        assert_eq!(libzmq::recv(&theirs), [b"ours".to_vec(), Vec::new()]);
        theirs
    });
    let (probe, theirs) = futures_util::join!(ours.recv(), theirs);
    assert_eq!(probe.unwrap(), message(&[b"libzmq".to_vec(), Vec::new()]));
    (ours, theirs)
}

#[test]
fn routers_that_know_each_others_identity_converse() {
    on_every_link(async |link, context, libzmq| {
        let (ours, theirs) = acquainted(link, context, libzmq).await;
        echo_by_libzmq(&ours, theirs, behind(b"libzmq", corpus()), WINDOW).await;
        drop(ours);

        let (ours, theirs) = acquainted(link, context, libzmq).await;
        echo_by_us(&ours, theirs, behind(b"ours", corpus()), WINDOW).await;
    });
}

#[test]
fn a_message_to_an_unknown_identity_is_dropped_and_the_next_one_arrives() {
    on_every_link(async |link, context, libzmq| {
        let (ours, theirs) = acquainted(link, context, libzmq).await;
        ours.send(["nobody", "lost"]).await.unwrap();
        ours.send(["libzmq", "found"]).await.unwrap();
        libzmq::run(theirs, |theirs| {
            assert_eq!(libzmq::recv(&theirs), [b"ours".to_vec(), b"found".to_vec()]);
        })
        .await;
    });
}
