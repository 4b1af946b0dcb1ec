//! The messages that every pair exchanges.

use bytes::Bytes;
use seaworthy::Message;

/// Frame lengths around every edge of the framing, of our buffers and of the kernel's, and one of 16 MiB.
const LENGTHS: [usize; 17] = [
    0,
    1,
    2,
    253,
    254,
    255,
    256,
    257,
    4095,
    8192,
    8193,
    65_535,
    65_536,
    65_537,
    (1 << 20) - 1,
    1 << 20,
    16 << 20,
];

/// Small messages that follow each other closely.
const SMALL: usize = 5000;

/// Frames of the message with the most.
const MANY_FRAMES: usize = 300;

/// One frame of every length, then messages of several frames, then thousands of small ones.
pub(crate) fn corpus() -> Vec<Vec<Vec<u8>>> {
    let mut messages: Vec<Vec<Vec<u8>>> = LENGTHS.iter().map(|&length| vec![frame(length, length)]).collect();
    messages.push(vec![Vec::new(), Vec::new()]);
    messages.push(vec![Vec::new(), frame(3, 1), Vec::new()]);
    messages.push(vec![frame(255, 1), frame(256, 2), frame(65_536, 3), frame(0, 4), frame(1 << 20, 5)]);
    messages.push((0..MANY_FRAMES).map(|index| frame(index, index)).collect());
    messages.extend((0..SMALL).map(|index| match index % 3 {
        0 => vec![index.to_string().into_bytes()],
        1 => vec![index.to_string().into_bytes(), frame(index % 300, index)],
        _ => vec![frame(index % 700, index)],
    }));
    messages
}

/// A few messages, for conversations that are about something else.
pub(crate) fn excerpt() -> Vec<Vec<Vec<u8>>> {
    let mut messages = vec![vec![frame(1, 0)], vec![frame(300, 1), Vec::new(), frame(70_000, 2)]];
    messages.extend((0..200).map(|index| vec![index.to_string().into_bytes()]));
    messages
}

/// The messages with `first` before them: a delimiter, or the address of a ROUTER's peer.
pub(crate) fn behind(first: &[u8], messages: Vec<Vec<Vec<u8>>>) -> Vec<Vec<Vec<u8>>> {
    let address = |mut frames: Vec<Vec<u8>>| {
        frames.insert(0, first.to_vec());
        frames
    };
    messages.into_iter().map(address).collect()
}

/// `length` bytes that differ with `seed` and with their place.
fn frame(length: usize, seed: usize) -> Vec<u8> {
    let pattern: Vec<u8> = (0..251u8).map(|byte| byte.wrapping_add(seed as u8)).collect();
    let mut frame = pattern.repeat(length / pattern.len() + 1);
    frame.truncate(length);
    frame
}

pub(crate) fn message(frames: &[Vec<u8>]) -> Message {
    frames.iter().cloned().map(Bytes::from).collect()
}

/// Fails with the lengths, not with megabytes, when `got` is not `want`.
#[track_caller]
pub(crate) fn assert_same<F: AsRef<[u8]>>(got: &[F], want: &[Vec<u8>], place: usize) {
    let same = got.len() == want.len() && got.iter().zip(want).all(|(got, want)| got.as_ref() == want);
    if !same {
        let got: Vec<usize> = got.iter().map(|frame| frame.as_ref().len()).collect();
        let want: Vec<usize> = want.iter().map(Vec::len).collect();
        panic!("message {place} has frames of {got:?} bytes, or other content, instead of {want:?}");
    }
}
