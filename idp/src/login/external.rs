//! A login that is one factor for another provider: begun for whom its hint names, with nothing carried over from a
//! session and nothing left behind in one.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{AttemptId, AuditOutcome, SubjectStatus};

use super::LoginError;
use super::attempt::{Attempt, Consent, External, Identity, Target};
use super::device::Device;
use super::journey::{Journey, Position, trail};
use super::policy::Moment;
use super::step::Step;
use crate::factors::Ceremony;
use crate::oidc::client::Client;
use crate::oidc::error::AuthorizationError;
use crate::oidc::external_hint::HintRefusal;
use crate::oidc::external_method::{self, Answer, Wanted};
use crate::oidc::request::AuthorizationRequest;
use crate::store::{AttemptRow, ExternalAccount};
use crate::words::Language;

/// Why no login was begun.
#[derive(Debug)]
pub enum NotBegun {
    /// Nobody here may be asked; the client is told `access_denied`.
    Hint(HintRefusal),
    /// What is asked for cannot be met.
    Refused(AuthorizationError),
}

impl Journey {
    /// Begins a login for the account of a verified hint.
    ///
    /// # Errors
    /// The inner error is for the client; the outer one is a part that is down.
    pub async fn begin_external(
        &self,
        request: AuthorizationRequest,
        client: &Client,
        browser: &str,
        (account, sub): (ExternalAccount, String),
        now: OffsetDateTime,
    ) -> Result<Result<Attempt, NotBegun>, LoginError> {
        let unmet = AuthorizationError::UnmetAuthenticationRequirements;
        let Some(wanted) = Wanted::of(&request.claims) else {
            return Ok(Err(NotBegun::Refused(unmet)));
        };
        let policy = self.policy();
        let targets: Vec<Target> = wanted
            .acrs
            .iter()
            .filter_map(|word| {
                let rule = policy.rule(client.profile.acr_of(word))?;
                let told = Some(word.clone());
                Some(Target {
                    acr: rule.name.clone(),
                    told,
                })
            })
            .collect();
        let Some(target) = targets.first().cloned() else {
            return Ok(Err(NotBegun::Refused(unmet)));
        };
        let linked = match self.store.linked_subject(&account).await? {
            Some(id) => self.store.subject(id).await?,
            None => None,
        };
        let Some(subject) = linked.filter(|s| s.status == SubjectStatus::Active) else {
            return Ok(Err(NotBegun::Hint(HintRefusal::NotLinked)));
        };
        let attempt = Attempt {
            id: AttemptId(Uuid::now_v7()),
            revision: 0,
            browser: browser.to_owned(),
            address: None,
            is_told: true,
            mark: None,
            language: Language::default(),
            acr: target.acr.clone(),
            told: target.told.clone(),
            targets,
            amr: client.profile.amr_format,
            external: Some(External {
                sub,
                subject: subject.id,
                methods: wanted.methods,
            }),
            sector: None,
            passed: Default::default(),
            is_unwritten: false,
            found: None,
            is_looked_up: false,
            client_name: client.name.clone(),
            trusted: true,
            identity: Some(Identity {
                username: subject.username,
                subject: Some(subject.id),
            }),
            session: None,
            evidence: Vec::new(),
            chosen: None,
            choosing: false,
            pending: None,
            consent: Consent::Unasked,
            device: self
                .devices
                .as_ref()
                .map(|_| Box::new(Device::asked()))
                .unwrap_or_default(),
            seen: Default::default(),
            seen_again: false,
            risk: Default::default(),
            notice: None,
            began_at: now,
            expires_at: now + self.attempt_lifetime.min(LONGEST),
            request,
        };
        let row = AttemptRow {
            id: attempt.id,
            revision: 0,
            browser: browser.to_owned(),
            state: super::journey::state_of(&attempt),
            expires_at: attempt.expires_at,
        };
        self.store.begin_attempt(&row).await?;
        let began = trail(&attempt).event("login.began", AuditOutcome::Success);
        self.store.note_event(began, now).await?;
        Ok(Ok(attempt))
    }

    /// Ends such a login that stands at [`Step::Finish`]: what is to be answered.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where it does not stand there, or another request ended it.
    pub async fn finish_external(
        &self,
        position: Position,
        now: OffsetDateTime,
    ) -> Result<(Attempt, Answer), LoginError> {
        let Position {
            mut attempt,
            step: Step::Finish,
            subject: Some(subject),
            credentials,
        } = position
        else {
            return Err(LoginError::Moved);
        };
        attempt.mind_erasure(&subject);
        let (Some(external), Some(told)) = (&attempt.external, &attempt.told) else {
            return Err(LoginError::Moved);
        };
        if subject.id != external.subject
            || subject.status != SubjectStatus::Active
            || !self.store.end_attempt(attempt.id, attempt.revision).await?
        {
            return Err(LoginError::Moved);
        }
        let demand = self.demand(&attempt)?;
        // Only what was proved in this attempt: there is no session that could vouch.
        let at = Moment {
            since: Some(attempt.began_at),
            now,
        };
        let counted = demand.counted(&attempt.evidence, at);
        let counted: Vec<_> = counted.into_iter().cloned().collect();
        let named = counted.iter().find_map(|evidence| {
            let method =
                external_method::method(evidence.factor, &evidence.amr, told, &external.methods)?;
            Some((method, evidence.at))
        });
        let Some((method, at)) = named else {
            return Err(LoginError::Moved);
        };
        self.store.note_login(subject.id, now).await?;
        let ceremony = Ceremony {
            subject: &subject,
            credentials: &credentials,
            now,
        };
        self.renew(&attempt, ceremony, &counted).await;
        self.book(&self.store, &attempt, &demand, &credentials, now)
            .await?;
        let habits = self.to_teach(&self.store, &attempt).await?;
        self.learn(&attempt, habits, now).await?;
        let answer = Answer {
            client_id: attempt.request.client_id.clone(),
            sub: external.sub.clone(),
            nonce: attempt.request.nonce.clone(),
            acr: told.clone(),
            method,
            at,
        };
        Ok((attempt, answer))
    }
}

/// Entra gives a login up after ten minutes.
const LONGEST: Duration = Duration::minutes(10);
