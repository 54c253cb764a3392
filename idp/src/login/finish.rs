//! The end of an admitted login: the session opened or raised, the grant kept, the code minted.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;
use uuid::Uuid;
use wire::{ClientId, FactorKind, SessionId, SubjectStatus};

use super::LoginError;
use super::attempt::Attempt;
use super::journey::{Journey, Position, trail};
use super::risk::DeviceKey;
use super::session::LiveSession;
use super::step::Step;
use crate::factors::{Ceremony, Evidence, FactorError, Outcome};
use crate::oidc::amr::{self, Amr};
use crate::oidc::error::AuthorizationError;
use crate::oidc::grant::{Authentication, Grant, GrantId};
use crate::oidc::grants::authorization_code::CodeRecord;
use crate::oidc::request::Errand;
use crate::oidc::subject::SubjectId;
use crate::random;
use crate::store::{Session, Store, Subject};

/// An admitted login.
pub struct Admitted {
    pub attempt: Attempt,
    /// What the subject let the client have.
    pub grant: Grant,
    /// By whom.
    pub subject: Subject,
    /// Goes to the client, once, where the response type has one.
    pub code: Option<SecretString>,
    /// The browser's session cookie, where it changed.
    pub cookie: Option<SecretString>,
    /// Somebody else's session in this browser, which has ended.
    pub replaced: Option<SessionId>,
}

impl Journey {
    /// Ends an attempt that stands at [`Step::Finish`]. Of many callers one is admitted.
    ///
    /// # Errors
    /// [`LoginError::Moved`] where it does not stand there, or another request ended it.
    pub async fn finish(
        &self,
        position: Position,
        session: Option<LiveSession>,
        user_agent: Option<String>,
        now: OffsetDateTime,
    ) -> Result<Admitted, LoginError> {
        let Position {
            attempt,
            step: Step::Finish,
            subject: Some(subject),
            credentials,
        } = position
        else {
            return Err(LoginError::Moved);
        };
        // Such an attempt leaves no session behind, and has its own end.
        if attempt.external.is_some() {
            return Err(LoginError::Moved);
        }
        if subject.status != SubjectStatus::Active {
            return Err(LoginError::Moved);
        }
        let (own, other) = match session {
            Some(session)
                if session.subject == subject.id && Some(session.sid) == attempt.session =>
            {
                (Some(session), None)
            }
            other => (None, other),
        };
        let demand = self.demand(&attempt)?;
        let at = attempt.moment(now);
        // What a session vouches for counts in the browser that has the session, and in no other.
        let mut attempt = attempt;
        if own.is_none() {
            attempt.drop_carried();
            if !demand.is_reached(&attempt.evidence, at) {
                return Err(LoginError::Moved);
            }
        }
        // All of it or nothing: whoever is admitted has a session, and what was granted is in the trail.
        let change = self.store.begin().await?;
        // The subject's row first, as every change of a subject has it: a step-up at the moment of one waits for it.
        let held = change.hold_subject(subject.id).await?;
        let Some(held) = held.filter(|it| it.status == SubjectStatus::Active) else {
            return Err(LoginError::Moved);
        };
        attempt.mind_erasure(&held);
        if !change.end_attempt(attempt.id, attempt.revision).await? {
            return Err(LoginError::Moved);
        }
        // RFC 9126 §4: of all the logins that one pushed request began, one ends with an answer.
        if let Some(digest) = &attempt.request.pushed
            && !change.use_pushed_request(digest, now).await?
        {
            change.commit().await?;
            return Err(LoginError::Moved);
        }
        let counted = demand.counted(&attempt.evidence, at);
        let counted: Vec<Evidence> = counted.into_iter().cloned().collect();
        // What a condition asks for besides is a proof too, and kept.
        let fresh = demand
            .rules()
            .flat_map(|rule| rule.counted(&attempt.evidence, demand.moment(at)))
            .any(|e| e.at >= attempt.began_at);
        // When the person was last authenticated (OIDC Core §2): at the last proof, however long a page stood after it.
        let proved_at = counted.iter().map(|e| e.at).max().unwrap_or(now);
        let replaced = other.as_ref().map(|other| other.sid);
        if let Some(other) = other {
            // Somebody else signed in here before: their session ends, or nothing in this browser could end it.
            change.end_session(other.sid, now).await?;
        }
        let (sid, auth_time, cookie) = match own {
            Some(own) if !fresh => (own.sid, own.auth_time, None),
            own => {
                let opening = Opening {
                    proved_at,
                    user_agent,
                    now,
                };
                let opened = self
                    .open_or_raise(&change, &attempt, subject.id, own, opening)
                    .await;
                if let Err(LoginError::Gone) = opened {
                    // The attempt ends all the same.
                    change.commit().await?;
                    return Err(LoginError::Gone);
                }
                opened?
            }
        };
        let has_code = attempt.request.response_type.has_code() && attempt.request.errand.is_none();
        let code = has_code.then(random::secret);
        let grant = Grant {
            id: GrantId(Uuid::now_v7()),
            client_id: attempt.request.client_id.clone(),
            subject: SubjectId(subject.id.0),
            scopes: attempt.request.scopes.clone(),
            authentication: Authentication {
                auth_time,
                acr: attempt.told.clone().unwrap_or_else(|| attempt.acr.clone()),
                amr: attempt.amr.told(amr::combine(
                    counted.iter().flat_map(|e| e.amr.iter().copied()),
                )),
                amr_times: amr_times(&counted),
                sid: crate::oidc::grant::SessionId(sid.0),
            },
            claims: attempt.request.claims.clone(),
            resources: attempt.request.resources.clone(),
            details: attempt.request.details.clone(),
        };
        // Whoever only looks at who waits, or at the own account, grants nothing.
        if attempt.request.errand.as_ref().is_none_or(Errand::grants) {
            self.keep(&change, &attempt, &grant, code.as_ref(), now)
                .await?;
        }
        if fresh {
            change.note_login(subject.id, now).await?;
        }
        self.book(&change, &attempt, &demand, &credentials, now)
            .await?;
        let habits = self.to_teach(&change, &attempt).await?;
        change.commit().await?;
        if fresh {
            let ceremony = Ceremony {
                subject: &subject,
                credentials: &credentials,
                now,
            };
            self.renew(&attempt, ceremony, &counted).await;
        }
        if fresh && let Some(id) = self.keep_device(&attempt, subject.id, now).await? {
            attempt.seen.device_key = DeviceKey::Known(id.as_u64_pair().1);
        }
        self.learn(&attempt, habits, now).await?;
        Ok(Admitted {
            attempt,
            grant,
            subject,
            code,
            cookie,
            replaced,
        })
    }

    /// Ends an attempt without admitting it; answers what the client is told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn deny(
        &self,
        attempt: &Attempt,
        error: AuthorizationError,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        if !self.store.end_attempt(attempt.id, attempt.revision).await? {
            return Err(LoginError::Moved);
        }
        // RFC 9126 §4: a refusal is an answer too.
        if let Some(digest) = &attempt.request.pushed
            && !self.store.use_pushed_request(digest, now).await?
        {
            return Err(LoginError::Moved);
        }
        self.refused(attempt, error, now).await
    }

    /// A login and every step-up give the session a new cookie: one that was planted is worth nothing.
    async fn open_or_raise(
        &self,
        store: &Store,
        attempt: &Attempt,
        subject: wire::SubjectId,
        own: Option<LiveSession>,
        Opening {
            proved_at,
            user_agent,
            now,
        }: Opening,
    ) -> Result<(SessionId, OffsetDateTime, Option<SecretString>), LoginError> {
        let secret = random::secret();
        let raised = Session {
            sid: own
                .as_ref()
                .map_or_else(|| SessionId(Uuid::now_v7()), |own| own.sid),
            cookie: random::digest(secret.expose_secret()),
            subject,
            evidence: serde_json::to_value(&attempt.evidence)
                .expect("invariant: evidence is plain JSON"),
            user_agent: user_agent.map(|agent| agent.chars().take(256).collect()),
            created_at: now,
            auth_time: proved_at,
            last_seen_at: now,
            expires_at: now + self.session_lifetime,
        };
        match own {
            Some(own) if store.raise_session(&own.cookie, &raised).await? => {}
            // What an ended session vouched for opens no other.
            Some(own) if !store.is_session_live(own.sid, subject, now).await? => {
                return Err(LoginError::Gone);
            }
            // Raised by another tab meanwhile: this one opens its own.
            Some(_) => {
                let anew = Session {
                    sid: SessionId(Uuid::now_v7()),
                    ..raised
                };
                store.open_session(&anew).await?;
                return Ok((anew.sid, proved_at, Some(secret)));
            }
            None => store.open_session(&raised).await?,
        }
        Ok((raised.sid, proved_at, Some(secret)))
    }

    async fn keep(
        &self,
        store: &Store,
        attempt: &Attempt,
        grant: &Grant,
        code: Option<&SecretString>,
        now: OffsetDateTime,
    ) -> Result<(), LoginError> {
        let expires_at = now + self.code_lifetime;
        let row = crate::store::Grant {
            id: grant.id.0,
            client: ClientId(grant.client_id.to_string()),
            subject: wire::SubjectId(grant.subject.0),
            sid: SessionId(grant.authentication.sid.0),
            authorization: serde_json::to_value(grant).expect("invariant: a grant is plain JSON"),
            revoked_at: None,
        };
        let Some(code) = code else {
            return Ok(store.create_grant(&row, None, expires_at, now).await?);
        };
        let record = CodeRecord {
            grant: grant.clone(),
            redirect_uri: attempt.request.redirect_uri.clone(),
            code_challenge: attempt.request.code_challenge.clone(),
            dpop_jkt: attempt.request.dpop_jkt.clone(),
            nonce: attempt.request.nonce.clone(),
            issued_at: Some(now),
            expires_at,
        };
        let record =
            serde_json::to_value(&record).expect("invariant: a code's record is plain JSON");
        let digest = random::digest(code.expose_secret());
        store
            .create_grant(&row, Some((&digest, record)), expires_at, now)
            .await?;
        Ok(())
    }

    /// Lets each factor that matched renew what it holds. The person is admitted whatever comes of it.
    pub(super) async fn renew(
        &self,
        attempt: &Attempt,
        ceremony: Ceremony<'_>,
        counted: &[Evidence],
    ) {
        for evidence in counted {
            let kind: FactorKind = evidence.factor;
            let Ok(factor) = self.factors.factor(kind) else {
                continue;
            };
            let renewed = match factor.refresh(ceremony, evidence).await {
                Ok(false) => continue,
                Ok(true) => {
                    let trail = trail(attempt);
                    let event = trail.factor("credential.renewed", kind, Outcome::Match);
                    let kept = self.store.append_event(event, ceremony.now).await;
                    kept.map(drop).map_err(FactorError::Store)
                }
                Err(error) => Err(error),
            };
            if let Err(error) = renewed {
                tracing::warn!(factor = %kind, error = &error as &dyn std::error::Error, "credential_not_renewed");
            }
        }
    }
}

/// With what a session is opened or raised.
struct Opening {
    proved_at: OffsetDateTime,
    user_agent: Option<String>,
    now: OffsetDateTime,
}

/// When each method was last proved.
fn amr_times(counted: &[Evidence]) -> BTreeMap<Amr, i64> {
    let mut times = BTreeMap::new();
    for evidence in counted {
        for amr in &evidence.amr {
            let at = times.entry(*amr).or_insert(i64::MIN);
            *at = evidence.at.unix_timestamp().max(*at);
        }
    }
    times
}
