//! What waits to go out: small frames copied into segments, large ones referenced.

use bytes::{BufMut, Bytes, BytesMut};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Frame, Message};

use crate::frame::{self, COMMAND, LONG_HEADER_BYTES, MORE, SHORT_BODY_BYTES_MAX, SHORT_HEADER_BYTES};
use crate::mechanism::{FrameKind, Sealer};

/// Bodies from this length on are referenced instead of copied. Over loopback no difference was measured between
/// 2 and 16 KiB, entries of a vectored write being cheaper than a copy only above; referencing also keeps no
/// second copy in memory.
const REFERENCED_BYTES_MIN: usize = 8 << 10;

/// A segment is closed rather than grown beyond this. It is what one system call moves well, and less than what
/// an allocator asks the system for each time.
const SEGMENT_BYTES_MAX: usize = 64 << 10;

/// A segment begins at this size, so that a quiet connection costs next to nothing.
const SEGMENT_BYTES_MIN: usize = 256;

/// After this many small transmissions in a row, segments larger than [`SEGMENT_BYTES_KEPT`] are freed.
const SMALL_TRANSMISSIONS_MAX: u8 = 16;

/// What a connection that has become quiet may keep.
const SEGMENT_BYTES_KEPT: usize = 4 << 10;

/// The outgoing bytes of a connection, in order.
///
/// Two buffers take turns: while what was taken from one is being written, the other fills. When its turn comes
/// again its bytes are usually written and dropped, and it is reused without an allocation.
#[derive(Debug, Default)]
pub(crate) struct Transmit {
    /// Closed segments and referenced bodies.
    closed: Vec<Bytes>,
    closed_bytes: usize,
    /// Of these, the bytes of referenced bodies.
    referenced_bytes: usize,
    /// The segment that is filling; comes after `closed`.
    open: BytesMut,
    /// The buffer whose turn is next.
    spare: BytesMut,
    /// What frames are sealed with, once the handshake is complete and if its mechanism says so. Every frame passes here,
    /// so none can go out unsealed.
    sealer: Option<Box<dyn Sealer>>,
    /// Size up to which segments have grown.
    segment_bytes: usize,
    small_transmissions: u8,
}

impl Transmit {
    /// Bytes waiting.
    pub(crate) fn len(&self) -> usize {
        self.closed_bytes + self.open.len()
    }

    /// Bytes waiting that were copied.
    pub(crate) fn copied_len(&self) -> usize {
        self.len() - self.referenced_bytes
    }

    /// Appends the frames of a message.
    #[inline]
    pub(crate) fn message(&mut self, message: &Message) {
        if self.sealer.is_some() {
            self.sealed_message(message);
        } else if let Some((last, more)) = message.frames().split_last() {
            for body in more {
                self.frame(if planted(Bug::MultipartTorn) { 0 } else { MORE }, body);
            }
            self.frame(0, last);
        }
    }

    /// Appends a frame whose body may be referenced.
    #[inline]
    fn frame(&mut self, flags: u8, body: &Frame) {
        match u8::try_from(body.len()) {
            Ok(length) => {
                self.room_for(SHORT_HEADER_BYTES + SHORT_BODY_BYTES_MAX);
                self.open.extend_from_slice(&frame::short_header(flags, length));
                self.open.extend_from_slice(body);
            }
            Err(_) => self.long_frame(flags, body),
        }
    }

    fn long_frame(&mut self, flags: u8, body: &Frame) {
        let header = frame::long_header(flags, body.len() as u64);
        if body.len() < REFERENCED_BYTES_MIN {
            self.room_for(header.len() + body.len());
            self.open.extend_from_slice(&header);
            self.open.extend_from_slice(body);
        } else {
            self.room_for(header.len());
            self.open.extend_from_slice(&header);
            self.close_segment();
            self.closed_bytes += body.len();
            self.referenced_bytes += body.len();
            self.closed.push(body.clone().into_bytes());
        }
    }

    /// Appends a command, or a message of one frame, with a body that is put together from `parts`.
    pub(crate) fn frame_of(&mut self, flags: u8, parts: &[&[u8]]) {
        if self.sealer.is_some() {
            let kind = if flags & COMMAND == 0 { FrameKind::Last } else { FrameKind::Command };
            return self.sealed_frame(kind, parts);
        }
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        self.room_for(LONG_HEADER_BYTES + length);
        self.header(flags, length);
        for part in parts {
            self.open.extend_from_slice(part);
        }
    }

    #[inline(never)]
    fn sealed_message(&mut self, message: &Message) {
        if let Some((last, more)) = message.frames().split_last() {
            for body in more {
                self.sealed_frame(FrameKind::More, &[body]);
            }
            self.sealed_frame(FrameKind::Last, &[last]);
        }
    }

    /// Appends a sealed frame. Its body is copied and sealed where it lies then.
    fn sealed_frame(&mut self, kind: FrameKind, parts: &[&[u8]]) {
        let Some(overhead) = self.sealer.as_ref().map(|sealer| sealer.overhead()) else { return };
        let length = overhead + parts.iter().map(|part| part.len()).sum::<usize>();
        self.room_for(LONG_HEADER_BYTES + length);
        self.header(frame::flags(FrameKind::Last), length);
        let body = self.open.len();
        self.open.put_bytes(0, overhead);
        for part in parts {
            self.open.extend_from_slice(part);
        }
        if let (Some(sealer), Some(body)) = (&mut self.sealer, self.open.get_mut(body..)) {
            sealer.seal(kind, body);
        }
    }

    fn header(&mut self, flags: u8, length: usize) {
        match u8::try_from(length) {
            Ok(length) => self.open.extend_from_slice(&frame::short_header(flags, length)),
            Err(_) => self.open.extend_from_slice(&frame::long_header(flags, length as u64)),
        }
    }

    /// Seals everything from now on.
    pub(crate) fn seal_with(&mut self, sealer: Box<dyn Sealer>) {
        self.sealer = Some(sealer);
    }

    /// Appends bytes that are no frame.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.room_for(bytes.len());
        self.open.extend_from_slice(bytes);
    }

    /// Frees its buffers, unless something waits in them.
    pub(crate) fn free_buffers(&mut self) {
        if self.len() == 0 {
            self.forget_buffers();
        }
    }

    /// Moves everything that waits to the end of `segments`.
    pub(crate) fn take(&mut self, segments: &mut Vec<Bytes>) {
        let small = self.segment_bytes > SEGMENT_BYTES_KEPT && self.len() < self.segment_bytes / 16;
        segments.append(&mut self.closed);
        self.closed_bytes = 0;
        self.referenced_bytes = 0;
        if !self.open.is_empty() {
            segments.push(self.open.split().freeze());
            self.next_buffer();
        }
        self.small_transmissions = if small { self.small_transmissions + 1 } else { 0 };
        if self.small_transmissions == SMALL_TRANSMISSIONS_MAX {
            self.forget_buffers();
        }
    }

    fn forget_buffers(&mut self) {
        *self = Self { sealer: self.sealer.take(), ..Self::default() };
    }

    #[inline]
    fn room_for(&mut self, bytes: usize) {
        if self.open.capacity() - self.open.len() < bytes {
            self.grow(bytes);
        }
    }

    #[cold]
    fn grow(&mut self, bytes: usize) {
        if !self.open.is_empty() && self.open.len() + bytes > SEGMENT_BYTES_MAX {
            self.close_segment();
            self.next_buffer();
            if self.open.capacity() >= bytes {
                return;
            }
        }
        let wanted =
            (self.open.len() + bytes).next_power_of_two().clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        self.segment_bytes = self.segment_bytes.max(wanted);
        self.open.reserve(self.segment_bytes.saturating_sub(self.open.len()).max(bytes));
    }

    fn close_segment(&mut self) {
        self.closed_bytes += self.open.len();
        self.closed.push(self.open.split().freeze());
    }

    /// Goes on in the other buffer: from its beginning if all that was taken from it is dropped by now, else
    /// behind that.
    fn next_buffer(&mut self) {
        std::mem::swap(&mut self.open, &mut self.spare);
        let _reclaimed = self.open.try_reclaim(self.segment_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(transmit: &Transmit) -> usize {
        transmit.open.capacity() + transmit.spare.capacity()
    }

    fn transmit(transmit: &mut Transmit, messages: usize) {
        for _ in 0..messages {
            transmit.message(&Message::from(&[7; 100]));
        }
        transmit.take(&mut Vec::new());
    }

    #[test]
    fn a_quiet_connection_keeps_little() {
        let mut quiet = Transmit::default();
        for _ in 0..100 {
            transmit(&mut quiet, 1);
        }
        assert!(capacity(&quiet) <= 2 * SEGMENT_BYTES_KEPT, "{}", capacity(&quiet));
    }

    #[test]
    fn buffers_are_freed_when_nothing_waits_in_them() {
        let mut quiet = Transmit::default();
        transmit(&mut quiet, 500);
        quiet.message(&Message::from("waits"));
        quiet.free_buffers();
        assert!(quiet.len() > 0 && capacity(&quiet) > 0);
        quiet.take(&mut Vec::new());
        quiet.free_buffers();
        assert_eq!(capacity(&quiet), 0);
    }

    #[test]
    fn large_buffers_are_given_back_after_sixteen_small_transmissions_in_a_row() {
        let mut busy = Transmit::default();
        for _ in 0..3 {
            transmit(&mut busy, 500);
        }
        let grown = capacity(&busy);
        assert!(grown >= SEGMENT_BYTES_MAX);
        for _ in 0..15 {
            transmit(&mut busy, 1);
        }
        transmit(&mut busy, 500);
        for _ in 0..15 {
            transmit(&mut busy, 1);
        }
        assert!(capacity(&busy) >= SEGMENT_BYTES_MAX, "a burst in between keeps them");
        transmit(&mut busy, 1);
        assert!(capacity(&busy) <= 2 * SEGMENT_BYTES_KEPT, "{}", capacity(&busy));
    }
}
