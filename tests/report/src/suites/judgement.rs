//! Where a suite's verdict and an SRE's judgement differ: written down by class of cases, instead of bending a rule.

use super::Mistake;
use super::case::Judged;
use crate::markdown::Table;
use std::collections::{BTreeMap, BTreeSet};

/// A class of cases of a suite: the kinds, what is counted as a mistake, what the suite says, and what an SRE does.
struct Class {
    suite: &'static str,
    kinds: &'static [&'static str],
    mistake: Mistake,
    theirs: &'static str,
    ours: &'static str,
}

const fn class(
    suite: &'static str,
    kinds: &'static [&'static str],
    mistake: Mistake,
    theirs: &'static str,
    ours: &'static str,
) -> Class {
    Class { suite, kinds, mistake, theirs, ours }
}

const CLASSES: &[Class] = &[
    class(
        "argo",
        &["kafka.strimzi.io/KafkaBridge", "kafka.strimzi.io/KafkaConnect"],
        Mistake::False,
        "an object that is being deleted is as healthy as its last condition",
        "one whose deletion hangs on a finalizer for half an hour is told of: nobody else will notice",
    ),
    class(
        "argo",
        &["promoter.argoproj.io/CommitStatus"],
        Mistake::False,
        "an object is well that reports that what it watches has failed",
        "a failed check is worth a word wherever it is written; where it is not, it is one rule to exclude",
    ),
    class(
        "argo",
        &["rabbitmq.com/Exchange"],
        Mistake::False,
        "what the status says is taken for the spec that is there now",
        "the status is of an older generation: pending for a quarter of an hour, then somebody asks why the operator \
         does not look",
    ),
    class(
        "argo",
        &["sql.cnrm.cloud.google.com/SQLInstance"],
        Mistake::False,
        "waiting for what it depends on is a rest",
        "it is pending, and fires where the wait does not end",
    ),
    class(
        "argo",
        &["controlplane.cluster.x-k8s.io/AWSManagedControlPlane"],
        Mistake::TooEarly,
        "not ready without a reason is on its way, however long",
        "its own condition says that it has not been ready for two hours: that is told",
    ),
    class(
        "argo",
        &["apps.kruise.io/AdvancedCronJob"],
        Mistake::Missed,
        "a schedule that has not run yet is degraded",
        "it is not due yet, or young; nothing in the object tells which",
    ),
    class(
        "argo",
        &["tower.ansible.com/AnsibleJob"],
        Mistake::Missed,
        "a run that was canceled is degraded",
        "somebody canceled it",
    ),
    class(
        "argo",
        &[
            "numaflow.numaproj.io/InterStepBufferService",
            "numaflow.numaproj.io/MonoVertex",
            "numaflow.numaproj.io/Pipeline",
        ],
        Mistake::Missed,
        "a label of another operator says that an upgrade failed, while every condition of the object is well",
        "the other operator's object is told of; what runs here is the version that works",
    ),
    class(
        "argo",
        &["promoter.argoproj.io/ArgoCDCommitStatus"],
        Mistake::Missed,
        "an empty list of what a selector found is a fault",
        "an empty list is absent to the API, and most selectors that find nothing are young",
    ),
    class(
        "argo",
        &["microgateway.airlock.com/RateLimitPolicy"],
        Mistake::Missed,
        "an ancestor that has no condition Accepted has not accepted",
        "it says nothing about that; one that refuses says so in a condition, and is told of",
    ),
    class(
        "argo",
        &["game.kruise.io/GameServer"],
        Mistake::Missed,
        "a condition that an operator copied from a pod into a corner of its own status counts",
        "the pod has it too, and is told of; the object calls itself Ready",
    ),
    class(
        "k8sgpt",
        &["ConfigMap"],
        Mistake::Missed,
        "where there is no pod at all nobody reads the ConfigMap",
        "files without a single pod do not show who reads it; in a cluster it is told after a week",
    ),
    class(
        "k8sgpt",
        &["batch/Job"],
        Mistake::Missed,
        "one failed pod makes a Job degraded",
        "it tries again up to its backoffLimit; the condition Failed is told at once, three failed pods as well",
    ),
    class(
        "k8sgpt",
        &["autoscaling/HorizontalPodAutoscaler"],
        Mistake::Missed,
        "an autoscaler at its maximum is degraded even where minimum and maximum are the same",
        "it is pinned on purpose",
    ),
    class(
        "k8sgpt",
        &["olm.operatorframework.io/ClusterExtension"],
        Mistake::Missed,
        "a value of the spec that the API refuses, in an object without a status",
        "it cannot be in a cluster",
    ),
    class(
        "k8sgpt",
        &["operators.coreos.com/OperatorGroup"],
        Mistake::Missed,
        "two in one namespace",
        "right, and not in the language, which does not count objects; the subscription's own status tells of it",
    ),
    class(
        "k8sgpt",
        &["storage.k8s.io/StorageClass"],
        Mistake::Missed,
        "two default classes",
        "the newest counts, by design: a step of a move from one to the other",
    ),
    class(
        "k8sgpt",
        &["admissionregistration.k8s.io/MutatingWebhookConfiguration"],
        Mistake::Missed,
        "a pod without a status does not run",
        "no kubelet has spoken yet; one that runs and is not ready is told of by its Service",
    ),
    class(
        "k8sgpt",
        &["Service"],
        Mistake::False,
        "a Service whose Endpoints hold an old leader election is left alone",
        "elections have been in leases for years; the Service selects nothing all the same",
    ),
    class(
        "mixin",
        &["Node"],
        Mistake::Missed,
        "nearly as many pods as the kubelet takes",
        "right, and not in the language, which does not count objects; a pod that finds no place is told of",
    ),
    class(
        "mixin",
        &["Node", "Pod", "apps/Deployment", "apps/DaemonSet"],
        Mistake::TooEarly,
        "ten to fifteen minutes of a scraped metric have to pass",
        "a node under pressure, a crash loop and a rollout past its own deadline are certain before that",
    ),
    class(
        "mixin",
        &["Node", "apps/DaemonSet"],
        Mistake::False,
        "over with the sample in which the value is back",
        "told until it has held for a while; the next sample might be another",
    ),
    class(
        "popeye",
        &["Pod"],
        Mistake::Missed,
        "containers in states that no kubelet writes (ready and terminated at once, a reason of the test's own)",
        "they cannot be in a cluster",
    ),
    class(
        "popeye",
        &["Node"],
        Mistake::Missed,
        "a node that is cordoned and not ready",
        "somebody is at work on it; where it is forgotten, `NodeCordonedForgotten` says so after a day",
    ),
    class(
        "popeye",
        &["Secret"],
        Mistake::Missed,
        "a Secret that nobody reads",
        "to know of it the cluster's Secrets would have to be read, which is an overlay of its own",
    ),
    class(
        "popeye",
        &["rbac.authorization.k8s.io/ClusterRole"],
        Mistake::Missed,
        "nobody is bound to the role, in files without any binding",
        "files without a binding do not show who is bound; in a cluster it is told after a week",
    ),
    class(
        "popeye",
        &["apps/ReplicaSet"],
        Mistake::Missed,
        "the ReplicaSet of a Deployment lacks pods",
        "its Deployment is told of, once; not each of its ReplicaSets",
    ),
    class(
        "popeye",
        &["apps/StatefulSet"],
        Mistake::Missed,
        "no pod matches, in an object without a status",
        "its controller has not looked yet; with a status it is told of",
    ),
    class(
        "popeye",
        &["networking.k8s.io/NetworkPolicy"],
        Mistake::Missed,
        "one of several peers of an ingress rule matches no pod",
        "a policy may allow what is not there yet; one whose own selector matches nothing is told of",
    ),
    class(
        "popeye",
        &["cilium.io/CiliumEndpoint"],
        Mistake::Missed,
        "the endpoint's pod is in no phase",
        "a pod that its kubelet has not spoken of yet; the endpoint calls itself ready",
    ),
    class(
        "popeye",
        &["networking.k8s.io/Ingress"],
        Mistake::False,
        "silent on an Ingress whose class is not among the files",
        "the class is named and not there",
    ),
];

/// How the mistakes are judged, by class; those that no class is about at the end, by kind.
pub(super) fn by_class(judged: &[Judged]) -> String {
    let mut counts: BTreeMap<usize, (BTreeSet<&str>, usize)> = BTreeMap::new();
    let mut open: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for one in judged {
        let Some(mistake) = one.mistake() else { continue };
        let is_about = |class: &Class| {
            class.suite == one.suite && class.mistake == mistake && class.kinds.contains(&&*one.kind)
        };
        if let Some(index) = CLASSES.iter().position(is_about) {
            let (kinds, count) = counts.entry(index).or_default();
            kinds.insert(&one.kind);
            *count += 1;
        } else {
            *open.entry((&one.suite, &one.kind, word(mistake))).or_default() += 1;
        }
    }
    let mut table =
        Table::new(&["suite", "kinds", "counted as", ">objects", "the suite says", "an SRE's judgement"]);
    for (index, (kinds, count)) in &counts {
        let class = &CLASSES[*index];
        let kinds = kinds.iter().copied().collect::<Vec<_>>().join(", ");
        table.row(&[&class.suite, &kinds, &word(class.mistake), count, &class.theirs, &class.ours]);
    }
    let mut text = table.finish();
    if !open.is_empty() {
        let open: Vec<_> = open
            .iter()
            .map(|((suite, kind, word), count)| format!("{suite} {kind} {word} ({count})"))
            .collect();
        text = format!("{text}\nNot judged yet: {}.\n", open.join(", "));
    }
    text
}

fn word(mistake: Mistake) -> &'static str {
    match mistake {
        Mistake::Missed => "missed",
        Mistake::False => "false",
        Mistake::TooEarly => "too early",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suites::case::{Key, Verdict};

    fn judged(suite: &str, kind: &str, verdict: Verdict, found: bool) -> Judged {
        let object = Key::new(kind, None, "a");
        let (suite, kind, unit) = (suite.to_owned(), kind.to_owned(), String::new());
        Judged { suite, kind, unit, object, verdict, core: true, found, firing: found }
    }

    #[test]
    fn mistakes_are_counted_by_class_and_those_of_none_are_named() {
        let text = by_class(&[
            judged("argo", "tower.ansible.com/AnsibleJob", Verdict::Degraded, false),
            judged("argo", "tower.ansible.com/AnsibleJob", Verdict::Degraded, true),
            judged("k8sgpt", "ConfigMap", Verdict::Degraded, false),
            judged("k8sgpt", "ConfigMap", Verdict::Degraded, false),
            judged("argo", "example.org/Odd", Verdict::Healthy, true),
        ]);
        assert!(
            text.contains("| argo | tower.ansible.com/AnsibleJob | missed | 1 | a run that was canceled"),
            "{text}"
        );
        assert!(text.contains("| k8sgpt | ConfigMap | missed | 2 | "), "{text}");
        assert!(text.ends_with("\nNot judged yet: argo example.org/Odd false (1).\n"), "{text}");
    }

    #[test]
    fn no_two_classes_are_about_the_same() {
        let mut seen = BTreeSet::new();
        for class in CLASSES {
            for kind in class.kinds {
                assert!(seen.insert((class.suite, *kind, word(class.mistake))), "{kind}");
            }
        }
    }
}
