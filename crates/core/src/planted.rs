//! Bugs that can be planted, so that the testbed can show that it finds them.
//!
//! Each is an `if planted(Bug::…)` at the line that it concerns, behind a `cfg` where it awaits. They are there with the
//! feature `planted-bugs` only: without it [`planted`] is `false` at compile time, and nothing remains of any of them.
//! With it, one bug at a time can be [planted](plant) on a thread, at run time, so that one build has them all.
//!
//! `seaworthy doctor` (crate `seaworthy-trial`) knows which check has to find each, in which scenario, and how soon.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

macro_rules! bugs {
    ($( #[doc = $sentence:literal] $bug:ident, )+) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Bug {
            $( #[doc = $sentence] $bug, )+
        }

        impl Bug {
            /// All of them, in the order in which they are written here.
            pub const ALL: &[Self] = &[$( Self::$bug, )+];

            /// What is broken.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $( Self::$bug => $sentence.trim_ascii(), )+
                }
            }
        }
    };
}

bugs! {
    // A driver and its stream.
    /// The guard of a stream is disarmed before the write that it guards is done.
    GuardDisarmedEarly,
    /// A send on a bare connection that is dropped in the middle of its message leaves no poison.
    CancelledSendForgotten,
    /// A write that came short counts as complete: the rest of a message is missing.
    ShortWriteTakenForWhole,
    /// What a full pipe cannot take is dropped instead of held.
    FullPipeDrops,
    /// Messages that were held for want of room come out the wrong way round.
    HeldReversed,
    /// What is held when a connection ends is delivered twice.
    HeldDeliveredTwice,
    /// A peer whose messages are not received fast enough is cut off.
    SlowReaderCutOff,
    /// The high-water mark of received messages does not stop the next read.
    ReceiveMarkIgnored,
    /// A write that fails ends the connection with what has come unread.
    WriteErrorEndsReading,
    /// One write in ten thousand is short of a message.
    Canary,
    /// A task of a connection panics when a connection that worked is lost.
    TaskPanics,
    /// A task wakes itself for ever while a pipe is full.
    TaskSpins,
    /// A task wakes every microsecond for nothing.
    TaskCrawls,
    /// A task does not return from one poll when a connection that worked is lost.
    TaskNeverReturns,
    /// The task of a bound endpoint outlives its socket.
    TaskLeaked,

    // Connections that come and go.
    /// What was queued for a peer is dropped when the connection to it breaks.
    QueueLostWithConnection,
    /// A subscriber that reconnects does not subscribe again.
    NoResubscription,
    /// A server that refuses a connection is not asked again.
    RefusalIsFinal,
    /// The pause before an attempt to reconnect does not grow.
    NoBackoff,
    /// The pause before an attempt to reconnect grows without end.
    BackoffUncapped,
    /// Any handshake ends the growth of pauses, also with a peer that leaves at once each time.
    BackoffResetByHandshake,
    /// Pauses have no jitter, so that all who lost a server come back at once.
    NoJitter,
    /// Pauses are drawn from the operating system, so that a seed does not decide them.
    PausesFromOutside,
    /// An attempt to connect takes as long as the kernel likes.
    ConnectTimeoutIgnored,
    /// A handshake may take for ever.
    HandshakeWithoutDeadline,
    /// A heartbeat that is not answered ends nothing.
    HeartbeatNeverTimesOut,
    /// An answer does not stop the clock that a heartbeat started.
    HeartbeatDeaf,
    /// A connection whose write is stuck does not hear that its socket has let go of the peer.
    ReleaseUnheard,
    /// A receiver that does not read its peer's PINGs is silent.
    StalledIsSilent,
    /// A peer that cannot have seen a PING is given up without asking its kernel.
    KernelNotAsked,
    /// A peer whose kernel does not answer is kept as long as nothing can be written to it.
    SilenceOfKernelIgnored,
    /// Closing a socket waits for ever, whatever its linger period.
    LingerIgnored,

    // The protocol.
    /// A frame that more should follow says that it is the last.
    MultipartTorn,
    /// A frame is taken before all of it has come.
    FrameTakenEarly,
    /// A message may have frames without end.
    FramesUnbounded,
    /// A frame may be as long as it says.
    LengthUnbounded,
    /// A subscriber may hold topics without end.
    TopicsUnbounded,
    /// A peer of a type that does not fit is let in.
    AnyTypeAccepted,

    // Pipes.
    /// A pipe takes one message more than its high-water mark.
    MarkOffByOne,
    /// A pipe is full with a quarter of what it may hold.
    MarkQuartered,
    /// The high-water mark in bytes is not looked at.
    ByteMarkIgnored,
    /// A mark in bytes counts the bytes of frames, and not the memory that frames take.
    FramesWeighNothing,
    /// A sender that waits for room is not woken when there is some.
    WakeUpLost,
    /// A send that finds no room fails instead of waiting.
    FullIsAnError,
    /// A receive that is dropped takes its message along.
    ReceiveLosesWhenDropped,

    // Policies.
    /// Round robin begins with the same peer each time.
    RoundRobinRestarts,
    /// Fair queueing stays with one peer for as long as it has messages.
    FairQueueSticks,
    /// What is meant for a peer that is gone reaches the one that has its place.
    GenerationIgnored,
    /// A newcomer takes the routing id of a living peer over, unasked.
    IdentityTakenOver,
    /// A routing id is not freed when its peer departs.
    RoutingIdKept,
    /// A ROUTER waits for a peer that has no room.
    RouterWaits,
    /// A PUB waits for a subscriber that has no room.
    PublisherWaits,

    // Request and reply.
    /// A REQ takes any reply for the one it waits for.
    AnyReplyTaken,
    /// A REP sends its reply without the envelope of the request.
    EnvelopeLost,

    // Publish and subscribe.
    /// A publisher sends everything to every subscriber.
    PublisherDoesNotFilter,
    /// A subscriber passes on what it did not ask for.
    SubscriberDoesNotFilter,
    /// A topic that equals its prefix does not match.
    PrefixMustBeShorter,
    /// One unsubscribe undoes every subscription to the topic.
    UnsubscribeRemovesAll,
    /// A publisher is not told of an unsubscribe.
    UnsubscribeNotTold,
    /// An XPUB is not told of the end of subscriptions when a peer departs.
    DepartureNotNoticed,
    /// An XPUB is told of every subscription, not only of a topic's first.
    NoticesDoubled,

    // PAIR and proxies.
    /// A PAIR that has a peer lets another one in.
    SecondPeerAdmitted,
    /// A proxy serves one side for as long as there is anything.
    ProxyDrainsOneSide,
    /// While one direction of a proxy waits for room, the other stands still.
    ProxyServesOneSide,
    /// A proxy that runs again has forgotten the messages in its hands.
    ProxyForgets,
    /// A proxy that is told to terminate waits for room for what is in its hands.
    ProxyTerminatesInVain,

    // The simulated network.
    /// The simulated kernel flips a bit of what it delivers.
    DeliveryCorrupted,
}

impl Bug {
    /// As the command line names it: in lower case, with hyphens.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// Nobody planted a bug of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no bug named {0:?}")]
pub struct NoSuchBug(String);

impl FromStr for Bug {
    type Err = NoSuchBug;

    fn from_str(name: &str) -> Result<Self, NoSuchBug> {
        let found = Self::ALL.iter().find(|bug| bug.name() == name);
        found.copied().ok_or_else(|| NoSuchBug(name.to_owned()))
    }
}

/// Whether bugs can be planted in this build.
pub const COMPILED: bool = cfg!(feature = "planted-bugs");

/// Whether this bug is planted on this thread.
#[cfg(feature = "planted-bugs")]
#[inline]
pub fn planted(bug: Bug) -> bool {
    chosen::get() == Some(bug)
}

/// Whether this bug is planted on this thread: never, in this build.
#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub const fn planted(_bug: Bug) -> bool {
    false
}

/// Plants a bug on this thread until the guard is dropped, in place of any that was planted. Does nothing unless
/// bugs are [`COMPILED`] in.
#[must_use = "the bug is gone with the guard"]
pub fn plant(bug: Bug) -> Planted {
    #[cfg(feature = "planted-bugs")]
    chosen::set(Some(bug));
    #[cfg(not(feature = "planted-bugs"))]
    let _ = bug;
    Planted(PhantomData)
}

/// Keeps a bug planted on its thread.
#[derive(Debug)]
pub struct Planted(PhantomData<*const ()>);

impl Drop for Planted {
    fn drop(&mut self) {
        #[cfg(feature = "planted-bugs")]
        chosen::set(None);
    }
}

/// A number that no seed decides.
#[cfg(feature = "planted-bugs")]
pub fn number_from_outside() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0)
}

/// A number that no seed decides: none, in this build.
#[cfg(not(feature = "planted-bugs"))]
pub const fn number_from_outside() -> u64 {
    0
}

/// Does not return, and needs no processor for that.
pub fn never_return() -> ! {
    loop {
        std::thread::park();
    }
}

#[cfg(feature = "planted-bugs")]
mod chosen {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static CHOSEN: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    pub(super) fn get() -> Option<Bug> {
        CHOSEN.get()
    }

    pub(super) fn set(bug: Option<Bug>) {
        CHOSEN.set(bug);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_is_found_by_its_name() {
        assert_eq!(Bug::MarkOffByOne.name(), "mark-off-by-one");
        for bug in Bug::ALL {
            assert_eq!(bug.name().parse(), Ok(*bug));
        }
        assert_eq!("mark".parse::<Bug>(), Err(NoSuchBug("mark".to_owned())));
    }

    #[test]
    fn every_bug_has_a_sentence() {
        for bug in Bug::ALL {
            assert!(bug.sentence().ends_with('.') && !bug.sentence().starts_with(' '), "{bug}");
        }
    }

    #[test]
    fn a_bug_is_planted_only_if_it_was_compiled_in_and_until_its_guard_is_dropped() {
        assert!(!planted(Bug::Canary));
        let guard = plant(Bug::Canary);
        assert_eq!((planted(Bug::Canary), planted(Bug::TaskSpins)), (COMPILED, false));
        drop(guard);
        assert!(!planted(Bug::Canary));
    }
}
