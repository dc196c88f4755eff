/// The known name that is nearest to what was written, where one is near enough to be meant and no other is as
/// near.
pub(crate) fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(&found.to_lowercase(), &name.to_lowercase());
    let mut names: Vec<_> = known.into_iter().map(|name| (distance(name), name)).collect();
    names.sort_unstable();
    match names.as_slice() {
        [(steps, _), (others, _), ..] if steps == others => None,
        [(steps, name), ..] if *steps <= (name.chars().count() / 3).max(1) => Some(name),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["severity", "owner", "namespace", "P1", "P2"];
        for (found, want) in [
            ("sevirity", Some("severity")),
            ("Owner", Some("owner")),
            ("namespaces", Some("namespace")),
            ("p1", Some("P1")),
            ("P5", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(did_you_mean(found, known), want, "{found}");
        }
        assert_eq!(did_you_mean("x", []), None);
    }
}
