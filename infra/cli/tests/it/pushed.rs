//! `prodrome rules push` and its like, over a table on the emulator.

use crate::run::{Ran, command};
use std::io::Write as _;
use std::path::Path;

/// A table of rules on the emulator, and one of checks; `None` where there is no emulator.
struct Tables {
    endpoint: String,
    name: String,
}

impl Tables {
    fn new(test: &str) -> Option<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "where the emulator listens is said by the environment"
        )]
        let endpoint = std::env::var("PRODROME_TEST_ENDPOINT").ok().filter(|endpoint| !endpoint.is_empty());
        let Some(endpoint) = endpoint else {
            let line = format!("skipped: pushed::{test}: PRODROME_TEST_ENDPOINT is not set\n");
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        };
        let name = format!("prodrome-pushed-{}-{test}", std::process::id());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(create(&endpoint, &name));
        Some(Self { endpoint, name })
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let output = command()
            .arg("rules")
            .args(arguments)
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            .env("PRODROME_RULES_TABLE", &self.name)
            .env("PRODROME_CHECKS_TABLE", &self.name)
            .env("USER", "ann")
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

async fn create(endpoint: &str, table: &str) {
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    };
    let aws = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(aws_config::Region::new("us-east-1"))
        .test_credentials()
        .load()
        .await;
    let mut request = aws_sdk_dynamodb::Client::new(&aws)
        .create_table()
        .table_name(table)
        .billing_mode(BillingMode::PayPerRequest);
    for (name, sort) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let text = ScalarAttributeType::S;
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(text);
        let key = KeySchemaElement::builder().attribute_name(name).key_type(sort);
        request = request.attribute_definitions(attribute.build().unwrap()).key_schema(key.build().unwrap());
    }
    request.send().await.unwrap();
}

fn rule(name: &str, value: u8) -> String {
    format!("{name}: {{ resource: Pod, checkField: [{{ field: [a], equalValue: [{value}] }}] }}\n")
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn rules_are_pushed_shown_compared_pulled_and_rolled_back() {
    let Some(tables) = Tables::new("story") else { return };
    let folder = tempfile::tempdir().unwrap();
    let nothing = tables.run(&["history"]);
    assert_eq!(
        (nothing.code, &*nothing.stdout),
        (0, "nothing was pushed yet: the rules that came with the functions hold\n")
    );

    // Onto the shipped rules.
    let team = write(folder.path(), "team.yaml", &rule("TeamRule", 1));
    let unsigned = tables.run(&["push", &team]);
    assert!(unsigned.code == 2 && unsigned.stderr.contains("--why"), "{unsigned:?}");
    let dry = tables.run(&["push", &team, "--why", "last month", "--dry-run"]);
    assert!(dry.stdout.starts_with("version 1 would be: "), "{dry:?}");
    let pushed = tables.run(&["push", &team, "--why", "last month"]);
    assert!(pushed.stdout.contains(", 1 new, 0 changed, 0 removed\n  + TeamRule\n"), "{pushed:?}");
    assert!(pushed.stdout.contains("files that you did not name stay"), "{pushed:?}");
    let again = tables.run(&["push", &team, "--why", "again"]);
    assert!(again.code == 0 && again.stdout.starts_with("nothing to push"), "{again:?}");

    // What `rules check` doubts is said of what is pushed, and of nothing else.
    let never = "Never: { resource: Pod, checkField: [{ field: [a], equalValue: [x] }, { field: [a], equalValue: [y] }] }\n";
    let never = write(folder.path(), "never.yaml", never);
    let doubted = tables.run(&["push", &never, "--why", "last month", "--dry-run"]);
    assert!(doubted.code == 0 && doubted.stderr.contains("never.yaml:1:"), "{doubted:?}");
    assert_eq!(doubted.stderr.matches("warning").count(), 1, "{doubted:?}");

    // Changed, with all the others taken out.
    write(folder.path(), "team.yaml", &rule("TeamRule", 2));
    let pushed = tables.run(&["push", &team, "--why", "only ours", "--prune", "--on", "1"]);
    assert!(pushed.stdout.starts_with("version 2: 1 rule, 0 new, 1 changed, "), "{pushed:?}");
    assert!(pushed.stdout.contains("  ~ TeamRule: looks for something else\n"), "{pushed:?}");
    let late = tables.run(&["push", &team, "--why", "too late", "--on", "1"]);
    assert_eq!(late.code, 2);
    assert!(late.stderr.contains("version 2 was pushed meanwhile, by ann at "), "{late:?}");
    assert!(
        late.stderr.contains("(only ours)") && late.stderr.contains("prodrome rules diff 1 2"),
        "{late:?}"
    );

    // What is bad is told with its own file, and not stored.
    let bad = write(
        folder.path(),
        "bad.yaml",
        "B: { resource: Pod, checkField: [{ field: a, nilValue: true }] }\n",
    );
    let refused = tables.run(&["push", &bad, "--why", "hope"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains(&format!("{bad}:1:43 B.checkField[0].field: expected")), "{refused:?}");
    assert!(refused.stderr.contains("refused: 1 mistake in the rules"), "{refused:?}");

    let diff = tables.run(&["diff", "1", "2"]);
    assert_eq!(diff.code, 1);
    let want = "~ TeamRule: looks for something else\n    TeamRule:\n      resource: Pod\n      checkField:\n  -     - { field: [a], equalValue: [\"1\"] }\n  +     - { field: [a], equalValue: [\"2\"] }\n";
    assert!(diff.stdout.contains(want), "{}", diff.stdout);
    let same = tables.run(&["diff", &team]);
    // Files that are not named stay, as in a push.
    let beside = write(folder.path(), "beside.yaml", &rule("Beside", 1));
    let laid = tables.run(&["diff", &beside]);
    assert!(laid.stdout.starts_with("+ Beside\n") && !laid.stdout.contains("TeamRule"), "{laid:?}");
    let pruned = tables.run(&["diff", &beside, "--prune"]);
    assert!(pruned.stdout.contains("- TeamRule: its open alerts end\n"), "{pruned:?}");
    assert_eq!((same.code, &*same.stdout), (0, ""), "{same:?}");

    let rolled = tables.run(&["rollback", "1", "--why", "ours was wrong", "--who", "bob"]);
    assert!(rolled.stdout.starts_with("version 3: version 1 again, "), "{rolled:?}");
    let unknown = tables.run(&["rollback", "9", "--why", "x"]);
    assert_eq!((unknown.code, unknown.stderr.contains("there is no version 9: the latest is 3")), (2, true));
    let history = tables.run(&["history"]);
    let lines: Vec<_> = history.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{history:?}");
    assert!(
        lines[0].contains("bob") && lines[0].ends_with("ours was wrong (version 1 again)"),
        "{}",
        lines[0]
    );
    assert!(lines[1].contains(" ann  +0 ~1 -") && lines[1].ends_with("only ours"), "{}", lines[1]);

    // What was pulled can be pushed again, and nobody's work is written over.
    let out = folder.path().join("pulled");
    let (to, other) = (out.display().to_string(), rule("TeamRule", 7));
    let pulled = tables.run(&["pull", &to, "--version", "2"]);
    assert!(pulled.stdout.contains("version 2: 1 file in "), "{pulled:?}");
    assert_eq!(std::fs::read_to_string(out.join("team.yaml")).unwrap(), rule("TeamRule", 2));
    write(&out, "team.yaml", &other);
    let refused = tables.run(&["pull", &to, "--version", "2"]);
    assert!(refused.code == 2 && refused.stderr.contains("team.yaml; --force does"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(out.join("team.yaml")).unwrap(), other);
    assert_eq!(tables.run(&["pull", &to, "--version", "2", "--force"]).code, 0);

    let staged = tables.run(&["shadow"]);
    assert_eq!((staged.code, &*staged.stdout), (0, "no rule is staged; `mode: shadow` stages one\n"));
    let named = tables.run(&["shadow", "TeamRule"]);
    assert_eq!((named.code, &*named.stdout), (0, "TeamRule: would have told nothing so far\n"));

    // What runs, with where it comes from.
    let team = write(folder.path(), "team.yaml", &rule("TeamRule", 1).replace("Pod,", "Pod, mode: shadow,"));
    assert_eq!(tables.run(&["push", &team, "--prune", "--why", "staged"]).code, 0);
    let live = tables.run(&["list", "--live"]);
    let lines: Vec<_> = live.stdout.lines().collect();
    assert!(lines[0].starts_with("version 4 since ") && lines[0].ends_with(", by ann: staged"), "{live:?}");
    assert!(
        lines[1].contains(" TeamRule ") && lines[1].ends_with("Pod (staged)  version 4, ann"),
        "{live:?}"
    );
    assert!(lines[2].contains("would have told nothing so far") && lines.len() == 3, "{live:?}");
}
