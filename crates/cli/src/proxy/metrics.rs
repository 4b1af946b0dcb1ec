//! A reading as metrics, in the text format that Prometheus reads.

use std::fmt::{self, Write};
use std::time::Duration;

use super::reading::Reading;

/// What the format calls itself.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes a reading down. A metric is `seaworthy_proxy_…`, with the end that it is about as its label.
pub(crate) fn expose(reading: &Reading, uptime: Duration) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_all(&mut text, reading, uptime);
    text
}

fn write_all(text: &mut String, reading: &Reading, uptime: Duration) -> fmt::Result {
    let mut of_ends = |name: &str, kind: &str, help: &str, value: &dyn Fn(usize) -> usize| {
        head(text, name, kind, help)?;
        for (number, (side, ..)) in reading.ends().into_iter().enumerate() {
            writeln!(text, "seaworthy_proxy_{name}{{end=\"{side}\"}} {}", value(number))?;
        }
        Ok::<_, fmt::Error>(())
    };
    let ends = reading.ends();
    let traffic = |end: usize| ends[end].1;
    let state = |end: usize| ends[end].2;
    let connections = |end: usize| state(end).connections;
    let counter = "counter";
    of_ends("peers", "gauge", "Peers of the socket.", &|end| state(end).peers)?;
    of_ends("received_queue_messages", "gauge", "Messages received and not yet forwarded.", &|end| {
        state(end).queued.received
    })?;
    of_ends("received_queue_bytes", "gauge", "Bytes received and not yet forwarded.", &|end| {
        state(end).queued.received_bytes
    })?;
    of_ends(
        "sending_queue_messages",
        "gauge",
        "Messages forwarded and not yet taken by a connection.",
        &|end| state(end).queued.sending,
    )?;
    of_ends("sending_queue_bytes", "gauge", "Bytes forwarded and not yet taken by a connection.", &|end| {
        state(end).queued.sending_bytes
    })?;
    of_ends("received_messages_total", counter, "Messages that the proxy took from the socket.", &|end| {
        traffic(end).received as usize
    })?;
    of_ends("received_bytes_total", counter, "Bytes of these.", &|end| traffic(end).received_bytes as usize)?;
    of_ends("sent_messages_total", counter, "Messages that the socket took to send.", &|end| {
        traffic(end).sent as usize
    })?;
    of_ends("sent_bytes_total", counter, "Bytes of these.", &|end| traffic(end).sent_bytes as usize)?;
    of_ends(
        "dropped_messages_total",
        counter,
        "Messages dropped: no such peer, or no room for it.",
        &|end| traffic(end).dropped as usize,
    )?;
    of_ends("connections_total", counter, "Handshakes that were completed.", &|end| {
        connections(end).completed as usize
    })?;
    of_ends("connections_ended_total", counter, "Completed connections that ended.", &|end| {
        connections(end).ended as usize
    })?;
    of_ends("handshakes_failed_total", counter, "Peers that were refused, or were no ZeroMQ.", &|end| {
        connections(end).refused as usize
    })?;
    of_ends("accept_failures_total", counter, "Connections not accepted, as when files ran out.", &|end| {
        connections(end).accept_failed as usize
    })?;

    let statistics = &reading.statistics;
    for (name, help, value) in [
        ("captured_messages_total", "Copies that the capture socket took.", statistics.captured),
        ("capture_missed_messages_total", "Copies that it had no room for.", statistics.capture_missed),
        ("errors_total", "Errors of a single message.", statistics.errors),
    ] {
        head(text, name, counter, help)?;
        writeln!(text, "seaworthy_proxy_{name} {value}")?;
    }
    head(text, "uptime_seconds", "gauge", "How long the broker has run.")?;
    writeln!(text, "seaworthy_proxy_uptime_seconds {:.3}", uptime.as_secs_f64())?;
    head(text, "info", "gauge", "The version of the program; the value is always 1.")?;
    writeln!(text, "seaworthy_proxy_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"))
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) -> fmt::Result {
    writeln!(text, "# HELP seaworthy_proxy_{name} {help}\n# TYPE seaworthy_proxy_{name} {kind}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_sample_follows_its_type_and_has_a_value() {
        let text = expose(&Reading::default(), Duration::from_millis(1500));
        let (mut described, mut samples) = (None, BTreeSet::new());
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                assert!(help.split_once(' ').is_some_and(|(_, help)| !help.is_empty()), "{line}");
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                described = Some(name);
            } else {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                let name = sample.split('{').next();
                assert_eq!(name, described, "{line}");
                assert!(value.parse::<f64>().is_ok() && samples.insert(sample), "{line}");
            }
        }
        assert!(samples.contains("seaworthy_proxy_peers{end=\"backend\"}"), "{text}");
        assert!(text.contains("\nseaworthy_proxy_uptime_seconds 1.500\n"), "{text}");
    }
}
