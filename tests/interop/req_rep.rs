use seaworthy::{Options, RepSocket, ReqSocket};

use crate::conversation::{echo_by_libzmq, echo_by_us};
use crate::corpus::{corpus, excerpt};
use crate::link::on_every_link;

#[test]
fn a_rep_of_libzmq_answers_our_req() {
    on_every_link(async |link, context, libzmq| {
        let req = ReqSocket::new(context).unwrap();
        let rep = libzmq.socket(zmq::REP);
        link.connect(&req, &rep);
        echo_by_libzmq(&req, rep, corpus(), 1).await;
    });
}

#[test]
fn our_rep_answers_a_req_of_libzmq() {
    on_every_link(async |link, context, libzmq| {
        let rep = RepSocket::new(context).unwrap();
        let req = libzmq.socket(zmq::REQ);
        link.connect(&rep, &req);
        echo_by_us(&rep, req, corpus(), 1).await;
    });
}

#[test]
fn requests_with_an_id_are_answered_on_both_sides() {
    on_every_link(async |link, context, libzmq| {
        let options = Options::default().req_correlate(true).req_relaxed(true);
        let req = ReqSocket::with_options(context, options).unwrap();
        let rep = libzmq.socket(zmq::REP);
        link.connect(&req, &rep);
        echo_by_libzmq(&req, rep, excerpt(), 1).await;

        let rep = RepSocket::new(context).unwrap();
        let req = libzmq.socket(zmq::REQ);
        req.set_req_correlate(true).unwrap();
        req.set_req_relaxed(true).unwrap();
        link.connect(&rep, &req);
        echo_by_us(&rep, req, excerpt(), 1).await;
    });
}
