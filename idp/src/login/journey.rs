//! The steps of a login with their effects: read the attempt, do one thing, move it by compare-and-set.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest;
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{AttemptId, AuditOutcome, FactorKind, SubjectId, SubjectStatus};

use super::attempt::{Attempt, Consent, Identity, Notice, Pending};
use super::device::{Device, DeviceRules};
use super::guard::{SharedLimits, Tried};
use super::mark::Marks;
use super::risk::Risk;
use super::session::LiveSession;
use super::step::Step;
use super::target::Known;
use super::{LoginError, Trail};
use crate::factors::passkey::Passkeys;
use crate::factors::{Answer, Ceremony, Evidence, Factor, Registry};
use crate::metrics::Metrics;
use crate::oidc::amr;
use crate::oidc::claims::Profile;
use crate::oidc::client::Client;
use crate::oidc::error::AuthorizationError;
use crate::oidc::prompt::Prompt;
use crate::oidc::request::AuthorizationRequest;
use crate::oidc::subject::PairwiseKey;
use crate::places::Places;
use crate::policies::{InForce, Policies};
use crate::store::{
    AttemptRow, Backoff, Credential, Store, StoreError, Subject, canonical_username,
};
use crate::vault::OwnSecrets;
use crate::words::Language;

/// Walks attempts. Everything that several logins share.
pub struct Journey {
    pub store: Store,
    pub factors: Arc<Registry>,
    pub passkeys: Arc<Passkeys>,
    pub secrets: Arc<OwnSecrets>,
    /// What the policy is, from one moment to the next.
    pub policies: Arc<Policies>,
    /// Where logins are scored.
    pub risk: Option<Arc<Risk>>,
    /// Where addresses are.
    pub places: Arc<Places>,
    pub backoff: Backoff,
    /// When failures of an address and a network make the next one wait, and those of the whole service delay it.
    pub shared: SharedLimits,
    /// Keys that browsers keep, where they are on.
    pub devices: Option<DeviceRules>,
    /// By which a browser is known again.
    pub marks: Marks,
    pub attempt_lifetime: Duration,
    pub session_lifetime: Duration,
    pub code_lifetime: Duration,
    pub pairwise: PairwiseKey,
    pub metrics: Arc<Metrics>,
}

/// With whom an attempt goes on after a page that a prompt asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Whom it is about.
    Same,
    /// Somebody else, who is to identify.
    Another,
}

/// An attempt, where it stands, and whom it is about.
pub struct Position {
    pub attempt: Attempt,
    pub step: Step,
    pub subject: Option<Subject>,
    pub credentials: Vec<Credential>,
}

impl Journey {
    /// The policy of this moment: what hangs together is asked of one answer.
    #[must_use]
    pub fn policy(&self) -> Arc<InForce> {
        self.policies.in_force()
    }

    /// Begins an attempt for a well-formed request, in the browser whose cookie has this digest.
    ///
    /// # Errors
    /// The error that the client is to be told where no rule fits, or [`LoginError`].
    pub async fn begin(
        &self,
        request: AuthorizationRequest,
        client: &Client,
        browser: &str,
        session: Option<&LiveSession>,
        now: OffsetDateTime,
    ) -> Result<Result<Attempt, AuthorizationError>, LoginError> {
        let policy = self.policy();
        let mut targets = policy.targets(&request.acr, &client.default_acr_values, &client.profile);
        if let Some(methods) = request.claims.essential_amr() {
            let available: Vec<FactorKind> = self.factors.kinds().collect();
            targets = policy.giving(&methods, &available, &request.acr, targets);
        }
        let Some(target) = targets.first().cloned() else {
            return Ok(Err(AuthorizationError::UnmetAuthenticationRequirements));
        };
        // Who registers is somebody new.
        let session = session.filter(|_| !request.prompt.contains(Prompt::Create));
        let subject = match session {
            Some(session) => self.store.subject(session.subject).await?,
            None => None,
        };
        let attempt = Attempt {
            id: AttemptId(Uuid::now_v7()),
            revision: 0,
            browser: browser.to_owned(),
            is_unwritten: false,
            found: None,
            is_looked_up: false,
            address: None,
            is_told: false,
            mark: None,
            language: Language::default(),
            acr: target.acr,
            told: target.told,
            targets,
            amr: client.profile.amr_format,
            external: None,
            client_name: client.name.clone(),
            sector: client.sector(),
            trusted: client.trusted,
            identity: subject.as_ref().map(|s| Identity {
                username: s.username.clone(),
                subject: Some(s.id),
            }),
            session: session.map(|s| s.sid),
            evidence: session.map(|s| s.evidence.clone()).unwrap_or_default(),
            chosen: None,
            choosing: false,
            pending: match subject {
                // The page that asks for a name comes first, and offers a passkey beside it.
                None if self.offers_passkeys() => Some(self.discoverable()?),
                Some(_) | None => None,
            },
            consent: Consent::Unasked,
            passed: BTreeSet::new(),
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
            expires_at: now + self.attempt_lifetime,
            request,
        };
        let row = AttemptRow {
            id: attempt.id,
            revision: 0,
            browser: browser.to_owned(),
            state: state_of(&attempt),
            expires_at: attempt.expires_at,
        };
        self.store.begin_attempt(&row).await?;
        Ok(Ok(attempt))
    }

    /// Reads an attempt to show its page: one whose request came without cookies belongs to the browser that does so
    /// first.
    ///
    /// # Errors
    /// As [`Journey::load`].
    pub async fn load_to_show(
        &self,
        id: AttemptId,
        browser: &str,
        now: OffsetDateTime,
    ) -> Result<Attempt, LoginError> {
        match self.load(id, browser, now).await {
            Err(LoginError::OtherBrowser) if self.store.adopt_attempt(id, browser).await? => {
                self.load(id, browser, now).await
            }
            loaded => loaded,
        }
    }

    /// Reads an attempt for the browser that began it.
    ///
    /// # Errors
    /// [`LoginError::Gone`] or [`LoginError::OtherBrowser`].
    pub async fn load(
        &self,
        id: AttemptId,
        browser: &str,
        now: OffsetDateTime,
    ) -> Result<Attempt, LoginError> {
        let row = self.store.attempt(id, now).await?.ok_or(LoginError::Gone)?;
        if row.browser != browser || browser == AttemptRow::NO_BROWSER {
            return Err(LoginError::OtherBrowser);
        }
        read(row)
    }

    /// Where an attempt stands.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn position(
        &self,
        mut attempt: Attempt,
        now: OffsetDateTime,
    ) -> Result<Position, LoginError> {
        let read = attempt.found.take().and_then(Arc::into_inner);
        let is_looked_up = std::mem::take(&mut attempt.is_looked_up);
        let found = match (read, attempt.subject()) {
            (Some(found), Some(id)) if found.0.id == id => Some(found),
            (_, Some(id)) => self.store.subject_with_credentials(id).await?,
            // A name that nobody has is asked about as long as one that somebody has.
            (_, None) if attempt.identity.is_some() && !is_looked_up => {
                let nobody = SubjectId(Uuid::nil());
                self.store.subject_with_credentials(nobody).await?
            }
            (_, None) => None,
        };
        let (subject, credentials) = match found {
            Some((subject, own)) if subject.status == SubjectStatus::Active => (Some(subject), own),
            Some((subject, _)) => (Some(subject), Vec::new()),
            None => (None, Vec::new()),
        };
        let mut attempt = self.still_true(attempt, &credentials, now).await?;
        attempt.seen.device_key = attempt.device_key();
        self.assess(&mut attempt, now).await?;
        let suspended = subject
            .as_ref()
            .is_some_and(|s| s.status != SubjectStatus::Active);
        let enrolled: Vec<FactorKind> = credentials.iter().map(|c| c.factor).collect();
        let available: Vec<FactorKind> = self.factors.kinds().collect();
        let has_consent = match &subject {
            // Of a trusted client nobody is asked, and nobody before something was proved: until then a person is to take no
            // longer than a name that nobody has.
            Some(subject) if !attempt.trusted && !attempt.evidence.is_empty() => {
                self.has_consent(subject, &attempt).await?
            }
            Some(_) | None => false,
        };
        let known = Known {
            available: &available,
            enrolled: &enrolled,
            has_consent,
        };
        let (attempt, mut step) = match self.must_recognise(&attempt, now).await? {
            true => (attempt, Step::Recognise),
            false => self.towards(attempt, &known, now)?,
        };
        // Suspended between two steps, or since the session was opened: nothing is given any more.
        if suspended && matches!(step, Step::Finish | Step::Consent) {
            step = Step::Deny(AuthorizationError::AccessDenied);
        }
        // OIDC Core §5.5.1: an essential claim whose values are not met.
        if matches!(step, Step::Finish | Step::Consent)
            && let Some(methods) = attempt.request.claims.essential_amr()
        {
            let demand = self.demand(&attempt)?;
            let counted = demand.counted(&attempt.evidence, attempt.moment(now));
            let used = amr::combine(counted.iter().flat_map(|e| e.amr.iter().copied()));
            if !used.iter().any(|method| methods.contains(method.as_str())) {
                step = Step::Deny(AuthorizationError::UnmetAuthenticationRequirements);
            }
        }
        // Somebody else signed in than the client's hint names (OIDC Core §3.1.2.1 id_token_hint, §5.5.1 sub).
        let ends = matches!(step, Step::Finish | Step::Consent);
        if let Some(subject) = subject.as_ref().filter(|_| ends) {
            let id = crate::oidc::subject::SubjectId(subject.id.0);
            let sub = match &attempt.sector {
                Some(sector) => self.pairwise.identifier(sector, id),
                None => id.public(),
            };
            if !attempt.request.accepts_subject(id, &sub) {
                step = Step::Deny(AuthorizationError::LoginRequired);
            }
        }
        Ok(Position {
            attempt,
            step,
            subject,
            credentials,
        })
    }

    /// Drops what an attempt carries that is no longer so: the evidence of a session that has ended since,
    /// and of a credential that was removed or replaced since.
    async fn still_true(
        &self,
        mut attempt: Attempt,
        credentials: &[Credential],
        now: OffsetDateTime,
    ) -> Result<Attempt, LoginError> {
        if let (Some(sid), Some(subject)) = (attempt.session, attempt.subject())
            && !self.store.is_session_live(sid, subject, now).await?
        {
            attempt.drop_carried();
            attempt.session = None;
        }
        let stands = |id| credentials.iter().any(|credential| credential.id == id);
        attempt
            .evidence
            .retain(|evidence| evidence.credential.is_some_and(stands));
        Ok(attempt)
    }

    /// Where an attempt stands, with a challenge issued if one is to be answered; for [`Journey::settle`] to write.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn ask(&self, attempt: Attempt, now: OffsetDateTime) -> Result<Position, LoginError> {
        let mut position = self.position(attempt, now).await?;
        let Step::Challenge { factor, .. } = position.step else {
            return Ok(position);
        };
        if position
            .attempt
            .pending
            .as_ref()
            .is_some_and(|pending| pending.factor == factor)
        {
            return Ok(position);
        }
        let typed = position.attempt.identity.as_ref();
        let nobody = nobody(typed.map(|identity| identity.username.as_str()), now);
        let ceremony = Ceremony {
            subject: position.subject.as_ref().unwrap_or(&nobody),
            credentials: &position.credentials,
            now,
        };
        let issued = self.factors.factor(factor)?.challenge(ceremony).await?;
        let mut attempt = position.attempt;
        attempt.pending = Some(Pending {
            factor,
            challenge: issued.challenge,
            remember: issued.remember,
        });
        position.attempt = attempt.unwritten();
        Ok(position)
    }

    /// Writes what of an attempt is not written yet. One that ends now need not be: its end holds only for the revision
    /// that was read.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where another request moved it meanwhile.
    pub async fn settle(&self, mut position: Position) -> Result<Position, LoginError> {
        if position.attempt.is_unwritten {
            position.attempt = self.put(position.attempt).await?;
        }
        Ok(position)
    }

    /// Takes the name that was typed. Whether it exists is not shown. What changes is for [`Journey::settle`] to write.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn identify(&self, mut attempt: Attempt, typed: &str) -> Result<Attempt, LoginError> {
        // Another provider has said who it is; nobody else may answer for them.
        if attempt.external.is_some() {
            return Err(LoginError::Moved);
        }
        // Whose session is raised is not asked: somebody else begins anew, and says so first.
        if attempt.session.is_some() {
            return Err(LoginError::Moved);
        }
        let username = canonical_username(typed);
        if username.is_empty()
            || username.chars().count() > 256
            || username.chars().any(char::is_control)
        {
            attempt.notice = Some(Notice::TryAgain);
            return Ok(attempt.unwritten());
        }
        let found = self.store.subject_with_credentials_by_username(&username);
        let found = found.await?;
        let active = found
            .as_ref()
            .filter(|(subject, _)| subject.status == SubjectStatus::Active);
        let subject = active.map(|(subject, _)| subject.id);
        // Another name: what was proved or begun for the one before does not count for it.
        if attempt.subject() != subject || subject.is_none() {
            attempt.forget_person();
        }
        attempt.identity = Some(Identity { username, subject });
        attempt.found = found.filter(|_| subject.is_some()).map(Arc::new);
        attempt.is_looked_up = true;
        attempt.consent = Consent::Unasked;
        attempt.pending = None;
        attempt.notice = None;
        Ok(attempt.unwritten())
    }

    /// Takes the answer of a page that a prompt asked for: on with whom it is about, or with somebody else.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where another provider has said who it is.
    pub async fn pass(
        &self,
        mut attempt: Attempt,
        prompt: Prompt,
        account: Account,
    ) -> Result<Attempt, LoginError> {
        if attempt.external.is_some() {
            return Err(LoginError::Moved);
        }
        attempt.passed.insert(prompt);
        if account == Account::Another {
            attempt.identity = None;
            attempt.forget_person();
            attempt.pending = None;
            attempt.notice = None;
        }
        self.put(attempt).await
    }

    /// Takes a choice of factor, or the wish to choose. What changes is for [`Journey::settle`] to write.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn choose(
        &self,
        mut attempt: Attempt,
        factor: Option<FactorKind>,
    ) -> Result<Attempt, LoginError> {
        attempt.choosing = factor.is_none();
        attempt.chosen = factor;
        attempt.pending = None;
        attempt.notice = None;
        Ok(attempt.unwritten())
    }

    /// Judges an answer to the challenge that waits. The challenge is consumed before anything is compared,
    /// so that of many answers at once one is judged; and a try is reserved, so that of many attempts at
    /// once no more are judged than the counter allows. What was found is for [`Journey::settle`] to write.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where nothing waits for this factor.
    pub async fn answer(
        &self,
        mut attempt: Attempt,
        factor: FactorKind,
        answer: Answer,
        now: OffsetDateTime,
    ) -> Result<Attempt, LoginError> {
        let waiting = attempt
            .pending
            .as_ref()
            .is_some_and(|pending| pending.factor == factor);
        let Some(identity) = attempt.identity.clone().filter(|_| waiting) else {
            return Err(LoginError::Moved);
        };
        let Some(pending) = attempt.pending.take() else {
            return Err(LoginError::Moved);
        };
        attempt.notice = None;
        let attempt = self.put(attempt).await?;
        let tried = self.reserve(&attempt, &identity.username, factor, now);
        let counted = match tried.await? {
            Tried::Counted(counted) => counted,
            Tried::Blocked(block) => return self.blocked(attempt, factor, block, now).await,
        };
        let verified = self
            .verify(&attempt, factor, pending.remember, answer, now)
            .await;
        // On the heap: every handler that ends in it would be as large.
        Box::pin(self.weigh(attempt, factor, &counted, verified, now)).await
    }

    /// Writes an attempt that was read at its revision.
    pub(super) async fn put(&self, mut attempt: Attempt) -> Result<Attempt, LoginError> {
        // Whoever calls up a page and goes has begun nothing that is worth a row for ever: it is told with the first
        // answer that says who it is.
        let begins = !attempt.is_told && attempt.identity.is_some();
        attempt.is_told |= begins;
        if !self
            .store
            .move_attempt(attempt.id, attempt.revision, state_of(&attempt))
            .await?
        {
            return Err(LoginError::Moved);
        }
        attempt.revision += 1;
        attempt.is_unwritten = false;
        if begins {
            let event = trail(&attempt).event("login.began", AuditOutcome::Success);
            self.store.append_event(event, attempt.began_at).await?;
        }
        Ok(attempt)
    }

    pub(super) async fn verify(
        &self,
        attempt: &Attempt,
        kind: FactorKind,
        remembered: Value,
        answer: Answer,
        now: OffsetDateTime,
    ) -> Result<Evidence, LoginError> {
        let factor: &dyn Factor = self.factors.factor(kind)?;
        // Of nobody it is asked all the same, so that it takes as long.
        let whose = attempt.subject().unwrap_or(SubjectId(Uuid::nil()));
        let found = self.store.subject_with_credentials(whose).await?;
        match &found {
            Some((subject, credentials))
                if subject.status == SubjectStatus::Active
                    && credentials.iter().any(|c| c.factor == kind) =>
            {
                let ceremony = Ceremony {
                    subject,
                    credentials,
                    now,
                };
                Ok(factor.verify(ceremony, remembered, answer).await?)
            }
            _ => Ok(factor.verify_nobody(answer, now).await?),
        }
    }
}

/// Under which key the failures of a name are counted, whether or not there is such a subject.
#[must_use]
pub fn who(username: &str) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(b"whorl tries 1\0");
    hash.update(canonical_username(username).as_bytes());
    hex::encode(hash.finish())
}

pub(super) fn trail(attempt: &Attempt) -> Trail {
    Trail {
        subject: attempt.subject(),
        client: Some(wire::ClientId(attempt.request.client_id.to_string())),
        attempt: Some(attempt.id),
        address: attempt.address,
    }
}

/// An attempt as its row holds it.
pub(super) fn read(row: AttemptRow) -> Result<Attempt, LoginError> {
    let attempt: Attempt =
        serde_json::from_value(row.state).map_err(|_| StoreError::Unreadable("attempt"))?;
    Ok(Attempt {
        id: row.id,
        revision: row.revision,
        browser: row.browser,
        ..attempt
    })
}

pub(super) fn state_of(attempt: &Attempt) -> Value {
    serde_json::to_value(attempt).expect("invariant: an attempt is plain JSON")
}

/// Stands in for the subject of a name that nobody has: a challenge for it looks like any other.
fn nobody(typed: Option<&str>, now: OffsetDateTime) -> Subject {
    Subject {
        id: wire::SubjectId(Uuid::nil()),
        username: typed.unwrap_or_default().to_owned(),
        display_name: String::new(),
        email: None,
        email_verified: false,
        status: SubjectStatus::Invited,
        wrapped_key: None,
        created_at: now,
        last_login_at: None,
        claims: Profile::default(),
        biometrics_erased_at: None,
    }
}
