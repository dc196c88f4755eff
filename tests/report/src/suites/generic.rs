use anyhow::{Context, Result};
use prodrome_rules::{KindPattern, SourceFile};
use serde_json::Value;
use std::path::Path;

/// The shipped rules on any kind, without those on a kind, as a rule file: for kinds that have rules of their own too.
pub(super) fn rules(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() && SourceFile::is_rule_file(&name) {
            let text = std::fs::read_to_string(&path);
            files.push(SourceFile::new(
                name,
                text.with_context(|| format!("cannot read {}", path.display()))?,
            ));
        }
    }
    let loaded = prodrome_rules::load(&files).rules;
    let is_generic = |pattern: &KindPattern| matches!(pattern, KindPattern::Every { .. });
    let mut text = String::new();
    for rule in loaded.rules().iter().filter(|rule| rule.kinds().iter().any(is_generic)) {
        let mut written: Value = serde_saphyr::from_str(&rule.to_yaml()).context("a printed rule is YAML")?;
        for body in written.as_object_mut().into_iter().flat_map(|rules| rules.values_mut()) {
            if let Some(left_out) = body.get_mut("notResource").and_then(Value::as_array_mut) {
                left_out.retain(|kind| kind.as_str().is_some_and(is_built_in));
            }
        }
        text.push_str(&written.to_string());
        text.push('\n');
    }
    Ok(text)
}

/// Whether a kind is Kubernetes' own, by its group.
pub(super) fn is_built_in(kind: &str) -> bool {
    match kind.rsplit_once('/') {
        None => true,
        Some((group, _)) => {
            !group.contains('.') || (group.ends_with(".k8s.io") && !group.starts_with("gateway."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_rules_alone_are_about_kinds_that_have_rules_of_their_own_too() {
        let text = rules(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules")).unwrap();
        let loaded = prodrome_rules::load(&[SourceFile::new("generic.json", text)]);
        assert!(loaded.is_sound(), "{:?}", loaded.diagnostics.first());
        let failing = loaded.rules.get("CustomResourceFailing").unwrap();
        let [pattern] = &failing.kinds()[..] else { panic!("one pattern") };
        let matches = |group: &str, kind: &str| pattern.matches(&prodrome_model::GroupKind::new(group, kind));
        assert!(matches("kafka.strimzi.io", "Kafka") && matches("example.org", "Anything"));
        assert!(!matches("", "Pod") && !matches("apps", "Deployment"));
        assert!(loaded.rules.get("KafkaFailing").is_none());
    }

    #[test]
    fn a_kind_is_built_in_by_its_group() {
        let table = [
            ("Pod", true),
            ("apps/Deployment", true),
            ("storage.k8s.io/StorageClass", true),
            ("gateway.networking.k8s.io/HTTPRoute", false),
            ("cluster.x-k8s.io/Machine", false),
            ("cert-manager.io/Certificate", false),
        ];
        for (kind, want) in table {
            assert_eq!(is_built_in(kind), want, "{kind}");
        }
    }
}
