//! What is seen: a live screen in a terminal, plain lines when piped.

mod frame;
mod terminal;

use super::live_rules::RulesNews;
use super::sight::Silence;
use super::system::Look;
use crate::render::{self, Line};
use anyhow::Result;
use jiff::Timestamp;
use prodrome_model::{Fingerprint, Notice, NoticeKind};
use std::collections::BTreeMap;
use std::io::Write as _;
use terminal::Terminal;

/// How often it is said how it goes, where there is no screen: every so many ticks of a second.
const STATUS_TICKS: u32 = 30;
/// How many looks it must stay the same before it is said which kinds are denied.
const SETTLED_LOOKS: u32 = 4;

/// The screen.
pub(super) struct Screen {
    /// Absent where lines are written one after another.
    terminal: Option<Terminal>,
    colours: bool,
    told: Told,
    ticks: u32,
    /// What was last said of what cannot be seen.
    unseen: Vec<String>,
    /// What was said of the rules last.
    rules: Option<RulesNews>,
    /// What was said of kinds that are not served.
    unserved: Option<String>,
    /// What was said of kinds that may not be watched; what would be said now, and for how many looks.
    denied: Option<String>,
    denied_now: (Option<String>, u32),
    /// It was said that the API server is silent.
    silence: Option<Silence>,
}

/// What was told, and how much happens.
struct Told {
    title: String,
    /// The last notice of each alert.
    alerts: BTreeMap<Fingerprint, Notice>,
    counts: [usize; 3],
    last: Option<(Timestamp, u64)>,
    rate: f64,
}

impl Screen {
    /// A live one in a terminal, else plain lines.
    pub(super) fn new(title: String) -> Result<Self> {
        let terminal = if render::is_screen() { Some(Terminal::take()?) } else { None };
        Ok(Self::on(terminal, render::colours(), title))
    }

    fn on(terminal: Option<Terminal>, colours: bool, title: String) -> Self {
        let told = Told { title, alerts: BTreeMap::new(), counts: [0; 3], last: None, rate: 0.0 };
        Self {
            terminal,
            colours,
            told,
            ticks: 0,
            unseen: Vec::new(),
            rules: None,
            unserved: None,
            denied: None,
            denied_now: (None, 0),
            silence: None,
        }
    }

    /// A notice arrived at the channel.
    pub(super) fn told(&mut self, notice: Notice, now: Timestamp) -> Result<()> {
        self.told.counts[notice.kind as usize] += 1;
        if self.terminal.is_none() {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", frame::alert(&notice, now, None).paint(self.colours))?;
            if notice.kind == NoticeKind::Alert {
                writeln!(out, "    {}", render::plain(&notice.summary, 300))?;
                if let Some(why) = frame::why(&notice) {
                    writeln!(out, "    {why}")?;
                }
            }
            out.flush()?;
        }
        self.told.alerts.insert(notice.fingerprint.clone(), notice);
        Ok(())
    }

    /// Draws the screen anew; piped, says from time to time how it goes.
    pub(super) fn draw(&mut self, look: &Look, now: Timestamp) -> Result<()> {
        self.told.measure(look.changes_seen, now);
        self.ticks += 1;
        if self.terminal.is_none() && self.unseen != look.unseen {
            let mut out = std::io::stdout().lock();
            for line in look.unseen.iter().filter(|line| !self.unseen.contains(line)) {
                writeln!(out, "{}", render::plain(line, 300))?;
            }
            out.flush()?;
            self.unseen.clone_from(&look.unseen);
        }
        if self.terminal.is_none() && self.rules != look.rules {
            self.rules.clone_from(&look.rules);
            if let Some(news) = &look.rules {
                let mut out = std::io::stdout().lock();
                writeln!(out, "rules: {}", render::plain(&news.text, 1000))?;
                out.flush()?;
            }
        }
        let unserved = frame::unserved(&look.unserved);
        if self.terminal.is_none() && self.unserved != unserved {
            if let Some(text) = &unserved {
                let mut out = std::io::stdout().lock();
                writeln!(out, "{}", render::plain(text, 1000))?;
                out.flush()?;
            }
            self.unserved = unserved;
        }
        if self.terminal.is_none() {
            let mut out = std::io::stdout().lock();
            for text in self.sight_news(look) {
                writeln!(out, "{}", render::plain(&text, 300))?;
            }
            out.flush()?;
        }
        match &mut self.terminal {
            Some(terminal) => {
                let size = terminal.size();
                let lines = frame::frame(&self.told, look, now, size);
                terminal.draw(&lines, self.colours)?;
            }
            None if self.ticks % STATUS_TICKS == 2 => {
                let mut out = std::io::stdout().lock();
                writeln!(out, "{}", self.told.status(look))?;
                out.flush()?;
            }
            None => {}
        }
        Ok(())
    }

    /// What is new of what is not seen of the cluster. Kinds turn out to be denied one after the other: it is said once
    /// no more have followed for some looks.
    fn sight_news(&mut self, look: &Look) -> Vec<String> {
        let mut news = Vec::new();
        let (denied, looks) = &mut self.denied_now;
        if *denied == look.denied {
            *looks = looks.saturating_add(1);
        } else {
            (*denied, *looks) = (look.denied.clone(), 0);
        }
        if *looks >= SETTLED_LOOKS && self.denied != look.denied {
            self.denied.clone_from(&look.denied);
            news.push(look.denied.clone().unwrap_or_else(|| "all kinds can be watched now".to_owned()));
        }
        match (&self.silence, &look.silence) {
            (None, Some(silence)) => news.push(silence.text()),
            (Some(silence), None) => news.push(silence.over()),
            _ => {}
        }
        self.silence.clone_from(&look.silence);
        news
    }

    /// The last words. The screen is gone by then, so they tell what stood on it.
    pub(super) fn finish(mut self, look: &Look, now: Timestamp) -> Result<()> {
        let mut out = std::io::stdout().lock();
        if let Some(terminal) = self.terminal.take() {
            drop(terminal);
            for notice in self.told.sorted() {
                writeln!(out, "{}", frame::alert(notice, now, None).paint(self.colours))?;
            }
            for text in frame::unsighted(look) {
                writeln!(out, "{}", render::plain(&text, 300))?;
            }
        }
        writeln!(out, "{}", self.told.status(look))?;
        let [alerts, updates, resolved] = self.told.counts;
        writeln!(
            out,
            "{}, {}, {resolved} resolved",
            render::count(alerts, "alert"),
            render::count(updates, "update")
        )?;
        out.flush()?;
        Ok(())
    }
}

impl Told {
    /// Changes a second, smoothed.
    fn measure(&mut self, seen: u64, now: Timestamp) {
        if let Some((then, before)) = self.last {
            let seconds = now.duration_since(then).as_secs_f64().max(0.1);
            #[expect(clippy::cast_precision_loss, reason = "a rate for the eye")]
            let rate = seen.saturating_sub(before) as f64 / seconds;
            self.rate = self.rate * 0.7 + rate * 0.3;
        }
        self.last = Some((now, seen));
    }

    fn status(&self, look: &Look) -> String {
        let dead: u64 = look.dead_letters.iter().map(|(_, n)| n).sum();
        let dead = if dead > 0 { format!(", {}", render::count(dead, "dead letter")) } else { String::new() };
        let all_seen = look.unseen.is_empty() && look.denied.is_none() && look.silence.is_none();
        let not_all = if all_seen { "" } else { ", not all can be seen" };
        let unlooked = look.checks.iter().filter(|check| look.awaits_references(check)).count();
        let more = if unlooked > 0 { format!(" and {unlooked} to be looked at") } else { String::new() };
        format!(
            "{} ({:.0}/s), lag {:.1}s, {}{more}{dead}{not_all}",
            render::count(look.changes_seen, "change"),
            self.rate,
            look.lag_seconds,
            render::count(look.checks.len() - unlooked, "open check"),
        )
    }

    /// Open ones first, the worst first, the oldest first.
    fn sorted(&self) -> Vec<&Notice> {
        let mut alerts: Vec<_> = self.alerts.values().collect();
        alerts.sort_by_key(|n| (n.kind == NoticeKind::Resolved, std::cmp::Reverse(n.severity), n.since));
        alerts
    }
}

/// The width of a screen, and its height.
type Size = (usize, usize);
/// The lines of a screen, from its top.
type Lines = Vec<Line>;

#[cfg(test)]
mod tests {
    use super::*;
    use prodrome_watcher::Trouble;
    use std::time::Duration;

    #[test]
    fn piped_what_is_not_seen_is_said_once_and_again_when_it_changes() {
        let mut screen = Screen::on(None, false, String::new());
        let mut said = |denied: Option<&str>, silent_for: u64, looks: usize| {
            let trouble = Some(Trouble::NoAnswer("refused".to_owned()));
            let silence = Silence::of(Duration::from_secs(silent_for), trouble);
            let look = Look { denied: denied.map(str::to_owned), silence, ..Look::default() };
            (0..looks).flat_map(|_| screen.sight_news(&look)).collect::<Vec<_>>()
        };
        assert_eq!(said(Some("not Pod"), 0, 3), [""; 0], "others may follow");
        assert_eq!(said(Some("not Pod and Job"), 0, 20), ["not Pod and Job"], "once");
        assert_eq!(said(Some("not Job"), 0, 20), ["not Job"]);
        assert_eq!(said(None, 0, 20), ["all kinds can be watched now"]);
        assert_eq!(said(None, 40, 20), ["no contact with the API server for 40s: refused"]);
        assert_eq!(said(None, 41, 20), [""; 0]);
        assert_eq!(said(None, 0, 20), ["the API server answers again, after 41s"]);
    }
}
