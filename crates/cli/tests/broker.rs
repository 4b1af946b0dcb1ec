//! `seaworthy proxy`, from the outside: a process with clients and workers around it, signals, commands and errors.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::join;
use seaworthy::{
    Context, DealerSocket, Error, Options, PairSocket, PullSocket, PushSocket, RepSocket, ReqSocket,
    SubSocket, XPubSocket,
};
use serde_json::Value;

/// A broker that listens. Killed when dropped.
struct Broker {
    child: Child,
    output: BufReader<ChildStdout>,
    endpoints: Vec<(String, String)>,
}

impl Broker {
    /// Starts one on ports of its own, with more arguments, and waits until it listens at so many endpoints.
    fn start(kind: &str, endpoints: usize, more: &[&str]) -> Self {
        Self::start_with(kind, endpoints, more, |_| {})
    }

    /// The same, with more for the process.
    fn start_with(kind: &str, endpoints: usize, more: &[&str], with: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
        command
            .args(["proxy", "--json", "--kind", kind])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if !more.contains(&"--config") {
            command.args(["--frontend", "tcp://127.0.0.1:*", "--backend", "tcp://127.0.0.1:*"]);
        }
        with(&mut command);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut broker = Self { child, output, endpoints: Vec::new() };
        while broker.endpoints.len() < endpoints {
            let line = broker.event("listening");
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            broker.endpoints.push((text("end"), text("endpoint")));
        }
        broker
    }

    fn at(&self, end: &str) -> &str {
        &self.endpoints.iter().find(|(name, _)| name == end).unwrap().1
    }

    /// The next line of this kind; others are skipped.
    fn event(&mut self, name: &str) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "it ended before {name}");
            let value: Value = serde_json::from_str(&line).unwrap();
            if value["event"] == name {
                return value;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Waits for its end; gives its last words and its exit code.
    fn end(mut self) -> (Value, i32) {
        let ended = self.event("ended");
        let code = self.child.wait().unwrap().code().expect("it was not killed");
        (ended, code)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn on_a_runtime(script: impl Future<Output = Result<(), Error>>) {
    compio::runtime::Runtime::new().unwrap().block_on(script).unwrap();
}

#[test]
fn every_question_is_answered_and_sigterm_ends_it_with_zero() {
    const CLIENTS: usize = 8;
    const QUESTIONS: usize = 200;
    let broker = Broker::start("router-dealer", 2, &[]);
    on_a_runtime(async {
        let context = Context::new();
        for _ in 0..3 {
            let worker = RepSocket::new(&context)?;
            worker.connect(broker.at("backend"))?;
            compio::runtime::spawn(async move {
                while let Ok(question) = worker.recv().await {
                    worker.send(question).await.expect("a question was received");
                }
            })
            .detach();
        }
        let clients = (0..CLIENTS).map(async |client| {
            let req = ReqSocket::new(&context)?;
            req.connect(broker.at("frontend"))?;
            for number in 0..QUESTIONS {
                let question = format!("{client}/{number}");
                req.send(question.clone()).await?;
                assert_eq!(req.recv().await?, question.into());
            }
            Ok::<_, Error>(())
        });
        try_join_all(clients).await?;
        Ok(())
    });
    broker.signal("TERM");
    let (ended, code) = broker.end();
    assert_eq!(code, 0, "{ended}");
    let all = (CLIENTS * QUESTIONS) as u64;
    assert_eq!(ended["in_order"], true);
    for end in ["frontend", "backend"] {
        for direction in ["received", "sent"] {
            assert_eq!(ended[end][direction], all, "{end} {direction}: {ended}");
        }
        assert_eq!(ended[end]["dropped"], 0);
    }
}

#[test]
fn what_it_has_received_is_forwarded_after_the_signal() {
    const MESSAGES: usize = 20_000;
    let broker = Broker::start("pull-push", 2, &["--linger", "20000"]);
    on_a_runtime(async {
        let context = Context::new();
        let (push, pull) = (PushSocket::new(&context)?, PullSocket::new(&context)?);
        push.connect(broker.at("frontend"))?;
        let sending = async {
            for number in 0..MESSAGES {
                push.send(number.to_string()).await?;
                // Half are on their way when the signal comes, and nobody has pulled any.
                if number == MESSAGES / 2 {
                    pull.connect(broker.at("backend"))?;
                    assert_eq!(pull.recv().await?, "0".into());
                    broker.signal("INT");
                }
            }
            Ok::<_, Error>(())
        };
        let receiving = async {
            for number in 1..MESSAGES {
                // The first was received to know that the way is open.
                let message = pull.recv().await?;
                assert_eq!(message, number.to_string().into());
            }
            Ok::<_, Error>(())
        };
        sending.await?;
        receiving.await
    });
    let (ended, code) = broker.end();
    assert_eq!((code, &ended["backend"]["sent"]), (0, &MESSAGES.into()), "{ended}");
}

#[test]
fn publications_reach_subscribers_of_their_topic() {
    let broker = Broker::start("xsub-xpub", 2, &["--mandatory"]);
    on_a_runtime(async {
        let context = Context::new();
        let publisher = XPubSocket::new(&context)?;
        publisher.connect(broker.at("frontend"))?;
        let subscriber = SubSocket::new(&context)?;
        subscriber.subscribe("news")?;
        subscriber.connect(broker.at("backend"))?;
        // The subscription has come all the way.
        assert_eq!(publisher.recv().await?, "\x01news".into());
        for number in 0..1000 {
            publisher.send(format!("other {number}")).await?;
            publisher.send(format!("news {number}")).await?;
            assert_eq!(subscriber.recv().await?, format!("news {number}").into());
        }
        Ok(())
    });
    broker.signal("TERM");
    let (ended, code) = broker.end();
    assert_eq!((code, &ended["backend"]["sent"]), (0, &1000.into()), "{ended}");
}

#[test]
fn commands_steer_it_and_terminate_ends_it_with_zero() {
    let broker = Broker::start(
        "dealer-dealer",
        4,
        &["--control", "tcp://127.0.0.1:*", "--capture", "tcp://127.0.0.1:*", "--capture-kind", "push"],
    );
    on_a_runtime(async {
        let context = Context::new();
        let control = ReqSocket::new(&context)?;
        control.connect(broker.at("control"))?;
        let (one, other) = (DealerSocket::new(&context)?, DealerSocket::new(&context)?);
        one.connect(broker.at("frontend"))?;
        other.connect(broker.at("backend"))?;
        let capture = PullSocket::new(&context)?;
        capture.connect(broker.at("capture"))?;
        let ask = async |command: &'static str| {
            control.send(command).await?;
            control.recv().await
        };
        one.send("before").await?;
        assert_eq!(other.recv().await?, "before".into());
        assert_eq!(ask("PAUSE").await?, "".into());
        one.send("after").await?;
        assert_eq!(ask("RESUME").await?, "".into());
        assert_eq!(other.recv().await?, "after".into());
        let counters = ask("STATISTICS").await?;
        let counter = |index: usize| u64::from_ne_bytes(counters.frame(index).unwrap().try_into().unwrap());
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(counter), [2, 11, 0, 0, 0, 0, 2, 11]);
        assert_eq!(capture.recv().await?.len(), 1);
        assert_eq!(ask("TERMINATE").await?, "".into());
        Ok(())
    });
    let (ended, code) = broker.end();
    assert_eq!(code, 0, "{ended}");
}

#[test]
fn a_pair_can_steer_it_too() {
    let broker = Broker::start("pair-pair", 3, &["--control", "tcp://127.0.0.1:*", "--control-kind", "pair"]);
    on_a_runtime(async {
        let context = Context::new();
        let control = PairSocket::new(&context)?;
        control.connect(broker.at("control"))?;
        control.send("STATISTICS").await?;
        assert_eq!(control.recv().await?.len(), 8);
        control.send("KILL").await?;
        control.close().await;
        Ok(())
    });
    assert_eq!(broker.end().1, 0);
}

#[test]
fn a_signal_or_a_command_ends_it_although_a_message_has_no_taker() {
    let arguments = ["--linger", "600000", "--control", "tcp://127.0.0.1:*"];
    for command in [None, Some("TERMINATE"), Some("KILL")] {
        let broker = Broker::start("pull-push", 3, &arguments);
        on_a_runtime(async {
            let context = Context::new();
            let push = PushSocket::new(&context)?;
            push.connect(broker.at("frontend"))?;
            push.send("m").await?;
            push.close().await;
            if let Some(command) = command {
                let control = ReqSocket::new(&context)?;
                control.connect(broker.at("control"))?;
                control.send(command).await?;
                assert_eq!(control.recv().await?, "".into());
            }
            Ok(())
        });
        if command.is_none() {
            broker.signal("TERM");
        }
        let (ended, code) = broker.end();
        assert_eq!((code, &ended["in_order"]), (0, &true.into()), "{command:?}: {ended}");
    }
}

#[test]
fn a_second_signal_ends_at_once_with_one() {
    let mut broker = Broker::start("pull-push", 2, &["--linger", "600000", "--hwm", "0"]);
    on_a_runtime(async {
        let context = Context::new();
        let push = PushSocket::new(&context)?;
        let pull = PullSocket::with_options(&context, Options::default().rcvhwm(1))?;
        push.connect(broker.at("frontend"))?;
        pull.connect(broker.at("backend"))?;
        // More than two kernels hold for a peer that does not receive: the first signal would wait for ten minutes.
        for _ in 0..64 {
            push.send(vec![b'x'; 1 << 20]).await?;
        }
        push.close().await;
        broker.signal("TERM");
        broker.event("ending");
        broker.signal("TERM");
        let (ended, code) = broker.end();
        assert_eq!((code, &ended["in_order"]), (1, &false.into()), "{ended}");
        drop(pull);
        Ok(())
    });
}

#[test]
fn statistics_are_told_at_intervals() {
    let mut broker = Broker::start("pull-push", 2, &["--interval", "10"]);
    on_a_runtime(async {
        let context = Context::new();
        let (push, pull) = (PushSocket::new(&context)?, PullSocket::new(&context)?);
        push.connect(broker.at("frontend"))?;
        pull.connect(broker.at("backend"))?;
        let (sent, received) = join!(push.send("hello"), pull.recv());
        sent?;
        received?;
        Ok(())
    });
    while broker.event("statistics")["backend"]["sent_bytes"] != 5 {}
    broker.signal("INT");
    assert_eq!(broker.end().1, 0);
}

#[test]
fn peers_and_queues_are_told_too_and_what_nobody_took_is_counted() {
    let mut broker = Broker::start("pull-push", 2, &["--interval", "10"]);
    on_a_runtime(async {
        let context = Context::new();
        let push = PushSocket::new(&context)?;
        push.connect(broker.at("frontend"))?;
        for _ in 0..3 {
            push.send("hello").await?;
        }
        push.close().await;
        Ok(())
    });
    // One is in hand, two are in the pipe of the frontend.
    loop {
        let frontend = &broker.event("statistics")["frontend"];
        if frontend["received_queue"] == 2 {
            assert_eq!((&frontend["peers"], &frontend["connections"]), (&1.into(), &1.into()));
            assert!(frontend["received_queue_bytes"].as_u64() >= Some(10), "{frontend}");
            break;
        }
    }
    broker.signal("TERM");
    let (ended, code) = broker.end();
    assert_eq!((code, &ended["left_behind"]), (0, &3.into()), "{ended}");
}

/// What an HTTP server at this address answers to a request for a path.
fn http(url: &str) -> String {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn metrics_can_be_fetched() {
    let broker = Broker::start("pull-push", 3, &["--metrics", "127.0.0.1:0"]);
    on_a_runtime(async {
        let context = Context::new();
        let (push, pull) = (PushSocket::new(&context)?, PullSocket::new(&context)?);
        push.connect(broker.at("frontend"))?;
        pull.connect(broker.at("backend"))?;
        let (sent, received) = join!(push.send("hello"), pull.recv());
        sent?;
        received?;
        let answer = http(broker.at("metrics"));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        for sample in [
            "seaworthy_proxy_peers{end=\"frontend\"} 1",
            "seaworthy_proxy_sent_bytes_total{end=\"backend\"} 5",
            "seaworthy_proxy_connections_total{end=\"backend\"} 1",
        ] {
            assert!(answer.contains(&format!("\n{sample}\n")), "{sample}: {answer}");
        }
        Ok(())
    });
    broker.signal("TERM");
    assert_eq!(broker.end().1, 0);
}

#[test]
fn systemd_is_told_that_it_is_ready_lives_and_stops() {
    let name = format!("seaworthy-{}-notify", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let broker = Broker::start_with("pull-push", 2, &["--interval", "10"], |command| {
        command.env("NOTIFY_SOCKET", format!("@{name}")).env("WATCHDOG_USEC", "20000");
    });
    let wait_for = |socket: &UnixDatagram, words: &str| {
        let mut message = [0; 4096];
        loop {
            let count = socket.recv(&mut message).unwrap();
            if String::from_utf8_lossy(&message[..count]).contains(words) {
                break;
            }
        }
    };
    wait_for(&socket, "READY=1");
    wait_for(&socket, "WATCHDOG=1");
    wait_for(&socket, "STATUS=");
    broker.signal("TERM");
    wait_for(&socket, "STOPPING=1");
    drop(socket);
    assert_eq!(broker.end().1, 0);
}

#[test]
fn a_file_can_say_it_all_and_is_what_print_config_prints() {
    let file = std::env::temp_dir().join(format!("seaworthy-{}-broker.toml", std::process::id()));
    let frontend = "[frontend]\nbind = [\"tcp://127.0.0.1:*\"]\n[frontend.options]\nmaxmsgsize = \"1MiB\"\n";
    std::fs::write(&file, format!("kind = \"pair-pair\"\n{frontend}")).unwrap();
    let config = file.to_str().unwrap();
    let printed = Command::new(env!("CARGO_BIN_EXE_seaworthy"))
        .args(["proxy", "--config", config, "--backend", "tcp://127.0.0.1:*", "--json", "--print-config"])
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(
        printed.contains("kind = \"pair-pair\"") && printed.contains("maxmsgsize = 1048576"),
        "{printed}"
    );
    std::fs::write(&file, &printed).unwrap();
    let broker = Broker::start_with("pair-pair", 2, &["--config", config], |_| {});
    broker.signal("TERM");
    assert_eq!(broker.end().1, 0);

    std::fs::write(&file, "kind = \"pair-pair\"\nlinger = \"soon\"\n").unwrap();
    let (said, code) = refused(&["--config", config]);
    assert!(code == Some(2) && said.contains(config) && said.contains("line 2"), "{code:?} {said}");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_settings_in_the_docs_can_be_used() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
    let page = std::fs::read_to_string(format!("{docs}/PROXY.md")).unwrap();
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let file = std::env::temp_dir().join(format!("seaworthy-{}-docs.toml", std::process::id()));
    std::fs::write(&file, example).unwrap();
    for config in [file.to_str().unwrap(), &format!("{docs}/systemd/proxy.toml")] {
        let (said, code) = refused(&["--config", config, "--print-config"]);
        assert_eq!((code, &*said), (Some(0), ""), "{config}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_log_says_where_it_listens_and_obeys_its_filter() {
    for (variable, option, says) in [
        (None, None, true),
        (Some("warn"), None, false),
        (Some("info"), None, true),
        (Some("info"), Some("--log=error"), false),
        (Some("off"), Some("--log=info"), true),
    ] {
        let mut broker = Broker::start_with("pull-push", 2, option.as_slice(), |command| {
            match variable {
                Some(filter) => command.env("RUST_LOG", filter),
                None => command.env_remove("RUST_LOG"),
            };
            command.stderr(Stdio::piped());
        });
        broker.signal("TERM");
        let mut log = String::new();
        broker.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        let said = log.contains(&format!("frontend listens at {}", broker.at("frontend")));
        assert_eq!((said, log.contains("ended")), (says, says), "{variable:?} {option:?}: {log}");
        assert_eq!(broker.end().1, 0);
    }
    let (said, code) =
        refused(&["--frontend", "tcp://127.0.0.1:*", "--backend", "tcp://127.0.0.1:*", "--log", "a=b=c"]);
    assert!(code == Some(2) && said.contains("--log") && said.contains("a=b=c"), "{code:?} {said}");
}

#[test]
fn shells_can_complete() {
    for (shell, words) in
        [("bash", "complete -F"), ("zsh", "#compdef seaworthy"), ("fish", "complete -c seaworthy")]
    {
        let output =
            Command::new(env!("CARGO_BIN_EXE_seaworthy")).args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains(words) && script.contains("heartbeat-ivl"), "{shell}");
    }
}

/// What it says on standard error, and its exit code.
fn refused(arguments: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_seaworthy")).arg("proxy").args(arguments).output().unwrap();
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

#[test]
fn endpoints_that_cannot_be_bound_are_named() {
    let (said, code) = refused(&["--frontend", "tcp://127.0.0.1", "--backend", "tcp://127.0.0.1:*"]);
    assert!(code == Some(2) && said.contains("tcp://127.0.0.1"), "{code:?} {said}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", taken.local_addr().unwrap());
    let (said, code) = refused(&["--frontend", "tcp://127.0.0.1:*", "--backend", &endpoint]);
    assert!(code == Some(3) && said.contains(&endpoint), "{code:?} {said}");

    assert_eq!(said.matches(&endpoint).count(), 1, "named once: {said}");

    for end in ["--frontend", "--capture", "--control"] {
        let arguments =
            ["--frontend", "tcp://127.0.0.1:*", "--backend", "tcp://127.0.0.1:*", end, "inproc://a"];
        let (said, code) = refused(&arguments);
        assert!(
            code == Some(2) && said.contains("nobody can reach") && said.contains(end),
            "{code:?} {said}"
        );
        assert_eq!(said.matches("inproc://a").count(), 1, "named once: {said}");
    }

    let (said, code) = refused(&["--backend", "tcp://127.0.0.1:*"]);
    assert!(code == Some(2) && said.contains("--frontend"), "{code:?} {said}");

    let (said, code) =
        refused(&["--frontend", "tcp://127.0.0.1:*", "--backend", "tcp://127.0.0.1:*", "--batch", "0"]);
    assert!(code == Some(2) && said.contains("--batch"), "{code:?} {said}");
}

#[test]
fn a_reader_sees_where_it_listens_and_what_it_did() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_seaworthy"))
        .args([
            "proxy",
            "--frontend",
            "tcp://127.0.0.1:*",
            "--backend",
            "ipc://*",
            "--mode",
            "biased-backend,batched,pipelined",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = [String::new(), String::new()];
    for line in &mut lines {
        output.read_line(line).unwrap();
    }
    assert!(lines[0].starts_with("frontend listens at tcp://127.0.0.1:"), "{lines:?}");
    assert!(lines[1].starts_with("backend listens at ipc://"), "{lines:?}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "ended: 0 messages forward (0 B), 0 back (0 B)\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
