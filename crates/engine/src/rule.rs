//! Rules over packets: closures of a test that decide what becomes of each.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::id::{HostId, PacketId};

/// A packet that a link is about to carry, as a rule sees it.
#[derive(Clone, Copy, Debug)]
pub struct PacketView<'a> {
    /// Its number, in the order of sending.
    pub id: PacketId,
    /// The host that sends it.
    pub from: HostId,
    /// The host that it is for.
    pub to: HostId,
    /// The IP packet, headers included.
    pub bytes: &'a [u8],
}

impl<'a> PacketView<'a> {
    /// What the TCP segment carries, without headers. Empty for a bare acknowledgment.
    pub fn payload(&self) -> &'a [u8] {
        let words = |offset: usize, shift: u32| {
            self.bytes.get(offset).map(|byte| 4 * usize::from(byte >> shift & 0xf))
        };
        let payload = words(0, 0).and_then(|ip| Some(ip + words(ip + 12, 4)?));
        payload.and_then(|start| self.bytes.get(start..)).unwrap_or_default()
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on: to the next rule, and behind the last one to its host.
    Deliver,
    /// It is lost.
    Drop,
    /// It arrives this much later than the link would have it. Later packets may overtake it.
    Delay(Duration),
    /// The lowest bit of its last byte is flipped. The receiver's checksum finds it, so TCP sends it again.
    Corrupt,
}

/// As a trace says it.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deliver => f.write_str("deliver"),
            Self::Drop => f.write_str("drop"),
            Self::Delay(later) => write!(f, "delay {later:?}"),
            Self::Corrupt => f.write_str("corrupt"),
        }
    }
}

type Rule = Box<dyn FnMut(&PacketView<'_>) -> Verdict>;

/// The rules of a simulation, in the order in which they were added.
#[derive(Default)]
pub(crate) struct Rules(RefCell<Vec<(Rc<Cell<bool>>, Rule)>>);

impl Rules {
    pub(crate) fn add(&self, rule: Rule) -> RuleGuard {
        let active = Rc::new(Cell::new(true));
        self.0.borrow_mut().push((Rc::clone(&active), rule));
        RuleGuard { active, is_kept: false }
    }

    /// The first verdict that is not [`Verdict::Deliver`].
    pub(crate) fn verdict(&self, packet: &PacketView<'_>) -> Verdict {
        let mut rules = self.0.borrow_mut();
        rules.retain(|(active, _)| active.get());
        let mut verdicts = rules.iter_mut().map(|(_, rule)| rule(packet));
        verdicts.find(|verdict| *verdict != Verdict::Deliver).unwrap_or(Verdict::Deliver)
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("rules", &self.0.borrow().len()).finish()
    }
}

/// Keeps a rule in force: dropping it removes the rule.
#[derive(Debug)]
#[must_use = "the rule is removed when its guard is dropped"]
pub struct RuleGuard {
    active: Rc<Cell<bool>>,
    is_kept: bool,
}

impl RuleGuard {
    /// Leaves the rule in force until the simulation ends.
    pub fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for RuleGuard {
    fn drop(&mut self) {
        self.active.set(self.is_kept);
    }
}
