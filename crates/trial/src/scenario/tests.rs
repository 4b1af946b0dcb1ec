//! Reading scenario files: what is accepted, and how everything else is refused.

use super::*;

const VALID: &str = r#"
name = "fanout"
description = "d"
duration = "10s"
[network]
latency = "1ms..5ms"
[[host]]
name = "source"
[[host]]
name = "worker"
count = 2
[[socket]]
name = "push"
host = "source"
type = "PUSH"
bind = ["tcp://*:5555"]
[[socket]]
name = "pull"
host = "worker"
type = "PULL"
connect = ["tcp://source:5555"]
[[workload]]
socket = "push"
role = "send"
count = 10
[[workload]]
socket = "pull"
role = "receive"
[[fault]]
at = "1s"
for = "1s"
cut = ["source", "worker"]
[[fault]]
at = "3s"
for = "500ms"
times = 2
every = "1s"
crash = "worker-2"
"#;

/// The valid file with one line replaced, and the error that must follow: its line, key and reason.
#[track_caller]
fn refused(from: &str, to: &str, key: &str, reason: &str) {
    assert!(VALID.contains(from), "the valid file has no {from:?}");
    let text = VALID.replacen(from, to, 1);
    let error = Scenario::parse("fanout.toml", &text).expect_err("the file must be refused");
    let found = error.problems.iter().any(|p| p.key == key && p.problem.contains(reason));
    assert!(found, "no problem at {key:?} saying {reason:?} in:\n{error}");
    let line = error.problems[0].line;
    let at = text.lines().nth(line - 1).unwrap_or_default();
    assert!(!at.trim().is_empty(), "line {line} is empty:\n{error}");
}

#[test]
fn unknown_keys_are_refused_by_name() {
    refused("duration = \"10s\"", "duration = \"10s\"\nlenght = 3", "lenght", "unknown field `lenght`");
    refused("count = 2", "cuont = 2", "host[1].cuont", "unknown field `cuont`");
    refused("latency = ", "latencies = ", "network.latencies", "unknown field `latencies`");
    refused(
        "type = \"PUSH\"",
        "type = \"PUSH\"\noptions = { sndhvm = 1 }",
        "socket[0].options.sndhvm",
        "sndhvm",
    );
    refused("times = 2", "time = 2", "fault[1].time", "unknown field `time`");
}

#[test]
fn values_of_the_wrong_kind_are_refused_with_the_value() {
    refused("\"1ms..5ms\"", "\"5ms..1ms\"", "network.latency", "ends before it begins");
    refused("\"1ms..5ms\"", "\"5 parsecs\"", "network.latency", "\"5 parsecs\"");
    refused("\"1ms..5ms\"", "5", "network.latency", "needs a unit");
    refused("\"1ms..5ms\"", "\"0ms..5ms\"", "network.latency", "less than 1ms");
    refused("type = \"PUSH\"", "type = \"PUSHY\"", "socket[0].type", "unknown variant `PUSHY`");
    refused("count = 10", "count = -1", "workload[0].count", "negative");
    refused("count = 10", "count = \"many\"", "workload[0].count", "\"many\"");
    refused("name = \"source\"", "", "host[0]", "missing field `name`");
    refused("duration = \"10s\"", "duration = \"0s\"", "duration", "no duration");
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_line() {
    let error = Scenario::parse("broken.toml", "name = \"x\"\nduration = = 3\n").unwrap_err();
    assert_eq!(error.problems[0].line, 2);
    assert!(error.to_string().starts_with("broken.toml:2:"), "{error}");
}

#[test]
fn a_file_that_does_not_exist_is_named() {
    let error = Scenario::load(Path::new("no/such.toml")).unwrap_err().to_string();
    assert!(error.starts_with("no/such.toml: cannot be read"), "{error}");
}

#[test]
fn names_that_nobody_has_are_refused() {
    refused(
        "cut = [\"source\", \"worker\"]",
        "cut = [\"source\", \"wroker\"]",
        "fault[0].cut[1]",
        "no host \"wroker\"",
    );
    refused("crash = \"worker-2\"", "crash = \"worker-3\"", "fault[1].crash", "no host \"worker-3\"");
    refused("host = \"worker\"", "host = \"work\"", "socket[1].host", "no host \"work\"");
    refused("socket = \"pull\"", "socket = \"poll\"", "workload[1].socket", "no socket \"poll\"");
    refused(
        "[[workload]]",
        "[[link]]\nfrom = \"source\"\nto = \"nobody\"\nloss = 0.1\n[[workload]]",
        "link[0].to",
        "no host \"nobody\"",
    );
}

#[test]
fn names_that_two_have_are_refused() {
    refused("name = \"worker\"", "name = \"source\"", "host[1].name", "host[0] is named \"source\" already");
    refused(
        "[[socket]]",
        "[[host]]\nname = \"worker-2\"\n[[socket]]",
        "host[2].name",
        "host[1] is named \"worker-2\" already",
    );
    refused("name = \"pull\"", "name = \"push\"", "socket[1].name", "socket[0] is named \"push\" already");
    refused("name = \"source\"", "name = \"a b\"", "host[0].name", "\"a b\" is not a name");
}

#[test]
fn a_connection_to_nobody_is_refused() {
    refused("tcp://source:5555", "tcp://source:5556", "socket[1].connect[0]", "nobody on host \"source\"");
    refused("tcp://source:5555", "tcp://elsewhere:5555", "socket[1].connect[0]", "no host \"elsewhere\"");
    refused("tcp://source:5555", "tcp://10.0.0.1:5555", "socket[1].connect[0]", "names an address");
    refused("tcp://source:5555", "ipc://x", "socket[1].connect[0]", "nobody on host \"worker-1\"");
    refused("tcp://source:5555", "source:5555", "socket[1].connect[0]", "no scheme");
    refused(
        "type = \"PULL\"",
        "type = \"REQ\"",
        "socket[1].connect[0]",
        "a REQ cannot talk to \"push\", a PUSH",
    );
    refused("bind = [\"tcp://*:5555\"]", "", "socket[0]", "neither binds nor connects");
}

#[test]
fn two_binds_of_one_endpoint_are_refused() {
    refused("name = \"push\"", "name = \"push\"\ncount = 2", "socket[0].bind[0]", "on the same host already");
    refused("tcp://*:5555", "tcp://*:0", "socket[0].bind[0]", "no fixed port");
}

#[test]
fn faults_that_cannot_happen_are_refused() {
    refused("at = \"1s\"", "at = \"10s\"", "fault[0].at", "not before the end");
    refused("at = \"1s\"", "at = \"1s..11s\"", "fault[0].at", "not before the end");
    refused("cut = [\"source\", \"worker\"]", "", "fault[0]", "nothing happens");
    refused(
        "crash = \"worker-2\"",
        "crash = \"worker-2\"\npause = \"source\"",
        "fault[1].pause",
        "one thing",
    );
    refused("every = \"1s\"", "every = \"500ms\"", "fault[1].every", "begins again");
    refused("every = \"1s\"", "", "fault[1]", "`times` needs `every`");
    refused("crash = \"worker-2\"", "stall = \"push\"", "fault[1].stall", "no workload that receives");
    refused("[\"source\", \"worker\"]", "[\"source\", \"source\"]", "fault[0].cut[1]", "no link to itself");
}

#[test]
fn faults_that_do_nothing_or_contradict_themselves_are_refused() {
    let bad = |to: &str, key: &str, reason: &str| refused("crash = \"worker-2\"", to, key, reason);
    bad("swizzle = [\"source\"]", "fault[1].swizzle", "at least two hosts");
    bad("swizzle = [\"worker\", \"nobody\"]", "fault[1].swizzle[1]", "no host \"nobody\"");
    bad("black_hole = [\"source\", \"source\"]", "fault[1].black_hole[1]", "no link to itself");
    bad("read_stall = \"nobody\"", "fault[1].read_stall", "no host");
    bad("slow_reader = { host = \"source\", rate = 0 }", "fault[1].slow_reader.rate", "use read_stall");
    bad("clock = { host = \"source\" }", "fault[1].clock", "give jump or drift");
    bad("clock = { host = \"source\", drift = 5 }", "fault[1].clock.drift", "needs a unit");
    bad("clock = { host = \"source\", drift = \"9000000ppm\" }", "fault[1].clock.drift", "9000000ppm");
    bad("clock = { host = \"nobody\", jump = \"1s\" }", "fault[1].clock.host", "no host \"nobody\"");
    bad("short_io = { host = \"source\" }", "fault[1].short_io", "give read or write");
    bad("short_io = { host = \"source\", read = 1.5 }", "fault[1].short_io.read", "between 0 and 1");
    bad("yields = { host = \"source\", chance = 0 }", "fault[1].yields.chance", "never yields");
    bad("cancel = { socket = \"push\" }", "fault[1].cancel", "either `polls` or `after`");
    bad("cancel = { socket = \"push\", polls = 1, after = \"1ms\" }", "fault[1].cancel", "either");
    bad("cancel = { socket = \"nobody\", polls = 1 }", "fault[1].cancel.socket", "no socket \"nobody\"");
    bad(
        "cancel = { socket = \"push\", operation = \"receive\", polls = 1 }",
        "fault[1].cancel.socket",
        "no workload that receives",
    );
    bad(
        "cancel = { socket = \"push\", operation = \"bind\", polls = 1 }",
        "fault[1].cancel.operation",
        "bind",
    );
    let link = |what: &str, key: &str, reason: &str| {
        let degrade = format!("degrade = {{ from = \"source\", to = \"worker\"{what} }}");
        bad(&degrade, &format!("fault[1].degrade{key}"), reason);
    };
    link("", "", "nothing changes");
    link(", corrupt = 1.0", ".corrupt", "stops the link");
    link(", reorder_delay = \"5ms\"", ".reorder_delay", "give `reorder`, too");
    link(", latency = { min = \"1ms\" }", ".latency.min", "{ min, max }");
    link(", latency = { min = \"5ms\", max = \"2ms\" }", ".latency.max", "2ms is less than min, 5ms");
    link(", latency = { min = \"0ms\", max = \"2ms\" }", ".latency.min", "less than 1ms");
    link(
        ", latency = { low = \"1ms\", high = \"9ms\", high_chance = 2 }",
        ".latency.high_chance",
        "between 0 and 1",
    );
    link(", latency = { min = \"1ms\", maximum = \"2ms\" }", ".latency.maximum", "unknown field `maximum`");
    bad(
        "degrade = { between = [\"source\", \"worker\"], to = \"source\", loss = 0.1 }",
        "fault[1].degrade",
        "either",
    );
}

#[test]
fn removing_one_draw_leaves_all_others_as_they_were() {
    let more = |text: &str| {
        VALID
            .replace("count = 10", "count = \"1..100000\"")
            .replace("[[workload]]\nsocket = \"pull\"", &format!("{text}[[workload]]\nsocket = \"pull\""))
    };
    let faults = |first: &str| {
        more(first)
            + "[[fault]]\nat = \"1s..5s\"\nfor = \"1s..2s\"\npause = \"source\"\n"
            + "[[fault]]\nat = \"1s..5s\"\nswizzle = [\"source\", \"worker\"]\nfor = \"1s..2s\"\n"
    };
    let extra = "[[link]]\nfrom = \"source\"\nto = \"worker\"\njitter = \"1ms..9ms\"\n\
        [[workload]]\nsocket = \"pull-1\"\nrole = \"receive\"\ninterval = \"1ms..9ms\"\n\
        [[fault]]\nat = \"1s..5s\"\ncut = [\"worker-1\", \"worker-2\"]\n";
    let resolve = |text: &str| toml::from_str::<Scenario>(text).unwrap().resolved(5);
    let (with, without) = (resolve(&faults(extra)), resolve(&faults("")));
    assert!(without.fault.iter().all(|fault| with.fault.contains(fault)), "{:?}", with.fault);
    assert!(without.workload.iter().all(|workload| with.workload.contains(workload)));
    let latency = |scenario: &Scenario| scenario.link.iter().map(|link| link.latency).collect::<Vec<_>>();
    assert_eq!(latency(&with), latency(&without));
}

#[test]
fn a_swizzle_becomes_isolations_that_overlap_in_the_middle() {
    let text = VALID.replace("crash = \"worker-2\"", "swizzle = [\"source\", \"worker\"]");
    let decided = Scenario::parse("f.toml", &text).unwrap().resolved(3);
    let isolated: Vec<_> = decided
        .fault
        .iter()
        .filter_map(|f| Some((f.isolate.clone()?, f.at.value(), f.lasts?.value())))
        .collect();
    assert_eq!(isolated.len(), 6, "three hosts, twice");
    for round in isolated.chunks(3) {
        let middle = round[0].1.0 + std::time::Duration::from_millis(250);
        assert!(round.iter().all(|(_, at, lasts)| at.0 < middle && at.0 + lasts.0 > middle), "{round:?}");
        let ends: std::collections::BTreeSet<_> = round.iter().map(|(_, at, lasts)| at.0 + lasts.0).collect();
        assert_eq!(ends.len(), 3, "they come back one after the other");
    }
}

#[test]
fn options_and_roles_of_another_type_are_refused() {
    refused(
        "type = \"PUSH\"",
        "type = \"PUSH\"\nsubscribe = [\"a\"]",
        "socket[0].subscribe",
        "PUSH does not subscribe",
    );
    refused(
        "type = \"PULL\"",
        "type = \"PULL\"\noptions = { req_relaxed = true }",
        "socket[1].options.req_relaxed",
        "a PULL has no option",
    );
    refused("role = \"send\"", "role = \"receive\"", "workload[0].role", "a PUSH cannot receive");
    refused("role = \"receive\"", "role = \"receive\"\ncount = 3", "workload[1].count", "has no count");
    refused("count = 10", "", "workload[0]", "needs a `count`");
    refused("count = 10", "count = 10\nsize = 23", "workload[0].size", "23 bytes are less than the 24");
    refused("count = 10", "count = 10\nto = [\"pull\"]", "workload[0].to", "cannot choose its peer");
    refused(
        "[[fault]]",
        "[[workload]]\nsocket = \"pull-1\"\nrole = \"receive\"\n[[fault]]",
        "workload[2].socket",
        "workload[1] receives on \"pull-1\" already",
    );
}

#[test]
fn publishers_subscribers_and_pairs_do_what_their_types_do() {
    let of = |first: &str, second: &str| {
        VALID.replace("\"PUSH\"", &format!("{first:?}")).replace("\"PULL\"", &format!("{second:?}"))
    };
    let problem = |text: &str| Scenario::parse("f.toml", text).unwrap_err().to_string();
    for (first, second) in [("XPUB", "XSUB"), ("XPUB", "SUB"), ("PUB", "XSUB")] {
        let text = of(first, second);
        assert!(problem(&text).contains(&format!("a {first} needs `topics` to send")), "{text}");
        let text = text.replace("count = 10", "count = 10\ntopics = [\"a\"]");
        Scenario::parse("f.toml", &text).unwrap();
        assert!(problem(&text.replace(second, "PAIR")).contains("cannot talk to"));
    }
    // An XSUB sends without topics.
    let text = of("XSUB", "XPUB");
    Scenario::parse("f.toml", &text).unwrap();
    let with_topics = text.replace("count = 10", "count = 10\ntopics = [\"a\"]");
    assert!(problem(&with_topics).contains("XSUB has no topics"));
    // A PAIR has one peer.
    let text = of("PAIR", "PAIR");
    assert!(problem(&text).contains("\"push\" is a PAIR and would have 2 peers"), "{}", problem(&text));
}

/// A hostile peer on a host of its own, with one thing replaced.
fn with_hostile(from: &str, to: &str) -> String {
    let den = "[[host]]\nname = \"den\"\ncount = 2\n";
    let text = VALID.replacen("[[socket]]", &format!("{den}[[socket]]"), 1)
        + r#"
[[hostile]]
name = "liar"
host = "den"
connect = "tcp://source:5555"
start = "1s..2s"
times = "1..9"
close_at = "1..100"
dismissed_within = "2s"
script = [{ greeting = "valid" }, { ready = "PULL" }, { more = { count = "1..9" } }, { send = "ff 00" }]
"#;
    assert!(text.contains(from), "the file has no {from:?}");
    text.replacen(from, to, 1)
}

#[test]
fn hostile_peers_that_cannot_be_are_refused() {
    Scenario::parse("f.toml", &with_hostile("", "")).unwrap();
    for (from, to, key, reason) in [
        ("host = \"den\"", "host = \"source\"", "hostile[0].host", "has its host alone"),
        ("name = \"liar\"", "name = \"pull\"", "hostile[0].name", "a socket is named \"pull\" already"),
        ("tcp://source:5555\"\nstart", "tcp://source:1\"\nstart", "hostile[0].connect", "nobody on host"),
        (
            "tcp://source:5555\"\nstart",
            "tcp://worker:1\"\nstart",
            "hostile[0].connect",
            "name one of its members",
        ),
        (
            "connect = \"tcp://source:5555\"\nstart",
            "start",
            "hostile[0]",
            "needs either `connect` or `listen`",
        ),
        (
            "connect = \"tcp://source:5555\"\nstart",
            "listen = \"tcp://*:1\"\nstart",
            "hostile[0].times",
            "who listens",
        ),
        ("1s..2s", "1s..99s", "hostile[0].start", "is not before the end"),
        (
            "dismissed_within = \"2s\"",
            "dismissed_within = \"10s\"",
            "hostile[0].dismissed_within",
            "all is over at 10s",
        ),
        ("close_at = ", "reset_at = 1\nclose_at = ", "hostile[0].reset_at", "a connection ends once"),
        ("1..9\" } }", "1..2000000\" } }", "hostile[0].script[2].more.count", "2000000 frames are more than"),
        (
            "1..9\" } }",
            "1..9\", size = \"9MiB\" } }",
            "hostile[0].script[2].more.size",
            "that one run can afford",
        ),
        ("ff 00", "ff 0", "hostile[0].script[3]", "are no bytes"),
        ("{ send", "{ sned", "hostile[0].script[3].sned", "unknown variant `sned`, expected one of `send`"),
        ("\"valid\"", "\"polite\"", "hostile[0].script[0].greeting", "unknown variant `polite`"),
    ] {
        let error = Scenario::parse("f.toml", &with_hostile(from, to)).unwrap_err();
        let found = error.problems.iter().any(|p| p.key == key && p.problem.contains(reason) && p.line > 0);
        assert!(found, "no problem at {key:?} saying {reason:?} in:\n{error}");
    }
    let expecting = |socket: &str, event: &str| {
        let must = format!("\n[[expect.must]]\nsocket = \"{socket}\"\nevent = \"{event}\"\n");
        Scenario::parse("f.toml", &(with_hostile("", "") + &must)).map_err(|error| error.to_string())
    };
    expecting("liar", "dismissed").unwrap();
    assert!(expecting("pull", "dismissed").unwrap_err().contains("there is no hostile peer \"pull\""));
    assert!(expecting("liar", "received").unwrap_err().contains("only `dismissed` can be expected"));
}

#[test]
fn a_socket_may_connect_to_a_hostile_peer() {
    let trap = with_hostile(
        "connect = \"tcp://source:5555\"\nstart = \"1s..2s\"\ntimes = \"1..9\"",
        "listen = \"tcp://*:1\"",
    );
    let trap = trap
        .replace("connect = [\"tcp://source:5555\"]", "connect = [\"tcp://source:5555\", \"tcp://den:1\"]");
    let decided = Scenario::parse("f.toml", &trap).unwrap().resolved(3);
    assert_eq!(decided.socket[1].connect, ["tcp://source:5555", "tcp://den-1:1", "tcp://den-2:1"]);
}

#[test]
fn hostile_peers_are_spelled_out_and_read_back_as_themselves() {
    let decided = Scenario::parse("f.toml", &with_hostile("", "")).unwrap().resolved(3);
    let names: Vec<_> = decided.hostile.iter().map(|h| (h.name.as_str(), h.host.as_str())).collect();
    assert_eq!(names, [("liar-1", "den-1"), ("liar-2", "den-2")]);
    assert_ne!(decided.hostile[0].close_at, decided.hostile[1].close_at, "each draws its own");
    let read = Scenario::parse("resolved.toml", &decided.to_toml()).unwrap();
    assert_eq!((&read, &read.resolved(8).hostile), (&decided, &decided.hostile));
}

#[test]
fn all_problems_of_a_file_are_reported_at_once_in_order() {
    let text = VALID.replace("host = \"worker\"", "host = \"work\"").replace("at = \"3s\"", "at = \"30s\"");
    let error = Scenario::parse("f.toml", &text).unwrap_err();
    let lines: Vec<_> = error.problems.iter().map(|p| p.line).collect();
    assert!(lines.len() >= 2 && lines.is_sorted(), "{error}");
}

#[test]
fn an_error_shows_the_line_and_marks_the_value() {
    let text = VALID.replace("tcp://source:5555", "tcp://source:1");
    let error = Scenario::parse("f.toml", &text).unwrap_err().to_string();
    assert!(error.starts_with("f.toml:21:12: socket[1].connect[0]: nobody"), "{error}");
    assert!(
        error.contains("21 | connect = [\"tcp://source:1\"]\n    |            ^^^^^^^^^^^^^^^^"),
        "{error}"
    );
}

#[test]
fn resolving_spells_out_groups_and_repetitions() {
    let decided = Scenario::parse("f.toml", VALID).unwrap().resolved(3);
    let hosts: Vec<_> = decided.host.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(hosts, ["source", "worker-1", "worker-2"]);
    let sockets: Vec<_> = decided.socket.iter().map(|s| (s.name.as_str(), s.host.as_str())).collect();
    assert_eq!(sockets, [("push", "source"), ("pull-1", "worker-1"), ("pull-2", "worker-2")]);
    let faults: Vec<_> =
        decided.fault.iter().map(|f| (f.at.value().to_string(), f.cut.clone(), f.crash.clone())).collect();
    let cut = |worker: &str| Some(["source".to_owned(), worker.to_owned()]);
    assert_eq!(
        faults,
        [
            ("1s".to_owned(), cut("worker-1"), None),
            ("1s".to_owned(), cut("worker-2"), None),
            ("3s".to_owned(), None, Some("worker-2".to_owned())),
            ("4s".to_owned(), None, Some("worker-2".to_owned())),
        ]
    );
    assert_eq!(decided.link.len(), 6, "each direction of each link draws its own latency");
}

#[test]
fn a_resolved_scenario_reads_back_as_itself_and_stays_resolved() {
    let scenario = Scenario::parse("f.toml", VALID).unwrap();
    for seed in 0..20 {
        let decided = scenario.resolved(seed);
        let read = Scenario::parse("resolved.toml", &decided.to_toml()).unwrap();
        assert_eq!(read, decided);
        assert_eq!(read.resolved(seed + 1), Scenario { seed: seed + 1, ..decided });
    }
    assert_ne!(scenario.resolved(1).link, scenario.resolved(2).link);
}

#[test]
fn the_template_is_a_valid_scenario() {
    let scenario = Scenario::parse("new.toml", &Scenario::template("new")).unwrap();
    assert_eq!(scenario.name, "new");
}

#[test]
fn the_schema_knows_every_table_and_closes_them() {
    let schema = Scenario::schema();
    assert_eq!(schema["additionalProperties"], false);
    for table in ["host", "link", "socket", "workload", "fault", "expect", "network"] {
        assert!(schema["properties"].get(table).is_some(), "{table}");
    }
    assert_eq!(schema["$defs"]["Fault"]["additionalProperties"], false);
    assert!(schema["$defs"]["Fault"]["properties"].get("for").is_some(), "keys are as in the file");
}

#[test]
fn a_low_level_connection_has_one_stream_and_one_user() {
    let connect = "connect = [\"tcp://source:5555\"]";
    let direct = VALID.replace(connect, &format!("{connect}\nlow_level = true"));
    Scenario::parse("f.toml", &direct).unwrap();
    let options =
        |options: &str| direct.replace("low_level = true", &format!("low_level = true\noptions = {options}"));
    Scenario::parse("f.toml", &options("{ heartbeat_ivl = \"1s\" }")).unwrap();
    let refused = |text: &str, reason: &str| {
        let error = Scenario::parse("f.toml", text).expect_err("the file must be refused");
        let found =
            error.problems.iter().any(|p| p.key == "socket[1].low_level" && p.problem.contains(reason));
        assert!(found, "{reason:?} is not in:\n{error}");
    };
    refused(&options("{ rcvhwm = 5 }"), "no options but heartbeat_");
    refused(
        &direct.replace(connect, "connect = [\"tcp://source:5555\", \"tcp://source:5555\"]"),
        "connects to one",
    );
    refused(&direct.replace("\"PULL\"", "\"ROUTER\""), "a ROUTER needs a socket");
    let both = direct.replace("PUSH", "DEALER").replace("PULL", "DEALER");
    Scenario::parse("f.toml", &both).unwrap();
    let both = format!("{both}[[workload]]\nsocket = \"pull\"\nrole = \"send\"\ncount = 1\n");
    refused(&both, "it has one workload, which sends or receives");
    let bound = direct.replace("bind = [\"tcp://*:5555\"]", "bind = [\"tcp://*:5555\"]\nlow_level = true");
    let error = Scenario::parse("f.toml", &bound).expect_err("who binds has no stream");
    assert!(error.to_string().contains("socket[0].low_level"), "{error}");
}
