//! Problems of links.

use super::Problems;
use crate::script::error::Place;
use crate::script::latency::LatencyModel;
use crate::script::link::{Link, LinkModel};
use crate::script::quantity::Span;

impl Problems {
    /// Problems of `[[link]]`.
    pub fn links(&mut self, links: &[Link]) {
        for (index, link) in links.iter().enumerate() {
            let place = Place::root().key("link").index(index);
            self.link(link, &place, "the link says nothing about itself");
        }
    }

    /// Problems of a table that names directions and their properties; `empty` is what one without properties does.
    pub fn link(&mut self, link: &Link, place: &Place, empty: &str) {
        match (&link.between, &link.from, &link.to) {
            (Some(ends), None, None) => self.ends_of(ends, &place.key("between")),
            (None, Some(from), Some(to)) => self.ends((from, place.key("from")), (to, place.key("to"))),
            _ => self.add(place, "a link needs either `between`, or `from` and `to`".to_owned()),
        }
        if link.model() == LinkModel::default() {
            self.add(place, format!("{empty}: give latency, loss, …"));
        }
        self.model(&link.model(), place);
    }

    /// Problems of the properties of links.
    pub fn model(&mut self, model: &LinkModel, place: &Place) {
        if let Some(latency) = model.latency {
            self.latency(latency, &place.key("latency"));
        }
        let chances = [
            (model.loss, "loss"),
            (model.reorder, "reorder"),
            (model.duplicate, "duplicate"),
            (model.corrupt, "corrupt"),
        ];
        for (chance, key) in chances {
            if chance.is_some_and(|chance| chance.most().0 >= 1.0) {
                self.add(&place.key(key), "a probability of 1 stops the link; use a cut".to_owned());
            }
        }
        if model.reorder_delay.is_some() && model.reorder.is_none() {
            self.add(&place.key("reorder_delay"), "nothing is reordered: give `reorder`, too".to_owned());
        }
    }

    fn latency(&mut self, latency: LatencyModel, place: &Place) {
        if let LatencyModel::Shape(shape) = latency
            && let Some((key, problem)) = shape.problem()
        {
            let place = if key.is_empty() { place.clone() } else { place.key(key) };
            return self.add(&place, problem);
        }
        let (least, key) = match latency {
            LatencyModel::Same(_) => (latency.least(), None),
            LatencyModel::Shape(shape) => {
                (latency.least(), Some(if shape.min.is_some() { "min" } else { "low" }))
            }
        };
        if least < LATENCY_MIN {
            let place = key.map_or_else(|| place.clone(), |key| place.key(key));
            self.add(&place, format!("{least} is less than 1ms, the least the network can do"));
        }
    }
}

/// The least latency of a link: one tick of turmoil.
const LATENCY_MIN: Span = Span(std::time::Duration::from_millis(1));
