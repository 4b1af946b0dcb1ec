//! Values that a seed decides: a range in a scenario file, one value in the resolved scenario.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::quantity::{Quantity, ValueVisitor, refused, value_types};
use seaworthy_engine::SeededRng;

/// A value, or a range `"low..high"` (both ends included) from which each seed draws one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Draw<T> {
    /// The same for every seed.
    Fixed(T),
    /// Drawn uniformly.
    Between(T, T),
}

/// A value per message: one for all, a range `"low..high"` of which each seed draws a sequence, or a sequence
/// `[a, b, c]` that is used in turn and then again from its beginning.
#[derive(Clone, Debug, PartialEq)]
pub enum Series<T> {
    /// One value, or a range.
    Draw(Draw<T>),
    /// These values in turn; never empty.
    Turns(Vec<T>),
}

impl<T: Quantity> Draw<T> {
    /// This draw as `seed` decides it. Each `place` in a scenario has its own random numbers, so that removing
    /// one draw leaves all others as they were.
    #[must_use]
    pub fn resolved(self, seed: u64, place: &str) -> Self {
        match self {
            Self::Fixed(value) => Self::Fixed(value),
            Self::Between(low, high) => {
                Self::Fixed(T::between(low, high, SeededRng::new(seed, place).fraction()))
            }
        }
    }

    /// Whether a seed has something to decide.
    pub fn is_range(self) -> bool {
        matches!(self, Self::Between(..))
    }

    /// The value; of a range that was not resolved, its lower end.
    pub fn value(self) -> T {
        match self {
            Self::Fixed(value) | Self::Between(value, _) => value,
        }
    }

    /// The largest value it can become.
    pub fn most(self) -> T {
        match self {
            Self::Fixed(value) | Self::Between(_, value) => value,
        }
    }
}

impl<T: Quantity> Series<T> {
    /// Most values drawn from a range: enough variety, and a resolved scenario one can still read.
    const TURNS_MAX: usize = 16;

    /// This series as `seed` decides it, see [`Draw::resolved`].
    #[must_use]
    pub fn resolved(&self, seed: u64, place: &str) -> Self {
        match self {
            Self::Draw(Draw::Between(low, high)) => {
                let mut rng = SeededRng::new(seed, place);
                Self::Turns((0..Self::TURNS_MAX).map(|_| T::between(*low, *high, rng.fraction())).collect())
            }
            decided => decided.clone(),
        }
    }

    /// The value of message `index`.
    pub fn turn(&self, index: u64) -> T {
        match self {
            Self::Draw(draw) => draw.value(),
            Self::Turns(turns) => turns[(index % turns.len() as u64) as usize],
        }
    }

    /// The smallest and the largest value it can become.
    pub fn bounds(&self) -> (T, T) {
        match self {
            Self::Draw(draw) => (draw.value(), draw.most()),
            Self::Turns(turns) => {
                let mut bounds = (turns[0], turns[0]);
                for &turn in turns {
                    if turn < bounds.0 {
                        bounds.0 = turn;
                    }
                    if turn > bounds.1 {
                        bounds.1 = turn;
                    }
                }
                bounds
            }
        }
    }
}

impl<T: Default> Default for Draw<T> {
    fn default() -> Self {
        Self::Fixed(T::default())
    }
}

impl<T> From<T> for Draw<T> {
    fn from(value: T) -> Self {
        Self::Fixed(value)
    }
}

impl<T> From<T> for Series<T> {
    fn from(value: T) -> Self {
        Self::Draw(Draw::Fixed(value))
    }
}

impl<T: fmt::Display> fmt::Display for Draw<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(value) => write!(f, "{value}"),
            Self::Between(low, high) => write!(f, "{low}..{high}"),
        }
    }
}

impl<T: Quantity + Serialize> Serialize for Draw<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(value) => value.serialize(serializer),
            Self::Between(..) => serializer.collect_str(self),
        }
    }
}

impl<T: Quantity + Serialize> Serialize for Series<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Draw(draw) => draw.serialize(serializer),
            Self::Turns(turns) => turns.serialize(serializer),
        }
    }
}

impl<'de, T: Quantity> Deserialize<'de> for Draw<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DrawVisitor::default())
    }
}

impl<'de, T: Quantity + Deserialize<'de>> Deserialize<'de> for Series<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SeriesVisitor(PhantomData))
    }
}

impl<T: Quantity> JsonSchema for Draw<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Draw".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": value_types::<T>(), "pattern": draw_pattern::<T>() })
    }
}

impl<T: Quantity> JsonSchema for Series<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Series".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let value = json_schema!({ "type": value_types::<T>(), "pattern": format!("^{}$", T::PATTERN) });
        json_schema!({ "anyOf": [
            { "type": value_types::<T>(), "pattern": draw_pattern::<T>() },
            { "type": "array", "items": value, "minItems": 1 },
        ] })
    }
}

fn draw_pattern<T: Quantity>() -> String {
    let one = T::PATTERN;
    format!(r"^{one}(\.\.{one})?$")
}

/// Reads one value or a range.
pub(super) struct DrawVisitor<T>(PhantomData<T>);

impl<T> Default for DrawVisitor<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Quantity> Visitor<'_> for DrawVisitor<T> {
    type Value = Draw<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or a range \"low..high\" of them", T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Draw<T>, E> {
        let Some((low, high)) = text.split_once("..") else {
            return ValueVisitor::default().visit_str(text).map(Draw::Fixed);
        };
        let low: T = ValueVisitor::default().visit_str::<E>(low.trim())?;
        let high: T = ValueVisitor::default().visit_str::<E>(high.trim())?;
        if low > high {
            return Err(refused::<T, E>(&format!("{text:?}"), "the range ends before it begins"));
        }
        Ok(Draw::Between(low, high))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Draw<T>, E> {
        ValueVisitor::default().visit_i64(number).map(Draw::Fixed)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Draw<T>, E> {
        ValueVisitor::default().visit_u64(number).map(Draw::Fixed)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Draw<T>, E> {
        ValueVisitor::default().visit_f64(number).map(Draw::Fixed)
    }
}

struct SeriesVisitor<T>(PhantomData<T>);

impl<'de, T: Quantity + Deserialize<'de>> Visitor<'de> for SeriesVisitor<T> {
    type Value = Series<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, a range \"low..high\" or an array of them", T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Series<T>, E> {
        DrawVisitor::default().visit_str(text).map(Series::Draw)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Series<T>, E> {
        DrawVisitor::default().visit_i64(number).map(Series::Draw)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Series<T>, E> {
        DrawVisitor::default().visit_u64(number).map(Series::Draw)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Series<T>, E> {
        DrawVisitor::default().visit_f64(number).map(Series::Draw)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Series<T>, A::Error> {
        let mut turns = Vec::new();
        while let Some(turn) = sequence.next_element()? {
            turns.push(turn);
        }
        if turns.is_empty() {
            return Err(de::Error::custom("the array is empty"));
        }
        Ok(Series::Turns(turns))
    }
}

#[cfg(test)]
mod tests {
    use super::super::quantity::{Count, Span};
    use super::*;

    #[derive(Deserialize, Serialize)]
    struct File {
        latency: Draw<Span>,
        parts: Series<Count>,
    }

    #[test]
    fn a_seed_decides_every_range_and_nothing_else() {
        let file: File = toml::from_str("latency = \"1ms..5ms\"\nparts = \"1..4\"").unwrap();
        let decide =
            |seed| (file.latency.resolved(seed, "link.latency"), file.parts.resolved(seed, "workload.parts"));
        assert_eq!(decide(7), decide(7));
        assert_ne!(decide(7), decide(8));
        let (latency, parts) = decide(7);
        assert_eq!(latency.resolved(9, "link.latency"), latency, "a decided value stays");
        assert_eq!(parts.resolved(9, "workload.parts"), parts);
        let (low, high) = parts.bounds();
        assert!(low >= Count(1) && high <= Count(4));
    }

    #[test]
    fn draws_at_different_places_are_independent() {
        let range = Draw::Between(Count(0), Count(1_000_000));
        assert_ne!(range.resolved(1, "link[0].loss"), range.resolved(1, "link[1].loss"));
    }

    #[test]
    fn a_series_of_values_is_used_in_turn() {
        let file: File = toml::from_str("latency = \"1ms\"\nparts = [3, 1]").unwrap();
        assert_eq!([0, 1, 2].map(|index| file.parts.turn(index)), [Count(3), Count(1), Count(3)]);
        assert_eq!(toml::to_string(&file).unwrap(), "latency = \"1ms\"\nparts = [3, 1]\n");
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_refused() {
        let error = toml::from_str::<File>("latency = \"5ms..1ms\"\nparts = 1").err().unwrap().to_string();
        assert!(error.contains("ends before it begins"), "{error}");
    }
}
