//! What an operator can do, and the least role each takes: one table for the server that enforces and the console that dims.

use crate::Role;

/// Something an operator asks of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read subjects, clients, the audit trail and health.
    Read,
    /// Create a subject.
    CreateSubject,
    /// Make an invitation link.
    InviteSubject,
    /// Bar a subject from signing in.
    SuspendSubject,
    /// Let a suspended subject sign in again.
    ActivateSubject,
    /// Remove one of a subject's credentials.
    RemoveCredential,
    /// Enrol a fingerprint of a subject from another maker's minutiae records.
    ImportFingerprint,
    /// End every session of a subject.
    RevokeSessions,
    /// Compare everybody's references, to find who is enrolled twice.
    SearchDuplicates,
    /// Say of a pair that the search raised whether it is one person.
    DecideDuplicate,
    /// Erase a subject: its data key, templates, credentials and personal data.
    EraseSubject,
    /// Register a relying party.
    CreateClient,
    /// Remove a relying party.
    DeleteClient,
    /// Replace the policy; check another one, and try it on the logins of the past.
    ChangePolicy,
    /// List, create and remove operators; issue and revoke their tokens.
    ManageOperators,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 15] = [
        Self::Read,
        Self::CreateSubject,
        Self::InviteSubject,
        Self::SuspendSubject,
        Self::ActivateSubject,
        Self::RemoveCredential,
        Self::ImportFingerprint,
        Self::RevokeSessions,
        Self::SearchDuplicates,
        Self::DecideDuplicate,
        Self::EraseSubject,
        Self::CreateClient,
        Self::DeleteClient,
        Self::ChangePolicy,
        Self::ManageOperators,
    ];

    /// The least role that may do it.
    pub fn least_role(self) -> Role {
        match self {
            Self::Read => Role::Viewer,
            Self::CreateSubject
            | Self::InviteSubject
            | Self::SuspendSubject
            | Self::ActivateSubject
            | Self::RemoveCredential
            | Self::RevokeSessions
            | Self::DecideDuplicate => Role::Enroller,
            Self::ImportFingerprint
            | Self::SearchDuplicates
            | Self::EraseSubject
            | Self::CreateClient
            | Self::DeleteClient
            | Self::ChangePolicy
            | Self::ManageOperators => Role::Owner,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_includes_the_one_before() {
        for action in Action::ALL {
            for pair in Role::ALL.windows(2) {
                assert!(
                    !pair[0].may(action) || pair[1].may(action),
                    "{action:?} {pair:?}"
                );
            }
            assert!(Role::Owner.may(action), "an owner may {action:?}");
        }
    }

    #[test]
    fn a_viewer_only_reads() {
        let allowed: Vec<_> = Action::ALL
            .into_iter()
            .filter(|a| Role::Viewer.may(*a))
            .collect();
        assert_eq!(allowed, [Action::Read]);
    }
}
