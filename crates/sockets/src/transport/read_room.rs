//! How much room a read is given.

use bytes::BytesMut;

/// Room of the first read, in bytes. What an idle connection costs is mostly this.
pub(super) const READ_MIN: usize = 2 * 1024;

/// Room of a read on a busy connection, in bytes.
const READ_MAX: usize = 128 * 1024;

/// A frame longer than this, in bytes, is read to its end and no further: its buffer holds nothing else, so that
/// little is moved, neither what arrived of it nor what follows it.
const LARGE_FRAME_MIN: usize = READ_MAX;

/// Room of the read after a large frame, in bytes: what it reads of another large one has to be moved.
const READ_AFTER_LARGE: usize = 8 * 1024;

/// Room made in advance for a large frame, in bytes beyond what has arrived of it: a peer that merely announces a
/// frame cannot make us allocate it.
const READ_AHEAD_MAX: usize = 1024 * 1024;

/// Of a large frame, so many bytes are waited for at once, or what is missing of it. The sender's processor wakes the
/// reader, which costs the two of them more than to read 64 KiB, what the loopback carries in one packet. With 128 KiB
/// and with 384 KiB frames of 1 MiB were slower.
const AWAITED_MAX: usize = 192 * 1024;

/// When less than one part in so many of what was decoded was messages, the next read is smaller. Messages that are
/// not small keep the whole buffer that they were read into: a peer that sends few among many commands gets small buffers.
const FILLER_PARTS: usize = 16;

/// The least that a frame has beside its body (RFC 23), so that empty messages count too.
const SHORT_HEADER_BYTES: usize = 2;

/// Grows while reads fill it with messages, shrinks while they do not.
#[derive(Debug)]
pub(super) struct ReadRoom {
    bytes: usize,
    /// The read is of a large frame.
    large: bool,
    /// Bytes that are known to be missing of the frame whose begin has arrived.
    rest: usize,
    /// Bytes that the last read brought.
    count: usize,
    /// Bytes that were there to decode since the last read was made room for.
    decodable: usize,
    /// Bytes of messages that were delivered since.
    delivered: usize,
}

impl ReadRoom {
    pub(super) const fn new() -> Self {
        Self { bytes: READ_MIN, large: false, rest: 0, count: 0, decodable: 0, delivered: 0 }
    }

    /// Makes room behind what `buffer` holds, the begin of a frame of which `rest` bytes are known to be missing.
    pub(super) fn make(&mut self, mut buffer: BytesMut, rest: usize) -> BytesMut {
        let arrived = buffer.len();
        let filler = self.delivered < self.decodable.saturating_sub(arrived) / FILLER_PARTS;
        if filler || self.count < self.bytes / 16 {
            self.bytes = (self.bytes / 2).max(READ_MIN);
        } else if self.large {
            self.bytes = READ_AFTER_LARGE;
        } else if self.count >= self.bytes {
            self.bytes = (self.bytes * 4).min(READ_MAX);
        }
        (self.decodable, self.delivered) = (arrived, 0);
        self.large = arrived + rest > LARGE_FRAME_MIN;
        self.rest = rest;
        if !self.large {
            buffer.reserve(self.bytes.max(rest));
        } else if buffer.capacity() - arrived < rest {
            let mut larger = BytesMut::with_capacity(arrived + rest.min(READ_AHEAD_MAX.max(arrived)));
            larger.extend_from_slice(&buffer);
            buffer = larger;
        }
        buffer
    }

    /// How many bytes the read may wait for: there is room for them, and they are missing.
    pub(super) fn awaited(&self) -> usize {
        if self.large { self.rest.clamp(1, AWAITED_MAX) } else { 1 }
    }

    /// The read has brought `count` bytes.
    pub(super) fn read(&mut self, count: usize) {
        self.decodable += count;
        self.count = count;
    }

    /// A message of so many bytes, without headers, came out of what was read.
    #[inline]
    pub(super) const fn delivered(&mut self, bytes: usize) {
        self.delivered += bytes + SHORT_HEADER_BYTES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The room of the next read after reads that filled theirs, of which `messages(count)` bytes were messages.
    fn after_full_reads(reads: usize, messages: impl Fn(usize) -> usize) -> usize {
        let mut room = ReadRoom::new();
        for _ in 0..reads {
            let count = room.make(BytesMut::new(), 0).capacity();
            room.read(count);
            room.delivered(messages(count) - SHORT_HEADER_BYTES);
        }
        room.make(BytesMut::new(), 0).capacity()
    }

    #[test]
    fn it_grows_while_reads_fill_it_and_shrinks_while_they_do_not() {
        assert_eq!(after_full_reads(0, |count| count), READ_MIN);
        assert_eq!(after_full_reads(1, |count| count), 4 * READ_MIN);
        assert_eq!(after_full_reads(10, |count| count), READ_MAX);
        let mut room = ReadRoom { bytes: READ_MAX, ..ReadRoom::new() };
        for _ in 0..6 {
            room.read(100);
            room.delivered(100);
            let _buffer = room.make(BytesMut::new(), 0);
        }
        assert_eq!(room.bytes, READ_MIN);
    }

    #[test]
    fn a_peer_that_sends_few_messages_among_many_commands_gets_small_buffers() {
        assert_eq!(after_full_reads(10, |count| count / FILLER_PARTS), READ_MAX);
        assert!(after_full_reads(20, |count| count / FILLER_PARTS - 1) < READ_MAX);
        assert!(after_full_reads(20, |_| SHORT_HEADER_BYTES) <= READ_MIN);
    }

    #[test]
    fn a_frame_that_takes_several_reads_is_no_filler() {
        let mut room = ReadRoom::new();
        let mut buffer = room.make(BytesMut::new(), 0);
        for _ in 0..4 {
            let count = buffer.capacity() - buffer.len();
            buffer.resize(buffer.capacity(), 7);
            room.read(count);
            buffer = room.make(buffer, 1);
        }
        assert_eq!(room.bytes, READ_MAX);
    }

    #[test]
    fn a_large_frame_is_read_to_its_end_and_no_further() {
        let mut room = ReadRoom::new();
        let begin = BytesMut::from(&[7; 100][..]);
        let rest = LARGE_FRAME_MIN - 99;
        let buffer = room.make(begin, rest);
        assert_eq!((buffer.len(), buffer.capacity()), (100, 100 + rest));
        assert_eq!(buffer[..], [7; 100]);
        room.read(rest);
        room.delivered(rest);
        assert_eq!(room.make(BytesMut::new(), 0).capacity(), READ_AFTER_LARGE);
    }

    #[test]
    fn a_frame_that_is_not_large_is_read_with_what_follows_it() {
        let mut room = ReadRoom { bytes: READ_MAX, count: READ_MAX, ..ReadRoom::new() };
        let buffer = room.make(BytesMut::from(&[7; 100][..]), LARGE_FRAME_MIN - 100);
        assert!(buffer.capacity() >= 100 + READ_MAX, "{}", buffer.capacity());
    }

    #[test]
    fn only_what_is_missing_of_a_large_frame_is_waited_for() {
        for (rest, awaited) in [
            (0, 1),
            (LARGE_FRAME_MIN - 100, 1),
            (LARGE_FRAME_MIN - 99, LARGE_FRAME_MIN - 99),
            (AWAITED_MAX, AWAITED_MAX),
            (AWAITED_MAX + 1, AWAITED_MAX),
            (usize::MAX / 4, AWAITED_MAX),
        ] {
            let mut room = ReadRoom::new();
            let buffer = room.make(BytesMut::from(&[7; 100][..]), rest);
            assert_eq!(room.awaited(), awaited);
            assert!(buffer.capacity() - buffer.len() >= awaited);
        }
        let mut room = ReadRoom::new();
        room.make(BytesMut::from(&[7; LARGE_FRAME_MIN][..]), 1);
        assert_eq!(room.awaited(), 1);
    }

    #[test]
    fn a_frame_that_is_merely_announced_gets_little_room() {
        let mut room = ReadRoom::new();
        let buffer = room.make(BytesMut::from(&[7; 100][..]), usize::MAX / 4);
        assert_eq!(buffer.capacity(), 100 + READ_AHEAD_MAX);
    }
}
