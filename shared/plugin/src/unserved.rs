//! Whether a Service serves the port at which it is called.

use crate::context::Context;
use crate::dependency::service_of;
use crate::object::Object;
use prodrome_causes::Cause;
use prodrome_model::{Evidence, PluginResponse};
use serde_json::Value;

/// Words of a text that are looked at for addresses.
const WORDS_MAX: usize = 400;

/// A Service that is called at a port which it does not serve.
#[derive(Debug)]
pub struct Unserved {
    /// The Service.
    pub service: Object,
    /// How it is called: `kafka:9999`.
    pub called: String,
}

impl Unserved {
    /// That the address is wrong, of whoever is told to call it.
    pub fn response(&self, confidence: f64) -> PluginResponse {
        let (name, called) = (self.service.name(), &self.called);
        let ports = ports(&self.service).map(|port| port.to_string()).collect::<Vec<_>>().join(", ");
        let summary = format!("it calls {called}, and the Service {name} serves {ports}");
        let evidence =
            Evidence::new("spec", format!("its ports are {ports}")).on(self.service.reference().clone());
        PluginResponse::cause(Cause::AppConfigWrong.id(), confidence, summary)
            .because(evidence)
            .remedy(format!("Correct the port in the setting that says {called}; {name} serves {ports}."))
    }
}

impl Context {
    /// The Service that texts of a pod name with a port, where they name it with none that it serves. Of an address that a
    /// pod behind it says it listens on, either may be wrong, so that it is not told.
    pub async fn unserved(&self, pod: &Object, texts: &[&str]) -> Option<Unserved> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "-.:@".contains(c);
        let words = texts.iter().flat_map(|text| text.split(move |c| !is_part(c))).take(WORDS_MAX);
        let addresses: Vec<(String, String, u64, &str)> = words
            .filter_map(|word| {
                // What stands before it is somebody's name and password.
                let word = word.rsplit('@').next().unwrap_or(word).trim_matches(['.', ':']);
                let (host, port) = word.rsplit_once(':')?;
                let (name, namespace) = service_of(host, pod.namespace())?;
                Some((name, namespace, port.parse().ok()?, word))
            })
            .collect();
        for (name, namespace, port, called) in &addresses {
            let Ok(Some(service)) = self.cluster().get("Service", Some(namespace), name).await else {
                continue;
            };
            let mut of_it = addresses.iter().filter(|(other, of, ..)| other == name && of == namespace);
            let listens = |behind: &Object| listens(behind, *port);
            if of_it.any(|(_, _, port, _)| ports(&service).any(|served| served == *port))
                || !is_forwarded(&service, pod)
                || self.pods_of(&service).await.ok()?.iter().any(listens)
            {
                continue;
            }
            return Some(Unserved { service, called: (*called).to_owned() });
        }
        None
    }
}

/// Whether calls of a Service by a pod go to its ports and to no other: a headless one resolves to pods, and another name to
/// whoever has it. What a pod says of its own Service may be where it listens.
fn is_forwarded(service: &Object, by: &Object) -> bool {
    let own =
        service.selector("/spec/selector").is_some_and(|selector| selector.selects(&by.metadata().labels));
    !own && service.text("/spec/type") != "ExternalName"
        && service.text("/spec/clusterIP") != "None"
        && ports(service).next().is_some()
}

fn ports(service: &Object) -> impl Iterator<Item = u64> {
    service.list("/spec/ports").iter().filter_map(|entry| entry["port"].as_u64())
}

fn listens(pod: &Object, port: u64) -> bool {
    let containers = pod.list("/spec/containers").iter();
    let declared = |container: &Value| container["ports"].as_array().cloned().unwrap_or_default();
    containers.flat_map(declared).any(|entry| entry["containerPort"].as_u64() == Some(port))
}
