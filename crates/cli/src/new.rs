//! Writes a scenario to start from.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use seaworthy_trial::scenario::Scenario;

use crate::arguments::NewOptions;
use crate::output::show;
use crate::problem::Problem;

pub(crate) fn new(options: &NewOptions) -> Result<u8, Problem> {
    let name = options.name.trim_end_matches(".toml");
    let text = Scenario::template(name);
    Scenario::parse(&options.name, &text).map_err(|_| {
        Problem::Usage(format!("{name:?} is not a name: a letter, then letters, digits, - and _"))
    })?;
    let folder = Path::new("scenarios");
    let file: PathBuf =
        if folder.is_dir() { folder.join(format!("{name}.toml")) } else { format!("{name}.toml").into() };
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => Problem::Usage(format!("{} exists already", file.display())),
        _ => Problem::Write { file: file.clone(), source },
    };
    let mut created = OpenOptions::new().write(true).create_new(true).open(&file).map_err(failed)?;
    created.write_all(text.as_bytes()).map_err(failed)?;
    show(&format!("{}\n", file.display()))?;
    Ok(0)
}
