//! What users send: one or more frames.

use std::fmt;

use bytes::{Bytes, BytesMut};

use crate::Frame;
use crate::frame_deque::FrameDeque;

/// What a frame weighs against a mark in bytes beside its bytes: the memory that it takes itself, and what an allocator
/// needs to keep its bytes.
pub const FRAME_WEIGHT: usize = 80;

/// A message takes one place of a mark in messages for each so many frames, and one for the rest. No sane envelope comes
/// near; but with the default marks a pipe of messages of 65,536 empty frames would take 5 GB.
pub const FRAMES_PER_PLACE: usize = 256;

/// One or more frames that travel together, or not at all.
///
/// A message of a single frame, the common case, holds its [`Frame`] in place and costs no allocation of its own.
///
/// ```
/// use seaworthy_core::Message;
/// let hello = Message::from("hello");
/// assert_eq!(hello.frame(0), Some(&b"hello"[..]));
/// // Frames of one kind as an array, of several kinds as a tuple.
/// let envelope = Message::from(["client-1", "", "hello"]);
/// let mixed = Message::from(("client-1", "", vec![1_u8, 2, 3]));
/// assert_eq!((envelope.len(), mixed.len()), (3, 3));
/// ```
#[derive(Clone)]
pub struct Message(Frames);

#[derive(Clone)]
enum Frames {
    One(Frame),
    /// Never exactly one frame, so that equality can be derived from the frames.
    Many(FrameDeque),
}

impl Message {
    /// A message of one frame.
    pub fn single(frame: impl Into<Frame>) -> Self {
        Self(Frames::One(frame.into()))
    }

    /// Number of frames.
    #[inline]
    pub fn len(&self) -> usize {
        self.frames().len()
    }

    /// True when there is no frame. Such a message cannot be sent.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.frames().is_empty()
    }

    /// The frames, in order.
    #[inline]
    pub fn frames(&self) -> &[Frame] {
        match &self.0 {
            Frames::One(frame) => std::slice::from_ref(frame),
            Frames::Many(frames) => frames.as_slice(),
        }
    }

    /// Iterates over the frames, in order.
    #[inline]
    pub fn iter(&self) -> std::slice::Iter<'_, Frame> {
        self.frames().iter()
    }

    /// The first frame, if there is one.
    ///
    /// ```
    /// use seaworthy_core::Message;
    /// let message = Message::from(["greeting", "hello"]);
    /// let topic = message.first().and_then(|frame| frame.as_str().ok());
    /// assert_eq!(topic, Some("greeting"));
    /// ```
    #[inline]
    pub fn first(&self) -> Option<&Frame> {
        self.frames().first()
    }

    /// The last frame, if there is one.
    #[inline]
    pub fn last(&self) -> Option<&Frame> {
        self.frames().last()
    }

    /// The bytes of frame `index`, if there is one.
    #[inline]
    pub fn frame(&self, index: usize) -> Option<&[u8]> {
        self.frames().get(index).map(|frame| &**frame)
    }

    /// Sum of the frames' lengths in bytes.
    #[inline]
    pub fn byte_len(&self) -> usize {
        match &self.0 {
            Frames::One(frame) => frame.len(),
            Frames::Many(frames) => frames.as_slice().iter().map(|frame| frame.len()).sum(),
        }
    }

    /// What the message weighs against a mark in bytes: for each frame its bytes and [`FRAME_WEIGHT`]. That is the memory
    /// that it keeps, within a factor of two: what was received shares memory only with what came next to it, and only
    /// if at least half of it is its own. What a user made of a slice of [`Bytes`] counts the slice alone, and what is
    /// cloned counts for each clone.
    #[inline]
    pub fn weight(&self) -> usize {
        match &self.0 {
            Frames::One(frame) => FRAME_WEIGHT + frame.len(),
            Frames::Many(frames) => {
                frames.as_slice().iter().fold(0, |sum, frame| sum + FRAME_WEIGHT + frame.len())
            }
        }
    }

    /// How many places of a mark in messages the message takes: one for each [`FRAMES_PER_PLACE`] frames or fewer.
    #[inline]
    pub fn places(&self) -> usize {
        match &self.0 {
            Frames::One(_) => 1,
            Frames::Many(frames) => frames.len().div_ceil(FRAMES_PER_PLACE).max(1),
        }
    }

    /// Appends a frame. Takes constant time on average.
    pub fn push_back(&mut self, frame: impl Into<Frame>) {
        let frame = frame.into();
        match &mut self.0 {
            Frames::Many(frames) if !frames.is_empty() => frames.push_back(frame),
            Frames::Many(_) => self.0 = Frames::One(frame),
            Frames::One(first) => self.0 = Frames::Many(vec![std::mem::take(first), frame].into()),
        }
    }

    /// Puts a frame before all others, as an envelope does. Takes constant time on average.
    pub fn push_front(&mut self, frame: impl Into<Frame>) {
        let frame = frame.into();
        match &mut self.0 {
            Frames::Many(frames) if !frames.is_empty() => frames.push_front(frame),
            Frames::Many(_) => self.0 = Frames::One(frame),
            Frames::One(first) => self.0 = Frames::Many(vec![frame, std::mem::take(first)].into()),
        }
    }

    /// Takes the first frame off. Takes constant time on average.
    pub fn pop_front(&mut self) -> Option<Frame> {
        match &mut self.0 {
            Frames::One(_) => {
                let Frames::One(frame) = std::mem::replace(&mut self.0, Frames::Many(FrameDeque::default()))
                else {
                    unreachable!("the arm above matched a single frame")
                };
                Some(frame)
            }
            Frames::Many(frames) => {
                let first = frames.pop_front()?;
                if let Some(last) = frames.take_only() {
                    self.0 = Frames::One(last);
                }
                Some(first)
            }
        }
    }

    /// Takes the message. Unlike what [`std::mem::take`] leaves, what stays need not be dropped, and could be sent: one
    /// empty frame.
    #[inline(always)]
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self::from(""))
    }

    /// The only frame of a single-frame message.
    ///
    /// # Errors
    /// Gives the message back when it has another number of frames.
    pub fn into_single(self) -> Result<Frame, Self> {
        match self.0 {
            Frames::One(frame) => Ok(frame),
            Frames::Many(_) => Err(self),
        }
    }

    /// The frames as an array, for a message whose shape is known.
    ///
    /// ```
    /// use seaworthy_core::Message;
    /// let received = Message::from(("client-1", "sum", vec![3_u8, 4]));
    /// let Ok([client, verb, numbers]) = received.into_array() else { panic!("three frames") };
    /// assert_eq!((client.as_str(), verb.as_str()), (Ok("client-1"), Ok("sum")));
    /// assert_eq!(numbers, [3, 4]);
    /// ```
    ///
    /// # Errors
    /// Returns the message when it has another number of frames.
    pub fn into_array<const N: usize>(self) -> Result<[Frame; N], Self> {
        if self.len() != N {
            return Err(self);
        }
        self.into_frames().try_into().map_err(Self::from)
    }

    /// Splits an envelope off: the frames up to and including the first empty one. What follows is the body.
    ///
    /// This is what a ROUTER receives from a REQ, and what passes through several ROUTERs: a routing id for each of
    /// them, an empty frame, the body. The answer goes back under the same envelope:
    ///
    /// ```
    /// use seaworthy_core::Message;
    /// let request = Message::from(["client-1", "", "hello", "world"]);
    /// let (envelope, body) = request.split_envelope().expect("it has an empty frame");
    /// assert_eq!(envelope, ["client-1", ""].into());
    /// assert_eq!(body, ["hello", "world"].into());
    /// assert_eq!(Message::from("hi").with_envelope(envelope), ["client-1", "", "hi"].into());
    /// ```
    ///
    /// A DEALER sends no empty frame of its own accord; then there is a routing id and no envelope, and
    /// [`pop_front`](Self::pop_front) takes it off.
    ///
    /// # Errors
    /// Returns the message when none of its frames is empty.
    pub fn split_envelope(self) -> Result<(Self, Self), Self> {
        let Some(end) = self.iter().position(|frame| frame.is_empty()) else { return Err(self) };
        let mut envelope = self.into_frames();
        let body = envelope.split_off(end + 1);
        Ok((envelope.into(), body.into()))
    }

    /// Puts all frames of `envelope` before those of this message; undoes
    /// [`split_envelope`](Self::split_envelope).
    #[must_use]
    pub fn with_envelope(self, envelope: impl Into<Self>) -> Self {
        let mut message = envelope.into();
        message.extend(self);
        message
    }

    /// The frames as a vector.
    pub fn into_frames(self) -> Vec<Frame> {
        match self.0 {
            Frames::One(frame) => vec![frame],
            Frames::Many(frames) => frames.into_vec(),
        }
    }
}

impl Default for Message {
    /// A message without frames, to be filled with [`push_back`](Self::push_back).
    fn default() -> Self {
        Self(Frames::Many(FrameDeque::default()))
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.frames() == other.frames()
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.frames()).finish()
    }
}

impl<F: Into<Frame>> FromIterator<F> for Message {
    fn from_iter<I: IntoIterator<Item = F>>(frames: I) -> Self {
        let mut message = Self::default();
        message.extend(frames);
        message
    }
}

impl<F: Into<Frame>> Extend<F> for Message {
    /// Appends frames.
    fn extend<I: IntoIterator<Item = F>>(&mut self, frames: I) {
        frames.into_iter().for_each(|frame| self.push_back(frame));
    }
}

impl IntoIterator for Message {
    type Item = Frame;
    type IntoIter = std::vec::IntoIter<Frame>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_frames().into_iter()
    }
}

impl<'a> IntoIterator for &'a Message {
    type Item = &'a Frame;
    type IntoIter = std::slice::Iter<'a, Frame>;

    fn into_iter(self) -> Self::IntoIter {
        self.frames().iter()
    }
}

macro_rules! from_frame {
    ($($frame:ty)*) => {$(
        impl From<$frame> for Message {
            #[inline(always)]
            fn from(frame: $frame) -> Self {
                Self(Frames::One(frame.into()))
            }
        }
    )*};
}

from_frame! { Frame &[u8] &str &Vec<u8> &String Bytes BytesMut Box<[u8]> String Vec<u8> }

impl<const N: usize> From<&[u8; N]> for Message {
    #[inline(always)]
    fn from(frame: &[u8; N]) -> Self {
        Self::from(&frame[..])
    }
}

impl From<Vec<Frame>> for Message {
    fn from(mut frames: Vec<Frame>) -> Self {
        match frames.as_mut_slice() {
            [only] => Self(Frames::One(std::mem::take(only))),
            _ => Self(Frames::Many(frames.into())),
        }
    }
}

impl From<Vec<Bytes>> for Message {
    fn from(frames: Vec<Bytes>) -> Self {
        frames.into_iter().collect()
    }
}

impl<F: Into<Frame>, const N: usize> From<[F; N]> for Message {
    fn from(frames: [F; N]) -> Self {
        frames.into_iter().collect()
    }
}

/// Frames of several kinds: each element of a tuple becomes a frame.
macro_rules! from_tuples {
    ($first:ident $($rest:ident)*) => {
        impl<$first: Into<Frame>, $($rest: Into<Frame>),*> From<($first, $($rest,)*)> for Message {
            #[expect(non_snake_case, reason = "each element is called as its type")]
            fn from(($first, $($rest,)*): ($first, $($rest,)*)) -> Self {
                Self::from([$first.into(), $($rest.into()),*])
            }
        }

        from_tuples! { $($rest)* }
    };
    () => {};
}

from_tuples! { A B C D E F G H I J K L }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_off_in_the_order_they_went_on() {
        let mut message = Message::default();
        assert!(message.is_empty());
        message.push_back("b");
        message.push_back("c");
        message.push_front("a");
        assert_eq!(message, Message::from(["a", "b", "c"]));
        assert_eq!(message.byte_len(), 3);
        assert_eq!(message.pop_front().unwrap(), "a");
        assert_eq!(message.pop_front().unwrap(), "b");
        assert_eq!(message, Message::from("c"));
        assert_eq!(message.pop_front().unwrap(), "c");
        assert_eq!(message.pop_front(), None);
    }

    #[test]
    fn a_single_frame_is_equal_however_it_was_made() {
        assert_eq!(Message::from(vec![Frame::from("x")]), Message::from("x"));
        assert_eq!(["x"].into_iter().collect::<Message>(), Message::from(b"x".to_vec()));
        assert!(Message::from("x").into_single().is_ok());
        assert_eq!(Message::from(["x", "y"]).into_single(), Err(Message::from(["x", "y"])));
    }

    #[test]
    fn a_tuple_has_frames_of_several_kinds() {
        let bytes = Bytes::from_static(b"bytes");
        let message = Message::from(("text", String::from("owned"), b"array", vec![1_u8], bytes));
        assert_eq!(message, Message::from(["text", "owned", "array", "\x01", "bytes"]));
        assert_eq!(Message::from(("alone",)), Message::from("alone"));
        assert_eq!(Message::from(("", "", "", "", "", "", "", "", "", "", "", b"12th")).len(), 12);
    }

    #[test]
    fn an_envelope_ends_with_the_first_empty_frame() {
        let split = |frames: &[&str]| frames.iter().copied().collect::<Message>().split_envelope();
        let parts = |envelope: &[&str], body: &[&str]| {
            Ok((envelope.iter().copied().collect(), body.iter().copied().collect()))
        };
        assert_eq!(split(&["a", "b", "", "c", "", "d"]), parts(&["a", "b", ""], &["c", "", "d"]));
        assert_eq!(split(&["", "c"]), parts(&[""], &["c"]));
        assert_eq!(split(&["a", ""]), parts(&["a", ""], &[]));
        assert_eq!(split(&[""]), parts(&[""], &[]));
        assert_eq!(split(&["a", "b"]), Err(Message::from(["a", "b"])));
        assert_eq!(split(&[]), Err(Message::default()));
    }

    #[test]
    fn an_envelope_comes_back_before_the_body() {
        for (envelope, body) in [(vec!["a", ""], vec!["b", "c"]), (vec![""], vec![]), (vec![], vec!["b"])] {
            let whole: Message = envelope.iter().chain(&body).copied().collect();
            let body: Message = body.into_iter().collect();
            assert_eq!(body.with_envelope(envelope.into_iter().collect::<Message>()), whole);
        }
    }

    #[test]
    fn every_frame_weighs_its_bytes_and_its_room() {
        assert_eq!(Message::from("").weight(), 80);
        assert_eq!(Message::from("abc").weight(), 83);
        assert_eq!(Message::from(["", "", "abc"]).weight(), 243);
        assert!(size_of::<Frame>() <= FRAME_WEIGHT);
    }

    #[test]
    fn a_message_of_very_many_frames_takes_more_than_one_place() {
        let places = |frames: usize| vec![""; frames].into_iter().collect::<Message>().places();
        for (frames, expected) in [(0, 1), (1, 1), (2, 1), (256, 1), (257, 2), (512, 2), (65_536, 256)] {
            assert_eq!(places(frames), expected, "{frames}");
        }
    }

    #[test]
    fn frames_come_as_an_array_of_exactly_their_number() {
        let message = Message::from(["a", "b"]);
        assert_eq!(message.clone().into_array().unwrap(), [Frame::from("a"), Frame::from("b")]);
        assert_eq!(message.clone().into_array::<1>(), Err(message.clone()));
        assert_eq!(message.clone().into_array::<3>(), Err(message));
        assert_eq!(Message::from("a").into_array().unwrap(), [Frame::from("a")]);
        assert_eq!(Message::default().into_array(), Ok([]));
    }

    #[test]
    fn a_message_is_no_larger_than_its_frame() {
        assert_eq!(size_of::<Message>(), size_of::<Frame>());
    }
}
