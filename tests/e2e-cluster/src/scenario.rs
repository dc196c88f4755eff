use crate::faults::faults;
use crate::healthy::healthy;
use crate::life::nodes;
use crate::objects::{deployment, image, on};
use serde_json::{Value, json};

/// What is done to a namespace of its own, and what of it has to be told.
pub(crate) struct Scenario {
    /// The namespace.
    pub(crate) name: &'static str,
    /// What is made in it at the beginning, in order.
    pub(crate) objects: Vec<Value>,
    /// What is done later, after so many seconds.
    pub(crate) steps: Vec<(u64, Act)>,
    /// What ends the fault, done in this order once it was told.
    pub(crate) mend: Vec<Act>,
    /// How long it may take then until its end is told.
    pub(crate) ends_within_seconds: u64,
    pub(crate) expected: Expected,
}

/// Something that is done.
#[derive(Clone)]
pub(crate) enum Act {
    /// By kubectl, in the scenario's namespace.
    Kubectl(Vec<String>),
    /// The same, and it must be refused.
    KubectlInVain(Vec<String>),
    /// An object is made or changed.
    Apply(Value),
    /// The kubelet of a node is killed.
    KillKubelet(&'static str),
    /// It is started again.
    StartKubelet(&'static str),
    /// The containerd of a node is killed.
    KillContainerd(&'static str),
    /// It is started again.
    StartContainerd(&'static str),
    /// The settings of a node's network of pods are taken away.
    TakeNetwork(&'static str),
    /// They are given back.
    GiveNetwork(&'static str),
    /// A folder of a node is made.
    MakeFolder(&'static str, &'static str),
}

/// What has to be told.
pub(crate) enum Expected {
    /// Nothing.
    Silence,
    /// One alert, by one of these rules (whichever sees it first), with this cause, so many seconds after the last step.
    Alert { rules: &'static [&'static str], cause: &'static str, within_seconds: u64 },
}

/// Most rules wait for five minutes; checks that fall due are looked for each minute, and a cause takes its time.
const FIVE_MINUTES_AND_SOME: u64 = 390;
/// What has ended has to stay so for two minutes and a half, by most rules.
const THREE_MINUTES: u64 = 180;
/// The nodes: most things are on the first, the others are where nodes are in trouble. The third and the fourth have those
/// images that would make the first look as if it reached no registry.
pub(crate) const NODES: [&str; 4] = ["node-a", "node-b", "node-c", "node-d"];
/// The node that takes only pods which tolerate it, as in most clusters there are some.
pub(crate) const DEDICATED: &str = NODES[3];
/// Kinds that are in no namespace. An object of them that something may be told of is called what its scenario is.
const OF_THE_CLUSTER: [&str; 5] =
    ["CSIDriver", "PersistentVolume", "PriorityClass", "StorageClass", "ValidatingWebhookConfiguration"];

impl Scenario {
    /// Whatever is healthy.
    pub(crate) fn quiet(name: &'static str, objects: Vec<Value>) -> Self {
        Self {
            name,
            objects,
            steps: Vec::new(),
            mend: Vec::new(),
            ends_within_seconds: THREE_MINUTES,
            expected: Expected::Silence,
        }
    }

    /// What lasts, from the beginning on.
    pub(crate) fn fault(
        name: &'static str,
        objects: Vec<Value>,
        rules: &'static [&'static str],
        cause: &'static str,
    ) -> Self {
        let expected = Expected::Alert { rules, cause, within_seconds: FIVE_MINUTES_AND_SOME };
        Self { expected, ..Self::quiet(name, objects) }
    }

    /// A pod whose only container has such an image.
    pub(crate) fn pull(
        name: &'static str,
        reference: &str,
        rules: &'static [&'static str],
        cause: &'static str,
    ) -> Self {
        Self::fault(name, vec![deployment("app", 1, image(reference))], rules, cause)
    }

    /// On another node than the first.
    pub(crate) fn elsewhere(mut self, node: &str) -> Self {
        for object in &mut self.objects {
            let pod = object["spec"]["template"]["spec"].take();
            object["spec"]["template"]["spec"] = on(node, pod);
        }
        self
    }

    /// So many seconds are enough.
    pub(crate) fn within(mut self, seconds: u64) -> Self {
        if let Expected::Alert { within_seconds, .. } = &mut self.expected {
            *within_seconds = seconds;
        }
        self
    }

    /// Something is done so many seconds after the beginning.
    pub(crate) fn then(mut self, after_seconds: u64, act: Act) -> Self {
        self.steps.push((after_seconds, act));
        self
    }

    /// What ends it, once it was told; or the next thing that does.
    pub(crate) fn mended_by(mut self, act: Act) -> Self {
        self.mend.push(act);
        self
    }

    /// So many seconds are enough for the word of its end.
    pub(crate) fn ends_within(self, seconds: u64) -> Self {
        Self { ends_within_seconds: seconds, ..self }
    }

    /// The namespace and what is in it.
    pub(crate) fn all_objects(&self) -> Vec<Value> {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.name } });
        let within = self.objects.iter().map(|object| in_namespace(object, self.name));
        [namespace].into_iter().chain(within).collect()
    }

    /// After so many seconds all of it has to be over.
    pub(crate) fn lasts(&self) -> u64 {
        let begins = self.steps.last().map_or(0, |(seconds, _)| *seconds);
        let told = match self.expected {
            Expected::Silence => 0,
            Expected::Alert { within_seconds, .. } => within_seconds,
        };
        begins + told + if self.mend.is_empty() { 0 } else { self.ends_within_seconds }
    }
}

/// The object, in a namespace where it is in one.
pub(crate) fn in_namespace(object: &Value, namespace: &str) -> Value {
    let mut object = object.clone();
    if !OF_THE_CLUSTER.iter().any(|kind| object["kind"] == *kind) {
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}

/// All of them. They begin at the same time.
pub(crate) fn scenarios() -> Vec<Scenario> {
    [faults(), nodes(), healthy()].into_iter().flatten().collect()
}

impl Act {
    /// By kubectl, in words without spaces.
    pub(crate) fn kubectl(words: &str) -> Self {
        Self::Kubectl(words.split(' ').map(str::to_owned).collect())
    }

    /// An object, as `kind/name`, gets other values in these fields; those that are null it loses.
    pub(crate) fn patch(object: &str, fields: &Value) -> Self {
        Self::Kubectl(["patch", object, "-p", &fields.to_string()].map(str::to_owned).to_vec())
    }

    /// The same as [`Self::kubectl`], which must be refused.
    pub(crate) fn kubectl_in_vain(words: &str) -> Self {
        Self::KubectlInVain(words.split(' ').map(str::to_owned).collect())
    }
}
