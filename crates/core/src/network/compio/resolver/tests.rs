use std::sync::Condvar;

use super::*;

/// Names that hang until they are let go. Counts look-ups, by name.
#[derive(Default)]
struct Outage {
    /// Whether it is over, and how often each name was looked up.
    state: Mutex<(bool, BTreeMap<String, usize>)>,
    changed: Condvar,
}

impl Outage {
    /// Answers names that begin with `good`, at once.
    fn resolver(self: &Arc<Self>) -> Resolver {
        let outage = Arc::clone(self);
        Resolver::new(move |name| {
            let mut state = outage.state.lock().unwrap();
            *state.1.entry(name.to_owned()).or_default() += 1;
            outage.changed.notify_all();
            while !name.starts_with("good") && !state.0 {
                state = outage.changed.wait(state).unwrap();
            }
            match name {
                "good-but-missing" => Err(io::Error::other("no such name")),
                _ => Ok(vec!["192.0.2.1:0".parse().unwrap()]),
            }
        })
    }

    fn end(&self) {
        self.state.lock().unwrap().0 = true;
        self.changed.notify_all();
    }

    fn wait_for(&self, lookups: usize) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| state.1.values().sum::<usize>() < lookups).unwrap());
    }
}

const FOREVER: Duration = Duration::from_secs(60);

#[test]
fn a_name_is_looked_up_once_for_all_who_ask() {
    let outage = Arc::new(Outage::default());
    let resolver = outage.resolver();
    let many: Vec<LookUp> = (0..100).map(|_| resolver.look_up("hangs", None)).collect();
    outage.wait_for(1);
    outage.end();
    assert_eq!(resolver.look_up_within("hangs", FOREVER).unwrap().len(), 1);
    for look_up in many {
        assert!(matches!(pin!(look_up).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(_))));
    }
    assert!(resolver.0.state().answers.is_empty());
}

#[test]
fn hanging_names_leave_threads_to_others_and_take_no_more_than_their_share() {
    let outage = Arc::new(Outage::default());
    let resolver = outage.resolver();
    assert!(resolver.look_up_within("good-1", FOREVER).is_ok());
    let hanging: Vec<LookUp> =
        (0..300).map(|number| resolver.look_up(&format!("hangs-{number}"), None)).collect();
    outage.wait_for(1 + Standing::New.threads());
    assert_eq!(resolver.0.state().running, Standing::New.threads());
    // Known to be answered; and this host's.
    assert!(resolver.look_up_within("good-1", FOREVER).is_ok());
    let local = resolver.look_up("localhost", None);
    outage.wait_for(3 + Standing::New.threads());
    assert_eq!(
        resolver.look_up_within("good-2", Duration::ZERO).unwrap_err().kind(),
        io::ErrorKind::TimedOut
    );
    // Those that nobody waits for any more and that have not begun are forgotten; those that have keep their thread.
    drop(hanging);
    assert_eq!(resolver.0.state().pending.len(), Standing::New.threads() + 1);
    assert!(resolver.0.state().queue.is_empty());
    drop(local);
    outage.end();
    assert!(resolver.look_up_within("good-2", FOREVER).is_ok());
}

#[test]
fn names_that_hung_wait_behind_new_ones() {
    let outage = Arc::new(Outage::default());
    let resolver = outage.resolver();
    for number in 0..300 {
        resolver.0.state().history.insert(format!("hangs-{number}").into(), Standing::Slow);
    }
    let _hanging: Vec<LookUp> =
        (0..300).map(|number| resolver.look_up(&format!("hangs-{number}"), None)).collect();
    outage.wait_for(Standing::Slow.threads());
    assert!(resolver.look_up_within("good-1", FOREVER).is_ok());
    assert_eq!(resolver.0.state().running, Standing::Slow.threads());
    outage.end();
}

#[test]
fn a_failure_is_told_to_all_and_a_panic_of_the_resolver_is_one() {
    let outage = Arc::new(Outage::default());
    let error = outage.resolver().look_up_within("good-but-missing", FOREVER).unwrap_err();
    assert_eq!(error.to_string(), "no such name");
    let resolver = Resolver::new(|_| panic!("as planned"));
    let error = resolver.look_up_within("any", FOREVER).unwrap_err();
    assert!(error.to_string().contains("panicked"), "{error}");
    assert_eq!(resolver.0.state().running, 0);
}

#[test]
fn a_name_of_this_host_needs_no_entry_in_a_file() {
    let found = Resolver::system().look_up_within("seaworthy.localhost", FOREVER).unwrap();
    assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
}
