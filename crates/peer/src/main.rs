//! One process of a benchmark: `seaworthy-peer ROLE --endpoint E --size N --count M …`.
//!
//! The same command line and output exist for other ZeroMQ implementations, so that a script can start any
//! of them as separate processes and compare. A role that binds prints `READY` once it listens; a role that
//! measures prints one line `RESULT {json}` and exits; the others run until they are killed. A role that does
//! not exist prints `UNSUPPORTED why` and exits with status 3.

mod arguments;
mod forwarding;
mod inproc;
mod meter;
mod neighbours;
mod pipeline;
mod publish_subscribe;
mod report;
mod request_reply;

use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;

use seaworthy::{Context, Options};

use crate::arguments::Arguments;

/// How every role ends: with its result printed, if it has one.
type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("seaworthy-peer: {error}");
            return ExitCode::from(2);
        }
    };
    let outcome = seaworthy::runtime()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(async { run(&Peer::new(arguments)).await }));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<report::Unsupported>() => {
            report::line(format_args!("{error}"));
            ExitCode::from(3)
        }
        Err(error) => {
            eprintln!("seaworthy-peer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(peer: &Peer) -> Outcome {
    match peer.arguments.role.as_str() {
        "push" => pipeline::push(peer).await,
        "pull" => pipeline::pull(peer).await,
        "dealer" => pipeline::dealer(peer).await,
        "router" => pipeline::router(peer).await,
        "dealer_sink" => pipeline::dealer_sink(peer).await,
        "idle_server" => pipeline::idle_server(peer).await,
        "req" => request_reply::req(peer).await,
        "rep" => request_reply::rep(peer).await,
        "dealer_echo" => request_reply::dealer_echo(peer).await,
        "router_echo" => request_reply::router_echo(peer).await,
        "proxy" => forwarding::forward(peer).await,
        "pub" => publish_subscribe::publish(peer, publish_subscribe::Side::Binds).await,
        "pub_connect" => publish_subscribe::publish(peer, publish_subscribe::Side::Connects).await,
        "sub" => publish_subscribe::subscribe(peer).await,
        "inproc" => inproc::run(peer).await,
        "neighbours" => neighbours::run(peer).await,
        role => Err(report::Unsupported(format!("role {role}")).into()),
    }
}

/// What every role starts from.
#[derive(Clone)]
struct Peer {
    arguments: Arguments,
    context: Context,
}

impl Peer {
    fn new(arguments: Arguments) -> Self {
        Self { arguments, context: Context::new() }
    }

    /// The defaults, but for what `--opt hwm=N` and `--opt busy_poll=N` say.
    fn options(&self) -> Options {
        let mut options = Options::default();
        if let Some(limit) = self.arguments.busy_poll {
            options = options.busy_poll(limit);
        }
        match self.arguments.high_water_mark {
            Some(messages) => options.sndhwm(messages).rcvhwm(messages),
            None => options,
        }
    }
}

/// Keeps the sockets of a role alive until the process is killed.
async fn run_until_killed() -> Outcome {
    match std::future::pending::<Infallible>().await {}
}
