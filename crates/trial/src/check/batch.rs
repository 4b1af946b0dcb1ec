//! What a driver encodes for one write: messages that have left their pipe and are not on the wire yet.

/// Bytes of all frames in one write; the message that crosses the mark still fits.
pub(super) const TOTAL_MAX: u64 = 1 << 20;
/// Of these, bytes of frames that are copied.
const COPIED_MAX: u64 = 128 << 10;
/// Frames from this length on are referenced instead.
const REFERENCED_MIN: u64 = 8 << 10;

/// A batch that fills.
#[derive(Debug, Default)]
pub(super) struct Batch {
    total: u64,
    copied: u64,
}

impl Batch {
    pub(super) fn has_room(&self) -> bool {
        self.total < TOTAL_MAX && self.copied < COPIED_MAX
    }

    /// Takes a message of so many bytes in so many frames.
    pub(super) fn put(&mut self, bytes: u64, frames: u64) {
        // One that takes nothing would fit for ever.
        self.total += bytes.max(1);
        self.copied += if is_copied(bytes, frames) { bytes.max(1) } else { 0 };
    }
}

/// How many messages one batch can have, by the smallest that there are.
#[derive(Debug, Default)]
pub(super) struct Smallest {
    copied: Option<u64>,
    referenced: Option<u64>,
}

impl Smallest {
    /// Takes another message into account.
    pub(super) fn note(&mut self, bytes: u64, frames: u64) {
        let smallest = if is_copied(bytes, frames) { &mut self.copied } else { &mut self.referenced };
        *smallest = Some(smallest.map_or(bytes, |known| known.min(bytes)).max(1));
    }

    /// So many whole messages fit, besides the one that crosses the mark.
    pub(super) fn messages_max(&self) -> u64 {
        let fit = |room: u64, smallest: Option<u64>| smallest.map_or(0, |smallest| room / smallest);
        fit(COPIED_MAX, self.copied) + fit(TOTAL_MAX, self.referenced)
    }
}

fn is_copied(bytes: u64, frames: u64) -> bool {
    bytes / frames.max(1) < REFERENCED_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_frames_fill_a_batch_sooner_than_large_ones() {
        let fits = |bytes, frames| {
            let (mut batch, mut smallest) = (Batch::default(), Smallest::default());
            smallest.note(bytes, frames);
            let mut count = 0;
            while batch.has_room() {
                batch.put(bytes, frames);
                count += 1;
            }
            (count, smallest.messages_max())
        };
        assert_eq!(fits(1_000, 1), (132, 131));
        assert_eq!(fits(100_000, 1), (11, 10));
        assert_eq!(fits(20_000, 4), (7, 6), "frames of 5,000 bytes are copied");
        assert_eq!(Smallest::default().messages_max(), 0);
    }
}
