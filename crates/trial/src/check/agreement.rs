//! Agreement: a scenario delivers the same wherever it runs, in a simulation or on the real network.
//!
//! Times differ, and with them who of several gets a message, what is lost with a process that dies, and what is
//! published before a subscription is known. Everything else must be the same:
//!
//! - **Whatever waits for its receiver** (PUSH, DEALER, PAIR, REQ and the answers to it) arrives whole: each of the
//!   messages that the workload was told to send is received, as often in one run as in the other; where one connection
//!   leads to one receiver, in the same order. Of several receivers it does not matter which.
//! - **Whatever is dropped while nobody is there** (PUB, XPUB, XSUB, ROUTER) arrives from some message on. From the
//!   first that both runs delivered to a receiver on, they deliver the same in the same order, as long as the sender
//!   pauses after each and the receiver does not.
//!
//! Nothing is said of messages whose way leads through a host that dies, of sends that are dropped, of requests with a
//! timeout, and of subscriptions that change.

use std::collections::{BTreeMap, BTreeSet};

use crate::scenario::{Plan, Role, SocketKind, Workload};
use seaworthy_engine::Violation;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::script::quantity::Count;
use seaworthy_sim::script::{CancelOperation, FaultKind};
use seaworthy_sim::trace::{EventKind, Name, Phase, Trace};

/// High-water mark when the options do not say: libzmq's.
const HWM: u64 = 1000;

/// What two runs of one plan say about each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// How many deliveries were compared, over all receivers, in the first run.
    pub compared: u64,
    /// Where they differ.
    pub differences: Vec<Violation>,
}

/// Compares what two runs of `plan` delivered.
pub fn compare(plan: &Plan, one: &Trace, other: &Trace) -> Agreement {
    let (one, other) = (Deliveries::of(plan, one), Deliveries::of(plan, other));
    let mut agreement = Agreement::default();
    for sender in 0..plan.sockets.len() {
        let route = Route::of(plan, sender);
        let Some(count) = route.count else { continue };
        if waits(plan.socket(sender).kind) {
            if !route.is_steady(plan, None) {
                continue;
            }
            let all: Vec<u64> = (0..count).collect();
            agreement.whole(plan, sender, "received", &all, &one.to_others(sender), &other.to_others(sender));
            if route.is_answered(plan) {
                agreement.whole(plan, sender, "answered", &all, &one.back(sender), &other.back(sender));
            }
            if let Some(receiver) = route.only {
                agreement.same(
                    plan,
                    (sender, receiver),
                    one.between(sender, receiver),
                    other.between(sender, receiver),
                );
            }
        } else {
            let paced = one.paced(sender).min(other.paced(sender));
            for &receiver in route.receivers.iter().filter(|receiver| route.keeps_up(plan, **receiver)) {
                let (one, other) = (one.between(sender, receiver), other.between(sender, receiver));
                let from = match (one.first(), other.first()) {
                    (Some(one), Some(other)) => *one.max(other),
                    (None, None) => continue,
                    // One that heard nothing at all differs.
                    _ => 0,
                };
                let range = if route.fits(plan, receiver) { from..count } else { from..paced.min(count) };
                let within = |all: &[u64]| -> Vec<u64> {
                    all.iter().copied().filter(|number| range.contains(number)).collect()
                };
                agreement.same(plan, (sender, receiver), &within(one), &within(other));
            }
        }
    }
    agreement
}

impl Agreement {
    /// All of `all` was delivered in both runs, each once.
    fn whole(&mut self, plan: &Plan, sender: usize, how: &str, all: &[u64], one: &[u64], other: &[u64]) {
        self.compared += one.len() as u64;
        for (which, delivered) in [("the first", one), ("the second", other)] {
            if let Some(number) = first_difference(all, delivered) {
                let problem = format!(
                    "{which} run does not agree: {} of {} messages were {how}, and not each once; look at #{number}",
                    delivered.len(),
                    all.len()
                );
                self.differs(plan, sender, problem);
            }
        }
    }

    /// Both runs delivered the same in the same order.
    fn same(&mut self, plan: &Plan, (sender, receiver): (usize, usize), one: &[u64], other: &[u64]) {
        self.compared += one.len() as u64;
        if let Some(at) = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at)) {
            let number =
                |run: &[u64]| run.get(at).map_or("nothing".to_owned(), |number| format!("#{number}"));
            let problem = format!(
                "what {} received differs: where one run delivers {} the other delivers {}",
                plan.name(receiver),
                number(one),
                number(other)
            );
            self.differs(plan, sender, problem);
        }
    }

    fn differs(&mut self, plan: &Plan, sender: usize, problem: String) {
        self.differences.push(Violation { check: "agreement", ..Violation::of(plan.name(sender), problem) });
    }
}

/// The first number that one of two sorted lists has and the other has not, or has more often.
fn first_difference(one: &[u64], other: &[u64]) -> Option<u64> {
    let at = (0..one.len().max(other.len())).find(|at| one.get(*at) != other.get(*at))?;
    one.get(at).into_iter().chain(other.get(at)).min().copied()
}

/// Who received which of the messages that workloads were told to send: their numbers, in order of reception.
struct Deliveries {
    /// By sender and receiver. Who receives messages of its own receives answers.
    received: BTreeMap<(usize, usize), Vec<u64>>,
    /// How many messages each sender had sent when everything was healed: from then on nobody pauses any more.
    paced: BTreeMap<usize, u64>,
}

impl Deliveries {
    fn of(plan: &Plan, trace: &Trace) -> Self {
        let mut received: BTreeMap<(usize, usize), Vec<u64>> = BTreeMap::new();
        let mut paced: BTreeMap<usize, u64> = BTreeMap::new();
        let mut is_healed = false;
        let number = |name: &Option<Name>| plan.socket_number(name.as_deref()?);
        for event in &trace.events {
            let message = match &event.what {
                EventKind::Phase { phase } => {
                    is_healed |= *phase >= Phase::Healed;
                    continue;
                }
                EventKind::Sent { message, answer: false, .. } if !is_healed => {
                    if let Some(sender) = plan.socket_number(&message.sender) {
                        paced.insert(sender, message.sequence + 1);
                    }
                    continue;
                }
                EventKind::Received { message, .. } => message,
                _ => continue,
            };
            let (Some(sender), Some(receiver)) = (plan.socket_number(&message.sender), number(&event.socket))
            else {
                continue;
            };
            if scripted(plan, sender).is_some_and(|count| message.sequence < count) {
                received.entry((sender, receiver)).or_default().push(message.sequence);
            }
        }
        Self { received, paced }
    }

    fn paced(&self, sender: usize) -> u64 {
        self.paced.get(&sender).copied().unwrap_or_default()
    }

    fn between(&self, sender: usize, receiver: usize) -> &[u64] {
        self.received.get(&(sender, receiver)).map_or(&[], Vec::as_slice)
    }

    /// What others received of `sender`, sorted.
    fn to_others(&self, sender: usize) -> Vec<u64> {
        let others = self.received.iter().filter(|((from, to), _)| *from == sender && *to != sender);
        let mut all: Vec<u64> = others.flat_map(|(_, numbers)| numbers.iter().copied()).collect();
        all.sort_unstable();
        all
    }

    /// Which of its own messages `sender` received back, sorted.
    fn back(&self, sender: usize) -> Vec<u64> {
        let mut all = self.between(sender, sender).to_vec();
        all.sort_unstable();
        all
    }
}

/// Where the messages of a socket go, and what may happen to them.
struct Route {
    /// The sockets on the way, the sender's included.
    way: BTreeSet<usize>,
    /// How many messages its workload was told to send.
    count: Option<u64>,
    /// Who receives them, by number.
    receivers: Vec<usize>,
    /// The receiver to which a single connection leads, if that is where all go.
    only: Option<usize>,
    sender: usize,
}

impl Route {
    fn of(plan: &Plan, sender: usize) -> Self {
        let way = way(plan, sender);
        let receivers = plan.correspondents(sender);
        let direct = |receiver: usize| {
            plan.peers(sender) == [receiver]
                && plan.paths_between(sender, receiver) == 1
                && receiver != sender
        };
        let only = match receivers.as_slice() {
            [receiver] if direct(*receiver) => Some(*receiver),
            _ => None,
        };
        Self { way, count: scripted(plan, sender), receivers, only, sender }
    }

    /// Whether no host on the way dies, and the sender drops and gives up nothing: on the way to everybody, or to one.
    fn is_steady(&self, plan: &Plan, to: Option<usize>) -> bool {
        let concerns = |socket: &&usize| {
            to.is_none_or(|to| [self.sender, to].contains(*socket) || plan.forwards_to(**socket).is_some())
        };
        let dies = |socket: &usize| dies(plan, &plan.socket(*socket).host);
        let gives_up = plan.workloads(self.sender).any(|workload| workload.timeout.is_some());
        let hears = self.receivers.iter().all(|receiver| plan.hears(*receiver));
        !self.way.iter().filter(concerns).any(dies) && !gives_up && !drops_sends(plan, self.sender) && hears
    }

    /// Whether each message is answered, and none of the answers dropped for want of room.
    fn is_answered(&self, plan: &Plan) -> bool {
        !self.receivers.is_empty()
            && self.receivers.iter().all(|receiver| {
                plan.plays(*receiver, Role::Reply)
                    && !drops_sends(plan, *receiver)
                    && (plan.socket(*receiver).kind != SocketKind::Router || self.fits(plan, *receiver))
            })
    }

    /// Whether a receiver takes everything in time to lose nothing while the sender is paced, and what it is subscribed to
    /// stays the same.
    fn keeps_up(&self, plan: &Plan, receiver: usize) -> bool {
        let changes = |workload: &Workload| matches!(workload.role, Role::Subscribe | Role::Unsubscribe);
        let pauses = |workload: &Workload| workload.interval.is_some();
        let is_paced = || plan.workloads(self.sender).filter(sends).all(pauses);
        let at_once = || !plan.workloads(receiver).filter(receives).any(pauses);
        self.is_steady(plan, Some(receiver))
            && !plan.workloads(receiver).any(changes)
            && (self.fits(plan, receiver) || is_paced() && at_once() && !is_held_up(plan, receiver))
    }

    /// Whether all messages together fit into every pipe on the way.
    fn fits(&self, plan: &Plan, receiver: usize) -> bool {
        let hwm = |mark: Option<Draw<Count>>| mark.map_or(HWM, |count| count.value().0);
        let sockets = self.way.iter().chain([&receiver]).map(|socket| &plan.socket(*socket).options);
        let mut marks = sockets.flat_map(|options| [hwm(options.sndhwm), hwm(options.rcvhwm)]);
        self.count.is_some_and(|count| marks.all(|mark| mark == 0 || count <= mark))
    }
}

/// How many messages the workload of a socket was told to send, if it sends any.
fn scripted(plan: &Plan, socket: usize) -> Option<u64> {
    plan.workloads(socket).filter(sends).map(Plan::count).max()
}

fn sends(workload: &&Workload) -> bool {
    matches!(workload.role, Role::Send | Role::Request)
}

fn receives(workload: &&Workload) -> bool {
    matches!(workload.role, Role::Receive | Role::Reply)
}

/// Whether a socket of this type waits for somebody to send to.
fn waits(kind: SocketKind) -> bool {
    matches!(kind, SocketKind::Push | SocketKind::Dealer | SocketKind::Pair | SocketKind::Req)
}

/// The sockets on the way of what `sender` sends: itself, its peers, and all beyond proxies.
fn way(plan: &Plan, sender: usize) -> BTreeSet<usize> {
    let mut all = BTreeSet::from([sender]);
    let mut next = plan.peers(sender);
    while let Some(socket) = next.pop() {
        if all.insert(socket)
            && let Some(beyond) = plan.forwards_to(socket)
        {
            all.insert(beyond);
            next.extend(plan.peers(beyond));
        }
    }
    all
}

fn dies(plan: &Plan, host: &str) -> bool {
    faults(plan)
        .any(|kind| matches!(&kind, FaultKind::Crash(name) | FaultKind::PowerOff(name) if name == host))
}

fn drops_sends(plan: &Plan, socket: usize) -> bool {
    let name = plan.name(socket);
    faults(plan).any(|kind| match kind {
        FaultKind::Cancel(cancel) => {
            *cancel.socket == **name && cancel.operation != Some(CancelOperation::Receive)
        }
        _ => false,
    })
}

/// Whether a fault keeps a receiver, or whoever is before it, from reading.
fn is_held_up(plan: &Plan, receiver: usize) -> bool {
    let (name, host) = (plan.name(receiver), &plan.socket(receiver).host);
    faults(plan).any(|kind| match &kind {
        FaultKind::Pause(at) | FaultKind::ReadStall(at) => at == host,
        FaultKind::SlowReader(slow) => slow.host == *host,
        FaultKind::Stall(socket) => **socket == **name || plan.is_forwarded(receiver),
        FaultKind::Cancel(cancel) => *cancel.socket == **name,
        _ => false,
    })
}

fn faults(plan: &Plan) -> impl Iterator<Item = FaultKind> + '_ {
    plan.scenario.fault.iter().flat_map(|fault| fault.given()).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{PIPELINE, REQUESTS, TOPICS, got, phase, plan, published, received, trace};
    use super::*;

    /// What is received of `sender`: by whom, and which.
    fn run(sender: &str, deliveries: &[(&str, u64)]) -> Trace {
        let events: Vec<_> = deliveries
            .iter()
            .map(|(socket, number)| ("host", *socket, received(&format!("{sender}#{number}"))))
            .collect();
        trace(&events)
    }

    fn to(socket: &'static str, numbers: impl IntoIterator<Item = u64>) -> Vec<(&'static str, u64)> {
        numbers.into_iter().map(|number| (socket, number)).collect()
    }

    #[track_caller]
    fn agree(scenario: &str, one: &Trace, other: &Trace) {
        let agreement = compare(&plan(scenario), one, other);
        assert_eq!(agreement.differences, []);
        assert!(agreement.compared > 0);
    }

    #[track_caller]
    fn differ(scenario: &str, one: &Trace, other: &Trace, problem: &str) {
        let found = compare(&plan(scenario), one, other).differences;
        assert!(found.iter().any(|found| found.problem.contains(problem)), "{problem:?} is not in {found:?}");
    }

    #[test]
    fn which_of_several_receivers_gets_a_message_does_not_matter_but_that_one_does() {
        let one = run("push", &[to("pull-1", 0..5), to("pull-2", 5..9)].concat());
        agree(PIPELINE, &one, &run("push", &[to("pull-2", 0..8), to("pull-1", 8..9)].concat()));
        differ(PIPELINE, &one, &run("push", &to("pull-1", 0..8)), "second run does not agree: 8 of 9");
        differ(PIPELINE, &run("push", &to("pull-1", 1..9)), &one, "look at #0");
        let twice = run("push", &[to("pull-1", 0..9), to("pull-2", [3])].concat());
        differ(PIPELINE, &one, &twice, "10 of 9 messages were received, and not each once; look at #3");
    }

    #[test]
    fn probes_do_not_count() {
        let one = run("push", &to("pull-1", 0..9));
        agree(PIPELINE, &one, &run("push", &to("pull-1", 0..30)));
    }

    #[test]
    fn one_receiver_gets_everything_in_order() {
        let single = PIPELINE.replace(", count = 2", "");
        let one = run("push", &to("pull", 0..9));
        agree(&single, &one, &one);
        let turned = run("push", &to("pull", [0, 2, 1, 3, 4, 5, 6, 7, 8]));
        differ(&single, &one, &turned, "where one run delivers #1 the other delivers #2");
    }

    #[test]
    fn every_request_is_answered() {
        let whole = run("req", &[to("rep", 0..9), to("req", 0..9)].concat());
        agree(REQUESTS, &whole, &whole);
        let lacking = run("req", &[to("rep", 0..9), to("req", 0..8)].concat());
        differ(REQUESTS, &whole, &lacking, "8 of 9 messages were answered");
    }

    fn paced_topics() -> String {
        TOPICS.replace("count = 9,", "count = 9, interval = \"1ms\",")
    }

    #[test]
    fn a_subscriber_gets_the_same_from_the_first_message_on_that_both_runs_delivered() {
        let run = |numbers: &[u64]| {
            let last = ("source", "pub", published("pub#8", "a"));
            let receive = |number: &u64| ("reader", "sub", got(&format!("pub#{number}"), "a"));
            trace(&std::iter::once(last).chain(numbers.iter().map(receive)).collect::<Vec<_>>())
        };
        agree(&paced_topics(), &run(&[0, 2, 4, 6, 8]), &run(&[4, 6, 8]));
        differ(&paced_topics(), &run(&[0, 2, 4, 6, 8]), &run(&[4, 8]), "delivers #6 the other delivers #8");
        differ(&paced_topics(), &run(&[0, 2, 4, 6, 8]), &run(&[]), "delivers #0 the other delivers nothing");
    }

    #[test]
    fn what_is_published_without_pauses_may_be_dropped() {
        let run = |numbers: &[u64]| {
            let sends = [0, 2, 4].map(|number| ("source", "pub", published(&format!("pub#{number}"), "a")));
            let receive = |number: &u64| ("reader", "sub", got(&format!("pub#{number}"), "a"));
            let healed = ("", "", phase(Phase::Healed));
            trace(&sends.into_iter().chain([healed]).chain(numbers.iter().map(receive)).collect::<Vec<_>>())
        };
        agree(&paced_topics(), &run(&[0, 2, 4, 6, 8]), &run(&[0, 2, 4, 8]));
        differ(
            &paced_topics(),
            &run(&[0, 2, 4, 6, 8]),
            &run(&[0, 4, 6, 8]),
            "delivers #2 the other delivers #4",
        );
    }

    #[test]
    fn nothing_is_said_where_a_host_on_the_way_dies() {
        let crash = format!("{PIPELINE}\nfault = [{{ at = \"1s\", for = \"1s\", crash = \"worker-2\" }}]");
        let agreement = compare(&plan(&crash), &run("push", &to("pull-1", 0..9)), &run("push", &[]));
        assert_eq!(agreement, Agreement::default());
    }
}
