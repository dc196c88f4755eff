/// A line of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'t> {
    /// In both.
    Same(&'t str),
    /// In the old text alone.
    Old(&'t str),
    /// In the new text alone.
    New(&'t str),
}

/// How the lines of one text become those of another: what both have in common, as much as possible, stays.
pub(super) fn difference<'t>(old: &'t str, new: &'t str) -> Vec<Line<'t>> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    // How many lines the rests have in common, from each place in either.
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push(Line::Same(old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(Line::Old(old[i]));
            i += 1;
        } else {
            lines.push(Line::New(new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_have_in_common_stays() {
        let words = |old: &str, new: &str| {
            let lines = difference(old, new).into_iter().map(|line| match line {
                Line::Same(text) => format!("={text}"),
                Line::Old(text) => format!("-{text}"),
                Line::New(text) => format!("+{text}"),
            });
            lines.collect::<Vec<_>>().join(" ")
        };
        for (old, new, want) in [
            ("", "", ""),
            ("a", "a", "=a"),
            ("", "a\nb", "+a +b"),
            ("a\nb", "", "-a -b"),
            ("a\nb\nc", "a\nx\nc", "=a -b +x =c"),
            ("a\nb\nc\nd", "b\nd\ne", "-a =b -c =d +e"),
        ] {
            assert_eq!(words(old, new), want);
        }
    }
}
