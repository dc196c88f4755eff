//! Who else pulls from the same registry, and how it goes for them: on which nodes it fails, and on which it has
//! succeeded lately.

use jiff::{SignedDuration, Timestamp};
use prodrome_plugin::pod::{containers, waits_for_image};
use prodrome_plugin::{Evidence, Object, counted};
use std::collections::BTreeSet;

/// A container that was started longer ago says nothing of the registry as it is now.
const LATELY: SignedDuration = SignedDuration::from_mins(30);
const NAMED_MAX: usize = 3;

/// All pods with an image of one registry.
pub(crate) struct Peers<'a> {
    /// Those that wait for it.
    waiting: Vec<&'a Object>,
    /// Nodes on which a container with such an image was started lately.
    well_on: BTreeSet<&'a str>,
    /// Nodes on which the very same image was.
    same_on: BTreeSet<&'a str>,
}

impl<'a> Peers<'a> {
    pub(crate) fn of(all: &'a [Object], registry: &str, image: &str, now: Timestamp) -> Self {
        let mut peers = Self { waiting: Vec::new(), well_on: BTreeSet::new(), same_on: BTreeSet::new() };
        for pod in all {
            if waits_for_image(pod).is_some_and(|container| crate::host(&container.image) == registry) {
                peers.waiting.push(pod);
                continue;
            }
            let node = pod.text("/spec/nodeName");
            for container in containers(pod) {
                let lately = container.running.is_some_and(|since| now.duration_since(since) < LATELY);
                if !node.is_empty() && lately && crate::host(&container.image) == registry {
                    peers.well_on.insert(node);
                    if container.image == image {
                        peers.same_on.insert(node);
                    }
                }
            }
        }
        peers
    }

    /// Nodes on which it fails.
    fn failing_on(&self) -> BTreeSet<&'a str> {
        self.waiting.iter().map(|pod| pod.text("/spec/nodeName")).filter(|name| !name.is_empty()).collect()
    }

    /// The node to which it is due: it fails there alone, while others pull from the same registry.
    pub(crate) fn node_at_fault(&self) -> Option<&'a str> {
        let failing = self.failing_on();
        let elsewhere = self.well_on.iter().any(|node| !failing.contains(node));
        let here = failing.iter().any(|node| self.well_on.contains(node));
        let [node] = failing.into_iter().collect::<Vec<_>>()[..] else { return None };
        (elsewhere && !here).then_some(node)
    }

    pub(crate) fn evidence(&self, registry: &str) -> Vec<Evidence> {
        let mut told = Vec::new();
        let (pods, nodes) = (self.waiting.len(), self.failing_on().len());
        let namespaces: BTreeSet<&str> = self.waiting.iter().filter_map(|pod| pod.namespace()).collect();
        if pods > 1 {
            let on = if nodes == 0 { String::new() } else { format!(" on {}", counted(nodes, "node")) };
            let text = format!(
                "{pods} pods in {}{on} wait for images of {registry}",
                counted(namespaces.len(), "namespace")
            );
            told.push(Evidence::new("peers", text));
        }
        let named =
            |nodes: &BTreeSet<&str>| nodes.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
        if !self.same_on.is_empty() {
            let text =
                format!("the same image was started on {} in the last 30 minutes", named(&self.same_on));
            told.push(Evidence::new("peers", text));
        } else if !self.well_on.is_empty() {
            let text = format!(
                "other images of {registry} were started on {} in the last 30 minutes",
                named(&self.well_on)
            );
            told.push(Evidence::new("peers", text));
        }
        told
    }
}
