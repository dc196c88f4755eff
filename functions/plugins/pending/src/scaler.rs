//! Why an autoscaler adds no node, as it says itself.

use prodrome_causes::Cause;
use prodrome_plugin::{Event, Object, ObjectRef, Response, Texts};

/// Begins of what autoscalers write under the scheduler's own reason.
const KARPENTER: &str = "Failed to schedule pod";
const POOL: [&str; 2] = ["nodepool: \"", "nodepool \""];

/// What keeps the autoscaler from adding the node that a pod needs which finds no room on those that are there. `None`
/// where it says nothing of the kind.
pub(crate) fn refusal(pod: &Object, events: &[Event]) -> Option<(Cause, Response)> {
    let of_scaler = |event: &&Event| match event.reason.as_str() {
        "NotTriggerScaleUp" | "FailedToScaleUpGroup" => true,
        "FailedScheduling" => event.message.starts_with(KARPENTER),
        _ => false,
    };
    let mut texts = Texts::new();
    let said: Vec<&Event> = events.iter().filter(of_scaler).collect();
    texts.about(pod.reference(), |texts| said.iter().for_each(|event| texts.event(event)));
    let explained = texts.explain()?;
    let of_pool = matches!(
        explained.cause,
        Cause::NodepoolLimits | Cause::CapacityUnavailable | Cause::CloudQuota | Cause::IamDenied
    );
    if !of_pool {
        return None;
    }
    let pool = said.iter().find_map(|event| {
        let rest = POOL.iter().find_map(|begin| event.message.split_once(begin))?.1;
        rest.split_once('"').map(|(name, _)| name.to_owned())
    });
    let response = match pool {
        Some(name) => explained.response.sharing(format!("node pool {name}")).blaming(ObjectRef {
            api_version: "karpenter.sh/v1".to_owned(),
            kind: "NodePool".to_owned(),
            namespace: None,
            name,
        }),
        None => explained.response,
    };
    Some((explained.cause, response))
}
