use super::node::{Entry, Node, Place, Value};
use super::read::{Mistake, join, read};
use super::{
    BySeverity, Channel, ChannelConfig, ChannelName, Matcher, Pacing, Period, Repeat, Route, Routing,
    RoutingError,
};
use crate::Limit;
use crate::suggest::did_you_mean;
use prodrome_model::Severity;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::{MessageFormatter, UserMessageFormatter};
use std::collections::BTreeMap;

/// A routing file is small; more than this is a mistake or an attack.
const BYTES_MAX: usize = 1024 * 1024;

impl Routing {
    /// Reads a routing file (YAML, or JSON, which is YAML too). `name` is what errors call the file.
    ///
    /// Unknown keys, wrong values and names of channels that do not exist are errors, and all of them are
    /// reported, each at its line and column.
    ///
    /// ```
    /// use prodrome_notify::Routing;
    ///
    /// let routing = Routing::parse("routing.yaml", r#"
    /// channels:
    ///   chat: { type: slack, webhook: { env: SLACK_WEBHOOK } }
    ///   oncall: { type: pagerduty, routingKey: { ssm: /prodrome/pagerduty } }
    /// deny:
    ///   - { namespace: "dev-*" }
    /// routes:
    ///   - { match: { severity: P2, owner: platform }, channels: [oncall], continue: true }
    ///   - { channels: [chat] }
    /// "#).unwrap();
    /// assert_eq!(routing.channels().len(), 2);
    ///
    /// let errors = Routing::parse("routing.yaml", "channels: {}\nroutes: [{chanels: [a]}]\n").unwrap_err();
    /// assert_eq!(errors[0].to_string(), "routing.yaml:1:11 channels: expected at least one channel");
    /// assert_eq!(
    ///     errors[1].to_string(),
    ///     "routing.yaml:2:11 routes[0].chanels: unknown key `chanels`; did you mean `channels`?",
    /// );
    /// ```
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<RoutingError>> {
        let mut mistakes = Vec::new();
        let routing = match parse_tree(text) {
            Ok(tree) => assemble(&tree, &mut mistakes),
            Err(mistake) => {
                mistakes.push(mistake);
                None
            }
        };
        match routing {
            Some(routing) if mistakes.is_empty() => Ok(routing),
            _ => {
                mistakes.sort_by_key(|m| (m.at.line, m.at.column));
                Err(mistakes.into_iter().map(|mistake| located(name, mistake)).collect())
            }
        }
    }
}

fn located(file: &str, mistake: Mistake) -> RoutingError {
    let Mistake { at, path, message, help } = mistake;
    RoutingError {
        file: file.to_owned(),
        line: at.line.max(1),
        column: at.column.max(1),
        path,
        message,
        help,
    }
}

/// How deep a file may be nested: of what it may say nothing is deeper than ten.
const DEPTH_MAX: usize = 32;

fn parse_tree(text: &str) -> Result<Node, Mistake> {
    let whole = |message: String| Mistake { at: Place::default(), path: String::new(), message, help: None };
    if text.len() > BYTES_MAX {
        return Err(whole(format!("expected at most {BYTES_MAX} bytes, found {}", text.len())));
    }
    // Each level is one more call of the reader, and a stack is not without end.
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_depth: DEPTH_MAX } };
    serde_saphyr::from_str_with_options::<Node>(text, options).map_err(|error| {
        let at = error.location().map(Into::into).unwrap_or_default();
        let what = UserMessageFormatter.format_message(error.without_snippet()).into_owned();
        Mistake { at, ..whole(format!("not YAML: {what}")) }
    })
}

/// The file as a whole. What channels are made of depends on their `type` and is read apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(rename = "channels")]
    _channels: IgnoredAny,
    #[serde(default)]
    allow: Vec<Matcher>,
    #[serde(default)]
    deny: Vec<Matcher>,
    #[serde(default)]
    routes: Vec<RouteFile>,
    #[serde(default)]
    default: Vec<ChannelName>,
    #[serde(default)]
    canary: Vec<ChannelName>,
    #[serde(default)]
    repeat_interval: BTreeMap<Severity, Repeat>,
    #[serde(default)]
    pacing: PacingFile,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RouteFile {
    #[serde(default, rename = "match")]
    matcher: Matcher,
    channels: Vec<ChannelName>,
    #[serde(default, rename = "continue")]
    goes_on: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PacingFile {
    gather: Option<Period>,
    #[serde(default)]
    update: BTreeMap<Severity, Period>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LimitFile {
    messages: Count,
    per: Period,
    burst: Option<Count>,
}

impl From<LimitFile> for Limit {
    fn from(file: LimitFile) -> Self {
        Self::new(file.messages.0, file.per.0, file.burst.map_or(1, |burst| burst.0))
    }
}

#[derive(Deserialize)]
#[serde(try_from = "i64")]
struct Count(u32);

impl TryFrom<i64> for Count {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        let count = u32::try_from(number).ok().filter(|count| (1..=100_000).contains(count));
        count.map(Self).ok_or_else(|| format!("expected 1 to 100000, found {number}"))
    }
}

fn assemble(tree: &Node, mistakes: &mut Vec<Mistake>) -> Option<Routing> {
    let file = read::<File>(tree, "", mistakes);
    let channels = read_channels(tree, mistakes);
    check_names(tree, mistakes);
    let File { _channels, allow, deny, routes, default, canary, repeat_interval, pacing } = file?;
    check_matchers(tree, &allow, &deny, &routes, mistakes);
    if routes.is_empty() && default.is_empty() {
        let message = "expected `routes` or `default`: without them nobody is ever told".to_owned();
        mistakes.push(Mistake { at: tree.at, path: String::new(), message, help: None });
    }
    let routes =
        routes.into_iter().map(|r| Route { matcher: r.matcher, channels: r.channels, goes_on: r.goes_on });
    Some(Routing {
        channels,
        allow,
        deny,
        routes: routes.collect(),
        default,
        canary,
        pacing: Pacing::with(pacing.gather, &pacing.update, &repeat_interval),
    })
}

fn read_channels(tree: &Node, mistakes: &mut Vec<Mistake>) -> BTreeMap<ChannelName, Channel> {
    let mut channels = BTreeMap::new();
    let Some(node) = tree.get("channels") else { return channels };
    let Value::Map(entries) = &node.value else {
        mistakes.push(node.mistake("channels", format!("expected a map, found {}", node.value.sort())));
        return channels;
    };
    if entries.is_empty() {
        mistakes.push(node.mistake("channels", "expected at least one channel".to_owned()));
    }
    for entry in entries {
        let path = join("channels", &entry.key);
        if !is_name(&entry.key) {
            let message = "expected a name of 1 to 64 letters, digits, `-`, `_` and `.`".to_owned();
            mistakes.push(Mistake { at: entry.key_at, path: path.clone(), message, help: None });
        }
        if let Some(channel) = read_channel(&entry.node, &path, mistakes) {
            channels.insert(ChannelName::new(&*entry.key), channel);
        }
    }
    channels
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

fn read_channel(node: &Node, path: &str, mistakes: &mut Vec<Mistake>) -> Option<Channel> {
    let Value::Map(entries) = &node.value else {
        mistakes.push(node.mistake(path, format!("expected a map, found {}", node.value.sort())));
        return None;
    };
    let limit = node.get("limit").map(|limit| read::<LimitFile>(limit, &join(path, "limit"), mistakes));
    let Some(kind) = node.get("type") else {
        let help = Some(format!("known types: {}", ChannelConfig::TYPES.join(", ")));
        mistakes.push(Mistake { help, ..node.mistake(path, "`type` is missing".to_owned()) });
        return None;
    };
    let Value::Text(name) = &kind.value else {
        let message = format!("expected a text, found {}", kind.value.sort());
        mistakes.push(kind.mistake(&join(path, "type"), message));
        return None;
    };
    let rest = entries.iter().filter(|entry| entry.key != "type" && entry.key != "limit").cloned().collect();
    let rest = Node { at: node.at, value: Value::Map(rest) };
    let config = ChannelConfig::read((kind, name), &rest, path, mistakes)?;
    let limit = match limit {
        Some(limit) => limit?.into(),
        None => config.limit_default(),
    };
    Some(Channel { config, limit })
}

/// Every name in `default`, `canary` and in the routes is that of a channel. Asked of the tree, so that other mistakes do
/// not keep these back.
fn check_names(tree: &Node, mistakes: &mut Vec<Mistake>) {
    let keys = |node: &Node| node.entries().iter().map(|e| e.key.clone()).collect::<Vec<_>>();
    let known = tree.get("channels").map(keys).unwrap_or_default();
    let mut check = |list: &Node, path: &str| {
        if list.elements().is_empty() && matches!(list.value, Value::List(_)) {
            mistakes.push(list.mistake(path, "expected at least one channel".to_owned()));
        }
        for (i, node) in list.elements().iter().enumerate() {
            let Value::Text(name) = &node.value else { continue };
            if !known.contains(name) {
                let help = match did_you_mean(name, known.iter().map(String::as_str)) {
                    Some(near) => Some(format!("did you mean `{near}`?")),
                    None if known.is_empty() => None,
                    None => Some(format!("the channels are {}", known.join(", "))),
                };
                let mistake = node.mistake(&format!("{path}[{i}]"), format!("there is no channel `{name}`"));
                mistakes.push(Mistake { help, ..mistake });
            }
        }
    };
    for key in ["default", "canary"] {
        if let Some(list) = tree.get(key) {
            check(list, key);
        }
    }
    for (i, route) in tree.get("routes").map(Node::elements).unwrap_or_default().iter().enumerate() {
        if let Some(list) = route.get("channels") {
            check(list, &format!("routes[{i}].channels"));
        }
    }
}

/// A list entry that matches everything silences everything; a route behind one that takes everything is never
/// reached. Both are slips.
fn check_matchers(
    tree: &Node,
    allow: &[Matcher],
    deny: &[Matcher],
    routes: &[RouteFile],
    mistakes: &mut Vec<Mistake>,
) {
    let element = |list: &str, i: usize| tree.get(list).and_then(|l| l.elements().get(i)).unwrap_or(tree);
    for (name, list) in [("allow", allow), ("deny", deny)] {
        for (i, _) in list.iter().enumerate().filter(|(_, m)| m.is_empty()) {
            let message = "expected at least one field: this matches everything".to_owned();
            mistakes.push(element(name, i).mistake(&format!("{name}[{i}]"), message));
        }
    }
    let takes_all = routes.iter().position(|r| r.matcher.is_empty() && !r.goes_on);
    if let Some(last) = takes_all.filter(|last| last + 1 < routes.len()) {
        let i = last + 1;
        let message = format!("never reached: routes[{last}] matches everything and does not `continue`");
        mistakes.push(element("routes", i).mistake(&format!("routes[{i}]"), message));
    }
}

impl Node {
    fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    fn elements(&self) -> &[Node] {
        if let Value::List(nodes) = &self.value { nodes } else { &[] }
    }

    fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    fn mistake(&self, path: &str, message: String) -> Mistake {
        Mistake { at: self.at, path: path.to_owned(), message, help: None }
    }
}

impl Pacing {
    fn with(
        gather: Option<Period>,
        update: &BTreeMap<Severity, Period>,
        repeat: &BTreeMap<Severity, Repeat>,
    ) -> Self {
        let mut pacing = Self::default();
        if let Some(Period(gather)) = gather {
            pacing.gather = gather;
        }
        set_all(&mut pacing.update, update.iter().map(|(severity, period)| (*severity, period.0)));
        set_all(&mut pacing.repeat, repeat.iter().map(|(severity, repeat)| (*severity, *repeat)));
        pacing
    }
}

fn set_all<T: Copy>(values: &mut BySeverity<T>, given: impl Iterator<Item = (Severity, T)>) {
    for (severity, value) in given {
        values.set(severity, value);
    }
}
