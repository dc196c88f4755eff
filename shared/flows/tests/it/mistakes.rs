//! What can be wrong with a flow file: where it is, and what is said.

use prodrome_flows::{Catalogue, Level, SourceFile, load};
use prodrome_model::FactType;
use prodrome_model::shown::harmless_json;

fn catalogue() -> Catalogue {
    let facts = [("registry".to_owned(), FactType::Text), ("count".to_owned(), FactType::Number)];
    // As schemars writes it.
    let params = serde_json::json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["query"],
        "properties": {
            "query": { "type": "string", "description": "What is asked." },
            "days": { "type": "integer", "format": "uint8", "minimum": 1, "maximum": 30, "default": 7 },
            "ratio": { "type": ["number", "null"] },
            "quiet": { "type": "boolean" },
            "mode": { "$ref": "#/$defs/Mode" },
            "pace": { "oneOf": [
                { "description": "At once.", "type": "string", "const": "fast" },
                { "description": "Later.", "type": "string", "const": "slow" },
            ] },
            "hosts": { "type": "array", "items": { "$ref": "#/$defs/Host" }, "maxItems": 2 },
            "host": { "anyOf": [{ "$ref": "#/$defs/Host" }, { "type": "null" }] },
            "labels": { "type": "object", "additionalProperties": { "type": "string" } },
        },
        "$defs": {
            "Mode": { "type": "string", "enum": ["median", "mean"] },
            "Host": {
                "type": "object",
                "additionalProperties": false,
                "required": ["name"],
                "properties": {
                    "name": { "type": "string" },
                    "port": { "type": "integer", "minimum": 0, "maximum": 65535 },
                },
            },
        },
    });
    let none = serde_json::json!({ "type": "object", "additionalProperties": false });
    Catalogue::new()
        .with("image-pull", facts.into())
        .with("node", prodrome_flows::PluginFacts::new())
        .taking("node", none)
        .taking("metric", params)
        .with("crash-loop", prodrome_flows::PluginFacts::new())
        .naming("crash-loop", ["oom-killed", "app-error"])
        .with_causes(["oom-killed", "image-not-found", "node-network", "app-error"])
}

fn messages(text: &str) -> Vec<String> {
    let loaded = load(&[SourceFile::new("rules/flows/f.yaml", text)], &catalogue());
    let refused = loaded.diagnostics.iter().any(prodrome_flows::Diagnostic::is_error);
    assert_eq!(loaded.flows.is_empty(), refused, "{text}");
    loaded.diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn each_mistake_says_where_what_and_what_to_do() {
    for (name, text, want) in [
        (
            "a cycle is named node by node",
            "nodes:\n  a: { plugin: node, after: c }\n  b: { plugin: node, after: a }\n  c: { plugin: node, after: [b] }\n",
            "f.yaml:2:29 f.nodes.a.after: expected nodes that can run one after another, found a cycle: a waits for c waits for b waits for a; take one",
        ),
        (
            "a node that waits for itself",
            "nodes:\n  a: { plugin: node, after: [a] }\n",
            "`a` waiting for itself",
        ),
        (
            "a second cycle beside the first",
            "nodes:\n  a: { plugin: node, after: b }\n  b: { plugin: node, after: a }\n  c: { plugin: node, after: [a, d] }\n  d: { plugin: node, after: c }\n  e: { plugin: node, after: e }\n",
            "4:33 f.nodes.c.after: expected nodes that can run one after another, found a cycle: c waits for d waits for c;",
        ),
        (
            "a third one beside two",
            "nodes:\n  a: { plugin: node, after: b }\n  b: { plugin: node, after: a }\n  c: { plugin: node, after: [a, d] }\n  d: { plugin: node, after: c }\n  e: { plugin: node, after: e }\n",
            "6:29 f.nodes.e.after: expected nodes that can run one after another, found `e` waiting for itself",
        ),
        (
            "two cycles through one node",
            "nodes:\n  a: { plugin: node, after: [b, c] }\n  b: { plugin: node, after: a }\n  c: { plugin: node, after: a }\n",
            "found a cycle: a waits for c waits for a",
        ),
        (
            "a function that conditions do not have",
            "nodes:\n  a: { plugin: image-pull }\n  b: { plugin: node, after: a, when: 'a.registry.matches(\"x\")' }\n",
            "one of the functions of conditions, found the function `matches`, which conditions do not have; a text is looked into by `contains`, `startsWith` and `endsWith`",
        ),
        (
            "a function that is misspelled",
            "nodes:\n  a: { plugin: image-pull }\n  b: { plugin: node, after: a, when: 'a.registry.contain(\"x\")' }\n",
            "found the function `contain`, which conditions do not have; did you mean `contains`?",
        ),
        (
            "a function with too many arguments",
            "nodes:\n  a: { plugin: image-pull }\n  b: { plugin: node, after: a, when: 'a.registry.contains(\"x\", \"y\")' }\n",
            "expected `text.contains('…')`, found `contains` with 2 arguments in its brackets",
        ),
        (
            "an operator that conditions do not have",
            "nodes:\n  a: { plugin: image-pull }\n  b: { plugin: node, after: a, when: 'a.count % 2 == 0' }\n",
            "found `%`, which conditions do not have; the functions are contains",
        ),
        (
            "an after that is not there",
            "nodes:\n  text: { plugin: node }\n  b: { plugin: node, after: txet }\n",
            "3:29 f.nodes.b.after: expected a node of this flow, found `txet`; did you mean `text`?",
        ),
        (
            "an unknown plugin that is nearly known",
            "nodes: { a: { plugin: image-pul } }\n",
            "did you mean `image-pull`?",
        ),
        (
            "an unknown plugin",
            "nodes: { a: { plugin: my-own-thing } }\n",
            "warning: expected a known plugin, found `my-own-thing`; the function <stack>-plugin-my-own-thing has to be there",
        ),
        (
            "a result that is not declared",
            "nodes:\n  a: { plugin: image-pull }\n  b: { plugin: node, after: a, when: 'a.regsitry == \"x\"' }\n",
            "f.nodes.b.when: expected a result of `a`, found `regsitry`; did you mean `registry`?",
        ),
        (
            "types that do not go together",
            "nodes:\n  a: { plugin: image-pull }\n  b: { plugin: node, after: a, when: 'a.count == \"x\"' }\n",
            "expected a number, found a text",
        ),
        (
            "a node that is not waited for",
            "nodes:\n  a: { plugin: node }\n  b: { plugin: node, when: 'a.verdict == \"cause\"' }\n",
            "found `a`; add `a` to `after`",
        ),
        (
            "no expression",
            "nodes:\n  a: { plugin: node }\n  b: { plugin: node, after: a, when: 'a.verdict ==' }\n",
            "expected a CEL expression",
        ),
        (
            "an unknown key",
            "nodes: { a: { plugin: node, timout: 3s } }\n",
            "unknown key `timout`; did you mean `timeout`?",
        ),
        ("no plugin", "nodes: { a: { timeout: 3s } }\n", "expected `plugin`: whom to ask, found none"),
        ("no nodes", "summary: x\n", "expected `nodes`"),
        ("a name that CEL does not take", "nodes: { image-pull: { plugin: node } }\n", "write `image_pull`"),
        (
            "a duration that is none",
            "nodes: { a: { plugin: node, timeout: soon } }\n",
            "expected a duration of at most 120 s",
        ),
        (
            "too many retries",
            "nodes: { a: { plugin: node, retries: 9 } }\n",
            "expected a number from 0 to 3, found `9`",
        ),
        ("no YAML", "nodes: [\n", "expected YAML or JSON"),
        ("a list", "- a\n", "expected a flow, found a list"),
        ("two documents", "nodes: { a: { plugin: node } }\n---\nnodes: {}\n", "expected one flow a file"),
        (
            "a type that is none",
            "nodes: { a: { plugin: mine-alone, results: { n: numbr } } }\n",
            "did you mean `number`?",
        ),
        ("nothing", "", "expected a flow, found an empty file"),
    ] {
        let found = messages(text);
        assert!(found.iter().any(|message| message.contains(want)), "{name}: {found:#?}");
    }
}

#[test]
fn what_a_node_gives_its_plugin_has_to_be_what_that_takes() {
    let of = |params: &str| messages(&format!("nodes:\n  a: {{ plugin: metric, params: {params} }}\n"));
    for params in [
        "{ query: up }",
        "{ query: 'up{a=\"b\"} > 1', days: 30, ratio: 0.5, quiet: true, mode: mean, pace: slow }",
        "{ query: up, ratio: null, hosts: [{ name: a, port: 80 }, { name: b }], host: { name: c } }",
        "{ query: up, ratio: 3, host: null, labels: { app: web, tier: '1' } }",
    ] {
        assert_eq!(of(params), [""; 0], "{params}");
    }
    for (params, want) in [
        (
            "{ query: up, dais: 3 }",
            "rules/flows/f.yaml:2:45 f.nodes.a.params.dais: expected what the plugin metric takes, found unknown key `dais`; did you mean `days`?",
        ),
        ("{ query: up, days: 31 }", "2:51 f.nodes.a.params.days: expected a number from 1 to 30, found `31`"),
        (
            "{ query: up, days: '3' }",
            "expected a whole number, found the text \"3\"; write it without quotes: 3",
        ),
        ("{ query: up, days: 1.5 }", "expected a whole number, found `1.5`"),
        ("{ query: 7 }", "expected a text, found `7`; write it in quotes: \"7\""),
        ("{ query: up, quiet: yes }", "expected true or false, found `yes`"),
        (
            "{ query: up, mode: medain }",
            "expected one of the words that it takes, found `medain`; did you mean `median`?",
        ),
        (
            "{ query: up, pace: fats }",
            "expected one of the words that it takes, found `fats`; did you mean `fast`?",
        ),
        (
            "{ days: 3 }",
            "f.nodes.a.params: expected `query`, which the plugin metric must be given, found none; query: What is asked.",
        ),
        ("{ query: up, hosts: { name: a } }", "expected a list, found a map; write it in brackets"),
        ("{ query: up, hosts: [{ port: 1 }] }", "f.nodes.a.params.hosts[0]: expected `name`"),
        (
            "{ query: up, hosts: [{ name: a, port: 70000 }] }",
            "f.nodes.a.params.hosts[0].port: expected a number from 0 to 65535",
        ),
        (
            "{ query: up, hosts: [{ name: a }, { name: b }, { name: c }] }",
            "expected a list whose length is at most 2",
        ),
        ("{ query: up, host: { name: a, prot: 1 } }", "f.nodes.a.params.host.prot: expected"),
        ("{ query: up, host: here }", "f.nodes.a.params.host: expected a map, found `here`"),
        (
            "{ query: up, labels: { app: [web] } }",
            "f.nodes.a.params.labels.app: expected a text, found a list",
        ),
        ("{ query: up, query: down }", "expected each key once"),
    ] {
        let found = of(params);
        assert!(found.len() == 1 && found[0].contains(want), "{params}: {found:#?}");
    }
    let found = messages("nodes:\n  a: { plugin: metric }\n");
    assert!(found[0].contains("f.yaml:2:16 f.nodes.a.params: expected `query`"), "{found:?}");
    let found = messages("nodes:\n  a: { plugin: node, params: { x: 1 } }\n");
    assert!(found[0].contains("found unknown key `x`; it takes none here"), "{found:?}");
}

#[test]
fn what_can_never_come_about_is_said() {
    let three = "  a: { plugin: node }\n  b: { plugin: node }\n  c: { plugin: node, after: a }\n";
    let many = format!("calls: 1\nnodes:\n{three}");
    let exclusive = "calls: 2\nnodes:\n  a: { plugin: node }\n  b: { plugin: node, after: a, when: 'a.verdict == \"cause\"' }\n  \
                     c: { plugin: node, after: a, when: 'a.verdict != \"cause\"' }\n";
    let late = "deadline: 5s\nnodes:\n  a: { plugin: node, timeout: 6s }\n  b: { plugin: node }\n";
    let own = "nodes:\n  a: { plugin: my-own-thing, results: { x: text } }\n  \
               b: { plugin: node, after: a, when: 'a.cause == \"mine\"' }\n";
    for (name, text, want) in [
        (
            "calls",
            &*many,
            &[
                "f.yaml:1:8 f.calls: warning: expected at least 3: so many nodes are asked where none finds a cause, found `1`; \
                 write 3 or more, or leave `calls` out; 2 of them are never asked then",
            ][..],
        ),
        ("calls that are enough, as two nodes exclude each other", exclusive, &[]),
        (
            "a timeout behind the deadline",
            late,
            &[
                "f.yaml:3:31 f.nodes.a.timeout: warning: expected no longer than the flow's deadline of 5 s, found `6s`",
            ],
        ),
        (
            "a cause of somebody's own",
            own,
            &["3:50 f.nodes.b.when: warning: expected the id of a cause, found `mine`"],
        ),
        (
            "a cause that somebody's own plugin does not declare",
            "nodes:\n  a: { plugin: my-own-thing, results: {}, causes: [oom-killed] }\n  \
             b: { plugin: node, after: a, when: 'a.cause == \"app-error\"' }\n",
            &[
                "3:50 f.nodes.b.when: warning: expected a cause that `a` names, found `app-error`, which its plugin does not \
                 declare; it names oom-killed",
            ],
        ),
        (
            "causes that are no list",
            "nodes:\n  a: { plugin: my-own-thing, results: {}, causes: oom-killed }\n",
            &["f.nodes.a.causes: expected a list of causes"],
        ),
        (
            "causes that are nearly some, no texts, and somebody's own",
            "nodes:\n  a: { plugin: my-own-thing, results: {}, causes: [oom-kiled, 3, true, mine] }\n",
            &[
                "f.nodes.a.causes[0]: expected the id of a cause, found `oom-kiled`; did you mean `oom-killed`?",
                "f.nodes.a.causes[1]: expected the id of a cause, found `3`",
                "f.nodes.a.causes[2]: expected the id of a cause, found `true`",
            ],
        ),
        (
            "what is said of a plugin that declares it itself",
            "nodes:\n  a: { plugin: crash-loop, results: { x: text }, causes: [oom-killed] }\n",
            &[
                "f.nodes.a.results: warning: expected none: the plugin crash-loop declares its results itself",
                "f.nodes.a.causes: warning: expected none: the plugin crash-loop declares its causes itself",
            ],
        ),
        (
            "a cause that is none",
            "nodes:\n  a: { plugin: node }\n  b: { plugin: node, after: a, when: 'a.cause == \"oom-kiled\"' }\n",
            &[
                "3:50 f.nodes.b.when: expected the id of a cause, found `oom-kiled`, which it never is; did you mean `oom-killed`?",
            ],
        ),
    ] {
        let found = messages(text);
        assert_eq!(found.len(), want.len(), "{name}: {found:#?}");
        for (found, want) in found.iter().zip(want) {
            assert!(found.contains(want), "{name}: {found}");
        }
    }
}

#[test]
fn a_name_that_cel_keeps_for_itself_is_refused_with_one_that_works() {
    for (name, instead) in
        [("if", "if_node"), ("in", "in_node"), ("true", "true_node"), ("image-pull", "image_pull")]
    {
        let found = messages(&format!("nodes: {{ \"{name}\": {{ plugin: node }} }}\n"));
        assert!(found[0].ends_with(&format!("write `{instead}`")), "{found:?}");
        assert_eq!(messages(&format!("nodes: {{ {instead}: {{ plugin: node }} }}\n")), [""; 0]);
    }
}

#[test]
fn no_message_steers_the_terminal_that_shows_it() {
    let evil = "\u{1b}]0;x\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{200b}\u{85}";
    let quoted = |text: &str| harmless_json(&serde_json::Value::from(text).to_string());
    let text = format!(
        "summary: {}\n{}: 1\nnodes:\n  {}: {{ plugin: {}, after: [{}], when: {}, params: {{ {}: 1 }}, timeout: {} }}\n",
        quoted(&format!("a{evil}b")),
        quoted(&format!("timout{evil}")),
        quoted(&format!("x{evil}")),
        quoted(&format!("nod{evil}e")),
        quoted(evil),
        quoted(&format!("y{evil}")),
        quoted(evil),
        quoted(evil),
    );
    let file = SourceFile::new(format!("f{evil}.yaml"), text);
    let loaded = load(std::slice::from_ref(&file), &catalogue());
    assert!(loaded.diagnostics.len() > 4, "{:#?}", loaded.diagnostics);
    let drawn = prodrome_flows::render(&loaded.diagnostics, &[file], prodrome_flows::Style::default());
    let is_odd = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{200b}'));
    assert!(!drawn.contains(is_odd), "{drawn:?}");
    for diagnostic in &loaded.diagnostics {
        for text in
            [Some(&diagnostic.found), Some(&diagnostic.path), diagnostic.help.as_ref()].into_iter().flatten()
        {
            assert!(!text.contains(is_odd), "{text:?}");
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_their_order() {
    let text =
        "threshold: 7\nnodes:\n  a: { plugin: image-pul, after: x }\n  b: { plugin: node, timeout: soon }\n";
    let loaded = load(&[SourceFile::new("f.yaml", text)], &catalogue());
    let lines: Vec<usize> = loaded.diagnostics.iter().map(|d| d.place.start.line).collect();
    assert_eq!(lines, [1, 3, 3, 4]);
    assert!(loaded.diagnostics.iter().all(|d| d.level == Level::Error));
}
