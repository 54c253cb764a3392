//! The audit tab: a feed that follows the server, can be held, filtered, and read backwards.

use std::collections::VecDeque;

use crossterm::event::KeyEvent;
use time::{Duration, OffsetDateTime};
use wire::{AuditEvent, AuditOutcome, AuditPage, AuditQuery, SubjectId};

use super::{App, Command, Input, Motion, Tab};
use crate::keys::Act;
use crate::theme::Tone;

/// The state of the tab.
#[derive(Debug, Default)]
pub struct AuditFeed {
    /// The words an event must have, all of them.
    pub filter: Input,
    /// Whether the filter is being typed.
    pub is_filtering: bool,
    /// Whether only what was not a success is shown.
    pub problems_only: bool,
    /// Whether the feed is held.
    pub is_paused: bool,
    /// How many events have come since it is held.
    pub unseen: usize,
    /// Whether the event under the cursor is shown in full.
    pub shows_detail: bool,
    /// Whether anything has come yet.
    pub is_loaded: bool,
    /// When the server last answered.
    pub at: Option<OffsetDateTime>,
    events: VecDeque<AuditEvent>,
    /// The event the cursor is on while the feed is held.
    marked: Option<i64>,
    last_seq: Option<i64>,
    is_asking: bool,
    is_asking_older: bool,
    reached_start: bool,
    ask_at: Option<OffsetDateTime>,
}

impl AuditFeed {
    /// The events that pass the filter, the oldest first.
    pub fn visible(&self) -> Vec<&AuditEvent> {
        let filter = self.filter.trimmed().to_lowercase();
        let words: Vec<&str> = filter.split_whitespace().collect();
        self.events
            .iter()
            .filter(|event| !self.problems_only || is_problem(event))
            .filter(|event| words.is_empty() || has_words(event, &words))
            .collect()
    }

    /// The row the cursor is on, among those that are visible.
    pub fn row(&self, visible: &[&AuditEvent]) -> usize {
        let last = visible.len().saturating_sub(1);
        match self.marked {
            Some(seq) if self.is_paused => visible
                .iter()
                .position(|event| event.seq >= seq)
                .unwrap_or(last),
            Some(_) | None => last,
        }
    }

    /// How many events are kept here.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Asks for what comes next, unless that is being asked already.
    pub fn resume(&mut self) -> Vec<Command> {
        if self.is_asking {
            return Vec::new();
        }
        self.is_asking = true;
        self.ask_at = None;
        vec![Command::FollowAudit(AuditQuery {
            after: self.last_seq,
            limit: Some(wire::MAX_LIMIT),
            wait_s: self.last_seq.map(|_| WAIT_S),
            ..AuditQuery::default()
        })]
    }

    /// Asks again where a rest was kept.
    pub fn due(&mut self, now: OffsetDateTime) -> Vec<Command> {
        if self.ask_at.is_some_and(|at| at <= now) {
            return self.resume();
        }
        Vec::new()
    }

    /// Takes what came, and asks for more after a rest: a longer one where nothing came, so that a server that does
    /// not hold requests is not asked without end. Answers the subjects that something new happened to.
    pub fn follow(&mut self, page: AuditPage, now: OffsetDateTime) -> Vec<SubjectId> {
        let mut concerned = Vec::new();
        self.is_asking = false;
        self.is_loaded = true;
        self.at = Some(now);
        let known = self.last_seq.unwrap_or(i64::MIN);
        self.last_seq = Some(page.last_seq.max(known));
        let rest = if page.events.is_empty() {
            IDLE_REST
        } else {
            REST
        };
        for event in page.events {
            if event.seq > known {
                self.unseen += usize::from(self.is_paused);
                concerned.extend(event.subject);
                self.events.push_back(event);
            }
        }
        while self.events.len() > KEPT {
            self.events.pop_front();
            self.reached_start = false;
        }
        self.ask_at = Some(now + rest);
        concerned
    }

    /// Notes that asking failed; the connection says when to go on.
    pub fn stop(&mut self) {
        self.is_asking = false;
        self.ask_at = None;
    }

    /// Takes events from before the first.
    pub fn prepend(&mut self, page: Option<AuditPage>) {
        self.is_asking_older = false;
        let Some(page) = page else { return };
        let first = self.events.front().map_or(i64::MAX, |event| event.seq);
        self.reached_start = page.events.is_empty();
        for event in page.events.into_iter().rev() {
            if event.seq < first && self.events.len() < KEPT {
                self.events.push_front(event);
            }
        }
    }

    /// Takes a key of the filter.
    pub fn type_key(&mut self, key: KeyEvent) {
        self.filter.edit(key);
    }

    fn go(&mut self, motion: Motion, page: usize) -> Vec<Command> {
        if motion == Motion::Last {
            self.run();
            return Vec::new();
        }
        let visible = self.visible();
        let row = self.row(&visible);
        let to = motion.apply(row, visible.len(), page);
        let Some(seq) = visible.get(to).map(|event| event.seq) else {
            return self.ask_older();
        };
        self.hold_at(seq);
        if to == 0 {
            self.ask_older()
        } else {
            Vec::new()
        }
    }

    fn hold_at(&mut self, seq: i64) {
        if !self.is_paused {
            self.unseen = 0;
        }
        self.is_paused = true;
        self.marked = Some(seq);
    }

    fn run(&mut self) {
        self.is_paused = false;
        self.marked = None;
        self.unseen = 0;
    }

    fn ask_older(&mut self) -> Vec<Command> {
        let Some(first) = self.events.front() else {
            return Vec::new();
        };
        if self.is_asking_older || self.reached_start || self.events.len() >= KEPT {
            return Vec::new();
        }
        self.is_asking_older = true;
        vec![Command::OlderAudit(AuditQuery {
            before: Some(first.seq),
            limit: Some(wire::MAX_LIMIT),
            ..AuditQuery::default()
        })]
    }

    /// The event the cursor is on.
    pub fn current(&self) -> Option<&AuditEvent> {
        let visible = self.visible();
        visible.get(self.row(&visible)).copied()
    }
}

impl App {
    pub(super) fn act_on_audit(&mut self, act: Act) -> Vec<Command> {
        match act {
            Act::Move(motion) => return self.audit.go(motion, self.page_rows()),
            Act::Pause if self.audit.is_paused => self.audit.run(),
            Act::Pause => {
                if let Some(seq) = self.audit.current().map(|event| event.seq) {
                    self.audit.hold_at(seq);
                }
            }
            Act::Search => self.audit.is_filtering = true,
            Act::Enter => self.audit.is_filtering = false,
            Act::Cancel | Act::ClearSearch => {
                self.audit.is_filtering = false;
                self.audit.filter.clear();
                self.audit.problems_only = false;
            }
            Act::ProblemsOnly => self.audit.problems_only = !self.audit.problems_only,
            Act::ToggleDetail => self.audit.shows_detail = !self.audit.shows_detail,
            Act::OpenSubject => {
                let subject = self.audit.current().and_then(|event| {
                    let name = event.username.clone().unwrap_or_default();
                    event.subject.map(|id| (id, name))
                });
                match subject {
                    Some((id, name)) => {
                        self.tab = Tab::Subjects;
                        return self.open_subject(id, name);
                    }
                    None => self.say(Tone::Warn, "this event concerns no subject"),
                }
            }
            // The key table does not bind the rest here.
            _ => {}
        }
        Vec::new()
    }
}

/// Whether a person said no where that is theirs to say: nothing was wrong with it.
pub fn is_declined(event: &AuditEvent) -> bool {
    event.outcome == AuditOutcome::Refused && CHOICES.contains(&event.kind.as_str())
}

fn is_problem(event: &AuditEvent) -> bool {
    event.outcome != AuditOutcome::Success && !is_declined(event)
}

fn has_words(event: &AuditEvent, words: &[&str]) -> bool {
    let mut text = format!("{} {}", event.kind, event.outcome);
    if is_declined(event) {
        text.push_str(" declined");
    }
    let named = [
        event.username.as_deref(),
        event.client.as_ref().map(|id| id.as_str()),
        event.operator.as_ref().map(|name| name.as_str()),
        event.factor.map(|factor| factor.as_str()),
    ];
    for word in named.into_iter().flatten() {
        text.push(' ');
        text.push_str(word);
    }
    for (name, value) in &event.detail {
        text.push_str(&format!(" {name}={value}"));
    }
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word))
}

/// What people are asked, and free to decline.
const CHOICES: [&str; 2] = ["biometric_consent.decided", "consent.decided"];
/// How many events are kept: what one scrolls through by hand, not an archive.
const KEPT: usize = 2_000;
const WAIT_S: u32 = 20;
const REST: Duration = Duration::milliseconds(100);
const IDLE_REST: Duration = Duration::seconds(1);
