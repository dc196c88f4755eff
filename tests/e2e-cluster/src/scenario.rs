use crate::faults::faults;
use crate::life::{healthy, nodes};
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
    /// What ends the fault, done once it was told.
    pub(crate) mend: Option<Act>,
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
/// The nodes: most things are on the first, the others are where nodes are in trouble. The third and the fourth have those
/// images that would make the first look as if it reached no registry.
pub(crate) const NODES: [&str; 4] = ["node-a", "node-b", "node-c", "node-d"];

impl Scenario {
    /// Whatever is healthy.
    pub(crate) fn quiet(name: &'static str, objects: Vec<Value>) -> Self {
        Self { name, objects, steps: Vec::new(), mend: None, expected: Expected::Silence }
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

    /// What ends it, once it was told.
    pub(crate) fn mended_by(self, act: Act) -> Self {
        Self { mend: Some(act), ..self }
    }

    /// The namespace and what is in it.
    pub(crate) fn all_objects(&self) -> Vec<Value> {
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.name } });
        let within = self.objects.iter().map(|object| in_namespace(object, self.name));
        [namespace].into_iter().chain(within).collect()
    }

    /// When the fault has begun, after the beginning of all.
    pub(crate) fn begins_after(&self) -> u64 {
        self.steps.last().map_or(0, |(seconds, _)| *seconds)
    }
}

/// The object, in a namespace.
pub(crate) fn in_namespace(object: &Value, namespace: &str) -> Value {
    let mut object = object.clone();
    object["metadata"]["namespace"] = json!(namespace);
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

    /// The same, which must be refused.
    pub(crate) fn kubectl_in_vain(words: &str) -> Self {
        Self::KubectlInVain(words.split(' ').map(str::to_owned).collect())
    }
}
