//! What processes use: processor time and memory of whole process groups.
//!
//! One pass over `/proc` serves all groups that are asked for. Memory is what is resident; pages
//! that several processes share count for each, since telling them apart costs a walk over every
//! mapping. Source: proc(5), `/proc/PID/stat`.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

/// What the processes of a group use together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Processor time so far, user and system, of living processes and of those that they reaped.
    /// Falls when a process ends that is not reaped by another one of its group.
    pub cpu: Duration,
    /// Resident memory.
    pub memory_bytes: u64,
    /// Processes.
    pub processes: u32,
}

/// What each of `groups` uses at this moment; groups without a process are left out. Reads the
/// state of every process of the machine: a few microseconds for each.
pub fn usage_of(groups: &[u32]) -> HashMap<u32, Usage> {
    let mut usage: HashMap<u32, Usage> = HashMap::new();
    let Ok(entries) = fs::read_dir("/proc") else { return usage };
    let ticks_per_second = rustix::param::clock_ticks_per_second().max(1);
    let page_bytes = rustix::param::page_size() as u64;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is_process = name.as_encoded_bytes().first().is_some_and(u8::is_ascii_digit);
        if !is_process {
            continue;
        }
        // A process may end between the listing and the reading.
        let Ok(text) = fs::read(entry.path().join("stat")) else { continue };
        let Some(stat) = Stat::parse(&text) else { continue };
        if groups.contains(&stat.group) {
            let total = usage.entry(stat.group).or_default();
            let milliseconds = stat.ticks.saturating_mul(1000) / ticks_per_second;
            total.cpu = total.cpu.saturating_add(Duration::from_millis(milliseconds));
            let bytes = stat.resident_pages.saturating_mul(page_bytes);
            total.memory_bytes = total.memory_bytes.saturating_add(bytes);
            total.processes += 1;
        }
    }
    usage
}

/// The fields of `/proc/PID/stat` that matter here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    group: u32,
    ticks: u64,
    resident_pages: u64,
}

impl Stat {
    /// The second field is the program's name in parentheses and may hold anything, parentheses and
    /// spaces too, so fields are counted from the last closing one.
    fn parse(text: &[u8]) -> Option<Self> {
        let end = text.iter().rposition(|byte| *byte == b')')?;
        let text = std::str::from_utf8(text.get(end + 1..)?).ok()?;
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        // The first one after the name is number 3 of the manual.
        let field = |number: usize| fields.get(number - 3);
        let number =
            |n: usize| field(n)?.parse::<i64>().ok().map(|n| u64::try_from(n).unwrap_or(0));
        let ticks = [14, 15, 16, 17].into_iter().map(number).sum::<Option<u64>>()?;
        let group = u32::try_from(number(5)?).ok()?;
        Some(Self { group, ticks, resident_pages: number(24)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_the_program_is_called() {
        for name in ["sh", "a b) R 1 2 (c", "", "\u{fc}"] {
            let text = format!(
                "77 ({name}) S 1 70 70 0 -1 4194560 100 0 0 0 5 7 2 1 20 0 1 0 100 1000 42 1844\n"
            );
            let stat = Stat::parse(text.as_bytes());
            assert_eq!(stat, Some(Stat { group: 70, ticks: 15, resident_pages: 42 }), "{name:?}");
        }
    }

    #[test]
    fn what_is_no_state_is_passed_over() {
        for text in ["", "77 (sh", "77 (sh) S 1", "77 (sh) S 1 x 70 0 -1 4194560 100 0 0 0 5 7"] {
            assert_eq!(Stat::parse(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn this_process_uses_memory_and_an_unknown_group_is_left_out() {
        let own = rustix::process::getpgrp().as_raw_nonzero().get().cast_unsigned();
        let usage = usage_of(&[own, u32::MAX]);
        assert!(usage[&own].memory_bytes > 0 && usage[&own].processes > 0, "{usage:?}");
        assert_eq!(usage.len(), 1);
    }
}
