//! The log of a broker, on standard error.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use indicatif::ProgressBar;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use crate::problem::Problem;

/// What is logged unless somebody says otherwise.
const FILTER: &str = "info";

/// Begins to log what the first of these asks for that is given: the option, the variable RUST_LOG, the file. The lines
/// go around the bar, if there is one.
pub(crate) fn start(
    option: Option<&str>,
    file: Option<&str>,
    bar: Option<ProgressBar>,
) -> Result<(), Problem> {
    let variable = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty());
    let (source, filter) = match (option, &variable, file) {
        (Some(filter), ..) => ("--log", filter),
        (None, Some(filter), _) => (EnvFilter::DEFAULT_ENV, &**filter),
        (None, None, Some(filter)) => ("log", filter),
        (None, None, None) => ("the default", FILTER),
    };
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| Problem::Usage(format!("{source}: {filter:?} is not a filter: {error}")))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(move || Line { bar: bar.clone() });
    if is_journal() {
        log.event_format(Journal).init();
    } else {
        log.init();
    }
    Ok(())
}

/// Whether what goes to standard output can be read in the log already.
pub(crate) fn covers_output() -> bool {
    let place = |stream: &dyn AsFd| identity(stream).ok();
    tracing::enabled!(Level::INFO)
        && place(&io::stderr()).is_some_and(|log| place(&io::stdout()) == Some(log))
}

/// Whether standard error goes to journald, which dates its lines itself.
fn is_journal() -> bool {
    let stream = std::env::var("JOURNAL_STREAM").ok();
    let stream = stream.as_deref().and_then(|stream| stream.split_once(':'));
    stream.and_then(|(device, inode)| Some((device.parse().ok()?, inode.parse().ok()?)))
        == identity(&io::stderr()).ok()
        && stream.is_some()
}

/// The device and the inode behind a stream.
fn identity(stream: &dyn AsFd) -> io::Result<(u64, u64)> {
    let file = File::from(stream.as_fd().try_clone_to_owned()?).metadata()?;
    Ok((file.dev(), file.ino()))
}

/// Where a line is written: above the bar.
struct Line {
    bar: Option<ProgressBar>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.bar {
            Some(bar) => bar.suspend(|| io::stderr().write(bytes)),
            None => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Lines for journald: a priority in front, as sd-daemon(3) says, and no time.
struct Journal;

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        write!(writer, "{}{}: ", priority(*event.metadata().level()), event.metadata().target())?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// The priority of syslog.
const fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        Level::DEBUG | Level::TRACE => "<7>",
    }
}
