use std::collections::VecDeque;

use bytes::Bytes;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Message, Options, Subscriptions};
use seaworthy_zmtp::SocketType;

use super::subscribers::{Audience, TOPICS_MAX, TOPICS_PER_OPERATION, TOPICS_PER_TURN, TooMany, enter};
use super::subscription_notifications::{Notice, Notices};
use crate::Error;
use crate::parcel::Parcel;
use crate::patterns::{Pattern, Receives, Sends, Subscribes, Taken, Unsent};
use crate::peers::{PeerId, Peers};
use crate::routing::FairQueue;

/// XPUB: a PUB whose user hears of subscriptions, and gets what XSUB peers send.
///
/// A notice is a message of one frame: a 1 and the topic when somebody subscribes who is the first to do so, a 0
/// and the topic when nobody is subscribed to it any more, also because peers went away. `xpub_verbose` and
/// `xpub_verboser` ask for more of them, `xpub_manual` leaves to the user what a subscription does. Notices come in
/// the order in which the subscriptions took effect, over all peers. They count as messages against `rcvhwm`:
/// somebody should receive them, or else a PUB is what is wanted.
#[derive(Debug)]
pub struct XPub {
    audience: Audience,
    fair_queue: FairQueue,
    notices: Notices,
    /// Taken from the pipes for the sake of the subscriptions behind it, and to be received first.
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

/// Messages, and marks of notices, taken from pipes before the user receives them. Subscriptions behind so many wait
/// until somebody receives.
const AHEAD_MAX: usize = 1000;

/// What comes out of a pipe besides subscriptions.
#[derive(Debug)]
enum Arrival {
    Message(Message),
    /// Notices up to this place may be received.
    Mark(u64),
}

/// What the user decides with `xpub_manual`.
#[derive(Debug)]
struct Manual {
    /// What the peers asked for.
    asked: Subscriptions<PeerId>,
    /// The peer of the last notice that was received: whom the user decides about.
    last: Option<PeerId>,
    /// With `xpub_manual_last_value`.
    last_value: bool,
    /// The peer that alone gets the next message.
    newcomer: Option<PeerId>,
}

impl XPub {
    /// Enters what a pipe brought if it is a subscription of a peer of this process; gives what there is to receive.
    fn arrive(&mut self, peers: &mut Peers, id: PeerId, parcel: Parcel) -> Option<Arrival> {
        let taken = match parcel {
            Parcel::Message(message) => return Some(Arrival::Message(message)),
            Parcel::Notice { place, .. } => return Some(Arrival::Mark(place)),
            Parcel::Subscribe(topic) => self.subscription(peers, id, topic, true),
            Parcel::Cancel(topic) => self.subscription(peers, id, topic, false),
        };
        match taken {
            Taken::Noticed(place) => Some(Arrival::Mark(place)),
            Taken::Silently => None,
            Taken::TooMany => {
                self.departed(peers, id);
                None
            }
        }
    }

    /// Enters what subscribers of this process want, who say it by their pipes.
    #[inline]
    fn heed(&mut self, peers: &mut Peers) {
        while peers.has_insiders()
            && self.ahead.len() < AHEAD_MAX
            && let Some((id, parcel)) = self.fair_queue.next(peers)
        {
            if let Some(arrival) = self.arrive(peers, id, parcel) {
                self.ahead.push_back(arrival);
            }
        }
    }

    /// Goes on with the removal of what departed peers subscribed to, by `max` topics, and notices it.
    fn tidy(&mut self, max: usize) {
        let Some(&id) = self.departed.front() else { return };
        let all = self.manual.is_some() || self.verboser;
        let (index, granted) = match &mut self.manual {
            Some(manual) => (&mut manual.asked, self.audience.subscriptions.forget_some(id, max)),
            None => (&mut self.audience.subscriptions, true),
        };
        let mut ended = Vec::new();
        let none_left = index.remove_some(id, max, |topic, last| {
            if all || last {
                ended.push(topic);
            }
        });
        ended.sort_unstable();
        for topic in ended {
            self.notices.add(Notice { peer: None, subscribe: false, topic });
        }
        self.notices.reach_all();
        if granted && none_left {
            self.departed.pop_front();
        }
    }

    /// Nothing else is there to receive: the next notice of a departure that is still under way.
    fn next_departure(&mut self, peers: &mut Peers) -> Option<Message> {
        if self.departed.is_empty() {
            return None;
        }
        self.tidy(TOPICS_PER_TURN);
        if let Some(notice) = self.notices.next() {
            return Some(self.notify(peers, notice));
        }
        // There may be more, after others had their turn.
        peers.readable.wake_tasks();
        None
    }

    /// The user receives a notice.
    fn notify(&mut self, peers: &mut Peers, notice: Notice) -> Message {
        if let Some(manual) = &mut self.manual {
            manual.last = notice.peer.filter(|&peer| peers.get_mut(peer).is_some_and(|peer| !peer.departed));
            manual.newcomer = None;
        }
        notice.into_message()
    }
}

impl Pattern for XPub {
    const TYPE: SocketType = SocketType::XPub;

    fn new(options: &Options, _random: u64) -> Self {
        let manual = options.xpub_manual || options.xpub_manual_last_value;
        Self {
            audience: Audience::new(options),
            fair_queue: FairQueue::default(),
            notices: Notices::new(manual || options.xpub_verbose || options.xpub_verboser),
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
        self.audience.set_options(options);
        self.verbose = options.xpub_verbose || options.xpub_verboser;
        self.verboser = options.xpub_verboser;
        self.notices.tell(self.manual.is_some() || self.verbose);
    }

    fn attached(&mut self, id: PeerId) {
        self.fair_queue.add(id);
    }

    fn connected(&mut self, peers: &mut Peers, id: PeerId, _routing_id: &Bytes) {
        self.audience.welcome(peers, id);
    }

    fn departed(&mut self, peers: &mut Peers, id: PeerId) {
        // Its pipe goes, and with it the marks of its notices.
        if let Some(mut peer) = peers.remove(id) {
            while let Some(parcel) = peer.pipe.inward.take() {
                if let Parcel::Message(message) = parcel {
                    self.left_behind.push_back(message);
                }
            }
        }
        if planted(Bug::DepartureNotNoticed) {
            self.audience.leave(id);
            return;
        }
        if let Some(manual) = &mut self.manual {
            for name in [&mut manual.last, &mut manual.newcomer] {
                name.take_if(|name| *name == id);
            }
        }
        self.departed.push_back(id);
        self.tidy(TOPICS_PER_TURN);
        self.notices.reach_all();
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

    fn subscription(&mut self, peers: &mut Peers, id: PeerId, topic: Bytes, subscribe: bool) -> Taken {
        if !peers.is_present(id) {
            return Taken::Silently;
        }
        self.tidy(TOPICS_PER_OPERATION);
        let index = match &mut self.manual {
            Some(manual) => &mut manual.asked,
            None => &mut self.audience.subscriptions,
        };
        let noticed = if subscribe {
            match enter(index, &topic, id) {
                Ok(first) => first || self.verbose || planted(Bug::NoticesDoubled),
                Err(TooMany) => return Taken::TooMany,
            }
        } else {
            index.cancel(&topic, id);
            // What nobody was subscribed to is told too, as in libzmq. What others still are is not.
            self.verboser || !index.contains(&topic)
        };
        if noticed || self.manual.is_some() {
            Taken::Noticed(self.notices.add(Notice { peer: Some(id), subscribe, topic }))
        } else {
            Taken::Silently
        }
    }
}

impl Sends for XPub {
    #[inline]
    fn try_send(&mut self, peers: &mut Peers, message: &mut Message) -> Result<(), Unsent> {
        self.heed(peers);
        if !self.departed.is_empty() {
            self.tidy(TOPICS_PER_OPERATION);
        }
        let only = self.manual.as_ref().and_then(|manual| manual.newcomer);
        self.audience.try_send(peers, message, only)?;
        if let Some(manual) = &mut self.manual {
            manual.newcomer = None;
        }
        Ok(())
    }

    fn lost(&self) -> u64 {
        self.audience.lost()
    }
}

impl Receives for XPub {
    fn try_recv(&mut self, peers: &mut Peers) -> Result<Option<Message>, Error> {
        loop {
            if let Some(notice) = self.notices.next() {
                return Ok(Some(self.notify(peers, notice)));
            }
            let arrival = match self.ahead.pop_front() {
                Some(arrival) => Some(arrival),
                None => {
                    if let Some(message) = self.left_behind.pop_front() {
                        return Ok(Some(message));
                    }
                    let Some((id, parcel)) = self.fair_queue.next(peers) else {
                        return Ok(self.next_departure(peers));
                    };
                    self.arrive(peers, id, parcel)
                }
            };
            match arrival {
                Some(Arrival::Message(message)) => return Ok(Some(message)),
                Some(Arrival::Mark(place)) => self.notices.reach(place),
                None => {}
            }
        }
    }
}

impl Subscribes for XPub {
    fn subscribe(&mut self, _peers: &mut Peers, topic: Bytes) -> Result<(), Error> {
        let manual = self.manual.as_mut().ok_or(NOT_MANUAL)?;
        if let Some(id) = manual.last {
            let held = self.audience.subscriptions.held_by(id);
            if enter(&mut self.audience.subscriptions, &topic, id).is_err() {
                return Err(Error::TooManyTopics { topics: held.topics + 1, limit: TOPICS_MAX });
            }
            manual.newcomer = manual.last_value.then_some(id);
        }
        Ok(())
    }

    fn unsubscribe(&mut self, _peers: &mut Peers, topic: &[u8]) -> Result<(), Error> {
        let manual = self.manual.as_mut().ok_or(NOT_MANUAL)?;
        if let Some(id) = manual.last {
            self.audience.subscriptions.cancel(topic, id);
        }
        Ok(())
    }
}

const NOT_MANUAL: Error =
    Error::InvalidState { socket: "XPUB", operation: "subscribe", state: "xpub_manual is not set" };
