//! What `template.yaml` has to keep to: settings, roles, queues, tables, alarms.

use prodrome_emulator::{FunctionSettings, Template};
use prodrome_lambda::metric;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Statements that may be about everything, each with its reason. There is none.
const ABOUT_EVERYTHING: [&str; 0] = [];

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn template() -> Template {
    Template::read(&root().join("template.yaml")).unwrap()
}

fn resources(template: &Value, kind: &str) -> Vec<(String, Value)> {
    let all = template["Resources"].as_object().unwrap();
    let of_kind = all.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_kind.map(|(name, resource)| (name.clone(), resource["Properties"].clone())).collect()
}

/// Every resource or parameter that a part of the template names.
fn named(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    match value {
        Value::Array(items) => items.iter().for_each(|item| names.extend(named(item))),
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("Ref", Value::String(name)) => _ = names.insert(name.clone()),
                    ("Fn::GetAtt", Value::Array(path)) => {
                        names.insert(path[0].as_str().unwrap().to_owned());
                    }
                    ("Fn::Sub", Value::String(text)) => {
                        let holes = text.split("${").skip(1).filter_map(|rest| rest.split_once('}'));
                        names.extend(holes.map(|(hole, _)| hole.split('.').next().unwrap().to_owned()));
                    }
                    _ => names.extend(named(value)),
                }
            }
        }
        _ => {}
    }
    names.retain(|name| !name.starts_with("AWS::"));
    names
}

/// The names that a function's `Config` asks for, whatever the values are.
fn asked(function: &str) -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    // Some are asked for only where another is set, or is not.
    let unset: [&[&str]; 4] =
        [&[], &["CLUSTER_KUBECONFIG", "CLUSTER_NAME"], &["CLUSTER_ENDPOINT"], &["ROUTING_FILE"]];
    for unset in unset {
        let get = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            let value = match name {
                "SILENT_AFTER_MINUTES" => "10",
                "CLUSTER_SCOPE" => "default/local/kind",
                _ => "1",
            };
            (!unset.contains(&name)).then(|| value.to_owned())
        };
        match function {
            "evaluate" => _ = prodrome_evaluate::Config::from_vars(get).unwrap(),
            "sweep" => _ = prodrome_sweep::Config::from_vars(get).unwrap(),
            "diagnose" => _ = prodrome_diagnose::Config::from_vars(get).unwrap(),
            "alert" => _ = prodrome_alert::Config::from_vars(get).unwrap(),
            plugin if is_plugin(plugin) => {
                let get = |name: &str| get(name).filter(|_| !name.starts_with("OUTSIDE_"));
                let plugins = prodrome_local::plugins();
                let name = plugin.trim_start_matches("plugin-");
                let plugin = plugins.get(name).unwrap_or_else(|| panic!("no plugin is called {name}"));
                _ = prodrome_plugin::Config::from_vars(get, plugin).unwrap();
            }
            other => panic!("the function {other} is new: name its Config here"),
        }
    }
    let mut asked = asked.into_inner();
    asked.remove("LAMBDA_TASK_ROOT"); // Lambda sets it
    asked
}

/// Plugins are called by diagnose, and by nothing else.
fn is_plugin(function: &str) -> bool {
    function.starts_with("plugin-")
}

fn name_of(function: &FunctionSettings) -> String {
    function.environment["PRODROME_FUNCTION"].as_str().unwrap().to_owned()
}

#[test]
fn each_function_gets_the_settings_that_it_reads_and_no_others() {
    for function in template().functions() {
        let mut given: BTreeSet<String> = function.environment.keys().cloned().collect();
        // Read by the program that is several functions in one.
        assert!(given.remove("PRODROME_FUNCTION"), "{function:?}");
        assert_eq!(given, asked(&name_of(&function)), "{}", function.logical_id);
    }
}

#[test]
fn each_function_crate_is_in_the_template_and_the_other_way_round() {
    let mut crates = BTreeSet::new();
    for (folder, prefix) in [("functions", ""), ("functions/plugins", "plugin-")] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap());
        let entries = entries.filter(|entry| entry.path().join("Cargo.toml").is_file());
        crates.extend(entries.map(|entry| format!("{prefix}{}", entry.file_name().into_string().unwrap())));
    }
    let deployed: BTreeSet<String> = template().functions().iter().map(name_of).collect();
    assert_eq!(crates, deployed);
}

#[test]
fn each_function_has_a_role_of_its_own_that_is_about_what_it_is_given() {
    let template = template();
    let json = template.to_json();
    let roles: BTreeMap<String, Value> = resources(&json, "AWS::IAM::Role").into_iter().collect();
    let mut taken = BTreeSet::new();
    for (id, properties) in resources(&json, "AWS::Serverless::Function") {
        let role =
            named(&properties["Role"]).into_iter().next().unwrap_or_else(|| panic!("{id} has no role"));
        let name = properties["Environment"]["Variables"]["PRODROME_FUNCTION"].as_str().unwrap();
        assert!(taken.insert(role.clone()), "{id} shares {role}");
        let mut about = named(&roles[&role]["Policies"]);
        // What is said once for all plugins.
        for policy in named(&roles[&role]["ManagedPolicyArns"]) {
            about.extend(named(&json["Resources"][&policy]["Properties"]["PolicyDocument"]));
        }
        assert!(!is_plugin(name) || is_known_to_the_cluster(&json, name, &role), "{id} has no access entry");
        let mut given = named(&properties["Environment"]);
        given.extend(named(&properties["Events"]));
        given.extend(named(&properties["LoggingConfig"]));
        given.insert("SecretsKeyArn".to_owned());
        let more: Vec<_> = about.difference(&given).collect();
        assert!(more.is_empty(), "{role} is about {more:?}, which {id} is not given");
        let data = |name: &&String| {
            let kind = json["Resources"][name.as_str()]["Type"].as_str();
            matches!(kind, Some("AWS::SQS::Queue" | "AWS::DynamoDB::Table" | "AWS::Logs::LogGroup"))
        };
        let less: Vec<_> = given.difference(&about).filter(data).collect();
        assert!(less.is_empty(), "{role} is not about {less:?}, which {id} is given");
    }
    let unused: Vec<_> = roles.keys().filter(|role| !taken.contains(*role)).collect();
    assert!(unused.is_empty(), "roles that no function has: {unused:?}");
}

/// Whether the cluster knows a plugin's role by a group of its own.
fn is_known_to_the_cluster(template: &Value, name: &str, role: &str) -> bool {
    resources(template, "AWS::EKS::AccessEntry").iter().any(|(_, entry)| {
        named(&entry["PrincipalArn"]).contains(role)
            && texts(&entry["KubernetesGroups"])
                == ["prodrome-plugins".to_owned(), format!("prodrome-{name}")]
    })
}

#[test]
fn no_policy_allows_everything_or_is_about_everything() {
    let json = template().to_json();
    let mut statements = Vec::new();
    gather(&json["Resources"], "Statement", &mut statements);
    assert!(statements.len() > 10);
    for statement in statements {
        let what = statement.to_string();
        let sid = statement["Sid"].as_str().unwrap_or_default();
        for action in texts(&statement["Action"]) {
            assert!(!action.contains('*'), "{what}");
        }
        if statement.get("Principal").is_none() {
            assert!(!sid.is_empty(), "a statement says what it is for: {what}");
            let everything = texts(&statement["Resource"]).contains(&"*".to_owned());
            assert!(!everything || ABOUT_EVERYTHING.contains(&sid), "{what}");
            assert!(statement.get("NotAction").is_none() && statement.get("NotResource").is_none(), "{what}");
        }
    }
}

fn gather(value: &Value, key: &str, found: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| gather(item, key, found)),
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::Array(items) if name == key => found.extend(items.iter().cloned()),
                    _ => gather(value, key, found),
                }
            }
        }
        _ => {}
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// A number, given itself or as a parameter's default.
fn number(template: &Value, value: &Value) -> f64 {
    let default = value["Ref"].as_str().map(|name| &template["Parameters"][name]["Default"]);
    default.unwrap_or(value).as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn each_queue_has_dead_letters_and_gives_its_function_time() {
    let json = template().to_json();
    let queues: BTreeMap<String, Value> = resources(&json, "AWS::SQS::Queue").into_iter().collect();
    let dead: BTreeMap<String, String> = queues
        .iter()
        .filter_map(|(id, queue)| {
            let target = named(&queue["RedrivePolicy"]["deadLetterTargetArn"]).into_iter().next()?;
            Some((id.clone(), target))
        })
        .collect();
    for (id, queue) in &queues {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{id} is encrypted");
        let retention = queue["MessageRetentionPeriod"].as_f64();
        if let Some(target) = dead.get(id) {
            assert!(queues.contains_key(target), "{id}: {target} is a queue");
            let kept = queues[target]["MessageRetentionPeriod"].as_f64();
            assert!(kept > retention, "{target} keeps longer than {id}, as its clock goes on");
            // What waits the longest between its tries is given up before the queue forgets it.
            let receives = f64::from(prodrome_lambda::RECEIVES_MAX);
            assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"].as_f64(), Some(receives), "{id}");
            assert!(Some(receives * prodrome_lambda::WAIT_MAX.as_secs_f64()) < retention, "{id}");
        } else {
            assert!(dead.values().any(|target| target == id), "{id} has no dead-letter queue");
        }
    }
    for (id, function) in resources(&json, "AWS::Serverless::Function") {
        for event in function["Events"].as_object().into_iter().flat_map(|events| events.values()) {
            let Some(queue) = named(&event["Properties"]["Queue"]).into_iter().next() else { continue };
            let visibility = number(&json, &queues[&queue]["VisibilityTimeout"]);
            let timeout = number(&json, &function["Timeout"]);
            assert!(visibility >= 6.0 * timeout, "{queue}: {visibility} s, {id} may take {timeout} s");
            assert_eq!(
                texts(&event["Properties"]["FunctionResponseTypes"]),
                ["ReportBatchItemFailures"],
                "{id}"
            );
        }
    }
}

/// What evaluate and the ledger take for granted of the queue of changes.
#[test]
fn a_pack_that_fails_again_and_again_has_an_account_well_before_it_counts_as_lost() {
    let json = template().to_json();
    let changes = &json["Resources"]["ChangesQueue"]["Properties"];
    let tries = f64::from(prodrome_evaluate::NOTED_FROM);
    let longest = tries * number(&json, &changes["VisibilityTimeout"]);
    assert!(2.0 * longest <= prodrome_ledger::SETTLED_AFTER.as_secs_f64(), "{longest} s");
    let kept = number(&json, &changes["MessageRetentionPeriod"]);
    assert!(
        kept <= prodrome_ledger::EXPIRES_AFTER.as_secs_f64(),
        "what is kept {kept} s has not expired before"
    );
}

#[test]
fn each_table_forgets_can_be_restored_and_is_encrypted() {
    let json = template().to_json();
    let tables = resources(&json, "AWS::DynamoDB::Table");
    assert!(tables.len() >= 2);
    for (id, table) in tables {
        assert_eq!(table["BillingMode"], "PAY_PER_REQUEST", "{id}");
        // Who changed the rules, and why, is never forgotten.
        let forgets = id != "RulesTable";
        assert_eq!(table["TimeToLiveSpecification"]["Enabled"] == true, forgets, "{id}");
        assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true, "{id}");
        assert_eq!(table["SSESpecification"]["SSEEnabled"], true, "{id}");
        let json = &json["Resources"][&id];
        assert!(json["DeletionPolicy"].is_string() && json["UpdateReplacePolicy"].is_string(), "{id}");
    }
}

#[test]
fn an_alarm_sees_what_goes_wrong() {
    let json = template().to_json();
    let alarms: Vec<Value> =
        resources(&json, "AWS::CloudWatch::Alarm").into_iter().map(|(_, alarm)| alarm).collect();
    let watched = |metric: &str, of: &str| {
        alarms.iter().any(|alarm| alarm["MetricName"] == metric && named(&alarm["Dimensions"]).contains(of))
    };
    for (id, queue) in resources(&json, "AWS::SQS::Queue") {
        let metric = if queue.get("RedrivePolicy").is_some() {
            "ApproximateAgeOfOldestMessage"
        } else {
            "ApproximateNumberOfMessagesVisible"
        };
        assert!(watched(metric, &id), "no alarm for the {metric} of {id}");
    }
    // What becomes of a plugin's call is for diagnose to say.
    for function in template().functions().iter().filter(|function| !is_plugin(&name_of(function))) {
        for metric in ["Errors", "Throttles"] {
            assert!(
                watched(metric, &function.logical_id),
                "no alarm for the {metric} of {}",
                function.logical_id
            );
        }
    }
    for (metric, of) in [
        (metric::CHECK_LATENESS, "EvaluateFunction"),
        (metric::WATCHER_LAG, "EvaluateFunction"),
        (metric::RULES_REFUSED, "EvaluateFunction"),
        (metric::RULES_UNREADABLE, "EvaluateFunction"),
        (metric::PLUGIN_FAILURES, "DiagnoseFunction"),
        (metric::NOTICES_REFUSED, "AlertFunction"),
        (metric::CHANGES_LOST, "SweepFunction"),
        (metric::CHANGES_DROPPED, "SweepFunction"),
        (metric::CANARY_ARRIVED, "AlertFunction"),
    ] {
        assert!(watched(metric, of), "no alarm for the {metric} of {of}");
    }
    // Where a watcher says nothing there is no value at all.
    let silent =
        alarms.iter().find(|a| a["MetricName"] == metric::WATCHER_LAG && a["Statistic"] == "SampleCount");
    assert_eq!(silent.unwrap()["TreatMissingData"], "breaching");
    // Nor is there one where no canary arrives.
    let canary = &json["Resources"]["CanaryMissing"];
    assert_eq!(
        (&canary["Condition"], &canary["Properties"]["TreatMissingData"]),
        (&"HasCanary".into(), &"breaching".into())
    );
    assert_eq!(json["Parameters"]["CanaryAlarmAfterMinutes"]["Default"], 0, "off unless asked for");
    for alarm in &alarms {
        assert!(alarm["AlarmActions"].is_object() && alarm["AlarmDescription"].is_string(), "{alarm}");
    }
}
