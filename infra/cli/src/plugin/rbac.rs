//! What plugins may read of the cluster, as its own roles: what all of them may, and what each declares besides.

use anyhow::{Context, Result};
use prodrome_plugin::{DECLARED_ONLY, LISTED_BY_ALL, Registry};
use std::fmt::Write as _;

/// The kinds that the shipped rules name, as the watcher may read them: any plugin may be asked about one.
const OF_WATCHER: &str = include_str!("../../../watcher/deploy/base/cluster-role.yaml");
/// What all of them are given to everybody by, on EKS.
const ALL: &str = "prodrome-plugins";

/// The roles and to whom they are given: groups (`prodrome-plugins`, `prodrome-plugin-NAME`), or one service account.
pub(super) fn manifest(plugins: &Registry, overlay: bool, service_account: Option<&str>) -> Result<String> {
    let account = service_account
        .map(|text| text.split_once('/').with_context(|| format!("expected NAMESPACE/NAME, found {text:?}")))
        .transpose()?;
    let command = if overlay { "prodrome plugin rbac --overlay" } else { "prodrome plugin rbac" };
    let mut text =
        format!("# What root-cause plugins may read, made by `{command}`. Nothing here may write.\n");
    if overlay {
        text.push_str("# Secrets are read with all that they hold: RBAC knows no less. The plugins take what is named beside them.\n");
    } else {
        text.push_str(&shared());
        text.push_str(&binding(ALL, account));
    }
    for plugin in plugins.iter() {
        let mut rules = String::new();
        for reads in plugin.rights().iter().filter(|reads| reads.overlay == overlay) {
            let named = if reads.names.is_empty() {
                String::new()
            } else {
                format!(" resourceNames: [{}],", reads.names.join(", "))
            };
            writeln!(
                rules,
                "  - {{ apiGroups: [\"{}\"], resources: [{}],{named} verbs: [{}] }}",
                reads.group,
                reads.resource,
                reads.verbs.join(", ")
            )?;
        }
        if !rules.is_empty() {
            let name = format!("prodrome-plugin-{}{}", plugin.name(), if overlay { "-overlay" } else { "" });
            write!(text, "---\n# {}\n{}rules:\n{rules}", plugin.describe(), head("ClusterRole", &name))?;
            text.push_str(&given(&name, &format!("prodrome-plugin-{}", plugin.name()), account));
        }
    }
    Ok(text.trim_end().to_owned())
}

/// What any plugin may be asked about, to be got by name; and the pods and their makers, to be listed.
fn shared() -> String {
    let rules = OF_WATCHER.split_once("\nrules:\n").map_or("", |(_, rules)| rules);
    // What follows says to whom the watcher's are given.
    let rules = rules.split_once("\n---").map_or(rules, |(rules, _)| rules);
    let is_for_all = |line: &&str| {
        let declared_only = |(_, resource): &(&str, &str)| line.trim() == format!("- {resource}");
        !line.trim_start().starts_with('#') && !DECLARED_ONLY.iter().any(declared_only)
    };
    let rules: String = rules.lines().filter(is_for_all).fold(String::new(), |text, line| {
        text + &line.replace("verbs: [list, watch]", "verbs: [get]") + "\n"
    });
    let listed: String = LISTED_BY_ALL.iter().fold(String::new(), |text, (group, resources)| {
        text + &format!(
            "  - {{ apiGroups: [\"{group}\"], resources: [{}], verbs: [list] }}\n",
            resources.join(", ")
        )
    });
    format!(
        "---\n# All of them: the kinds that the shipped rules name, but for Secrets and ConfigMaps.\n{}rules:\n{rules}{listed}",
        head("ClusterRole", ALL)
    )
}

fn head(kind: &str, name: &str) -> String {
    format!("apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{ name: {name} }}\n")
}

fn binding(role: &str, account: Option<(&str, &str)>) -> String {
    given(role, role, account)
}

fn given(role: &str, group: &str, account: Option<(&str, &str)>) -> String {
    let subject = match account {
        Some((namespace, name)) => {
            format!("{{ kind: ServiceAccount, namespace: {namespace}, name: {name} }}")
        }
        None => format!("{{ kind: Group, apiGroup: rbac.authorization.k8s.io, name: {group} }}"),
    };
    format!(
        "---\n{}roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {role} }}\nsubjects: [{subject}]\n",
        head("ClusterRoleBinding", role)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_are_what_the_plugins_declare_and_only_the_overlay_reads_secrets() {
        let plugins = prodrome_local::plugins();
        for (file, overlay) in [("rbac.yaml", false), ("rbac-secrets.yaml", true)] {
            let made = manifest(&plugins, overlay, None).unwrap() + "\n";
            let path = format!("{}/../plugins/{file}", env!("CARGO_MANIFEST_DIR"));
            let kept = std::fs::read_to_string(&path).unwrap_or_default();
            let command = if overlay { "prodrome plugin rbac --overlay" } else { "prodrome plugin rbac" };
            assert_eq!(kept, made, "infra/plugins/{file}: {command} > infra/plugins/{file} writes it anew");
            let of_secrets = |line: &str| line.trim() == "- secrets" || line.contains("[secrets]");
            assert_eq!(made.lines().any(of_secrets), overlay, "{file}");
            for verbs in made.split("verbs: [").skip(1).filter_map(|rest| rest.split(']').next()) {
                assert!(verbs.split(", ").all(|verb| matches!(verb, "get" | "list")), "{file}: {verbs}");
            }
            assert!(made.matches("\n  - ").count() > usize::from(!overlay) * 20, "{file}");
        }
    }

    #[test]
    fn who_needs_one_object_of_a_kind_may_get_that_one_and_all_may_get_no_configmap() {
        let made = manifest(&prodrome_local::plugins(), false, None).unwrap();
        let roles: Vec<serde_json::Value> = serde_saphyr::from_multiple(&made).unwrap();
        let of_configmaps = |name: &str| -> Vec<serde_json::Value> {
            let role =
                roles.iter().find(|role| role["kind"] == "ClusterRole" && role["metadata"]["name"] == name);
            let rules = role.unwrap()["rules"].as_array().unwrap();
            let holds = |rule: &&serde_json::Value| rule["resources"].to_string().contains("\"configmaps\"");
            rules.iter().filter(holds).cloned().collect()
        };
        assert_eq!(of_configmaps(ALL), [serde_json::Value::Null; 0]);
        let [rule] = of_configmaps("prodrome-plugin-dns").try_into().unwrap();
        let names = rule["resourceNames"].as_array().unwrap();
        assert!(names.iter().any(|name| name == "coredns"), "{rule}");
        // Names do not let anybody list all.
        assert_eq!(rule["verbs"], serde_json::json!(["get"]));
    }

    #[test]
    fn where_a_token_is_used_all_is_given_to_its_service_account() {
        let made = manifest(&prodrome_local::plugins(), false, Some("prodrome/plugins")).unwrap();
        assert!(made.contains("{ kind: ServiceAccount, namespace: prodrome, name: plugins }"));
        assert!(!made.contains("kind: Group"), "{made}");
        assert!(manifest(&prodrome_local::plugins(), false, Some("plugins")).is_err());
    }
}
