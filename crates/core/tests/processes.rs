//! Endpoints that processes contend for, and those of processes that were killed.

use std::env;
use std::io::{self, BufRead, BufReader, ErrorKind, Lines, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use compio::runtime::Runtime;
use seaworthy_core::{CompioNetwork, Endpoint, IpcPath, Listener, Network, StreamOptions};

/// Set for a process that is a child of a test.
const CHILD: &str = "SEAWORTHY_TEST_CHILD";

/// What children say begins with this; the test harness of theirs prints lines, too.
const SAYS: &str = "child: ";

/// This program as another process. It listens where it is told to, and no more when it is told to stop.
struct Process {
    child: Child,
    orders: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start() -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "the_child_of_a_test", "--nocapture"])
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, orders, says }
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    fn says(&mut self) -> String {
        loop {
            let line = self.says.next().expect("the child ended").unwrap();
            // The first comes behind what the harness prints without a newline.
            if let Some((_, said)) = line.split_once(SAYS) {
                return said.to_owned();
            }
        }
    }

    fn listen(&mut self, endpoint: &Endpoint) -> Endpoint {
        self.order(&endpoint.to_string());
        self.says().strip_prefix("listening ").expect("it should listen").parse().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No test, but what a [`Process`] runs.
#[test]
fn the_child_of_a_test() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    Runtime::new().unwrap().block_on(async {
        let network = CompioNetwork::new();
        let mut listener = None;
        for order in io::stdin().lock().lines() {
            let order = order.unwrap();
            if order == "stop" {
                listener = None;
                println!("{SAYS}stopped");
                continue;
            }
            match network.listen(&order.parse().unwrap(), &StreamOptions::default()) {
                Ok(bound) => {
                    // An accept is in flight, if there is such a thing.
                    let mut accept = Box::pin(bound.accept());
                    let soon = compio::time::sleep(Duration::from_millis(1));
                    futures_util::future::select(&mut accept, Box::pin(soon)).await;
                    drop(accept);
                    println!("{SAYS}listening {}", bound.local_endpoint());
                    listener = Some(bound);
                }
                Err(error) => println!("{SAYS}failed {:?} {error}", error.kind()),
            }
        }
        drop(listener);
    });
}

/// Lets processes bind one path at once, `rounds` times; `prepare` puts there what they find.
fn race(name: &str, contenders: usize, rounds: usize, prepare: impl Fn(&Endpoint)) {
    let path = env::temp_dir().join(format!("seaworthy-{name}-{}", std::process::id()));
    let endpoint = Endpoint::ipc_file(&path);
    let mut processes: Vec<_> = (0..contenders).map(|_| Process::start()).collect();
    for round in 0..rounds {
        prepare(&endpoint);
        processes.iter_mut().for_each(|process| process.order(&endpoint.to_string()));
        let says: Vec<_> = processes.iter_mut().map(Process::says).collect();
        let (won, lost): (Vec<_>, Vec<_>) = says.iter().partition(|says| says.starts_with("listening"));
        assert_eq!(won.len(), 1, "round {round}: {says:?}");
        assert!(lost.iter().all(|says| says.starts_with("failed AddrInUse")), "round {round}: {says:?}");
        UnixStream::connect(&path).unwrap();
        processes.iter_mut().for_each(|process| process.order("stop"));
        processes.iter_mut().for_each(|process| assert_eq!(process.says(), "stopped"));
        assert!(!path.exists(), "round {round}: left behind");
    }
}

fn leave_stale(endpoint: &Endpoint) {
    let Endpoint::Ipc(IpcPath::File(path)) = endpoint else { panic!("no file") };
    drop(UnixListener::bind(path).unwrap());
    // A child of another test that was forked just now has the listener, too, until it calls exec.
    while UnixStream::connect(path).is_ok() {}
}

#[test]
fn of_processes_that_bind_a_stale_file_at_once_one_succeeds() {
    race("processes", 3, 300, leave_stale);
}

#[test]
fn of_processes_that_bind_where_no_file_is_one_succeeds() {
    race("fresh", 2, 300, |_| {});
}

#[test]
fn what_a_killed_process_held_can_be_bound_at_once() {
    let path = env::temp_dir().join(format!("seaworthy-killed-{}", std::process::id()));
    let name = Endpoint::Ipc(IpcPath::Abstract(format!("seaworthy-killed-{}", std::process::id())));
    let network = CompioNetwork::new();
    Runtime::new().unwrap().block_on(async {
        for place in ["tcp://127.0.0.1:*".parse().unwrap(), Endpoint::ipc_file(&path), name] {
            for round in 0..10 {
                let mut process = Process::start();
                let endpoint = process.listen(&place);
                let options = StreamOptions::default();
                // With a connection.
                let _connected = network.connect(&endpoint, &options).await.unwrap();
                process.child.kill().unwrap();
                network
                    .listen(&endpoint, &options)
                    .unwrap_or_else(|error| panic!("{endpoint}, {round}: {error}"));
            }
        }
    });
}

#[test]
fn what_a_living_process_holds_is_in_use() {
    let path = env::temp_dir().join(format!("seaworthy-living-{}", std::process::id()));
    let mut process = Process::start();
    let network = CompioNetwork::new();
    Runtime::new().unwrap().block_on(async {
        for place in ["tcp://127.0.0.1:*".parse().unwrap(), Endpoint::ipc_file(&path)] {
            let endpoint = process.listen(&place);
            let error = network.listen(&endpoint, &StreamOptions::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AddrInUse);
            if let Endpoint::Ipc(_) = place {
                let pid = process.child.id();
                assert!(error.to_string().contains(&format!("process {pid} listens")), "{error}");
            }
            process.order("stop");
            assert_eq!(process.says(), "stopped");
        }
    });
}
