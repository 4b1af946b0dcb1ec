//! Which names the hosts file has. It is a hint, for which name to look up first; their addresses come from the
//! system's resolver.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;

const HOSTS: &str = "/etc/hosts";

/// What is read of the file. Lists of names to block are longer than what is needed here.
const HOSTS_BYTES_MAX: u64 = 1 << 20;

/// The names of the hosts file, as it was when it was last read.
#[derive(Default)]
pub(super) struct Hosts {
    names: BTreeSet<String>,
    /// Inode, length, seconds and nanoseconds of the last change.
    version: Option<(u64, u64, i64, i64)>,
}

impl Hosts {
    /// True when the file has `name`, or it [is](is_this_host) this host's without one.
    pub(super) fn has(&mut self, name: &str) -> bool {
        let name = plain(name);
        if is_this_host(&name) {
            return true;
        }
        self.refresh();
        self.names.contains(&name)
    }

    fn refresh(&mut self) {
        let version =
            fs::metadata(HOSTS).ok().map(|file| (file.ino(), file.len(), file.ctime(), file.ctime_nsec()));
        if version == self.version {
            return;
        }
        self.version = version;
        let mut text = Vec::new();
        let read = File::open(HOSTS).and_then(|file| file.take(HOSTS_BYTES_MAX).read_to_end(&mut text));
        self.names = if read.is_ok() { names(&String::from_utf8_lossy(&text)) } else { BTreeSet::new() };
    }
}

/// True for the names that always mean this host (RFC 6761).
pub(super) fn is_this_host(name: &str) -> bool {
    let name = plain(name);
    name == "localhost" || name.ends_with(".localhost")
}

/// Without the dot at its end, in small letters.
fn plain(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// Each line is an address and its names.
fn names(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(line, _)| line));
    lines.flat_map(|line| line.split_whitespace().skip(1)).map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_address_and_its_names() {
        let names =
            names("127.0.0.1 Localhost # the host\n\n#10.0.0.1 gone\n10.0.0.2\tdb db.example\n10.0.0.3\n");
        assert!(names.iter().eq(["db", "db.example", "localhost"]), "{names:?}");
    }

    #[test]
    fn names_of_this_host_need_no_file() {
        assert!(Hosts::default().has("LOCALHOST."));
        assert!(Hosts::default().has("app.localhost"));
        assert!(!Hosts::default().has("no-such-host.invalid"));
    }
}
