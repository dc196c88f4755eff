//! Fisher's exact test, one-sided.

/// How probable it is by chance that, of `failing` among `all`, at least `hits` are among `with`.
pub(crate) fn chance(hits: usize, failing: usize, with: usize, all: usize) -> f64 {
    let logs = Logs::up_to(all);
    let of = |n: usize, k: usize| logs.choose(n, k);
    let most = failing.min(with);
    let total = of(all, failing);
    let tail = (hits..=most)
        .filter(|hit| failing - hit <= all - with)
        .map(|hit| (of(with, hit) + of(all - with, failing - hit) - total).exp());
    tail.sum::<f64>().min(1.0)
}

/// Logarithms of factorials: the factorials themselves are too large.
struct Logs(Vec<f64>);

impl Logs {
    fn up_to(n: usize) -> Self {
        let mut logs = vec![0.0];
        let mut sum = 0.0;
        for i in 1..=n {
            sum += f64::from(u32::try_from(i).unwrap_or(u32::MAX)).ln();
            logs.push(sum);
        }
        Self(logs)
    }

    fn choose(&self, n: usize, k: usize) -> f64 {
        let log = |n: usize| self.0.get(n).copied().unwrap_or(0.0);
        if k > n { f64::NEG_INFINITY } else { log(n) - log(k) - log(n - k) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_that_of_the_hypergeometric_distribution() {
        // Worked by hand: C(4,4)·C(4,0)/C(8,4); the tea of Fisher's lady, all and three of four; nothing to see.
        for (hits, failing, with, all, want) in
            [(4, 4, 4, 8, 1.0 / 70.0), (3, 4, 4, 8, 17.0 / 70.0), (0, 3, 5, 10, 1.0), (1, 1, 1, 100, 0.01)]
        {
            let found = chance(hits, failing, with, all);
            assert!((found - want).abs() < 1e-9, "{hits} of {failing}: {found}, not {want}");
        }
    }
}
