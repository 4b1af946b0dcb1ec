//! Which detector has to find which planted bug, in which scenario, within how many seeds.
//!
//! What is broken, [`Bug`] says. The numbers of seeds leave room: most bugs are found with the first.

use seaworthy_core::planted::Bug;

use super::detector::Detector::{self, Check, Determinism, Livelock, WallClock, Watchdog};

/// A planted bug, and how it has to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The bug.
    pub bug: Bug,
    /// Who has to find it.
    pub by: Detector,
    /// The name of the scenario that shows it.
    pub scenario: &'static str,
    /// Within so many seeds.
    pub seeds: u64,
}

impl Entry {
    /// The entry of a bug.
    pub const fn of(bug: Bug) -> Self {
        let (by, scenario, seeds) = match bug {
            Bug::GuardDisarmedEarly => (Check("poison"), "linger", 5),
            Bug::CancelledSendForgotten => (Check("poison"), "low-level-cancelled", 10),
            Bug::ShortWriteTakenForWhole => (Check("frame integrity"), "dirty-links", 5),
            Bug::FullPipeDrops => (Check("conservation"), "held-messages", 5),
            Bug::HeldReversed => (Check("order per pipe"), "held-messages", 5),
            Bug::HeldDeliveredTwice => (Check("no duplicates"), "held-messages", 5),
            Bug::SlowReaderCutOff => (Check("coverage"), "paused-reader", 5),
            Bug::ReceiveMarkIgnored => (Check("high-water mark"), "slow-pull-high-water-mark", 5),
            Bug::WriteErrorEndsReading => (Check("coverage"), "write-error-keeps-received", 5),
            Bug::Canary => (Check("conservation"), "push-partition", 200),
            Bug::TaskPanics => (Check("task panic"), "lazy-pirate", 5),
            Bug::TaskSpins => (Livelock, "slow-pull-high-water-mark", 5),
            Bug::TaskCrawls => (WallClock, "worker-crash", 2),
            Bug::TaskNeverReturns => (Watchdog, "half-open-heartbeat", 1),
            Bug::TaskLeaked => (Check("resources"), "worker-crash", 2),
            Bug::QueueLostWithConnection => (Check("conservation"), "queue-outlives-connection", 5),
            Bug::NoResubscription => (Check("resubscription"), "resubscribe-after-restart", 5),
            Bug::RefusalIsFinal => (Check("liveness"), "reconnect-storm", 5),
            Bug::NoBackoff => (Check("reconnect spacing"), "reconnect-storm", 5),
            Bug::BackoffUncapped => (Check("reconnect spacing"), "reconnect-storm", 10),
            Bug::BackoffResetByHandshake => (Check("coverage"), "fickle-server", 5),
            Bug::NoJitter => (Check("reconnect spacing"), "reconnect-storm", 5),
            Bug::PausesFromOutside => (Determinism, "lazy-pirate", 5),
            Bug::ConnectTimeoutIgnored => (Check("reconnect spacing"), "half-open-heartbeat", 5),
            Bug::HandshakeWithoutDeadline => (Check("hostile peers"), "half-greetings", 5),
            Bug::HeartbeatNeverTimesOut => (Check("half-open"), "half-open-heartbeat", 5),
            Bug::HeartbeatDeaf => (Check("coverage"), "wrong-clocks", 5),
            Bug::ReleaseUnheard => (Check("coverage"), "handover-lets-go", 5),
            Bug::StalledIsSilent => (Check("coverage"), "stalled-under-heartbeats", 5),
            Bug::KernelNotAsked => (Check("coverage"), "stalled-both-ways", 5),
            Bug::SilenceOfKernelIgnored => (Check("coverage"), "cut-while-stalled", 5),
            Bug::LingerIgnored => (Check("linger"), "linger", 5),
            Bug::MultipartTorn => (Check("frame integrity"), "lossy-multipart", 2),
            Bug::FrameTakenEarly => (Check("frame integrity"), "cut-in-message", 5),
            Bug::FramesUnbounded => (Check("hostile peers"), "endless-more", 5),
            Bug::LengthUnbounded => (Check("hostile peers"), "huge-lengths", 5),
            Bug::TopicsUnbounded => (Check("hostile peers"), "topic-flood", 5),
            Bug::AnyTypeAccepted => (Check("hostile peers"), "wrong-types", 5),
            Bug::MarkOffByOne => (Check("high-water mark"), "inproc-marks", 5),
            Bug::MarkQuartered => (Check("blocking class"), "swizzled-workers", 10),
            Bug::FramesWeighNothing => (Check("high-water mark"), "many-frames", 5),
            Bug::ByteMarkIgnored => (Check("high-water mark"), "inproc-marks", 5),
            Bug::WakeUpLost => (Check("deadlock"), "slow-pull-high-water-mark", 5),
            Bug::FullIsAnError => (Check("operations"), "slow-pull-high-water-mark", 5),
            Bug::ReceiveLosesWhenDropped => (Check("conservation"), "cancelled-operations", 10),
            Bug::RoundRobinRestarts => (Check("fairness"), "push-partition", 5),
            Bug::FairQueueSticks => (Check("fairness"), "paused-reader", 10),
            Bug::GenerationIgnored => (Check("request-reply lockstep"), "rep-changing-clients", 5),
            Bug::IdentityTakenOver => (Check("coverage"), "identity-clash", 5),
            Bug::RoutingIdKept => (Check("liveness"), "ghost-dealer-heartbeat", 5),
            Bug::RouterWaits => (Check("blocking class"), "router-full-peer", 5),
            Bug::PublisherWaits => (Check("blocking class"), "pub-slow-subscriber", 5),
            Bug::AnyReplyTaken => (Check("request-reply lockstep"), "lazy-pirate", 20),
            Bug::EnvelopeLost => (Check("request-reply envelope"), "proxy-router-dealer", 5),
            Bug::PublisherDoesNotFilter => (Check("publisher filter"), "pub-slow-subscriber", 5),
            Bug::SubscriberDoesNotFilter => (Check("subscription soundness"), "overlapping-topics", 10),
            Bug::PrefixMustBeShorter => (Check("subscription completeness"), "resubscribe-after-restart", 5),
            Bug::UnsubscribeRemovesAll => (Check("resubscription"), "overlapping-topics", 5),
            Bug::UnsubscribeNotTold => (Check("resubscription"), "overlapping-topics", 5),
            Bug::DepartureNotNoticed => (Check("notices"), "xpub-notices", 5),
            Bug::NoticesDoubled => (Check("notices"), "xpub-notices", 5),
            Bug::SecondPeerAdmitted => (Check("exclusive pair"), "pair-ghost", 5),
            Bug::ProxyDrainsOneSide => (Check("proxy fairness"), "proxy-saturated", 5),
            Bug::ProxyServesOneSide => (Check("proxy fairness"), "proxy-stalled-side", 5),
            Bug::ProxyForgets => (Check("proxy"), "proxy-pipeline", 5),
            Bug::ProxyTerminatesInVain => (Check("operations"), "proxy-terminated", 5),
            Bug::DeliveryCorrupted => (Check("stream prefix"), "cut-in-message", 5),
        };
        Self { bug, by, scenario, seeds }
    }

    /// The entries of all bugs.
    pub fn all() -> impl Iterator<Item = Self> {
        Bug::ALL.iter().map(|bug| Self::of(*bug))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::check::CHECKS;

    #[test]
    fn every_check_has_to_find_some_planted_bug() {
        let expected: BTreeSet<Detector> = Entry::all().map(|entry| entry.by).collect();
        for (name, _) in CHECKS {
            assert!(expected.contains(&Check(name)), "nothing shows that the check {name:?} finds anything");
        }
        for detector in [Determinism, Livelock, WallClock, Watchdog] {
            assert!(expected.contains(&detector), "nothing shows that the {detector} finds anything");
        }
    }

    #[test]
    fn every_check_that_has_to_find_a_bug_exists() {
        for entry in Entry::all() {
            let Check(name) = entry.by else { continue };
            assert!(CHECKS.iter().any(|(known, _)| *known == name), "{}: {name:?}", entry.bug);
        }
    }

    #[test]
    fn no_bug_may_take_more_than_two_hundred_seeds() {
        for entry in Entry::all() {
            assert!((1..=200).contains(&entry.seeds), "{}", entry.bug);
        }
    }
}
