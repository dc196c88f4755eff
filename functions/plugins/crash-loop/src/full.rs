//! Whose disk is full: a program says only that its own is.

use prodrome_causes::Cause;
use prodrome_plugin::{Evidence, Explained, Object, ObjectRef, Response};
use std::sync::Arc;

/// How sure it is where the log names the claim's folder, and not in the error itself.
const NAMED_ELSEWHERE: f64 = 0.7;

/// That it is the volume of a claim, where the log names the folder at which the container mounts that.
pub(crate) fn of_claim(
    pod: &Object,
    container: &str,
    logs: &[Arc<str>],
    mut explained: Explained,
) -> Explained {
    if explained.cause != Cause::AppDiskFull {
        return explained;
    }
    let said: Vec<&str> = explained.response.evidence.iter().map(|evidence| evidence.text.as_str()).collect();
    let mounts = claims(pod, container);
    let in_error = mounts.iter().find(|(path, _)| said.iter().any(|text| names(text, path)));
    let elsewhere = || mounts.iter().find(|(path, _)| logs.iter().any(|log| names(log, path)));
    let Some((path, claim)) = in_error.or_else(elsewhere) else { return explained };
    let most = if in_error.is_some() { 1.0 } else { NAMED_ELSEWHERE };
    let confidence = explained.response.confidence.min(most);
    let evidence = std::mem::take(&mut explained.response.evidence);
    let full = Response::cause(
        Cause::VolumeFull.id(),
        confidence,
        format!("the volume of the claim {claim} is full"),
    );
    let response = Response { evidence, facts: explained.response.facts.clone(), ..full };
    explained.response = response
        .because(Evidence::new("spec", format!("{path} is where {container} mounts the claim {claim}")))
        .remedy(format!(
            "Make room in {path}, or let the claim {claim} ask for more, if its class can grow volumes."
        ))
        .blaming(ObjectRef {
            api_version: "v1".to_owned(),
            kind: "PersistentVolumeClaim".to_owned(),
            namespace: pod.namespace().map(str::to_owned),
            name: claim.clone(),
        });
    explained.cause = Cause::VolumeFull;
    explained
}

/// Where a container mounts claims, the deeper folders first.
fn claims(pod: &Object, container: &str) -> Vec<(String, String)> {
    let containers = pod.list("/spec/containers").iter().chain(pod.list("/spec/initContainers"));
    let mounts =
        containers.filter(|of| of["name"] == container).filter_map(|of| of["volumeMounts"].as_array());
    let claim = |volume: &str| {
        let named = pod.list("/spec/volumes").iter().find(|of| of["name"] == volume)?;
        named["persistentVolumeClaim"]["claimName"].as_str()
    };
    let mut found: Vec<(String, String)> = mounts
        .flatten()
        .filter(|mount| mount["readOnly"] != true)
        .filter_map(|mount| {
            let path = mount["mountPath"].as_str()?.trim_end_matches('/');
            let claim = claim(mount["name"].as_str()?)?;
            (!path.is_empty()).then(|| (path.to_owned(), claim.to_owned()))
        })
        .collect();
    found.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    found
}

/// Whether a text names a folder, or what is in it: `/data` is not in `/app/data`, nor in `/database`.
fn names(text: &str, path: &str) -> bool {
    let joined = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.match_indices(path).any(|(at, _)| {
        let (before, behind) = (&text.get(..at), &text.get(at + path.len()..));
        let begins = before.is_some_and(|before| !before.ends_with(|c: char| joined(c) || c == '/'));
        // A sentence ends with a full stop.
        let behind = behind.unwrap_or_default().trim_start_matches('.');
        begins && !behind.starts_with(joined)
    })
}
