//! Fingerprints from other makers' records: who is asked first, what is refused, and that the trail has it.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wire::{FactorKind, ProblemCode, SubjectDetail, paths};

use super::host::{Host, NOW};
use crate::login::enrolment::CONSENT_VERSION;

/// ISO/IEC 19794-2:2005: one view of `count` minutiae of a finger.
fn record(finger: u8, count: u8) -> String {
    let mut out = b"FMR\0 20\0".to_vec();
    out.extend((30 + 6 * u32::from(count)).to_be_bytes());
    out.extend(b"\0\0\x01\x2c\x01\x90\0\xc5\0\xc5\x01\0");
    out.extend([finger, 0, 60, count]);
    for i in 0..count {
        out.extend([
            0x40,
            40 + i * 11,
            0,
            30 + i.wrapping_mul(53) % 220,
            i * 9,
            70,
        ]);
    }
    out.extend([0, 0]);
    STANDARD.encode(out)
}

#[tokio::test]
async fn a_record_becomes_a_credential_of_a_subject_that_consented() {
    let host = Host::with("[demo]\nenabled = true\n").await;
    let ada = host.subject("ada").await;
    let path = paths::fingerprint_records(ada.id);
    let body = json!({"records": [record(2, 16), record(0, 14)]});
    let early = host.post(&path, body.clone()).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert_eq!(early.problem().code, ProblemCode::StateConflict);

    let store = &host.app.store;
    let stale = store
        .grant_biometric_consent(ada.id, "an older text", NOW)
        .await;
    stale.expect("consents");
    assert_eq!(
        host.post(&path, body.clone()).await.status,
        StatusCode::CONFLICT
    );
    let given = store
        .grant_biometric_consent(ada.id, CONSENT_VERSION, NOW)
        .await;
    given.expect("consents");

    let detail: SubjectDetail = host
        .post(&path, body.clone())
        .await
        .read(StatusCode::CREATED);
    let [credential] = &detail.credentials[..] else {
        panic!("{} credentials", detail.credentials.len())
    };
    assert_eq!(credential.factor, FactorKind::Fingerprint);
    assert_eq!(
        credential.model.as_deref(),
        Some(matcher::fingerprint::MODEL)
    );
    let event = host.audited("credential.imported").await;
    assert_eq!(event.subject, Some(ada.id));
    assert_eq!(event.factor, Some(FactorKind::Fingerprint));
    assert_eq!(event.detail["records"], "2");

    // A second import takes the place of the first.
    let again: SubjectDetail = host
        .post(&path, body.clone())
        .await
        .read(StatusCode::CREATED);
    assert_eq!(again.credentials.len(), 1);
    assert_ne!(again.credentials[0].id, credential.id);

    host.post(&paths::suspend(ada.id), serde_json::Value::Null)
        .await;
    assert_eq!(host.post(&path, body).await.status, StatusCode::CONFLICT);
}

/// Without a sensor the factor is the demonstration's: elsewhere there would be nothing to compare an import with.
#[tokio::test]
async fn where_fingerprints_are_off_there_is_nothing_to_import_into() {
    let host = Host::new().await;
    let ada = host.subject("ada").await;
    let given = host
        .app
        .store
        .grant_biometric_consent(ada.id, CONSENT_VERSION, NOW)
        .await;
    given.expect("consents");
    let path = paths::fingerprint_records(ada.id);
    let reply = host.post(&path, json!({"records": [record(2, 16)]})).await;
    assert_eq!(reply.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_is_no_record_of_one_finger_is_refused() {
    let host = Host::with("[demo]\nenabled = true\n").await;
    let ada = host.subject("ada").await;
    let path = paths::fingerprint_records(ada.id);
    let given = host
        .app
        .store
        .grant_biometric_consent(ada.id, CONSENT_VERSION, NOW)
        .await;
    given.expect("consents");
    for (records, why) in [
        (vec![], "one to five"),
        (vec![record(2, 16); 6], "one to five"),
        (vec!["?".to_owned()], "base64"),
        (
            vec![STANDARD.encode("no record")],
            "Record 1: not a minutiae record",
        ),
        (
            vec![record(2, 16), record(2, 3)],
            "Record 2: the minutiae record has only 3 minutiae",
        ),
        (vec![record(2, 16), record(3, 16)], "several fingers"),
    ] {
        let reply = host.post(&path, json!({"records": records})).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{why}");
        let problem = reply.problem();
        let said = problem.fields.get("records").expect("names the field");
        assert!(said.contains(why), "{said}");
    }
    let detail: SubjectDetail = host.get(&paths::subject(ada.id)).await.read(StatusCode::OK);
    assert!(detail.credentials.is_empty());
    assert!(host.events("credential.imported").await.is_empty());
}
