use crate::clock::Millis;
use crate::fault::Fault;

/// When nothing is wrong that could make anything late.
#[derive(Debug, Clone)]
pub(crate) struct Calm {
    /// The times that are not calm, with their aftermath, in order.
    storms: Vec<(Millis, Millis)>,
}

impl Calm {
    /// Between these faults.
    pub(crate) fn of(faults: &[Fault]) -> Self {
        let serious: Vec<Fault> = faults.iter().filter(|fault| !fault.what.is_harmless()).copied().collect();
        Self::of_all(&serious)
    }

    /// When nothing is wrong that could make news late, reorder them or hide them.
    pub(crate) fn of_news(faults: &[Fault]) -> Self {
        let of_news: Vec<Fault> = faults.iter().filter(|fault| fault.what.hinders_news()).copied().collect();
        Self::of_all(&of_news)
    }

    /// Between these faults, harmless or not.
    pub(crate) fn of_all(faults: &[Fault]) -> Self {
        let mut storms: Vec<_> = faults.iter().map(|f| (f.strikes(), f.to + f.what.aftermath())).collect();
        storms.sort_unstable();
        Self { storms }
    }

    /// When the storms are over that rage between two instants; `None` where none does.
    pub(crate) fn over(&self, from: Millis, to: Millis) -> Option<Millis> {
        let mut over: Option<Millis> = None;
        for (begins, ends) in &self.storms {
            let reaches = over.map_or(to, |over| over.max(to));
            if *begins <= reaches && *ends >= from {
                over = Some(over.map_or(*ends, |over| over.max(*ends)));
            }
        }
        over
    }
}
