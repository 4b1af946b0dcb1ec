//! High-water marks as scenarios write them, and what counts towards one.

use seaworthy_core::FRAME_WEIGHT;
use seaworthy_sim::script::draw::Draw;
use seaworthy_sim::script::quantity::Count;

/// A high-water mark as a number of messages; `None` is unlimited.
pub(super) fn high_water_mark(option: Option<Draw<Count>>) -> Option<u64> {
    match option.map_or(1000, |hwm| hwm.value().0) {
        0 => None,
        limit => Some(limit),
    }
}

/// What `bytes` in `frames` weigh against a mark in bytes.
pub(super) const fn weight_of(bytes: u64, frames: u64) -> u64 {
    bytes + frames * FRAME_WEIGHT as u64
}
