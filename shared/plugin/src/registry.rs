use crate::context::Context;
use crate::plugin::{Plugin, Problem};
use crate::view::View;
use futures::FutureExt;
use prodrome_model::{PluginRequest, PluginResponse, Unseen, Verdict};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

/// Plugins that run in this process, by name.
#[derive(Default)]
pub struct Registry {
    plugins: BTreeMap<&'static str, Plugin>,
}

impl Registry {
    /// Of these plugins.
    pub fn new(plugins: impl IntoIterator<Item = Plugin>) -> Self {
        Self { plugins: plugins.into_iter().map(|plugin| (plugin.name(), plugin)).collect() }
    }

    /// A plugin by its name.
    pub fn get(&self, name: &str) -> Option<&Plugin> {
        self.plugins.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.values()
    }

    /// A plugin by its name, taken out.
    pub fn take(&mut self, name: &str) -> Option<Plugin> {
        self.plugins.remove(name)
    }
}

/// Asks a plugin in this process. One that fails or panics answers `unknown` with the reason; what its view of the
/// cluster could not see goes with the answer, and a cause that it does not declare is marked. What it quotes it quotes
/// without secrets.
pub async fn call(plugin: &Plugin, request: PluginRequest, cluster: &View) -> PluginResponse {
    let view = cluster.of(plugin);
    let asked = plugin.answer(Context::new(request, view.clone()));
    let answered = AssertUnwindSafe(asked).catch_unwind().await;
    let mut response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(Problem::Unseen(unseen))) => {
            let response = PluginResponse::unknown(unseen.to_string());
            PluginResponse { not_looked_at: vec![unseen], ..response }
        }
        Ok(Err(problem)) => PluginResponse::unanswered(plugin.name(), problem.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            tracing::error!(plugin = plugin.name(), panic = text, "a plugin broke down");
            PluginResponse::unanswered(plugin.name(), format!("the plugin broke down: {text}"))
        }
    };
    let seen_by_it: Vec<Unseen> = view.unseen();
    for unseen in seen_by_it {
        if !response.not_looked_at.contains(&unseen) {
            response.not_looked_at.push(unseen);
        }
    }
    if response.verdict == Verdict::Cleared && !response.not_looked_at.is_empty() {
        // Who did not see all of it has ruled nothing out.
        response.ruled_out.clear();
    }
    let response = response.held_to(plugin.causes().map(|causes| causes.iter().map(|cause| cause.id())));
    if response.undeclared {
        tracing::error!(plugin = plugin.name(), cause = response.cause, "a plugin names a cause undeclared");
    }
    response.redacted()
}

#[cfg(test)]
mod tests {
    use super::call;
    use crate::kit::Kit;
    use crate::{AnyCluster, Area, Cause, Context, NoParams, Plugin, Problem, Response, View};
    use serde_json::json;

    const POD: &str = "Pod shop/web-0";

    #[tokio::test]
    async fn a_plugin_that_refuses_its_params_or_breaks_down_has_looked_at_nothing() {
        async fn well(_: Context, _: NoParams) -> Result<Response, Problem> {
            Ok(Response::cleared("all is well").ruling_out("oom-killed"))
        }
        async fn breaks(_: Context, _: NoParams) -> Result<Response, Problem> {
            panic!("no such index")
        }
        async fn gives_up(_: Context, _: NoParams) -> Result<Response, Problem> {
            Err(Problem::Other("there are too many".to_owned()))
        }
        let strange = Kit::new().params(json!({ "deep": true }));
        for (plugin, kit, reason) in [
            (
                Plugin::new("p", well),
                strange,
                "the params are not what the plugin takes: unknown field `deep`",
            ),
            (Plugin::new("p", breaks), Kit::new(), "the plugin broke down: no such index"),
            (Plugin::new("p", gives_up), Kit::new(), "there are too many"),
        ] {
            let answer = kit.ask(&plugin, POD).await;
            let [unseen] = answer.not_looked_at.as_slice() else { panic!("{answer:?}") };
            assert_eq!((answer.verdict.as_str(), &*unseen.what), ("unknown", "what the plugin p looks at"));
            assert!(unseen.reason.starts_with(reason) && answer.is_blind(), "{answer:?}");
        }
        let answer = Kit::new().ask(&Plugin::new("p", well), POD).await;
        assert_eq!((answer.ruled_out, answer.not_looked_at), (vec!["oom-killed".to_owned()], Vec::new()));
    }

    #[tokio::test]
    async fn a_cause_that_is_not_declared_is_told_and_marked() {
        async fn names(_: Context, _: NoParams) -> Result<Response, Problem> {
            Ok(Response::cause("oom-killed", 0.9, "it took too much"))
        }
        for (plugin, marked) in [
            (Plugin::new("p", names), false),
            (Plugin::new("p", names).names(&[Cause::OomKilled]), false),
            (Plugin::new("p", names).names_of(&[Area::Run]), false),
            (Plugin::new("p", names).names(&[]), true),
            (Plugin::new("p", names).names_of(&[Area::Image]), true),
        ] {
            let answer = Kit::new().request(&plugin, POD).await;
            let view = View::new(AnyCluster::new(prodrome_cluster::ObjectsCluster::new()));
            let answer = call(&plugin, answer, &view).await;
            assert_eq!((answer.cause.as_deref(), answer.undeclared), (Some("oom-killed"), marked));
        }
    }

    #[tokio::test]
    #[should_panic(expected = "the plugin p names oom-killed, which it does not declare")]
    async fn its_test_fails_by_it() {
        async fn names(_: Context, _: NoParams) -> Result<Response, Problem> {
            Ok(Response::cause("oom-killed", 0.9, "it took too much"))
        }
        Kit::new().ask(&Plugin::new("p", names).names(&[]), POD).await;
    }

    #[tokio::test]
    async fn a_plugin_that_may_not_see_all_rules_nothing_out() {
        async fn blind(context: Context, _: NoParams) -> Result<Response, Problem> {
            drop(context.cluster().get("Secret", Some("shop"), "pull").await);
            Ok(Response::cleared("all is well").ruling_out("image-auth"))
        }
        let answer = Kit::new().ask(&Plugin::new("p", blind), POD).await;
        assert_eq!((answer.verdict.as_str(), answer.ruled_out), ("cleared", Vec::new()));
        assert!(!answer.not_looked_at.is_empty() && !answer.not_looked_at[0].reason.is_empty());
    }
}
