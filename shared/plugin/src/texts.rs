use crate::context::Context;
use crate::object::Object;
use crate::pod::containers;
use prodrome_causes::{Area, Cause, Facts, Kind, Text, classify_all, shortened};
use prodrome_model::{EventBrief, Evidence, ObjectRef, PluginResponse};

/// How many texts go with an answer as evidence.
const SHOWN_MAX: usize = 3;
/// How much of each.
const SHOWN_CHARS: usize = 300;

/// Texts that were found about an object, and where: statuses, events, lines of logs.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    items: Vec<Item>,
}

#[derive(Debug, Clone)]
struct Item {
    kind: Kind,
    source: &'static str,
    reason: String,
    text: String,
    object: Option<ObjectRef>,
}

/// What texts come to.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The cause.
    pub cause: Cause,
    /// An answer with that cause, its evidence and what to do.
    pub response: PluginResponse,
    /// What was parsed out of the texts.
    pub facts: Facts,
}

impl Texts {
    /// Areas of which logs tell: programs are of all sorts, controllers and drivers among them. What a node is found by,
    /// and who is moved from one, they do not say.
    pub const AREAS_OF_LOGS: &[Area] = &[
        Area::Start,
        Area::Run,
        Area::Sandbox,
        Area::Storage,
        Area::Node,
        Area::Workload,
        Area::Network,
        Area::Certs,
        Area::ControlPlane,
    ];
    /// What they tell of beside.
    pub const OTHERS_OF_LOGS: &[Cause] =
        &[Cause::ImagePlatformMismatch, Cause::NodeClockSkew, Cause::NodeDiskFull, Cause::CloudQuota];

    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// With the reason and message of a waiting or terminated container.
    pub fn waiting(&mut self, reason: &str, text: &str) {
        self.add(Kind::Waiting, "status", reason, text, None);
    }

    /// With the reason and message of a condition, or of a status as a whole.
    pub fn condition(&mut self, reason: &str, text: &str) {
        self.add(Kind::Condition, "status", reason, text, None);
    }

    /// With an event.
    pub fn event(&mut self, event: &EventBrief) {
        self.add(Kind::Event, "event", &event.reason, &event.message, None);
    }

    /// With the events that have one of these reasons.
    pub fn events(&mut self, events: &[EventBrief], reasons: &[&str]) {
        for event in events.iter().filter(|event| reasons.contains(&event.reason.as_str())) {
            self.event(event);
        }
    }

    /// With the end of a log.
    pub fn log(&mut self, text: &str) {
        self.add(Kind::Log, "log", "", text, None);
    }

    /// With what the statuses of a pod's containers say.
    pub fn statuses(&mut self, pod: &Object) {
        for container in containers(pod) {
            if let Some(waiting) = &container.waiting {
                self.waiting(&waiting.reason, &waiting.message);
            }
            if let Some(ended) = container.ended() {
                self.waiting(&ended.reason, &ended.message);
            }
        }
    }

    /// With the conditions of an object that say that something is not so: `False` and `Unknown` ones, less those
    /// that are named.
    pub fn conditions(&mut self, object: &Object, but: &[&str]) {
        for (kind, condition) in object.conditions() {
            if condition.status != "True" && !but.contains(&kind) {
                self.condition(&condition.reason, &condition.message);
            }
        }
    }

    /// The texts added from now on are about another object than the diagnosed one.
    pub fn about(&mut self, object: &ObjectRef, add: impl FnOnce(&mut Self)) {
        let before = self.items.len();
        add(self);
        for item in self.items.iter_mut().skip(before) {
            item.object = Some(object.clone());
        }
    }

    fn add(&mut self, kind: Kind, source: &'static str, reason: &str, text: &str, object: Option<ObjectRef>) {
        if text.trim().is_empty() && reason.is_empty() {
            return;
        }
        let item = Item { kind, source, reason: reason.to_owned(), text: text.to_owned(), object };
        self.items.push(item);
    }

    /// The first text in which these words stand.
    pub fn find(&self, words: &str) -> Option<String> {
        self.items.iter().find(|item| item.text.contains(words)).map(|item| cut(&item.text))
    }

    /// Whether a log can speak of such a cause for the pod that wrote it. A program that misses an image, a node or a
    /// place elsewhere runs itself: its own pod has them.
    fn is_of_logs(cause: Cause) -> bool {
        Self::AREAS_OF_LOGS.contains(&cause.area()) || Self::OTHERS_OF_LOGS.contains(&cause)
    }

    /// The cause that they speak for; `None` where they do not say any, or where only a log does that cannot know it.
    pub fn explain(&self) -> Option<Explained> {
        let all = classify_all(self.items.iter().map(|item| Text {
            kind: item.kind,
            reason: &item.reason,
            text: &item.text,
        }));
        let cause = all.best.cause?;
        let told_by = |index: &usize| self.items.get(*index).is_some_and(|item| item.kind != Kind::Log);
        if !Self::is_of_logs(cause) && !all.support.iter().any(told_by) {
            return None;
        }
        let mut response = PluginResponse::cause(cause.id(), all.best.confidence, all.best.summary);
        response.owner = all.best.owner.filter(|owner| *owner != cause.owner());
        response.remediation = all.best.remediation;
        for (nth, index) in all.support.iter().take(SHOWN_MAX).enumerate() {
            let Some(item) = self.items.get(*index) else { continue };
            // Of the most telling text the part that decided; of logs nothing else.
            let text = if nth == 0 && !all.best.quote.is_empty() { &all.best.quote } else { &item.text };
            if item.kind == Kind::Log && nth > 0 {
                continue;
            }
            let reason = if item.reason.is_empty() { String::new() } else { format!("{}: ", item.reason) };
            let evidence = Evidence::new(item.source, format!("{reason}{}", cut(text)));
            let evidence = match &item.object {
                Some(object) => evidence.on(object.clone()),
                None => evidence,
            };
            if !response.evidence.contains(&evidence) {
                response.evidence.push(evidence);
            }
        }
        Some(Explained { cause, response, facts: all.best.facts })
    }
}

fn cut(text: &str) -> String {
    // More than is shown, as blanks at the ends are not.
    let line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(4 * SHOWN_CHARS).collect();
    shortened(&line, SHOWN_CHARS)
}

impl Context {
    /// What the containers of a pod said last: the logs of the runs before and of those that run, and with what message
    /// they ended.
    pub async fn last_words(&self, pod: &Object) -> Texts {
        let mut texts = Texts::new();
        for container in containers(pod).iter().filter(|container| container.known) {
            for previous in [true, false] {
                if previous && container.restarts == 0 {
                    continue;
                }
                if let Ok(Some(log)) = self.cluster().logs(pod.reference(), &container.name, previous).await {
                    texts.log(&log);
                }
            }
            if let Some(ended) = container.ended().filter(|ended| !ended.message.is_empty()) {
                texts.log(&ended.message);
            }
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_says_of_an_image_or_a_node_elsewhere_is_not_its_own_pods_cause() {
        for text in [
            "GET https://index.docker.io/v2/library/app/manifests/9: MANIFEST_UNKNOWN: manifest unknown",
            "toomanyrequests: You have reached your pull rate limit.",
            "launching the node: InsufficientInstanceCapacity: We currently do not have sufficient capacity",
        ] {
            let mut log = Texts::new();
            log.log(text);
            // Something is known of the text.
            let heard = classify_all([Text { kind: Kind::Log, reason: "", text }]).best.cause;
            assert!(heard.is_some_and(|cause| !Texts::is_of_logs(cause)), "{text}: {heard:?}");
            assert!(log.explain().is_none(), "{text}: {:?}", log.explain().map(|explained| explained.cause));
        }
        let mut own = Texts::new();
        own.log("dial tcp: lookup db.shop.svc on 10.96.0.10:53: no such host");
        assert_eq!(own.explain().map(|explained| explained.cause), Some(Cause::AppDnsFailure));
    }
}
