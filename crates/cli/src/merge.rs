//! Puts what shards explored together.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use seaworthy_trial::explore::{Sweep, Sweeps, Tally, files, read};
use seaworthy_trial::run::Verdict;
use seaworthy_trial::scenario::BackendName;

use crate::arguments::MergeOptions;
use crate::explore::{Ours, all};
use crate::junit;
use crate::output::show;
use crate::problem::Problem;
use crate::verdict::Judged;

/// A journal, and the sweep it ended with.
struct Source {
    file: PathBuf,
    folder: PathBuf,
    sweep: Sweep,
    /// Whether it ended by itself.
    ended: bool,
}

pub(crate) fn merge(options: &MergeOptions) -> Result<u8, Problem> {
    let sources = sources(&options.folders)?;
    let Some(first) = sources.first() else {
        return Err(Problem::Usage("there is nothing to merge".to_owned()));
    };
    for other in &sources {
        one_sweep(first, other)?;
    }
    let mut tally = Tally::new(&first.sweep.scenarios);
    // What was made, by which build, and how it went.
    let mut seen: BTreeMap<(usize, u64, BackendName), (&str, u64)> = BTreeMap::new();
    for source in &sources {
        let build = source.sweep.build.as_str();
        let ours = Ours::of(&source.sweep);
        read(&source.file, |mut run| {
            let Some(key) = ours.key(&run) else { return };
            run.replay = run.replay.map(|file| source.folder.join(file).display().to_string());
            let audit = u64::from_str_radix(&run.audit, 16).unwrap_or_default();
            match seen.get(&key) {
                None => {
                    seen.insert(key, (build, audit));
                    tally.add(&run);
                }
                // The same program made the same run in two processes.
                Some((by, other)) if *by == build && *other != audit => {
                    let problem = "two processes made two different runs of one seed";
                    run.verdict = Verdict::Nondeterministic;
                    run.check = Some("determinism".to_owned());
                    run.fingerprint = Some(format!("determinism: {problem}"));
                    run.reasons =
                        vec![format!("determinism: {problem}: audit {other:016x} against {audit:016x}")];
                    tally.add(&run);
                }
                Some(_) => {}
            }
        })
        .map_err(Problem::Journal)?;
    }

    let sweep = Sweep { runs: all(&first.sweep), ..first.sweep.clone() };
    let judged = Judged {
        tally: &tally,
        sweep: &sweep,
        folder: "".as_ref(),
        smallest: BTreeMap::new(),
        coverage: true,
    };
    if let Some(file) = &options.junit {
        junit::write(file, &judged)?;
    }
    if options.json {
        show(&judged.summary())?;
    } else {
        show(&judged.text(|_| None))?;
    }
    let found = seen.len() as u64;
    let absent = absent(&sources);
    let cut_off: Vec<_> = sources.iter().filter(|source| !source.ended).collect();
    if found < sweep.runs {
        let mut why: Vec<String> = absent.iter().map(|shard| format!("shard {shard} is missing")).collect();
        why.extend(cut_off.iter().map(|source| format!("{} was cut off", source.file.display())));
        let all = if why.is_empty() { "the time was over".to_owned() } else { why.join(", ") };
        let text = format!("{found} of {} runs made: {all}\n", sweep.runs);
        if !why.is_empty() && judged.exit_code() == 0 {
            return Err(Problem::Machinery(text.trim_end().to_owned()));
        }
        if !options.json {
            show(&text)?;
        }
    }
    Ok(judged.exit_code())
}

/// Every journal in these folders.
fn sources(folders: &[PathBuf]) -> Result<Vec<Source>, Problem> {
    let mut sources = Vec::new();
    for folder in folders {
        let found = files(folder).map_err(Problem::Journal)?;
        if found.is_empty() {
            return Err(Problem::Usage(format!("there are no results in {}", folder.display())));
        }
        for file in found {
            let Sweeps { last, ended } = read(&file, |_| {}).map_err(Problem::Journal)?;
            // A process that was killed before its first line wrote nothing.
            let Some(sweep) = last else { continue };
            sources.push(Source { file, folder: folder.clone(), sweep, ended: ended.is_some() });
        }
    }
    Ok(sources)
}

/// Refuses journals of different sweeps.
fn one_sweep(one: &Source, other: &Source) -> Result<(), Problem> {
    let (a, b) = (&one.sweep, &other.sweep);
    let differs = |what: &str, this: String, that: String| {
        let (one, other) = (one.file.display(), other.file.display());
        Err(Problem::Usage(format!(
            "{one} and {other} are not of one sweep: {what} {this} there and {that} here"
        )))
    };
    if (a.first, a.end) != (b.first, b.end) {
        return differs(
            "the seeds are",
            format!("{}..{}", a.first, a.end),
            format!("{}..{}", b.first, b.end),
        );
    }
    if a.version != b.version {
        return differs("the version is", a.version.clone(), b.version.clone());
    }
    if a.swarm != b.swarm || a.on != b.on {
        let how = |sweep: &Sweep| {
            let on: Vec<_> = sweep.on.iter().map(ToString::to_string).collect();
            format!("{} on {}", if sweep.swarm { "in part" } else { "whole" }, on.join(" and "))
        };
        return differs("scenarios run", how(a), how(b));
    }
    if let Some((text, _)) = a.scenarios.iter().zip(&b.scenarios).find(|(text, other)| text != other) {
        return differs("the scenarios differ, from", text.name.clone(), "another text".to_owned());
    }
    if a.scenarios.len() != b.scenarios.len() {
        let count = |sweep: &Sweep| format!("{} scenarios", sweep.scenarios.len());
        return differs("there are", count(a), count(b));
    }
    Ok(())
}

/// The shards of which there is no journal.
fn absent(sources: &[Source]) -> Vec<String> {
    let shards: BTreeSet<(u64, u64)> = sources
        .iter()
        .filter_map(|source| source.sweep.shard.parse::<seaworthy_trial::explore::Shard>().ok())
        .map(|shard| (shard.count(), shard.index()))
        .collect();
    let Some(&(count, _)) = shards.first() else { return Vec::new() };
    (0..count)
        .filter(|index| !shards.contains(&(count, *index)))
        .map(|index| format!("{index}/{count}"))
        .collect()
}
