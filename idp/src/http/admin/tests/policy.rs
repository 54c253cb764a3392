//! The policy through the API: what is shown, what is refused, who may, and that it counts at once.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use wire::{
    Page, PolicyCheck, PolicyInForce, PolicyOrigin, PolicyRevision, PolicyRevisionDetail,
    PolicySimulation, ProblemCode, Role, paths,
};

use super::host::{Host, Reply};

const OTHER: &str = "[policy]\ndefault_acr = 'urn:x'\n\n[[policy.acr]]\nname = 'urn:x'\nnames = ['urn:y']\n\
                     any_of = [['passkey']]\nmax_age_s = { passkey = 60 }\n";
const FAULTY: &str =
    "[policy]\ndefault_acr = 'urn:x'\n\n[[policy.acr]]\nname = 'urn:x'\nany_of = [['face']]\n";

async fn send(host: &Host, method: Method, tag: Option<&str>, body: Option<Value>) -> Reply {
    let mut request = Request::builder()
        .method(method)
        .uri(paths::POLICY)
        .header(header::AUTHORIZATION, format!("Bearer {}", host.owner))
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(tag) = tag {
        request = request.header(header::IF_MATCH, tag);
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    host.send(request.body(body).expect("is a request")).await
}

async fn put(host: &Host, tag: &str, text: &str) -> Reply {
    let body = json!({ "text": text, "note": "why" });
    send(host, Method::PUT, Some(tag), Some(body)).await
}

#[tokio::test]
async fn a_policy_is_replaced_at_once_and_taken_back() {
    let host = Host::new().await;
    let reply = host.get(paths::POLICY).await;
    assert_eq!(reply.headers[header::ETAG], "\"0\"");
    let first: PolicyInForce = reply.read(StatusCode::OK);
    assert_eq!((first.revision, first.origin), (0, PolicyOrigin::File));
    assert!(first.table.acr.len() > 1 && first.changed_by.is_none());
    // What is shown of the file can be sent back as it is.
    let same: PolicyCheck = host
        .post(paths::POLICY_CHECK, json!({ "text": first.text }))
        .await
        .read(StatusCode::OK);
    assert_eq!((same.faults.len(), same.table), (0, Some(first.table)));

    let reply = put(&host, "\"0\"", OTHER).await;
    assert_eq!(reply.headers[header::ETAG], "\"1\"");
    let changed: PolicyInForce = reply.read(StatusCode::OK);
    assert_eq!(
        (changed.revision, changed.origin),
        (1, PolicyOrigin::Revision)
    );
    assert_eq!(changed.changed_by.as_deref(), Some("root"));
    assert_eq!(changed.note.as_deref(), Some("why"));
    assert_eq!((changed.text.as_str(), changed.table.acr.len()), (OTHER, 1));
    assert_eq!(host.app.journey.policy().default_acr.as_str(), "urn:x");
    let discovery = async || host.get("/.well-known/openid-configuration").await.body;
    let acrs = discovery().await["acr_values_supported"].clone();
    assert_eq!(acrs, json!(["urn:x", "urn:y"]));
    let event = host.audited("policy.changed").await;
    assert_eq!(
        (
            event.detail["revision"].as_str(),
            event.detail["note"].as_str()
        ),
        ("1", "why")
    );
    assert!(
        !format!("{event:?}").contains("any_of"),
        "the text is not in the trail"
    );

    let back = send(&host, Method::DELETE, Some("\"1\""), None).await;
    let back: PolicyInForce = back.read(StatusCode::OK);
    assert_eq!((back.revision, back.origin), (2, PolicyOrigin::File));
    assert_eq!(back.text, first.text);
    let acrs = discovery().await["acr_values_supported"].clone();
    assert!(
        acrs.as_array()
            .is_some_and(|acrs| !acrs.contains(&json!("urn:x")))
    );

    let page: Page<PolicyRevision> = host.get(paths::POLICY_REVISIONS).await.read(StatusCode::OK);
    let listed: Vec<_> = page
        .items
        .iter()
        .map(|it| (it.revision, it.origin))
        .collect();
    assert_eq!(
        listed,
        [(2, PolicyOrigin::File), (1, PolicyOrigin::Revision)]
    );
    let path = format!("{}?limit=1", paths::POLICY_REVISIONS);
    let page: Page<PolicyRevision> = host.get(&path).await.read(StatusCode::OK);
    let path = format!("{path}&after={}", page.next.expect("another page"));
    let page: Page<PolicyRevision> = host.get(&path).await.read(StatusCode::OK);
    assert_eq!((page.items[0].revision, page.next), (1, None));

    let one: PolicyRevisionDetail = host
        .get(&paths::policy_revision(1))
        .await
        .read(StatusCode::OK);
    assert_eq!(
        (one.change, one.text.as_deref()),
        (page.items[0].clone(), Some(OTHER))
    );
    let two: PolicyRevisionDetail = host
        .get(&paths::policy_revision(2))
        .await
        .read(StatusCode::OK);
    assert_eq!((two.change.origin, two.text), (PolicyOrigin::File, None));
    for number in ["0", "3", "-1", "x", "99999999999999999999"] {
        let path = format!("{}/{number}", paths::POLICY_REVISIONS);
        assert_eq!(
            host.get(&path).await.problem().code,
            ProblemCode::NotFound,
            "{number}"
        );
    }
}

#[tokio::test]
async fn of_two_who_change_the_same_revision_one_is_told() {
    let host = Host::new().await;
    for (tag, status, code) in [
        (
            None,
            StatusCode::PRECONDITION_REQUIRED,
            ProblemCode::InvalidRequest,
        ),
        (
            Some("*"),
            StatusCode::BAD_REQUEST,
            ProblemCode::InvalidRequest,
        ),
        (
            Some("0"),
            StatusCode::BAD_REQUEST,
            ProblemCode::InvalidRequest,
        ),
        (
            Some("\"-1\""),
            StatusCode::BAD_REQUEST,
            ProblemCode::InvalidRequest,
        ),
        (
            Some("\"0\", \"1\""),
            StatusCode::BAD_REQUEST,
            ProblemCode::InvalidRequest,
        ),
        (
            Some("\"7\""),
            StatusCode::PRECONDITION_FAILED,
            ProblemCode::StateConflict,
        ),
    ] {
        for method in [Method::PUT, Method::DELETE] {
            let body = (method == Method::PUT).then(|| json!({ "text": OTHER }));
            let reply = send(&host, method, tag, body).await;
            assert_eq!(reply.status, status, "{tag:?}");
            assert_eq!(reply.problem().code, code, "{tag:?}");
        }
    }
    let (one, other) = tokio::join!(put(&host, "\"0\"", OTHER), put(&host, "\"0\"", OTHER));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    assert_eq!(
        host.app.store.newest_policy_number().await.expect("asks"),
        1
    );
}

#[tokio::test]
async fn a_policy_with_faults_is_refused_and_changes_nothing() {
    let host = Host::new().await;
    for text in [
        FAULTY,
        "",
        "issuer = 'https://x'",
        &"#".repeat((64 << 10) + 1),
    ] {
        let problem = put(&host, "\"0\"", text).await.problem();
        assert_eq!(problem.code, ProblemCode::InvalidRequest);
        assert!(problem.fields.contains_key("text"), "{problem:?}");
        let tried = host.post(paths::POLICY_SIMULATE, json!({ "text": text }));
        assert_eq!(tried.await.problem().code, ProblemCode::InvalidRequest);
        let checked = host.post(paths::POLICY_CHECK, json!({ "text": text }));
        let checked: PolicyCheck = checked.await.read(StatusCode::OK);
        assert!(!checked.faults.is_empty() && checked.table.is_none());
    }
    let checked = host.post(paths::POLICY_CHECK, json!({ "text": FAULTY }));
    let checked: PolicyCheck = checked.await.read(StatusCode::OK);
    assert_eq!(checked.faults[0].line, Some(5), "{:?}", checked.faults);
    // As long as it may be, and no longer, whatever JSON makes of its line ends.
    let longest = format!("{OTHER}{}", "#\n".repeat(((64 << 10) - OTHER.len()) / 2));
    let fits = host.post(paths::POLICY_CHECK, json!({ "text": longest }));
    let fits: PolicyCheck = fits.await.read(StatusCode::OK);
    assert_eq!(fits.faults, []);
    let huge = host.post(
        paths::POLICY_CHECK,
        json!({ "text": "#".repeat(220 << 10) }),
    );
    assert_eq!(huge.await.problem().code, ProblemCode::InvalidRequest);
    let body = json!({ "text": OTHER, "note": "two\nlines" });
    let noted = send(&host, Method::PUT, Some("\"0\""), Some(body))
        .await
        .problem();
    assert!(noted.fields.contains_key("note"), "{noted:?}");
    assert_eq!(
        host.app.store.newest_policy_number().await.expect("asks"),
        0
    );
    assert_eq!(host.events("policy.changed").await, []);
}

#[tokio::test]
async fn a_policy_is_tried_on_what_is_kept_and_only_an_owner_may() {
    let host = Host::new().await;
    let body = json!({ "text": OTHER, "days": 7 });
    let tried = host.post(paths::POLICY_SIMULATE, body.clone()).await;
    let tried: PolicySimulation = tried.read(StatusCode::OK);
    assert_eq!(
        (tried.all.logins, tried.days, tried.is_complete),
        (0, 7, true)
    );
    for days in [0, 3651] {
        let body = json!({ "text": OTHER, "days": days });
        let problem = host.post(paths::POLICY_SIMULATE, body).await.problem();
        assert!(problem.fields.contains_key("days"), "{problem:?}");
    }
    let vera = host.token("vera", Role::Viewer).await;
    let emil = host.token("emil", Role::Enroller).await;
    for token in [&vera, &emil] {
        let reply = host.ask(token, Method::GET, paths::POLICY, None).await;
        assert_eq!(reply.status, StatusCode::OK);
        for path in [paths::POLICY_SIMULATE, paths::POLICY_CHECK] {
            let reply = host
                .ask(token, Method::POST, path, Some(body.clone()))
                .await;
            assert_eq!(reply.problem().code, ProblemCode::RoleInsufficient);
        }
        let reply = host.ask(token, Method::PUT, paths::POLICY, Some(body.clone()));
        assert_eq!(reply.await.problem().code, ProblemCode::RoleInsufficient);
    }
}
