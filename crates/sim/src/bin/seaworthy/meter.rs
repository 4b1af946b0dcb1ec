//! What a broker tells: lines for readers, JSON lines for machines, one living line on a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use seaworthy::{CompioNetwork, Endpoint, Instant, Network, Statistics, Traffic};
use serde_json::{Value, json};

use crate::problem::Problem;
use crate::show;

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
    pub(crate) fn new(json: bool, interval: Duration, clock: CompioNetwork) -> Self {
        let bar = (!json && io::stderr().is_terminal()).then(ProgressBar::new_spinner);
        if let (Some(bar), Ok(style)) = (&bar, ProgressStyle::with_template("{spinner} {wide_msg}")) {
            bar.set_style(style);
        }
        let now = clock.now();
        Self { json, interval, clock, bar, began: now, last: now, before: Statistics::default() }
    }

    /// How often to [tick](Self::tick).
    pub(crate) const fn interval(&self) -> Duration {
        self.interval
    }

    /// A socket is bound.
    pub(crate) fn listening(&self, end: &str, endpoints: &[Endpoint]) -> Result<(), Problem> {
        for endpoint in endpoints {
            if self.json {
                line(&json!({ "event": "listening", "end": end, "endpoint": endpoint.to_string() }))?;
            } else {
                show(&format!("{end} listens at {endpoint}\n"))?;
            }
        }
        Ok(())
    }

    /// What was done so far.
    pub(crate) fn tick(&mut self, now: &Statistics) -> Result<(), Problem> {
        let instant = self.clock.now();
        let seconds = (instant - self.last).as_secs_f64().max(f64::MIN_POSITIVE);
        let rate = |now: u64, before: u64| ((now - before.min(now)) as f64 / seconds).round() as u64;
        let forward = rate(now.backend.sent, self.before.backend.sent);
        let backward = rate(now.frontend.sent, self.before.frontend.sent);
        if self.json {
            let mut value = counters("statistics", now);
            value["seconds"] = json!((instant - self.began).as_secs_f64());
            value["forward_rate"] = json!(forward);
            value["backward_rate"] = json!(backward);
            line(&value)?;
        } else if let Some(bar) = &self.bar {
            bar.set_message(format!(
                "→ {}/s  ← {}/s  {}",
                HumanCount(forward),
                HumanCount(backward),
                summary(now)
            ));
            bar.tick();
        }
        (self.before, self.last) = (*now, instant);
        Ok(())
    }

    /// A signal came.
    pub(crate) fn ending(&self) -> Result<(), Problem> {
        if self.json {
            return line(&json!({ "event": "ending" }));
        }
        say(&self.bar, "ending: what is on its way is still forwarded; a second signal ends at once")
    }

    /// The broker has ended.
    pub(crate) fn ended(&self, statistics: &Statistics, in_order: bool) -> Result<(), Problem> {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.json {
            let mut value = counters("ended", statistics);
            value["seconds"] = json!((self.clock.now() - self.began).as_secs_f64());
            value["in_order"] = json!(in_order);
            return line(&value);
        }
        show(&format!("ended: {}\n", summary(statistics)))
    }
}

fn say(bar: &Option<ProgressBar>, text: &str) -> Result<(), Problem> {
    match bar {
        Some(bar) => bar.println(text),
        None => drop(writeln!(io::stderr(), "{text}")),
    }
    Ok(())
}

fn summary(statistics: &Statistics) -> String {
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

fn counters(event: &str, statistics: &Statistics) -> Value {
    let traffic = |traffic: &Traffic| {
        json!({
            "received": traffic.received,
            "received_bytes": traffic.received_bytes,
            "sent": traffic.sent,
            "sent_bytes": traffic.sent_bytes,
            "dropped": traffic.dropped,
        })
    };
    json!({
        "event": event,
        "frontend": traffic(&statistics.frontend),
        "backend": traffic(&statistics.backend),
        "captured": statistics.captured,
        "capture_missed": statistics.capture_missed,
        "errors": statistics.errors,
    })
}

fn line(value: &Value) -> Result<(), Problem> {
    show(&format!("{value}\n"))
}
