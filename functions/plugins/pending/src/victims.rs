//! Who had to make room, and who takes it.

use crate::{requests, shown};
use prodrome_plugin::{Context, Object};
use std::collections::BTreeMap;

/// Those that take most, as many as are told.
const TAKERS_MAX: usize = 3;

/// What the scheduler wrote about pods of the same maker that it preempted; they may be gone by now.
pub(crate) async fn told(context: &Context, pod: &Object) -> Vec<String> {
    let Some(maker) = pod.metadata().controller().map(|owner| owner.name.clone()) else { return Vec::new() };
    let events = context.cluster().list("Event", pod.namespace(), None).await.unwrap_or_default();
    let of_maker = |name: &str| {
        name == pod.name() || name.strip_prefix(&maker).is_some_and(|rest| rest.starts_with('-'))
    };
    events
        .iter()
        .filter(|event| {
            event.text("/reason") == "Preempted"
                && event.text("/involvedObject/kind") == "Pod"
                && of_maker(event.text("/involvedObject/name"))
        })
        .map(|event| event.text("/message").to_owned())
        .collect()
}

/// Whose pods ask for most of a resource.
pub(crate) fn takers(resource: &str, all: &[Object]) -> Option<String> {
    let mut sums: BTreeMap<(String, String), f64> = BTreeMap::new();
    for pod in all {
        if pod.text("/spec/nodeName").is_empty()
            || matches!(pod.text("/status/phase"), "Succeeded" | "Failed")
        {
            continue;
        }
        let Some(asked) = requests(pod).get(resource).copied().filter(|asked| *asked > 0.0) else { continue };
        let maker = pod.metadata().controller().map_or(pod.name(), |owner| owner.name.as_str());
        let name = match pod.label("pod-template-hash").and_then(|hash| maker.strip_suffix(hash)) {
            Some(deployment) => deployment.trim_end_matches('-'),
            None => maker,
        };
        *sums.entry((pod.namespace().unwrap_or_default().to_owned(), name.to_owned())).or_default() += asked;
    }
    let mut most: Vec<((String, String), f64)> = sums.into_iter().collect();
    most.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let names: Vec<String> = most
        .iter()
        .take(TAKERS_MAX)
        .map(|((namespace, name), asked)| format!("{namespace}/{name} ({})", shown(resource, *asked)))
        .collect();
    (!names.is_empty()).then(|| format!("{resource}: most is asked for by {}", names.join(", ")))
}
