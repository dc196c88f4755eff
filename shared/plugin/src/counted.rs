/// A number with its noun: `1 pod`, `3 pods`, `no pods`.
///
/// ```
/// assert_eq!(prodrome_plugin::counted(1, "pod"), "1 pod");
/// assert_eq!(prodrome_plugin::counted(3, "replica"), "3 replicas");
/// ```
pub fn counted(n: usize, noun: &str) -> String {
    match n {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{n} {noun}s"),
    }
}

/// All of so many, of none of which something holds.
///
/// ```
/// use prodrome_plugin::none_of;
/// assert_eq!(none_of(3, "pod", "behind it", "ready"), "none of the 3 pods behind it is ready");
/// assert_eq!(none_of(1, "pod", "behind it", "ready"), "the only pod behind it is not ready");
/// ```
pub fn none_of(n: usize, noun: &str, which: &str, is: &str) -> String {
    match n {
        1 => format!("the only {noun} {which} is not {is}"),
        _ => format!("none of the {n} {noun}s {which} is {is}"),
    }
}
