//! One direction between two hosts: how long a packet takes, and what may happen to it.

use std::time::Duration;

use seaworthy_core::Instant;

use crate::seeded_rng::SeededRng;

/// How long a packet is under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Latency {
    /// Always the same.
    Fixed(Duration),
    /// Anything in between, both ends included, equally likely.
    Uniform {
        /// Shortest.
        min: Duration,
        /// Longest.
        max: Duration,
    },
    /// `min` plus an exponentially distributed time with mean `mean - min`, at most `max`.
    Exponential {
        /// Shortest.
        min: Duration,
        /// Mean, before `max` cuts it off.
        mean: Duration,
        /// Longest.
        max: Duration,
    },
    /// Usually `low`, with probability `high_chance` `high`.
    TwoMode {
        /// The usual latency.
        low: Duration,
        /// The other latency.
        high: Duration,
        /// How likely the other is.
        high_chance: f64,
    },
}

impl Latency {
    fn draw(&self, rng: &mut SeededRng) -> Duration {
        match *self {
            Self::Fixed(latency) => latency,
            Self::Uniform { min, max } => rng.duration(min, max),
            Self::Exponential { min, mean, max } => {
                (min + rng.exponential(mean.saturating_sub(min))).min(max)
            }
            Self::TwoMode { low, high, high_chance } => {
                if rng.chance(high_chance) {
                    high
                } else {
                    low
                }
            }
        }
    }
}

/// One direction of a link. The default is 1 ms of latency and no fault.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkConfig {
    /// How long a packet is under way, once it is on the wire. Packets do not overtake each other because of
    /// it: that is [`reorder`](Self::reorder).
    pub latency: Latency,
    /// Up to so much is added to each packet's latency, uniformly.
    pub jitter: Duration,
    /// Bytes a second, headers included; packets queue up for it. `None` = unlimited.
    pub bandwidth: Option<u64>,
    /// Probability that a packet is lost.
    pub loss: f64,
    /// Probability that a packet arrives twice. The copy has a latency of its own.
    pub duplicate: f64,
    /// Probability that a packet is late by `reorder_delay` and may be overtaken.
    pub reorder: f64,
    /// How late such a packet is.
    pub reorder_delay: Duration,
    /// Probability that one bit of a packet is flipped. Checksums catch every single flipped bit, so the
    /// receiver drops the packet.
    pub corrupt: f64,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            latency: Latency::Fixed(Duration::from_millis(1)),
            jitter: Duration::ZERO,
            bandwidth: None,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            reorder_delay: Duration::from_millis(10),
            corrupt: 0.0,
        }
    }
}

impl LinkConfig {
    /// A link without faults and with this latency.
    pub fn with_latency(latency: Duration) -> Self {
        Self { latency: Latency::Fixed(latency), ..Self::default() }
    }
}

/// Whether packets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    Open,
    Cut,
    BlackHole,
}

/// One copy of a packet on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    /// The bit to flip, counted from the start of the packet.
    pub(crate) flipped_bit: Option<u64>,
    pub(crate) reordered: bool,
}

/// One direction with its state: configuration, passage, queue and dice.
#[derive(Debug)]
pub(crate) struct Link<P> {
    pub(crate) config: LinkConfig,
    pub(crate) passage: Passage,
    /// Packets kept back, in the order in which they would have arrived; `None` while nothing is held.
    pub(crate) held: Option<Vec<P>>,
    /// When the last packet accepted will have left the sender.
    busy_until: Instant,
    /// When the last packet that keeps the order will arrive.
    last_arrival: Instant,
    rng: LinkDice,
}

/// One stream of random numbers per kind of fault, so that switching one on or off leaves the others alone.
#[derive(Debug)]
struct LinkDice {
    latency: SeededRng,
    jitter: SeededRng,
    loss: SeededRng,
    duplicate: SeededRng,
    reorder: SeededRng,
    corrupt: SeededRng,
}

impl<P> Link<P> {
    pub(crate) fn new(seed: u64, from: &str, to: &str, config: LinkConfig) -> Self {
        let rng = |purpose: &str| SeededRng::new(seed, &format!("link {purpose} {from}>{to}"));
        Self {
            config,
            passage: Passage::Open,
            held: None,
            busy_until: Instant::ZERO,
            last_arrival: Instant::ZERO,
            rng: LinkDice {
                latency: rng("latency"),
                jitter: rng("jitter"),
                loss: rng("loss"),
                duplicate: rng("duplicate"),
                reorder: rng("reorder"),
                corrupt: rng("corrupt"),
            },
        }
    }

    /// Takes a packet of `length` bytes at `now` and decides when each of its copies arrives: none if it is
    /// lost, two if it is duplicated.
    pub(crate) fn admit(&mut self, now: Instant, length: usize) -> (Option<Arrival>, Option<Arrival>) {
        let sent = match self.config.bandwidth {
            Some(rate) => {
                let start = self.busy_until.max(now);
                let nanos = length as u128 * 1_000_000_000 / u128::from(rate.max(1));
                self.busy_until = start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
                self.busy_until
            }
            None => now,
        };
        // Every packet draws from every stream, lost or not: what happens to one never moves the draws of others.
        let first = self.arrival(sent, length);
        let lost = self.rng.loss.chance(self.config.loss);
        let copy = self.rng.duplicate.chance(self.config.duplicate);
        if lost {
            return (None, None);
        }
        let copy =
            copy.then(|| Arrival { at: sent + self.config.latency.draw(&mut self.rng.duplicate), ..first });
        (Some(first), copy)
    }

    fn arrival(&mut self, sent: Instant, length: usize) -> Arrival {
        let mut at = sent + self.config.latency.draw(&mut self.rng.latency);
        if !self.config.jitter.is_zero() {
            at += self.rng.jitter.duration(Duration::ZERO, self.config.jitter);
        }
        let reordered = self.rng.reorder.chance(self.config.reorder);
        if reordered {
            at += self.config.reorder_delay;
        } else {
            at = at.max(self.last_arrival);
            self.last_arrival = at;
        }
        let flipped_bit =
            self.rng.corrupt.chance(self.config.corrupt).then(|| self.rng.corrupt.below(length as u64 * 8));
        Arrival { at, flipped_bit, reordered }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn link(config: LinkConfig) -> Link<()> {
        Link::new(1, "a", "b", config)
    }

    fn arrivals(config: LinkConfig, count: usize) -> Vec<Option<Instant>> {
        let mut link = link(config);
        (0..count).map(|_| link.admit(Instant::ZERO, 100).0.map(|a| a.at)).collect()
    }

    #[test]
    fn bandwidth_spaces_packets_by_their_length() {
        let config = LinkConfig { bandwidth: Some(10_000), ..LinkConfig::with_latency(MS) };
        let at: Vec<_> = arrivals(config, 3).into_iter().flatten().collect();
        assert_eq!(at, [11, 21, 31].map(|ms| Instant::ZERO + MS * ms));
    }

    #[test]
    fn jitter_does_not_reorder() {
        let at = arrivals(LinkConfig { jitter: MS * 20, ..LinkConfig::default() }, 100);
        assert!(at.is_sorted());
        assert!(at.first() != at.last());
    }

    #[test]
    fn reordered_packets_may_be_overtaken() {
        let at = arrivals(LinkConfig { reorder: 0.5, ..LinkConfig::default() }, 100);
        assert!(!at.is_sorted());
    }

    #[test]
    fn switching_loss_on_does_not_move_the_latency_of_what_arrives() {
        let latency = Latency::Uniform { min: MS, max: MS * 100 };
        let without = arrivals(LinkConfig { latency, ..LinkConfig::default() }, 50);
        let with = arrivals(LinkConfig { latency, loss: 0.5, ..LinkConfig::default() }, 50);
        assert!(with.iter().any(Option::is_none));
        assert!(with.iter().zip(&without).all(|(with, without)| with.is_none() || with == without));
    }

    /// What became of fifty packets, as far as `look` sees it.
    fn fate<T>(config: LinkConfig, look: impl Fn(&Arrival) -> T) -> Vec<Option<T>> {
        let mut link = link(config);
        (0..50).map(|n| link.admit(Instant::ZERO + MS * 1000 * n, 100).0.as_ref().map(&look)).collect()
    }

    #[test]
    fn no_fault_moves_the_draws_of_another() {
        let all = LinkConfig {
            latency: Latency::Uniform { min: MS, max: MS * 100 },
            jitter: MS * 7,
            bandwidth: Some(1_000_000),
            loss: 0.3,
            duplicate: 0.3,
            reorder: 0.3,
            reorder_delay: MS * 10,
            corrupt: 0.3,
        };
        let without: [fn(&mut LinkConfig); 7] = [
            |link| link.latency = Latency::Fixed(MS),
            |link| link.jitter = Duration::ZERO,
            |link| link.bandwidth = None,
            |link| link.loss = 0.0,
            |link| link.duplicate = 0.0,
            |link| link.reorder = 0.0,
            |link| link.corrupt = 0.0,
        ];
        let flipped = |arrival: &Arrival| arrival.flipped_bit;
        let reordered = |arrival: &Arrival| arrival.reordered;
        let same = |one: &[Option<bool>], other: &[Option<bool>]| {
            one.iter().zip(other).all(|(one, other)| one.is_none() || other.is_none() || one == other)
        };
        for (number, remove) in without.iter().enumerate() {
            let mut fewer = all.clone();
            remove(&mut fewer);
            let lost = |config: &LinkConfig| {
                fate(config.clone(), |_| ()).iter().map(Option::is_none).collect::<Vec<_>>()
            };
            if number != 3 {
                assert_eq!(lost(&fewer), lost(&all), "loss, without {number}");
            }
            if number != 5 {
                assert!(same(&fate(fewer.clone(), reordered), &fate(all.clone(), reordered)), "{number}");
            }
            if number != 6 {
                let corrupt =
                    |config: &LinkConfig| fate(config.clone(), |arrival| flipped(arrival).is_some());
                assert!(same(&corrupt(&fewer), &corrupt(&all)), "corruption, without {number}");
            }
        }
    }

    #[test]
    fn loss_is_about_as_frequent_as_asked() {
        let lost = arrivals(LinkConfig { loss: 0.25, ..LinkConfig::default() }, 10_000)
            .iter()
            .filter(|at| at.is_none())
            .count();
        assert!((2_300..2_700).contains(&lost), "{lost}");
    }

    #[test]
    fn two_modes_are_the_only_latencies() {
        let latency = Latency::TwoMode { low: MS, high: MS * 50, high_chance: 0.1 };
        let mut rng = SeededRng::new(1, "two modes");
        let drawn: std::collections::BTreeSet<_> = (0..1000).map(|_| latency.draw(&mut rng)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [MS, MS * 50]);
    }

    #[test]
    fn exponential_latency_stays_between_its_bounds() {
        let latency = Latency::Exponential { min: MS, mean: MS * 5, max: MS * 10 };
        let mut rng = SeededRng::new(1, "exponential");
        assert!((0..1000).all(|_| (MS..=MS * 10).contains(&latency.draw(&mut rng))));
    }
}
