//! A fingerprint enrolled from minutiae records that another system holds (ISO/IEC 19794-2, ANSI INCITS 378).
//!
//! Whoever imports a record decides whose finger opens the account, so it takes an owner, and the subject's own standing
//! consent: an operator cannot consent for anybody. There is no way out: a template is never exported, sealed or not,
//! because what has left cannot be erased with the subject's key.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use time::OffsetDateTime;
use wire::{FactorKind, FingerprintRecords, ProblemCode, SubjectDetail, SubjectId, SubjectStatus};
use zeroize::Zeroizing;

use super::caller::Caller;
use super::extract::{Body, Named};
use super::refusal::Refusal;
use super::subject_changes::{about, commit, hold};
use super::subject_detail::detail;
use crate::app::Shared;
use crate::factors::{Answer, Ceremony, FactorError, SampleBytes};
use crate::login::enrolment::CONSENT_VERSION;
use crate::store::{NewEvent, Replace, Store, Subject};
use crate::vault::BlobKey;

/// `POST /admin/v1/subjects/{subject}/fingerprint-records`.
pub async fn import(
    State(app): State<Shared>,
    caller: Caller,
    Named(id): Named<SubjectId>,
    Body(body): Body<FingerprintRecords>,
) -> Result<(StatusCode, Json<SubjectDetail>), Refusal> {
    let now = app.clock.now();
    let subject = app.store.subject(id).await?;
    let subject = subject.ok_or_else(|| Refusal::no_such("subject"))?;
    may_be_enrolled(&app.store, &subject).await?;
    let records = decode(&body)?;
    let imported = records.len();
    let factor = app.journey.factors.factor(KIND).map_err(refused)?;
    let known = app.store.credentials(id).await?;
    let ceremony = Ceremony {
        subject: &subject,
        credentials: &known,
        now,
    };
    let answer = Answer::Records(records);
    let enrolled = factor.enrol_finish(ceremony, Value::Null, answer).await;
    let credential = enrolled.map_err(refused)?.credential;
    let sealed = credential.blob_digest.map(|digest| BlobKey {
        subject: id.0,
        credential: credential.id.0,
        version: 1,
        digest,
    });
    let mut event = about(id, caller.did("credential.imported"));
    event.factor = Some(KIND);
    event.detail.extend([
        ("credential".to_owned(), credential.id.to_string()),
        ("records".to_owned(), imported.to_string()),
    ]);
    match keep(&app, id, credential, event, now).await {
        Ok(subject) => Ok((StatusCode::CREATED, Json(detail(&app, subject, now).await?))),
        Err(refusal) => {
            // Nothing names what was sealed, and without a row it is never opened: it goes.
            if let Some(sealed) = sealed
                && let Err(error) = app.vault.remove_blob(&sealed).await
            {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(subject = %id, error, "imported_template_remains");
            }
            Err(refusal)
        }
    }
}

/// The row in place of an earlier one, with the event that says so, where the subject still stands as it did.
async fn keep(
    app: &Shared,
    id: SubjectId,
    credential: crate::store::NewCredential,
    event: NewEvent,
    now: OffsetDateTime,
) -> Result<Subject, Refusal> {
    let (change, subject) = hold(app, id).await?;
    may_be_enrolled(&change, &subject).await?;
    let mut replaced = change.credentials(id).await?;
    replaced.retain(|known| known.factor == KIND);
    change
        .add_credential(id, credential, Replace::SameFactor, now)
        .await?;
    commit(change, event, now).await?;
    app.clear_away(&replaced).await;
    Ok(subject)
}

/// As in the subject's own enrolment: consent to this version of the text stands, and the subject is not barred.
async fn may_be_enrolled(store: &Store, subject: &Subject) -> Result<(), Refusal> {
    if subject.status == SubjectStatus::Suspended {
        return Err(Refusal::conflict(
            "the subject is suspended: activate it first",
        ));
    }
    match store.biometric_consent(subject.id).await? {
        Some(consent) if consent.version == CONSENT_VERSION => Ok(()),
        _ => Err(Refusal::conflict(
            "the subject has not consented to biometrics: it does so itself, when it opens its invitation",
        )),
    }
}

fn decode(body: &FingerprintRecords) -> Result<Vec<SampleBytes>, Refusal> {
    let record = |text: &wire::WireSecret| {
        let bytes = STANDARD.decode(text.expose()).ok()?;
        Some(SampleBytes {
            bytes: Zeroizing::new(bytes),
        })
    };
    let records: Option<Vec<_>> = body.records.iter().map(record).collect();
    records.ok_or_else(|| unusable("a record is not base64"))
}

fn unusable(why: impl Into<String>) -> Refusal {
    Refusal::field(ProblemCode::InvalidRequest, "records", why)
}

fn refused(error: FactorError) -> Refusal {
    match error {
        FactorError::Malformed(why) => unusable(why),
        FactorError::Unusable(why) | FactorError::Refused(why) => unusable(why),
        FactorError::NotLive(why, ..) => unusable(why),
        FactorError::NotAvailable(_) => {
            Refusal::conflict("fingerprints are switched off in this deployment")
        }
        FactorError::Busy => Refusal::new(ProblemCode::Unavailable).for_seconds(BUSY_S),
        FactorError::Vault(_) => Refusal::new(ProblemCode::Unavailable)
            .because("the vault does not answer; try again in a moment"),
        FactorError::Store(error) => error.into(),
        FactorError::Reference(..) | FactorError::Internal(..) => Refusal::internal(&error),
    }
}

const KIND: FactorKind = FactorKind::Fingerprint;
/// When to come back after too much at once, seconds.
const BUSY_S: u64 = 5;
