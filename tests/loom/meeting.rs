//! Sockets of several threads meet under a name: the shipping registry, with pipes as what is offered.

use std::future::poll_fn;
use std::task::Poll;

use loom::future::block_on;
use loom::sync::Arc;
use loom::thread;
use seaworthy_core::inproc::{Arrivals, Offering, Registry};
use seaworthy_core::pipe::{HighWaterMarks, PipeEnd, pipe};

use crate::waiting::{Numbered, bounded, model, receive, send};

const NAME: &str = "name";

type Names<O> = Registry<u32, (), O>;

fn names<O>() -> Names<O> {
    Registry::new()
}

/// The next offer, or `None` once the name is free. A lost wake-up is a deadlock, which loom reports.
fn next<O>(arrivals: &mut Arrivals<u32, (), O>) -> Option<O> {
    block_on(poll_fn(|context| arrivals.poll_next(context)))
}

/// Who binds the name, once somebody does.
fn bound<O>(offering: &Offering<u32, (), O>) -> u32 {
    block_on(poll_fn(|context| match offering.poll_bound(context, None) {
        Poll::Ready(Some((_, about))) => Poll::Ready(about),
        Poll::Ready(None) | Poll::Pending => Poll::Pending,
    }))
}

#[test]
fn of_two_who_bind_one_does() {
    model(|| {
        let names = names::<()>();
        let other = {
            let names = names.clone();
            thread::spawn(move || names.bind(NAME, 2))
        };
        let ours = names.bind(NAME, 1);
        let theirs = other.join().unwrap();
        assert!(ours.is_ok() != theirs.is_ok());
        let winner = if ours.is_ok() { 1 } else { 2 };
        assert_eq!(names.list()[0].bound, Some(winner));
        drop((ours, theirs));
        assert!(names.list().is_empty());
    });
}

#[test]
fn an_offer_made_while_somebody_binds_arrives_once() {
    model(|| {
        let names = names();
        let other = {
            let names = names.clone();
            thread::spawn(move || {
                let offering = names.offer(NAME, 7, ());
                assert_eq!(bound(&offering), 1);
                offering
            })
        };
        let (_binding, mut arrivals) = names.bind(NAME, 1).unwrap();
        assert_eq!(next(&mut arrivals), Some(7));
        assert_eq!(arrivals.take(), None);
        drop(other.join().unwrap());
    });
}

#[test]
fn an_offer_made_while_the_name_is_unbound_is_taken_or_waits_for_the_next() {
    model(|| {
        let names = names();
        let (binding, mut arrivals) = names.bind(NAME, 1).unwrap();
        let other = {
            let names = names.clone();
            thread::spawn(move || names.offer(NAME, 7, ()))
        };
        let taken = arrivals.take();
        drop(binding);
        assert_eq!(next(&mut arrivals), None);
        let offering = other.join().unwrap();
        assert_eq!(offering.look(|offer| *offer), if taken.is_some() { None } else { Some(7) });
        let (_binding, mut arrivals) = names.bind(NAME, 2).unwrap();
        assert!(taken.is_some() != (arrivals.take() == Some(7)));
    });
}

#[test]
fn who_waits_for_offers_is_woken_by_the_end_of_the_binding() {
    model(|| {
        let names = names::<()>();
        let (binding, mut arrivals) = names.bind(NAME, 1).unwrap();
        let other = thread::spawn(move || drop(binding));
        assert_eq!(next(&mut arrivals), None);
        other.join().unwrap();
    });
}

#[test]
fn an_offer_is_withdrawn_or_taken() {
    model(|| {
        let names = names();
        // loom reports one that leaks.
        let token = Arc::new(());
        let offering = names.offer(NAME, Arc::clone(&token), ());
        let other = {
            let names = names.clone();
            thread::spawn(move || {
                let (_binding, mut arrivals) = names.bind(NAME, 1).unwrap();
                arrivals.take().is_some()
            })
        };
        drop(offering);
        other.join().unwrap();
        assert!(names.list().is_empty());
        drop(token);
    });
}

#[test]
fn a_pipe_that_was_offered_before_the_bind_carries_what_was_sent_then() {
    model(|| {
        let names = names::<PipeEnd<Numbered>>();
        let (mut near, far) = bounded(0);
        near.tx.send(Numbered(1)).unwrap();
        let offering = names.offer(NAME, far, ());
        let other = {
            let names = names.clone();
            thread::spawn(move || {
                let (_binding, mut arrivals) = names.bind(NAME, 1).unwrap();
                let mut end = next(&mut arrivals).unwrap();
                (receive(&mut end.rx), receive(&mut end.rx))
            })
        };
        assert_eq!(bound(&offering), 1);
        near.tx.send(Numbered(2)).unwrap();
        assert_eq!(other.join().unwrap(), (Some(1), Some(2)));
    });
}

#[test]
fn marks_that_are_raised_when_somebody_binds_let_more_through() {
    model(|| {
        let (own, more) =
            (HighWaterMarks { messages: 1, bytes: 0 }, HighWaterMarks { messages: 2, bytes: 0 });
        let names = names::<PipeEnd<Numbered>>();
        let (mut near, far) = pipe(own, own);
        let offering = names.offer(NAME, far, ());
        let other = {
            let names = names.clone();
            thread::spawn(move || {
                let (_binding, mut arrivals) = names.bind(NAME, 1).unwrap();
                let mut end = next(&mut arrivals).unwrap();
                end.set_marks(more, more);
                (receive(&mut end.rx), receive(&mut end.rx))
            })
        };
        assert!(send(&mut near.tx, 0));
        assert_eq!(bound(&offering), 1);
        near.presume_marks(more, more);
        assert!(near.tx.send(Numbered(1)).is_ok(), "there is room by the sum of the marks");
        assert_eq!(other.join().unwrap(), (Some(0), Some(1)));
    });
}

#[test]
fn both_ends_of_an_offered_pipe_may_go_at_once() {
    model(|| {
        let names = names::<PipeEnd<Numbered>>();
        let (near, far) = bounded(1);
        let watch = near.rx.watch();
        let offering = names.offer(NAME, far, ());
        let (binding, mut arrivals) = names.bind(NAME, 1).unwrap();
        let other = thread::spawn(move || {
            drop(arrivals.take());
            drop((binding, arrivals));
        });
        drop(near);
        // Whoever looks after the pipe learns of it.
        block_on(poll_fn(
            |context| if watch.wait(context.waker()) { Poll::Pending } else { Poll::Ready(()) },
        ));
        drop(offering);
        other.join().unwrap();
        assert!(names.list().is_empty());
    });
}
