//! The values of a broker's settings, as options and files write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use seaworthy::{Endpoint, EndpointError};
use seaworthy_trial::scenario::quantity::{ByteCount, Quantity, Span};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// A length of time: milliseconds as a bare number, or a number with its unit, such as `500us`, `1.5s` or `2m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct Time(pub(crate) Duration);

/// A number of bytes: bare, or with a unit, such as `64KiB` or `1MB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) usize);

/// How often something is done: at most a hundred times a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interval(pub(crate) Duration);

/// Messages in one turn of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch(pub(crate) u32);

/// An endpoint that other processes can reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Address(String);

const INTERVAL_MIN: Duration = Duration::from_millis(10);

const BATCH_MAX: u32 = 1024;

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(milliseconds) => Ok(Self(Duration::from_millis(milliseconds))),
            Err(_) => Span::parse(text).map(|Span(time)| Self(time)).map_err(|_| {
                "expected milliseconds, or a time with its unit such as 500us, 1.5s or 2m".to_owned()
            }),
        }
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        ByteCount::parse(text)
            .ok()
            .and_then(|ByteCount(bytes)| usize::try_from(bytes).ok())
            .map(Self)
            .ok_or_else(|| "expected bytes, or a size with its unit such as 64KiB or 1MB".to_owned())
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse()? {
            Time(time) if time < INTERVAL_MIN => Err(format!("at least {}", Span(INTERVAL_MIN))),
            Time(time) => Ok(Self(time)),
        }
    }
}

impl FromStr for Batch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(count) if (1..=BATCH_MAX).contains(&count) => Ok(Self(count)),
            _ => Err(format!("expected 1 to {BATCH_MAX} messages")),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(Endpoint::Inproc(_)) => {
                Err("an inproc endpoint is within one process, so nobody can reach the broker there: use tcp or ipc"
                    .to_owned())
            }
            Ok(_) => Ok(Self(text.to_owned())),
            // Whoever reads the error is shown the endpoint already.
            Err(EndpointError::Invalid { reason, .. }) => Err(reason.to_owned()),
            Err(EndpointError::NoScheme(_)) => Err("no scheme: expected tcp:// or ipc://".to_owned()),
            Err(EndpointError::UnknownScheme { scheme, .. }) => {
                Err(format!("the scheme {scheme:?} is not supported: expected tcp or ipc"))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Address {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Span(self.0).fmt(f)
    }
}

/// Reads a number or a string of a file, by what the text of both means on the command line.
struct Text<T>(fn(&str) -> Result<T, String>, &'static str);

impl<T> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

macro_rules! read_as_text {
    ($($value:ident, $expected:literal;)*) => {$(
        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                source.deserialize_any(Text(str::parse, $expected))
            }
        }
    )*};
}

read_as_text! {
    Time, "a time such as 500 (milliseconds), \"1.5s\" or \"2m\"";
    Size, "a size such as 65536 (bytes), \"64KiB\" or \"1MB\"";
    Interval, "a time such as 500 (milliseconds), \"1.5s\" or \"2m\"";
    Batch, "a number of messages";
    Address, "an endpoint such as \"tcp://*:5559\"";
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.collect_str(self)
    }
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        Time(self.0).serialize(sink)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.serialize_u64(self.0 as u64)
    }
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.serialize_u32(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_milliseconds_and_a_unit_says_otherwise() {
        assert_eq!("1500".parse(), Ok(Time(Duration::from_millis(1500))));
        assert_eq!("1.5s".parse(), Ok(Time(Duration::from_millis(1500))));
        for wrong in ["", "s", "-1", "1 week"] {
            assert!(wrong.parse::<Time>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn values_beyond_their_bounds_are_refused() {
        assert_eq!(["1", "1024"].map(str::parse), [Ok(Batch(1)), Ok(Batch(1024))]);
        assert!(["0", "1025", "-1"].into_iter().all(|batch| batch.parse::<Batch>().is_err()));
        assert!("9".parse::<Interval>().is_err() && "10".parse::<Interval>().is_ok());
    }

    #[test]
    fn an_endpoint_that_nobody_can_reach_is_refused_and_not_named_again() {
        assert!("tcp://*:5559".parse::<Address>().is_ok());
        for wrong in ["inproc://a", "tcp://127.0.0.1", "127.0.0.1:1", "udp://127.0.0.1:1"] {
            let reason = wrong.parse::<Address>().unwrap_err();
            assert!(!reason.contains(wrong), "{reason}");
        }
    }
}
