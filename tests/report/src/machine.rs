use std::process::Command;

/// The machine that something is measured on and the commit that is measured, in a line: processor, memory, how busy it is
/// with other things.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|m| m.1.to_owned()));
    let model = model.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let meminfo = read("/proc/meminfo");
    let kib = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix("kB")?.trim().parse().ok());
    let load = read("/proc/loadavg").split(' ').next().unwrap_or("?").to_owned();
    let gib = kib.map_or("?".to_owned(), |kib: u64| (kib / (1 << 20)).to_string());
    let commit = commit().map(|commit| format!("; commit {commit}")).unwrap_or_default();
    format!("{model}, {cores} cores, {gib} GiB; load average {load} as it began{commit}.")
}

/// Which commit the tree is of, and whether it was changed since; reports do not count. `None` outside of a clone.
fn commit() -> Option<String> {
    let git = |arguments: &[&str]| Command::new("git").args(arguments).output().ok();
    let head = git(&["rev-parse", "--short=7", "HEAD"]).filter(|out| out.status.success())?;
    let head = String::from_utf8(head.stdout).ok()?.trim().to_owned();
    let changed = git(&[
        "diff",
        "--quiet",
        "HEAD",
        "--",
        ":/",
        ":(top,exclude)tests/report",
        ":(top,exclude)tests/REPORT.md",
    ])?;
    Some(if changed.status.success() { head } else { format!("{head} and changes") })
}
