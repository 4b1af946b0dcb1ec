//! Standard output.

use std::io::{self, Write};

use crate::problem::Problem;

/// Writes to standard output.
pub(crate) fn show(text: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Problem::Output)
}
