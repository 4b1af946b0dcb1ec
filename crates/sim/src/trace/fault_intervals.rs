//! Faults that somebody makes through a [`Control`](crate::Control), as a trace tells of them: each with its beginning and
//! its end.

use std::collections::BTreeMap;

use super::event::EventKind;
use seaworthy_engine::HostId;
use seaworthy_engine::LinkConfig;
use seaworthy_engine::{Fault, ReadRate, Readers};

/// Numbers from here on are not those of faults in a storm, which count from 0.
const FIRST: usize = 1_000_000;

/// What is wrong now.
#[derive(Debug, Default)]
pub(super) struct FaultIntervals {
    /// What links are like when nothing is wrong with them.
    link: LinkConfig,
    /// Number and words of what has begun, by kind and place.
    open: BTreeMap<(&'static str, String), (usize, String)>,
    begun: usize,
}

impl FaultIntervals {
    pub(super) fn new(link: LinkConfig) -> Self {
        Self { link, ..Self::default() }
    }

    /// What a trace says of this fault.
    pub(super) fn changed(&mut self, fault: &Fault, name: impl Fn(HostId) -> String) -> Vec<EventKind> {
        let way = |from: &HostId, to: &HostId| format!("{} -> {}", name(*from), name(*to));
        match fault {
            Fault::Link { from, to, config } => {
                let wrong = (*config != self.link).then(|| different(config, &self.link));
                self.turn("degrade", way(from, to), wrong)
            }
            Fault::Cut { from, to } => self.block(Some("cut"), &way(from, to)),
            Fault::BlackHole { from, to } => self.block(Some("black hole"), &way(from, to)),
            Fault::Healed { from, to } => self.block(None, &way(from, to)),
            Fault::Held { from, to } => self.turn("hold", way(from, to), Some(String::new())),
            Fault::Released { from, to } => self.turn("hold", way(from, to), None),
            Fault::Paused { host } => self.turn("pause", name(*host), Some(String::new())),
            Fault::Resumed { host } => self.turn("pause", name(*host), None),
            Fault::Reading { readers, rate } => {
                let whose = match readers {
                    Readers::Host(host) => name(*host),
                    Readers::Stream(stream) => format!("s{}", stream.index()),
                };
                let wrong = match rate {
                    ReadRate::Unlimited => None,
                    ReadRate::BytesPerSecond(rate) => Some(format!("{rate} B/s")),
                    ReadRate::Stalled => Some("stalled".to_owned()),
                };
                self.turn("slow reader", whose, wrong)
            }
            Fault::ShortIo { host, short } => {
                let wrong = (short.read > 0.0 || short.write > 0.0)
                    .then(|| format!("read {}, write {}", short.read, short.write));
                self.turn("short io", name(*host), wrong)
            }
            Fault::Yields { host, chance } => {
                self.turn("yields", name(*host), (*chance > 0.0).then(|| chance.to_string()))
            }
            Fault::Clock { host, skew } => {
                let wrong = format!("jump {:?}, drift {}ppm", skew.jump, skew.drift_ppm);
                let mut said = self.turn("clock", name(*host), Some(wrong));
                if skew.drift_ppm == 0 {
                    said.extend(self.turn("clock", name(*host), None));
                }
                said
            }
        }
    }

    /// A host has started: nothing of it stands still any more.
    pub(super) fn started(&mut self, host: &str) -> Vec<EventKind> {
        self.turn("pause", host.to_owned(), None)
    }

    fn block(&mut self, how: Option<&'static str>, way: &str) -> Vec<EventKind> {
        let kinds = ["cut", "black hole"];
        let wrong = |kind| (how == Some(kind)).then(String::new);
        kinds.into_iter().flat_map(|kind| self.turn(kind, way.to_owned(), wrong(kind))).collect()
    }

    /// Ends what has begun, and begins what is `wrong` now.
    fn turn(&mut self, kind: &'static str, place: String, wrong: Option<String>) -> Vec<EventKind> {
        let over = self.open.remove(&(kind, place.clone()));
        let mut said: Vec<EventKind> =
            over.into_iter().map(|(fault, what)| EventKind::FaultOver { fault, what }).collect();
        if let Some(how) = wrong {
            let colon = if how.is_empty() { "" } else { ": " };
            let (fault, what) = (FIRST + self.begun, format!("{kind} {place}{colon}{how}"));
            self.begun += 1;
            said.push(EventKind::Fault { fault, what: what.clone() });
            self.open.insert((kind, place), (fault, what));
        }
        said
    }
}

/// In what a link differs.
fn different(config: &LinkConfig, base: &LinkConfig) -> String {
    let mut words = Vec::new();
    let mut differs = |differs: bool, word: String| words.extend(differs.then_some(word));
    differs(config.latency != base.latency, format!("latency {:?}", config.latency));
    differs(config.jitter != base.jitter, format!("jitter {:?}", config.jitter));
    differs(
        config.bandwidth != base.bandwidth,
        config.bandwidth.map_or("unlimited".to_owned(), |bytes| format!("{bytes} B/s")),
    );
    differs(config.loss != base.loss, format!("loss {}", config.loss));
    differs(config.duplicate != base.duplicate, format!("duplicate {}", config.duplicate));
    differs(
        config.reorder != base.reorder || config.reorder_delay != base.reorder_delay,
        format!("reorder {} by {:?}", config.reorder, config.reorder_delay),
    );
    differs(config.corrupt != base.corrupt, format!("corrupt {}", config.corrupt));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bands: &mut FaultIntervals, fault: Fault) -> Vec<String> {
        let name = |host: HostId| ["a", "b"][host.index()].to_owned();
        let words = |what: EventKind| match what {
            EventKind::Fault { what, .. } => what,
            EventKind::FaultOver { what, .. } => format!("over: {what}"),
            other => panic!("{other:?}"),
        };
        bands.changed(&fault, name).into_iter().map(words).collect()
    }

    #[test]
    fn what_begins_is_over_once() {
        let (from, to) = (HostId::at(0), HostId::at(1));
        let bands = &mut FaultIntervals::default();
        assert_eq!(said(bands, Fault::Cut { from, to }), ["cut a -> b"]);
        assert_eq!(said(bands, Fault::BlackHole { from, to }), ["over: cut a -> b", "black hole a -> b"]);
        assert_eq!(said(bands, Fault::Healed { from, to }), ["over: black hole a -> b"]);
        assert!(said(bands, Fault::Healed { from, to }).is_empty());
    }

    #[test]
    fn a_link_is_well_again_when_it_is_as_it_was() {
        let (from, to) = (HostId::at(0), HostId::at(1));
        let bands = &mut FaultIntervals::default();
        let lossy = LinkConfig { loss: 0.5, ..LinkConfig::default() };
        assert_eq!(said(bands, Fault::Link { from, to, config: lossy }), ["degrade a -> b: loss 0.5"]);
        let well = Fault::Link { from, to, config: LinkConfig::default() };
        assert_eq!(said(bands, well), ["over: degrade a -> b: loss 0.5"]);
    }
}
