//! Messages that somebody's programs exchange, as streams carry them: each gets a name when it has left its host, and is
//! known by it where it arrives.

use std::collections::{BTreeMap, VecDeque};

use super::event::Direction;
use super::name::Name;
use seaworthy_engine::Note;

/// Messages under way.
#[derive(Debug, Default)]
pub(super) struct MessageLabels {
    /// Names of those that were written and not yet read, by their stream's writing end.
    sent: BTreeMap<u64, VecDeque<String>>,
    /// What has passed of the next message, by end and direction.
    parts: BTreeMap<(u64, Direction), Vec<String>>,
    /// How many messages have left each host.
    counts: BTreeMap<Name, u64>,
}

impl MessageLabels {
    /// A frame passed the end `stream`, which is on `host`, and whose other end is `peer`. Gives back what to tell when it
    /// was a message's last.
    pub(super) fn frame(
        &mut self,
        host: &Name,
        (stream, peer): (u64, Option<u64>),
        dir: Direction,
        more: bool,
        shown: String,
    ) -> Option<Note> {
        let parts = self.parts.entry((stream, dir)).or_default();
        parts.push(shown);
        if more {
            return None;
        }
        let content = std::mem::take(parts).join(" | ");
        let (event, name) = match dir {
            Direction::Out => {
                let count = self.counts.entry(host.clone()).or_default();
                let name = format!("{host}#{count}");
                *count += 1;
                self.sent.entry(stream).or_default().push_back(name.clone());
                ("sent", name)
            }
            Direction::In => ("received", self.sent.get_mut(&peer?)?.pop_front()?),
        };
        Some(Note::new(event).with("message", name).with("content", content))
    }
}

/// A frame of so many bytes, and its text if it is short.
pub(super) fn shown(bytes: u64, text: Option<&str>) -> String {
    match text {
        _ if bytes == 0 => "(empty)".to_owned(),
        // Numbers are sent with leading zeros, and read better without.
        Some(text) => match text.strip_prefix("0x").map(|digits| digits.trim_start_matches('0')) {
            Some("") => "0x0".to_owned(),
            Some(digits) => format!("0x{digits}"),
            None => text.to_owned(),
        },
        None => format!("({bytes} B)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_known_where_it_arrives() {
        let letters = &mut MessageLabels::default();
        let (a, b) = (Name::from("a"), Name::from("b"));
        let mut pass =
            |host, ends, dir, more, shown: &str| letters.frame(host, ends, dir, more, shown.to_owned());
        assert_eq!(pass(&a, (1, Some(2)), Direction::Out, true, "job"), None);
        let sent = pass(&a, (1, Some(2)), Direction::Out, false, "7").unwrap();
        assert_eq!((sent.event.as_str(), sent.details().as_str()), ("sent", "a#0 job | 7"));
        assert_eq!(pass(&a, (1, Some(2)), Direction::Out, false, "8").unwrap().text("message"), Some("a#1"));
        assert_eq!(pass(&b, (2, Some(1)), Direction::In, true, "job"), None);
        let received = pass(&b, (2, Some(1)), Direction::In, false, "7").unwrap();
        assert_eq!((received.event.as_str(), received.text("message")), ("received", Some("a#0")));
        assert_eq!(pass(&a, (1, Some(2)), Direction::In, false, "?"), None, "nobody sent it");
    }

    #[test]
    fn what_is_not_short_is_shown_as_its_size() {
        assert_eq!(shown(4, Some("ahoy")), "ahoy");
        assert_eq!(shown(8, Some("0x0000000000000070")), "0x70");
        assert_eq!(shown(2, Some("0x0000")), "0x0");
        assert_eq!(shown(0, None), "(empty)");
        assert_eq!(shown(100, None), "(100 B)");
    }
}
