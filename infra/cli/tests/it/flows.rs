//! `prodrome flows`, `diagnose` and `plugin`.

use crate::run::{folder, prodrome, within};
use serde_json::Value;

const CYCLE: &str = "nodes:\n  a: { plugin: node, after: b }\n  b: { plugin: node, after: a }\n";

fn file(name: &str, text: &str) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (dir, path)
}

#[test]
fn the_shipped_flows_are_sound_and_a_cycle_is_named() {
    let ran = prodrome(&["flows", "check"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let (_dir, path) = file("round.yaml", CYCLE);
    let ran = prodrome(&["flows", "check", &path]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("a waits for b waits for a"), "{ran:?}");
    let ran = prodrome(&["flows", "check", &path, "--output", "json"]);
    assert_eq!(ran.json_lines()[0]["code"], "cycle", "{ran:?}");
}

#[test]
fn a_flow_is_told_and_drawn() {
    let ran = prodrome(&["flows", "explain", "image-pull"]);
    assert!(
        ran.stdout.contains("image asks image-pull")
            && ran.stdout.contains("node asks node after image when"),
        "{ran:?}"
    );
    let ran = prodrome(&["flows", "graph", "image-pull"]);
    assert!(ran.stdout.starts_with("<svg ") && ran.stdout.contains("stroke-dasharray"), "{ran:?}");
    let ran = prodrome(&["flows", "graph", "image-pull", "--format", "mermaid"]);
    assert!(ran.stdout.starts_with("flowchart LR\n"), "{ran:?}");
    let ran = prodrome(&["flows", "explain", "image-pul"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("did you mean `image-pull`?"), "{ran:?}");
}

#[test]
fn an_object_is_named_as_kubectl_takes_it_and_its_namespace_may_be_left_out() {
    let object = |version: &str, kind: &str, namespace: &str, name: &str| {
        format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata: {{ name: {name}, namespace: {namespace}, uid: {namespace}{name} }}\n---\n"
        )
    };
    let deploy = |namespace, name| object("apps/v1", "Deployment", namespace, name);
    let widget = object("example.com/v1", "Widget", "shop", "w");
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: widgets.example.com }\n\
                      spec: { group: example.com, names: { kind: Widget, plural: widgets, shortNames: [wd] } }\n";
    let world =
        [&*deploy("shop", "web"), &deploy("shop", "a"), &deploy("pay", "a"), &widget, definition].concat();
    let dir = folder(&[("world.yaml", &world)]);
    let path = within(&dir, "world.yaml");
    for named in [
        &["deploy/web"][..],
        &["Deployments/web"],
        &["deployments.apps/web"],
        &["apps/Deployment/web"],
        &["deploy/a", "-n", "pay"],
        &["wd/w"],
    ] {
        let ran = prodrome(&[&["diagnose", "--from", &path, "--output", "json"], named].concat());
        assert!(ran.code < 2 && ran.json_lines().len() == 1, "{named:?}: {ran:?}");
    }
    for (named, words) in [
        (&["deploy/a"][..], "holds deployments of the name a in 2 namespaces: pay, shop; name one with -n"),
        (&["deploy/wen"], "holds no Deployment wen; did you mean `web`?"),
        (&["deploy/web", "-n", "pay"], "holds no Deployment pay/web; there is one of that name in shop"),
        (&["sts/web"], "holds no StatefulSet web; it holds none at all"),
        (
            &["gadget/w"],
            "holds no object of the kind gadget; it holds CustomResourceDefinition, Deployment, Widget",
        ),
        (&["web"], "expected KIND/NAME such as pod/web-0 or deploy/web, found \"web\""),
    ] {
        let ran = prodrome(&[&["diagnose", "--from", &path], named].concat());
        assert!(ran.code == 2 && ran.stderr.contains(words), "{named:?}: {ran:?}");
    }
}

#[test]
fn an_object_of_a_file_is_diagnosed_and_its_run_can_be_drawn() {
    let pod = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-0","namespace":"shop","uid":"1"},
        "spec":{"nodeName":"a","containers":[{"name":"web","image":"x","resources":{"limits":{"memory":"64Mi"}}}]},
        "status":{"phase":"Running","containerStatuses":[{"name":"web","restartCount":5,"ready":false,
            "state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off \u001b[31m5m"}},
            "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]}}"#;
    let (_dir, path) = file("pod.json", pod);
    let ran = prodrome(&["diagnose", "pods/web-0", "-n", "shop", "--from", &path]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stdout.contains("oom-killed 93 % sure, owner user") && ran.stdout.contains("the limit 64Mi"),
        "{ran:?}"
    );
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran:?}");
    // What plugins answered is told beside it, and who asks a pipe for the result gets nothing else.
    assert!(ran.stdout.starts_with("oom-killed 93 %"), "{ran:?}");
    assert!(ran.stderr.contains("oom-killed (93 %)") && !ran.stderr.contains('…'), "{ran:?}");
    let ran = prodrome(&[
        "diagnose",
        "pod/web-0",
        "-n",
        "shop",
        "--from",
        &path,
        "--flow",
        "crash-loop",
        "--output",
        "json",
    ]);
    let diagnosis: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(ran.stderr, "");
    assert_eq!((&diagnosis["cause"], &diagnosis["owner"]), (&"oom-killed".into(), &"user".into()));
    let (_dir, run) = file("run.json", &ran.stdout);
    let ran = prodrome(&["flows", "graph", "crash-loop", "--run", &run]);
    assert!(ran.stdout.contains("oom-killed (93 %)"), "{ran:?}");
    let ran = prodrome(&["diagnose", "pod/nowhere", "-n", "shop", "--from", &path]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("holds no Pod shop/nowhere; it holds web-0"), "{ran:?}");
}

#[test]
fn a_new_plugin_gets_its_crate_and_its_places() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let copy = tempfile::tempdir().unwrap();
    for file in ["Cargo.toml", "template.yaml", "infra/local/Cargo.toml", "infra/local/src/plugins.rs"] {
        let to = copy.path().join(file);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(root.join(file), to).unwrap();
    }
    std::fs::create_dir_all(copy.path().join("functions/plugins")).unwrap();
    let new = |name: &str| prodrome(&["plugin", "new", name, "--dir", copy.path().to_str().unwrap()]);
    let ran = new("disk-usage");
    assert_eq!(ran.code, 0, "{ran:?}");
    let read = |file: &str| std::fs::read_to_string(copy.path().join(file)).unwrap();
    assert!(
        read("functions/plugins/disk-usage/src/lib.rs").contains("Plugin::new(\"disk-usage\", diagnose)")
    );
    assert!(read("infra/local/src/plugins.rs").contains("prodrome_plugin_disk_usage::plugin(),"));
    assert!(read("template.yaml").contains("PRODROME_FUNCTION: plugin-disk-usage\n"));
    assert!(read("Cargo.toml").contains("prodrome-plugin-disk-usage = { path"));
    for (name, says) in [("disk-usage", "already"), ("Disk", "small letters"), ("../x", "small letters")] {
        let ran = new(name);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(says), "{ran:?}");
    }
}
