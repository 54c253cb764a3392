//! The trail: in order, filtered, and followed while it grows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::{StatusCode, header};
use serde_json::json;
use wire::{AuditEvent, AuditOutcome, AuditPage, MAX_LIMIT, ProblemCode, paths};

use super::host::{Host, NOW};
use crate::login::Trail;
use crate::store::{NewEvent, Store};

fn event(kind: &'static str) -> NewEvent {
    let trail = Trail {
        subject: None,
        client: None,
        attempt: None,
        address: None,
    };
    trail.event(kind, AuditOutcome::Success)
}

async fn append(store: &Store, kind: &'static str) -> i64 {
    let seq = store.append_event(event(kind), NOW).await;
    seq.expect("is appended")
}

async fn page(host: &Host, query: &str) -> AuditPage {
    let reply = host.get(&format!("{}?{query}", paths::AUDIT)).await;
    reply.read(StatusCode::OK)
}

fn seqs(page: &AuditPage) -> Vec<i64> {
    page.events.iter().map(|event| event.seq).collect()
}

#[tokio::test]
async fn the_trail_is_read_from_its_end_backwards_and_forwards() {
    let host = Host::new().await;
    let store = &host.app.store;
    let mut all = Vec::new();
    for _ in 0..7 {
        all.push(append(store, "login.finished").await);
    }
    let newest = page(&host, "limit=3").await;
    assert_eq!(seqs(&newest), all[4..]);
    assert_eq!(newest.last_seq, all[6]);
    let older = page(&host, &format!("limit=3&before={}", all[4])).await;
    assert_eq!(seqs(&older), all[1..4]);
    assert_eq!(older.last_seq, all[3]);
    let oldest = page(&host, &format!("before={}", all[0])).await;
    assert!(oldest.events.is_empty());
    let from_the_start = page(&host, "after=0&limit=2").await;
    assert_eq!(seqs(&from_the_start), all[..2]);
    assert_eq!(from_the_start.last_seq, all[1]);
    let rest = page(&host, &format!("after={}", all[1])).await;
    assert_eq!(seqs(&rest), all[2..]);
    let many = page(&host, &format!("limit={}", MAX_LIMIT + 1)).await;
    assert_eq!(seqs(&many), all);
}

#[tokio::test]
async fn filters_leave_out_and_the_place_goes_on_all_the_same() {
    let host = Host::new().await;
    let (store, ada) = (&host.app.store, host.subject("ada").await);
    let began = append(store, "login.began").await;
    let lookalike = append(store, "loginx.began").await;
    let mut of_ada = event("login.finished");
    of_ada.subject = Some(ada.id);
    let finished = store.append_event(of_ada, NOW).await.expect("is appended");
    let last = append(store, "factor.verified").await;
    for (query, expected) in [
        ("kind=login".to_owned(), vec![began, finished]),
        ("kind=login.began".to_owned(), vec![began]),
        ("kind=log".to_owned(), vec![]),
        ("kind=login%25".to_owned(), vec![]),
        ("kind=logi_".to_owned(), vec![]),
        ("kind=loginx".to_owned(), vec![lookalike]),
        (format!("subject={}", ada.id), vec![finished]),
        (format!("kind=login&subject={}", ada.id), vec![finished]),
        ("kind=login&after=0".to_owned(), vec![began, finished]),
    ] {
        let page = page(&host, &query).await;
        assert_eq!(seqs(&page), expected, "{query}");
        assert_eq!(page.last_seq, last, "{query}");
    }
    let named = page(&host, &format!("subject={}", ada.id)).await;
    assert_eq!(named.events[0].username.as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_request_that_waits_is_woken_by_the_event() {
    let host = Arc::new(Host::new().await);
    let waiting = tokio::spawn({
        let host = host.clone();
        async move { page(&host, "after=0&wait_s=25&kind=subject").await }
    });
    // What the filter leaves out does not wake it.
    append(&host.app.store, "login.began").await;
    let new = json!({"username": "ada", "display_name": "Ada"});
    let begun = Instant::now();
    let created = host.post(paths::SUBJECTS, new).await;
    assert_eq!(created.status, StatusCode::CREATED);
    let page = waiting.await.expect("answers");
    let kinds: Vec<_> = page.events.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(kinds, ["subject.created"]);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn another_replicas_event_ends_the_wait_too() {
    let host = Arc::new(Host::new().await);
    let url = host.app.config.database_url();
    let other = Store::open(&url, 1).await.expect("opens");
    let waiting = tokio::spawn({
        let host = host.clone();
        async move { page(&host, "after=0&wait_s=25").await }
    });
    let begun = Instant::now();
    let seq = append(&other, "login.began").await;
    let page = waiting.await.expect("answers");
    assert_eq!(seqs(&page), [seq]);
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_wait_ends_with_an_empty_page() {
    let host = Host::new().await;
    let seq = append(&host.app.store, "login.began").await;
    let begun = Instant::now();
    let empty = page(&host, &format!("after={seq}&wait_s=1")).await;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!((seqs(&empty), empty.last_seq), (vec![], seq));
    let begun = Instant::now();
    let at_once = page(&host, &format!("after={seq}")).await;
    assert!(at_once.events.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// More wait than the database has connections, and than there are places.
#[tokio::test]
async fn those_who_wait_are_bounded_and_hold_no_connection() {
    let host = Arc::new(Host::new().await);
    let seq = append(&host.app.store, "login.began").await;
    let query = format!("{}?after={seq}&wait_s=25", paths::AUDIT);
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..70 {
        let (host, query) = (host.clone(), query.clone());
        waiting.spawn(async move { host.get(&query).await });
    }
    let mut refused = 0;
    while refused < 6 {
        // Only those beyond the places are answered now.
        let reply = waiting.join_next().await.expect("six are refused");
        let reply = reply.expect("answers");
        assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(reply.headers[header::RETRY_AFTER], "5");
        assert_eq!(reply.problem().code, ProblemCode::RateLimited);
        refused += 1;
    }
    let health = host.get(paths::HEALTH).await;
    assert_eq!(health.status, StatusCode::OK);
    let next = append(&host.app.store, "login.finished").await;
    let mut served = 0;
    while let Some(reply) = waiting.join_next().await {
        let page: AuditPage = reply.expect("answers").read(StatusCode::OK);
        assert_eq!(seqs(&page), [next]);
        served += 1;
    }
    assert_eq!(served, 64);
}

#[tokio::test]
async fn an_event_has_no_more_than_the_type_says() {
    let host = Host::new().await;
    append(&host.app.store, "login.began").await;
    let reply = host.get(paths::AUDIT).await;
    let raw = reply.body["events"][0].clone();
    let event: AuditEvent = serde_json::from_value(raw.clone()).expect("reads");
    assert_eq!(serde_json::to_value(event).expect("writes"), raw);
}

/// Where an event is made its kind stands as it is, so that the sources themselves say which there are.
#[test]
fn every_kind_that_is_written_is_among_those_that_are_told() {
    fn files(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_owned();
            match path.is_dir() {
                true if name != "tests" => files(&path, found),
                false if name != "tests.rs" && path.extension().is_some_and(|it| it == "rs") => {
                    found.push(path);
                }
                _ => {}
            }
        }
    }
    let mut sources = Vec::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    files(&root, &mut sources);
    let mut seen = std::collections::BTreeSet::new();
    for path in sources {
        let text = std::fs::read_to_string(&path).expect("read");
        let pieces: Vec<&str> = text.split('"').collect();
        for pair in pieces.windows(2) {
            let before = pair[0].trim_end();
            let makes = ["event(", "did(", "trail.event(", "kind:"];
            let is_kind = pair[1].split_once('.').is_some_and(|(noun, verb)| {
                let is_word = |word: &str| {
                    !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
                };
                is_word(noun) && is_word(verb)
            });
            if is_kind && makes.iter().any(|make| before.ends_with(make)) {
                let kind = pair[1].to_owned();
                assert!(
                    wire::AUDIT_KINDS.contains(&kind.as_str()),
                    "{kind} of {} is not in wire::AUDIT_KINDS",
                    path.display()
                );
                seen.insert(kind);
            }
        }
    }
    assert!(seen.len() > 20, "the sources are read: {seen:?}");
}
