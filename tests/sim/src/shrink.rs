use crate::plan::Plan;

/// What is left of a plan that still fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smaller {
    /// Of its faults, by their numbers.
    pub faults: Vec<usize>,
    /// Of its deeds, by their numbers.
    pub deeds: Vec<usize>,
}

/// Leaves out of a plan what it fails without: faults first, then deeds, in ever smaller pieces.
pub fn shrink(plan: &Plan, fails: impl Fn(&Plan) -> bool) -> Smaller {
    let all = |many: usize| (0..many).collect::<Vec<_>>();
    let mut left = Smaller { faults: all(plan.faults.len()), deeds: all(plan.deeds.len()) };
    left.faults = fewer(left.faults, |faults| fails(&plan.only(Some(&left.deeds), Some(faults))));
    left.deeds = fewer(left.deeds, |deeds| fails(&plan.only(Some(deeds), Some(&left.faults))));
    left
}

fn fewer(mut all: Vec<usize>, fails: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    let mut piece = all.len();
    while piece > 0 {
        let mut at = 0;
        while at < all.len() {
            let mut without = all.clone();
            without.drain(at..(at + piece).min(all.len()));
            if fails(&without) {
                all = without;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_is_left() {
        assert_eq!(fewer((0..37).collect(), |left| left.contains(&3) && left.contains(&30)), [3, 30]);
        assert_eq!(fewer((0..5).collect(), |_| true), [0_usize; 0]);
    }
}
