//! Shows where two traces part.

use std::path::Path;

use seaworthy_sim::trace::{Line, diff as divergence};

use crate::arguments::DiffOptions;
use crate::output::show;
use crate::problem::Problem;
use crate::trace::read;

pub(crate) fn diff(options: &DiffOptions) -> Result<u8, Problem> {
    let files = [&options.one, &options.other];
    let [one, other] = [lines(files[0])?, lines(files[1])?];
    let names = files.map(|file| file.display().to_string());
    let [first, second] = &names;
    match divergence::render([first, second], [&one, &other], options.context) {
        None => Ok(0),
        Some(text) => {
            show(&text)?;
            Ok(1)
        }
    }
}

fn lines(file: &Path) -> Result<Vec<Line>, Problem> {
    Line::read_all(&read(file)?).map_err(|source| Problem::Trace { file: file.to_owned(), source })
}
