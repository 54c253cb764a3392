//! What can happen to the console: keys, resizes, ticks and the server's replies, as messages.

use std::time::Duration;

use crossterm::event::{Event, KeyEvent, KeyEventKind};
use time::OffsetDateTime;
use wire::{
    AuditPage, ClientDetail, ClientId, ClientSummary, CreatedClient, DuplicatePair,
    DuplicateSearch, Health, Invitation, Operator, Page, PolicyCheck, PolicyInForce,
    PolicyRevision, PolicyRevisionDetail, PolicySimulation, SubjectDetail, SubjectId,
    SubjectSummary,
};

use crate::api::ApiError;
use crate::app::{Change, Goes};

/// Something that happened.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// A moment passed; it is this late now.
    Tick(OffsetDateTime),
    /// The server answered, or did not.
    Reply(Reply),
    /// The system asks us to end.
    Terminate,
}

/// What came of a command.
#[derive(Debug)]
pub enum Reply {
    /// Of `Command::Whoami`.
    Whoami(Result<Operator, ApiError>),
    /// Of `Command::ListSubjects`.
    Subjects {
        /// Which request this answers.
        generation: u64,
        /// Whether it goes on from the last page.
        goes: Goes,
        /// What came.
        result: Result<Page<SubjectSummary>, ApiError>,
    },
    /// Of `Command::LoadSubject`.
    Subject(SubjectId, Result<Box<SubjectDetail>, ApiError>),
    /// Of `Command::LoadActivity`.
    Activity(SubjectId, Result<AuditPage, ApiError>),
    /// Of `Command::CreateSubject`.
    SubjectCreated(Result<Box<SubjectDetail>, ApiError>),
    /// Of `Command::Invite`: for whom.
    Invited(String, Result<Invitation, ApiError>),
    /// Of `Command::Change`.
    Changed(Change, Result<(), ApiError>),
    /// Of `Command::ListClients`.
    Clients {
        /// Which request this answers.
        generation: u64,
        /// Whether it goes on from the last page.
        goes: Goes,
        /// What came.
        result: Result<Page<ClientSummary>, ApiError>,
    },
    /// Of `Command::LoadClient`.
    Client(ClientId, Result<Box<ClientDetail>, ApiError>),
    /// Of `Command::CreateClient`.
    ClientCreated(Result<Box<CreatedClient>, ApiError>),
    /// Of `Command::ListDuplicates`.
    Duplicates {
        /// Which request this answers.
        generation: u64,
        /// Whether it goes on from the last page.
        goes: Goes,
        /// What came.
        result: Result<Page<DuplicatePair>, ApiError>,
    },
    /// Of `Command::NewestSearch`: a page with one search at most.
    NewestSearch(Result<Page<DuplicateSearch>, ApiError>),
    /// Of `Command::StartSearch`.
    SearchStarted(Result<DuplicateSearch, ApiError>),
    /// Of `Command::LoadPolicy`.
    Policy(Result<Box<PolicyInForce>, ApiError>),
    /// Of `Command::ListPolicyRevisions`.
    PolicyRevisions {
        /// Which request this answers.
        generation: u64,
        /// Whether it goes on from the last page.
        goes: Goes,
        /// What came.
        result: Result<Page<PolicyRevision>, ApiError>,
    },
    /// Of `Command::LoadPolicyRevision`: of which, it and the one before.
    PolicyRevision(i64, Result<Box<TwoRevisions>, ApiError>),
    /// Of `Command::EditPolicy`: what the editor left, or why it did not.
    Edited(Result<String, String>),
    /// Of `Command::TryPolicy`: of which text, and what is said of it.
    PolicyTried(String, Result<Box<Judged>, ApiError>),
    /// Of `Command::FollowAudit`.
    Followed(Result<AuditPage, ApiError>),
    /// Of `Command::OlderAudit`.
    Older(Result<AuditPage, ApiError>),
    /// Of `Command::Health`, and how long the answer took.
    Health(Result<Health, ApiError>, Duration),
    /// Of `Command::CopySecret`: whether the terminal took it.
    Copied(bool),
}

/// What the server says of a policy, and what it would have made of the past where that was tried.
pub type Judged = (PolicyCheck, Option<PolicySimulation>);

/// A change of the policy, and the one before it where there is one.
pub type TwoRevisions = (PolicyRevisionDetail, Option<PolicyRevisionDetail>);

impl Reply {
    /// Whether nobody waits for it: it does not count for the spinner.
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Whoami(_)
            | Self::Followed(_)
            | Self::Health(..)
            | Self::NewestSearch(_)
            | Self::Edited(_)
            | Self::Copied(_) => true,
            Self::Subjects { .. }
            | Self::Subject(..)
            | Self::Activity(..)
            | Self::SubjectCreated(_)
            | Self::Invited(..)
            | Self::Changed(..)
            | Self::Clients { .. }
            | Self::Client(..)
            | Self::ClientCreated(_)
            | Self::Duplicates { .. }
            | Self::SearchStarted(_)
            | Self::Policy(_)
            | Self::PolicyRevisions { .. }
            | Self::PolicyRevision(..)
            | Self::PolicyTried(..)
            | Self::Older(_) => false,
        }
    }
}

/// The message of a terminal's event; most events of a mouse or a focus mean nothing here.
pub fn translate(event: &Event) -> Option<Message> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Message::Key(*key)),
        Event::Resize(columns, rows) => Some(Message::Resize(*columns, *rows)),
        Event::Key(_)
        | Event::Mouse(_)
        | Event::Paste(_)
        | Event::FocusGained
        | Event::FocusLost => None,
    }
}
