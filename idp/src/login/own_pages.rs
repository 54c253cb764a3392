//! What a running session is worth on our own pages: held to the policy as a login is, with every condition of it, for
//! who has signed in elsewhere comes here without one.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};
use wire::FactorKind;

use super::LoginError;
use super::attempt::Seen;
use super::journey::{Journey, who};
use super::policy::{Circumstances, Demand};
use super::risk::Shown;
use super::session::LiveSession;
use crate::factors::{Evidence, Outcome};
use crate::store::{Credential, Subject};

impl Journey {
    /// What the person of a session is held to for a client of our own, where the request comes from.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn own_demand(
        &self,
        client: &str,
        (session, subject): (&LiveSession, &Subject),
        seen: &Seen,
        now: OffsetDateTime,
    ) -> Result<Demand, LoginError> {
        let shown = Shown {
            subject: subject.id,
            who: &who(&subject.username),
            seen,
            evidence: &session.evidence,
            seen_again: false,
        };
        let judged = self.judged(&shown, now).await?;
        let policy = self.policy();
        let groups: BTreeSet<String> = policy.groups_of(&subject.username);
        let circumstances = Circumstances {
            client: client.to_owned(),
            groups: Some(groups),
            address: seen.address,
            risk: judged.map(|it| it.band).unwrap_or_default(),
            // A page of ours asks no browser for its key: that was done when its session was opened or raised.
            trusted_device: true,
        };
        policy
            .demand(&policy.default_acr, &circumstances)
            .ok_or(LoginError::Gone)
    }
}

/// Whether one of these factors was shown a moment ago, by a credential that is there still: the one rule of what is fresh on
/// our own pages.
#[must_use]
pub fn was_shown(
    evidence: &[Evidence],
    credentials: &[Credential],
    counts: impl Fn(FactorKind) -> bool,
    now: OffsetDateTime,
) -> bool {
    let since = now - FRESH;
    evidence.iter().any(|it| {
        let stands = |held: &Credential| it.credential == Some(held.id);
        it.outcome == Outcome::Match
            && counts(it.factor)
            && it.at >= since
            && credentials.iter().any(stands)
    })
}

/// How long a proof is good for changes.
pub const FRESH: Duration = Duration::minutes(5);

/// Whether a factor shows more than that somebody knows a password: a further way to sign in is bound by one such, where
/// there is one (NIST SP 800-63B-4 §4.1.2). A recovery code is kept for just that, and every such change is told.
#[must_use]
pub fn binds(factor: FactorKind) -> bool {
    match factor {
        FactorKind::Passkey | FactorKind::Totp | FactorKind::RecoveryCode => true,
        FactorKind::Password | FactorKind::Face | FactorKind::Fingerprint => false,
    }
}
