//! What is asked of Prometheus.

use prodrome_plugin::{Context, Object};

/// A metric, and the least difference that matters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Metric {
    pub(crate) name: String,
    pub(crate) query: String,
    pub(crate) floor: f64,
}

impl Metric {
    pub(crate) fn given(name: &str, query: &str) -> Self {
        Self { name: name.to_owned(), query: query.to_owned(), floor: 0.0 }
    }
}

/// What is looked at where a flow names no query. Means over pods, so that their number does not matter.
pub(crate) fn usual(kind: &str) -> Vec<Metric> {
    let of = |(name, query, floor): &(&str, &str, f64)| Metric {
        name: (*name).to_owned(),
        query: (*query).to_owned(),
        floor: *floor,
    };
    if kind == "Node" { OF_NODES.iter().map(of).collect() } else { OF_PODS.iter().map(of).collect() }
}

const OF_PODS: &[(&str, &str, f64)] = &[
    (
        "CPU per pod (cores)",
        r#"avg(sum by (pod) (rate(container_cpu_usage_seconds_total{namespace="$namespace",pod=~"$workload-.*|$pod",container!=""}[5m])))"#,
        0.05,
    ),
    (
        "memory per pod (MiB)",
        r#"avg(sum by (pod) (container_memory_working_set_bytes{namespace="$namespace",pod=~"$workload-.*|$pod",container!=""}))/1048576"#,
        16.0,
    ),
    (
        "share of throttled CPU periods",
        r#"sum(rate(container_cpu_cfs_throttled_periods_total{namespace="$namespace",pod=~"$workload-.*|$pod"}[5m]))/sum(rate(container_cpu_cfs_periods_total{namespace="$namespace",pod=~"$workload-.*|$pod"}[5m]))"#,
        0.1,
    ),
    (
        "bytes received per pod and second",
        r#"avg(sum by (pod) (rate(container_network_receive_bytes_total{namespace="$namespace",pod=~"$workload-.*|$pod"}[5m])))"#,
        10_000.0,
    ),
    ("load of the node by CPU", r#"avg(node_load1{instance=~"$node.*"} or node_load1{node="$node"})"#, 1.0),
];

const OF_NODES: &[(&str, &str, f64)] = &[
    ("load of the node", r#"avg(node_load1{instance=~"$node.*"} or node_load1{node="$node"})"#, 1.0),
    (
        "memory of the node in use (share)",
        r#"1-avg((node_memory_MemAvailable_bytes{instance=~"$node.*"}/node_memory_MemTotal_bytes{instance=~"$node.*"}) or (node_memory_MemAvailable_bytes{node="$node"}/node_memory_MemTotal_bytes{node="$node"}))"#,
        0.1,
    ),
    (
        "CPU of the containers on the node (cores)",
        r#"sum(rate(container_cpu_usage_seconds_total{node="$node",container!=""}[5m]))"#,
        0.2,
    ),
];

/// What the names in a query stand for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    namespace: String,
    pod: String,
    workload: String,
    node: String,
}

impl Names {
    pub(crate) fn of(context: &Context, pod: Option<&Object>) -> Self {
        let object = context.object();
        let node = if object.kind == "Node" {
            object.name.clone()
        } else {
            pod.map_or("", |pod| pod.text("/spec/nodeName")).to_owned()
        };
        Self {
            namespace: object.namespace.clone().unwrap_or_default(),
            pod: pod.map_or(object.name.as_str(), Object::name).to_owned(),
            workload: context.workload().name.clone(),
            node,
        }
    }

    /// A query with its names; `None` where one is not known, or could be more than a name.
    pub(crate) fn fill(&self, query: &str) -> Option<String> {
        let mut text = query.to_owned();
        for (hole, value) in [
            ("$namespace", &self.namespace),
            ("$pod", &self.pod),
            ("$workload", &self.workload),
            ("$node", &self.node),
        ] {
            if text.contains(hole) {
                let sound = !value.is_empty()
                    && value
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.'));
                if !sound {
                    return None;
                }
                text = text.replace(hole, value);
            }
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_more_than_a_name_is_not_put_into_a_query() {
        let names = |pod: &str| Names {
            namespace: "shop".into(),
            pod: pod.into(),
            workload: "web".into(),
            node: String::new(),
        };
        assert_eq!(names("web-0").fill(r#"x{pod="$pod"}"#).as_deref(), Some(r#"x{pod="web-0"}"#));
        assert_eq!(names(r#"a"} or up{x=""#).fill(r#"x{pod="$pod"}"#), None);
        assert_eq!(names("web-0").fill(r#"x{node="$node"}"#), None);
    }
}
