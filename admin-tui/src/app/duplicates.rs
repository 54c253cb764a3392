//! The duplicates tab: how the newest search stands, and the pairs that wait for a decision.

use time::{Duration, OffsetDateTime};
use wire::{DuplicatePair, DuplicateQuery, DuplicateSearch, DuplicateSearchStatus, PairDecision};

use super::{App, Change, Command, Goes, Listing, Overlay, Question, Tab};
use crate::keys::Act;

/// The state of the tab.
#[derive(Debug, Default)]
pub struct Duplicates {
    /// The pairs that wait.
    pub list: Listing<DuplicatePair>,
    /// The newest search, where there was one.
    pub newest: Option<DuplicateSearch>,
    asked_at: Option<OffsetDateTime>,
}

impl Duplicates {
    /// Loads the pairs from their start, and the newest search.
    pub fn load(&mut self, now: OffsetDateTime) -> Vec<Command> {
        self.asked_at = Some(now);
        let generation = self.list.begin();
        vec![request(generation, Goes::Anew, None), Command::NewestSearch]
    }

    /// Asks how the search stands where it is looked at and the last time is long enough ago.
    pub fn due(&mut self, now: OffsetDateTime, is_shown: bool) -> Vec<Command> {
        let rest = if self.is_running() {
            RUNNING_REST
        } else {
            IDLE_REST
        };
        let is_due = self.asked_at.is_none_or(|at| now - at >= rest);
        if !is_shown || !self.list.is_loaded || !is_due {
            return Vec::new();
        }
        self.asked_at = Some(now);
        vec![Command::NewestSearch]
    }

    /// Takes how the newest search stands; one that ended since the last time may have raised pairs.
    pub fn accept(&mut self, newest: Option<DuplicateSearch>, now: OffsetDateTime) -> Vec<Command> {
        let had_ended = !self.is_running();
        let was = self.newest.as_ref().map(|search| search.id);
        self.newest = newest;
        let is = self.newest.as_ref().map(|search| search.id);
        let ended = !self.is_running() && (!had_ended || was != is);
        match ended && self.list.is_loaded {
            true => self.load(now),
            false => Vec::new(),
        }
    }

    fn is_running(&self) -> bool {
        let newest = self.newest.as_ref();
        newest.is_some_and(|search| search.status == DuplicateSearchStatus::Running)
    }

    fn load_more(&mut self) -> Vec<Command> {
        match self.list.begin_more() {
            Some((generation, after)) => vec![request(generation, Goes::On, Some(after))],
            None => Vec::new(),
        }
    }
}

fn request(generation: u64, goes: Goes, after: Option<String>) -> Command {
    Command::ListDuplicates {
        generation,
        goes,
        query: DuplicateQuery {
            decided: Some(false),
            after,
            limit: None,
        },
    }
}

impl App {
    pub(super) fn act_on_duplicates(&mut self, act: Act) -> Vec<Command> {
        if let Act::Move(motion) = act {
            self.duplicates.list.go(motion, self.page_rows());
            return self.duplicates.load_more();
        }
        let Some(pair) = self.duplicates.list.current().cloned() else {
            return Vec::new();
        };
        let names = format!("{} and {}", pair.one.username, pair.other.username);
        let ask = |title: String, body: &str, decision| {
            let change = Change::DecidePair(pair.id, decision, names.clone());
            Some(Overlay::Question(Question::new(title, body, change)))
        };
        match act {
            Act::Open => {
                self.tab = Tab::Subjects;
                return self.open_subject(pair.one.id, pair.one.username);
            }
            Act::OpenSubject => {
                self.tab = Tab::Subjects;
                return self.open_subject(pair.other.id, pair.other.username);
            }
            Act::DismissPair => {
                self.overlay = ask(
                    format!("Are {names} two people?"),
                    "The pair leaves the list, and later searches do not raise it again.",
                    PairDecision::Dismissed,
                );
            }
            Act::ConfirmPair => {
                self.overlay = ask(
                    format!("Are {names} one person?"),
                    "The pair leaves the list and the trail says so. Neither account changes: suspend or erase the one that must go.",
                    PairDecision::Confirmed,
                );
            }
            // The key table does not bind the rest here.
            _ => {}
        }
        Vec::new()
    }
}

const RUNNING_REST: Duration = Duration::seconds(1);
const IDLE_REST: Duration = Duration::seconds(15);
