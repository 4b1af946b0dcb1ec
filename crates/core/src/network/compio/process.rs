//! Other processes, as far as /proc tells.

use std::fs;
use std::io;

/// The bit of SIGKILL in a mask of signals.
const SIGKILL: u64 = 1 << 8;

/// Set in the flags of a process that ends (`PF_EXITING`).
const EXITING: u64 = 0x4;

/// True when the process has ended, or is about to and cannot be kept from it: it was killed. Where that cannot be
/// told, it lives.
pub(super) fn is_ending(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => has_ended(&stat) || was_killed(pid),
        Err(error) => {
            error.kind() == io::ErrorKind::NotFound && fs::exists("/proc/self/stat").unwrap_or(false)
        }
    }
}

/// Reads the state and the flags, which follow the name in parentheses.
fn has_ended(stat: &str) -> bool {
    let Some((_, fields)) = stat.rsplit_once(") ") else { return false };
    let mut fields = fields.split(' ');
    let ended = matches!(fields.next(), Some("Z" | "X"));
    ended || fields.nth(5).and_then(|flags| flags.parse().ok()).is_some_and(|flags: u64| flags & EXITING != 0)
}

fn was_killed(pid: u32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { return false };
    status.lines().any(|line| {
        let pending = line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:"));
        let mask = pending.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask & SIGKILL != 0)
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_is_ending_from_when_it_is_killed_until_long_after() {
        assert!(!is_ending(std::process::id()));
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        assert!(!is_ending(child.id()));
        child.kill().unwrap();
        assert!(is_ending(child.id()), "killed");
        child.wait().unwrap();
        assert!(is_ending(child.id()), "gone");
    }
}
