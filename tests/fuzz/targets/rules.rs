//! The parser of rules: any text is read, or refused with a place that lies in it; what is sound prints to the same rules,
//! and any of them judges an object.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prodrome_rules::json::{self, Node};
use prodrome_rules::{EVIDENCE_MAX, SUMMARY_MAX, SourceFile, Style, format, load, render};

const OBJECT: &str = include_str!("pod.json");

fuzz_target!(|text: &str| {
    let file = SourceFile::new("r.yaml", text);
    let loaded = load(std::slice::from_ref(&file));
    for diagnostic in &loaded.diagnostics {
        let (start, end) = (diagnostic.place.start.offset, diagnostic.place.end.offset);
        assert!(text.get(start..end).is_some(), "{diagnostic:?}");
        let told = diagnostic.to_string();
        assert!(!told.contains('\n'), "{told}");
        assert!(told.len() <= 2 * 1024, "{} bytes: {:.300}", told.len(), told);
    }
    render(&loaded.diagnostics, std::slice::from_ref(&file), Style::default());
    let object = json::parse(OBJECT.as_bytes()).map_or(Node::Null, Node::into_owned);
    for rule in loaded.rules.rules() {
        let evaluation = rule.evaluate(&object, "2026-01-01T00:10:00Z".parse().unwrap());
        assert!(evaluation.evidence.len() <= EVIDENCE_MAX);
        assert!(rule.summary(&object).chars().count() <= SUMMARY_MAX);
    }
    match format(&file) {
        Ok(printed) => {
            let again = load(&[SourceFile::new("r.yaml", &*printed)]);
            assert_eq!(again.rules, loaded.rules, "{printed}");
            assert_eq!(format(&SourceFile::new("r.yaml", &*printed)).unwrap(), printed);
        }
        Err(_) => assert!(!loaded.is_sound()),
    }
});
