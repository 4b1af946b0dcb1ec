//! `seaworthy`: runs scenarios of ZeroMQ sockets on a simulated network, and shows what happened; and runs a broker
//! on the real one.
//!
//! Exit codes: 0 all passed, 1 a check failed, 2 bad usage or a bad scenario, 3 the machinery failed,
//! 4 nondeterminism, 5 a hang.

mod arguments;
mod completions;
mod diff;
mod doctor;
mod explore;
mod gauge;
mod github;
mod invocation;
mod jobs;
mod junit;
mod list;
mod merge;
mod new;
mod output;
mod pool;
mod problem;
mod progress;
mod proxy;
mod replay;
mod report;
mod run;
mod shrink;
mod trace;
mod verdict;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use seaworthy_trial::scenario::Scenario;

use self::arguments::{Arguments, Command};
use self::output::show;
use self::problem::Problem;

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Explore(options) => explore::explore(&options),
        Command::Merge(options) => merge::merge(&options),
        Command::Shrink(options) => shrink::shrink(&options),
        Command::Replay(options) => replay::replay(&options),
        Command::List(options) => list::list(&options),
        Command::New(options) => new::new(&options),
        Command::Schema => show(&format!("{:#}\n", Scenario::schema())).map(|()| 0),
        Command::Doctor(options) => doctor::doctor(&options),
        Command::Proxy(options) => proxy::run(&options),
        Command::Completions(options) => completions::completions(&options),
        Command::Trace(options) => trace::trace(&options),
        Command::Diff(options) => diff::diff(&options),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        // Whoever closed our output has seen enough.
        Err(Problem::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(io::stderr(), "error: {problem}");
            ExitCode::from(problem.exit_code())
        }
    }
}
