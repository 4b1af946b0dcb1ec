//! Problems of proxies: sockets that are not there, not alone, elsewhere, or of types that do not forward.

use std::time::Duration;

use super::Problems;
use crate::scenario::proxy::forwards;
use crate::scenario::{Role, Workload};
use seaworthy_sim::script::error::Place;
use seaworthy_sim::script::quantity::Span;

/// A busy machine may take some milliseconds to end a proxy.
const TERMINATE_EVERY_MIN: Duration = Duration::from_millis(10);

impl Problems<'_> {
    pub(super) fn proxy(&mut self, workload: &Workload, place: &Place) {
        let Some(proxy) = &workload.proxy else {
            if workload.role == Role::Proxy {
                self.add(place, "the role proxy needs `proxy`, with its `backend`".to_owned());
            }
            return;
        };
        let place = place.key("proxy");
        if workload.role != Role::Proxy {
            return self.add(&place, format!("the role {} has no proxy", workload.role));
        }
        let frontend = self.only_member(&workload.socket, &place);
        let backend = self.only_member(&proxy.backend, &place.key("backend"));
        let capture = proxy.capture.as_ref().map(|name| (name, place.key("capture")));
        let capture = capture.and_then(|(name, place)| Some((self.only_member(name, &place)?, place)));
        let Some(frontend) = frontend else { return };
        let host = self.names.host_of(&frontend).to_owned();
        let others = backend.clone().map(|backend| (backend, place.key("backend")));
        for (name, place) in others.into_iter().chain(capture.clone()) {
            if self.names.host_of(&name) != host {
                self.add(&place, format!("{name:?} is not on the host of {frontend:?}"));
            }
        }
        if let (Some(front), Some(back)) =
            (self.kind_of(&frontend), backend.as_deref().and_then(|name| self.kind_of(name)))
            && !forwards(front, back)
        {
            self.add(&place, format!("a proxy cannot stand between a {front} and a {back}"));
        }
        if let Some((name, place)) = capture
            && let Some(kind) = self.kind_of(&name)
            && !Role::Send.can_be_played_by(kind)
        {
            self.add(&place, format!("a {kind} cannot send copies"));
        }
        for (key, given, least) in [
            ("batch", proxy.batch, 1),
            ("queue", proxy.queue, 0),
            ("drop_after_polls", proxy.drop_after_polls, 2),
        ] {
            if given.is_some_and(|given| given.value().0 < least) {
                self.add(&place.key(key), format!("at least {least}"));
            }
        }
        if proxy.terminate_every.is_some_and(|given| given.value().0 < TERMINATE_EVERY_MIN) {
            self.add(&place.key("terminate_every"), format!("at least {}", Span(TERMINATE_EVERY_MIN)));
        }
    }

    fn only_member(&mut self, name: &str, place: &Place) -> Option<String> {
        if !self.socket_exists(name, place) {
            return None;
        }
        match self.names.sockets(name) {
            [only] => Some(only.clone()),
            _ => {
                self.add(place, format!("{name:?} is a group, and a proxy has one socket on each side"));
                None
            }
        }
    }
}
