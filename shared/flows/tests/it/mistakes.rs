//! What can be wrong with a flow file: where it is, and what is said.

use prodrome_flows::{Catalogue, Level, SourceFile, load};
use prodrome_model::FactType;

fn catalogue() -> Catalogue {
    let facts = [("registry".to_owned(), FactType::Text), ("count".to_owned(), FactType::Number)];
    Catalogue::new().with("image-pull", facts.into()).with("node", Default::default())
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
fn all_mistakes_are_told_at_once_in_their_order() {
    let text =
        "threshold: 7\nnodes:\n  a: { plugin: image-pul, after: x }\n  b: { plugin: node, timeout: soon }\n";
    let loaded = load(&[SourceFile::new("f.yaml", text)], &catalogue());
    let lines: Vec<usize> = loaded.diagnostics.iter().map(|d| d.place.start.line).collect();
    assert_eq!(lines, [1, 3, 3, 4]);
    assert!(loaded.diagnostics.iter().all(|d| d.level == Level::Error));
}
