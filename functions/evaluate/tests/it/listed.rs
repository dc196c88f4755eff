//! What a list does not name of the objects that others refer to.

use crate::truth::{Config, Pod, RULES};
use crate::world::{Told, World, rules};
use prodrome_model::ChangeKind::{ListBegin, ListEnd};
use prodrome_model::EndReason;

/// A configuration that is bad goes, and only a list tells of it: what was told of the pod that refers to it is over, and that
/// it is missing begins, as where its deletion is told.
#[tokio::test]
async fn what_goes_unseen_wakes_those_that_refer_to_it_as_a_deletion_does() {
    let pod = Pod { uid: "a".into(), created: 0, phase: "Running", ready: true, config: "settings" };
    let bad = Config::Bad.json("settings", 1);
    for is_told in [true, false] {
        let mut world = World::new(rules(RULES));
        world.apply("ConfigMap", &bad).await;
        world.apply("Pod", &pod.json("a", 2)).await;
        world.until(1_000).await;
        assert_eq!(world.of("Misconfigured").len(), 1, "{:#?}", world.findings);
        if is_told {
            world.delete("ConfigMap", &bad).await;
        } else {
            world.live_without("ConfigMap", &bad);
            let list = || Some("1/configmaps/1".to_owned());
            let mark = |kind| Told { kind, of: "ConfigMap", object: None, list: list() };
            world.tell(&[mark(ListBegin), mark(ListEnd)]).await;
        }
        world.until(1_250).await;
        let ends: Vec<_> = world.of("Misconfigured").iter().filter_map(|(.., reason)| *reason).collect();
        assert_eq!(ends, [EndReason::Recovered], "told: {is_told}");
        assert_eq!(world.of("Unconfigured").len(), 1, "told: {is_told}");
        world.assert_quiet();
    }
}
