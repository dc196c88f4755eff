use crate::Params;
use prodrome_plugin::Object;
use serde_json::Value;

/// So many are asked; a balancer has few addresses, and one host of many tells enough.
const TARGETS_MAX: usize = 12;
/// How long a path may be that is asked.
const PATH_MAX: usize = 200;

/// What is asked at an address of the balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// An IP address or a host name.
    pub(crate) address: String,
    pub(crate) way: Way,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    /// Whether somebody accepts connections.
    Tcp { port: u16 },
    /// What is answered for a host and a path.
    Http { host: String, path: String, port: u16, tls_port: u16, tls: bool },
}

/// What an object promises.
pub(crate) fn targets(object: &Object, params: &Params) -> Vec<Target> {
    let addresses: Vec<&str> =
        object.list("/status/loadBalancer/ingress").iter().filter_map(address).collect();
    let ways = match object.kind() {
        "Service" => ports(object),
        "Ingress" => hosts(object, params),
        _ => Vec::new(),
    };
    let of_address = |address: &&str| {
        let address = (*address).to_owned();
        ways.iter().map(move |way| Target { address: address.clone(), way: way.clone() })
    };
    addresses.iter().flat_map(of_address).take(TARGETS_MAX).collect()
}

fn address(ingress: &Value) -> Option<&str> {
    let text = |key: &str| ingress[key].as_str().filter(|text| !text.is_empty());
    text("hostname").or_else(|| text("ip"))
}

fn ports(service: &Object) -> Vec<Way> {
    if service.text("/spec/type") != "LoadBalancer" {
        return Vec::new();
    }
    let is_tcp = |port: &&Value| matches!(port["protocol"].as_str(), None | Some("TCP"));
    let number = |port: &Value| u16::try_from(port["port"].as_u64()?).ok();
    let ports = service.list("/spec/ports").iter().filter(is_tcp).filter_map(number);
    ports.map(|port| Way::Tcp { port }).collect()
}

fn hosts(ingress: &Object, params: &Params) -> Vec<Way> {
    let rules = ingress.list("/spec/rules").iter();
    let hosts = rules.filter_map(|rule| {
        let host = rule["host"].as_str().filter(|host| is_plain(host))?;
        Some(Way::Http {
            host: host.to_owned(),
            path: path(rule),
            port: params.http_port,
            tls_port: params.https_port,
            tls: has_tls(ingress, host),
        })
    });
    hosts.collect()
}

/// A host that can be asked for: any of a wildcard is nobody's in particular.
fn is_plain(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 253
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

fn has_tls(ingress: &Object, host: &str) -> bool {
    let mut entries = ingress.list("/spec/tls").iter();
    let covers = |name: &str| {
        let parent = host.split_once('.').map(|(_, parent)| parent);
        name == host || (name.strip_prefix("*.").is_some_and(|rest| Some(rest) == parent))
    };
    entries.any(|entry| {
        let hosts = entry["hosts"].as_array().map_or(&[][..], Vec::as_slice);
        hosts.is_empty() || hosts.iter().filter_map(Value::as_str).any(covers)
    })
}

/// The first path of a rule that is one, and no pattern.
fn path(rule: &Value) -> String {
    let paths = rule["http"]["paths"].as_array().map_or(&[][..], Vec::as_slice);
    let is_path = |path: &&str| {
        path.starts_with('/')
            && path.len() <= PATH_MAX
            && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~".contains(&b))
    };
    paths.iter().filter_map(|path| path["path"].as_str()).find(is_path).unwrap_or("/").to_owned()
}
