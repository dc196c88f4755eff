/// The machine that something is measured on, in a line: its processor, memory, and how busy it is with other things.
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
    format!("{model}, {cores} cores, {gib} GiB; load average {load} as it began.")
}
