//! Shows a trace.

use seaworthy_sim::trace::{Trace, columns, semantic};

use crate::arguments::TraceOptions;
use crate::problem::Problem;
use crate::show;

pub(crate) fn trace(options: &TraceOptions) -> Result<u8, Problem> {
    let file = &options.file;
    let text =
        std::fs::read_to_string(file).map_err(|source| Problem::Read { file: file.clone(), source })?;
    let trace = Trace::from_jsonl(&text).map_err(|source| Problem::Trace { file: file.clone(), source })?;
    let rendered =
        if options.lanes { semantic::render(&trace) } else { columns::render(&trace, options.wire) };
    show(&rendered)?;
    Ok(0)
}
