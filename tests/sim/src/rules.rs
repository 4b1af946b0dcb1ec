//! Rules of a test over packets: what they decide happens, and is in the trace.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use seaworthy_core::{Instant, Listener as _, Network as _, Stream as _, StreamOptions};
use seaworthy_sim::trace::EventKind;
use seaworthy_sim::{Backend, PacketView, Sim, Verdict};

const BACKENDS: [Backend; 2] = [Backend::Warp, Backend::Turmoil];

/// Lets one host send another a byte, under a rule if there is one, and returns when it arrived.
fn arrival(sim: &Sim) -> Duration {
    let arrived = Rc::new(Cell::new(None));
    let seen = Rc::clone(&arrived);
    sim.client("far", move |net| {
        let seen = Rc::clone(&seen);
        async move {
            let listener = net.listen(&"tcp://*:1".parse()?, &StreamOptions::default())?;
            let stream = listener.accept().await?;
            assert_eq!(stream.read(BytesMut::with_capacity(8)).await.0?, 1);
            seen.set(Some(net.now()));
            Ok(())
        }
    });
    sim.host("near", |net| async move {
        let stream = net.connect(&"tcp://far:1".parse()?, &StreamOptions::default()).await?;
        stream.write(vec![Bytes::from_static(b"!")]).await.0?;
        std::future::pending().await
    });
    sim.run_to_end(Duration::from_secs(60)).unwrap();
    arrived.get().map(|at: Instant| at.since_epoch()).unwrap()
}

fn has_data(packet: &PacketView<'_>) -> bool {
    packet.payload() == b"!"
}

/// What the trace says that rules decided.
fn verdicts(sim: &Sim) -> Vec<String> {
    let events = sim.trace().events.into_iter();
    let verdict = |what| match what {
        EventKind::Note(note) if note.event == "rule" => note.text("verdict").map(str::to_owned),
        _ => None,
    };
    events.filter_map(|event| verdict(event.what)).collect()
}

#[test]
fn a_packet_that_a_rule_drops_is_sent_again_and_the_trace_says_so() {
    for backend in BACKENDS {
        let sim = Sim::builder(1).backend(backend).build();
        let mut first = true;
        let rule = move |packet: &PacketView<'_>| {
            let drops = has_data(packet) && std::mem::take(&mut first);
            if drops { Verdict::Drop } else { Verdict::Deliver }
        };
        sim.rule(rule).keep();
        let at = arrival(&sim);
        assert!(at >= Duration::from_secs(1), "after a retransmission: {at:?}");
        assert_eq!(verdicts(&sim), ["drop"]);
    }
}

#[test]
fn a_packet_that_a_rule_delays_arrives_this_much_later() {
    for backend in BACKENDS {
        let undisturbed = arrival(&Sim::builder(1).backend(backend).build());
        let sim = Sim::builder(1).backend(backend).build();
        let delay = Duration::from_millis(300);
        let rule = move |packet: &PacketView<'_>| {
            if has_data(packet) { Verdict::Delay(delay) } else { Verdict::Deliver }
        };
        sim.rule(rule).keep();
        assert_eq!(arrival(&sim), undisturbed + delay);
        assert_eq!(verdicts(&sim), ["delay 300ms"]);
    }
}

#[test]
fn a_packet_that_a_rule_corrupts_is_refused_by_its_checksum_and_sent_again() {
    for backend in BACKENDS {
        let sim = Sim::builder(1).backend(backend).build();
        let mut first = true;
        let rule = move |packet: &PacketView<'_>| {
            let corrupts = has_data(packet) && std::mem::take(&mut first);
            if corrupts { Verdict::Corrupt } else { Verdict::Deliver }
        };
        sim.rule(rule).keep();
        assert!(arrival(&sim) >= Duration::from_secs(1));
        assert_eq!(verdicts(&sim), ["corrupt"]);
        sim.judge().unwrap();
    }
}

#[test]
fn a_rule_ends_with_its_guard() {
    for backend in BACKENDS {
        let sim = Sim::builder(1).backend(backend).build();
        drop(sim.rule(|_| Verdict::Drop));
        arrival(&sim);
        assert_eq!(verdicts(&sim), [""; 0]);
    }
}

#[test]
fn the_first_rule_that_does_not_deliver_decides() {
    let sim = Sim::new(1);
    let asked = Rc::new(Cell::new(0));
    let counter = Rc::clone(&asked);
    let delays = |packet: &PacketView<'_>| {
        if has_data(packet) { Verdict::Delay(Duration::from_millis(1)) } else { Verdict::Deliver }
    };
    sim.rule(delays).keep();
    sim.rule(move |packet| {
        counter.set(counter.get() + u32::from(has_data(packet)));
        Verdict::Deliver
    })
    .keep();
    arrival(&sim);
    assert_eq!((verdicts(&sim).len(), asked.get()), (1, 0));
}
