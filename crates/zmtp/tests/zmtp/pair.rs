//! Two connections tied together in virtual time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use seaworthy_core::Instant;
#[cfg(feature = "curve")]
use seaworthy_core::SecretRandom;
use seaworthy_zmtp::{Connection, ConnectionConfig, Credentials, Error, Event, Timer, Verdict};

/// One end: its connection, what has reached it, and what has come of that.
pub(crate) struct End {
    pub(crate) connection: Connection,
    input: BytesMut,
    pub(crate) events: Vec<Event>,
    pub(crate) pings: usize,
    /// What this end says when it is asked for a verdict on the other.
    pub(crate) verdict: Verdict,
    /// The credentials it was asked about.
    pub(crate) credentials: Option<Credentials>,
}

/// Two ends and the wire between them, which carries everything at once.
pub(crate) struct Pair {
    pub(crate) a: End,
    pub(crate) b: End,
    pub(crate) now: Instant,
    /// Whether what one end sends reaches the other.
    pub(crate) connected: bool,
}

impl Pair {
    pub(crate) fn new(a: ConnectionConfig, b: ConnectionConfig) -> Self {
        let now = Instant::ZERO;
        let end = |config| End::new(Connection::new(config, now));
        Self { a: end(a), b: end(b), now, connected: true }
    }

    /// The same for mechanisms that need random bytes.
    #[cfg(feature = "curve")]
    pub(crate) fn with_random(a: ConnectionConfig, b: ConnectionConfig, random: [SecretRandom; 2]) -> Self {
        let now = Instant::ZERO;
        let end = |config, random| End::new(Connection::with_random(config, random, now));
        let [of_a, of_b] = random;
        Self { a: end(a, of_a), b: end(b, of_b), now, connected: true }
    }

    /// A pair that has completed its handshake; its first events are taken off.
    pub(crate) fn ready(a: ConnectionConfig, b: ConnectionConfig) -> Self {
        let mut pair = Self::new(a, b);
        pair.drive().unwrap();
        for end in [&mut pair.a, &mut pair.b] {
            assert!(matches!(end.events[..], [Event::Ready(_)]), "{:?}", end.events);
            end.events.clear();
        }
        pair
    }

    /// Carries bytes until nothing waits.
    pub(crate) fn drive(&mut self) -> Result<(), Error> {
        while self.step()? {}
        Ok(())
    }

    /// Carries what waits. False if nothing does.
    pub(crate) fn step(&mut self) -> Result<bool, Error> {
        let (to_b, to_a) = (self.a.transmits(self.now), self.b.transmits(self.now));
        if self.connected {
            self.a.receives(self.now, &to_a)?;
            self.b.receives(self.now, &to_b)?;
        }
        Ok(!to_a.is_empty() || !to_b.is_empty())
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn passes(&mut self, time: Duration) -> Result<(), Error> {
        let end = self.now + time;
        loop {
            let due = [&self.a, &self.b].into_iter().filter_map(|end| end.connection.poll_timeout()).min();
            match due {
                Some((deadline, _)) if deadline <= end => self.now = deadline.max(self.now),
                _ => {
                    self.now = end;
                    return Ok(());
                }
            }
            self.a.wakes(self.now)?;
            self.b.wakes(self.now)?;
            self.drive()?;
        }
    }
}

impl End {
    fn new(connection: Connection) -> Self {
        Self {
            connection,
            input: BytesMut::new(),
            events: Vec::new(),
            pings: 0,
            verdict: Verdict::admitted(),
            credentials: None,
        }
    }

    fn transmits(&mut self, now: Instant) -> Vec<Bytes> {
        let mut segments = Vec::new();
        self.connection.poll_transmit(&mut segments);
        self.connection.written(now);
        segments
    }

    fn receives(&mut self, now: Instant, segments: &[Bytes]) -> Result<(), Error> {
        for segment in segments {
            self.input.extend_from_slice(segment);
            self.connection.received(now);
            while let Some(event) = self.connection.handle_input(now, &mut self.input)? {
                if let Event::Authenticate(credentials) = event {
                    self.credentials = Some(credentials);
                    let outcome = self.connection.authenticate(now, self.verdict.clone())?;
                    self.events.extend(outcome);
                } else {
                    self.events.push(event);
                }
            }
        }
        Ok(())
    }

    fn wakes(&mut self, now: Instant) -> Result<(), Error> {
        if let Some((deadline, timer)) = self.connection.poll_timeout()
            && deadline <= now
        {
            self.pings += usize::from(timer == Timer::PingDue);
            self.connection.handle_timeout(now)?;
        }
        Ok(())
    }
}
