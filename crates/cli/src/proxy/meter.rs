//! What a broker tells: lines for readers, JSON lines for machines, one living line on a terminal.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use seaworthy::proxy::{Statistics, Traffic};
use seaworthy::{CompioNetwork, Instant, Network};
use serde_json::{Value, json};

use super::log;
use super::reading::{EndReading, Reading};
use crate::output::show;
use crate::problem::Problem;

/// What these events are called in the log.
const TARGET: &str = "seaworthy::proxy";

/// A line that shows how a broker does, if standard error is a terminal that is not used otherwise.
pub(crate) fn bar(json: bool) -> Option<ProgressBar> {
    let bar = (!json && io::stderr().is_terminal()).then(ProgressBar::new_spinner);
    if let (Some(bar), Ok(style)) = (&bar, ProgressStyle::with_template("{spinner} {wide_msg}")) {
        bar.set_style(style);
    }
    bar
}

/// Tells what a broker does.
pub(crate) struct Meter {
    json: bool,
    interval: Duration,
    clock: CompioNetwork,
    /// On a terminal.
    bar: Option<ProgressBar>,
    began: Instant,
    last: Instant,
    before: Statistics,
}

impl Meter {
    pub(crate) fn new(
        json: bool,
        interval: Duration,
        clock: CompioNetwork,
        bar: Option<ProgressBar>,
    ) -> Self {
        let now = clock.now();
        Self { json, interval, clock, bar, began: now, last: now, before: Statistics::default() }
    }

    /// How often to [tick](Self::tick).
    pub(crate) const fn interval(&self) -> Duration {
        self.interval
    }

    /// How long the broker has run.
    pub(crate) fn uptime(&self) -> Duration {
        self.clock.now() - self.began
    }

    /// A socket is bound.
    pub(crate) fn listening(&self, end: &str, endpoint: &str) -> Result<(), Problem> {
        tracing::info!(target: TARGET, "{end} listens at {endpoint}");
        if self.json {
            line(&json!({ "event": "listening", "end": end, "endpoint": endpoint }))
        } else {
            text(&format!("{end} listens at {endpoint}\n"))
        }
    }

    /// What was done so far, and what there is. Returns it in one line.
    pub(crate) fn tick(&mut self, reading: &Reading) -> Result<String, Problem> {
        let now = &reading.statistics;
        let instant = self.clock.now();
        let seconds = (instant - self.last).as_secs_f64().max(f64::MIN_POSITIVE);
        let rate = |now: u64, before: u64| ((now - before.min(now)) as f64 / seconds).round() as u64;
        let forward = rate(now.backend.sent, self.before.backend.sent);
        let backward = rate(now.frontend.sent, self.before.frontend.sent);
        let told = format!(
            "→ {}/s  ← {}/s  {} and {} peers, {} queued; {}",
            HumanCount(forward),
            HumanCount(backward),
            reading.frontend.peers,
            reading.backend.peers,
            HumanCount(queued(&reading.frontend) + queued(&reading.backend)),
            summary(reading)
        );
        if self.json {
            let mut value = counters("statistics", reading);
            value["seconds"] = json!((instant - self.began).as_secs_f64());
            value["forward_rate"] = json!(forward);
            value["backward_rate"] = json!(backward);
            line(&value)?;
        } else if let Some(bar) = &self.bar {
            bar.set_message(told.clone());
            bar.tick();
        }
        tracing::debug!(target: TARGET, "{told}");
        (self.before, self.last) = (*now, instant);
        Ok(told)
    }

    /// A signal came.
    pub(crate) fn ending(&self) -> Result<(), Problem> {
        tracing::info!(target: TARGET, "ending: what is on its way is still forwarded; a second signal ends at once");
        if self.json { line(&json!({ "event": "ending" })) } else { Ok(()) }
    }

    /// The broker has ended, and left behind what it had received and nobody took.
    pub(crate) fn ended(&self, reading: &Reading, in_order: bool) -> Result<(), Problem> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let left = left_behind(reading);
        if left > 0 {
            tracing::warn!(target: TARGET, "messages received and not forwarded, since nobody took them: {left}");
        }
        let summary = summary(reading);
        tracing::info!(target: TARGET, "ended: {summary}");
        if self.json {
            let mut value = counters("ended", reading);
            value["seconds"] = json!(self.uptime().as_secs_f64());
            value["in_order"] = json!(in_order);
            value["left_behind"] = json!(left);
            return line(&value);
        }
        text(&format!(
            "ended: {summary}{}\n",
            if left > 0 { format!(", {left} left behind") } else { String::new() }
        ))
    }
}

/// Messages that lie in the pipes of a socket.
fn queued(end: &EndReading) -> u64 {
    (end.queued.received + end.queued.sending) as u64
}

/// Messages that were received and not forwarded.
fn left_behind(reading: &Reading) -> usize {
    reading.frontend.queued.received + reading.backend.queued.received
}

fn summary(reading: &Reading) -> String {
    let statistics = &reading.statistics;
    let (front, back) = (&statistics.frontend, &statistics.backend);
    let mut text = format!(
        "{} messages forward ({}), {} back ({})",
        HumanCount(back.sent),
        HumanBytes(back.sent_bytes),
        HumanCount(front.sent),
        HumanBytes(front.sent_bytes),
    );
    for (count, what) in [
        (front.dropped + back.dropped, "dropped"),
        (statistics.capture_missed, "missed by capture"),
        (statistics.errors, "errors"),
    ] {
        if count > 0 {
            text += &format!(", {} {what}", HumanCount(count));
        }
    }
    text
}

fn counters(event: &str, reading: &Reading) -> Value {
    let statistics = &reading.statistics;
    let end = |traffic: &Traffic, end: &EndReading| {
        json!({
            "received": traffic.received,
            "received_bytes": traffic.received_bytes,
            "sent": traffic.sent,
            "sent_bytes": traffic.sent_bytes,
            "dropped": traffic.dropped,
            "peers": end.peers,
            "received_queue": end.queued.received,
            "received_queue_bytes": end.queued.received_bytes,
            "sending_queue": end.queued.sending,
            "sending_queue_bytes": end.queued.sending_bytes,
            "connections": end.connections.completed,
            "connections_ended": end.connections.ended,
            "handshakes_failed": end.connections.refused,
            "accept_failures": end.connections.accept_failed,
        })
    };
    json!({
        "event": event,
        "frontend": end(&statistics.frontend, &reading.frontend),
        "backend": end(&statistics.backend, &reading.backend),
        "captured": statistics.captured,
        "capture_missed": statistics.capture_missed,
        "errors": statistics.errors,
    })
}

fn line(value: &Value) -> Result<(), Problem> {
    show(&format!("{value}\n"))
}

/// A line for readers, unless they have read it in the log.
fn text(line: &str) -> Result<(), Problem> {
    if log::covers_output() { Ok(()) } else { show(line) }
}
