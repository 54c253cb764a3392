//! Consent of a subject to what a client asks for: scopes, and claims asked for by name (OIDC Core §3.1.2.4).
//!
//! What was allowed is remembered and adds up; asking for more asks again.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use wire::AuditOutcome;

use super::LoginError;
use super::attempt::{Attempt, Consent};
use super::journey::{Journey, trail};
use super::step::Step;
use crate::oidc::scope::Scopes;
use crate::store::Subject;

impl Journey {
    /// Takes the answer of the consent page.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where consent is not what is asked.
    pub async fn consent(
        &self,
        attempt: Attempt,
        allowed: Consent,
        now: OffsetDateTime,
    ) -> Result<Attempt, LoginError> {
        let position = self.position(attempt, now).await?;
        let (Step::Consent, Some(subject)) = (position.step, position.subject) else {
            return Err(LoginError::Moved);
        };
        let mut attempt = position.attempt;
        attempt.consent = allowed;
        let attempt = self.put(attempt).await?;
        let outcome = match allowed {
            Consent::Allowed => AuditOutcome::Success,
            Consent::Denied | Consent::Unasked => AuditOutcome::Refused,
        };
        if allowed == Consent::Allowed {
            let client = attempt.request.client_id.as_str();
            let held = self.held_consent(&subject, client).await?;
            let (held, held_claims) = held.unwrap_or_default();
            let asked = attempt.request.claims.beyond(&attempt.request.scopes);
            let claims: Vec<String> = held_claims.union(&asked).cloned().collect();
            let scopes = held.union(&attempt.request.scopes).to_string();
            self.store
                .grant_consent(subject.id, client, (&scopes, &claims.join(" ")), now)
                .await?;
        }
        self.store
            .append_event(trail(&attempt).event("consent.decided", outcome), now)
            .await?;
        Ok(attempt)
    }

    /// Whether the client has the subject's consent for all that the attempt asks for.
    pub(super) async fn has_consent(
        &self,
        subject: &Subject,
        attempt: &Attempt,
    ) -> Result<bool, LoginError> {
        let request = &attempt.request;
        let client = request.client_id.as_str();
        // RFC 6749 §3.3: a request without a scope asks for access all the same, and nobody has allowed it yet.
        let Some((scopes, claims)) = self.held_consent(subject, client).await? else {
            return Ok(false);
        };
        // RFC 9396 §2: each object is a consent of its own; none was given before.
        Ok(request.details.is_empty()
            && request.scopes.is_subset(&scopes)
            && request.claims.beyond(&request.scopes).is_subset(&claims))
    }

    /// The scopes and the single claims that the subject allowed the client before.
    async fn held_consent(
        &self,
        subject: &Subject,
        client: &str,
    ) -> Result<Option<(Scopes, BTreeSet<String>)>, LoginError> {
        let Some((scopes, claims)) = self.store.consent(subject.id, client).await? else {
            return Ok(None);
        };
        let claims = claims.split(' ').filter(|name| !name.is_empty());
        Ok(Some((
            Scopes::parse(&scopes).unwrap_or_default(),
            claims.map(str::to_owned).collect(),
        )))
    }
}
