use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// A file of cases inflates to at most so many bytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// One case: a small cluster at an instant, or a stream of changes, and what its authors say of the objects.
#[derive(Deserialize)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) suite: String,
    kind: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    objects: Vec<Box<RawValue>>,
    #[serde(default)]
    now: Option<Timestamp>,
    #[serde(default)]
    pub(super) stream: Option<Vec<StreamEvent>>,
    #[serde(default)]
    pub(super) start: Option<Timestamp>,
    pub(super) expect: Expectation,
    #[serde(default)]
    debatable: Remark,
    #[serde(default)]
    needs: Remark,
}

#[derive(Deserialize)]
pub(super) struct StreamEvent {
    pub(super) t: f64,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) object: Box<RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Expectation {
    #[serde(default)]
    verdict: Option<Verdict>,
    #[serde(default)]
    findings: Option<Vec<Expected>>,
    #[serde(default)]
    silent: Vec<Expected>,
    #[serde(default)]
    pub(super) checks: Vec<Check>,
}

/// What must be said at an instant of a stream.
#[derive(Deserialize)]
pub(super) struct Check {
    pub(super) t: f64,
    firing: Vec<Expected>,
    silent: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    #[serde(flatten)]
    key: Key,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    why: Option<String>,
    #[serde(default)]
    may_be_pending: bool,
    #[serde(default)]
    debatable: Remark,
    #[serde(default)]
    needs: Remark,
}

/// An object by its names; what has no namespace has none or an empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Key {
    kind: String,
    #[serde(default)]
    namespace: Option<String>,
    name: String,
}

impl Key {
    pub(super) fn new(kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self { kind: kind.to_owned(), namespace: namespace.map(str::to_owned), name: name.to_owned() }
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    /// Whether a finding on that object is one on this. A namespace counts where both tell it.
    pub(super) fn is(&self, other: &Self) -> bool {
        let (mine, its) = (self.namespace(), other.namespace());
        self.kind == other.kind
            && self.name == other.name
            && (mine == its || mine.is_empty() || its.is_empty())
    }

    fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

/// A remark that may be there: a text, a list, or just `true`.
#[derive(Default, Deserialize)]
#[serde(transparent)]
struct Remark(serde_json::Value);

impl Remark {
    fn is_made(&self) -> bool {
        match &self.0 {
            serde_json::Value::Null | serde_json::Value::Bool(false) => false,
            serde_json::Value::String(text) => !text.is_empty(),
            serde_json::Value::Array(list) => !list.is_empty(),
            _ => true,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Degraded,
    Healthy,
    Progressing,
    Suspended,
    Unknown,
}

/// What is looked at in one go: the objects of a case as they stand at an instant.
pub(super) struct Unit {
    pub(super) id: String,
    pub(super) objects: Vec<Box<RawValue>>,
    pub(super) now: Timestamp,
}

/// One object of one unit with its verdict, and what was found of it.
pub(super) struct Judged {
    pub(super) suite: String,
    /// The API group and the kind under which it is counted.
    pub(super) kind: String,
    pub(super) unit: String,
    pub(super) object: Key,
    pub(super) verdict: Verdict,
    /// Neither debatable, nor beyond what the language is for.
    pub(super) core: bool,
    pub(super) found: bool,
    pub(super) firing: bool,
}

/// Reads the cases of a file, JSON lines, compressed where its name ends in `.zst`.
pub(super) fn read(file: &Path) -> Result<Vec<Case>> {
    let at = || format!("cannot read {}", file.display());
    let source = std::fs::File::open(file).with_context(at)?;
    let mut text = String::new();
    let read = if file.extension().is_some_and(|extension| extension == "zst") {
        let decoder = zstd::stream::read::Decoder::new(source).with_context(at)?;
        decoder.take(FILE_BYTES_MAX).read_to_string(&mut text)
    } else {
        source.take(FILE_BYTES_MAX).read_to_string(&mut text)
    };
    read.with_context(at)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let case = |(index, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}:{}: no case", file.display(), index + 1))
    };
    lines.map(case).collect()
}

impl Case {
    /// What is to be looked at, `late` after the case's own instant, and what is judged of it.
    pub(super) fn expand(&self, late: SignedDuration) -> Result<(Vec<Unit>, Vec<Judged>)> {
        match (&self.stream, self.start) {
            (Some(stream), Some(start)) => self.expand_stream(stream, start + late),
            (Some(_), None) => bail!("{}: a stream without its start", self.id),
            (None, _) => {
                let now = self.now.with_context(|| format!("{}: no instant", self.id))?;
                let unit = Unit { id: self.id.clone(), objects: self.objects.clone(), now: now + late };
                Ok((vec![unit], self.judged()?))
            }
        }
    }

    /// The unit of one check of a stream.
    pub(super) fn unit_of(&self, check: &Check) -> String {
        format!("{}@{}", self.id, check.t)
    }

    fn is_core(&self) -> bool {
        !self.debatable.is_made() && !self.needs.is_made()
    }

    fn expand_stream(&self, stream: &[StreamEvent], start: Timestamp) -> Result<(Vec<Unit>, Vec<Judged>)> {
        let (mut units, mut judged) = (Vec::new(), Vec::new());
        for check in &self.expect.checks {
            let (id, now) = (self.unit_of(check), start + SignedDuration::try_from_secs_f64(check.t)?);
            for one in &check.firing {
                judged.push(self.one(&id, one.key.clone(), Verdict::Degraded, self.is_core(), &one.key.kind));
            }
            for one in &check.silent {
                let not_yet = one.why.as_deref() == Some("not yet");
                let verdict = if not_yet { Verdict::Progressing } else { Verdict::Healthy };
                let core = self.is_core() && !one.debatable.is_made();
                judged.push(self.one(&id, one.key.clone(), verdict, core, &one.key.kind));
            }
            units.push(Unit { id, objects: as_of(stream, check.t)?, now });
        }
        Ok((units, judged))
    }

    fn judged(&self) -> Result<Vec<Judged>> {
        let Some(findings) = &self.expect.findings else {
            let first = self.objects.first().with_context(|| format!("{}: no object", self.id))?;
            let verdict = self.expect.verdict.with_context(|| format!("{}: no verdict", self.id))?;
            return Ok(vec![self.one(&self.id, names(first)?.1, verdict, self.is_core(), &self.kind)]);
        };
        let mut of_object: BTreeMap<Key, Vec<&Expected>> = BTreeMap::new();
        for finding in findings {
            of_object.entry(finding.key.clone()).or_default().push(finding);
        }
        let mut judged = Vec::new();
        for (key, findings) in of_object {
            let is_inside = |finding: &&&Expected| {
                matches!(finding.scope.as_deref(), None | Some("state" | "reference" | "leak"))
            };
            let inside: Vec<&Expected> = findings.iter().filter(is_inside).copied().collect();
            let verdict = if inside.is_empty() { Verdict::Unknown } else { Verdict::Degraded };
            let judge_by = if inside.is_empty() { findings } else { inside };
            let plain = judge_by.iter().any(|f| !f.debatable.is_made() && !f.needs.is_made());
            let kind = key.kind.clone();
            judged.push(self.one(&self.id, key, verdict, self.is_core() && plain, &kind));
        }
        for one in &self.expect.silent {
            let verdict = if one.may_be_pending { Verdict::Progressing } else { Verdict::Healthy };
            let core = self.is_core() && !one.debatable.is_made();
            judged.push(self.one(&self.id, one.key.clone(), verdict, core, &one.key.kind));
        }
        Ok(judged)
    }

    fn one(&self, unit: &str, object: Key, verdict: Verdict, core: bool, kind: &str) -> Judged {
        let kind = if self.group.is_empty() { kind.to_owned() } else { format!("{}/{kind}", self.group) };
        let (suite, unit) = (self.suite.clone(), unit.to_owned());
        Judged { suite, kind, unit, object, verdict, core, found: false, firing: false }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Names {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    metadata: ItsName,
}

#[derive(Deserialize)]
struct ItsName {
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    name: String,
}

/// The apiVersion and the names of an object.
pub(super) fn names(object: &RawValue) -> Result<(String, Key)> {
    let Names { api_version, kind, metadata } =
        serde_json::from_str(object.get()).context("not an object")?;
    Ok((api_version, Key { kind, namespace: metadata.namespace, name: metadata.name }))
}

/// The objects of a stream as they stand at an instant.
fn as_of(stream: &[StreamEvent], t: f64) -> Result<Vec<Box<RawValue>>> {
    let mut objects = BTreeMap::new();
    for event in stream.iter().take_while(|event| event.t <= t) {
        let key = names(&event.object)?;
        match &*event.kind {
            "DELETED" => objects.remove(&key),
            _ => objects.insert(key, event.object.clone()),
        };
    }
    Ok(objects.into_values().collect())
}
