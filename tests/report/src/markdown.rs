use std::fmt::{Display, Write as _};

/// A table as Markdown, a row at a time.
pub struct Table {
    text: String,
}

impl Table {
    /// A table with these heads; those that begin with `>` are of columns with figures.
    pub fn new(heads: &[&str]) -> Self {
        let names: Vec<_> = heads.iter().map(|head| head.trim_start_matches('>')).collect();
        let lines = heads.iter().map(|head| if head.starts_with('>') { "---:" } else { "---" });
        let lines: Vec<_> = lines.collect();
        Self { text: format!("| {} |\n| {} |\n", names.join(" | "), lines.join(" | ")) }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: &[&dyn Display]) {
        for cell in cells {
            let text = cell.to_string().replace('|', "\\|").replace('\n', " ");
            write!(self.text, "| {text} ").expect("a text takes what is written");
        }
        self.text.push_str("|\n");
    }

    /// The table.
    pub fn finish(self) -> String {
        self.text
    }
}

/// `12/15 (80 %)`; a dash where there is nothing to count.
pub(crate) fn share(part: usize, whole: usize) -> String {
    match whole {
        0 => "–".to_owned(),
        _ => format!("{part}/{whole} ({} %)", percent(part, whole)),
    }
}

/// A share in percent, to one digit where it is not whole.
pub(crate) fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let per_mille = (part * 1000 + whole / 2) / whole;
    let (whole, tenth) = (per_mille / 10, per_mille % 10);
    if tenth == 0 { whole.to_string() } else { format!("{whole}.{tenth}") }
}

/// The middle of some seconds, rounded; a dash where there are none.
pub(crate) fn median(mut seconds: Vec<f64>) -> String {
    seconds.sort_by(f64::total_cmp);
    let middle = seconds.len() / 2;
    match seconds.len() {
        0 => "–".to_owned(),
        n if n % 2 == 1 => format!("{:.0}", seconds[middle]),
        _ => format!("{:.0}", f64::midpoint(seconds[middle - 1], seconds[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_into_a_cell_stays_in_it() {
        let mut table = Table::new(&["a", ">b"]);
        table.row(&[&"x|y\nz", &3]);
        assert_eq!(table.finish(), "| a | b |\n| --- | ---: |\n| x\\|y z | 3 |\n");
    }

    #[test]
    fn shares_and_middles() {
        assert_eq!(share(2, 3), "2/3 (66.7 %)");
        assert_eq!((share(0, 0), share(3, 3)), ("–".to_owned(), "3/3 (100 %)".to_owned()));
        assert_eq!(
            (median(vec![3.0, 1.0, 2.0]), median(vec![4.0, 1.0]), median(vec![])),
            ("2".into(), "2".into(), "–".into())
        );
    }
}
