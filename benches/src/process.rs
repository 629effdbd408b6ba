//! CPU and memory of processes, as Linux tells them.
//!
//! A figure that cannot be read (another system, a process that is gone) is `None`, and the report leaves it out.

use std::fs;

/// Linux tells CPU time in hundredths of a second, whatever the kernel's own clock.
const TICK_US: u64 = 10_000;

/// The CPU time that a process has used so far, in user and kernel mode, in microseconds.
#[must_use]
pub fn cpu_us(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    cpu_us_of(&text)
}

fn cpu_us_of(stat: &str) -> Option<u64> {
    // The second field is the program's name in parentheses, which may have spaces and parentheses itself.
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((number(11)? + number(12)?) * TICK_US)
}

/// The CPU time of several processes together, in microseconds; `None` when one of them cannot be read.
#[must_use]
pub fn cpu_us_sum(pids: &[u32]) -> Option<u64> {
    pids.iter().map(|pid| cpu_us(*pid)).sum()
}

/// The resident memory of a process, in bytes.
#[must_use]
pub fn resident_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    resident_bytes_of(&text)
}

fn resident_bytes_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// The resident memory of several processes together, in bytes; `None` when one of them cannot be read.
#[must_use]
pub fn resident_bytes_sum(pids: &[u32]) -> Option<u64> {
    pids.iter().map(|pid| resident_bytes(*pid)).sum()
}

/// What the whole machine has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MachineTime {
    /// CPU time used by anyone, in microseconds.
    pub busy_us: u64,
    /// CPU time that the machine's host gave to others, in microseconds.
    pub stolen_us: u64,
}

/// The machine's CPU time.
#[must_use]
pub fn machine_time() -> Option<MachineTime> {
    machine_time_of(&fs::read_to_string("/proc/stat").ok()?)
}

fn machine_time_of(stat: &str) -> Option<MachineTime> {
    let numbers: Vec<u64> = stat
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    let busy: u64 = [0, 1, 2, 5, 6]
        .iter()
        .map(|index| numbers.get(*index))
        .sum::<Option<u64>>()?;
    Some(MachineTime {
        busy_us: busy * TICK_US,
        stolen_us: numbers.get(7)? * TICK_US,
    })
}

/// How many processes wanted to run in the last minute, on average.
#[must_use]
pub fn load_average() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_past_a_name_with_spaces_and_parentheses() {
        let stat = "17 (a (b) c) S 1 17 17 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 3 0 12345 1000 200 18446744073709551615";
        assert_eq!(cpu_us_of(stat), Some(3_000_000));
        assert_eq!(cpu_us_of("17 (cut"), None);
        assert_eq!(cpu_us_of("17 (short) S 1"), None);
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(
            resident_bytes_of("Name:\tx\nVmRSS:\t  2048 kB\n"),
            Some(2_097_152)
        );
        assert_eq!(resident_bytes_of("Name:\tx\n"), None);
    }

    #[test]
    fn the_machine_is_busy_with_all_but_waiting() {
        let stat = "cpu  10 20 30 4000 500 6 7 8 9 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n";
        let time = machine_time_of(stat).unwrap();
        assert_eq!(
            time,
            MachineTime {
                busy_us: 730_000,
                stolen_us: 80_000
            }
        );
    }

    #[test]
    fn a_process_that_is_not_there_has_no_figures() {
        assert_eq!(cpu_us_sum(&[std::process::id(), u32::MAX]), None);
        assert_eq!(resident_bytes(u32::MAX), None);
        assert_eq!(cpu_us_sum(&[]), Some(0));
    }
}
