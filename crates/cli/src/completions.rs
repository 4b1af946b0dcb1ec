//! `seaworthy completions`: scripts that complete command lines in a shell.

use clap::CommandFactory;

use crate::arguments::{Arguments, CompletionsOptions};
use crate::output::show;
use crate::problem::Problem;

pub(crate) fn completions(options: &CompletionsOptions) -> Result<u8, Problem> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "seaworthy", &mut script);
    show(&String::from_utf8_lossy(&script)).map(|()| 0)
}
