//! The links of a scenario: their properties, written once, and the tables that have them.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::latency::LatencyModel;
use super::quantity::{Bandwidth, Probability, Span};

/// Writes the properties of a direction, alone and in a table that says which directions are meant.
macro_rules! link_properties {
    ($( $(#[$doc:meta])* $key:ident: $type:ty, )*) => {
        /// The properties of one direction of a link. What is left out is perfect: no loss, no limit, 1 ms of latency.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct LinkModel {
            $( $(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $key: Option<$type>, )*
        }

        /// A link that differs: `between` two hosts in both directions, or one-way `from` and `to`.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Link {
            /// Two hosts or groups: both directions of every pair.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub between: Option<[String; 2]>,
            /// With `to`: one direction, from this host or group.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub from: Option<String>,
            /// With `from`: one direction, to this host or group.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub to: Option<String>,
            $( $(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $key: Option<$type>, )*
        }

        impl LinkModel {
            /// This model with every range decided. Each property has random numbers of its own.
            #[must_use]
            pub fn resolved(&self, seed: u64, place: &str) -> Self {
                Self {
                    $( $key: self.$key.map(|draw| draw.resolved(seed, &format!("{place}.{}", stringify!($key)))), )*
                }
            }

            /// Whether a seed has something to decide.
            pub fn has_range(&self) -> bool {
                false $( || self.$key.is_some_and(|draw| draw.is_range()) )*
            }

            /// `self` where it says something, `base` elsewhere.
            #[must_use]
            pub fn over(&self, base: &Self) -> Self {
                Self { $( $key: self.$key.or(base.$key), )* }
            }
        }

        impl Link {
            /// The properties without the ends.
            pub fn model(&self) -> LinkModel {
                LinkModel { $( $key: self.$key, )* }
            }

            /// The same ends with these properties.
            #[must_use]
            pub fn with(self, model: &LinkModel) -> Self {
                Self { $( $key: model.$key, )* ..self }
            }
        }

        impl fmt::Display for LinkModel {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut before = "";
                $( if let Some(value) = self.$key {
                    write!(f, "{before}{} {value}", stringify!($key))?;
                    before = ", ";
                } )*
                let _ = before;
                Ok(())
            }
        }
    };
}

link_properties! {
    /// Time a packet travels: one for all, or a shape to draw each from. Default 1 ms, which is also the least.
    latency: LatencyModel,
    /// Added to the latency of each packet: uniform from zero to this. Packets keep their order.
    jitter: Draw<Span>,
    /// Bits per second; packets queue for it. Default: unlimited.
    bandwidth: Draw<Bandwidth>,
    /// Chance that a packet is lost.
    loss: Draw<Probability>,
    /// Chance that a packet arrives twice.
    duplicate: Draw<Probability>,
    /// Chance that a packet is late by `reorder_delay`, so that later ones may overtake it.
    reorder: Draw<Probability>,
    /// How late such a packet is. Default 10 ms.
    reorder_delay: Draw<Span>,
    /// Chance that a bit of a packet is flipped. Checksums catch it: the receiver drops the packet.
    corrupt: Draw<Probability>,
}

impl LinkModel {
    /// Whether it says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Link {
    /// One direction with these properties.
    pub fn oneway(from: &str, to: &str, model: &LinkModel) -> Self {
        Self { from: Some(from.to_owned()), to: Some(to.to_owned()), ..Self::default() }.with(model)
    }

    /// Whether these are the ends of the direction `from` > `to`.
    pub fn is(&self, from: &str, to: &str) -> bool {
        self.from.as_deref() == Some(from) && self.to.as_deref() == Some(to)
    }
}

/// The ends: `a <> b`, or `a -> b`.
impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.between, &self.from, &self.to) {
            (Some([a, b]), ..) => write!(f, "{a} <> {b}"),
            (None, from, to) => {
                write!(f, "{} -> {}", from.as_deref().unwrap_or_default(), to.as_deref().unwrap_or_default())
            }
        }
    }
}
