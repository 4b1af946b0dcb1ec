//! Problems of links.

use super::Problems;
use crate::scenario::error::Place;

impl Problems<'_> {
    pub(super) fn links(&mut self) {
        for (index, link) in self.scenario.link.iter().enumerate() {
            let place = Place::root().key("link").index(index);
            match (&link.between, &link.from, &link.to) {
                (Some(ends), None, None) => self.ends_of(ends, &place.key("between")),
                (None, Some(from), Some(to)) => self.ends((from, place.key("from")), (to, place.key("to"))),
                _ => self.add(&place, "a link needs either `between`, or `from` and `to`".to_owned()),
            }
            if link.model() == super::LinkModel::default() {
                self.add(&place, "the link says nothing about itself: give latency, loss, …".to_owned());
            }
            self.model(&link.model(), &place);
        }
    }
}
