//! `seaworthy proxy`, from the outside: a process with clients and workers around it, signals, commands and errors.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

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
        let mut child = Command::new(env!("CARGO_BIN_EXE_seaworthy"))
            .args(["proxy", "--json", "--kind", kind])
            .args(["--frontend", "tcp://127.0.0.1:*", "--backend", "tcp://127.0.0.1:*"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
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
