//! The journal of a sweep: JSON lines in a folder, one for each finished run, written as soon as it is finished.
//!
//! Whoever is killed loses the runs that were under way and nothing else. A line that was cut off is no run: reading
//! passes over it, and writing removes it first. Shards write files of their own, so that they can share a folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::record::{Ended, Line, RunRecord, Sweep};
use super::shard::Shard;

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BadJournal {
    /// The file system refuses.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file or folder.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes it.
    #[error("{} is being written by another process that explores the same shard", .0.display())]
    Busy(PathBuf),
    /// A line is none of a journal, and not because it was cut off.
    #[error("{}:{line}: not a line of a journal: {problem}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// A journal that is open for writing.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Opens the journal of a shard in `folder`, which is made if it does not exist, and keeps others out.
    ///
    /// # Errors
    /// When another process has it open, or it cannot be written.
    pub fn open(folder: &Path, shard: Shard) -> Result<Self, BadJournal> {
        std::fs::create_dir_all(folder)
            .map_err(|source| BadJournal::Io { file: folder.to_owned(), source })?;
        let name = match shard {
            Shard::WHOLE => "results.jsonl".to_owned(),
            shard => format!("results-{}-of-{}.jsonl", shard.index(), shard.count()),
        };
        let path = folder.join(name);
        let failed = |source| BadJournal::Io { file: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BadJournal::Busy(path)),
            // Some network file systems have no locks; two processes on one shard are the user's mistake.
            Err(TryLockError::Error(_)) => {}
        }
        let whole = whole_lines(&file).map_err(failed)?;
        file.set_len(whole).and_then(|()| file.seek(SeekFrom::End(0))).map_err(failed)?;
        Ok(Self { file, path })
    }

    /// Adds a line. It is with the operating system when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, line: &Line) -> Result<(), BadJournal> {
        let failed = |source| BadJournal::Io { file: self.path.clone(), source };
        let mut text = serde_json::to_string(line).map_err(|error| failed(error.into()))?;
        text.push('\n');
        // In one piece, so that a kill leaves at most one line cut off.
        self.file.write_all(text.as_bytes()).map_err(failed)
    }
}

/// Length of the lines that have an end.
fn whole_lines(file: &File) -> io::Result<u64> {
    let mut reader = BufReader::new(file);
    let (mut whole, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if length == 0 || line.last() != Some(&b'\n') {
            return Ok(whole);
        }
        whole += length as u64;
    }
}

/// The journals in a folder, in order; none when the folder does not exist.
///
/// # Errors
/// When it cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, BadJournal> {
    let failed = |source| BadJournal::Io { file: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("results") && name.ends_with(".jsonl") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// What a journal says about its sweeps: the last one, and whether it came to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweeps {
    /// The last beginning.
    pub last: Option<Sweep>,
    /// How it ended, unless it was cut off.
    pub ended: Option<Ended>,
}

/// Reads a journal from its beginning and hands every run to `each`.
///
/// # Errors
/// When it cannot be read, or has a line that is none of a journal. A last line without an end was cut off and is
/// passed over.
pub fn read(file: &Path, mut each: impl FnMut(RunRecord)) -> Result<Sweeps, BadJournal> {
    let failed = |source| BadJournal::Io { file: file.to_owned(), source };
    let mut reader = BufReader::new(File::open(file).map_err(failed)?);
    let mut sweeps = Sweeps::default();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        reader.read_until(b'\n', &mut line).map_err(failed)?;
        if line.last() != Some(&b'\n') {
            break;
        }
        match serde_json::from_slice(&line) {
            Ok(Line::Sweep(sweep)) => sweeps = Sweeps { last: Some(sweep), ended: None },
            Ok(Line::Run(run)) => each(run),
            Ok(Line::End(ended)) => sweeps.ended = Some(ended),
            Err(error) => {
                let problem = error.to_string();
                return Err(BadJournal::Line { file: file.to_owned(), line: number, problem });
            }
        }
    }
    Ok(sweeps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Verdict;
    use crate::scenario::BackendName;

    /// A fresh folder, gone afterwards.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            Self(std::env::temp_dir().join(format!("seaworthy-journal-{test}-{}", std::process::id())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn run(seed: u64) -> Line {
        Line::Run(RunRecord {
            of: "f".into(),
            scenario: "storm".into(),
            seed,
            on: BackendName::Warp,
            off: vec!["no cut".into()],
            verdict: Verdict::Passed,
            check: None,
            fingerprint: None,
            reasons: Vec::new(),
            reached: vec!["progressed".into()],
            audit: "a".into(),
            events: 1,
            twice: true,
            simulated_s: 1.5,
            real_s: 0.25,
            replay: None,
        })
    }

    fn seeds(file: &Path) -> Vec<u64> {
        let mut seeds = Vec::new();
        read(file, |run| seeds.push(run.seed)).unwrap();
        seeds
    }

    #[test]
    fn a_line_that_was_cut_off_is_passed_over_and_then_written_over() {
        let folder = Folder::new("cut");
        let file = folder.0.join("results.jsonl");
        let mut journal = Journal::open(&folder.0, Shard::WHOLE).unwrap();
        for seed in 0..3 {
            journal.write(&run(seed)).unwrap();
        }
        drop(journal);
        let length = std::fs::metadata(&file).unwrap().len();
        OpenOptions::new().write(true).open(&file).unwrap().set_len(length - 5).unwrap();
        assert_eq!(seeds(&file), [0, 1]);
        let mut journal = Journal::open(&folder.0, Shard::WHOLE).unwrap();
        journal.write(&run(7)).unwrap();
        assert_eq!(seeds(&file), [0, 1, 7]);
    }

    #[test]
    fn a_line_reads_back_as_it_was_written() {
        let folder = Folder::new("same");
        let mut journal = Journal::open(&folder.0, Shard::new(1, 4).unwrap()).unwrap();
        journal.write(&run(3)).unwrap();
        let found = files(&folder.0).unwrap();
        assert_eq!(found, [folder.0.join("results-1-of-4.jsonl")]);
        let mut runs = Vec::new();
        assert_eq!(read(&found[0], |run| runs.push(Line::Run(run))).unwrap(), Sweeps::default());
        assert_eq!(runs, [run(3)]);
    }

    #[test]
    fn one_process_writes_a_journal_at_a_time() {
        let folder = Folder::new("busy");
        let journal = Journal::open(&folder.0, Shard::WHOLE).unwrap();
        assert!(matches!(Journal::open(&folder.0, Shard::WHOLE), Err(BadJournal::Busy(_))));
        Journal::open(&folder.0, Shard::new(0, 2).unwrap()).unwrap();
        drop(journal);
        Journal::open(&folder.0, Shard::WHOLE).unwrap();
    }

    #[test]
    fn a_line_that_is_none_of_a_journal_is_named() {
        let folder = Folder::new("foreign");
        let mut journal = Journal::open(&folder.0, Shard::WHOLE).unwrap();
        journal.write(&run(0)).unwrap();
        journal.file.write_all(b"{\"line\":\"song\"}\n").unwrap();
        let error = read(&folder.0.join("results.jsonl"), |_| {}).unwrap_err().to_string();
        assert!(error.contains("results.jsonl:2: not a line of a journal"), "{error}");
    }

    #[test]
    fn a_folder_that_does_not_exist_has_no_journal() {
        assert_eq!(files(Path::new("/nowhere/at/all")).unwrap(), [""; 0].map(PathBuf::from));
    }
}
