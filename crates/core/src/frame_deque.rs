//! Frames, contiguous in memory, that are added and taken at either end.

use crate::Frame;

/// Frames that may be moved to make room before them. A longer deque gets as many free places as it has frames, so that on
/// average no frame is moved more than a few times.
const MOVED_MAX: usize = 8;

/// The frames of a message. A `VecDeque` would not lend them as one slice.
#[derive(Clone, Debug, Default)]
pub(crate) struct FrameDeque {
    /// Empty frames up to `start`, and those of the deque from there on.
    frames: Vec<Frame>,
    start: usize,
}

impl FrameDeque {
    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[Frame] {
        self.frames.get(self.start..).unwrap_or_default()
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.frames.len() - self.start
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn push_back(&mut self, frame: Frame) {
        self.frames.push(frame);
    }

    pub(crate) fn push_front(&mut self, frame: Frame) {
        if self.start == 0 {
            let count = self.frames.len();
            if count <= MOVED_MAX {
                self.frames.insert(0, frame);
                return;
            }
            let mut longer = Vec::with_capacity(2 * count);
            longer.resize(count, Frame::default());
            longer.append(&mut self.frames);
            (self.frames, self.start) = (longer, count);
        }
        self.start -= 1;
        self.frames[self.start] = frame;
    }

    pub(crate) fn pop_front(&mut self) -> Option<Frame> {
        let first = std::mem::take(self.frames.get_mut(self.start)?);
        self.start += 1;
        // Each frame that is moved here stands for one that was taken.
        if self.start > MOVED_MAX && self.start > self.len() {
            self.drop_free_places();
        }
        Some(first)
    }

    /// The only frame, if there is only one.
    pub(crate) fn take_only(&mut self) -> Option<Frame> {
        if self.len() == 1 { self.frames.pop() } else { None }
    }

    pub(crate) fn into_vec(mut self) -> Vec<Frame> {
        self.drop_free_places();
        self.frames
    }

    fn drop_free_places(&mut self) {
        self.frames.drain(..self.start);
        self.start = 0;
    }
}

impl From<Vec<Frame>> for FrameDeque {
    fn from(frames: Vec<Frame>) -> Self {
        Self { frames, start: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    #[test]
    fn it_holds_what_was_put_at_either_end_and_not_taken() {
        let (mut deque, mut model) = (FrameDeque::default(), VecDeque::new());
        let mut random = 1u32;
        for number in 0..20_000u32 {
            random = random.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            // For a while it grows, then it shrinks.
            let grows = number / 1000 % 2 == 0;
            match random >> 29 {
                0..=2 if grows => {
                    deque.push_front(Frame::from(number.to_string()));
                    model.push_front(number.to_string());
                }
                3 if grows => {
                    deque.push_back(Frame::from(number.to_string()));
                    model.push_back(number.to_string());
                }
                _ => {
                    let (taken, expected) = (deque.pop_front(), model.pop_front());
                    assert_eq!(taken.as_deref(), expected.as_ref().map(String::as_bytes));
                }
            }
            assert_eq!((deque.len(), deque.is_empty()), (model.len(), model.is_empty()));
        }
        assert!(deque.as_slice().iter().eq(model.iter()));
        assert_eq!(deque.into_vec(), Vec::from(model));
    }

    #[test]
    fn a_long_row_has_no_more_free_places_than_frames() {
        let mut deque = FrameDeque::default();
        for count in 1..2000 {
            deque.push_front(Frame::default());
            assert!(deque.start <= count, "{} for {count}", deque.start);
        }
        for count in (0..1999).rev() {
            deque.pop_front();
            assert!(deque.start <= count.max(MOVED_MAX), "{} for {count}", deque.start);
        }
    }

    #[test]
    fn frames_are_moved_a_few_times_on_average_wherever_they_go() {
        let mut deque = FrameDeque::default();
        let mut moved = 0;
        let mut place = deque.as_slice().as_ptr();
        for _ in 0..65_536 {
            deque.push_front(Frame::default());
            let end = deque.as_slice().as_ptr_range().end;
            moved += if end == place { 0 } else { deque.len() };
            place = end;
        }
        let mut begin = deque.as_slice().as_ptr();
        while deque.pop_front().is_some() {
            let now = deque.as_slice().as_ptr();
            moved += if now == begin.wrapping_add(1) { 0 } else { deque.len() };
            begin = now;
        }
        assert!(moved < 4 * 65_536, "{moved}");
    }
}
