use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::*;

type Names = Registry<&'static str, &'static str, u32>;

fn names() -> Names {
    Names::new()
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_second_bind_is_refused_and_leaves_the_first_untouched() {
    let names = names();
    let (_binding, mut arrivals) = names.bind("a", "first").unwrap();
    let _offering = names.offer("a", 1, "one");
    assert_eq!(names.bind("a", "second").unwrap_err(), NameTaken);
    assert_eq!(names.list()[0].bound, Some("first"));
    assert_eq!((arrivals.take(), arrivals.take()), (Some(1), None));
}

#[test]
fn a_name_is_free_once_its_binding_is_dropped() {
    let names = names();
    let (binding, mut old) = names.bind("a", "first").unwrap();
    drop(binding);
    assert!(names.list().is_empty());
    let (_binding, mut arrivals) = names.bind("a", "second").unwrap();
    let _offering = names.offer("a", 1, "one");
    let context = Context::from_waker(Waker::noop());
    assert_eq!(old.poll_next(&context), Poll::Ready(None));
    assert_eq!((old.take(), arrivals.take()), (None, Some(1)));
}

#[test]
fn offers_wait_for_a_bind_in_their_order() {
    let names = names();
    let _offerings = [names.offer("a", 1, "one"), names.offer("b", 2, "two"), names.offer("a", 3, "three")];
    let (_binding, mut arrivals) = names.bind("a", "it").unwrap();
    assert_eq!((arrivals.take(), arrivals.take(), arrivals.take()), (Some(1), Some(3), None));
}

#[test]
fn an_offer_that_was_withdrawn_is_not_taken() {
    let names = names();
    let (first, _second) = (names.offer("a", 1, "one"), names.offer("a", 2, "two"));
    drop(first);
    let (_binding, mut arrivals) = names.bind("a", "it").unwrap();
    assert_eq!((arrivals.take(), arrivals.take()), (Some(2), None));
}

#[test]
fn an_offer_that_was_not_taken_waits_for_the_next_bind() {
    let names = names();
    let (first, arrivals) = names.bind("a", "first").unwrap();
    let offering = names.offer("a", 1, "one");
    assert_eq!(offering.bound().map(|(_, about)| about), Some("first"));
    drop((first, arrivals));
    assert_eq!(offering.bound(), None);
    assert_eq!(offering.look(|offer| *offer), Some(1));
    let (second, mut arrivals) = names.bind("a", "second").unwrap();
    assert_eq!(arrivals.take(), Some(1));
    assert_eq!(offering.look(|offer| *offer), None);
    drop(second);
    assert_eq!(offering.bound().map(|(_, about)| about), Some("second"), "it was taken by that one");
}

#[test]
fn who_offers_is_woken_by_each_change_of_the_binding() {
    let names = names();
    let count = Arc::<Count>::default();
    let waker = Waker::from(Arc::clone(&count));
    let context = Context::from_waker(&waker);
    let offering = names.offer("a", 1, "one");
    assert_eq!(offering.poll_bound(&context, None), Poll::Pending);
    let (binding, _arrivals) = names.bind("a", "it").unwrap();
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    let Poll::Ready(Some((id, "it"))) = offering.poll_bound(&context, None) else { panic!("it is bound") };
    assert_eq!(offering.poll_bound(&context, Some(id)), Poll::Pending);
    drop(binding);
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    assert_eq!(offering.poll_bound(&context, Some(id)), Poll::Ready(None));
}

#[test]
fn who_binds_is_woken_by_an_offer_and_by_the_end() {
    let names = names();
    let count = Arc::<Count>::default();
    let waker = Waker::from(Arc::clone(&count));
    let context = Context::from_waker(&waker);
    let (binding, mut arrivals) = names.bind("a", "it").unwrap();
    assert_eq!(arrivals.poll_next(&context), Poll::Pending);
    let _offering = names.offer("a", 1, "one");
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    assert_eq!(arrivals.poll_next(&context), Poll::Ready(Some(1)));
    assert_eq!(arrivals.poll_next(&context), Poll::Pending);
    drop(binding);
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    assert_eq!(arrivals.poll_next(&context), Poll::Ready(None));
}

#[test]
fn a_list_shows_every_name_with_its_offers() {
    let names = names();
    let (_binding, mut arrivals) = names.bind("b", "it").unwrap();
    let _offerings = [names.offer("b", 1, "one"), names.offer("b", 2, "two"), names.offer("a", 3, "three")];
    arrivals.take();
    assert_eq!(
        names.list(),
        [
            Listed { name: "a".to_owned(), bound: None, offers: vec!["three"], waiting: 1 },
            Listed { name: "b".to_owned(), bound: Some("it"), offers: vec!["one", "two"], waiting: 1 },
        ]
    );
}
