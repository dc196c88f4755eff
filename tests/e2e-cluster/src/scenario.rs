use crate::objects::{
    claim, deployment, finalized, image, job, on, patched, program, quota, ready, shell, wrong_pull_secret,
};
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
    /// An object is made or changed.
    Apply(Value),
    /// The kubelet of a node is killed.
    KillKubelet(&'static str),
    /// It is started again.
    StartKubelet(&'static str),
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
/// The nodes: most things are on the first, the second is where nodes are in trouble, and the third has those images that
/// would make the first look as if it reached no registry.
pub(crate) const NODES: [&str; 3] = ["node-a", "node-b", "node-c"];

impl Scenario {
    fn quiet(name: &'static str, objects: Vec<Value>) -> Self {
        Self { name, objects, steps: Vec::new(), mend: None, expected: Expected::Silence }
    }

    fn fault(
        name: &'static str,
        objects: Vec<Value>,
        rules: &'static [&'static str],
        cause: &'static str,
    ) -> Self {
        let expected = Expected::Alert { rules, cause, within_seconds: FIVE_MINUTES_AND_SOME };
        Self { expected, ..Self::quiet(name, objects) }
    }

    /// A pod whose only container has such an image.
    fn pull(
        name: &'static str,
        reference: &str,
        rules: &'static [&'static str],
        cause: &'static str,
    ) -> Self {
        Self::fault(name, vec![deployment("app", 1, image(reference))], rules, cause)
    }

    /// On the third node.
    fn elsewhere(mut self) -> Self {
        for object in &mut self.objects {
            let pod = object["spec"]["template"]["spec"].take();
            object["spec"]["template"]["spec"] = on(NODES[2], pod);
        }
        self
    }

    fn within(mut self, seconds: u64) -> Self {
        if let Expected::Alert { within_seconds, .. } = &mut self.expected {
            *within_seconds = seconds;
        }
        self
    }

    fn then(mut self, after_seconds: u64, act: Act) -> Self {
        self.steps.push((after_seconds, act));
        self
    }

    fn mended_by(self, act: Act) -> Self {
        Self { mend: Some(act), ..self }
    }

    /// When the fault has begun, after the beginning of all.
    pub(crate) fn begins_after(&self) -> u64 {
        self.steps.last().map_or(0, |(seconds, _)| *seconds)
    }
}

fn kubectl(words: &str) -> Act {
    Act::Kubectl(words.split(' ').map(str::to_owned).collect())
}

/// All of them. They begin at the same time.
pub(crate) fn scenarios() -> Vec<Scenario> {
    [crashes(), pulls(), settings(), workloads(), nodes(), healthy()].into_iter().flatten().collect()
}

fn crashes() -> Vec<Scenario> {
    let mut eats = patched(program(), json!({ "command": ["eat", "400"] }));
    eats["containers"][0]["resources"] =
        json!({ "limits": { "memory": "48Mi" }, "requests": { "memory": "48Mi" } });
    vec![
        Scenario::fault(
            "crash-loop",
            vec![deployment("worker", 1, shell("echo \"cannot parse config\"; sleep 5; exit 1"))],
            &["PodCrashLooping"],
            "app-config-wrong",
        ),
        Scenario::fault(
            "oom-killed",
            vec![deployment("cache", 1, eats)],
            &["PodOOMKilledOften", "PodOOMKilled"],
            "oom-killed",
        ),
        Scenario::fault(
            "job-failing",
            vec![job("import", 1, "sleep 2; exit 3")],
            &["JobFailed"],
            "app-error",
        )
        .within(150),
    ]
}

fn pulls() -> Vec<Scenario> {
    const FAILING: &[&str] = &["PodImagePullFailing"];
    const TROUBLE: &[&str] = &["PodImageRegistryTrouble"];
    let mut refused = image("private.example.com/shop/web:1.0");
    refused["imagePullSecrets"] = json!([{ "name": "registry" }]);
    vec![
        Scenario::pull("image-tag-missing", "registry.example.com/shop/web:2.7", FAILING, "image-not-found"),
        Scenario::pull(
            "image-repository-missing",
            "registry.example.com/shop/wbe:1.0",
            FAILING,
            "image-not-found",
        ),
        Scenario::pull(
            "image-of-other-platform",
            "registry.example.com/shop/arm:1.0",
            FAILING,
            "image-platform-mismatch",
        ),
        Scenario::pull("image-without-secret", "private.example.com/shop/web:1.0", FAILING, "image-auth"),
        Scenario::fault(
            "image-wrong-password",
            vec![wrong_pull_secret("private.example.com"), deployment("app", 1, refused)],
            FAILING,
            "image-auth",
        ),
        Scenario::pull("registry-closed", "closed.example.com/shop/web:1.0", TROUBLE, "registry-unreachable")
            .elsewhere(),
        Scenario::pull("registry-without-name", "nowhere.example.com/shop/web:1.0", FAILING, "registry-dns"),
        Scenario::pull("registry-name-broken", "broken.example.com/shop/web:1.0", TROUBLE, "registry-dns")
            .elsewhere(),
        Scenario::pull(
            "registry-not-trusted",
            "unknown.example.com/shop/web:1.0",
            TROUBLE,
            "registry-tls-untrusted",
        ),
    ]
}

fn settings() -> Vec<Scenario> {
    const CONFIG: &[&str] = &["PodCreateConfigError"];
    let config_map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "pay" }, "data": { "a": "b" } });
    let from_map = patched(program(), json!({ "envFrom": [{ "configMapRef": { "name": "pay" } }] }));
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "db" }, "stringData": { "user": "a" } });
    let key =
        json!({ "name": "PASSWORD", "valueFrom": { "secretKeyRef": { "name": "db", "key": "password" } } });
    let mut mounts =
        patched(program(), json!({ "volumeMounts": [{ "name": "v", "mountPath": "/etc/app" }] }));
    mounts["volumes"] = json!([{ "name": "v", "configMap": { "name": "absent" } }]);
    let mut mounts_secret = mounts.clone();
    mounts_secret["volumes"] = json!([{ "name": "v", "secret": { "secretName": "absent" } }]);
    vec![
        Scenario::fault(
            "config-map-missing",
            vec![deployment("pay", 1, from_map)],
            CONFIG,
            "config-ref-missing",
        )
        .mended_by(Act::Apply(config_map)),
        Scenario::fault(
            "secret-key-missing",
            vec![secret, deployment("pay", 1, patched(program(), json!({ "env": [key] })))],
            CONFIG,
            "config-ref-missing",
        ),
        Scenario::fault(
            "mount-of-missing-config-map",
            vec![deployment("web", 1, mounts)],
            &["PodConfigMapMissing"],
            "config-ref-missing",
        ),
        // Neither the watcher nor the functions may see Secrets: that the Deployment does not serve is seen first, after
        // 6m40s, and the node's words say why.
        Scenario::fault(
            "mount-of-missing-secret",
            vec![deployment("web", 1, mounts_secret)],
            &["DeploymentUnavailable"],
            "config-ref-missing",
        )
        .within(490),
    ]
}

fn workloads() -> Vec<Scenario> {
    let mut wants = program();
    wants["containers"][0]["resources"] = json!({ "requests": { "cpu": "1k" } });
    let mut some = program();
    some["containers"][0]["resources"] = json!({ "requests": { "cpu": "4m" } });
    let mut claims =
        patched(program(), json!({ "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }));
    claims["volumes"] = json!([{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }]);
    vec![
        Scenario::fault(
            "no-room",
            vec![deployment("batch", 1, wants)],
            &["PodUnschedulable"],
            "insufficient-resources",
        ),
        Scenario::fault(
            "never-ready",
            vec![deployment("web", 1, ready(shell("sleep 100000")))],
            &["PodNotReady"],
            "probe-failed",
        ),
        Scenario::fault(
            "quota",
            vec![quota("team", "5m"), deployment("web", 3, some)],
            &["QuotaDeniesPods"],
            "quota-exceeded",
        ),
        Scenario::fault(
            "claim-without-class",
            vec![claim("data", "gold"), deployment("db", 1, claims)],
            &["PVCProvisioningFailing"],
            "storageclass-missing",
        ),
        Scenario::fault(
            "finalizer",
            vec![finalized("orders")],
            &["NamespaceStuckTerminating"],
            "finalizer-stuck",
        )
        .then(5, kubectl("delete namespace finalizer --wait=false")),
    ]
}

fn nodes() -> Vec<Scenario> {
    let mut drained = ready(program());
    drained["nodeSelector"] = Value::Null;
    // One on each node, where both are there.
    drained["affinity"] = json!({ "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{
        "weight": 100, "podAffinityTerm": {
            "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "web" } } },
    }] } });
    let there = deployment("web", 2, on(NODES[1], ready(program())));
    vec![
        Scenario::quiet("drained", vec![deployment("web", 2, drained)])
            .then(40, kubectl("drain node-b --ignore-daemonsets --delete-emptydir-data --timeout=100s"))
            .then(100, kubectl("uncordon node-b")),
        Scenario::fault("kubelet-stopped", Vec::new(), &["NodeUnreachable"], "node-kubelet-down")
            .then(105, Act::Apply(there))
            .then(130, Act::KillKubelet(NODES[1]))
            .mended_by(Act::StartKubelet(NODES[1]))
            .within(200),
    ]
}

fn healthy() -> Vec<Scenario> {
    let slow = ready(shell("sleep 90; exec httpd -f -p 8080 -h /var/www"));
    vec![
        Scenario::quiet("rollout", vec![deployment("web", 3, ready(program()))])
            .then(60, kubectl("set image deployment/web main=registry.example.com/shop/web:1.1")),
        Scenario::quiet("slow-start", vec![deployment("api", 1, slow)]),
        Scenario::quiet("job-finishing", vec![job("report", 0, "sleep 15; echo done")]),
        Scenario::quiet("scaled-down", vec![deployment("web", 3, ready(program()))])
            .then(90, kubectl("scale deployment/web --replicas=1")),
    ]
}
