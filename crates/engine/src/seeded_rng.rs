//! Random numbers that follow from a seed and a purpose.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// A stream of random numbers of its own: drawing from one never moves another.
///
/// The seed is the key of a ChaCha8 cipher and the purpose chooses one of its 2^64 streams, so switching one
/// fault off leaves the draws of all others as they were. Conversions to ranges are written out here, because
/// those of the `rand` crate may change between its versions and a seed must replay forever.
///
/// ```
/// use seaworthy_engine::SeededRng;
/// let (mut loss, mut latency) = (SeededRng::new(7, "loss a>b"), SeededRng::new(7, "latency a>b"));
/// assert_ne!(loss.next_u64(), latency.next_u64());
/// assert_eq!(SeededRng::new(7, "loss a>b").next_u64(), SeededRng::new(7, "loss a>b").next_u64());
/// ```
#[derive(Clone, Debug)]
pub struct SeededRng(ChaCha8Rng);

impl SeededRng {
    /// The stream that belongs to `seed` and `purpose`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(fnv1a(purpose.as_bytes()));
        Self(rng)
    }

    /// Uniform over all of `u64`.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform over `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next_u64()) * u128::from(bound);
        (product >> 64) as u64
    }

    /// Uniform over `low..=high`; `low` when they are the wrong way round.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Uniform over `0.0..1.0`.
    pub fn fraction(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with probability `p`. Draws nothing when the answer is certain.
    pub fn chance(&mut self, p: f64) -> bool {
        p > 0.0 && (p >= 1.0 || self.fraction() < p)
    }

    /// The same in another order, each equally likely.
    pub fn shuffled<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
        items
    }

    /// Uniform over `low..=high`, in nanoseconds.
    pub fn duration(&mut self, low: Duration, high: Duration) -> Duration {
        Duration::from_nanos(self.between(nanos(low), nanos(high)))
    }

    /// Exponentially distributed with this mean.
    pub fn exponential(&mut self, mean: Duration) -> Duration {
        let uniform = 1.0 - self.fraction();
        Duration::from_nanos((-natural_logarithm(uniform) * nanos(mean) as f64) as u64)
    }
}

/// Whole nanoseconds, at most 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// FNV-1a, 64 bits.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

/// ln of a number in `(0, 1]`, from sums and products only: `f64::ln` may differ in its last bit between
/// platforms, and with it every latency that follows.
fn natural_logarithm(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1023;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    // ln m = 2 artanh((m - 1) / (m + 1)); m is in [1, 2), so the argument is below 1/3.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut power = s;
    let mut sum = 0.0;
    for odd in (1..31).step_by(2) {
        sum += power / f64::from(odd);
        power *= square;
    }
    2.0 * sum + f64::from(exponent) * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_agrees_with_the_platform() {
        let mut rng = SeededRng::new(1, "logarithm");
        for _ in 0..1000 {
            let x = 1.0 - rng.fraction();
            assert!((natural_logarithm(x) - x.ln()).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn ranges_reach_both_ends_and_nothing_beyond() {
        let mut rng = SeededRng::new(1, "ranges");
        let drawn: std::collections::BTreeSet<u64> = (0..1000).map(|_| rng.between(3, 6)).collect();
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [3, 4, 5, 6]);
    }

    #[test]
    fn shuffling_reaches_every_order() {
        let mut rng = SeededRng::new(1, "orders");
        let orders: std::collections::BTreeSet<_> = (0..200).map(|_| rng.shuffled(vec![1, 2, 3])).collect();
        assert_eq!(orders.len(), 6);
    }

    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut rng = SeededRng::new(42, "golden");
        assert_eq!([rng.next_u64(), rng.next_u64()], [12_538_805_133_675_071_158, 2_849_983_506_378_322_583]);
    }

    #[test]
    fn the_mean_of_exponential_draws_is_the_mean() {
        let mut rng = SeededRng::new(1, "exponential");
        let sum: Duration = (0..20_000).map(|_| rng.exponential(Duration::from_millis(10))).sum();
        let mean = sum / 20_000;
        assert!((Duration::from_micros(9_700)..Duration::from_micros(10_300)).contains(&mean), "{mean:?}");
    }
}
