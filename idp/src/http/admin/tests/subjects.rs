//! Subjects, from their creation to their erasure.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;
use wire::{
    CredentialId, FactorKind, Invitation, Page, ProblemCode, RevokedSessions, Role, SubjectDetail,
    SubjectStatus, SubjectSummary, paths,
};

use super::host::{Host, ISSUER, NOW};
use crate::login::enrolment::Opened;
use crate::login::journey::who;
use crate::random;
use crate::store::{NewCredential, Replace};
use crate::vault::{Binding, VaultError, WrappedKey};

#[tokio::test]
async fn a_subject_is_created_once() {
    let host = Host::new().await;
    let new =
        json!({"username": " Ada ", "display_name": "Ada Lovelace", "email": "ada@example.org"});
    let reply = host.post(paths::SUBJECTS, new.clone()).await;
    let ada: SubjectDetail = reply.read(StatusCode::CREATED);
    assert_eq!(ada.summary.username, "ada");
    assert_eq!(ada.summary.status, SubjectStatus::Invited);
    assert_eq!(ada.summary.email.as_deref(), Some("ada@example.org"));
    let event = host.audited("subject.created").await;
    assert_eq!(event.subject, Some(ada.summary.id));
    assert_eq!(event.username.as_deref(), Some("ada"));
    let read: SubjectDetail = host
        .get(&paths::subject(ada.summary.id))
        .await
        .read(StatusCode::OK);
    assert_eq!(read, ada);
    let again = host.post(paths::SUBJECTS, new).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let problem = again.problem();
    assert_eq!(problem.code, ProblemCode::NameTaken);
    assert!(problem.fields.contains_key("username"));
    assert_eq!(host.events("subject.created").await.len(), 1);
}

#[tokio::test]
async fn subjects_are_listed_by_name_page_after_page_and_searched() {
    let host = Host::new().await;
    for name in ["grace", "ada", "a_b", "axb", "100%"] {
        let subject = host.subject(name).await;
        if name == "ada" {
            host.credential(subject.id, FactorKind::Passkey).await;
            host.credential(subject.id, FactorKind::Passkey).await;
        }
    }
    let mut names = Vec::new();
    let mut next = Some(String::new());
    while let Some(cursor) = next {
        let after = match cursor.is_empty() {
            true => String::new(),
            false => format!("&after={cursor}"),
        };
        let path = format!("{}?limit=2{after}", paths::SUBJECTS);
        let page: Page<SubjectSummary> = host.get(&path).await.read(StatusCode::OK);
        assert!((1..=2).contains(&page.items.len()));
        names.extend(page.items.into_iter().map(|subject| subject.username));
        next = page.next;
    }
    assert_eq!(names, ["100%", "a_b", "ada", "axb", "grace"]);
    for (search, expected) in [
        ("GRA", vec!["grace"]),
        ("ada%20by%20NAME", vec!["ada"]),
        ("a_b", vec!["a_b"]),
        ("%25", vec!["100%"]),
        ("%5C", vec![]),
        ("%20", vec!["100%", "a_b", "ada", "axb", "grace"]),
    ] {
        let path = format!("{}?search={search}", paths::SUBJECTS);
        let page: Page<SubjectSummary> = host.get(&path).await.read(StatusCode::OK);
        let found: Vec<_> = page.items.iter().map(|s| s.username.as_str()).collect();
        assert_eq!(found, expected, "{search}");
        assert_eq!(page.next, None);
        if search == "GRA" {
            assert_eq!(page.items[0].factors, []);
        } else if expected == ["ada"] {
            assert_eq!(page.items[0].factors, [FactorKind::Passkey]);
        }
    }
}

#[tokio::test]
async fn a_detail_has_what_hangs_on_the_subject() {
    let host = Host::new().await;
    let (ada, client) = (host.subject("ada").await, host.client().await);
    let password = host.credential(ada.id, FactorKind::Password).await;
    let (sid, _) = host.session(ada.id, &client).await;
    let store = &host.app.store;
    let consented = store.grant_consent(ada.id, client.as_str(), ("openid email", ""), NOW);
    consented.await.expect("consents");
    let consented = store.grant_biometric_consent(ada.id, "v1", NOW).await;
    consented.expect("consents");
    for _ in 0..5 {
        let (backoff, who) = (host.app.config.backoff(), who("ada"));
        let tried = store.reserve_try(&who, FactorKind::Password, &backoff, NOW);
        tried.await.expect("tries");
    }
    let path = paths::subject(ada.id);
    let detail: SubjectDetail = host.get(&path).await.read(StatusCode::OK);
    assert_eq!(detail.summary.factors, [FactorKind::Password]);
    assert_eq!(detail.credentials[0].id, password);
    assert_eq!(detail.credentials[0].version, 1);
    assert_eq!(detail.credentials[0].label, None);
    assert_eq!(detail.consents[0].client_name, "An application");
    assert_eq!(detail.consents[0].scopes, ["openid", "email"]);
    assert_eq!(
        detail.biometric_consent.map(|c| c.version).as_deref(),
        Some("v1")
    );
    assert_eq!(detail.sessions[0].id, sid);
    assert_eq!(detail.sessions[0].acr, "urn:whorl:acr:password");
    assert_eq!(detail.sessions[0].amr, ["pwd"]);
    assert_eq!(detail.sessions[0].clients, [client]);
    assert_eq!(detail.failures, 5);
    assert_eq!(detail.blocked_until, Some(NOW + Duration::seconds(30)));
    host.clock.advance(Duration::hours(9));
    let token = host.token("later", Role::Viewer).await;
    let later = host.ask(&token, Method::GET, &path, None).await;
    let detail: SubjectDetail = later.read(StatusCode::OK);
    assert!(detail.sessions.is_empty(), "they have expired");
    assert_eq!(detail.blocked_until, None);
}

#[tokio::test]
async fn an_invitation_is_told_once_kept_as_a_digest_and_voids_those_before() {
    let host = Host::new().await;
    let ada = host.subject("ada").await;
    let invite = async || {
        let reply = host.post(&paths::invitations(ada.id), Value::Null).await;
        reply.read::<Invitation>(StatusCode::CREATED)
    };
    let token = |invitation: &Invitation| {
        let token = invitation
            .url
            .expose()
            .strip_prefix(&format!("{ISSUER}/enrol/"));
        token.expect("is a link to the enrolment").to_owned()
    };
    let opens = async |token: &str| {
        let store = &host.app.store;
        let subject = store.invited_subject(&random::digest(token), NOW).await;
        subject.expect("asks") == Some(ada.id)
    };
    let first = invite().await;
    let week = Duration::seconds(host.app.config.session.invitation_s.into());
    assert_eq!(first.expires_at, NOW + week);
    assert!(opens(&token(&first)).await);
    assert_eq!(token(&first).len(), 43, "256 bits");
    assert_eq!(host.audited("subject.invited").await.subject, Some(ada.id));

    // Somebody has it open while the second is made: the enrolment ends too.
    let (journey, digest) = (&host.app.journey, random::digest(&token(&first)));
    let opened = Opened {
        invitation: &digest,
        browser: "browser",
        login: None,
    };
    let opened = journey.open_invitation(opened, Duration::HOUR, NOW);
    opened.await.expect("opens");
    assert!(journey.enrolment("browser", NOW).await.is_ok());
    let second = invite().await;
    assert!(!opens(&token(&first)).await);
    assert!(opens(&token(&second)).await);
    assert!(journey.enrolment("browser", NOW).await.is_err());
}

#[tokio::test]
async fn a_suspended_subject_is_signed_out_everywhere_and_cannot_be_invited() {
    let host = Host::new().await;
    let (ada, client) = (host.subject("ada").await, host.client().await);
    host.credential(ada.id, FactorKind::Passkey).await;
    let store = &host.app.store;
    let active = store
        .set_subject_status(ada.id, SubjectStatus::Active)
        .await;
    assert!(active.expect("activates"));
    let (_, grant) = host.session(ada.id, &client).await;
    let reply = host.post(&paths::suspend(ada.id), Value::Null).await;
    let detail: SubjectDetail = reply.read(StatusCode::OK);
    assert_eq!(detail.summary.status, SubjectStatus::Suspended);
    assert!(detail.sessions.is_empty());
    let grant = store.grant(grant).await.expect("asks").expect("is there");
    assert!(grant.revoked_at.is_some());
    assert_eq!(
        host.audited("subject.suspended").await.subject,
        Some(ada.id)
    );
    let invited = host.post(&paths::invitations(ada.id), Value::Null).await;
    assert_eq!(invited.status, StatusCode::CONFLICT);
    assert_eq!(invited.problem().code, ProblemCode::StateConflict);

    let activate = async || host.post(&paths::activate(ada.id), Value::Null).await;
    let detail: SubjectDetail = activate().await.read(StatusCode::OK);
    assert_eq!(detail.summary.status, SubjectStatus::Active);
    host.audited("subject.activated").await;
    let detail: SubjectDetail = activate().await.read(StatusCode::OK);
    assert_eq!(detail.summary.status, SubjectStatus::Active);
    let events = host.events("subject.activated").await;
    assert_eq!(events.len(), 1, "the second changed nothing");
}

#[tokio::test]
async fn who_never_enrolled_is_not_made_active() {
    let host = Host::new().await;
    let ada = host.subject("ada").await;
    let activate = async || host.post(&paths::activate(ada.id), Value::Null).await;
    let refused = activate().await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.problem().code, ProblemCode::StateConflict);
    let invitation = host.post(&paths::invitations(ada.id), Value::Null).await;
    let invitation: Invitation = invitation.read(StatusCode::CREATED);
    host.post(&paths::suspend(ada.id), Value::Null).await;
    let token = invitation
        .url
        .expose()
        .rsplit('/')
        .next()
        .expect("has a token");
    let store = &host.app.store;
    let invited = store.invited_subject(&random::digest(token), NOW).await;
    assert_eq!(
        invited.expect("asks"),
        None,
        "suspending voids the invitation"
    );
    let detail: SubjectDetail = activate().await.read(StatusCode::OK);
    assert_eq!(detail.summary.status, SubjectStatus::Invited);
}

#[tokio::test]
async fn a_credential_is_removed_from_its_own_subject_alone() {
    let host = Host::new().await;
    let (ada, eve) = (host.subject("ada").await, host.subject("eve").await);
    let id = host.credential(ada.id, FactorKind::RecoveryCode).await;
    let other = host.delete(&paths::credential(eve.id, id)).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    let removed = host.delete(&paths::credential(ada.id, id)).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let event = host.audited("credential.removed").await;
    assert_eq!(event.subject, Some(ada.id));
    assert_eq!(event.factor, Some(FactorKind::RecoveryCode));
    assert_eq!(event.detail["credential"], id.to_string());
    let again = host.delete(&paths::credential(ada.id, id)).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    assert_eq!(host.events("credential.removed").await.len(), 1);
}

#[tokio::test]
async fn revoking_sessions_ends_them_and_what_they_gave() {
    let host = Host::new().await;
    let (ada, eve, client) = (
        host.subject("ada").await,
        host.subject("eve").await,
        host.client().await,
    );
    let (_, first) = host.session(ada.id, &client).await;
    host.session(ada.id, &client).await;
    let (_, hers) = host.session(eve.id, &client).await;
    let revoke = async || {
        let path = paths::revoke_sessions(ada.id);
        let revoked: RevokedSessions = host.post(&path, Value::Null).await.read(StatusCode::OK);
        revoked.revoked
    };
    assert_eq!(revoke().await, 2);
    assert_eq!(
        host.audited("sessions.revoked").await.detail["revoked"],
        "2"
    );
    assert_eq!(revoke().await, 0);
    let store = &host.app.store;
    let revoked_at = async |grant: Uuid| {
        let grant = store.grant(grant).await.expect("asks");
        grant.expect("is there").revoked_at
    };
    assert!(revoked_at(first).await.is_some());
    assert!(revoked_at(hers).await.is_none());
}

#[tokio::test]
async fn what_an_erased_subject_enrolled_is_unreadable() {
    let host = Host::new().await;
    let (ada, app) = (host.subject("ada").await, &host.app);
    let wrapped = app.vault.new_subject_key(ada.id.0).await.expect("a key");
    let kept = app.store.claim_wrapped_key(ada.id, &wrapped.0).await;
    assert_eq!(kept.expect("is kept"), wrapped.0);
    let id = CredentialId(Uuid::now_v7());
    let binding = Binding {
        subject: ada.id.0,
        credential: id.0,
        factor: "face",
        format: "test",
        model: "test",
        version: 1,
    };
    let template = b"a template";
    let stored = app.vault.store(&wrapped, &binding, template).await;
    let digest = stored.expect("is stored");
    let new = NewCredential {
        id,
        factor: FactorKind::Face,
        label: String::new(),
        model: Some("test".into()),
        blob_digest: Some(digest),
        sealed: None,
        public: None,
        counter: 0,
        recovery: Vec::new(),
    };
    let added = app
        .store
        .add_credential(ada.id, new, Replace::SameFactor, NOW);
    added.await.expect("is added");
    let opened = app.vault.open(&wrapped, &binding, &digest).await;
    assert_eq!(opened.expect("opens").as_slice(), template);
    assert!(
        is_on_disk(&host, &wrapped),
        "the test looks in the right place"
    );

    let erased = host.delete(&paths::subject(ada.id)).await;
    assert_eq!(erased.status, StatusCode::NO_CONTENT);
    assert!(app.store.subject(ada.id).await.expect("asks").is_none());
    assert!(
        !is_on_disk(&host, &wrapped),
        "the only wrapped key is overwritten"
    );
    let opened = app.vault.open(&wrapped, &binding, &digest).await;
    assert!(
        matches!(opened, Err(VaultError::Missing)),
        "and the blob is gone"
    );
    let event = host.audited("subject.erased").await;
    assert_eq!(event.subject, Some(ada.id));
    assert_eq!(event.username, None, "the trail does not keep the name");
    let again = host.delete(&paths::subject(ada.id)).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

/// Whether the bytes of a wrapped key are in any file of the provider.
fn is_on_disk(host: &Host, wrapped: &WrappedKey) -> bool {
    let mut folders = vec![host.folder.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("is read") {
            let path = entry.expect("is read").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(path).expect("is read");
            if bytes.windows(wrapped.0.len()).any(|w| w == wrapped.0) {
                return true;
            }
        }
    }
    false
}
