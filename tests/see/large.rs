//! The page of a large trace: 50 hosts, 100,000 events.

use serde_json::{Value, json};

use crate::tool::browse;
use crate::trace::page_of;

/// 25,000 messages, each sent, put on the wire, read and received, between one broker and 49 workers.
fn lines() -> Vec<Value> {
    let mut lines = vec![json!({"t": 0, "host": "broker", "event": "started", "life": 1})];
    for worker in 0..49_u64 {
        lines.push(
            json!({"t": 0, "host": format!("worker-{worker}"), "event": "stream", "stream": worker * 2}),
        );
        lines.push(json!({"t": 1, "host": "broker", "event": "stream", "stream": worker * 2 + 1, "peer": worker * 2}));
    }
    for number in 0..25_000_u64 {
        let (worker, t) = (number * 31 % 49, number * 1_000_000);
        let (from, message) = (format!("worker-{worker}"), format!("dealer-{worker}#{number}"));
        let arrives = t + 2_000_000 + number * 7919 % 5_000_000;
        let event = |t, host: &str, event: &str| json!({"t": t, "host": host, "event": event, "message": message, "parts": 1, "bytes": 64});
        let frame = |t, host: &str, stream: u64, dir: &str| json!({"t": t, "host": host, "event": "frame", "stream": stream, "dir": dir, "frame": "message", "bytes": 64, "more": false});
        lines.push(event(t, &from, "sent"));
        lines.push(frame(t, &from, worker * 2, "out"));
        lines.push(frame(arrives, "broker", worker * 2 + 1, "in"));
        lines.push(event(arrives, "broker", "received"));
    }
    lines.push(
        json!({"t": 9_000_000_000_u64, "event": "fault", "fault": 0, "what": "cut broker <> worker-7"}),
    );
    lines.push(
        json!({"t": 12_000_000_000_u64, "event": "fault-over", "fault": 0, "what": "cut broker <> worker-7"}),
    );
    lines.sort_by_key(|line| line["t"].as_u64());
    lines
}

#[test]
fn a_large_trace_is_compact_and_is_thinned_out_where_it_is_crowded_only() {
    let lines = lines();
    assert!(lines.len() > 100_000);
    let html = page_of(&lines);
    assert!(html.len() < 4_000_000, "{} bytes", html.len());
    let script = "
        const { dataset } = document.documentElement;
        const crowded = [dataset.arrows, Number(dataset.arrowsDrawn) > 1000, Number(dataset.arrowsDrawn) < 20000];
        page.view.show(9e9, 9.2e9); page.refresh(); await pause();
        const near = Number(dataset.arrowsDrawn);
        const filter = document.getElementById('filter');
        filter.value = 'host:\"worker-7\"'; filter.dispatchEvent(new Event('input')); await pause();
        return [...crowded, near > 200 && near < 210, dataset.passing, page.painter.shown.length].join();
    ";
    let seen = browse("large", &html, "", script);
    seen.is_well();
    assert_eq!((seen.count("lanes"), seen.count("bands")), (50, 1));
    // Of 25,000 messages each of 49 workers sent 510 or 511; two lanes remain.
    assert_eq!(seen.says("tried"), "25000,true,true,true,510,2");
}
