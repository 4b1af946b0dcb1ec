//! The sending half of a driver: from messages in the pipe to bytes.

use std::io;

use bytes::{Buf, Bytes};
use seaworthy_core::pipe::Charge;
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{PoisonGuard, Poisoned};
use seaworthy_zmtp::Connection;

use crate::pipe_item::PipeItem;
use crate::transport::attachment::Attachment;

/// Bytes encoded for one write.
const WRITE_MAX: usize = 1024 * 1024;

/// Of these, bytes that are copied. More would make the peer wait for the first of them, and leave the cache before
/// the kernel reads them.
const WRITE_COPIED_MAX: usize = 128 * 1024;

/// What was taken from the pipe, or is the protocol's own, and is not yet written.
pub(super) struct Outflow<'a> {
    /// Encoded, while no write is in flight. A write borrows them.
    segments: Vec<Bytes>,
    /// What they keep, also during a write.
    charge: Charge,
    poisoned: &'a Poisoned,
    /// Armed from the first byte of a write to its last: dropped in between, the stream is reset.
    guard: Option<PoisonGuard<'a>>,
}

impl<'a> Outflow<'a> {
    pub(super) const fn new(charge: Charge, poisoned: &'a Poisoned) -> Self {
        Self { segments: Vec::new(), charge, poisoned, guard: None }
    }

    /// True unless a short write left a rest.
    pub(super) const fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// What to write next: the rest of a short write, or else what the protocol has to say and what is in the
    /// pipe.
    pub(super) fn next_write(
        &mut self,
        pipe: Option<&mut Attachment>,
        connection: &mut Connection,
    ) -> Option<Vec<Bytes>> {
        if self.segments.is_empty() {
            if let Some(pipe) = pipe {
                encode_batch(pipe, connection);
            }
            connection.poll_transmit(&mut self.segments);
        }
        if self.segments.is_empty() {
            return None;
        }
        if self.charge.counts() {
            self.charge.set(self.segments.iter().map(Bytes::len).sum());
        }
        self.guard.get_or_insert_with(|| self.poisoned.arm());
        if planted(Bug::GuardDisarmedEarly)
            && let Some(guard) = self.guard.take()
        {
            guard.disarm();
        }
        Some(std::mem::take(&mut self.segments))
    }

    /// A write has completed and brought back its segments.
    pub(super) fn written(&mut self, result: io::Result<usize>, segments: Vec<Bytes>) -> io::Result<()> {
        self.segments = segments;
        if planted(Bug::ShortWriteTakenForWhole)
            && let Ok(count) = &result
        {
            self.segments = vec![Bytes::from(vec![0; *count])];
        }
        result.and_then(|count| advance(&mut self.segments, count))?;
        if self.segments.is_empty() {
            self.charge.set(0);
            if let Some(guard) = self.guard.take() {
                guard.disarm();
            }
        }
        Ok(())
    }

    /// Frees memory that it has kept since writes were larger.
    pub(super) fn free_spares(&mut self) {
        self.segments.shrink_to_fit();
    }
}

/// Encodes what is queued, up to one write's worth.
fn encode_batch(attachment: &mut Attachment, connection: &mut Connection) {
    while connection.transmit_len() < WRITE_MAX && connection.transmit_copied_len() < WRITE_COPIED_MAX {
        match attachment.take() {
            Some(PipeItem::Message(message)) => connection.send(&message),
            Some(PipeItem::Subscribe(topic)) => connection.subscribe(&topic),
            Some(PipeItem::Cancel(topic)) => connection.cancel(&topic),
            // Only drivers write markers, into the other direction.
            Some(PipeItem::Marker { .. }) => {}
            None => return,
        }
    }
}

/// Takes the first `count` bytes off the segments.
///
/// # Errors
/// `WriteZero`: nothing was written, so that writing again would never end.
pub(crate) fn advance(segments: &mut Vec<Bytes>, mut count: usize) -> io::Result<()> {
    if count == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    let whole = segments
        .iter()
        .take_while(|segment| {
            let fits = segment.len() <= count;
            count -= if fits { segment.len() } else { 0 };
            fits
        })
        .count();
    segments.drain(..whole);
    if let Some(first) = segments.first_mut() {
        first.advance(count);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_write_leaves_exactly_the_rest() {
        let parts = || vec![Bytes::from_static(b"abc"), Bytes::new(), Bytes::from_static(b"de")];
        for written in 1..=5 {
            let mut segments = parts();
            advance(&mut segments, written).unwrap();
            assert_eq!(segments.concat(), b"abcde"[written..]);
        }
        assert_eq!(advance(&mut parts(), 0).unwrap_err().kind(), io::ErrorKind::WriteZero);
    }
}
