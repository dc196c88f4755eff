//! Claims that get no volume, and volumes that do not come to their pods.

use crate::objects::{
    claim, deployment, folder, program, scheduled_by, shell, volume, with_claim, with_volume,
};
use crate::scenario::{Act, NODES, Scenario};
use crate::site::CLOSED;
use serde_json::json;

const NOT_MOUNTED: &[&str] = &["PodVolumeNotMounted"];
/// They wait three minutes for a volume.
const NOT_MOUNTED_WITHIN: u64 = 270;
const DRIVER: &str = "files.csi.example.com";
/// Where the pod of a scenario looks for data on its node, in what is the node's own.
const AGENT_DATA: &str = "/var/lib/agent-data";

pub(super) fn volumes() -> Vec<Scenario> {
    let writes = "sleep 20; dd if=/dev/zero of=/data/f bs=1M count=60; sleep 600";
    let fills = with_volume(shell(writes), json!({ "emptyDir": { "sizeLimit": "20Mi" } }));
    let db = || deployment("db", 1, with_claim(scheduled_by("storage", program()), "data"));
    let (no_driver, no_provisioner) = ("volume-csi-driver-not-registered", "unschedulable-pvc-provisioner");
    let driver = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": { "name": DRIVER },
        "spec": { "attachRequired": false },
    });
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": { "name": no_provisioner },
        "provisioner": "disk.csi.example.com",
    });
    let of_driver = ("csi", json!({ "driver": DRIVER, "volumeHandle": "vol-2" }));
    let agent = with_volume(program(), json!({ "hostPath": { "path": AGENT_DATA, "type": "Directory" } }));
    let nfs = with_volume(program(), json!({ "nfs": { "server": CLOSED.to_string(), "path": "/export" } }));
    vec![
        Scenario::fault(
            "evicted",
            vec![deployment("cache", 1, fills)],
            &["PodEvictedOverLimit"],
            "evicted-storage-limit",
        )
        .within(240),
        Scenario::fault(
            "claim-without-class",
            vec![claim(Some("gold")), deployment("db", 1, with_claim(program(), "data"))],
            &["PVCProvisioningFailing"],
            "storageclass-missing",
        ),
        Scenario::fault(
            "unschedulable-pvc-no-class",
            vec![claim(None), db()],
            &["PVCWithoutClass"],
            "pvc-unbound",
        )
        .mended_by(Act::Apply(volume("unschedulable-pvc-no-class", "", folder()))),
        Scenario::fault(
            no_provisioner,
            vec![class, claim(Some(no_provisioner)), db()],
            &["PVCNotProvisioned"],
            "csi-controller-down",
        )
        .mended_by(Act::Apply(volume(no_provisioner, no_provisioner, folder()))),
        Scenario::fault(
            "pvc-deleting-in-use",
            vec![
                volume("pvc-deleting-in-use", "manual", folder()),
                claim(Some("manual")),
                deployment("db", 1, with_claim(program(), "data")),
            ],
            &["PVCDeletingInUse"],
            "finalizer-stuck",
        )
        .then(40, Act::kubectl("delete pvc data --wait=false"))
        .mended_by(Act::kubectl("scale deployment/db --replicas=0")),
        Scenario::fault(
            no_driver,
            vec![driver, volume(no_driver, "manual", of_driver), claim(Some("manual")), db()],
            NOT_MOUNTED,
            "csi-driver-missing",
        )
        .within(NOT_MOUNTED_WITHIN),
        Scenario::fault(
            "volume-hostpath-type",
            vec![deployment("agent", 1, agent)],
            NOT_MOUNTED,
            "volume-not-found",
        )
        .within(NOT_MOUNTED_WITHIN)
        .mended_by(Act::MakeFolder(NODES[0], AGENT_DATA))
        // A mount that failed is tried again at last after two minutes.
        .ends_within(300),
        // Where the machine has the program that mounts NFS, it is that nobody listens.
        Scenario::fault(
            "volume-nfs-fails",
            vec![deployment("db", 1, nfs)],
            NOT_MOUNTED,
            "mount-program-missing",
        )
        .within(NOT_MOUNTED_WITHIN),
    ]
}
