//! How long packets travel: always the same, or a shape from which each packet's time is drawn.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::draw::{Draw, DrawVisitor};
use super::quantity::{Probability, Span};
use seaworthy_engine::Latency;

/// `"5ms"`, a range of which each seed draws one for all packets, or a shape for each packet anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LatencyModel {
    /// The same for every packet.
    Same(Draw<Span>),
    /// Drawn for each packet.
    Shape(LatencyShape),
}

/// A distribution: `{ min, max }` is uniform, `{ min, mean, max }` exponential, `{ low, high, high_chance }` has two
/// modes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatencyShape {
    /// Shortest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Draw<Span>>,
    /// With `min` and `max`: mean of an exponential distribution, before `max` cuts it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<Draw<Span>>,
    /// Longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Draw<Span>>,
    /// The usual one of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<Draw<Span>>,
    /// The other one of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<Draw<Span>>,
    /// Chance of the other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_chance: Option<Draw<Probability>>,
}

impl LatencyModel {
    /// This model with every range decided.
    #[must_use]
    pub fn resolved(self, seed: u64, place: &str) -> Self {
        match self {
            Self::Same(draw) => Self::Same(draw.resolved(seed, place)),
            Self::Shape(shape) => {
                let span = |draw: Option<Draw<Span>>, key: &str| {
                    draw.map(|draw| draw.resolved(seed, &format!("{place}.{key}")))
                };
                Self::Shape(LatencyShape {
                    min: span(shape.min, "min"),
                    mean: span(shape.mean, "mean"),
                    max: span(shape.max, "max"),
                    low: span(shape.low, "low"),
                    high: span(shape.high, "high"),
                    high_chance: shape
                        .high_chance
                        .map(|draw| draw.resolved(seed, &format!("{place}.high_chance"))),
                })
            }
        }
    }

    /// Whether a seed has something to decide.
    pub fn is_range(self) -> bool {
        match self {
            Self::Same(draw) => draw.is_range(),
            Self::Shape(shape) => {
                let spans = [shape.min, shape.mean, shape.max, shape.low, shape.high];
                spans.into_iter().flatten().any(Draw::is_range)
                    || shape.high_chance.is_some_and(Draw::is_range)
            }
        }
    }

    /// The shortest time it can give a packet.
    pub fn least(self) -> Span {
        match self {
            Self::Same(draw) => draw.value(),
            Self::Shape(shape) => shape.min.or(shape.low).map(Draw::value).unwrap_or_default(),
        }
    }

    /// As the wire takes it; `None` for a shape that a validated scenario does not have. Ranges must have been decided.
    pub fn decided(self) -> Option<Latency> {
        let value = |draw: Option<Draw<Span>>| draw.map(|draw| draw.value().0);
        match self {
            Self::Same(draw) => Some(Latency::Fixed(draw.value().0)),
            Self::Shape(shape) => match shape.high_chance {
                Some(chance) => Some(Latency::TwoMode {
                    low: value(shape.low)?,
                    high: value(shape.high)?,
                    high_chance: chance.value().0,
                }),
                None => {
                    let (min, max) = (value(shape.min)?, value(shape.max)?);
                    Some(match value(shape.mean) {
                        Some(mean) => Latency::Exponential { min, mean, max },
                        None => Latency::Uniform { min, max },
                    })
                }
            },
        }
    }
}

impl LatencyShape {
    /// What is wrong with it, and at which key; `None` when it is a distribution.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        let one = "a latency is { min, max }, { min, mean, max } or { low, high, high_chance }";
        let keys = [
            ("min", self.min.is_some()),
            ("mean", self.mean.is_some()),
            ("max", self.max.is_some()),
            ("low", self.low.is_some()),
            ("high", self.high.is_some()),
            ("high_chance", self.high_chance.is_some()),
        ];
        let given: Vec<&str> = keys.iter().filter_map(|(key, given)| given.then_some(*key)).collect();
        let order: &[(&str, Option<Draw<Span>>)] = match given.as_slice() {
            ["min", "max"] => &[("min", self.min), ("max", self.max)],
            ["min", "mean", "max"] => &[("min", self.min), ("mean", self.mean), ("max", self.max)],
            ["low", "high", "high_chance"] => &[("low", self.low), ("high", self.high)],
            [] => return Some(("", one.to_owned())),
            [.., last] => return Some((last, format!("{one}; {} are given", given.join(", ")))),
        };
        order.windows(2).find_map(|pair| {
            let (below, above) = (pair[0].1?.most(), pair[1].1?.value());
            (below > above).then(|| (pair[1].0, format!("{above} is less than {}, {below}", pair[0].0)))
        })
    }
}

impl From<Draw<Span>> for LatencyModel {
    fn from(draw: Draw<Span>) -> Self {
        Self::Same(draw)
    }
}

impl fmt::Display for LatencyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(draw) => write!(f, "{draw}"),
            Self::Shape(shape) => {
                let mut before = "";
                let spans = [
                    ("min", shape.min),
                    ("mean", shape.mean),
                    ("max", shape.max),
                    ("low", shape.low),
                    ("high", shape.high),
                ];
                for (key, draw) in spans {
                    if let Some(draw) = draw {
                        write!(f, "{before}{key} {draw}")?;
                        before = " ";
                    }
                }
                shape.high_chance.map_or(Ok(()), |chance| write!(f, " at {chance}"))
            }
        }
    }
}

impl Serialize for LatencyModel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Same(draw) => draw.serialize(serializer),
            Self::Shape(shape) => shape.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for LatencyModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LatencyVisitor)
    }
}

impl JsonSchema for LatencyModel {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "LatencyModel".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let same = Draw::<Span>::json_schema(generator);
        let shape = generator.subschema_for::<LatencyShape>();
        json_schema!({ "anyOf": [same, shape] })
    }
}

struct LatencyVisitor;

impl<'de> Visitor<'de> for LatencyVisitor {
    type Value = LatencyModel;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DrawVisitor::<Span>::default().expecting(f)?;
        f.write_str(", or a table { min, max }, { min, mean, max } or { low, high, high_chance }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LatencyModel, E> {
        DrawVisitor::default().visit_str(text).map(LatencyModel::Same)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<LatencyModel, E> {
        DrawVisitor::default().visit_i64(number).map(LatencyModel::Same)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<LatencyModel, E> {
        DrawVisitor::default().visit_f64(number).map(LatencyModel::Same)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LatencyModel, A::Error> {
        LatencyShape::deserialize(MapAccessDeserializer::new(map)).map(LatencyModel::Shape)
    }
}
