use super::*;

const UNIT: i128 = 1_000_000_000;

#[test]
fn quantities_are_exact() {
    for (text, want) in [
        ("0", Some(0)),
        ("1", Some(UNIT)),
        ("-1", Some(-UNIT)),
        ("+1", Some(UNIT)),
        ("1.5", Some(UNIT * 3 / 2)),
        (".5", Some(UNIT / 2)),
        ("5.", Some(5 * UNIT)),
        ("100m", Some(UNIT / 10)),
        ("1n", Some(1)),
        ("1u", Some(1000)),
        ("0.1n", Some(1)),
        ("-0.1n", Some(-1)),
        ("1k", Some(1000 * UNIT)),
        ("1Ki", Some(1024 * UNIT)),
        ("1.5Gi", Some(1_610_612_736 * UNIT)),
        ("1E", Some(UNIT * 1_000_000_000_000_000_000)),
        ("1e3", Some(1000 * UNIT)),
        ("1E3", Some(1000 * UNIT)),
        ("1e+3", Some(1000 * UNIT)),
        ("1e-3", Some(UNIT / 1000)),
        ("1Ei", Some(UNIT << 60)),
        ("9007199254740993", Some(9_007_199_254_740_993 * UNIT)),
        ("18446744073709551615", Some(18_446_744_073_709_551_615 * UNIT)),
        ("1e400", Some(i128::MAX)),
        ("-1e400", Some(-i128::MAX)),
        ("1e-400", Some(1)),
        ("1e99999999999", Some(i128::MAX)),
        ("1e2Ki", None),
        ("1 Gi", None),
        ("25%", None),
        ("", None),
        ("-", None),
        (".", None),
        ("1.2.3", None),
        ("e3", None),
        ("1e", None),
        ("1ki", None),
        ("1K", None),
        ("--1", None),
        ("true", None),
        ("٣", None),
        ("0x10", None),
    ] {
        assert_eq!(Quantity::parse(text).map(|q| q.0), want, "{text}");
    }
}

#[test]
fn long_fractions_round_away_from_zero() {
    let zeros = "0".repeat(200);
    assert_eq!(Quantity::parse(&format!("1.{zeros}")), Quantity::parse("1"));
    assert_eq!(Quantity::parse(&format!("1.{zeros}1")).map(|q| q.0), Some(UNIT + 1));
    assert_eq!(Quantity::parse(&format!("{zeros}1")), Quantity::parse("1"));
    assert_eq!(Quantity::parse(&format!("0.{}", "9".repeat(100))), Quantity::parse("1"));
}

#[test]
fn a_factor_compares_exactly() {
    let cmp = |left: &str, right: &str, factor: &str| {
        let factor = Factor::parse(factor).unwrap();
        Quantity::parse(left).unwrap().cmp_times(Quantity::parse(right).unwrap(), factor)
    };
    for (left, right, factor, want) in [
        ("9", "10", "0.9", Ordering::Equal),
        ("900m", "1", "0.9", Ordering::Equal),
        ("901m", "1", "0.9", Ordering::Greater),
        ("8999999999n", "10", "0.9", Ordering::Less),
        ("-1", "1", "1", Ordering::Less),
        ("1", "-1", "1", Ordering::Greater),
        ("-1", "-2", "1", Ordering::Greater),
        ("-1", "-2", "0.5", Ordering::Equal),
        ("0", "-2", "0", Ordering::Equal),
        ("-1", "-2", "0", Ordering::Less),
        ("9223372036854775807", "9223372036854775807", "1000000", Ordering::Less),
        ("1e400", "1e400", "1", Ordering::Equal),
    ] {
        assert_eq!(cmp(left, right, factor), want, "{left} to {right} × {factor}");
    }
}

#[test]
fn a_factor_has_at_most_three_decimals() {
    for (text, want) in [
        ("1", Some("1")),
        ("0.9", Some("0.9")),
        ("0.90", Some("0.9")),
        ("1.125", Some("1.125")),
        ("1.1250000", Some("1.125")),
        ("1000000", Some("1000000")),
        ("1000000.001", None),
        ("1.1255", None),
        ("-1", None),
        ("90%", None),
        ("", None),
        (".5", None),
        ("1.", None),
    ] {
        assert_eq!(Factor::parse(text).map(|f| f.to_string()).as_deref(), want, "{text}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(4000))]

    #[test]
    fn short_quantities_are_what_the_careful_reader_reads(
        text in r"[+-]?[0-9]{0,20}(\.[0-9]{0,11})?(|m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|e[0-9]|x|%)|[0-9.kmi-]{0,8}",
    ) {
        proptest::prop_assert_eq!(Quantity::parse(&text), Quantity::parse_long(&text), "{}", text);
    }
}
