use crate::objects::SCHEDULERS;
use crate::program::start;
use crate::site::Site;
use anyhow::Result;
use prodrome_test_cluster::Cluster;
use serde_json::json;
use std::process::Command;

/// Starts what makes a cluster of an API server: the controllers and the scheduler, which is several by their names.
pub(crate) fn start_controllers(site: &Site, cluster: &Cluster) -> Result<()> {
    let manager = cluster.component_kubeconfig("system:kube-controller-manager");
    let mut program = Command::new(site.part("kube-controller-manager"));
    program.args(["--bind-address=127.0.0.1", "--use-service-account-credentials=true"]);
    program.arg(format!("--kubeconfig={}", manager.display()));
    program.arg(format!("--service-account-private-key-file={}", cluster.accounts_key().display()));
    program.arg(format!("--root-ca-file={}", cluster.certificate().display()));
    start(&mut program, &site.log("kube-controller-manager"))?;

    let scheduler = cluster.component_kubeconfig("system:kube-scheduler");
    let names = ["default-scheduler"].into_iter().chain(SCHEDULERS);
    let profiles: Vec<_> = names.map(|name| json!({ "schedulerName": name })).collect();
    let settings = json!({
        "apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration",
        "clientConnection": { "kubeconfig": scheduler },
        "profiles": profiles,
    });
    let file = site.folder.join("kube-scheduler.json");
    std::fs::write(&file, settings.to_string())?;
    let mut program = Command::new(site.part("kube-scheduler"));
    program.arg("--bind-address=127.0.0.1").arg(format!("--config={}", file.display()));
    start(&mut program, &site.log("kube-scheduler"))?;
    Ok(())
}
