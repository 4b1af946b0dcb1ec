use std::collections::VecDeque;

use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Options, Subscriptions};
use seaworthy_zmtp::SocketType;

use super::subscribers::{Subscribers, TOPICS_PER_OPERATION, TOPICS_PER_TURN, TooMany, enter};
use super::subscription_notifications::{SubscriptionNotification, SubscriptionNotifications};
use crate::Error;
use crate::limits::TOPICS_MAX;
use crate::outcome::{SendRejected, SubscriptionOutcome};
use crate::patterns::{Behavior, Pattern, Receives, Sends, Subscribes, TopicFilter, TryRecv, TrySend};
use crate::peer_id::PeerId;
use crate::peers::Peers;
use crate::pipe_item::PipeItem;
use crate::routing::FairQueue;

/// XPUB: a PUB whose user hears of subscriptions, and gets what XSUB peers send.
///
/// A notification is a message of one frame: a 1 and the topic when the first peer subscribes, a 0
/// and the topic when nobody is subscribed to it any more, also because peers went away. `xpub_verbose` and
/// `xpub_verboser` ask for more of them, `xpub_manual` leaves to the user what a subscription does. Notices come in
/// the order in which the subscriptions took effect, over all peers. They count as messages against `rcvhwm`:
/// somebody should receive them, or else a PUB is what is wanted.
#[derive(Debug)]
pub struct XPub {
    subscribers: Subscribers,
    fair_queue: FairQueue,
    notifications: SubscriptionNotifications,
    /// Taken from the pipes to get at the subscriptions behind it, and received before anything else.
    ahead: VecDeque<Arrival>,
    /// What departed peers had sent.
    left_behind: VecDeque<Message>,
    /// Those who departed, of whose topics there are some left.
    departed: VecDeque<PeerId>,
    /// Every subscription is noticed.
    verbose: bool,
    /// Every end of one is, too.
    verboser: bool,
    /// With `xpub_manual`.
    manual: Option<Manual>,
}

/// Messages and markers taken from pipes before the user receives them. Subscriptions behind this many wait until
/// somebody receives.
const AHEAD_MAX: usize = 1000;

/// What comes out of a pipe besides subscriptions.
#[derive(Debug)]
enum Arrival {
    Message(Message),
    /// Notifications up to this sequence number may be received.
    Marker(u64),
}

/// What the user decides with `xpub_manual`.
#[derive(Debug)]
struct Manual {
    /// What the peers asked for.
    asked: Subscriptions<PeerId>,
    /// The peer of the last notification that was received: whom the user decides about.
    last: Option<PeerId>,
    /// With `xpub_manual_last_value`.
    last_value: bool,
    /// The peer that alone gets the next message.
    newcomer: Option<PeerId>,
}

impl XPub {
    /// Enters what a pipe brought if it is a subscription of a peer of this process; returns what there is to receive.
    fn arrive(&mut self, peers: &mut Peers, id: PeerId, item: PipeItem) -> Option<Arrival> {
        let taken = match item {
            PipeItem::Message(message) => return Some(Arrival::Message(message)),
            PipeItem::Marker { sequence, .. } => return Some(Arrival::Marker(sequence)),
            PipeItem::Subscribe(topic) => self.subscription(peers, id, topic, true),
            PipeItem::Cancel(topic) => self.subscription(peers, id, topic, false),
        };
        match taken {
            SubscriptionOutcome::Notify(sequence) => Some(Arrival::Marker(sequence)),
            SubscriptionOutcome::Silent => None,
            SubscriptionOutcome::TooMany => {
                self.departed(peers, id);
                None
            }
        }
    }

    /// Enters what subscribers of this process want, who say it by their pipes.
    #[inline]
    fn read_subscriptions(&mut self, peers: &mut Peers) {
        while peers.has_inproc_peers()
            && self.ahead.len() < AHEAD_MAX
            && let Some((id, item)) = self.fair_queue.next(peers)
        {
            if let Some(arrival) = self.arrive(peers, id, item) {
                self.ahead.push_back(arrival);
            }
        }
    }

    /// Goes on with the removal of what departed peers subscribed to, by `max` topics, and notifies the user.
    fn tidy(&mut self, max: usize) {
        let Some(&id) = self.departed.front() else { return };
        let all = self.manual.is_some() || self.verboser;
        let (index, granted) = match &mut self.manual {
            Some(manual) => (&mut manual.asked, self.subscribers.subscriptions.forget_some(id, max)),
            None => (&mut self.subscribers.subscriptions, true),
        };
        let mut ended = Vec::new();
        let none_left = index.remove_some(id, max, |topic, last| {
            if all || last {
                ended.push(topic);
            }
        });
        ended.sort_unstable();
        for topic in ended {
            self.notifications.add(SubscriptionNotification { peer: None, subscribe: false, topic });
        }
        self.notifications.reach_all();
        if granted && none_left {
            self.departed.pop_front();
        }
    }

    /// Nothing else is there to receive: the next notification of a departure that is still under way.
    fn next_departure(&mut self, peers: &mut Peers) -> Option<Message> {
        if self.departed.is_empty() {
            return None;
        }
        self.tidy(TOPICS_PER_TURN);
        if let Some(notification) = self.notifications.next() {
            return Some(self.notify(peers, notification));
        }
        // There may be more, after others had their turn.
        peers.readable.wake_tasks();
        None
    }

    /// The user receives a notification.
    fn notify(&mut self, peers: &mut Peers, notification: SubscriptionNotification) -> Message {
        if let Some(manual) = &mut self.manual {
            manual.last =
                notification.peer.filter(|&peer| peers.get_mut(peer).is_some_and(|peer| !peer.departed));
            manual.newcomer = None;
        }
        notification.into_message()
    }
}

impl Pattern for XPub {
    const TYPE: SocketType = SocketType::XPub;
}

impl Behavior for XPub {
    fn new(options: &Options, _random: u64) -> Self {
        let manual = options.xpub_manual || options.xpub_manual_last_value;
        Self {
            subscribers: Subscribers::new(options),
            fair_queue: FairQueue::default(),
            notifications: SubscriptionNotifications::new(
                manual || options.xpub_verbose || options.xpub_verboser,
            ),
            ahead: VecDeque::new(),
            left_behind: VecDeque::new(),
            departed: VecDeque::new(),
            verbose: options.xpub_verbose || options.xpub_verboser,
            verboser: options.xpub_verboser,
            manual: manual.then(|| Manual {
                asked: Subscriptions::new(),
                last: None,
                last_value: options.xpub_manual_last_value,
                newcomer: None,
            }),
        }
    }

    fn set_options(&mut self, options: &Options) {
        self.subscribers.set_options(options);
        self.verbose = options.xpub_verbose || options.xpub_verboser;
        self.verboser = options.xpub_verboser;
        self.notifications.report(self.manual.is_some() || self.verbose);
    }

    fn attached(&mut self, id: PeerId) {
        self.fair_queue.add(id);
    }

    fn connected(&mut self, peers: &mut Peers, id: PeerId, _routing_id: &Bytes) {
        self.subscribers.welcome(peers, id);
    }

    fn departed(&mut self, peers: &mut Peers, id: PeerId) {
        // Its pipe goes, and with it the markers of its notifications.
        if let Some(mut peer) = peers.remove(id) {
            while let Some(item) = peer.pipe.rx.take() {
                if let PipeItem::Message(message) = item {
                    self.left_behind.push_back(message);
                }
            }
        }
        if planted(Bug::DepartureNotNoticed) {
            self.subscribers.leave(id);
            return;
        }
        if let Some(manual) = &mut self.manual {
            for name in [&mut manual.last, &mut manual.newcomer] {
                name.take_if(|name| *name == id);
            }
        }
        self.departed.push_back(id);
        self.tidy(TOPICS_PER_TURN);
        self.notifications.reach_all();
        peers.readable.wake_tasks();
    }

    fn catch_up(&mut self, peers: &mut Peers) -> bool {
        if self.departed.is_empty() {
            return false;
        }
        self.tidy(TOPICS_PER_TURN);
        peers.readable.wake_tasks();
        !self.departed.is_empty()
    }

    fn subscription(
        &mut self,
        peers: &mut Peers,
        id: PeerId,
        topic: Bytes,
        subscribe: bool,
    ) -> SubscriptionOutcome {
        if !peers.is_present(id) {
            return SubscriptionOutcome::Silent;
        }
        self.tidy(TOPICS_PER_OPERATION);
        let index = match &mut self.manual {
            Some(manual) => &mut manual.asked,
            None => &mut self.subscribers.subscriptions,
        };
        let noticed = if subscribe {
            match enter(index, &topic, id) {
                Ok(first) => first || self.verbose || planted(Bug::NoticesDoubled),
                Err(TooMany) => return SubscriptionOutcome::TooMany,
            }
        } else {
            index.cancel(&topic, id);
            // Also for a topic that nobody was subscribed to, as in libzmq; not for one that others still are.
            self.verboser || !index.contains(&topic)
        };
        if noticed || self.manual.is_some() {
            SubscriptionOutcome::Notify(self.notifications.add(SubscriptionNotification {
                peer: Some(id),
                subscribe,
                topic,
            }))
        } else {
            SubscriptionOutcome::Silent
        }
    }
}

impl Sends for XPub {}

impl TrySend for XPub {
    #[inline]
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), SendRejected> {
        self.read_subscriptions(peers);
        if !self.departed.is_empty() {
            self.tidy(TOPICS_PER_OPERATION);
        }
        let only = self.manual.as_ref().and_then(|manual| manual.newcomer);
        self.subscribers.try_send(peers, message, only)?;
        if let Some(manual) = &mut self.manual {
            manual.newcomer = None;
        }
        Ok(())
    }

    fn lost(&self) -> u64 {
        self.subscribers.lost()
    }
}

impl Receives for XPub {}

impl TryRecv for XPub {
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        loop {
            if let Some(notification) = self.notifications.next() {
                return Ok(Some(self.notify(peers, notification)));
            }
            let arrival = match self.ahead.pop_front() {
                Some(arrival) => Some(arrival),
                None => {
                    if let Some(message) = self.left_behind.pop_front() {
                        return Ok(Some(message));
                    }
                    let Some((id, item)) = self.fair_queue.next(peers) else {
                        return Ok(self.next_departure(peers));
                    };
                    self.arrive(peers, id, item)
                }
            };
            match arrival {
                Some(Arrival::Message(message)) => return Ok(Some(message)),
                Some(Arrival::Marker(sequence)) => self.notifications.reach(sequence),
                None => {}
            }
        }
    }
}

impl Subscribes for XPub {}

impl TopicFilter for XPub {
    fn subscribe(&mut self, _peers: &mut Peers, topic: Bytes) -> Result<(), Error> {
        let manual = self.manual.as_mut().ok_or(NOT_MANUAL)?;
        if let Some(id) = manual.last {
            let held = self.subscribers.subscriptions.held_by(id);
            if enter(&mut self.subscribers.subscriptions, &topic, id).is_err() {
                return Err(Error::TooManyTopics { topics: held.topics + 1, limit: TOPICS_MAX });
            }
            manual.newcomer = manual.last_value.then_some(id);
        }
        Ok(())
    }

    fn unsubscribe(&mut self, _peers: &mut Peers, topic: &[u8]) -> Result<(), Error> {
        let manual = self.manual.as_mut().ok_or(NOT_MANUAL)?;
        if let Some(id) = manual.last {
            self.subscribers.subscriptions.cancel(topic, id);
        }
        Ok(())
    }
}

const NOT_MANUAL: Error =
    Error::InvalidState { socket: "XPUB", operation: "subscribe", state: "xpub_manual is not set" };
