//! How large the buffer of the next read is, and which frames may share it.

use bytes::{Bytes, BytesMut};

/// Room of the first read, in bytes. What an idle connection costs is mostly this.
pub(super) const READ_MIN: usize = 2 * 1024;

/// Room of a read on a busy connection, in bytes.
const READ_MAX: usize = 128 * 1024;

/// A read with more room than this, in bytes, is not begun before there is something to read: a connection that was
/// busy would keep its buffer for as long as nothing comes. Waiting first costs a step more, so that small messages
/// that come one at a time do not pay for it.
const IDLE_READ_MAX: usize = 16 * 1024;

/// A frame of at least this many bytes gets a buffer that holds it and one more like it, which both share: of two reads
/// and a copy, the copy costs more from here on. Smaller frames are copied out of a buffer that is used again, and
/// stays in the processor's cache.
const MIDDLE_FRAME_MIN: usize = 32 * 1024;

/// A frame longer than this, in bytes, is read to its end and no further: its buffer holds nothing else, so that
/// little is moved, neither what arrived of it nor what follows it.
const LARGE_FRAME_MIN: usize = READ_MAX;

/// Room of the read after a large frame, in bytes: what it reads of another large one has to be moved.
const READ_AFTER_LARGE: usize = 8 * 1024;

/// Room made in advance for a large frame, in bytes, or as much as has arrived of it: a peer that merely announces a
/// frame cannot make us allocate it, and one that sends it makes us move it only a few times.
const READ_AHEAD_MAX: usize = 1024 * 1024;

/// Bytes of a large frame that are waited for at once, or what is missing of it. The sender's processor wakes the
/// reader, which costs the two of them more than to read 64 KiB, what the loopback carries in one packet. With 128 KiB
/// and with 384 KiB frames of 1 MiB were slower.
const LOW_WATERMARK_MAX: usize = 192 * 1024;

/// A read of a stream that wakes its task for each packet is small even on a busy connection. Only one that brought less
/// than this part of its room makes the next one smaller.
const SMALL_READ_PARTS: usize = 16;

/// Bytes of a frame that are moved to the front of a buffer so that the next read has more room. Beyond, a read of what is
/// missing of it costs less.
const MOVED_MAX: usize = 8 * 1024;

/// A buffer that is more than this many times too large is given back.
const SLACK: usize = 4;

/// Octets before the body of a long frame (RFC 37).
const LONG_HEADER_BYTES: usize = 9;

/// Grows while reads fill it, shrinks while they do not.
#[derive(Debug)]
pub(crate) struct ReadBufferSizer {
    /// Size of a buffer for small frames.
    bytes: usize,
    /// Size of the allocation that the last buffer lies in.
    capacity: usize,
    /// The read is of a large frame.
    large: bool,
    /// Size of a buffer for two of the middle frames that come, or 0.
    middle: usize,
    /// Bytes that are known to be missing of the frame whose beginning has arrived.
    rest: usize,
    /// Bytes that the last read could bring, and brought.
    spare: usize,
    count: usize,
}

impl ReadBufferSizer {
    pub(crate) const fn new() -> Self {
        Self { bytes: READ_MIN, capacity: 0, large: false, middle: 0, rest: 0, spare: 0, count: 0 }
    }

    /// Makes room behind what `buffer` holds, the beginning of a frame of which `rest` bytes are known to be missing.
    pub(crate) fn make(&mut self, buffer: BytesMut, rest: usize) -> BytesMut {
        let begun = self.large;
        self.adapt();
        let frame = buffer.len().saturating_add(rest);
        self.large = frame > LARGE_FRAME_MIN;
        if !self.large && frame >= MIDDLE_FRAME_MIN {
            self.middle = 2 * frame;
        } else if frame > 0 || self.count < self.spare {
            self.middle = 0;
        }
        let buffer = if self.large {
            self.make_for_large(buffer, rest, begun)
        } else if self.middle > 0 {
            self.make_for_others(buffer, rest, self.middle, self.middle)
        } else {
            self.make_for_others(buffer, rest, self.bytes, SLACK * self.bytes)
        };
        self.rest = rest;
        self.spare = buffer.capacity() - buffer.len();
        buffer
    }

    /// True when the next read should not begin before there is something to read. `buffer` is what has not been decoded: if
    /// a frame has begun, its rest is on its way.
    pub(crate) fn waits(&self, buffer: &BytesMut) -> bool {
        buffer.is_empty()
            && (self.bytes > IDLE_READ_MAX || self.capacity > IDLE_READ_MAX && buffer.capacity() > 0)
    }

    /// Memory is short: the next read of small frames gets little.
    pub(crate) fn restrict(&mut self) {
        self.bytes = READ_MIN;
        self.count = self.count.min(READ_MIN - 1);
    }

    fn adapt(&mut self) {
        if self.count < self.bytes / SMALL_READ_PARTS {
            self.bytes = (self.bytes / 2).max(READ_MIN);
        } else if self.large {
            self.bytes = READ_AFTER_LARGE;
        } else if self.count >= self.bytes {
            self.bytes = (self.bytes * 4).min(READ_MAX);
        }
    }

    /// What has arrived is moved when its allocation cannot grow in place, which allocators avoid for large ones; and
    /// since each growth doubles it, all of that costs no more than to copy the frame twice.
    fn make_for_large(&mut self, buffer: BytesMut, rest: usize, begun: bool) -> BytesMut {
        let arrived = buffer.len();
        let ahead = rest.min(READ_AHEAD_MAX.max(arrived));
        if !begun {
            return self.allocate(arrived + ahead, &buffer);
        }
        if buffer.capacity() - arrived >= rest.min(LOW_WATERMARK_MAX) {
            return buffer;
        }
        // A `BytesMut` grows by half as much again as it needs, into which the next frame would be read.
        let mut bytes = Vec::from(buffer);
        bytes.reserve_exact(ahead);
        self.capacity = bytes.capacity();
        BytesMut::from(Bytes::from(bytes))
    }

    fn make_for_others(&mut self, mut buffer: BytesMut, rest: usize, size: usize, max: usize) -> BytesMut {
        let arrived = buffer.len();
        let size = size.max(arrived + rest);
        if self.capacity <= max.max(size) {
            if buffer.try_reclaim(size - arrived) {
                return buffer;
            }
            // Not the end of the buffer yet, or not worth moving what has arrived.
            let spare = buffer.capacity() - arrived;
            if spare >= rest.max(size / 2) || rest > 0 && spare >= rest && arrived > MOVED_MAX {
                return buffer;
            }
        }
        self.allocate(size, &buffer)
    }

    fn allocate(&mut self, size: usize, begun: &[u8]) -> BytesMut {
        let mut buffer = BytesMut::with_capacity(size);
        buffer.extend_from_slice(begun);
        self.capacity = size;
        buffer
    }

    /// How many bytes the read may wait for: there is room for them, and they are missing.
    pub(crate) fn low_watermark(&self) -> usize {
        if self.large { self.rest.clamp(1, LOW_WATERMARK_MAX) } else { 1 }
    }

    /// The shortest body that may share the buffer: a user that keeps a frame keeps its buffer, which is at most twice the
    /// frame.
    pub(crate) const fn shared_min(&self) -> usize {
        self.capacity.div_ceil(2).saturating_sub(LONG_HEADER_BYTES)
    }

    /// The read has brought `count` bytes.
    pub(crate) const fn read(&mut self, count: usize) {
        self.count = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of frames that is read as a driver reads it, from a peer that is always ahead.
    struct Reader {
        sizer: ReadBufferSizer,
        buffer: BytesMut,
        frame: usize,
        reads: usize,
        /// Bytes that were moved because there was no room behind them.
        moved: usize,
    }

    impl Reader {
        fn new(frame: usize) -> Self {
            Self { sizer: ReadBufferSizer::new(), buffer: BytesMut::new(), frame, reads: 0, moved: 0 }
        }

        /// One read of at most `most` bytes: takes off the frames that are whole, each with whether it is shared.
        fn read(&mut self, most: usize) -> Vec<(BytesMut, bool)> {
            let begun = self.buffer.len();
            let rest = if begun >= LONG_HEADER_BYTES { self.frame - begun } else { 0 };
            let address = self.buffer.as_ptr();
            let mut buffer = self.sizer.make(std::mem::take(&mut self.buffer), rest);
            self.moved += if buffer.as_ptr() == address { 0 } else { begun };
            let count = most.min(buffer.capacity() - begun);
            buffer.resize(begun + count, 7);
            self.sizer.read(count);
            self.reads += 1;
            let mut frames = Vec::new();
            while buffer.len() >= self.frame {
                let shared = self.frame - LONG_HEADER_BYTES >= self.sizer.shared_min();
                frames.push((buffer.split_to(self.frame), shared));
            }
            self.buffer = buffer;
            frames
        }

        fn frames(mut self, count: usize, most: usize) -> Self {
            let mut frames = 0;
            while frames < count {
                let read = self.read(most);
                for (frame, shared) in &read {
                    assert!(!shared || self.sizer.capacity <= 2 * frame.len(), "{}", self.sizer.capacity);
                }
                frames += read.len();
            }
            self
        }
    }

    /// The room of the next read after reads that filled theirs.
    fn after_full_reads(reads: usize) -> usize {
        let mut sizer = ReadBufferSizer::new();
        for _ in 0..reads {
            let count = sizer.make(BytesMut::new(), 0).capacity();
            sizer.read(count);
        }
        sizer.make(BytesMut::new(), 0).capacity()
    }

    #[test]
    fn it_grows_while_reads_fill_it_and_shrinks_while_they_do_not() {
        assert_eq!(after_full_reads(0), READ_MIN);
        assert_eq!(after_full_reads(1), 4 * READ_MIN);
        assert_eq!(after_full_reads(10), READ_MAX);
        let mut sizer = ReadBufferSizer { bytes: READ_MAX, ..ReadBufferSizer::new() };
        for _ in 0..6 {
            sizer.read(100);
            let _buffer = sizer.make(BytesMut::new(), 0);
        }
        assert_eq!(sizer.bytes, READ_MIN);
    }

    #[test]
    fn only_a_read_with_much_room_at_the_end_of_a_frame_waits_for_something_to_read() {
        let mut sizer = ReadBufferSizer::new();
        let waits: Vec<bool> = (0..4)
            .map(|_| {
                let waits = sizer.waits(&BytesMut::new());
                let count = sizer.make(BytesMut::new(), 0).capacity();
                sizer.read(count);
                waits
            })
            .collect();
        assert_eq!(waits, [false, false, false, true]);
        assert!(!sizer.waits(&BytesMut::from(&[7][..])));
        for _ in 0..6 {
            sizer.read(100);
            let _buffer = sizer.make(BytesMut::new(), 0);
        }
        assert!(!sizer.waits(&BytesMut::new()));
    }

    #[test]
    fn a_buffer_whose_frames_were_copied_is_used_again() {
        let mut sizer = ReadBufferSizer { bytes: READ_MAX, count: READ_MAX, ..ReadBufferSizer::new() };
        let mut buffer = sizer.make(BytesMut::new(), 0);
        let address = buffer.as_ptr();
        for _ in 0..10 {
            buffer.resize(buffer.capacity(), 7);
            sizer.read(READ_MAX);
            bytes::Buf::advance(&mut buffer, READ_MAX - 100);
            buffer = sizer.make(buffer, 900);
            assert_eq!((buffer.as_ptr(), buffer.len(), buffer.capacity()), (address, 100, READ_MAX));
        }
    }

    #[test]
    fn a_frame_that_shares_its_buffer_keeps_at_most_twice_its_size() {
        for frame in [100, 1_000, 10_000, 32_777, 40_000, 65_545, 100_009, 131_072, 131_073, 1_000_000] {
            for most in [1_000, 65_483, usize::MAX] {
                Reader::new(frame).frames(50, most);
            }
        }
    }

    #[test]
    fn middle_frames_of_one_size_are_read_two_at_a_time_and_not_moved() {
        for frame in [MIDDLE_FRAME_MIN + LONG_HEADER_BYTES, 65_545, 100_009] {
            let warm = Reader::new(frame).frames(20, usize::MAX);
            let (reads, moved) = (warm.reads, warm.moved);
            let reader = warm.frames(100, usize::MAX);
            assert!(reader.reads - reads <= 51, "{frame}: {}", reader.reads - reads);
            assert_eq!(reader.moved, moved);
        }
    }

    #[test]
    fn a_large_frame_is_read_to_its_end_and_no_further() {
        let mut sizer = ReadBufferSizer::new();
        let begin = BytesMut::from(&[7; 100][..]);
        let rest = LARGE_FRAME_MIN - 99;
        let buffer = sizer.make(begin, rest);
        assert_eq!((buffer.len(), buffer.capacity()), (100, 100 + rest));
        assert_eq!(buffer[..], [7; 100]);
        sizer.read(rest);
        assert_eq!(sizer.make(BytesMut::new(), 0).capacity(), READ_AFTER_LARGE);
    }

    #[test]
    fn what_has_arrived_of_a_large_frame_is_moved_no_more_than_twice_whatever_the_reads_bring() {
        let frame = 64 * READ_AHEAD_MAX;
        for most in [1_000, 65_536, 3_000_000, usize::MAX] {
            let reader = Reader::new(frame).frames(1, most);
            assert!(reader.moved <= 2 * frame, "{} of {frame}", reader.moved);
            assert_eq!(reader.sizer.capacity, frame);
        }
    }

    #[test]
    fn only_what_is_missing_of_a_large_frame_is_waited_for() {
        for (rest, awaited) in [
            (0, 1),
            (LARGE_FRAME_MIN - 100, 1),
            (LARGE_FRAME_MIN - 99, LARGE_FRAME_MIN - 99),
            (LOW_WATERMARK_MAX, LOW_WATERMARK_MAX),
            (LOW_WATERMARK_MAX + 1, LOW_WATERMARK_MAX),
            (usize::MAX / 4, LOW_WATERMARK_MAX),
        ] {
            let mut sizer = ReadBufferSizer::new();
            let buffer = sizer.make(BytesMut::from(&[7; 100][..]), rest);
            assert_eq!(sizer.low_watermark(), awaited);
            assert!(buffer.capacity() - buffer.len() >= awaited);
        }
        let mut sizer = ReadBufferSizer::new();
        sizer.make(BytesMut::from(&[7; LARGE_FRAME_MIN][..]), 1);
        assert_eq!(sizer.low_watermark(), 1);
    }

    #[test]
    fn a_frame_that_is_merely_announced_gets_little_room() {
        let mut sizer = ReadBufferSizer::new();
        let buffer = sizer.make(BytesMut::from(&[7; 100][..]), usize::MAX / 4);
        assert_eq!(buffer.capacity(), 100 + READ_AHEAD_MAX);
    }

    #[test]
    fn what_has_arrived_of_a_frame_is_moved_only_if_it_is_little() {
        for (arrived, moved) in [(MOVED_MAX, true), (MOVED_MAX + 1, false)] {
            let frame = MIDDLE_FRAME_MIN;
            let mut sizer = ReadBufferSizer { middle: 2 * frame, ..ReadBufferSizer::new() };
            // All but the end of the buffer belongs to a message that somebody keeps.
            let mut buffer = sizer.allocate(2 * frame, &[7; MIDDLE_FRAME_MIN]);
            let _kept = buffer.split_to(frame).freeze();
            buffer.extend_from_slice(&[8; MIDDLE_FRAME_MIN][..arrived]);
            let address = buffer.as_ptr();
            let buffer = sizer.make(buffer, frame - arrived);
            assert_eq!(buffer.as_ptr() != address, moved);
            assert_eq!(buffer[..], [8; MIDDLE_FRAME_MIN][..arrived]);
        }
    }
}
