use super::*;
use crate::ChannelConfig;
use jiff::SignedDuration;
use prodrome_model::{Owner, Severity};

const CHANNELS: &str = "\
channels:
  chat: { type: slack, webhook: { env: SLACK } }
  oncall: { type: pagerduty, routingKey: { ssm: /prodrome/pagerduty } }
  tenants: { type: webhook, url: 'https://events.example/in', secret: { file: /etc/key } }
";

fn parse(rest: &str) -> Routing {
    Routing::parse("routing.yaml", &format!("{CHANNELS}{rest}"))
        .unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn errors(text: &str) -> String {
    let errors = Routing::parse("r.yaml", text).expect_err("it has mistakes");
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

struct Fault {
    severity: Severity,
    owner: Owner,
    rule: &'static str,
    cluster: &'static str,
    namespace: Option<&'static str>,
    labels: BTreeMap<String, String>,
    object_labels: BTreeMap<String, String>,
}

fn fault() -> Fault {
    Fault {
        severity: Severity::P3,
        owner: Owner::User,
        rule: "PodCrashLooping",
        cluster: "prod-eu",
        namespace: Some("shop"),
        labels: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
        object_labels: BTreeMap::from([("app.kubernetes.io/name".to_owned(), "cart".to_owned())]),
    }
}

fn told(routing: &Routing, fault: &Fault) -> String {
    let names = routing.route(&facts(fault));
    names.iter().map(ChannelName::as_str).collect::<Vec<_>>().join(" ")
}

fn facts(fault: &Fault) -> Facts<'_> {
    let Fault { severity, owner, rule, cluster, namespace, labels, object_labels } = fault;
    Facts { severity: *severity, owner: *owner, rule, cluster, namespace: *namespace, labels, object_labels }
}

#[test]
fn the_first_route_that_matches_is_taken_unless_it_continues() {
    let routing = parse(
        "
routes:
  - { match: { severity: P2 }, channels: [oncall], continue: true }
  - { match: { owner: user }, channels: [tenants, chat] }
  - { match: { owner: [user, platform] }, channels: [chat, oncall] }
default: [chat]
",
    );
    for (name, severity, owner, want) in [
        ("first match only", Severity::P3, Owner::User, "tenants chat"),
        ("goes on behind continue", Severity::P2, Owner::User, "oncall tenants chat"),
        ("worse is matched too", Severity::P1, Owner::User, "oncall tenants chat"),
        ("each channel once", Severity::P1, Owner::Platform, "oncall chat"),
        ("continue alone is a match: no default", Severity::P1, Owner::Cloud, "oncall"),
        ("nothing matches: default", Severity::P3, Owner::Cloud, "chat"),
    ] {
        assert_eq!(told(&routing, &Fault { severity, owner, ..fault() }), want, "{name}");
    }
}

#[test]
fn each_field_of_a_match_must_hold() {
    for (matcher, want) in [
        ("{ rule: Pod* }", true),
        ("{ rule: [Node*, '*Looping'] }", true),
        ("{ rule: pod* }", false),
        ("{ cluster: prod-?? }", true),
        ("{ cluster: staging }", false),
        ("{ namespace: 'sh*' }", true),
        ("{ namespace: kube-system }", false),
        ("{ labels: { team: [web, api] } }", true),
        ("{ labels: { team: '*', tier: '*' } }", false),
        ("{ objectLabels: { app.kubernetes.io/name: cart } }", true),
        ("{ objectLabels: { team: web } }", false),
        ("{ rule: Pod*, namespace: other }", false),
    ] {
        let routing = parse(&format!("routes: [{{ match: {matcher}, channels: [chat] }}]"));
        assert_eq!(!told(&routing, &fault()).is_empty(), want, "{matcher}");
    }
}

#[test]
fn what_has_no_namespace_matches_no_pattern_for_it() {
    let routing = parse("routes: [{ match: { namespace: '*' }, channels: [chat] }]");
    assert_eq!(told(&routing, &Fault { namespace: None, ..fault() }), "");
}

#[test]
fn deny_and_allow_silence_and_deny_wins() {
    let routing = parse(
        "
allow: [ { cluster: prod-* }, { severity: P1 } ]
deny: [ { namespace: dev-* }, { rule: '*Leak*' } ]
default: [chat]
",
    );
    for (name, fault, want) in [
        ("allowed", fault(), None),
        ("another cluster", Fault { cluster: "test", ..fault() }, Some(Silence::NotAllowed)),
        ("bad enough", Fault { cluster: "test", severity: Severity::P1, ..fault() }, None),
        ("denied", Fault { namespace: Some("dev-a"), ..fault() }, Some(Silence::Denied(0))),
        (
            "denied though bad",
            Fault { rule: "PodLeaking", severity: Severity::P1, ..fault() },
            Some(Silence::Denied(1)),
        ),
    ] {
        assert_eq!(routing.silence(&facts(&fault)), want, "{name}");
        assert_eq!(told(&routing, &fault).is_empty(), want.is_some(), "{name}");
    }
}

#[test]
fn pacing_and_limits_are_the_files_where_it_says_so() {
    let routing = parse(
        "
default: [chat]
repeatInterval: { P1: 15m, P3: never }
pacing: { gather: 60, update: { P1: 1h 30m } }
",
    );
    let pacing = routing.pacing();
    assert_eq!(pacing.gather, SignedDuration::from_mins(1));
    assert_eq!(pacing.update.get(Severity::P1), SignedDuration::from_mins(90));
    assert_eq!(pacing.update.get(Severity::P2), SignedDuration::from_mins(30));
    assert_eq!(pacing.repeat.get(Severity::P1).interval(), Some(SignedDuration::from_mins(15)));
    assert_eq!(pacing.repeat.get(Severity::P2).interval(), Some(SignedDuration::from_hours(2)));
    assert_eq!(pacing.repeat.get(Severity::P3).interval(), None);

    let text = "channels: { a: { type: terminal, limit: { messages: 3, per: 10s } } }\ndefault: [a]";
    let routing = Routing::parse("r.yaml", text).unwrap();
    assert_eq!(routing.limit("a"), Some(Limit::new(3, SignedDuration::from_secs(10), 1)));
    assert_eq!(routing.limit("b"), None);
}

#[test]
fn an_alertmanager_says_how_often_it_must_hear_of_an_alert() {
    let text = "channels:
  am: { type: alertmanager, url: 'http://alertmanager:9093', expireAfter: 30m }
  log: { type: terminal }
default: [am, log]";
    let routing = Routing::parse("r.yaml", text).unwrap();
    assert_eq!(routing.repeat_max("am"), Some(SignedDuration::from_mins(10)));
    assert_eq!(routing.repeat_max("log"), None);
}

#[test]
fn every_type_of_channel_reads() {
    let routing = Routing::parse(
        "r.yaml",
        "
channels:
  a: { type: slack, token: { secretsManager: 'arn:aws:secretsmanager:x' }, channel: C1, updates: edit }
  b: { type: dingtalk, accessToken: { env: A }, secret: { env: B } }
  c: { type: webhook, url: { env: URL }, secret: { env: B }, headers: { Authorization: { env: C } } }
  d: { type: alertmanager, url: 'http://am:9093', username: u, password: { env: P }, labels: { a: b } }
  e: { type: pagerduty, routingKey: { env: K }, url: 'https://events.eu.pagerduty.com/v2/enqueue' }
  f: { type: terminal, colour: true }
default: [a, b, c, d, e, f]
",
    )
    .unwrap();
    let types: Vec<&str> = routing.channels().values().map(|c| c.config.type_name()).collect();
    assert_eq!(types, ["slack", "dingtalk", "webhook", "alertmanager", "pagerduty", "terminal"]);
    assert_eq!(types.len(), ChannelConfig::TYPES.len());
    let secrets = routing.channels().values().map(|c| c.config.secrets().len());
    assert_eq!(secrets.collect::<Vec<_>>(), [1, 2, 3, 1, 1, 0]);
}

#[test]
fn all_mistakes_are_told_at_once_each_at_its_place() {
    insta::assert_snapshot!(errors(
        "\
channels:
  chat:
    type: slak
    webhook: { env: SLACK }
  room:
    type: slack
    token: xoxb-this-is-a-secret
    chanel: C1
    updates: threads
  mail man: { type: terminal, colour: yes please, limit: { messages: 0, per: 1 fortnight } }
  pager: { type: pagerduty }
  hook:
    type: webhook
    url: ftp://events.example/in
    secret: { vault: x }
  am: { type: alertmanager, url: 'http://am', username: me }
  none: ~
allow: [ {} ]
routes:
  - match: { sevirity: P2, owner: [user, plattform], namespace: [] }
    channels: [chta]
  - channels: chat
  - { match: { severity: p1 }, channels: [room] }
default: [oncall]
repeatInterval: { P1: soon, P5: 1h }
pacing: { update: { P1: 0 }, gahter: 3 }
silence: []
"
    ));
}

#[test]
fn what_cannot_be_meant_has_one_clear_mistake() {
    let huge = format!("# {}", "x".repeat(1 << 20));
    let cases = [
        ("an empty file", ""),
        ("not YAML", "channels: [unclosed"),
        ("a list", "- a\n- b\n"),
        ("too large", huge.as_str()),
        ("a key twice", "channels: {a: {type: terminal}, a: {type: terminal}}\ndefault: [a]"),
        ("nobody is told", "channels: { chat: { type: terminal } }"),
        ("told to nobody", "channels: { chat: { type: terminal } }\ndefault: []"),
        ("all is denied", "channels: { chat: { type: terminal } }\ndefault: [chat]\ndeny: [ {} ]"),
        ("channels in a list", "channels: [ { type: terminal } ]\ndefault: [chat]"),
        (
            "behind a route that takes all",
            "channels: { chat: { type: terminal } }
routes:
  - { channels: [chat] }
  - { match: { severity: P1 }, channels: [chat] }",
        ),
    ];
    let told = cases.map(|(name, text)| format!("# {name}\n{}\n", errors(text)));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn json_is_read_too() {
    let text = r#"{"channels": {"a": {"type": "terminal"}}, "default": ["a"]}"#;
    assert_eq!(Routing::parse("r.json", text).unwrap().channels().len(), 1);
}
