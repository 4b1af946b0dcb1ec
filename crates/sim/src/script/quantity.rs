//! Quantities with units: how a scenario file writes times, sizes, bandwidths and probabilities.
//!
//! Each parses from and prints as the same text, so that a resolved scenario says exactly what was drawn.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};

/// A value that a range can be drawn from, and that TOML writes as a string or a number.
pub trait Quantity: Copy + PartialOrd + fmt::Display {
    /// What an error message says was expected.
    const EXPECTED: &'static str;
    /// One value as text, for the JSON Schema: a regular expression without anchors.
    const PATTERN: &'static str;

    /// Reads one value from text.
    ///
    /// # Errors
    /// When the text is not such a value; the reason is for the reader of the file.
    fn parse(text: &str) -> Result<Self, String>;

    /// Reads one value from a TOML number, where a bare number has a meaning.
    ///
    /// # Errors
    /// When it has none, or is out of bounds.
    fn from_number(number: f64) -> Result<Self, String>;

    /// The value as a number, when a TOML file writes it as one.
    fn as_number(self) -> Option<Number>;

    /// The value `fraction` (0 to 1) of the way from `low` to `high`.
    fn between(low: Self, high: Self, fraction: f64) -> Self;
}

/// A number as TOML distinguishes them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Without a fraction.
    Integer(u64),
    /// With one.
    Float(f64),
}

/// A length of simulated time: `"250us"`, `"10ms"`, `"1.5s"`, `"2m"`, `"0s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Duration);

/// A number of bytes: `100`, `"64KiB"`, `"1.5MB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ByteCount(pub u64);

/// Bits per second: `"64kbit"`, `"10Mbit"`, `"1Gbit"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bandwidth(pub u64);

/// A probability from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Default)]
pub struct Probability(pub f64);

/// How many of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Count(pub u64);

/// How much too fast a clock runs, or too slow: `"200ppm"`, `"-50ppm"`, parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Drift(pub i32);

const TIME_UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
const BYTE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];
/// A clock at half or at double speed is as wrong as any test needs.
const DRIFT_MAX: i32 = 500_000;
const BIT_UNITS: [(&str, u64); 4] =
    [("bit", 1), ("kbit", 1_000), ("Mbit", 1_000_000), ("Gbit", 1_000_000_000)];

impl Quantity for Span {
    const EXPECTED: &'static str = "a time such as \"250us\", \"10ms\" or \"2s\"";
    const PATTERN: &'static str = r"[0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h)";

    fn parse(text: &str) -> Result<Self, String> {
        with_unit(text, &TIME_UNITS).map(|nanos| Self(Duration::from_nanos(nanos)))
    }

    fn from_number(_: f64) -> Result<Self, String> {
        Err("a time needs a unit".to_owned())
    }

    fn as_number(self) -> Option<Number> {
        None
    }

    fn between(low: Self, high: Self, fraction: f64) -> Self {
        let (low, high) = (nanos(low), nanos(high));
        // Microseconds are fine enough for a network, and read better in a resolved scenario.
        let drawn = interpolate(low, high, fraction);
        let rounded = drawn - drawn % 1_000;
        Self(Duration::from_nanos(if rounded < low { drawn } else { rounded }))
    }
}

impl Quantity for ByteCount {
    const EXPECTED: &'static str = "a number of bytes such as 100, \"64KiB\" or \"1MB\"";
    const PATTERN: &'static str = r"[0-9]+(\.[0-9]+)?(B|kB|MB|GB|KiB|MiB|GiB)?";

    fn parse(text: &str) -> Result<Self, String> {
        match text.parse::<u64>() {
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => with_unit(text, &BYTE_UNITS).map(Self),
        }
    }

    fn from_number(number: f64) -> Result<Self, String> {
        whole(number).map(Self)
    }

    fn as_number(self) -> Option<Number> {
        Some(Number::Integer(self.0))
    }

    fn between(low: Self, high: Self, fraction: f64) -> Self {
        Self(interpolate(low.0, high.0, fraction))
    }
}

impl Quantity for Bandwidth {
    const EXPECTED: &'static str = "bits per second such as \"64kbit\" or \"10Mbit\"";
    const PATTERN: &'static str = r"[0-9]+(\.[0-9]+)?(bit|kbit|Mbit|Gbit)";

    fn parse(text: &str) -> Result<Self, String> {
        match with_unit(text, &BIT_UNITS)? {
            0 => Err("a bandwidth of zero carries nothing; use a cut".to_owned()),
            bits => Ok(Self(bits)),
        }
    }

    fn from_number(_: f64) -> Result<Self, String> {
        Err("a bandwidth needs a unit".to_owned())
    }

    fn as_number(self) -> Option<Number> {
        None
    }

    fn between(low: Self, high: Self, fraction: f64) -> Self {
        Self(interpolate(low.0, high.0, fraction))
    }
}

impl Quantity for Probability {
    const EXPECTED: &'static str = "a probability from 0 to 1";
    const PATTERN: &'static str = r"[01](\.[0-9]+)?";

    fn parse(text: &str) -> Result<Self, String> {
        Self::from_number(text.parse().map_err(|_| "not a number".to_owned())?)
    }

    fn from_number(number: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&number) {
            Ok(Self(number))
        } else {
            Err("it is not between 0 and 1".to_owned())
        }
    }

    fn as_number(self) -> Option<Number> {
        Some(Number::Float(self.0))
    }

    fn between(low: Self, high: Self, fraction: f64) -> Self {
        // Four digits: finer differences show in no run, and the resolved file stays readable.
        let drawn = (high.0 - low.0).mul_add(fraction, low.0);
        let rounded = (drawn * 10_000.0).round() / 10_000.0;
        Self(if rounded < low.0 || rounded > high.0 { drawn } else { rounded })
    }
}

impl Quantity for Count {
    const EXPECTED: &'static str = "a whole number";
    const PATTERN: &'static str = r"[0-9]+";

    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "not a whole number".to_owned())
    }

    fn from_number(number: f64) -> Result<Self, String> {
        whole(number).map(Self)
    }

    fn as_number(self) -> Option<Number> {
        Some(Number::Integer(self.0))
    }

    fn between(low: Self, high: Self, fraction: f64) -> Self {
        Self(interpolate(low.0, high.0, fraction))
    }
}

impl Quantity for Drift {
    const EXPECTED: &'static str = "a drift such as \"200ppm\" or \"-50ppm\"";
    const PATTERN: &'static str = r"-?[0-9]+ppm";

    fn parse(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix("ppm").ok_or("its unit is not ppm")?;
        let ppm: i32 = number.trim_end().parse().map_err(|_| "it does not begin with a whole number")?;
        if ppm.abs() > DRIFT_MAX {
            return Err(format!("a clock that is wrong by more than {DRIFT_MAX}ppm is none"));
        }
        Ok(Self(ppm))
    }

    fn from_number(_: f64) -> Result<Self, String> {
        Err("a drift needs a unit".to_owned())
    }

    fn as_number(self) -> Option<Number> {
        None
    }

    fn between(low: Self, high: Self, fraction: f64) -> Self {
        let steps = interpolate(0, u64::from(high.0.abs_diff(low.0)), fraction);
        Self(low.0.saturating_add_unsigned(u32::try_from(steps).unwrap_or(u32::MAX)).min(high.0))
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ppm", self.0)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_unit(f, nanos(*self), &TIME_UNITS, "s")
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_unit(f, self.0, &BIT_UNITS, "bit")
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A whole number from zero to `high - low`, inclusive, added to `low`.
fn interpolate(low: u64, high: u64, fraction: f64) -> u64 {
    let steps = (high - low) as f64 + 1.0;
    low.saturating_add((steps * fraction) as u64).min(high)
}

fn nanos(span: Span) -> u64 {
    u64::try_from(span.0.as_nanos()).unwrap_or(u64::MAX)
}

fn whole(number: f64) -> Result<u64, String> {
    if number < 0.0 {
        Err("it is negative".to_owned())
    } else if number.fract() != 0.0 || number > 9e15 {
        Err("it is not a whole number".to_owned())
    } else {
        Ok(number as u64)
    }
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let value: f64 = number.parse().map_err(|_| "it does not begin with a number".to_owned())?;
    let Some((_, scale)) = units.iter().find(|(name, _)| *name == unit.trim_start()) else {
        let names: Vec<_> = units.iter().map(|(name, _)| *name).collect();
        return Err(format!("its unit is not one of {}", names.join(", ")));
    };
    let scaled = value * *scale as f64;
    if scaled > 9e18 { Err("it is too large".to_owned()) } else { Ok(scaled.round() as u64) }
}

/// Prints with the largest unit that needs no fraction.
fn print_unit(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)], zero: &str) -> fmt::Result {
    if value == 0 {
        return write!(f, "0{zero}");
    }
    let mut best = ("", 1);
    for (name, scale) in units {
        if value.is_multiple_of(*scale) && *scale >= best.1 {
            best = (name, *scale);
        }
    }
    write!(f, "{}{}", value / best.1, best.0)
}

macro_rules! text_or_number {
    ($($type:ty),*) => { $(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.as_number() {
                    Some(Number::Integer(number)) => serializer.serialize_u64(number),
                    Some(Number::Float(number)) => serializer.serialize_f64(number),
                    None => serializer.collect_str(self),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(ValueVisitor::<Self>::default())
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": value_types::<$type>(), "pattern": format!("^{}$", <$type>::PATTERN) })
            }
        }
    )* };
}

text_or_number!(Span, ByteCount, Bandwidth, Probability, Count, Drift);

/// The JSON types one value may have.
pub(super) fn value_types<T: Quantity>() -> Vec<&'static str> {
    if T::from_number(1.0).is_ok() { vec!["string", "number"] } else { vec!["string"] }
}

/// Reads one value, written as text or as a number.
pub(super) struct ValueVisitor<T>(PhantomData<T>);

impl<T> Default for ValueVisitor<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Quantity> Visitor<'_> for ValueVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::parse(text).map_err(|reason| refused::<T, E>(&format!("{text:?}"), &reason))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::from_number(number as f64).map_err(|reason| refused::<T, E>(&number.to_string(), &reason))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::from_number(number as f64).map_err(|reason| refused::<T, E>(&number.to_string(), &reason))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        T::from_number(number).map_err(|reason| refused::<T, E>(&number.to_string(), &reason))
    }
}

/// The error of a value that is refused.
pub(super) fn refused<T: Quantity, E: de::Error>(value: &str, reason: &str) -> E {
    E::custom(format_args!("{value} is refused: {reason}; expected {}", T::EXPECTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn prints<T: Quantity>(text: &str, printed: &str) {
        let value = T::parse(text).unwrap();
        assert_eq!(value.to_string(), printed);
        assert!(T::parse(printed).unwrap() == value, "{printed} reads differently than it was printed");
    }

    #[test]
    fn quantities_print_with_the_largest_exact_unit() {
        prints::<Span>("1500ms", "1500ms");
        prints::<Span>("1.5s", "1500ms");
        prints::<Span>("120s", "2m");
        prints::<Span>("0ms", "0s");
        prints::<Bandwidth>("1000kbit", "1Mbit");
        prints::<ByteCount>("64KiB", "65536");
        prints::<Probability>("0.25", "0.25");
        prints::<Drift>("-50ppm", "-50ppm");
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        assert!(Span::parse("5 parsecs").unwrap_err().contains("unit"));
        assert!(Span::parse("fast").unwrap_err().contains("number"));
        assert!(Span::from_number(5.0).unwrap_err().contains("unit"));
        assert!(Bandwidth::parse("0bit").unwrap_err().contains("zero"));
        assert!(Probability::from_number(1.01).is_err());
        assert!(Probability::from_number(1.0).is_ok());
        assert!(Count::from_number(-1.0).unwrap_err().contains("negative"));
        assert!(Count::from_number(1.5).is_err());
        assert!(Drift::parse("50").unwrap_err().contains("ppm"));
        assert!(Drift::parse("500001ppm").unwrap_err().contains("500000"));
    }

    #[test]
    fn a_draw_reaches_both_ends_and_nothing_beyond() {
        assert_eq!(Count::between(Count(1), Count(4), 0.0), Count(1));
        assert_eq!(Count::between(Count(1), Count(4), 0.999_999), Count(4));
        assert_eq!(Span::between(Span::default(), Span::default(), 0.7), Span::default());
        assert_eq!(Drift::between(Drift(-5), Drift(5), 0.0), Drift(-5));
        assert_eq!(Drift::between(Drift(-5), Drift(5), 0.999_999), Drift(5));
        let low = Span(Duration::from_nanos(1_500));
        assert!(Span::between(low, Span(Duration::from_nanos(1_900)), 0.1) >= low);
    }
}
