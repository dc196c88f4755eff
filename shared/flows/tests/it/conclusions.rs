//! What is concluded, beside the cause: what is ruled out, and who has looked.

use jiff::Timestamp;
use prodrome_flows::{Catalogue, SourceFile, State, load};
use prodrome_model::{Diagnosis, PluginResponse, Unseen};

fn conclusion(answers: &[(&str, PluginResponse)]) -> Diagnosis {
    let nodes: Vec<String> =
        answers.iter().map(|(name, _)| format!("  {name}: {{ plugin: p-{name} }}\n")).collect();
    let file = SourceFile::new("f.yaml", format!("nodes:\n{}", nodes.concat()));
    let loaded = load(&[file], &Catalogue::any());
    let mut state = State::begun(Timestamp::UNIX_EPOCH);
    for (name, answer) in answers {
        state.done(name, answer.clone());
    }
    loaded.flows.get("f").unwrap().plan(&state, state.begun).conclusion.unwrap()
}

#[test]
fn causes_are_ruled_out_and_not_plugins_the_common_ones_first() {
    let pull =
        PluginResponse::cleared("no container waits").ruling_out_all(["image-not-found", "image-auth"]);
    let crash = PluginResponse::cleared("none ended badly").ruling_out_all(["oom-killed", "app-error"]);
    let sees_nothing = PluginResponse::cleared("nothing changed");
    let diagnosis = conclusion(&[("a", pull.clone()), ("b", crash.clone()), ("c", sees_nothing.clone())]);
    let causes: Vec<&str> = diagnosis.ruled_out.iter().map(|ruled| &*ruled.cause).collect();
    assert_eq!(causes, ["image-not-found", "oom-killed", "image-auth", "app-error"]);
    assert_eq!(diagnosis.ruled_out[1].reason, "none ended badly");
    // What another names is not out of the question, be it the cause or only perhaps so.
    let perhaps = PluginResponse::cause("app-error", 0.3, "it says so");
    let sure = PluginResponse::cause("image-auth", 0.9, "the registry says so");
    let diagnosis = conclusion(&[("a", pull), ("b", crash), ("c", perhaps), ("d", sure)]);
    let causes: Vec<&str> = diagnosis.ruled_out.iter().map(|ruled| &*ruled.cause).collect();
    assert_eq!(
        (diagnosis.cause.as_deref(), causes),
        (Some("image-auth"), vec!["image-not-found", "oom-killed"])
    );
}

#[test]
fn who_could_not_look_is_not_said_to_have_looked() {
    let refused =
        PluginResponse::unanswered("p-a", "the params are not what the plugin takes: unknown field `x`");
    let unseen =
        Unseen { what: "the registry r.example".into(), reason: "nothing outside is asked here".into() };
    let blind =
        PluginResponse::unknown(unseen.to_string()).without(unseen.what.clone(), unseen.reason.clone());
    let partly = PluginResponse::unknown("its texts say no cause").without("its log", "forbidden");
    let diagnosis = conclusion(&[("a", refused), ("b", blind), ("c", partly)]);
    assert_eq!(diagnosis.summary, "the cause is not known; looked at by p-c");
    let not_looked_at: Vec<&str> = diagnosis.not_looked_at.iter().map(|unseen| &*unseen.what).collect();
    assert_eq!(not_looked_at, ["what the plugin p-a looks at", "the registry r.example", "its log"]);
}
