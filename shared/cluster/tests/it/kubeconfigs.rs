//! Kubeconfigs as people have them, with whatever may be wrong in them: read, refused with a reason, never a panic.

use prodrome_cluster::connect::{ConnectError, choose, client};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

/// A text that stands where some value should, as it is written by hand, cut off, or of another kind.
fn odd() -> impl Strategy<Value = Value> {
    let texts = [
        "",
        " ",
        "a",
        "\n",
        "a\nb",
        "\u{0}",
        "ä🦀",
        "AAA",
        "%%%",
        "Y2VydA==",
        "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=",
        "-----BEGIN CERTIFICATE-----",
        "/no/such/file",
        "/",
        "relative/none",
        "http://",
        "https://[::1",
        "https://127.0.0.1:99999",
        "ftp://127.0.0.1",
        "127.0.0.1:6443",
        "socks5://127.0.0.1:1",
        "https://user:pw@127.0.0.1:1/path?q",
        "b",
    ];
    prop_oneof![
        6 => prop::sample::select(texts.to_vec()).prop_map(Value::from),
        2 => ".{0,12}".prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!(7)),
        1 => Just(json!(true)),
        1 => Just(json!([])),
        1 => Just(json!({})),
        1 => Just(json!([{ "name": "a" }])),
    ]
}

/// Where something may be odd. No program is ever named but those below.
const PLACES: [&str; 34] = [
    "/apiVersion",
    "/kind",
    "/current-context",
    "/preferences",
    "/contexts",
    "/contexts/0",
    "/contexts/0/name",
    "/contexts/0/context",
    "/contexts/0/context/cluster",
    "/contexts/0/context/user",
    "/contexts/0/context/namespace",
    "/clusters",
    "/clusters/0",
    "/clusters/0/name",
    "/clusters/0/cluster",
    "/clusters/0/cluster/server",
    "/clusters/0/cluster/certificate-authority",
    "/clusters/0/cluster/certificate-authority-data",
    "/clusters/0/cluster/tls-server-name",
    "/clusters/0/cluster/proxy-url",
    "/clusters/0/cluster/insecure-skip-tls-verify",
    "/users",
    "/users/0",
    "/users/0/name",
    "/users/0/user",
    "/users/0/user/token",
    "/users/0/user/tokenFile",
    "/users/0/user/username",
    "/users/0/user/password",
    "/users/0/user/client-certificate-data",
    "/users/0/user/client-key-data",
    "/users/0/user/client-certificate",
    "/users/0/user/exec",
    "/users/0/user/auth-provider",
];

/// Programs that a kubeconfig leaves the credentials to: one that is not there, ones that fail, and ones whose words are
/// no credentials.
fn program() -> impl Strategy<Value = Value> {
    let commands = ["/no/such/program", "", "/", "false", "true", "echo"];
    let words = vec(
        prop::sample::select(vec!["a-token", "{}", "{\"status\":{}}", "{\"status\":{\"token\":\"a\\nb\"}}"]),
        0..2,
    );
    let version = prop::sample::select(vec![
        "client.authentication.k8s.io/v1",
        "client.authentication.k8s.io/v1alpha1",
        "",
    ]);
    (prop::sample::select(commands.to_vec()), words, version, any::<bool>()).prop_map(
        |(command, args, version, is_whole)| {
            let mut program = json!({ "apiVersion": version, "command": command, "args": args, "interactiveMode": "Never" });
            if !is_whole {
                program.as_object_mut().unwrap().remove("command");
            }
            program
        },
    )
}

fn sound() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "contexts": [{ "name": "a", "context": { "cluster": "a", "user": "a" } }],
        "clusters": [{ "name": "a", "cluster": { "server": "https://127.0.0.1:1" } }],
        "users": [{ "name": "a", "user": { "token": "secret-token" } }],
    })
}

/// Puts something at a path, where there is something above it.
fn put(config: &mut Value, place: &str, odd: Value) {
    let (above, last) = place.rsplit_once('/').unwrap();
    match config.pointer_mut(above) {
        Some(Value::Object(map)) => _ = map.insert(last.to_owned(), odd),
        Some(Value::Array(list)) => {
            if let Some(slot) = last.parse::<usize>().ok().and_then(|index| list.get_mut(index)) {
                *slot = odd;
            }
        }
        _ => {}
    }
}

/// A client by what a file says. What is wrong is said in one line.
fn reach(text: &[u8], context: Option<&str>) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, text).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reached = runtime.block_on(async {
        let chosen = choose(Some(&path), context).await.map_err(|error| {
            assert!(names(&error, &path), "it says which file: {error}");
            error
        })?;
        client(chosen.config)
    });
    reached.map(drop).map_err(|error| error.to_string())
}

fn names(error: &ConnectError, path: &Path) -> bool {
    error.to_string().contains(&path.display().to_string())
}

fn is_clear(said: &str) -> Result<(), TestCaseError> {
    prop_assert!(!said.contains('\n') && !said.contains('\u{0}'), "in one line: {said:?}");
    prop_assert!(said.len() > 30 && said.chars().count() < 600, "some words, and not too many: {said:?}");
    prop_assert!(!said.contains("secret-token"), "no credentials: {said:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_odd_in_a_kubeconfig_is_refused_with_a_reason_or_taken(
        oddities in vec((prop::sample::select(PLACES.to_vec()), odd()), 1..4),
        exec in prop::option::of(program()),
        context in prop::option::of(prop::sample::select(vec!["a", "b", ""])),
    ) {
        let mut config = sound();
        if let Some(exec) = exec {
            config["users"][0]["user"] = json!({ "exec": exec });
        }
        for (place, odd) in oddities {
            put(&mut config, place, odd);
        }
        if let Err(said) = reach(config.to_string().as_bytes(), context) {
            is_clear(&said)?;
        }
    }

    #[test]
    fn a_kubeconfig_that_is_cut_off_or_overwritten_is_refused_with_a_reason_or_taken(
        at in 0..400_usize,
        bytes in vec(any::<u8>(), 0..6),
        is_cut in any::<bool>(),
    ) {
        let mut text = serde_json::to_string_pretty(&sound()).unwrap().into_bytes();
        let at = at.min(text.len());
        let behind = if is_cut { text.len() } else { (at + bytes.len()).min(text.len()) };
        text.splice(at..behind, bytes);
        if let Err(said) = reach(&text, None) {
            is_clear(&said)?;
        }
    }

    #[test]
    fn any_bytes_are_refused_with_a_reason(bytes in vec(any::<u8>(), 0..200)) {
        if let Err(said) = reach(&bytes, None) {
            is_clear(&said)?;
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let user = |user: Value| ("/users/0/user", user);
    let exec = |command: &str, args: &[&str]| {
        let version = "client.authentication.k8s.io/v1";
        user(
            json!({ "exec": { "apiVersion": version, "command": command, "args": args, "interactiveMode": "Never" } }),
        )
    };
    let cluster = |cluster: Value| ("/clusters/0/cluster", cluster);
    let server = "https://127.0.0.1:1";
    for ((place, odd), words) in [
        (exec("/no/such/program", &[]), &["/no/such/program", "cannot be run", "install it"][..]),
        (exec("false", &[]), &["\"false\"", "failed", "exit status: 1"]),
        (exec("echo", &["secret"]), &["\"echo\"", "printed no ExecCredential"]),
        (user(json!({ "client-certificate-data": "%%%", "client-key-data": "%%%" })), &["base64"]),
        (
            user(json!({ "client-certificate": "/no/such/file", "client-key": "/no/such/file" })),
            &["/no/such/file"],
        ),
        (user(json!({ "tokenFile": "/no/such/file" })), &["/no/such/file"]),
        (user(json!({ "token": "two\nlines" })), &["no credentials", "no request can carry"]),
        (cluster(json!({ "server": server, "certificate-authority-data": "%%%" })), &["base64"]),
        (cluster(json!({ "server": server, "certificate-authority": "/no/such/file" })), &["/no/such/file"]),
        (cluster(json!({ "server": "https://[::1" })), &["kubeconfig"]),
        (cluster(json!({})), &["kubeconfig"]),
        (("/contexts/0/context/cluster", json!("b")), &["b"]),
        (("/current-context", json!("b")), &["no context \"b\"", "it has a"]),
        (("/contexts/0/name", json!("b\n\u{1b}[2Jc")), &["no context \"a\"", "it has b  [2Jc"]),
        (("/kind", json!("Odd\u{1b}[2J")), &["found kind: Odd [2J"]),
    ] {
        let mut config = sound();
        put(&mut config, place, odd.clone());
        let said = reach(config.to_string().as_bytes(), None).expect_err(&odd.to_string());
        assert!(words.iter().all(|word| said.contains(word)), "{odd}: {said}");
    }
}

#[test]
fn a_kubeconfig_that_ends_within_a_character_is_refused() {
    let said = reach(&[0xfe, 0xff, 0, b'a', 0], None).expect_err("it is cut off");
    assert!(said.contains("cannot be used: it begins as UTF-16"), "{said}");
}
