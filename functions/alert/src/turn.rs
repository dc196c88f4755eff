use crate::deliver::Task;
use crate::records::{
    Snapshot, delivery_record, head_record, log_write, member_record, memory_record, parse,
};
use crate::{AlertError, Alerts};
use jiff::Timestamp;
use prodrome_alerting::{
    Context, Decided, Decision, Delivery, Head, Member, Memory, View, WatchSign, decide, keys,
};
use prodrome_lambda::Tally;
use prodrome_model::{Finding, FindingState, Notice, Scope, stable_hash};
use prodrome_notify::{Channels, Facts};
use prodrome_queue::Queue;
use prodrome_store::{Key, Store, StoreError, Write};
use std::collections::BTreeMap;
use std::time::Duration;

/// So often a group is read and decided on anew when others write to it meanwhile.
const ATTEMPTS_MAX: u32 = 8;

/// What a turn is about.
#[derive(Clone, Copy)]
enum Matter<'a> {
    Finding(&'a Finding),
    /// The head under this key falls due at this time.
    Clock(&'a Key, Timestamp),
}

/// What a turn comes to.
struct Plan {
    writes: Vec<Write>,
    notices: Vec<Notice>,
    tasks: Vec<Task>,
    /// The head's key and its new due time.
    due: Option<(Key, Timestamp)>,
}

impl<S: Store, Q: Queue, C: Channels> Alerts<S, Q, C> {
    pub(crate) async fn turn_of_finding(
        &self,
        finding: &Finding,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<Vec<Notice>, AlertError> {
        self.turn(Matter::Finding(finding), now, tally).await
    }

    pub(crate) async fn turn_of_clock(
        &self,
        head: &Key,
        at: Timestamp,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<Vec<Notice>, AlertError> {
        self.turn(Matter::Clock(head, at), now, tally).await
    }

    async fn turn(
        &self,
        matter: Matter<'_>,
        now: Timestamp,
        tally: &mut Tally,
    ) -> Result<Vec<Notice>, AlertError> {
        for attempt in 0..ATTEMPTS_MAX {
            pause_before(attempt, matter).await;
            let Some(plan) = self.plan(matter, now).await? else { return Ok(Vec::new()) };
            match self.store.commit(plan.writes).await {
                Ok(()) => {}
                Err(StoreError::Conflict { .. }) => continue,
                Err(error) => return Err(error.into()),
            }
            Self::report(&plan.notices, tally);
            self.canaries_decided(&plan.notices, now, tally);
            if let Some((key, at)) = plan.due {
                self.enqueue(&key, at, now).await;
            }
            self.deliver_all(plan.tasks, now, tally).await?;
            return Ok(plan.notices);
        }
        let partition = match matter {
            Matter::Finding(finding) => keys::group(finding),
            Matter::Clock(head, _) => head.partition.clone(),
        };
        Err(AlertError::Contended { partition, attempts: ATTEMPTS_MAX })
    }

    /// Reads, decides, and says what is to be written; `None` where there is nothing to do.
    async fn plan(&self, matter: Matter<'_>, now: Timestamp) -> Result<Option<Plan>, AlertError> {
        let mut read = Snapshot::default();
        let view = match matter {
            Matter::Finding(finding) => self.view_of_finding(finding, &mut read, now).await?,
            Matter::Clock(key, at) => {
                read.add(self.store.get(key).await?);
                let due = read.record(key).and_then(|record| record.due.as_ref()).map(|due| due.at);
                if !self.is_timely(key, due, at, now).await {
                    return Ok(None);
                }
                View { group: key.partition.clone(), head: head_of(&read, key)?, ..View::default() }
            }
        };
        let findings = match matter {
            Matter::Finding(finding) => std::slice::from_ref(finding),
            Matter::Clock(..) => &[],
        };
        let behind = self.is_behind(matter, &view, now).await?;
        let decision = self.decide(&view, findings, behind, now);

        let (mut writes, tasks) = self.owe(&decision.notices, &view.group, &mut read, now).await?;
        let head_key = keys::head(&view.group);
        let due = decision.due.map(|at| keys::due(&head_key, at));
        let due_before = read.record(&head_key).and_then(|record| record.due.clone());
        if decision.view.head != view.head || due != due_before {
            let record = head_record(head_key.clone(), &decision.view.head, decision.due, now);
            writes.push(Write::Put(record, read.expect(&head_key)));
        }
        for (id, member) in changed(&view.members, &decision.view.members) {
            let key = keys::member(&view.group, id);
            let expect = read.expect(&key);
            writes.push(Write::Put(member_record(key, member, &self.policy, now), expect));
        }
        for (fingerprint, memory) in changed(&view.memories, &decision.view.memories) {
            let key = keys::memory(fingerprint);
            let expect = read.expect(&key);
            writes.push(Write::Put(memory_record(key, memory, &self.policy, now), expect));
        }
        writes.extend(decision.log.iter().map(|logged| log_write(logged, &self.policy, now)));
        let notices = decision.notices.into_iter().map(|decided| decided.notice).collect();
        let due = due.filter(|due| Some(due) != due_before.as_ref()).map(|due| (head_key, due.at));
        Ok(Some(Plan { writes, notices, tasks, due }))
    }

    fn decide(&self, view: &View, findings: &[Finding], behind: bool, now: Timestamp) -> Decision {
        let route = |notice: &Notice| {
            let names = if notice.is_canary() {
                self.routing.canary().to_vec()
            } else {
                self.routing.route(&Facts::from(notice))
            };
            names.into_iter().map(|name| name.as_str().to_owned()).collect()
        };
        let context = Context { now, behind, policy: &self.policy, route: &route };
        decide(view.clone(), findings, &context)
    }

    async fn view_of_finding(
        &self,
        finding: &Finding,
        read: &mut Snapshot,
        now: Timestamp,
    ) -> Result<View, AlertError> {
        let memory_key = keys::memory(&finding.fingerprint);
        read.add(self.store.get(&memory_key).await?);
        let memory = read.value::<Memory>(&memory_key, now)?;
        let (group, member_id) = match &memory {
            Some(memory) => (memory.group.clone(), memory.member.clone()),
            None => (keys::group(finding), keys::member_id(finding.subject.object())),
        };
        let head_key = keys::head(&group);
        let member_key = keys::member(&group, &member_id);
        read.add(self.store.get_many(&[head_key.clone(), member_key.clone()]).await?);
        let head = head_of(read, &head_key)?;
        let member = read.value::<Member>(&member_key, now)?;
        Ok(View {
            group,
            head,
            members: member.map(|member| (member_id, member)).into_iter().collect(),
            memories: memory.map(|memory| (finding.fingerprint.clone(), memory)).into_iter().collect(),
        })
    }

    /// Whether the watcher is behind. Asked only where it may matter: where the alert may end now.
    async fn is_behind(&self, matter: Matter<'_>, view: &View, now: Timestamp) -> Result<bool, AlertError> {
        let Some(alert) = &view.head.alert else { return Ok(false) };
        let may_end = match matter {
            Matter::Finding(finding) => alert.open <= 1 && matches!(finding.state, FindingState::Ended(_)),
            Matter::Clock(..) => false,
        };
        if !may_end && alert.open > 0 {
            return Ok(false);
        }
        let scope: &Scope = &alert.opening.scope;
        if *alert.opening.subject.object() == scope.object() {
            return Ok(false); // of the cluster itself the watcher's own packs tell, and the ledger
        }
        let Some(record) = self.store.get(&keys::watch(scope)).await? else { return Ok(false) };
        match parse::<WatchSign>(&record) {
            Ok(sign) => Ok(sign.is_behind(now, &self.policy)),
            Err(error) => {
                // Without the sign an alert may end too early; with an error its end would be lost.
                tracing::error!(code = error.code(), %error, "the watcher's sign of life cannot be read");
                Ok(false)
            }
        }
    }

    /// Writes down who is owed what, and claims what can be sent at once.
    async fn owe(
        &self,
        decided: &[Decided],
        group: &str,
        read: &mut Snapshot,
        now: Timestamp,
    ) -> Result<(Vec<Write>, Vec<Task>), AlertError> {
        let mut owed: BTreeMap<Key, (&str, Vec<&Notice>)> = BTreeMap::new();
        for Decided { notice, channels } in decided {
            for channel in channels {
                let key = keys::delivery(group, &notice.fingerprint, channel);
                owed.entry(key).or_insert_with(|| (channel, Vec::new())).1.push(notice);
            }
        }
        let keys: Vec<Key> = owed.keys().cloned().collect();
        read.add(self.store.get_many(&keys).await?);
        let (mut writes, mut tasks) = (Vec::new(), Vec::new());
        for (key, (channel, notices)) in owed {
            let kept = read.value::<Delivery>(&key, now)?;
            let alert = notices[0].fingerprint.clone();
            let mut delivery = kept.unwrap_or_else(|| Delivery::new(alert, channel.to_owned()));
            for notice in notices {
                delivery.owe(notice.clone());
            }
            let (claim, log) = delivery.claim(now, &self.policy);
            writes.extend(log.iter().map(|logged| log_write(logged, &self.policy, now)));
            let expect = read.expect(&key);
            writes.push(Write::Put(delivery_record(key.clone(), &delivery, &self.policy, now), expect));
            tasks.extend(claim.map(|claim| Task::new(key, &delivery, claim)));
        }
        Ok((writes, tasks))
    }
}

/// The head has its own memory of time and is read even where it has expired.
fn head_of(read: &Snapshot, key: &Key) -> Result<Head, AlertError> {
    Ok(read.record(key).map(parse).transpose()?.unwrap_or_default())
}

fn changed<'a, K: Ord, V: PartialEq>(
    before: &'a BTreeMap<K, V>,
    after: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    after.iter().filter(|(key, value)| before.get(*key) != Some(*value))
}

/// Those who met at one group part before they try again.
async fn pause_before(attempt: u32, matter: Matter<'_>) {
    if attempt == 0 {
        return;
    }
    let seed = match matter {
        Matter::Finding(finding) => finding.fingerprint.to_string(),
        Matter::Clock(head, at) => format!("{} {at}", head.partition),
    };
    let digits = stable_hash(&[&seed, &attempt.to_string()]);
    let spread = digits.bytes().take(4).fold(0_u64, |sum, byte| sum * 31 + u64::from(byte)) % 100;
    let longest_ms = 10 << attempt;
    tokio::time::sleep(Duration::from_millis(longest_ms * (50 + spread / 2) / 100)).await;
}
