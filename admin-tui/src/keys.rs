//! The key table: the one place that says which key does what where. It dispatches, it is the footer, and it is the help.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use wire::Action;

use crate::app::Motion;

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Leave the console.
    Quit,
    /// Leave the console without a question.
    QuitAtOnce,
    /// Show every key.
    Help,
    /// Go to the tab of this number, from zero.
    Tab(usize),
    /// Go to the next tab.
    NextTab,
    /// Go to the tab before.
    PreviousTab,
    /// Load what is shown anew.
    Refresh,
    /// Move the cursor.
    Move(Motion),
    /// Open what the cursor is on.
    Open,
    /// Go back to where this was opened from.
    Back,
    /// Type a search or a filter.
    Search,
    /// Show everything again.
    ClearSearch,
    /// The next section of a detail.
    NextPane,
    /// The section before.
    PreviousPane,
    /// Begin a new subject.
    NewSubject,
    /// Make an invitation.
    Invite,
    /// Bar the subject, or let it in again.
    SuspendOrActivate,
    /// Remove the credential the cursor is on.
    RemoveCredential,
    /// End every session of the subject.
    RevokeSessions,
    /// Erase the subject.
    Erase,
    /// Begin a new client.
    NewClient,
    /// Remove the client.
    DeleteClient,
    /// Begin a search for people who are enrolled twice.
    SearchDuplicates,
    /// Say that a pair is two people.
    DismissPair,
    /// Say that a pair is one person.
    ConfirmPair,
    /// Edit the policy.
    EditPolicy,
    /// Put what was edited in force.
    ApplyPolicy,
    /// Forget what was edited.
    DiscardPolicy,
    /// Go back to the configuration's policy.
    ResetPolicy,
    /// Show the policy's changes.
    OpenHistory,
    /// Make a draft of the change that is looked at.
    TakeRevision,
    /// Show the policy as its text, or as what it asks for.
    ToggleText,
    /// Hold the feed, or let it run again.
    Pause,
    /// Show only what went wrong, or everything.
    ProblemsOnly,
    /// Show or hide the event's details.
    ToggleDetail,
    /// Go to the subject of the event.
    OpenSubject,
    /// The next field.
    NextField,
    /// The field before.
    PreviousField,
    /// The other choice.
    Toggle,
    /// Done with this line: on to the next field, or send.
    Enter,
    /// Send the form.
    Submit,
    /// Yes.
    Confirm,
    /// No, or close.
    Cancel,
    /// Put the secret into the clipboard.
    Copy,
}

impl Act {
    /// What the operator's role must allow for it.
    pub fn needs(self) -> Option<Action> {
        match self {
            Self::NewSubject => Some(Action::CreateSubject),
            Self::Invite => Some(Action::InviteSubject),
            Self::SuspendOrActivate => Some(Action::SuspendSubject),
            Self::RemoveCredential => Some(Action::RemoveCredential),
            Self::RevokeSessions => Some(Action::RevokeSessions),
            Self::Erase => Some(Action::EraseSubject),
            Self::NewClient => Some(Action::CreateClient),
            Self::DeleteClient => Some(Action::DeleteClient),
            Self::SearchDuplicates => Some(Action::SearchDuplicates),
            Self::DismissPair | Self::ConfirmPair => Some(Action::DecideDuplicate),
            Self::EditPolicy | Self::ApplyPolicy | Self::ResetPolicy | Self::TakeRevision => {
                Some(Action::ChangePolicy)
            }
            Self::Quit
            | Self::Help
            | Self::Tab(_)
            | Self::NextTab
            | Self::PreviousTab
            | Self::Refresh
            | Self::Move(_)
            | Self::Open
            | Self::Back
            | Self::Search
            | Self::ClearSearch
            | Self::NextPane
            | Self::PreviousPane
            | Self::DiscardPolicy
            | Self::OpenHistory
            | Self::ToggleText
            | Self::QuitAtOnce
            | Self::Pause
            | Self::ProblemsOnly
            | Self::ToggleDetail
            | Self::OpenSubject
            | Self::NextField
            | Self::PreviousField
            | Self::Toggle
            | Self::Enter
            | Self::Submit
            | Self::Confirm
            | Self::Cancel
            | Self::Copy => None,
        }
    }
}

/// Where a key means what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everywhere, also while typing.
    Always,
    /// Everywhere but while typing or answering.
    Everywhere,
    /// Wherever there are rows.
    Rows,
    /// The subjects list.
    Subjects,
    /// One subject.
    Subject,
    /// The credentials of one subject.
    Credentials,
    /// What can be done with a subject, in the list and in the detail.
    SubjectActions,
    /// The clients list.
    Clients,
    /// One client.
    Client,
    /// The pairs that may be one person.
    Duplicates,
    /// The policy.
    Policy,
    /// A policy that was edited.
    PolicyDraft,
    /// The policy's changes.
    PolicyHistory,
    /// One of them.
    PastPolicy,
    /// The audit feed.
    Audit,
    /// While typing a search or a filter.
    Typing,
    /// While filling in a form.
    Form,
    /// A question that is answered with yes or no.
    Question,
    /// A question that is answered by typing a name.
    TypedQuestion,
    /// A secret that is shown once.
    Once,
    /// The help.
    Help,
}

impl Scope {
    /// The heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::Everywhere => "Everywhere",
            Self::Rows => "Moving",
            Self::Subjects => "Subjects",
            Self::Subject => "One subject",
            Self::Credentials => "Credentials",
            Self::SubjectActions => "Subject actions",
            Self::Clients => "Clients",
            Self::Client => "One client",
            Self::Duplicates => "Duplicates",
            Self::Policy => "Policy",
            Self::PolicyDraft => "An edited policy",
            Self::PolicyHistory => "The policy's history",
            Self::PastPolicy => "One change of it",
            Self::Audit => "Audit",
            Self::Typing => "While searching",
            Self::Form => "In a form",
            Self::Question => "Confirming",
            Self::TypedQuestion => "Confirming an erasure",
            Self::Once => "A secret shown once",
            Self::Help => "This help",
        }
    }

    /// Every scope, in the help's order.
    pub const ALL: [Self; 21] = [
        Self::Everywhere,
        Self::Rows,
        Self::Subjects,
        Self::SubjectActions,
        Self::Subject,
        Self::Credentials,
        Self::Clients,
        Self::Client,
        Self::Duplicates,
        Self::Policy,
        Self::PolicyDraft,
        Self::PolicyHistory,
        Self::PastPolicy,
        Self::Audit,
        Self::Typing,
        Self::Form,
        Self::Question,
        Self::TypedQuestion,
        Self::Once,
        Self::Help,
        Self::Always,
    ];
}

/// One key, as the table writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Key {
    /// Whether this is the key that was pressed. Shift does not count: it is in the character already.
    pub fn is(self, pressed: KeyEvent) -> bool {
        self.code == pressed.code && self.modifiers == pressed.modifiers - KeyModifiers::SHIFT
    }

    /// The key as the help names it.
    pub fn label(self) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(c) if self.modifiers.contains(KeyModifiers::CONTROL) => {
                return format!("^{}", c.to_ascii_uppercase());
            }
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Enter => "⏎".to_owned(),
            KeyCode::Esc => "Esc".to_owned(),
            KeyCode::Tab => "Tab".to_owned(),
            KeyCode::BackTab => "⇧Tab".to_owned(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::Home => "Home".to_owned(),
            KeyCode::End => "End".to_owned(),
            KeyCode::Backspace => "⌫".to_owned(),
            other => format!("{other:?}"),
        };
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            format!("^{name}")
        } else {
            name
        }
    }
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Where.
    pub scope: Scope,
    /// Which keys.
    pub keys: &'static [Key],
    /// What they ask for.
    pub act: Act,
    /// One word for the footer; empty where it is not shown there.
    pub short: &'static str,
    /// A line for the help.
    pub long: &'static str,
}

/// What a key asks for where these scopes hold; the first scope that knows the key decides.
pub fn dispatch(scopes: &[Scope], pressed: KeyEvent) -> Option<Act> {
    scopes.iter().find_map(|scope| {
        bindings(*scope)
            .find(|binding| binding.keys.iter().any(|key| key.is(pressed)))
            .map(|binding| binding.act)
    })
}

/// The lines of one scope.
pub fn bindings(scope: Scope) -> impl Iterator<Item = &'static Binding> {
    TABLE.iter().filter(move |binding| binding.scope == scope)
}

const fn ch(c: char) -> Key {
    Key {
        code: KeyCode::Char(c),
        modifiers: KeyModifiers::NONE,
    }
}

const fn ctrl(c: char) -> Key {
    Key {
        code: KeyCode::Char(c),
        modifiers: KeyModifiers::CONTROL,
    }
}

const fn key(code: KeyCode) -> Key {
    Key {
        code,
        modifiers: KeyModifiers::NONE,
    }
}

const fn line(
    scope: Scope,
    keys: &'static [Key],
    act: Act,
    short: &'static str,
    long: &'static str,
) -> Binding {
    Binding {
        scope,
        keys,
        act,
        short,
        long,
    }
}

const UP: Key = key(KeyCode::Up);
const DOWN: Key = key(KeyCode::Down);
const LEFT: Key = key(KeyCode::Left);
const RIGHT: Key = key(KeyCode::Right);
const ENTER: Key = key(KeyCode::Enter);
const ESC: Key = key(KeyCode::Esc);
const TAB: Key = key(KeyCode::Tab);
const BACK_TAB: Key = key(KeyCode::BackTab);
const BACKSPACE: Key = key(KeyCode::Backspace);
const PAGE_UP: Key = key(KeyCode::PageUp);
const PAGE_DOWN: Key = key(KeyCode::PageDown);
const HOME: Key = key(KeyCode::Home);
const END: Key = key(KeyCode::End);

/// Every key of the console.
#[rustfmt::skip]
pub const TABLE: &[Binding] = &[
    line(Scope::Always, &[ctrl('c')], Act::QuitAtOnce, "", "leave at once"),

    line(Scope::Everywhere, &[ch('?')], Act::Help, "help", "show these keys"),
    line(Scope::Everywhere, &[ch('q')], Act::Quit, "quit", "leave"),
    line(Scope::Everywhere, &[ch('1')], Act::Tab(0), "", "subjects"),
    line(Scope::Everywhere, &[ch('2')], Act::Tab(1), "", "clients"),
    line(Scope::Everywhere, &[ch('3')], Act::Tab(2), "", "audit feed"),
    line(Scope::Everywhere, &[ch('4')], Act::Tab(3), "", "health"),
    line(Scope::Everywhere, &[ch('5')], Act::Tab(4), "", "duplicates"),
    line(Scope::Everywhere, &[ch('6')], Act::Tab(5), "", "policy"),
    line(Scope::Everywhere, &[TAB], Act::NextTab, "", "next tab"),
    line(Scope::Everywhere, &[BACK_TAB], Act::PreviousTab, "", "tab before"),
    line(Scope::Everywhere, &[ch('r')], Act::Refresh, "refresh", "load anew, reconnect"),

    line(Scope::Rows, &[UP, ch('k')], Act::Move(Motion::Up), "", "up"),
    line(Scope::Rows, &[DOWN, ch('j')], Act::Move(Motion::Down), "", "down"),
    line(Scope::Rows, &[PAGE_UP, ctrl('b')], Act::Move(Motion::PageUp), "", "a screen up"),
    line(Scope::Rows, &[PAGE_DOWN, ctrl('f')], Act::Move(Motion::PageDown), "", "a screen down"),
    line(Scope::Rows, &[HOME, ch('g')], Act::Move(Motion::First), "", "to the first"),
    line(Scope::Rows, &[END, ch('G')], Act::Move(Motion::Last), "", "to the last"),

    line(Scope::Subjects, &[ENTER, RIGHT, ch('l')], Act::Open, "open", "open the subject"),
    line(Scope::Subjects, &[ch('/')], Act::Search, "search", "search by name or e-mail"),
    line(Scope::Subjects, &[ch('n')], Act::NewSubject, "new", "create a subject"),
    line(Scope::Subjects, &[ESC], Act::ClearSearch, "", "show all again"),

    line(Scope::SubjectActions, &[ch('i')], Act::Invite, "invite", "make an invitation link"),
    line(Scope::SubjectActions, &[ch('s')], Act::SuspendOrActivate, "suspend", "suspend, or activate"),
    line(Scope::SubjectActions, &[ch('x')], Act::RevokeSessions, "sign out", "end every session"),
    line(Scope::SubjectActions, &[ch('D')], Act::Erase, "erase", "erase for good"),

    line(Scope::Credentials, &[ch('d')], Act::RemoveCredential, "remove", "remove it"),

    line(Scope::Subject, &[RIGHT, ch('l')], Act::NextPane, "", "next section"),
    line(Scope::Subject, &[LEFT, ch('h')], Act::PreviousPane, "", "section before"),
    line(Scope::Subject, &[ESC, BACKSPACE], Act::Back, "back", "back to the list"),

    line(Scope::Clients, &[ENTER, RIGHT, ch('l')], Act::Open, "open", "open the client"),
    line(Scope::Clients, &[ch('n')], Act::NewClient, "new", "register a client"),
    line(Scope::Clients, &[ch('D')], Act::DeleteClient, "remove", "remove the client"),

    line(Scope::Client, &[ch('D')], Act::DeleteClient, "remove", "remove the client"),
    line(Scope::Client, &[ESC, LEFT, BACKSPACE, ch('h')], Act::Back, "back", "back to the list"),

    line(Scope::Duplicates, &[ch('n')], Act::SearchDuplicates, "search", "start a search"),
    line(Scope::Duplicates, &[ENTER], Act::Open, "first", "open the first subject"),
    line(Scope::Duplicates, &[ch('u')], Act::OpenSubject, "second", "open the second one"),
    line(Scope::Duplicates, &[ch('d')], Act::DismissPair, "two people", "they are two people"),
    line(Scope::Duplicates, &[ch('c')], Act::ConfirmPair, "one person", "they are one person"),

    line(Scope::Policy, &[ch('e')], Act::EditPolicy, "edit", "edit it in $EDITOR"),
    line(Scope::Policy, &[ch('t')], Act::ToggleText, "text", "show its text, or not"),
    line(Scope::Policy, &[ch('h')], Act::OpenHistory, "history", "show its changes"),
    line(Scope::Policy, &[ch('D')], Act::ResetPolicy, "reset", "the configuration's again"),

    line(Scope::PolicyDraft, &[ch('a')], Act::ApplyPolicy, "apply", "put it in force"),
    line(Scope::PolicyDraft, &[ch('e')], Act::EditPolicy, "edit", "edit it again"),
    line(Scope::PolicyDraft, &[ESC], Act::DiscardPolicy, "forget", "forget it"),

    line(Scope::PolicyHistory, &[ENTER, RIGHT, ch('l')], Act::Open, "open", "open the change"),
    line(Scope::PolicyHistory, &[ESC, LEFT, BACKSPACE, ch('h')], Act::Back, "back", "back to what counts"),

    line(Scope::PastPolicy, &[ch('b')], Act::TakeRevision, "go back to it", "edit and apply it again"),
    line(Scope::PastPolicy, &[ESC, LEFT, BACKSPACE, ch('h')], Act::Back, "back", "back to the history"),

    line(Scope::Audit, &[ENTER], Act::ToggleDetail, "detail", "show or hide the details"),
    line(Scope::Audit, &[ch(' ')], Act::Pause, "pause", "hold the feed, or let go"),
    line(Scope::Audit, &[ch('/')], Act::Search, "filter", "filter by any word"),
    line(Scope::Audit, &[ch('o')], Act::ProblemsOnly, "problems", "only what went wrong"),
    line(Scope::Audit, &[ch('u')], Act::OpenSubject, "subject", "open its subject"),
    line(Scope::Audit, &[ESC], Act::ClearSearch, "", "show all again"),

    line(Scope::Typing, &[ENTER, DOWN], Act::Enter, "keep", "keep it"),
    line(Scope::Typing, &[ESC], Act::Cancel, "clear", "forget it"),

    line(Scope::Form, &[TAB, DOWN], Act::NextField, "next", "next field"),
    line(Scope::Form, &[BACK_TAB, UP], Act::PreviousField, "", "field before"),
    line(Scope::Form, &[ENTER], Act::Enter, "next/send", "next field, or send"),
    line(Scope::Form, &[ctrl('s')], Act::Submit, "send", "send"),
    line(Scope::Form, &[ctrl('t')], Act::Toggle, "", "change the choice"),
    line(Scope::Form, &[ESC], Act::Cancel, "cancel", "forget the form"),

    line(Scope::Question, &[ch('y'), ch('Y')], Act::Confirm, "yes", "yes, do it"),
    line(Scope::Question, &[ch('n'), ESC, ch('q')], Act::Cancel, "no", "no, leave it"),

    line(Scope::TypedQuestion, &[ENTER], Act::Confirm, "erase", "do it, the name typed"),
    line(Scope::TypedQuestion, &[ESC], Act::Cancel, "no", "no, leave it"),

    line(Scope::Once, &[ch('c'), ch('y')], Act::Copy, "copy", "copy it"),
    line(Scope::Once, &[ESC, ENTER, ch('q')], Act::Cancel, "close", "close for good"),

    line(Scope::Help, &[ESC, ch('?'), ch('q')], Act::Cancel, "close", "close the help"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn no_key_means_two_things_in_one_scope() {
        for scope in Scope::ALL {
            let keys: Vec<Key> = bindings(scope)
                .flat_map(|binding| binding.keys)
                .copied()
                .collect();
            for (at, key) in keys.iter().enumerate() {
                assert!(!keys[at + 1..].contains(key), "{key:?} twice in {scope:?}");
            }
        }
    }

    #[test]
    fn every_line_of_the_table_is_reached_through_its_scope() {
        let listed: usize = Scope::ALL
            .iter()
            .map(|scope| bindings(*scope).count())
            .sum();
        assert_eq!(listed, TABLE.len());
        for binding in TABLE {
            let columns = binding.long.chars().count();
            assert!(
                (1..=25).contains(&columns),
                "{:?} fits the help",
                binding.long
            );
            for key in binding.keys {
                let act = dispatch(&[binding.scope], press(key.code, key.modifiers));
                assert_eq!(act, Some(binding.act));
            }
        }
    }

    #[test]
    fn shift_is_in_the_character_and_the_first_scope_decides() {
        let scopes = [Scope::SubjectActions, Scope::Everywhere];
        let shifted = press(KeyCode::Char('D'), KeyModifiers::SHIFT);
        assert_eq!(dispatch(&scopes, shifted), Some(Act::Erase));
        let question = [Scope::Question, Scope::Everywhere];
        let q = press(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(dispatch(&question, q), Some(Act::Cancel));
        let ctrl_q = press(KeyCode::Char('q'), KeyModifiers::CONTROL);
        assert_eq!(dispatch(&question, ctrl_q), None);
    }
}
