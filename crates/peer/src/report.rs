//! The lines that the benchmark script waits for.

use std::fmt::Arguments;
use std::io::Write;

/// The network listens, or the connecting sockets exist.
pub(crate) fn ready() {
    line(format_args!("READY"));
}

/// The measurement, as one JSON object.
pub(crate) fn result(fields: &[(&str, f64)]) {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    line(format_args!("RESULT {{{}}}", fields.join(",")));
}

/// Writes a line and flushes it, because a pipe is not flushed line by line.
pub(crate) fn line(text: Arguments<'_>) {
    let mut output = std::io::stdout().lock();
    // When the script is gone nobody is left to tell.
    let _ = writeln!(output, "{text}").and_then(|()| output.flush());
}

/// A role or option that this implementation does not have.
#[derive(Debug, thiserror::Error)]
#[error("UNSUPPORTED {0}")]
pub(crate) struct Unsupported(pub(crate) String);
