//! What the console asks of the world: `update` answers these, and the loop that runs the terminal carries them out.

use wire::{
    AuditQuery, ClientId, CredentialId, DuplicatePairId, DuplicateQuery, NewClient,
    NewDuplicateSearch, NewPolicy, NewSubject, PageQuery, PairDecision, SubjectId, SubjectQuery,
};

use crate::app::Goes;

/// One effect to carry out; its result comes back as a `Reply`.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Ask who we are; also how a server that was away is tried again.
    Whoami,
    /// Load a page of the subjects.
    ListSubjects {
        /// Which request this is.
        generation: u64,
        /// Whether it goes on from the last page.
        goes: Goes,
        /// What to ask for.
        query: SubjectQuery,
    },
    /// Load a subject.
    LoadSubject(SubjectId),
    /// Load the last events of a subject.
    LoadActivity(SubjectId),
    /// Create a subject.
    CreateSubject(NewSubject),
    /// Make an invitation.
    Invite {
        /// For whom.
        subject: SubjectId,
        /// What to call them.
        username: String,
    },
    /// Change something that answers nothing worth showing.
    Change(Change),
    /// Load a page of the clients.
    ListClients {
        /// Which request this is.
        generation: u64,
        /// Whether it goes on from the last page.
        goes: Goes,
        /// What to ask for.
        query: PageQuery,
    },
    /// Load a client.
    LoadClient(ClientId),
    /// Register a client.
    CreateClient(NewClient),
    /// Load a page of the pairs that wait for a decision.
    ListDuplicates {
        /// Which request this is.
        generation: u64,
        /// Whether it goes on from the last page.
        goes: Goes,
        /// What to ask for.
        query: DuplicateQuery,
    },
    /// Load the newest search for duplicates.
    NewestSearch,
    /// Start a search for duplicates.
    StartSearch(NewDuplicateSearch),
    /// Load the policy that counts.
    LoadPolicy,
    /// Load a page of its changes.
    ListPolicyRevisions {
        /// Which request this is.
        generation: u64,
        /// Whether it goes on from the last page.
        goes: Goes,
        /// What to ask for.
        query: PageQuery,
    },
    /// Load a change of the policy, and the one before it.
    LoadPolicyRevision(i64),
    /// Let the operator edit this policy in an editor, which has the terminal meanwhile.
    EditPolicy(String),
    /// Say what is wrong with this policy, or what it would have made of the past.
    TryPolicy(String),
    /// Load audit events, and wait for some.
    FollowAudit(AuditQuery),
    /// Load audit events from before the first that is shown.
    OlderAudit(AuditQuery),
    /// Ask how the server is.
    Health,
    /// Put the secret that is shown into the terminal's clipboard. It is not in here, so that there is one copy of it.
    CopySecret,
}

impl Command {
    /// Whether nobody waits for its reply: it does not count for the spinner.
    pub fn is_quiet(&self) -> bool {
        match self {
            Self::Whoami
            | Self::FollowAudit(_)
            | Self::Health
            | Self::NewestSearch
            | Self::EditPolicy(_)
            | Self::CopySecret => true,
            Self::ListSubjects { .. }
            | Self::LoadSubject(_)
            | Self::LoadActivity(_)
            | Self::CreateSubject(_)
            | Self::Invite { .. }
            | Self::Change(_)
            | Self::ListClients { .. }
            | Self::LoadClient(_)
            | Self::CreateClient(_)
            | Self::ListDuplicates { .. }
            | Self::StartSearch(_)
            | Self::LoadPolicy
            | Self::ListPolicyRevisions { .. }
            | Self::LoadPolicyRevision(_)
            | Self::TryPolicy(_)
            | Self::OlderAudit(_) => false,
        }
    }
}

/// A change that was confirmed, with what it takes to say that it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Bar a subject.
    Suspend(SubjectId, String),
    /// Let a subject in again.
    Activate(SubjectId, String),
    /// Remove a credential.
    RemoveCredential(SubjectId, CredentialId, String),
    /// End every session of a subject.
    RevokeSessions(SubjectId, String),
    /// Erase a subject.
    Erase(SubjectId, String),
    /// Remove a client.
    DeleteClient(ClientId, String),
    /// Decide a pair.
    DecidePair(DuplicatePairId, PairDecision, String),
    /// Put a policy in the place of this revision.
    ApplyPolicy(i64, NewPolicy),
    /// Go back to the configuration's policy from this revision.
    ResetPolicy(i64),
}

impl Change {
    /// What to say when it is done.
    pub fn done(&self) -> String {
        match self {
            Self::Suspend(_, name) => format!("{name} is suspended"),
            Self::Activate(_, name) => format!("{name} may sign in again"),
            Self::RemoveCredential(_, _, name) => format!("{name} is removed"),
            Self::RevokeSessions(_, name) => format!("every session of {name} has ended"),
            Self::Erase(_, name) => format!("{name} is erased"),
            Self::DeleteClient(_, name) => format!("{name} is removed"),
            Self::DecidePair(_, PairDecision::Dismissed, names) => format!("{names}: two people"),
            Self::DecidePair(_, PairDecision::Confirmed, names) => format!("{names}: one person"),
            Self::ApplyPolicy(seen, _) => format!("revision {} is in force", seen + 1),
            Self::ResetPolicy(_) => "the configuration's policy is in force".to_owned(),
        }
    }
}
