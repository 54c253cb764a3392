//! All the state of the console, and `update`, which alone changes it: a message in, commands out, nothing else touched.
//!
//! What belongs to one screen lies in that screen's file; here is what they share: the tabs, the connection, what lies
//! above the screens (questions, forms, the help), and the way a message takes.

mod audit;
mod clients;
mod command;
mod draft;
mod duplicates;
mod form;
mod health;
mod input;
mod link;
mod listing;
mod overlay;
mod policy;
mod replies;
mod subjects;

use crossterm::event::KeyEvent;
use time::{Duration, OffsetDateTime};
use wire::{Action, Operator};

pub use audit::{AuditFeed, is_declined};
pub use clients::{ClientView, Clients};
pub use command::{Change, Command};
pub use draft::{Draft, Judgement};
pub use duplicates::Duplicates;
pub use form::{Field, Form, FormKind, Value};
pub use health::{HealthBoard, Trend};
pub use input::Input;
pub use link::Link;
pub use listing::{Goes, Listing, Motion};
pub use overlay::{Once, Overlay, Question, Then};
pub use policy::{PastPolicy, PolicyBoard};
pub use subjects::{Pane, SubjectView, Subjects};

use crate::event::Message;
use crate::keys::{self, Act, Scope};
use crate::theme::{Theme, Tone};

/// The console.
#[derive(Debug)]
pub struct App {
    /// How it looks.
    pub theme: Theme,
    /// What to call the server.
    pub server: String,
    /// The present moment, as the last tick told it.
    pub now: OffsetDateTime,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// How many ticks there have been; turns the spinner.
    pub ticks: u64,
    /// How the connection stands.
    pub link: Link,
    /// Who we are, once the server has said.
    pub operator: Option<Operator>,
    /// The open tab.
    pub tab: Tab,
    /// The subjects tab.
    pub subjects: Subjects,
    /// The clients tab.
    pub clients: Clients,
    /// The duplicates tab.
    pub duplicates: Duplicates,
    /// The policy tab.
    pub policy: PolicyBoard,
    /// The audit tab.
    pub audit: AuditFeed,
    /// The health tab.
    pub health: HealthBoard,
    /// The form being filled in.
    pub form: Option<Form>,
    /// What lies above everything.
    pub overlay: Option<Overlay>,
    /// The last thing to say.
    pub notice: Option<Notice>,
    /// Whether the console should end.
    pub is_over: bool,
    in_flight: usize,
}

/// The tabs, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// The people.
    Subjects,
    /// The relying parties.
    Clients,
    /// What happens.
    Audit,
    /// How the server is.
    Health,
    /// Who may be enrolled twice.
    Duplicates,
    /// What each acr asks for.
    Policy,
}

impl Tab {
    /// Every tab.
    pub const ALL: [Self; 6] = [
        Self::Subjects,
        Self::Clients,
        Self::Audit,
        Self::Health,
        Self::Duplicates,
        Self::Policy,
    ];

    /// What stands on it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Subjects => "Subjects",
            Self::Clients => "Clients",
            Self::Audit => "Audit",
            Self::Health => "Health",
            Self::Duplicates => "Duplicates",
            Self::Policy => "Policy",
        }
    }

    fn beside(self, step: usize) -> Self {
        let at = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        Self::ALL[(at + step) % Self::ALL.len()]
    }
}

/// Something to say, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What.
    pub text: String,
    /// Whether it is good or bad news.
    pub tone: Tone,
    until: OffsetDateTime,
}

impl App {
    /// A console that has not connected yet.
    pub fn new(server: String, theme: Theme, now: OffsetDateTime, size: (u16, u16)) -> Self {
        Self {
            theme,
            server,
            now,
            size,
            ticks: 0,
            link: Link::Connecting,
            operator: None,
            tab: Tab::Subjects,
            subjects: Subjects::default(),
            clients: Clients::default(),
            duplicates: Duplicates::default(),
            policy: PolicyBoard::default(),
            audit: AuditFeed::default(),
            health: HealthBoard::default(),
            form: None,
            overlay: None,
            notice: None,
            is_over: false,
            in_flight: 0,
        }
    }

    /// What to do first.
    pub fn start(&self) -> Vec<Command> {
        vec![Command::Whoami]
    }

    /// Takes what happened; answers what to do about it.
    pub fn update(&mut self, message: Message) -> Vec<Command> {
        let commands = match message {
            Message::Key(key) => self.press(key),
            Message::Resize(columns, rows) => {
                self.size = (columns, rows);
                Vec::new()
            }
            Message::Tick(now) => self.tick(now),
            Message::Reply(reply) => {
                if !reply.is_quiet() {
                    self.in_flight = self.in_flight.saturating_sub(1);
                }
                self.take(reply)
            }
            Message::Terminate => {
                self.is_over = true;
                Vec::new()
            }
        };
        self.in_flight += commands.iter().filter(|c| !c.is_quiet()).count();
        commands
    }

    /// Whether somebody waits for the server.
    pub fn is_busy(&self) -> bool {
        self.in_flight > 0 || self.link == Link::Connecting
    }

    /// Whether the operator's role suffices; not before we know who we are.
    pub fn may(&self, action: Action) -> bool {
        self.operator
            .as_ref()
            .is_some_and(|operator| operator.role.may(action))
    }

    /// The scopes of the key table that hold now, the narrowest first.
    pub fn scopes(&self) -> Vec<Scope> {
        match &self.overlay {
            Some(Overlay::Help { .. }) => return vec![Scope::Help, Scope::Rows, Scope::Always],
            Some(Overlay::Question(question)) => {
                let scope = match question.typed {
                    Some(_) => Scope::TypedQuestion,
                    None => Scope::Question,
                };
                return vec![scope, Scope::Always];
            }
            Some(Overlay::Once(_)) => return vec![Scope::Once, Scope::Always],
            None => {}
        }
        if self.form.is_some() {
            return vec![Scope::Form, Scope::Always];
        }
        if self.typing().is_some() {
            return vec![Scope::Typing, Scope::Always];
        }
        if self.operator.is_none() || matches!(self.link, Link::SignedOut { .. }) {
            return vec![Scope::Everywhere, Scope::Always];
        }
        let mut scopes = match self.tab {
            Tab::Subjects => match &self.subjects.open {
                Some(view) if view.pane == Pane::Credentials => vec![
                    Scope::Subject,
                    Scope::Credentials,
                    Scope::SubjectActions,
                    Scope::Rows,
                ],
                Some(_) => vec![Scope::Subject, Scope::SubjectActions, Scope::Rows],
                None => vec![Scope::Subjects, Scope::SubjectActions, Scope::Rows],
            },
            Tab::Clients if self.clients.open.is_some() => vec![Scope::Client],
            Tab::Clients => vec![Scope::Clients, Scope::Rows],
            Tab::Audit => vec![Scope::Audit, Scope::Rows],
            Tab::Health => vec![Scope::Rows],
            Tab::Duplicates => vec![Scope::Duplicates, Scope::Rows],
            Tab::Policy => match &self.policy {
                board if board.draft.is_some() => vec![Scope::PolicyDraft, Scope::Rows],
                board if board.past.is_some() => vec![Scope::PastPolicy, Scope::Rows],
                board if board.is_in_history => vec![Scope::PolicyHistory, Scope::Rows],
                _ => vec![Scope::Policy, Scope::Rows],
            },
        };
        scopes.extend([Scope::Everywhere, Scope::Always]);
        scopes
    }

    /// The search or filter that is being typed.
    pub fn typing(&self) -> Option<&Input> {
        match self.tab {
            Tab::Subjects if self.subjects.is_searching => Some(&self.subjects.search),
            Tab::Audit if self.audit.is_filtering => Some(&self.audit.filter),
            Tab::Subjects
            | Tab::Clients
            | Tab::Audit
            | Tab::Health
            | Tab::Duplicates
            | Tab::Policy => None,
        }
    }

    /// Says something for a while; bad news stays longer.
    pub fn say(&mut self, tone: Tone, text: impl Into<String>) {
        let seconds = match tone {
            Tone::Bad | Tone::Warn => BAD_NEWS_S,
            Tone::Plain | Tone::Good | Tone::Quiet => GOOD_NEWS_S,
        };
        self.notice = Some(Notice {
            text: text.into(),
            tone,
            until: self.now + Duration::seconds(seconds),
        });
    }

    /// How many rows of a list fit the screen, for a page's motion.
    pub fn page_rows(&self) -> usize {
        usize::from(self.size.1.saturating_sub(CHROME_ROWS)).max(1)
    }

    fn press(&mut self, key: KeyEvent) -> Vec<Command> {
        match keys::dispatch(&self.scopes(), key) {
            Some(act) => {
                // What was said has been seen.
                self.notice = None;
                self.act(act)
            }
            None => self.type_key(key),
        }
    }

    fn act(&mut self, act: Act) -> Vec<Command> {
        if let Some(action) = act.needs()
            && !self.may(action)
        {
            self.say(Tone::Warn, self.role_wanted(action));
            return Vec::new();
        }
        match act {
            Act::Quit if self.policy.draft.is_some() => {
                self.overlay = Some(Overlay::Question(Question::then(
                    "Leave and forget the edited policy?".to_owned(),
                    "It is not in force, and kept nowhere else. n goes back; tab 6 has it.",
                    Then::Leave,
                )));
            }
            Act::Quit | Act::QuitAtOnce => self.is_over = true,
            Act::Help => self.overlay = Some(Overlay::Help { scroll: 0 }),
            Act::Tab(at) => {
                if let Some(tab) = Tab::ALL.get(at) {
                    return self.show(*tab);
                }
            }
            Act::NextTab => return self.show(self.tab.beside(1)),
            Act::PreviousTab => return self.show(self.tab.beside(Tab::ALL.len() - 1)),
            Act::Refresh => return self.refresh(),
            Act::Confirm | Act::Cancel | Act::Copy if self.overlay.is_some() => {
                return self.answer_overlay(act);
            }
            Act::Move(motion) if self.overlay.is_some() => self.scroll_overlay(motion),
            Act::NextField
            | Act::PreviousField
            | Act::Toggle
            | Act::Enter
            | Act::Submit
            | Act::Cancel
                if self.form.is_some() =>
            {
                return self.act_in_form(act);
            }
            Act::NewSubject => self.form = Some(Form::subject()),
            Act::NewClient => self.form = Some(Form::client()),
            Act::SearchDuplicates => self.form = Some(Form::duplicate_search()),
            Act::Move(_)
            | Act::Open
            | Act::Back
            | Act::Search
            | Act::ClearSearch
            | Act::NextPane
            | Act::PreviousPane
            | Act::Invite
            | Act::SuspendOrActivate
            | Act::RemoveCredential
            | Act::RevokeSessions
            | Act::Erase
            | Act::DeleteClient
            | Act::DismissPair
            | Act::ConfirmPair
            | Act::EditPolicy
            | Act::ApplyPolicy
            | Act::DiscardPolicy
            | Act::ResetPolicy
            | Act::OpenHistory
            | Act::TakeRevision
            | Act::ToggleText
            | Act::Pause
            | Act::ProblemsOnly
            | Act::ToggleDetail
            | Act::OpenSubject
            | Act::NextField
            | Act::PreviousField
            | Act::Toggle
            | Act::Enter
            | Act::Submit
            | Act::Confirm
            | Act::Cancel
            | Act::Copy => {
                return match self.tab {
                    Tab::Subjects => self.act_on_subjects(act),
                    Tab::Clients => self.act_on_clients(act),
                    Tab::Audit => self.act_on_audit(act),
                    Tab::Health => self.act_on_health(act),
                    Tab::Duplicates => self.act_on_duplicates(act),
                    Tab::Policy => self.act_on_policy(act),
                };
            }
        }
        Vec::new()
    }

    fn type_key(&mut self, key: KeyEvent) -> Vec<Command> {
        if let Some(Overlay::Question(question)) = &mut self.overlay {
            question.type_key(key);
        } else if self.overlay.is_some() {
            // Nothing is typed into the help or under a secret.
        } else if let Some(form) = &mut self.form {
            form.type_key(key);
        } else if self.typing().is_some() {
            match self.tab {
                Tab::Subjects => self.subjects.type_key(key, self.now),
                Tab::Audit => self.audit.type_key(key),
                Tab::Clients | Tab::Health | Tab::Duplicates | Tab::Policy => {}
            }
        }
        Vec::new()
    }

    fn tick(&mut self, now: OffsetDateTime) -> Vec<Command> {
        self.now = now;
        self.ticks = self.ticks.wrapping_add(1);
        if self.notice.as_ref().is_some_and(|n| n.until <= now) {
            self.notice = None;
        }
        if self.link.try_again(now) {
            return vec![Command::Whoami];
        }
        if !self.link.is_up() {
            return Vec::new();
        }
        let mut commands = self.subjects.due(now, self.tab == Tab::Subjects);
        commands.extend(self.audit.due(now));
        commands.extend(self.health.due(now, self.tab == Tab::Health));
        commands.extend(self.duplicates.due(now, self.tab == Tab::Duplicates));
        commands
    }

    fn show(&mut self, tab: Tab) -> Vec<Command> {
        self.tab = tab;
        if self.link.is_up() {
            self.load_tab()
        } else {
            Vec::new()
        }
    }

    /// Loads what the open tab shows, where it has not come yet or goes stale by itself.
    fn load_tab(&mut self) -> Vec<Command> {
        match self.tab {
            Tab::Subjects if !self.subjects.list.is_loaded => self.subjects.load(self.now),
            // Clients register themselves, and are added on the server: no event tells the console.
            Tab::Clients if self.clients.open.is_none() => self.clients.load(),
            Tab::Health => self.health.due(self.now, true),
            // What was compared may be erased since, and its pairs with it.
            Tab::Duplicates => self.duplicates.load(self.now),
            Tab::Policy => self.policy.load(),
            Tab::Subjects | Tab::Clients | Tab::Audit => Vec::new(),
        }
    }

    fn refresh(&mut self) -> Vec<Command> {
        if !self.link.is_up() {
            self.link.hurry(self.now);
            return Vec::new();
        }
        match self.tab {
            Tab::Subjects => match &self.subjects.open {
                Some(view) => view.load(),
                None => self.subjects.load(self.now),
            },
            Tab::Clients => match &self.clients.open {
                Some(view) => vec![Command::LoadClient(view.id.clone())],
                None => self.clients.load(),
            },
            Tab::Audit => self.audit.resume(),
            Tab::Health => self.health.ask(self.now),
            Tab::Duplicates => self.duplicates.load(self.now),
            Tab::Policy => self.policy.load(),
        }
    }

    fn role_wanted(&self, action: Action) -> String {
        let role = action.least_role();
        match &self.operator {
            Some(operator) => format!("this takes the role {role}; you are {}", operator.role),
            None => "not signed in yet".to_owned(),
        }
    }
}

/// The rows that are not a list's own: header, rule, column heads, status line, footer and some air.
const CHROME_ROWS: u16 = 7;
const GOOD_NEWS_S: i64 = 4;
const BAD_NEWS_S: i64 = 10;
