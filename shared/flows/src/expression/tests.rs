use super::*;

fn mistakes(text: &str) -> Vec<String> {
    let facts = PluginFacts::from([
        ("host".to_owned(), FactType::Text),
        ("count".to_owned(), FactType::Number),
        ("names".to_owned(), FactType::Texts),
    ]);
    let causes = ["oom-killed", "image-not-found", "app-error", "node-oom"].map(str::to_owned);
    let named = ["oom-killed", "image-not-found", "app-error"].map(str::to_owned);
    let known = Seen { facts: Some(facts), causes: Some(named.to_vec()), is_known: true };
    let nodes = [("text", known), ("other", Seen::default())].into();
    let scope = Scope { nodes, others: vec!["later"], causes: &causes };
    let (expression, mistakes) = Expression::new(text, &scope);
    let is_wrong = mistakes.iter().any(|m| m.level == Level::Error);
    assert_eq!(expression.is_none(), is_wrong, "{text}");
    let words = |m: Mistake| {
        let at = m.at.map(|at| text.get(at).unwrap().to_owned()).unwrap_or_default();
        let doubt = if m.level == Level::Warning { "perhaps: " } else { "" };
        format!("{doubt}{at}|{}|{}|{}", m.expected, m.found, m.help.unwrap_or_default())
    };
    mistakes.into_iter().map(words).collect()
}

#[test]
fn sound_conditions_pass() {
    for text in [
        "text.verdict == 'cause'",
        "text.confidence < 0.8 && text.count >= 3",
        "text.cause in ['oom-killed', ''] || !(text.host.startsWith('r.'))",
        "text.names.exists(name, name == 'x')",
        "size(text.names) > 2",
        "other.whatever == 3",
        "has(other.whatever)",
        "text.host != ''",
        "text.host == 'cuase' && text.cause != ''",
        "'cleared' == text.verdict && text.owner in ['user', 'cloud']",
        "text.cause.startsWith('image-')",
    ] {
        assert_eq!(mistakes(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn unsound_conditions_say_what_is_wrong() {
    for (text, says) in [
        ("text.hots == 'x'", "did you mean `host`?"),
        ("txt.verdict == 'cause'", "did you mean `text`?"),
        ("later.verdict == 'cause'", "add `later` to `after`"),
        ("text.confidence == 'high'", "a number|a text"),
        ("text.verdict", "true or false|a text"),
        ("text.host && true", "true or false|a text"),
        ("text == 'x'", "write `text.verdict`"),
        ("text.verdict ==", "a CEL expression"),
        ("text.host.matches('x')", "one of the functions of conditions"),
        ("3 in text.host", "a list of texts|a text"),
        (
            "text.cause == 'oom-kiled'",
            "'oom-kiled'|the id of a cause|`oom-kiled`, which it never is|did you mean `oom-killed`?",
        ),
        ("'image-not-foud' != text.cause", "did you mean `image-not-found`?"),
        ("text.cause in ['app-error', 'app-eror']", "did you mean `app-error`?"),
        ("text.verdict == 'Cause'", "a verdict|`Cause`, which it never is|did you mean `cause`?"),
        ("text.verdict != ''", "known are `cause`, `cleared`, `unknown`"),
        ("text.owner == 'users'", "an owner|`users`, which it never is|did you mean `user`?"),
        ("other.cause == 'oom-kiled'", "perhaps: 'oom-kiled'"),
    ] {
        let found = mistakes(text);
        assert!(found.iter().any(|m| m.contains(says)), "{text}: {found:?}");
    }
}

#[test]
fn a_cause_that_its_plugin_never_names_is_doubted() {
    let doubt = "perhaps: 'node-oom'|a cause that `text` names|`node-oom`, which its plugin does not declare|it names \
                 oom-killed, image-not-found, app-error";
    for text in
        ["text.cause == 'node-oom'", "text.cause in ['app-error', 'node-oom']", "'node-oom' != text.cause"]
    {
        assert_eq!(mistakes(text), [doubt], "{text}");
    }
    // Of a plugin that does not say what it names nothing is known.
    assert_eq!(mistakes("other.cause == 'node-oom'"), Vec::<String>::new());
}

#[test]
fn a_name_works_as_a_variable_or_is_none() {
    let words = "true false null in as if else for int uint double string bool bytes list map type has all exists \
                 exists_one filter size matches dyn duration timestamp optional self end style var while loop cause \
                 a-b 1a _a namespace package";
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for name in words.split_whitespace() {
        if !is_identifier(name) {
            refused.push(name);
            continue;
        }
        taken.push(name);
        let text = format!(
            "nodes:\n  {name}: {{ plugin: p }}\n  then: {{ plugin: p, after: {name}, when: '{name}.verdict == \"cause\" && size({name}.summary) > 0' }}\n"
        );
        let file = crate::SourceFile::new("f.yaml", text);
        let loaded = crate::load(&[file], &crate::Catalogue::any());
        assert_eq!(loaded.diagnostics, [], "{name}");
        let flow = loaded.flows.get("f").unwrap();
        for (response, then) in [
            (PluginResponse::cause("oom-killed", 0.9, "so it is"), vec!["then".to_owned()]),
            (PluginResponse::cleared("it is not"), Vec::new()),
        ] {
            let mut state = State::begun(jiff::Timestamp::UNIX_EPOCH);
            state.done(name, response);
            assert_eq!(flow.plan(&state, state.begun).calls, then, "{name}");
        }
    }
    assert!(taken.contains(&"size") && taken.contains(&"end"), "{taken:?}");
    for name in ["true", "in", "if", "null", "a-b", "1a", "_a"] {
        assert!(refused.contains(&name), "{name}");
    }
}
