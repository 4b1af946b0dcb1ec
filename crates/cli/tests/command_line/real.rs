//! `--on real`: scenarios on this machine's kernel.

use crate::folder::{Folder, PASSES, fails};

/// A file and a folder of which only some can be made.
fn folder(test: &str) -> Folder {
    let folder = Folder::new(test);
    std::fs::create_dir(folder.0.join("all")).unwrap();
    folder.write("all/passes.toml", PASSES);
    folder.write("all/lossy.toml", &lossy());
    folder
}

fn lossy() -> String {
    let name = PASSES.replace("\"passes\"", "\"lossy\"");
    format!(
        "{name}\n[network]\nloss = 0.01\n[[fault]]\nat = \"100ms\"\nfor = \"100ms\"\ncut = [\"a\", \"b\"]\n"
    )
}

#[test]
fn a_scenario_of_a_folder_that_cannot_be_made_is_skipped_by_name() {
    let folder = folder("real-folder");
    let (out, _) = folder.exits(0, &["run", "all", "--on", "real"]);
    assert!(out.contains("lossy     skipped: loss, cut\npasses    passed"), "{out}");
    assert!(out.contains("1 scenario, 1 run, each once: all passed\n1 scenario skipped"), "{out}");
    let (out, _) = folder.exits(0, &["run", "all", "--on", "real", "--json"]);
    let skipped = r#"{"on":"real","scenario":"lossy","skipped":["loss","cut"]}"#;
    assert!(out.lines().any(|line| line == skipped), "{out}");
}

#[test]
fn a_scenario_that_is_named_and_cannot_be_made_is_refused_with_file_line_and_key() {
    let folder = folder("real-refused");
    for arguments in [["run", "all/lossy.toml"], ["replay", "all/lossy.toml"], ["trace", "all/lossy.toml"]] {
        let (_, err) = folder.exits(2, &[&arguments[..], &["--on", "real"]].concat());
        assert!(
            err.contains("all/lossy.toml:13:8: network.loss: the real network cannot make loss"),
            "{err}"
        );
        assert!(err.contains("all/lossy.toml:17:7: fault[0].cut: the real network cannot make cut"), "{err}");
    }
    std::fs::remove_file(folder.0.join("all/passes.toml")).unwrap();
    let (_, err) = folder.exits(2, &["run", "all", "--on", "real"]);
    assert!(err.contains("none of these scenarios"), "{err}");
}

#[test]
fn calm_leaves_out_what_cannot_be_made() {
    let folder = folder("real-calm");
    let (out, _) = folder.exits(0, &["run", "all", "--on", "real", "--skip-unsupported"]);
    assert!(out.contains("2 scenarios, 2 runs, each once: all passed"), "{out}");
    let (out, _) =
        folder.exits(0, &["run", "all/lossy.toml", "--on", "warp", "--skip-unsupported", "--trace"]);
    assert!(!out.contains("fault"), "{out}");
}

#[test]
fn a_failure_leaves_what_tries_it_again() {
    let folder = Folder::new("real-fails");
    folder.write("fails.toml", &fails());
    let (out, _) = folder.exits(1, &["run", "fails.toml", "--on", "real", "--html", "report"]);
    assert!(out.contains("coverage: push disconnected happened 0 times, expected at least 1"), "{out}");
    assert!(folder.read("report/index.html").contains("fails-real-1.html"));
    let (again, _) = folder.exits(1, &["replay", "failures/fails-real-1.toml"]);
    assert!(again.contains("FAILED fails on real, seed 1"), "{again}");
    let (columns, _) = folder.exits(0, &["trace", "failures/fails-real-1.jsonl", "--wire"]);
    assert!(columns.contains("greeting 3.1 NULL") && columns.contains("tcp://b:1 with a PULL"), "{columns}");
    let (_, err) = folder.exits(2, &["shrink", "failures/fails-real-1.toml"]);
    assert!(err.contains("cannot be repeated"), "{err}");
}

#[test]
fn packets_cannot_be_had() {
    let folder = folder("real-packets");
    let arguments = ["trace", "all/passes.toml", "--on", "real"];
    let (_, err) = folder.exits(2, &[&arguments[..], &["--pcap", "run.pcapng"]].concat());
    assert!(err.contains("--pcap needs --on warp or turmoil"), "{err}");
    let (columns, _) = folder.exits(0, &arguments);
    assert!(columns.contains("received") && columns.contains("push#2"), "{columns}");
}

#[test]
fn a_variable_chooses_epoll_which_is_said_and_no_driver_that_there_is_not() {
    let folder = folder("real-driver");
    let arguments = ["run", "all/passes.toml", "--on", "real"];
    let (out, err) = folder.exits_in(0, &arguments, &[("SEAWORTHY_DRIVER", "epoll")]);
    assert!(out.contains("all passed") && err.contains("on epoll"), "{out}{err}");
    let (_, err) = folder.exits_in(3, &arguments, &[("SEAWORTHY_DRIVER", "kqueue")]);
    assert!(err.contains("kqueue"), "{err}");
}
