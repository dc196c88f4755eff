//! What the kernel says of a process.

use anyhow::{Context, Result};
use std::time::Duration;

/// The kernel counts processor time of a process in hundredths of a second.
const TICK_MS: u64 = 10;

/// The time that all threads of a process had on a processor.
pub fn cpu(id: u32) -> Result<Duration> {
    times(id, 11)
}

/// The time that the ended children of this process had.
pub fn cpu_of_children() -> Result<Duration> {
    times(std::process::id(), 13)
}

/// Two neighbouring counters of `/proc/ID/stat`, user and system; `from` counts from the field after the name.
fn times(id: u32, from: usize) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).context("the process has ended")?;
    let (_, after_name) = stat.rsplit_once(')').context("unexpected /proc/ID/stat")?;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks =
        |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    Ok(Duration::from_millis((ticks(from) + ticks(from + 1)) * TICK_MS))
}

/// The time that this thread had on a processor.
pub fn cpu_of_this_thread() -> Result<Duration> {
    let stat =
        std::fs::read_to_string("/proc/thread-self/schedstat").context("no /proc/thread-self/schedstat")?;
    let nanos = stat.split_whitespace().next().and_then(|text| text.parse().ok());
    nanos.map(Duration::from_nanos).context("unexpected /proc/thread-self/schedstat")
}

/// The resident memory of a process in bytes, now and at most so far.
pub fn resident(id: u32) -> Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).context("the process has ended")?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB"));
        line.and_then(|text| text.trim().parse::<u64>().ok()).map(|kib| kib * 1024)
    };
    field("VmRSS:").zip(field("VmHWM:")).context("unexpected /proc/ID/status")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_works_is_seen_working() {
        let (all, thread) = (cpu(std::process::id()).unwrap(), cpu_of_this_thread().unwrap());
        let mut sum = 0_u64;
        while cpu(std::process::id()).unwrap() <= all {
            sum = (0..100_000_u64).fold(sum, |sum, n| sum.wrapping_mul(31).wrapping_add(n));
        }
        assert!(cpu_of_this_thread().unwrap() > thread, "{sum}");
        let (now, most) = resident(std::process::id()).unwrap();
        assert!(now > 0 && now <= most);
    }
}
