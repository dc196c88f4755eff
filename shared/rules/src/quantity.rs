use std::cmp::Ordering;

/// A number or Kubernetes quantity, exact in units of 10⁻⁹.
///
/// `100m`, `1.5Gi`, `2e3`, `1E` (exa). What is finer than 10⁻⁹ is rounded away from zero, as Kubernetes does;
/// what is beyond ±1.7·10²⁹ stays there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity(i128);

impl Quantity {
    /// `None` where the text is no quantity.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.as_bytes().first()? {
            b'0'..=b'9' | b'-' | b'+' | b'.' => short(text.as_bytes()).or_else(|| Self::parse_long(text)),
            _ => None,
        }
    }

    /// Any quantity, however long.
    fn parse_long(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let number_end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(number_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let magnitude = match suffix {
            "Ki" => scaled(whole, fraction, 1 << 10, 0),
            "Mi" => scaled(whole, fraction, 1 << 20, 0),
            "Gi" => scaled(whole, fraction, 1 << 30, 0),
            "Ti" => scaled(whole, fraction, 1 << 40, 0),
            "Pi" => scaled(whole, fraction, 1 << 50, 0),
            "Ei" => scaled(whole, fraction, 1 << 60, 0),
            _ => scaled(whole, fraction, 1, decimal_exponent(suffix)?),
        };
        Some(Self(if negative { -magnitude } else { magnitude }))
    }

    /// How it compares to `other` times `factor`.
    pub(crate) fn cmp_times(self, other: Self, factor: Factor) -> Ordering {
        let (left, right) = (self.0, other.0);
        match (left < 0, right < 0) {
            (false, true) if factor.0 > 0 => Ordering::Greater,
            (true, false) => Ordering::Less,
            (true, true) => product(right, factor.0).cmp(&product(left, 1000)),
            _ => product(left, 1000).cmp(&product(right, factor.0)),
        }
    }
}

/// What another field's value is multiplied by before it is compared: 0 to 1,000,000, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Factor(u64);

impl Factor {
    pub(crate) const ONE: Self = Self(1000);

    /// `None` for what is no plain decimal number, negative, too great or finer than a thousandth.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        let fraction = if fraction.len() > 3 { fraction.trim_end_matches('0') } else { fraction };
        if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
            return None;
        }
        let thousandths: u64 = format!("{whole}{fraction:0<3}").parse().ok()?;
        (thousandths <= 1_000_000_000).then_some(Self(thousandths))
    }
}

impl std::fmt::Display for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, thousandths) = (self.0 / 1000, self.0 % 1000);
        if thousandths == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{thousandths:03}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

/// `None` where it is no quantity, or one that takes more care.
fn short(text: &[u8]) -> Option<Quantity> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let mut number = 0_u64;
    let mut digits = 0;
    let mut fraction = None;
    let mut rest = unsigned;
    while let [byte, after @ ..] = rest {
        match byte {
            b'0'..=b'9' if digits == 18 => return None,
            b'0'..=b'9' => {
                number = number * 10 + u64::from(byte - b'0');
                digits += 1;
            }
            b'.' if fraction.is_none() => fraction = Some(digits),
            _ => break,
        }
        rest = after;
    }
    let fraction = fraction.map_or(0, |whole| digits - whole);
    // Units of 10⁻⁹ in one of the last digit.
    let (exponent, factor) = match rest {
        b"" => (9, 1),
        b"m" => (6, 1),
        b"k" => (12, 1),
        b"M" => (15, 1),
        b"G" => (18, 1),
        b"Ki" => (9, 1 << 10),
        b"Mi" => (9, 1 << 20),
        b"Gi" => (9, 1 << 30),
        b"Ti" => (9, 1 << 40),
        _ => return None,
    };
    if digits == 0 || fraction > exponent {
        return None;
    }
    // Each below 10¹⁸ or at it: their product fits, and that with a factor may not.
    let scale = 10_u64.checked_pow(exponent - fraction)?;
    let nano = (i128::from(number) * i128::from(scale)).checked_mul(factor)?;
    Some(Quantity(if unsigned.len() < text.len() { -nano } else { nano }))
}

/// The power of ten that a decimal suffix stands for.
fn decimal_exponent(suffix: &str) -> Option<i32> {
    Some(match suffix {
        "n" => -9,
        "u" => -6,
        "m" => -3,
        "" => 0,
        "k" => 3,
        "M" => 6,
        "G" => 9,
        "T" => 12,
        "P" => 15,
        "E" => 18,
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            // Beyond any scale that matters: only the sign is left of it.
            let magnitude = digits.parse::<i32>().unwrap_or(i32::MAX).min(1_000_000);
            if exponent.starts_with('-') { -magnitude } else { magnitude }
        }
    })
}

/// `whole.fraction × factor × 10^exponent` in units of 10⁻⁹, rounded up, at most `i128::MAX`.
fn scaled(whole: &str, fraction: &str, factor: i128, exponent: i32) -> i128 {
    // All digits as one integer, its last digit worth 10^scale units.
    let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
    let mut scale = i64::from(exponent) + 9 - i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..zeros);
    if digits.is_empty() {
        return 0;
    }
    // Far below a unit it is just more than nothing, whatever the binary factor (at most 2^60 < 10^19).
    if i64::try_from(digits.len()).unwrap_or(i64::MAX) + scale < -20 {
        return 1;
    }
    while scale > 0 {
        if digits.len() > 60 {
            return i128::MAX;
        }
        digits.push(0);
        scale -= 1;
    }
    let mut inexact = false;
    while digits.len() > 60 && scale < 0 {
        inexact |= digits.pop() != Some(0);
        scale += 1;
    }
    let mut value = Wide::default();
    for digit in &digits {
        if !value.push_digit(*digit) {
            return i128::MAX;
        }
    }
    value.finish(factor, scale, inexact)
}

/// An integer of up to 256 bits: enough for the digits of any quantity that does not saturate.
#[derive(Default)]
struct Wide([u64; 4]);

impl Wide {
    /// Times ten, plus the digit; false when it overflows.
    fn push_digit(&mut self, digit: u8) -> bool {
        self.mul_add(10, u64::from(digit))
    }

    fn mul_add(&mut self, factor: u64, addend: u64) -> bool {
        let mut carry = u128::from(addend);
        for limb in &mut self.0 {
            let sum = u128::from(*limb) * u128::from(factor) + carry;
            *limb = low(sum);
            carry = sum >> 64;
        }
        carry == 0
    }

    /// Divided by ten; true when something was left over.
    fn divide_by_ten(&mut self) -> bool {
        let mut rest = 0u128;
        for limb in self.0.iter_mut().rev() {
            let value = (rest << 64) | u128::from(*limb);
            *limb = low(value / 10);
            rest = value % 10;
        }
        rest > 0
    }

    fn finish(mut self, factor: i128, scale: i64, mut inexact: bool) -> i128 {
        if !self.mul_add(u64::try_from(factor).unwrap_or(1), 0) {
            return i128::MAX;
        }
        for _ in scale..0 {
            inexact |= self.divide_by_ten();
        }
        if self.0[2] != 0 || self.0[3] != 0 {
            return i128::MAX;
        }
        let value = (u128::from(self.0[1]) << 64) | u128::from(self.0[0]);
        i128::try_from(value).unwrap_or(i128::MAX).saturating_add(i128::from(inexact))
    }
}

fn low(value: u128) -> u64 {
    u64::try_from(value & u128::from(u64::MAX)).unwrap_or(u64::MAX)
}

/// `|value| × factor` in 192 bits, as (high, low).
fn product(value: i128, factor: u64) -> (u128, u64) {
    let magnitude = value.unsigned_abs();
    let low_part = (magnitude & u128::from(u64::MAX)) * u128::from(factor);
    let high_part = (magnitude >> 64) * u128::from(factor);
    (high_part + (low_part >> 64), low(low_part))
}

#[cfg(test)]
mod tests;
