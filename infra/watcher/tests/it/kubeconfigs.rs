//! Kubeconfigs with whatever may be wrong in them: refused with a reason, or taken, and never a panic. What may be odd
//! inside of one is tried in `shared/cluster`, which reads them.

use crate::world::kubeconfig;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Prepares a connection by some files; its server and namespace, or what is said.
fn connect(paths: &[PathBuf]) -> Result<(String, String), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let named = std::env::join_paths(paths).unwrap();
    let connected = runtime.block_on(prodrome_watcher::connect(Some(Path::new(&named)), None));
    connected.map(|made| (made.server, made.namespace)).map_err(|error| prodrome_watcher::chain(&error))
}

/// The same by files with these contents.
fn connect_by(contents: &[&[u8]]) -> Result<(String, String), String> {
    let folder = tempfile::tempdir().unwrap();
    let file = |(number, content): (usize, &&[u8])| {
        let path = folder.path().join(format!("{number}.kubeconfig"));
        std::fs::write(&path, content).unwrap();
        path
    };
    connect(&contents.iter().enumerate().map(file).collect::<Vec<_>>())
}

fn sound() -> String {
    kubeconfig("https://127.0.0.1:1")
}

fn with_user(user: &Value) -> String {
    sound().replace("{token: test}", &user.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_kubeconfig_that_is_cut_off_overwritten_or_none_is_refused_in_one_line_or_taken(
        at in prop_oneof![Just(0), 0..400_usize],
        bytes in prop_oneof![
            vec(any::<u8>(), 0..6),
            vec(any::<u8>(), 0..200).prop_map(|bytes| [&[0xff, 0xfe][..], &bytes].concat()),
        ],
        is_cut in any::<bool>(),
        is_among_others in any::<bool>(),
    ) {
        let mut text = sound().into_bytes();
        let at = at.min(text.len());
        let behind = if is_cut { text.len() } else { (at + bytes.len()).min(text.len()) };
        text.splice(at..behind, bytes);
        let whole = sound();
        let contents = if is_among_others { vec![&*text, whole.as_bytes()] } else { vec![&*text] };
        if let Err(said) = connect_by(&contents) {
            prop_assert!(!said.contains(['\n', '\0']) && said.len() > 20, "in one line: {said:?}");
            prop_assert!(said.contains(".kubeconfig"), "it says which file: {said:?}");
        }
    }
}

#[test]
fn what_is_wrong_is_named() {
    let version = "client.authentication.k8s.io/v1";
    let exec = |command: &str, words: &[&str]| {
        let exec =
            json!({ "apiVersion": version, "command": command, "args": words, "interactiveMode": "Never" });
        with_user(&json!({ "exec": exec })).into_bytes()
    };
    let token = |token: &str| with_user(&json!({ "token": token })).into_bytes();
    let pod = b"apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n".to_vec();
    let two_lines = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"a\nb"}}"#;
    for (content, words) in [
        (vec![0xfe, 0xff, 0, b'a', 0], &["begins as UTF-16, and ends within a character"][..]),
        (token("two\nlines"), &["the token", "no request can carry"]),
        (exec("echo", &[two_lines]), &["the token", "no request can carry"]),
        (exec("/no/such/program", &[]), &["/no/such/program", "install it"]),
        (exec("echo", &["a-secret"]), &["\"echo\"", "printed no ExecCredential"]),
        (pod, &["expected a kubeconfig (kind: Config), found kind: Pod"]),
        (
            sound().replace("current-context: test", "").into_bytes(),
            &["no current context", "name one of test"],
        ),
        (
            sound().replace("current-context: test", "current-context: other").into_bytes(),
            &["no context \"other\"", "it has test"],
        ),
        (Vec::new(), &["no current context"]),
    ] {
        let said = connect_by(&[&content]).expect_err(&format!("{words:?}"));
        assert!(words.iter().all(|word| said.contains(word)), "{words:?}: {said}");
        assert!(!said.contains("a-secret"), "{said}");
    }
}

#[test]
fn several_kubeconfigs_are_one_and_what_is_wrong_with_one_of_them_is_said_of_it() {
    let users = "apiVersion: v1\nkind: Config\nusers: [{name: test, user: {token: test}}]\n";
    let rest = sound().replace("users: [{name: test, user: {token: test}}]\n", "");
    let connected = connect_by(&[users.as_bytes(), rest.as_bytes()]).unwrap();
    assert_eq!(connected, ("https://127.0.0.1:1/".to_owned(), "prodrome".to_owned()));
    let said = connect_by(&[users.as_bytes(), b"{{{"]).unwrap_err();
    assert!(said.contains("1.kubeconfig"), "{said}");
    // What none of them says is a matter of all of them.
    let nowhere = rest.replace("current-context: test", "current-context: other");
    let said = connect_by(&[users.as_bytes(), nowhere.as_bytes()]).unwrap_err();
    assert!(said.contains("0.kubeconfig with ") && said.contains("1.kubeconfig has no context"), "{said}");
    // Nor is it that of one, where a context names what none of them has.
    let said = connect_by(&[users.as_bytes(), rest.replace("cluster: test", "cluster: gone").as_bytes()])
        .unwrap_err();
    assert!(said.contains("0.kubeconfig with ") && said.contains("1.kubeconfig cannot be used"), "{said}");
    let said = connect(&["/no/such/file".into(), "/nor/this".into()]).unwrap_err();
    assert!(said.contains("/no/such/file"), "{said}");
}
