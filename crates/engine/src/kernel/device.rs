//! The network card that smoltcp sees, and the clock it reads.

use std::collections::VecDeque;

use seaworthy_core::Instant;
use smoltcp::phy::{self, Checksum, DeviceCapabilities, Medium};

/// smoltcp's time. Rounded down, so that no timer is early.
pub(crate) fn micros(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros((now.as_nanos() / 1000) as i64)
}

/// Where smoltcp takes packets from and puts them.
pub(crate) struct Device {
    pub(crate) mtu: usize,
    pub(crate) received: Option<Vec<u8>>,
    pub(crate) outgoing: VecDeque<Vec<u8>>,
}

impl phy::Device for Device {
    type RxToken<'a> = Received;
    type TxToken<'a> = Outgoing<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        // What comes in was looked at before.
        (capabilities.checksum.ipv4, capabilities.checksum.tcp) = (Checksum::Tx, Checksum::Tx);
        capabilities
    }

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Received, Outgoing<'_>)> {
        Some((Received(self.received.take()?), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outgoing))
    }
}

pub(crate) struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

pub(crate) struct Outgoing<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let mut packet = vec![0; length];
        let result = write(&mut packet);
        self.0.push_back(packet);
        result
    }
}
