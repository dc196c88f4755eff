//! The page that lists the shipped rules is current.

use crate::review::shipped;
use crate::schema::repository;

#[test]
fn the_page_of_the_shipped_rules_is_current() {
    let text = std::fs::read_to_string(repository().join("docs/rules.md")).unwrap_or_default();
    assert!(text == prodrome_rules::page(&shipped()), "docs/rules.md is old; run: make rules-page");
}

#[test]
fn the_page_names_every_shipped_rule_and_what_to_do() {
    let (page, files) = (prodrome_rules::page(&shipped()), shipped());
    let rules = prodrome_rules::load(&files).rules;
    assert!(rules.rules().len() > 100);
    for rule in rules.rules() {
        let (name, row) = (rule.name(), format!("\n| [{}](#{}) | ", rule.name(), rule.name().to_lowercase()));
        assert!(page.contains(&row) || page.contains(&format!("\n| {name} ")), "{name}");
        let runbook = rule.runbook().and_then(|text| text.lines().next()).unwrap_or_default();
        assert!(page.contains(runbook), "{name}");
    }
}
