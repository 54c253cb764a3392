//! What single use and compare-and-set promise, held on SQLite and, where there is one, on PostgreSQL.

use std::sync::Arc;

use serde_json::json;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use wire::{AttemptId, ClientId, FactorKind, SessionId, SubjectId, SubjectStatus};

use super::*;

pub(crate) const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

/// A fresh, migrated database in a temporary directory, which lives as long as the first value.
pub(crate) async fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let url = format!("sqlite://{}/whorl.db?mode=rwc", folder.path().display());
    let store = Store::open(&url, 8).await.expect("opens");
    store.migrate().await.expect("migrates");
    (folder, store)
}

pub(crate) async fn subject(store: &Store, username: &str) -> Subject {
    let new = NewSubject {
        username: username.into(),
        display_name: username.into(),
        email: None,
    };
    store.create_subject(new, NOW).await.expect("created")
}

#[tokio::test]
async fn the_schema_goes_up_and_down_again() {
    let (_folder, store) = store().await;
    assert_eq!(store.pending_migrations().await.expect("asks"), 0);
    store.migrate_down().await.expect("down");
    store.migrate().await.expect("up again");
    store.check().await.expect("answers");
}

#[tokio::test]
async fn a_username_is_taken_once_whatever_its_case() {
    let (_folder, store) = store().await;
    let ada = subject(&store, "Ada").await;
    let again = NewSubject {
        username: " ADA ".into(),
        display_name: String::new(),
        email: None,
    };
    assert!(matches!(
        store.create_subject(again, NOW).await,
        Err(StoreError::Exists)
    ));
    assert_eq!(
        store
            .subject_by_username("aDa")
            .await
            .expect("asks")
            .map(|s| s.id),
        Some(ada.id)
    );
}

#[tokio::test]
async fn of_a_hundred_parallel_tries_five_are_granted() {
    let (_folder, store) = store().await;
    let store = Arc::new(store);
    let tries = (0..100).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .reserve_try("who", FactorKind::Face, &Backoff::default(), NOW)
                .await
                .expect("answers")
        })
    });
    let granted = futures_util::future::join_all(tries)
        .await
        .into_iter()
        .filter(|r| matches!(r, Ok(Reservation::Granted)))
        .count();
    assert_eq!(granted, 5);
    let later = NOW + Duration::seconds(31);
    let backoff = Backoff::default();
    assert_eq!(
        store
            .reserve_try("who", FactorKind::Face, &backoff, later)
            .await
            .expect("answers"),
        Reservation::Granted
    );
    assert!(matches!(
        store
            .reserve_try(
                "who",
                FactorKind::Face,
                &backoff,
                later + Duration::seconds(31)
            )
            .await,
        Ok(Reservation::BlockedUntil(_))
    ));
    assert_eq!(
        store
            .reserve_try("who", FactorKind::Totp, &backoff, later)
            .await
            .expect("answers"),
        Reservation::Granted
    );
    store
        .clear_tries("who", FactorKind::Face)
        .await
        .expect("clears");
    assert_eq!(
        store
            .reserve_try("who", FactorKind::Face, &backoff, later)
            .await
            .expect("answers"),
        Reservation::Granted
    );
}

#[test]
fn waits_double_up_to_the_longest() {
    let backoff = Backoff::default();
    let waits: Vec<u64> = [4, 5, 6, 7, 30]
        .iter()
        .map(|n| backoff.wait(*n).as_secs())
        .collect();
    assert_eq!(waits, [0, 30, 60, 120, 900]);
}

#[tokio::test]
async fn an_attempt_moves_only_from_the_revision_that_was_read() {
    let (_folder, store) = store().await;
    let id = AttemptId(Uuid::now_v7());
    let row = AttemptRow {
        id,
        revision: 0,
        browser: "b".into(),
        state: json!({}),
        expires_at: NOW + Duration::minutes(10),
    };
    store.begin_attempt(&row).await.expect("begins");
    assert!(
        store
            .move_attempt(id, 0, json!({"step": 1}))
            .await
            .expect("moves")
    );
    assert!(
        !store
            .move_attempt(id, 0, json!({"step": 2}))
            .await
            .expect("answers")
    );
    let read = store
        .attempt(id, NOW)
        .await
        .expect("asks")
        .expect("is there");
    assert_eq!((read.revision, read.state), (1, json!({"step": 1})));
    assert!(
        store
            .attempt(id, NOW + Duration::minutes(11))
            .await
            .expect("asks")
            .is_none()
    );
    assert!(!store.end_attempt(id, 0).await.expect("answers"));
    assert!(store.end_attempt(id, 1).await.expect("ends"));
}

#[tokio::test]
async fn an_invitation_belongs_to_the_first_browser_and_is_spent_once() {
    let (_folder, store) = store().await;
    let ada = subject(&store, "ada").await;
    let invitation = Invitation {
        digest: "d".into(),
        subject: ada.id,
        created_by: "op".into(),
        expires_at: NOW + Duration::hours(1),
    };
    store
        .create_invitation(&invitation, NOW)
        .await
        .expect("creates");
    assert!(
        !store
            .open_invitation("d", "first", NOW + Duration::hours(2))
            .await
            .expect("answers"),
        "expired"
    );
    assert!(
        store
            .open_invitation("d", "first", NOW)
            .await
            .expect("opens")
    );
    assert!(
        !store
            .open_invitation("d", "second", NOW)
            .await
            .expect("answers"),
        "another browser"
    );
    assert!(
        store
            .open_invitation("d", "first", NOW)
            .await
            .expect("the same browser goes on")
    );
    assert!(
        store
            .spend_invitation("d", "first", NOW)
            .await
            .expect("spends")
    );
    assert!(
        !store
            .spend_invitation("d", "first", NOW)
            .await
            .expect("answers")
    );
    assert!(
        !store
            .open_invitation("d", "first", NOW)
            .await
            .expect("answers"),
        "used"
    );
}

#[tokio::test]
async fn a_code_is_redeemed_once_of_twenty_at_the_same_time() {
    let (_folder, store) = store().await;
    let ada = subject(&store, "ada").await;
    let grant = granted(&store, ada.id, "code").await;
    let store = Arc::new(store);
    let tries = (0..20).map(|_| {
        let store = store.clone();
        tokio::spawn(async move { store.redeem_code("code", grant, NOW).await })
    });
    let ends = futures_util::future::join_all(tries).await;
    let first = ends
        .iter()
        .filter(|r| matches!(r, Ok(Ok(Redemption::First))))
        .count();
    let replayed = ends
        .iter()
        .filter(|r| matches!(r, Ok(Ok(Redemption::Replayed))))
        .count();
    assert_eq!((first, replayed), (1, 19));
    let code = store.code("code").await.expect("asks").expect("is kept");
    assert!(code.is_redeemed && code.grant == grant);
    assert!(store.code("other").await.expect("asks").is_none());
    granted(&store, ada.id, "gone").await;
    assert!(matches!(
        store.redeem_code("gone", Uuid::nil(), NOW).await,
        Ok(Redemption::Unknown)
    ));
}

#[tokio::test]
async fn a_refresh_token_is_rotated_once() {
    let (_folder, store) = store().await;
    let ada = subject(&store, "ada").await;
    let grant = granted(&store, ada.id, "code").await;
    let end = NOW + Duration::days(1);
    store
        .add_refresh_token(grant, ("r1", json!({})), end)
        .await
        .expect("adds");
    let rotate =
        |new: &'static str| store.rotate_refresh_token("r1", grant, (new, json!({})), end, NOW);
    assert!(rotate("r2").await.expect("rotates") == Rotation::Done);
    assert!(rotate("r3").await.expect("answers") == Rotation::Reused);
    assert!(store.refresh_token("r3").await.expect("asks").is_none());
    let (_, _, rotated) = store
        .refresh_token("r1")
        .await
        .expect("asks")
        .expect("is there");
    assert!(rotated);
}

#[tokio::test]
async fn a_counter_only_goes_up() {
    let (_folder, store) = store().await;
    let ada = subject(&store, "ada").await;
    let id = wire::CredentialId(Uuid::now_v7());
    let new = NewCredential {
        id,
        factor: FactorKind::Totp,
        label: "phone".into(),
        model: None,
        blob_digest: None,
        sealed: Some(vec![1]),
        public: None,
        counter: 0,
        recovery: vec![],
    };
    store
        .add_credential(ada.id, new, Replace::SameFactor, NOW)
        .await
        .expect("adds");
    assert!(store.use_credential(id, Some(7), NOW).await.expect("uses"));
    assert!(
        !store
            .use_credential(id, Some(7), NOW)
            .await
            .expect("answers")
    );
    assert!(
        !store
            .use_credential(id, Some(6), NOW)
            .await
            .expect("answers")
    );
    assert!(store.use_credential(id, Some(8), NOW).await.expect("uses"));
}

#[tokio::test]
async fn erasing_a_subject_takes_all_that_hangs_on_it() {
    let (_folder, store) = store().await;
    let ada = subject(&store, "ada").await;
    let grant = granted(&store, ada.id, "code").await;
    assert_eq!(
        store
            .claim_wrapped_key(ada.id, b"first")
            .await
            .expect("claims"),
        b"first"
    );
    assert_eq!(
        store
            .claim_wrapped_key(ada.id, b"second")
            .await
            .expect("answers"),
        b"first"
    );
    assert!(store.erase_subject(ada.id).await.expect("erases"));
    assert!(store.grant(grant).await.expect("asks").is_none());
    assert!(store.code("code").await.expect("asks").is_none());
}

async fn granted(store: &Store, subject: SubjectId, code: &str) -> Uuid {
    let client = ClientId("app".into());
    store
        .put_client(&crate::login::tests::client(), NOW)
        .await
        .expect("registers");
    let grant = Grant {
        id: Uuid::now_v7(),
        client,
        subject,
        sid: SessionId(Uuid::now_v7()),
        authorization: json!({}),
        revoked_at: None,
    };
    store
        .create_grant(
            &grant,
            Some((code, json!({"a": 1}))),
            NOW + Duration::minutes(1),
            NOW,
        )
        .await
        .expect("creates");
    grant.id
}

#[tokio::test]
async fn a_reader_waits_in_front_of_a_place_that_may_still_be_committed() {
    use sea_orm::ConnectionTrait as _;
    let (_folder, store) = store().await;
    let trail = crate::login::Trail {
        subject: None,
        client: None,
        attempt: None,
        address: None,
    };
    for _ in 0..4 {
        let event = trail.event("login.began", wire::AuditOutcome::Success);
        store.append_event(event, NOW).await.expect("appends");
    }
    // As if the writer of the third were slower than that of the fourth.
    store
        .db
        .execute_unprepared("DELETE FROM audit_event WHERE seq = 3")
        .await
        .expect("deletes");
    let seqs = |slice: AuditSlice| {
        (
            slice.events.iter().map(|e| e.seq).collect::<Vec<_>>(),
            slice.last_seq,
        )
    };
    let any = AuditFilter::default;
    let soon = NOW + Duration::seconds(1);
    assert_eq!(
        seqs(store.events_after(any(), 0, 10, soon).await.expect("asks")),
        (vec![1, 2], 2)
    );
    assert_eq!(
        seqs(store.newest_events(any(), 10, soon).await.expect("asks")),
        (vec![1, 2], 2)
    );
    assert_eq!(
        seqs(store.events_after(any(), 2, 10, soon).await.expect("asks")),
        (vec![], 2)
    );
    let later = NOW + Duration::seconds(11);
    assert_eq!(
        seqs(store.events_after(any(), 2, 10, later).await.expect("asks")),
        (vec![4], 4)
    );
    assert_eq!(
        seqs(store.newest_events(any(), 10, later).await.expect("asks")),
        (vec![1, 2, 4], 4)
    );
}

#[tokio::test]
async fn a_change_is_kept_as_a_whole_or_not_at_all() {
    let (_folder, store) = store().await;
    let ada = subject(&store, "ada").await;
    let woken = store.appended();
    let trail = crate::login::Trail {
        subject: Some(ada.id),
        client: None,
        attempt: None,
        address: None,
    };
    let begin = async || {
        let change = store.begin().await.expect("begins");
        let moved = change
            .move_subject_status(ada.id, SubjectStatus::Invited, SubjectStatus::Active)
            .await;
        assert!(moved.expect("moves"));
        let event = trail.event("subject.activated", wire::AuditOutcome::Success);
        change.append_event(event, NOW).await.expect("appends");
        change
    };
    drop(begin().await);
    let status = async || store.subject(ada.id).await.expect("asks").map(|s| s.status);
    assert_eq!(status().await, Some(SubjectStatus::Invited));
    assert_eq!(store.last_event().await.expect("asks"), 0);
    begin().await.commit().await.expect("commits");
    assert_eq!(status().await, Some(SubjectStatus::Active));
    assert_eq!(store.last_event().await.expect("asks"), 1);
    assert!(woken.has_changed().expect("is open"));
}

#[tokio::test]
async fn a_pushed_request_is_its_clients_own_and_used_once() {
    let (_folder, store) = store().await;
    let parameters = vec![("state".to_owned(), "x".to_owned())];
    let until = NOW + Duration::minutes(5);
    store
        .push_request("digest", "app", &parameters, until)
        .await
        .expect("keeps");
    let found = async |client, now| {
        let found = store.pushed_request("digest", client, now).await;
        found.expect("reads")
    };
    assert_eq!(found("app", NOW).await, Some(parameters));
    assert_eq!(found("other", NOW).await, None);
    assert_eq!(found("app", until).await, None);
    let uses = [
        store.use_pushed_request("digest", NOW),
        store.use_pushed_request("digest", NOW),
        store.use_pushed_request("unknown", NOW),
    ];
    let mut won = Vec::new();
    for one in uses {
        won.push(one.await.expect("answers"));
    }
    assert_eq!(won, [true, false, false]);
    assert_eq!(found("app", NOW).await, None);
}

#[tokio::test]
async fn a_logout_notice_is_sent_by_one_replica_at_a_time_and_comes_again_until_it_is_heard() {
    let (_folder, store) = store().await;
    let notice = LogoutNotice {
        id: Uuid::now_v7(),
        client: "app".into(),
        sub: "ada".into(),
        sid: SessionId(Uuid::now_v7()),
        tries: 0,
        expires_at: NOW + Duration::hours(1),
    };
    store.queue_logout(&notice, NOW).await.expect("keeps");
    let later = NOW + Duration::seconds(30);
    let claim = async |notice: &LogoutNotice| {
        let claimed = store.claim_logout(notice, later).await;
        claimed.expect("answers")
    };
    assert!(claim(&notice).await);
    assert!(!claim(&notice).await, "another replica has it");
    let due = async |now| store.due_logouts(now, 9).await.expect("reads");
    assert!(due(NOW).await.is_empty());
    let again = due(later).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].tries, 1);
    assert!(claim(&again[0]).await);
    assert!(due(NOW + Duration::hours(2)).await.is_empty(), "too late");
    store.forget_logout(notice.id).await.expect("forgets");
    assert!(due(later).await.is_empty());
}

fn session_of(subject: SubjectId, cookie: &str) -> Session {
    Session {
        sid: SessionId(Uuid::now_v7()),
        cookie: cookie.into(),
        subject,
        evidence: json!([]),
        user_agent: None,
        created_at: NOW,
        auth_time: NOW,
        last_seen_at: NOW,
        expires_at: NOW + Duration::hours(1),
    }
}

#[tokio::test]
async fn what_a_change_keeps_is_there_for_its_next_question_and_goes_with_it() {
    let (_folder, store) = store().await;
    let ada = subject(&store, "ada").await;
    let trail = crate::login::Trail {
        subject: Some(ada.id),
        client: None,
        attempt: None,
        address: None,
    };
    let event = || trail.event("login.finished", wire::AuditOutcome::Success);
    let begin = async || {
        let change = store.begin().await.expect("begins");
        let session = session_of(ada.id, "cookie");
        change.open_session(&session).await.expect("keeps");
        change.note_login(ada.id, NOW).await.expect("keeps");
        change.note_event(event(), NOW).await.expect("keeps");
        change
    };
    let within = async |store: &Store| {
        let session = store.session_by_cookie("cookie", NOW).await;
        let ada = store
            .subject(ada.id)
            .await
            .expect("asks")
            .expect("is there");
        let events = store.last_event().await.expect("asks");
        (
            session.expect("asks").is_some(),
            ada.last_login_at.is_some(),
            events,
        )
    };
    let change = begin().await;
    assert_eq!(within(&change).await, (true, true, 1));
    drop(change);
    drop(begin().await);
    assert_eq!(within(&store).await, (false, false, 0));
    begin().await.commit().await.expect("commits");
    assert_eq!(within(&store).await, (true, true, 1));
}

#[tokio::test]
async fn of_what_is_kept_together_nothing_stays_where_one_is_refused() {
    let (_folder, store) = store().await;
    let ada = subject(&store, "ada").await;
    let first = session_of(ada.id, "cookie");
    store.open_session(&first).await.expect("opens");
    let change = store.begin().await.expect("begins");
    change.note_login(ada.id, NOW).await.expect("keeps");
    let same_cookie = session_of(ada.id, "cookie");
    change.open_session(&same_cookie).await.expect("keeps");
    change.note_login(ada.id, NOW).await.expect("keeps");
    assert!(matches!(change.commit().await, Err(StoreError::Exists)));
    let after = store.subject(ada.id).await.expect("asks");
    assert_eq!(after.expect("is there").last_login_at, None);
    // Neither does a grant whose code there is already, and the connection is good for the next.
    granted(&store, ada.id, "code").await;
    let again = Grant {
        id: Uuid::now_v7(),
        client: ClientId(crate::login::tests::client().id.to_string()),
        subject: ada.id,
        sid: SessionId(Uuid::now_v7()),
        authorization: json!({}),
        revoked_at: None,
    };
    for _ in 0..4 {
        let refused = store.create_grant(&again, Some(("code", json!({}))), NOW, NOW);
        assert!(matches!(refused.await, Err(StoreError::Exists)));
        assert!(store.grant(again.id).await.expect("asks").is_none());
    }
    let other = store.create_grant(&again, Some(("other", json!({"b": 2}))), NOW, NOW);
    other.await.expect("keeps");
    let code = store.code("other").await.expect("asks").expect("is kept");
    assert_eq!((code.grant, code.record), (again.id, json!({"b": 2})));
}

#[tokio::test]
async fn what_is_executed_in_turn_stays_up_to_the_first_that_is_refused() {
    let (_folder, store) = store().await;
    let ada = subject(&store, "ada").await;
    let insert = |digest: &str| {
        sea_orm::Statement::from_sql_and_values(
            sea_orm::DatabaseBackend::Sqlite,
            "INSERT INTO single_use (digest, expires_at) VALUES (?, ?)",
            [digest.into(), 1_i64.into()],
        )
    };
    let done = store
        .db
        .execute_in_turn(vec![insert("a"), insert("b"), insert("a"), insert("c")]);
    let refused: StoreError = done.await.expect_err("twice the same").into();
    assert!(matches!(refused, StoreError::Exists));
    for (digest, is_there) in [("a", true), ("b", true), ("c", false)] {
        let again = store.db.execute_in_turn(vec![insert(digest)]).await;
        assert_eq!(again.is_err(), is_there, "{digest}");
    }
    // Each for itself: nothing was left open.
    assert!(store.subject(ada.id).await.expect("asks").is_some());
    store.note_login(ada.id, NOW).await.expect("writes");
}
