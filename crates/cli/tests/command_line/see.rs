//! Looking at runs: pages, packets, differences.

use crate::folder::{Folder, PASSES, fails};

#[test]
fn a_scenario_is_run_to_be_shown_and_its_packets_can_be_written() {
    let folder = Folder::new("pcap");
    folder.write("passes.toml", PASSES);
    let (columns, _) = folder.exits(0, &["trace", "passes.toml", "--seed", "3", "--on", "turmoil"]);
    assert!(columns.contains(" received ") && columns.contains("push#0 "), "{columns}");
    let (nothing, _) = folder.exits(0, &["trace", "passes.toml", "--pcap", "passes.pcapng"]);
    assert_eq!(nothing, "", "it was asked for packets");
    let packets = std::fs::read(folder.0.join("passes.pcapng")).unwrap();
    assert_eq!(packets[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    assert!(packets.windows(4).any(|bytes| bytes == b"NULL"), "a greeting passes");
    folder.exits(3, &["trace", "passes.toml", "--pcap", "no/such/folder.pcapng"]);
}

#[test]
fn a_trace_has_no_packets_and_takes_no_seed() {
    let folder = Folder::new("packets");
    folder.write("trace.jsonl", "{\"t\":1,\"event\":\"closed\"}\n");
    let (_, err) = folder.exits(2, &["trace", "trace.jsonl", "--pcap", "out.pcapng"]);
    assert!(err.contains("trace.jsonl holds no packets: give a scenario"), "{err}");
    let (_, err) = folder.exits(2, &["trace", "trace.jsonl", "--seed", "1"]);
    assert!(err.contains("--seed and --on are for scenarios"), "{err}");
    folder.exits(2, &["trace", "trace.jsonl", "--on", "water"]);
}

#[test]
fn traces_that_are_equal_exit_with_0_and_others_with_1_and_the_place() {
    let folder = Folder::new("diff");
    let line = |t, event: &str| format!("{{\"t\":{t},\"host\":\"a\",\"event\":\"{event}\"}}\n");
    folder.write("one.jsonl", &(line(1000, "closed") + &line(2000, "closed")));
    folder.write("other.jsonl", &(line(1000, "closed") + &line(3000, "unheard-of")));
    assert_eq!(folder.exits(0, &["diff", "one.jsonl", "one.jsonl"]).0, "");
    let (text, _) = folder.exits(1, &["diff", "one.jsonl", "other.jsonl"]);
    assert_eq!(
        text,
        concat!(
            "equal up to line 1; they part at 0.000002000 s\n",
            "  1  0.000001 a closed\n",
            "one.jsonl\n",
            "  2  0.000002 a closed\n",
            "other.jsonl\n",
            "  2  0.000003 a unheard-of\n",
        )
    );
    folder.write("bad.jsonl", &(line(1000, "closed") + "not json\n"));
    let (_, err) = folder.exits(2, &["diff", "one.jsonl", "bad.jsonl"]);
    assert!(err.contains("bad.jsonl: line 2 is not an event of a trace"), "{err}");
    folder.exits(2, &["diff", "one.jsonl", "missing.jsonl"]);
    folder.exits(2, &["diff", "one.jsonl"]);
}

#[test]
fn a_page_is_one_file_of_a_scenario_with_packets_or_of_a_trace_without() {
    let folder = Folder::new("html");
    folder.write("passes.toml", PASSES);
    let (nothing, _) = folder.exits(0, &["trace", "passes.toml", "--html", "page.html"]);
    assert_eq!(nothing, "", "it was asked for a page");
    let page = folder.read("page.html");
    assert!(page.starts_with("<!doctype html>") && page.contains("<h1>passes</h1>"), "{page}");
    assert!(page.contains("\"packets\"") && page.contains("verdict good"), "{page}");

    let own = "{\"t\":5,\"host\":\"a\",\"event\":\"unheard-of\"}\n";
    folder.write("own.jsonl", own);
    folder.exits(0, &["trace", "own.jsonl", "--html", "own.html"]);
    let page = folder.read("own.html");
    assert!(page.contains("\"unheard-of\"") && !page.contains("\"packets\""), "{page}");
    let (text, _) = folder.exits(0, &["trace", "own.jsonl"]);
    assert!(text.ends_with("a           unheard-of\n"), "{text}");
}

#[test]
fn a_report_lies_beside_the_pages_of_what_failed() {
    let folder = Folder::new("report");
    folder.write("fails.toml", &fails());
    folder.write("passes.toml", PASSES);
    let run = ["run", "fails.toml", "passes.toml", "--on", "warp", "--html"];
    let (out, _) = folder.exits(1, &[&run[..], &["out/report"]].concat());
    assert!(out.ends_with("report: out/report/index.html\n"), "{out}");
    let report = folder.read("out/report/index.html");
    assert!(
        report.contains("href=\"fails-warp-1.html\"") && report.contains("replay failures/fails-warp-1.toml")
    );
    assert!(
        folder.read("out/report/fails-warp-1.html").contains("coverage: push disconnected happened 0 times")
    );
    assert!(!folder.0.join("out/report/passes-warp-1.html").exists(), "it passed");

    folder.exits(1, &[&run[..], &["all.html", "--keep"]].concat());
    assert!(folder.read("all.html").contains("href=\"passes-warp-1.html\""), "--keep makes pages of all");
    assert!(folder.read("passes-warp-1.html").contains("verdict good"));
}
