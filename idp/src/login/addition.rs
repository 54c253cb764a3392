//! A signed-in person adds a factor to the account, on the strength of a possession factor proved just before.
//!
//! It is the enrolment of an invitation, narrowed: one factor, a few minutes, and only while the session lasts in which
//! the passkey or the authenticator app was proved (NIST SP 800-63B-4 §4.1.2: binding a further authenticator takes
//! authentication at the level at which it is to be used). A recovery code does not count, nor does a biometric: whoever
//! found a sheet of paper, or holds up a picture, must not put another face in place of the holder's.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{AuditOutcome, FactorKind, SessionId, SubjectStatus};

use super::LoginError;
use super::enrolment::{Enrolment, trail};
use super::journey::Journey;
use super::own_pages::was_shown;
use super::policy::Policy;
use super::session::LiveSession;
use crate::oidc::acr::Acr;
use crate::store::{Credential, Subject};

/// Which factor is added, and in which session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addition {
    pub factor: FactorKind,
    pub session: SessionId,
}

/// Whether a factor shows that its holder has something, so that another may be added.
fn is_possession(factor: FactorKind) -> bool {
    match factor {
        FactorKind::Passkey | FactorKind::Totp => true,
        FactorKind::RecoveryCode
        | FactorKind::Password
        | FactorKind::Face
        | FactorKind::Fingerprint => false,
    }
}

/// Whether a way of the policy holds a factor that lets another be added.
pub(super) fn proves_possession(way: &[FactorKind]) -> bool {
    way.iter().copied().any(is_possession)
}

/// The acrs that can be reached by a way that proves possession, the default one first.
#[must_use]
pub fn acrs(policy: &Policy) -> Vec<Acr> {
    let has = |acr: &Acr| {
        let rule = policy.rule(acr);
        rule.is_some_and(|rule| rule.any_of.iter().any(|way| proves_possession(way)))
    };
    let names = policy.acr.iter().map(|rule| &rule.name);
    let others = names.filter(|name| **name != policy.default_acr);
    let all = std::iter::once(&policy.default_acr).chain(others);
    all.filter(|acr| has(acr)).cloned().collect()
}

/// Whether this session proved a possession factor within the last minutes, by a credential that is there still.
#[must_use]
pub fn is_fresh(session: &LiveSession, credentials: &[Credential], now: OffsetDateTime) -> bool {
    was_shown(&session.evidence, credentials, is_possession, now)
}

impl Journey {
    /// Begins to add a factor in this browser.
    ///
    /// # Errors
    /// [`LoginError::Gone`] where no possession factor was proved just before, or the account is not active.
    pub async fn begin_addition(
        &self,
        session: &LiveSession,
        factor: FactorKind,
        browser: &str,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let credentials = self.store.credentials(session.subject).await?;
        if !is_fresh(session, &credentials, now) {
            return Err(LoginError::Gone);
        }
        self.factors.factor(factor)?;
        let id = Uuid::now_v7();
        let addition = Addition {
            factor,
            session: session.sid,
        };
        let subject = self.store.subject(session.subject).await?;
        let subject = subject.ok_or(LoginError::Gone)?;
        self.still_added(&addition, &subject, now).await?;
        let fresh = Enrolment {
            id,
            revision: 0,
            browser: browser.to_owned(),
            // No digest of an invitation looks like this.
            invitation: format!("addition {id}"),
            subject: subject.id,
            address: None,
            consent: None,
            addition: Some(addition),
            pending: None,
            notice: None,
            login: None,
        };
        self.keep_enrolment(&fresh, now + LIFETIME).await?;
        let mut event = trail(&fresh).event("enrolment.began", AuditOutcome::Success);
        event.factor = Some(factor);
        event.detail.insert("by".into(), "possession".into());
        self.store.append_event(event, now).await?;
        Ok(())
    }

    /// Whether an addition may still go on: it ends with the session, and with the account's standing.
    pub(super) async fn still_added(
        &self,
        addition: &Addition,
        subject: &Subject,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let live = self
            .store
            .is_session_live(addition.session, subject.id, now)
            .await?;
        if live && subject.status == SubjectStatus::Active {
            Ok(())
        } else {
            Err(LoginError::Gone)
        }
    }
}

/// How long it may take from a fresh proof.
const LIFETIME: Duration = Duration::minutes(10);

#[cfg(test)]
mod tests {
    use wire::{CredentialId, SubjectId};

    use super::*;
    use crate::config::Config;
    use crate::factors::{Evidence, Outcome};
    use crate::login::own_pages::FRESH;
    use crate::store::tests::NOW;

    #[test]
    fn a_passkey_or_a_one_time_password_of_the_last_minutes_counts_and_nothing_else() {
        let session = |factor, ago: Duration| LiveSession {
            sid: SessionId(Uuid::nil()),
            cookie: String::new(),
            subject: SubjectId(Uuid::nil()),
            evidence: vec![Evidence::matched(
                factor,
                [],
                CredentialId(Uuid::nil()),
                NOW - ago,
            )],
            auth_time: NOW,
        };
        let credentials = [Credential {
            id: CredentialId(Uuid::nil()),
            subject: SubjectId(Uuid::nil()),
            factor: FactorKind::Passkey,
            label: String::new(),
            model: None,
            version: 1,
            blob_digest: None,
            sealed: None,
            public: None,
            counter: 0,
            created_at: NOW,
            last_used_at: None,
        }];
        let is_fresh = |session: &LiveSession, now| is_fresh(session, &credentials, now);
        for factor in FactorKind::ALL {
            let expected = matches!(factor, FactorKind::Passkey | FactorKind::Totp);
            let now = is_fresh(&session(factor, Duration::ZERO), NOW);
            assert_eq!(now, expected, "{factor}");
            let late = is_fresh(&session(factor, FRESH + Duration::seconds(1)), NOW);
            assert!(!late, "{factor}");
        }
        let mut failed = session(FactorKind::Passkey, Duration::ZERO);
        failed.evidence[0].outcome = Outcome::NoMatch;
        assert!(!is_fresh(&failed, NOW));
        let mut removed = session(FactorKind::Passkey, Duration::ZERO);
        removed.evidence[0].credential = Some(CredentialId(Uuid::from_u128(9)));
        assert!(!is_fresh(&removed, NOW), "its credential is gone");
    }

    #[test]
    fn possession_is_proved_by_what_the_policy_reaches_with_it() {
        let policy = |toml: &str| Config::from_toml(toml).expect("a configuration").policy;
        let names = |policy: &Policy| acrs(policy).iter().map(Acr::to_string).collect::<Vec<_>>();
        let usual = names(&policy(""));
        assert_eq!(usual.first().map(String::as_str), Some("urn:whorl:acr:mfa"));
        let knowledge = "[policy]\ndefault_acr = \"urn:x\"\n[[policy.acr]]\nname = \"urn:x\"\nany_of = [[\"password\"], [\"password\", \"recovery_code\"]]\n";
        assert!(names(&policy(knowledge)).is_empty());
    }
}
