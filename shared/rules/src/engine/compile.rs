//! From a plan to a program: which bit stands for what, and what each value sets.

use super::ask::{Ask, Home, Question};
use super::effect::{Bit, Bits, EffectsBuilder};
use super::formula::{Formulas, ListBuilder, Wake};
use super::leaf::{Leaf, LeafCapture, Placed};
use super::plan::{EntryPlan, GroupPlan, GroupTest, Plan, Term};
use super::program::{Entry, Program};
use super::scope::{Each, Scope, ScopeCapture};
use super::table::{Table, small};
use super::trie::Node;
use jiff::SignedDuration;
use prodrome_scan::scanner::Level;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A node while the trie grows.
#[derive(Default)]
struct Growing {
    kids: BTreeMap<String, usize>,
    asks: Vec<usize>,
    captures: Vec<usize>,
    scope: Option<usize>,
    is_plain: bool,
    parent: usize,
}

/// Which words and bits everything has.
struct Layout {
    /// To each ask, for yes and for no.
    asks: Vec<(Bit, Bit)>,
    clocks: Vec<Bit>,
    scopes: Vec<ScopeWords>,
    /// How many words tell what the object satisfies; as many tell what it fails.
    object_words: u32,
    words: u32,
}

struct ScopeWords {
    satisfied: u32,
    local: u32,
    words: u32,
    parts: u32,
}

struct Compiler<'p> {
    plan: &'p Plan,
    trie: Vec<Growing>,
    layout: Layout,
    effects: EffectsBuilder,
    formulas: Formulas,
    /// To each ask the node that it is asked at.
    ask_nodes: Vec<usize>,
}

/// How rare the rarest bit of a list is, and which it is: several, where one of several lists must hold.
type Guard = (u32, Vec<Bit>);

pub(super) fn compile(mut plan: Plan) -> Program {
    let entries = std::mem::take(&mut plan.entries);
    let mut trie = vec![Growing::default()];
    grow(&plan, &mut trie);
    let layout = lay_out(&plan, &trie);
    let mut ask_nodes = vec![0; plan.asks.len()];
    for (index, node) in trie.iter().enumerate() {
        node.asks.iter().for_each(|ask| ask_nodes[*ask] = index);
    }
    let mut compiler = Compiler {
        plan: &plan,
        trie,
        layout,
        effects: EffectsBuilder::default(),
        formulas: Formulas::default(),
        ask_nodes,
    };
    let scopes: Vec<Scope> = (0..plan.scopes.len()).map(|scope| compiler.scope(scope)).collect();
    let mut leaves = Vec::new();
    let nodes: Vec<Node> =
        (0..compiler.trie.len()).map(|node| compiler.node(node, &scopes, &mut leaves)).collect();
    let mut hangs = Vec::new();
    let mut always = Vec::new();
    let object_words = compiler.layout.object_words;
    let compiled = entries
        .iter()
        .zip(0..)
        .map(|(entry, index)| {
            match compiler.guard(&entry.upper) {
                Some((_, bits)) => hangs.extend(bits.into_iter().map(|bit| (bit, index))),
                None => always.push(index),
            }
            let upper = compiler.list(&entry.upper);
            let actual = entry.actual.as_ref().map(|terms| compiler.list(terms));
            let mut ages = Vec::new();
            compiler.ages(entry.actual.as_deref().unwrap_or_default(), &nodes, &mut ages);
            let needs_look = compiler.needs_look(entry.actual.as_deref().unwrap_or_default());
            let EntryPlan { is_certain, timed, .. } = *entry;
            Entry { upper, actual, is_certain, timed, ages: ages.into(), needs_look }
        })
        .collect();
    let fades = |ask: &Ask| matches!(ask.question, Question::NotPassed(_)) && ask.home == Home::Object;
    let asks = plan.asks.iter().zip(&compiler.layout.asks);
    let fading = asks.filter(|(ask, _)| fades(ask)).map(|(_, (yes, _))| *yes).collect();
    let wake = Wake::new(0, object_words, &hangs, always);
    let fails = plan.asks.iter().any(|ask| ask.all)
        || plan.scopes.iter().flat_map(|scope| &scope.groups).any(|group| group.all);
    Program {
        id: 0,
        rules: Arc::default(),
        subjects: Vec::new(),
        is_missed: false,
        level: Level::Best,
        timed_max: entries.iter().map(|entry| entry.timed).max().unwrap_or(0),
        nodes,
        leaves,
        scopes,
        entries: compiled,
        wake,
        fails,
        words: compiler.layout.words as usize,
        object_words: object_words as usize,
        clocks: plan.clocks.iter().copied().zip(compiler.layout.clocks.iter().copied()).collect(),
        effects: compiler.effects.finish(),
        formulas: compiler.formulas,
        fading,
        comparisons: plan.comparisons,
        captures: plan.captures.len(),
    }
}

/// Makes a node for every path of the plan.
fn grow(plan: &Plan, trie: &mut Vec<Growing>) {
    let mut node_at = |path: &[String], is_plain: bool| {
        path.iter().fold(0, |node, key| {
            trie[node].is_plain |= is_plain;
            if let Some(kid) = trie[node].kids.get(key) {
                return *kid;
            }
            trie.push(Growing { parent: node, ..Growing::default() });
            let kid = trie.len() - 1;
            trie[node].kids.insert(key.clone(), kid);
            kid
        })
    };
    let mut asks = Vec::new();
    for (index, ask) in plan.asks.iter().enumerate() {
        let is_plain = matches!(ask.question, Question::Admit(_));
        asks.push((node_at(&ask.path, is_plain), index, is_plain));
    }
    let captures: Vec<_> = plan.captures.iter().map(|capture| node_at(&capture.path, false)).collect();
    let scopes: Vec<_> = plan.scopes.iter().map(|scope| node_at(&scope.path, false)).collect();
    for (node, ask, is_plain) in asks {
        trie[node].asks.push(ask);
        trie[node].is_plain |= is_plain;
    }
    for (capture, node) in captures.into_iter().enumerate() {
        trie[node].captures.push(capture);
    }
    for (scope, node) in scopes.into_iter().enumerate() {
        trie[node].scope = Some(scope);
    }
    // The key by which elements are selected stands right below them.
    for (index, scope) in plan.scopes.iter().enumerate() {
        let node = trie.iter().position(|node| node.scope == Some(index)).unwrap_or(0);
        let names: BTreeSet<&String> = scope
            .groups
            .iter()
            .filter_map(|group| group.select.as_ref())
            .map(|select| &select.name)
            .collect();
        for name in names {
            if !trie[node].kids.contains_key(name) {
                trie.push(Growing { parent: node, ..Growing::default() });
                let kid = trie.len() - 1;
                trie[node].kids.insert(name.clone(), kid);
            }
        }
    }
}

/// The nodes from the root down, those of a subtree side by side.
fn in_order(trie: &[Growing], node: usize, visit: &mut dyn FnMut(usize)) {
    visit(node);
    for kid in trie[node].kids.values() {
        in_order(trie, *kid, visit);
    }
}

/// Gives each ask of the object a bit, so that those of one value stand side by side, and each scope its words.
fn lay_out(plan: &Plan, trie: &[Growing]) -> Layout {
    let mut next = 0;
    let mut parts = vec![0; plan.scopes.len()];
    // The place among the object's bits, or among a scope's parts.
    let mut places = vec![0; plan.asks.len()];
    in_order(trie, 0, &mut |node| {
        for ask in &trie[node].asks {
            let counter = match plan.asks[*ask].home {
                Home::Object => &mut next,
                Home::Part(scope) => &mut parts[scope],
                Home::Group(_) => continue,
            };
            places[*ask] = *counter;
            *counter += 1;
        }
    });
    let clocks_begin = next;
    next += small(plan.clocks.len());
    let mut word = next.div_ceil(64);
    let mut scopes: Vec<ScopeWords> = plan
        .scopes
        .iter()
        .zip(&parts)
        .map(|(scope, parts)| {
            let words = small(scope.groups.len()).div_ceil(64);
            let satisfied = word;
            word += words;
            ScopeWords { satisfied, local: 0, words, parts: u32::div_ceil(*parts, 64) }
        })
        .collect();
    let object_words = word;
    word *= 2;
    for scope in &mut scopes {
        scope.local = word;
        word += 3 * scope.words + 2 * scope.parts;
    }
    let mut asks: Vec<(Bit, Bit)> = plan
        .asks
        .iter()
        .zip(&places)
        .map(|(ask, place)| match ask.home {
            Home::Part(scope) => {
                let begin = scopes[scope].local + 3 * scopes[scope].words;
                (Bit::nth(begin, *place), Bit::nth(begin + scopes[scope].parts, *place))
            }
            Home::Object | Home::Group(_) => (Bit::nth(0, *place), Bit::nth(object_words, *place)),
        })
        .collect();
    for (scope, words) in plan.scopes.iter().zip(&scopes) {
        for (group, place) in scope.groups.iter().zip(0..) {
            if let GroupTest::Ask(ask) = group.test {
                asks[ask] = (Bit::nth(words.local, place), Bit::nth(words.local + words.words, place));
            }
        }
    }
    let clocks = (0..small(plan.clocks.len())).map(|clock| Bit::nth(0, clocks_begin + clock)).collect();
    Layout { asks, clocks, scopes, object_words, words: word }
}

impl Compiler<'_> {
    fn placed(&self, ask: usize) -> Placed<'_> {
        let (yes, no) = self.layout.asks[ask];
        Placed { ask: &self.plan.asks[ask], yes, no }
    }

    fn list(&mut self, terms: &[Term]) -> u32 {
        let mut list = ListBuilder::default();
        for term in terms {
            match term {
                Term::Ask(ask) => list.needs.set(self.layout.asks[*ask].0),
                Term::Group { scope, group } => list.needs.set(self.group_bit(*scope, *group)),
                Term::Clock(clock) => list.needs.set(self.layout.clocks[*clock]),
                Term::Comparison(comparison) => list.comparisons.push(small(*comparison)),
                Term::Any(lists) => list.any_of.push(lists.iter().map(|terms| self.list(terms)).collect()),
            }
        }
        self.formulas.add(list)
    }

    /// After how long since which leaf's timestamps these terms may turn.
    fn ages(&self, terms: &[Term], nodes: &[Node], out: &mut Vec<(u32, SignedDuration)>) {
        let age = |ask: usize| match &self.plan.asks[ask].question {
            Question::Passed(age) | Question::NotPassed(age) => {
                nodes[self.ask_nodes[ask]].leaf.map(|leaf| (leaf, *age))
            }
            _ => None,
        };
        for term in terms {
            match term {
                Term::Ask(ask) => out.extend(age(*ask)),
                Term::Group { scope, group } => match &self.plan.scopes[*scope].groups[*group].test {
                    GroupTest::Ask(ask) => out.extend(age(*ask)),
                    GroupTest::Each(terms) => self.ages(terms, nodes, out),
                    GroupTest::Capture => {}
                },
                Term::Any(lists) => lists.iter().for_each(|terms| self.ages(terms, nodes, out)),
                Term::Clock(_) | Term::Comparison(_) => {}
            }
        }
    }

    /// Whether time turns a condition of these on elements, or on all values.
    fn needs_look(&self, terms: &[Term]) -> bool {
        terms.iter().any(|term| match term {
            Term::Ask(ask) => {
                let ask = &self.plan.asks[*ask];
                ask.question.is_timed() && (ask.all || ask.home != Home::Object)
            }
            Term::Group { scope, group } => match &self.plan.scopes[*scope].groups[*group].test {
                GroupTest::Ask(ask) => self.plan.asks[*ask].question.is_timed(),
                GroupTest::Each(terms) => self.is_timed(terms),
                GroupTest::Capture => false,
            },
            Term::Any(lists) => lists.iter().any(|terms| self.needs_look(terms)),
            Term::Clock(_) | Term::Comparison(_) => false,
        })
    }

    /// Whether time turns any of the conditions of an element.
    fn is_timed(&self, terms: &[Term]) -> bool {
        terms.iter().any(|term| match term {
            Term::Ask(ask) => self.plan.asks[*ask].question.is_timed(),
            Term::Any(lists) => lists.iter().any(|terms| self.is_timed(terms)),
            // An element has no elements of its own to be asked, and nothing of the object.
            Term::Group { .. } | Term::Clock(_) | Term::Comparison(_) => true,
        })
    }

    fn group_bit(&self, scope: usize, group: usize) -> Bit {
        Bit::nth(self.layout.scopes[scope].satisfied, small(group))
    }

    /// The bits one of which is set if the list holds; `None` where there are none.
    fn guard(&self, terms: &[Term]) -> Option<Guard> {
        let guards = terms.iter().filter_map(|term| match term {
            Term::Ask(ask) => {
                Some((self.plan.asks[*ask].question.frequency(), vec![self.layout.asks[*ask].0]))
            }
            Term::Group { scope, group } => {
                let plan = &self.plan.scopes[*scope].groups[*group];
                Some((self.frequency(plan), vec![self.group_bit(*scope, *group)]))
            }
            Term::Clock(_) | Term::Comparison(_) => None,
            Term::Any(lists) => {
                let guards: Option<Vec<Guard>> = lists.iter().map(|terms| self.guard(terms)).collect();
                let (costs, bits): (Vec<u32>, Vec<Vec<Bit>>) = guards?.into_iter().unzip();
                Some((costs.iter().sum(), bits.concat()))
            }
        });
        guards.min_by_key(|(cost, _)| *cost)
    }

    fn frequency(&self, group: &GroupPlan) -> u32 {
        let of_elements = match &group.test {
            GroupTest::Ask(ask) => self.plan.asks[*ask].question.frequency(),
            GroupTest::Each(terms) => self.guard(terms).map_or(900, |(cost, _)| cost),
            GroupTest::Capture => 900,
        };
        of_elements / if group.select.is_some() { 2 } else { 1 }
    }

    fn scope(&mut self, index: usize) -> Scope {
        let plan = &self.plan.scopes[index];
        let ScopeWords { satisfied, local, words, parts } = self.layout.scopes[index];
        let mut scope = Scope {
            satisfied,
            failed: satisfied + self.layout.object_words,
            local,
            words,
            parts,
            always: vec![0; words as usize].into(),
            every: vec![0; words as usize].into(),
            none_satisfies: vec![0; words as usize].into(),
            none_fails: vec![0; words as usize].into(),
            each: Box::default(),
            wake: Wake::default(),
            captures: Box::default(),
        };
        // What the parts say where there is no element.
        let mut missing = vec![0; self.layout.words as usize];
        for (ask, (yes, no)) in self.plan.asks.iter().zip(&self.layout.asks) {
            if ask.home == Home::Part(index) {
                let mut bits = Bits::default();
                let placed = Placed { ask, yes: *yes, no: *no };
                placed.note(placed.of_missing(), &mut bits);
                bits.words().for_each(|(word, mask)| missing[word as usize] |= mask);
            }
        }
        for part in 0..parts {
            let failed = missing[(scope.parts_failed() + part) as usize];
            missing[(scope.parts_satisfied() + part) as usize] &= !failed;
        }
        let (mut each, mut captures) = (Vec::new(), Vec::new());
        let (mut hangs, mut always) = (Vec::new(), Vec::new());
        for (group, place) in plan.groups.iter().zip(0..) {
            let Bit { word, mask } = Bit::nth(0, place);
            let word = word as usize;
            scope.every[word] |= mask;
            if group.select.is_none() {
                scope.always[word] |= mask;
            }
            let of_none = match &group.test {
                GroupTest::Ask(ask) => self.placed(*ask).of_missing(),
                GroupTest::Each(terms) => {
                    let list = self.list(terms);
                    match self.guard(terms).filter(|_| !group.all) {
                        Some((_, bits)) => hangs.extend(bits.into_iter().map(|bit| (bit, small(each.len())))),
                        None => always.push(small(each.len())),
                    }
                    each.push(Each { list, group: place, all: group.all });
                    self.formulas.holds(list, &missing, &mut |_| false).into()
                }
                GroupTest::Capture => {
                    let of_group =
                        |capture: &super::plan::Capture| capture.group == Some((index, place as usize));
                    for (capture, _) in self.plan.captures.iter().enumerate().filter(|(_, c)| of_group(c)) {
                        captures.push(ScopeCapture { group: place, capture: small(capture) });
                    }
                    continue;
                }
            };
            match of_none {
                super::ask::Answer::Yes => scope.none_satisfies[word] |= mask,
                super::ask::Answer::No if group.all => scope.none_fails[word] |= mask,
                _ => {}
            }
        }
        scope.wake = Wake::new(scope.parts_satisfied(), parts, &hangs, always);
        scope.each = each.into();
        scope.captures = captures.into();
        scope
    }

    fn node(&mut self, index: usize, scopes: &[Scope], leaves: &mut Vec<Leaf>) -> Node {
        let growing = &self.trie[index];
        let kids: Vec<usize> = growing.kids.values().copied().collect();
        let keys = Table::new(growing.kids.keys().zip(0..).map(|(key, place)| (key.as_str(), place)));
        let scope = growing.scope;
        let is_plain = growing.is_plain;
        let captures: Vec<LeafCapture> = growing
            .captures
            .iter()
            .map(|capture| LeafCapture {
                capture: small(*capture),
                is_pending: self.plan.captures[*capture].group.is_some(),
            })
            .collect();

        let selects = self.selects(index);
        let mut placed: Vec<Placed<'_>> = growing.asks.iter().map(|ask| self.placed(*ask)).collect();
        placed.extend(selects.iter().map(|(ask, bit)| Placed { ask, yes: *bit, no: *bit }));
        let mut map = Bits::default();
        for placed in &placed {
            placed.note(placed.ask.question.of_map(), &mut map);
        }
        // What belongs to the plan alone is borrowed, so that the effects may grow beside it.
        let placed: Vec<Placed<'_>> = growing
            .asks
            .iter()
            .map(|ask| Placed {
                ask: &self.plan.asks[*ask],
                yes: self.layout.asks[*ask].0,
                no: self.layout.asks[*ask].1,
            })
            .chain(selects.iter().map(|(ask, bit)| Placed { ask, yes: *bit, no: *bit }))
            .collect();
        let leaf = (!placed.is_empty() || !captures.is_empty()).then(|| {
            leaves.push(Leaf::new(&placed, captures, &mut self.effects));
            small(leaves.len() - 1)
        });
        let map = self.effects.effect(&map);

        let (missing, missing_element) = self.missing(index, scopes);
        let missing = self.effects.effect(&missing);
        let missing_element = self.effects.effect(&missing_element);
        let mut below = Bits::default();
        let mut absent = vec![0; kids.len().div_ceil(64)];
        let mut absent_effects = Vec::with_capacity(kids.len());
        for (place, kid) in kids.iter().enumerate() {
            let (bits, _) = self.missing(*kid, scopes);
            below.set_all(&bits);
            let effect = self.effects.effect(&bits);
            absent_effects.push(effect);
            if !effect.is_nothing() {
                absent[place / 64] |= 1 << (place % 64);
            }
        }
        let below = self.effects.effect(&below);
        let is_simple = scope.is_none()
            && below.is_nothing()
            && leaf.is_none_or(|leaf: u32| leaves.get(leaf as usize).is_some_and(Leaf::is_simple));
        Node {
            keys,
            kids: kids.into_iter().map(small).collect(),
            absent: absent.into(),
            absent_effects: absent_effects.into(),
            leaf,
            scope: scope.map(small),
            map,
            missing,
            missing_element,
            below,
            is_simple,
            is_plain,
        }
    }

    /// What the groups of the scope above a node select by its texts.
    fn selects(&self, index: usize) -> Vec<(Ask, Bit)> {
        let mut selects = Vec::new();
        let parent = &self.trie[self.trie[index].parent];
        let Some(scope) = parent.scope else { return selects };
        let words = &self.layout.scopes[scope];
        let Some((key, _)) = parent.kids.iter().find(|(_, kid)| **kid == index) else { return selects };
        for (group, place) in self.plan.scopes[scope].groups.iter().zip(0..) {
            let Some(select) = group.select.as_ref().filter(|select| select.name == *key) else { continue };
            let ask = Ask {
                home: Home::Group(scope),
                path: Vec::new(),
                question: Question::Select(select.values.clone()),
                default: None,
                all: false,
            };
            selects.push((ask, Bit::nth(words.local + 2 * words.words, place)));
        }
        selects
    }

    /// What it sets that a node has no value, and what where it is an element of an array that has none.
    fn missing(&self, index: usize, scopes: &[Scope]) -> (Bits, Bits) {
        let mut inner = BTreeSet::new();
        let mut bits = Bits::default();
        let mut element = Bits::default();
        let mut asks: Vec<usize> = Vec::new();
        in_order(&self.trie, index, &mut |node| {
            asks.extend(&self.trie[node].asks);
            let Some(scope) = self.trie[node].scope else { return };
            inner.insert(scope);
            let none = |bits: &mut Bits, only: Option<&[u64]>| {
                let Scope { satisfied, failed, none_satisfies, none_fails, .. } = &scopes[scope];
                for (word, place) in (0..none_satisfies.len()).zip(0..) {
                    let only = only.map_or(u64::MAX, |only| only[word]);
                    bits.set(Bit { word: satisfied + place, mask: none_satisfies[word] & only });
                    bits.set(Bit { word: failed + place, mask: none_fails[word] & only });
                }
            };
            none(&mut bits, None);
            none(&mut element, (node == index).then_some(&*scopes[scope].always));
        });
        for ask in asks {
            // Elements that are not there say nothing by themselves.
            let is_inner = match self.plan.asks[ask].home {
                Home::Object => false,
                Home::Group(scope) | Home::Part(scope) => inner.contains(&scope),
            };
            if !is_inner {
                let placed = self.placed(ask);
                placed.note(placed.of_missing(), &mut bits);
                placed.note(placed.of_missing(), &mut element);
            }
        }
        (bits, element)
    }
}
