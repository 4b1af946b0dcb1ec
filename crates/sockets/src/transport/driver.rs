//! The task that joins a stream, a protocol connection and a pipe.
//!
//! It owns the stream. One read is always in flight unless the pipe is full, one write while there is something to
//! write, and neither is ever dropped while the connection lives: on io_uring a dropped read can lose bytes that
//! had arrived, and a dropped write may have sent any prefix. While a write is in flight, messages queue in the
//! pipe, and all of them go out with the next one: batching needs no timer and no flush.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use seaworthy_core::planted::{Bug, planted};
use seaworthy_core::{Instant, Network, PoisonGuard, Poisoned, Stream};
use seaworthy_zmtp::{Connection, ConnectionConfig};

use super::attachment::Attachment;
use super::inflow::Inflow;
use crate::log::Weight;
use crate::parcel::Parcel;

/// Bytes encoded for one write.
const WRITE_MAX: usize = 1024 * 1024;

/// Of these, bytes that are copied. More would make the peer wait for the first of them, and leave the cache before
/// the kernel reads them.
const WRITE_COPIED_MAX: usize = 128 * 1024;

/// How long a connection that is done lives on: to tell the peer why, or to wait for the peer to close too. A stream
/// that is closed with bytes unread is reset, and a reset destroys what the peer's kernel has not taken yet.
const FAREWELL: Duration = Duration::from_secs(1);

/// EMFILE and ENFILE: the process, or the system, has no file descriptor left.
const OUT_OF_FILES: [i32; 2] = [24, 23];

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The socket was done with it and everything was handed to the network, or its linger period ran out.
    Closed,
    /// The stream ended or broke.
    Stream(io::Error),
    /// The peer broke the protocol, or did not answer in time.
    Protocol(seaworthy_zmtp::Error),
    /// The socket takes no more peers.
    NotTaken,
    /// The peer subscribes to more than it may.
    TooManyTopics,
    /// Too many handshakes were under way, and this one was the eldest.
    GivenUp,
}

/// What a driver wakes up for.
enum Step {
    Written(io::Result<usize>, Vec<Bytes>),
    Read(io::Result<usize>, BytesMut),
    /// There is something to send, or the socket is gone.
    Outgoing,
    /// There is room in the receive pipe.
    Room,
    Deadline,
    Closing,
    GivenUp,
}

/// Carries messages between `stream` and the attached pipe until one of them ends.
pub(super) async fn drive<N: Network>(network: &N, stream: N::Stream, attachment: &mut Attachment) -> Ended {
    let config = ConnectionConfig::from((attachment.port.options(), attachment.port.socket_type()));
    let mut connection = Connection::new(config, network.now());
    let mut inflow = Inflow::new();
    let mut failure: Option<Ended> = None;
    let mut farewell: Option<Instant> = None;
    let mut leaving = false;

    let poisoned = Poisoned::new();
    let mut guard: Option<PoisonGuard<'_>> = None;
    let mut segments = Vec::new();
    let mut writing = pin!(None);
    let mut reading = pin!(None);
    let mut sleeping = pin!(None);
    let mut sleeping_until: Option<Instant> = None;

    let ended = loop {
        let now = network.now();
        if writing.is_none() && !leaving {
            if segments.is_empty() {
                if planted(Bug::Canary) && network.random().is_multiple_of(10_000) {
                    drop(attachment.take());
                }
                if failure.is_none() && attachment.is_handshaken() {
                    encode_batch(attachment, &mut connection);
                }
                connection.poll_transmit(&mut segments);
            }
            if !segments.is_empty() {
                guard.get_or_insert_with(|| poisoned.arm());
                if planted(Bug::GuardDisarmedEarly)
                    && let Some(guard) = guard.take()
                {
                    guard.disarm();
                }
                writing.set(Some(stream.write(std::mem::take(&mut segments))));
            } else if let Some(failure) = failure.take() {
                break failure;
            } else if attachment.is_finished(now) {
                if !attachment.is_handshaken() || stream.shutdown().await.is_err() {
                    break Ended::Closed;
                }
                attachment.release();
                farewell = Some(now + FAREWELL);
                leaving = true;
            }
        }
        if reading.is_none()
            && failure.is_none()
            && let Some(buffer) = inflow.next_read(&connection)
        {
            stream.set_rcvlowat(inflow.awaited(&connection));
            reading.set(Some(stream.read(buffer)));
        }
        let closing = attachment.is_closing(now);
        let deadline = match farewell {
            Some(_) => [farewell, None, None],
            None => [
                connection.poll_timeout().map(|(at, _)| at),
                attachment.linger_deadline(),
                inflow.poll_timeout(),
            ],
        };
        let deadline = if planted(Bug::TaskCrawls) {
            [Some(now + Duration::from_micros(1)), None, None]
        } else {
            deadline
        };
        match deadline.into_iter().flatten().min() {
            None => sleeping_until = None,
            // A deadline that moved on is looked at again when the sleep ends: most never come.
            Some(at) if sleeping_until.is_some_and(|until| until <= at) => {}
            Some(at) => {
                sleeping.set(Some(network.sleep_until(at)));
                sleeping_until = Some(at);
            }
        }

        let step = poll_fn(|context| {
            if let Some(write) = writing.as_mut().as_pin_mut() {
                if let Poll::Ready((result, segments)) = write.poll(context) {
                    return Poll::Ready(Step::Written(result, segments));
                }
            } else if attachment.is_handshaken() && !closing && !attachment.wait_to_send(context.waker()) {
                return Poll::Ready(Step::Outgoing);
            }
            if let Some(read) = reading.as_mut().as_pin_mut()
                && let Poll::Ready((result, buffer)) = read.poll(context)
            {
                return Poll::Ready(Step::Read(result, buffer));
            }
            if inflow.is_waiting() && !attachment.wait_to_deliver(context.waker()) {
                return Poll::Ready(Step::Room);
            }
            if sleeping_until.is_some()
                && let Some(sleep) = sleeping.as_mut().as_pin_mut()
                && sleep.poll(context).is_ready()
            {
                return Poll::Ready(Step::Deadline);
            }
            if !closing && attachment.closing().poll_closed(context).is_ready() {
                return Poll::Ready(Step::Closing);
            }
            if attachment.poll_given_up(context).is_ready() {
                return Poll::Ready(Step::GivenUp);
            }
            if planted(Bug::TaskSpins) && inflow.is_waiting() {
                context.waker().wake_by_ref();
            }
            Poll::Pending
        })
        .await;

        let outcome = match step {
            Step::Written(result, written) => {
                writing.set(None);
                segments = written;
                if planted(Bug::ShortWriteTakenForWhole)
                    && let Ok(count) = &result
                {
                    segments = vec![Bytes::from(vec![0; *count])];
                }
                result.and_then(|count| advance(&mut segments, count)).map_err(Ended::Stream).map(|()| {
                    if segments.is_empty()
                        && let Some(guard) = guard.take()
                    {
                        guard.disarm();
                    }
                })
            }
            Step::Read(result, buffer) => {
                reading.set(None);
                match result {
                    Ok(0) => Err(Ended::Stream(io::ErrorKind::UnexpectedEof.into())),
                    Ok(count) => {
                        inflow.read(buffer, count);
                        inflow.deliver(network.now(), &mut connection, attachment)
                    }
                    Err(error) => Err(Ended::Stream(error)),
                }
            }
            Step::Room => inflow.deliver(now, &mut connection, attachment),
            Step::Deadline => {
                sleeping_until = None;
                sleeping.set(None);
                let now = network.now();
                if farewell.is_some_and(|until| until <= now) {
                    break failure.take().unwrap_or(Ended::Closed);
                }
                if attachment.linger_deadline().is_some_and(|until| until <= now) {
                    break Ended::Closed;
                }
                if inflow.is_waiting() {
                    // The peer cannot be blamed for what we have not read.
                    connection.received(now);
                }
                let delivered = match inflow.poll_timeout() {
                    Some(at) if at <= now => inflow.deliver(now, &mut connection, attachment),
                    _ => Ok(()),
                };
                delivered.and_then(|()| connection.handle_timeout(now).map_err(Ended::Protocol))
            }
            Step::GivenUp => break Ended::GivenUp,
            Step::Outgoing | Step::Closing => Ok(()),
        };
        match outcome {
            Ok(()) => {}
            Err(_) if leaving => break Ended::Closed,
            // The peer is told why before the stream is closed.
            Err(fault @ Ended::Protocol(_)) if failure.is_none() => {
                farewell = Some(network.now() + FAREWELL);
                failure = Some(fault);
            }
            Err(ended) => break failure.take().unwrap_or(ended),
        }
    };
    inflow.abandon(attachment);
    if poisoned.is_poisoned() {
        stream.reset();
    }
    ended
}

/// Encodes what is queued, up to one write's worth.
fn encode_batch(attachment: &mut Attachment, connection: &mut Connection) {
    while connection.transmit_len() < WRITE_MAX && connection.transmit_copied_len() < WRITE_COPIED_MAX {
        match attachment.take() {
            Some(Parcel::Message(message)) => connection.send(&message),
            Some(Parcel::Subscribe(topic)) => connection.subscribe(&topic),
            Some(Parcel::Cancel(topic)) => connection.cancel(&topic),
            // Sockets send none: it goes the other way.
            Some(Parcel::Notice { .. }) => {}
            None => return,
        }
    }
}

/// Takes the first `count` bytes off the segments.
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

impl Ended {
    /// How much attention it wants: much if another attempt would end the same way, or there are no more files.
    pub(super) fn weight(&self) -> Weight {
        let fault = match self {
            Self::Stream(error) => error.raw_os_error().is_some_and(|code| OUT_OF_FILES.contains(&code)),
            Self::Protocol(error) => error.is_protocol(),
            Self::TooManyTopics | Self::GivenUp => true,
            Self::Closed | Self::NotTaken => false,
        };
        if fault { Weight::Fault } else { Weight::Ordinary }
    }

    /// False when another attempt would end the same way.
    pub(super) fn may_reconnect(&self) -> bool {
        match self {
            Self::Stream(error)
                if planted(Bug::RefusalIsFinal) && error.kind() == io::ErrorKind::ConnectionRefused =>
            {
                false
            }
            // A PAIR's next peer may have its turn by then.
            Self::Stream(_) | Self::NotTaken => true,
            Self::Protocol(error) => !error.is_protocol(),
            Self::Closed | Self::TooManyTopics | Self::GivenUp => false,
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by this socket"),
            Self::Stream(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("closed by the peer")
            }
            Self::Stream(error) => write!(f, "{error}"),
            Self::Protocol(error) => write!(f, "{error}"),
            Self::NotTaken => f.write_str("the socket takes no more peers"),
            Self::TooManyTopics => f.write_str("the peer subscribes to more topics than it may"),
            Self::GivenUp => f.write_str("made room: too many handshakes were under way"),
        }
    }
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
