//! The subjects tab: the list with its search, and one subject with its sections.

use crossterm::event::KeyEvent;
use time::{Duration, OffsetDateTime};
use wire::{AuditEvent, SubjectDetail, SubjectId, SubjectQuery, SubjectStatus, SubjectSummary};

use super::{App, Change, Command, Goes, Input, Listing, Motion, Overlay, Question};
use crate::keys::Act;
use crate::theme::Tone;

/// The state of the tab.
#[derive(Debug, Default)]
pub struct Subjects {
    /// The list.
    pub list: Listing<SubjectSummary>,
    /// What is searched for.
    pub search: Input,
    /// Whether the search is being typed.
    pub is_searching: bool,
    /// The subject that is open.
    pub open: Option<SubjectView>,
    search_due: Option<OffsetDateTime>,
    loaded_at: Option<OffsetDateTime>,
    is_stale: bool,
}

/// One subject.
#[derive(Clone, Debug)]
pub struct SubjectView {
    /// Which.
    pub id: SubjectId,
    /// What to call it until its detail comes.
    pub username: String,
    /// Everything about it.
    pub detail: Option<SubjectDetail>,
    /// What happened to it lately, the newest first.
    pub activity: Vec<AuditEvent>,
    /// The section that is shown.
    pub pane: Pane,
    /// The row the cursor is on.
    pub row: usize,
    /// Why there is nothing to show.
    pub error: Option<String>,
}

/// The sections of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// The enrolled credentials.
    Credentials,
    /// The live sessions.
    Sessions,
    /// What it has allowed relying parties.
    Consents,
    /// What happened to it.
    Activity,
}

impl Pane {
    /// Every section, in order.
    pub const ALL: [Self; 4] = [
        Self::Credentials,
        Self::Sessions,
        Self::Consents,
        Self::Activity,
    ];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Credentials => "Credentials",
            Self::Sessions => "Sessions",
            Self::Consents => "Consents",
            Self::Activity => "Activity",
        }
    }

    fn beside(self, step: usize) -> Self {
        let at = Self::ALL.iter().position(|pane| *pane == self).unwrap_or(0);
        Self::ALL[(at + step) % Self::ALL.len()]
    }
}

impl Subjects {
    /// Loads the list from its start, with the search as it is.
    pub fn load(&mut self, now: OffsetDateTime) -> Vec<Command> {
        self.search_due = None;
        self.is_stale = false;
        self.loaded_at = Some(now);
        let generation = self.list.begin();
        vec![self.request(generation, Goes::Anew, None)]
    }

    /// Takes a key of the search; the request waits until the typing rests.
    pub fn type_key(&mut self, key: KeyEvent, now: OffsetDateTime) {
        if self.search.edit(key) {
            self.search_due = Some(now + SEARCH_REST);
        }
    }

    /// What is due now: a search whose typing rests, or a list that something happened to.
    pub fn due(&mut self, now: OffsetDateTime, is_shown: bool) -> Vec<Command> {
        let is_resting = self.search_due.is_some_and(|at| at <= now);
        let is_old = self.loaded_at.is_none_or(|at| now - at >= STALE_REST);
        let is_wanted = is_shown && self.open.is_none() && self.list.items.len() < ONE_PAGE;
        if is_resting || (self.is_stale && is_old && is_wanted && !self.list.is_loading) {
            return self.load(now);
        }
        Vec::new()
    }

    /// Puts a subject that was just created into the list, under the cursor. A search that may leave it out ends.
    pub fn add(&mut self, new: SubjectSummary) {
        self.search.clear();
        let (id, name) = (new.id, new.username.clone());
        // The feed may have been quicker.
        self.list.remove(|subject| subject.id == id);
        self.list.insert(new, |subject| subject.username > name);
        self.mark_stale();
    }

    /// Notes that something happened which the list may show.
    pub fn mark_stale(&mut self) {
        self.is_stale = true;
    }

    /// The subject that an action is about: the one that is open, or the one the cursor is on.
    pub fn target(&self) -> Option<&SubjectSummary> {
        match &self.open {
            Some(view) => view.detail.as_ref().map(|detail| &detail.summary),
            None => self.list.current(),
        }
    }

    fn load_more(&mut self) -> Vec<Command> {
        match self.list.begin_more() {
            Some((generation, after)) => vec![self.request(generation, Goes::On, Some(after))],
            None => Vec::new(),
        }
    }

    fn request(&self, generation: u64, goes: Goes, after: Option<String>) -> Command {
        let search = self.search.trimmed();
        Command::ListSubjects {
            generation,
            goes,
            query: SubjectQuery {
                search: (!search.is_empty()).then_some(search),
                after,
                limit: None,
            },
        }
    }
}

impl SubjectView {
    /// A subject that has just been opened.
    pub fn new(id: SubjectId, username: String) -> Self {
        Self {
            id,
            username,
            detail: None,
            activity: Vec::new(),
            pane: Pane::Credentials,
            row: 0,
            error: None,
        }
    }

    /// Loads what it shows.
    pub fn load(&self) -> Vec<Command> {
        vec![
            Command::LoadSubject(self.id),
            Command::LoadActivity(self.id),
        ]
    }

    /// How many rows a section has.
    pub fn rows(&self, pane: Pane) -> usize {
        let Some(detail) = &self.detail else { return 0 };
        match pane {
            Pane::Credentials => detail.credentials.len(),
            Pane::Sessions => detail.sessions.len(),
            Pane::Consents => detail.consents.len(),
            Pane::Activity => self.activity.len(),
        }
    }

    /// Keeps the cursor on a row that is there.
    pub fn clamp(&mut self) {
        self.row = self.row.min(self.rows(self.pane).saturating_sub(1));
    }

    fn turn(&mut self, step: usize) {
        self.pane = self.pane.beside(step);
        self.row = 0;
    }
}

impl App {
    /// Opens a subject.
    pub(super) fn open_subject(&mut self, id: SubjectId, username: String) -> Vec<Command> {
        let view = SubjectView::new(id, username);
        let commands = view.load();
        self.subjects.open = Some(view);
        commands
    }

    pub(super) fn act_on_subjects(&mut self, act: Act) -> Vec<Command> {
        match act {
            Act::Move(motion) => return self.move_in_subjects(motion),
            Act::Open => {
                if let Some(subject) = self.subjects.list.current() {
                    let (id, username) = (subject.id, subject.username.clone());
                    return self.open_subject(id, username);
                }
            }
            Act::Back => {
                // What is done next is done to whom was just looked at, and to nobody else.
                if let Some(view) = self.subjects.open.take() {
                    self.subjects.list.select(|subject| subject.id == view.id);
                }
            }
            Act::Search => self.subjects.is_searching = true,
            Act::Enter => self.subjects.is_searching = false,
            Act::Cancel | Act::ClearSearch => {
                self.subjects.is_searching = false;
                if !self.subjects.search.is_empty() {
                    self.subjects.search.clear();
                    return self.subjects.load(self.now);
                }
            }
            Act::NextPane => {
                if let Some(view) = &mut self.subjects.open {
                    view.turn(1);
                }
            }
            Act::PreviousPane => {
                if let Some(view) = &mut self.subjects.open {
                    view.turn(Pane::ALL.len() - 1);
                }
            }
            Act::Invite => self.ask_invite(),
            Act::SuspendOrActivate => self.ask_suspend_or_activate(),
            Act::RemoveCredential => self.ask_remove_credential(),
            Act::RevokeSessions => self.ask_revoke_sessions(),
            Act::Erase => self.ask_erase(),
            // The key table does not bind the rest here.
            _ => {}
        }
        Vec::new()
    }

    fn move_in_subjects(&mut self, motion: Motion) -> Vec<Command> {
        let page = self.page_rows();
        match &mut self.subjects.open {
            Some(view) => {
                view.row = motion.apply(view.row, view.rows(view.pane), page);
                Vec::new()
            }
            None => {
                self.subjects.list.go(motion, page);
                self.subjects.load_more()
            }
        }
    }

    fn ask_invite(&mut self) {
        let Some(subject) = self.subjects.target() else {
            return;
        };
        let (id, name) = (subject.id, subject.username.clone());
        if subject.status == SubjectStatus::Suspended {
            self.say(Tone::Warn, format!("{name} is suspended; activate first"));
            return;
        }
        let invite = Command::Invite {
            subject: id,
            username: name.clone(),
        };
        self.overlay = Some(Overlay::Question(Question::before(
            format!("Invite {name}?"),
            "A new link is shown once. Whoever opens it enrols as this subject; an earlier link is void.",
            invite,
        )));
    }

    fn ask_suspend_or_activate(&mut self) {
        let Some(subject) = self.subjects.target() else {
            return;
        };
        let (id, name) = (subject.id, subject.username.clone());
        let question = match subject.status {
            SubjectStatus::Invited | SubjectStatus::Active => Question::new(
                format!("Suspend {name}?"),
                "No login succeeds until the subject is activated again. Credentials and consents stay.",
                Change::Suspend(id, name),
            ),
            SubjectStatus::Suspended => Question::new(
                format!("Activate {name}?"),
                "The subject may sign in again with the credentials it has.",
                Change::Activate(id, name),
            ),
        };
        self.overlay = Some(Overlay::Question(question));
    }

    fn ask_remove_credential(&mut self) {
        let Some(view) = &self.subjects.open else {
            return;
        };
        let Some(detail) = &view.detail else { return };
        let Some(credential) = detail.credentials.get(view.row) else {
            return;
        };
        let what = match &credential.label {
            Some(label) => format!("{} “{label}”", credential.factor),
            None => credential.factor.to_string(),
        };
        let warning = if detail.credentials.len() == 1 {
            "It is the last one: without a new invitation the subject cannot sign in any more."
        } else {
            "It cannot be brought back; the subject would have to enrol it again."
        };
        self.overlay = Some(Overlay::Question(Question::new(
            format!("Remove {what} of {}?", detail.summary.username),
            warning,
            Change::RemoveCredential(view.id, credential.id, what.clone()),
        )));
    }

    fn ask_revoke_sessions(&mut self) {
        let Some(subject) = self.subjects.target() else {
            return;
        };
        let (id, name) = (subject.id, subject.username.clone());
        self.overlay = Some(Overlay::Question(Question::new(
            format!("End every session of {name}?"),
            "The subject has to sign in again everywhere, and its refresh tokens end.",
            Change::RevokeSessions(id, name),
        )));
    }

    fn ask_erase(&mut self) {
        let Some(subject) = self.subjects.target() else {
            return;
        };
        let (id, name) = (subject.id, subject.username.clone());
        self.overlay = Some(Overlay::Question(
            Question::new(
                format!("Erase {name}?"),
                "The subject's data key is destroyed: its templates, credentials, consents and sessions are gone for good.",
                Change::Erase(id, name.clone()),
            )
            .typed(name),
        ));
    }
}

const SEARCH_REST: Duration = Duration::milliseconds(150);
const STALE_REST: Duration = Duration::seconds(2);
/// A list that has grown over several pages is not loaded anew by itself: the cursor would lose its place.
const ONE_PAGE: usize = wire::DEFAULT_LIMIT as usize + 1;
