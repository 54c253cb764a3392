//! The admin API: who may do what, what the audit trail tells, and that what an operator does takes hold at once.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{on_both_backends, operator::Operator, person::Person, relying_party::Ask};
use wire::{AuditOutcome, NewSubject, Role, paths};

on_both_backends! {
    async fn a_login_is_seen_in_the_audit_trail(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let begun = scene.app.begin(Ask::default());
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a page");
        let page = subject.identify(&person, page).await.expect("the password is asked");
        let form = page.form_with("password").expect("a form").fill("password", "not it");
        person.submit(form).await.expect("an answer").page().expect("once more");
        let login = scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");

        let events = scene.owner.audit().await.expect("the trail");
        let of_ada: Vec<_> = events.iter().filter(|e| e.username.as_deref() == Some("ada")).collect();
        let finished = of_ada.iter().find(|e| e.kind == "login.finished").expect("login.finished");
        assert_eq!(finished.client.as_ref().map(|c| c.as_str()), Some(scene.app.client_id.as_str()));
        assert_eq!(finished.outcome, AuditOutcome::Success);
        let outcomes: Vec<_> = of_ada.iter().filter(|e| e.factor.is_some()).map(|e| e.outcome).collect();
        assert!(outcomes.contains(&AuditOutcome::Refused) && outcomes.contains(&AuditOutcome::Success), "{outcomes:?}");
        let invited = events.iter().find(|e| e.operator.is_some() && e.subject.is_some()).expect("who invited");
        assert_eq!(invited.operator.as_ref().map(|o| o.as_str()), Some("olivia"));
        assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq), "in order");
        let text = serde_json::to_string(&events).expect("JSON");
        for secret in [&subject.password, &login.access_token, scene.app.secret.as_ref().expect("a secret")] {
            assert!(!text.contains(secret.as_str()), "a secret is in the trail");
        }
        assert!(!text.contains("score") && !text.contains("llr"), "a score is in the trail: {text}");
    }

    async fn what_is_done_at_the_command_line_is_in_the_trail(scene: Scene) {
        let add = ["client", "add", "shop", "--redirect-uri", "https://shop.example/cb"];
        for arguments in [&add[..], &["client", "remove", "shop"]] {
            let output = scene.server.whorl(arguments).expect("runs");
            assert!(output.status.success(), "{output:?}");
        }
        let events = scene.owner.audit().await.expect("the trail");
        for kind in ["client.created", "client.removed"] {
            let of_shop = |e: &&wire::AuditEvent| e.kind == kind && e.client.as_ref().is_some_and(|c| c.as_str() == "shop");
            let event = events.iter().find(of_shop).unwrap_or_else(|| panic!("{kind}: {events:?}"));
            assert_eq!((event.outcome, event.operator.is_none()), (AuditOutcome::Success, true));
            let by = &event.detail["by"];
            assert!(by.starts_with("command line (unix user "), "{by}");
        }
    }

    async fn of_two_tokens_neither_counts(scene: Scene) {
        let get = || reqwest::Client::new().get(scene.server.url(paths::WHOAMI));
        let token = scene.owner.token();
        for (request, status) in [
            (get().bearer_auth(token), StatusCode::OK),
            (get().bearer_auth(token).bearer_auth("x"), StatusCode::UNAUTHORIZED),
            (get().bearer_auth("x").bearer_auth(token), StatusCode::UNAUTHORIZED),
        ] {
            assert_eq!(request.send().await.expect("an answer").status(), status);
        }
    }

    async fn each_role_may_do_its_own_and_no_more(scene: Scene) {
        let viewer = Operator::of(&scene.server, "vera", Role::Viewer).expect("a token");
        let enroller = Operator::of(&scene.server, "emil", Role::Enroller).expect("a token");
        let nobody = viewer.with_token("made-up");
        let new = |name: &str| NewSubject { username: name.into(), display_name: name.into(), email: None };
        let client = json!({ "name": "x", "kind": "public", "redirect_uris": ["http://localhost:1/x"] });
        let subjects = |status| (Method::POST, paths::SUBJECTS, status);
        let reads = [paths::WHOAMI, paths::SUBJECTS, paths::CLIENTS, paths::AUDIT, paths::HEALTH];
        for path in reads {
            for (who, expected) in [(&viewer, StatusCode::OK), (&enroller, StatusCode::OK), (&nobody, StatusCode::UNAUTHORIZED)] {
                let (status, body) = who.request(Method::GET, path, None::<&()>).await.expect("an answer");
                assert_eq!(status, expected, "{path}: {body}");
            }
        }
        for (who, name, (method, path, expected)) in [
            (&nobody, "a", subjects(StatusCode::UNAUTHORIZED)),
            (&viewer, "b", subjects(StatusCode::FORBIDDEN)),
            (&enroller, "c", subjects(StatusCode::CREATED)),
            (&scene.owner, "d", subjects(StatusCode::CREATED)),
            (&enroller, "c", subjects(StatusCode::CONFLICT)),
        ] {
            let (status, body) = who.request(method, path, Some(&new(name))).await.expect("an answer");
            assert_eq!(status, expected, "{name}: {body}");
        }
        for (who, expected) in [(&viewer, StatusCode::FORBIDDEN), (&enroller, StatusCode::FORBIDDEN), (&scene.owner, StatusCode::CREATED)] {
            let (status, body) = who.request(Method::POST, paths::CLIENTS, Some(&client)).await.expect("an answer");
            assert_eq!(status, expected, "{body}");
            let (status, body) = who.request(Method::GET, paths::OPERATORS, None::<&()>).await.expect("an answer");
            let expected = if expected == StatusCode::CREATED { StatusCode::OK } else { expected };
            assert_eq!(status, expected, "{body}");
        }
    }

    async fn a_suspended_subject_is_out_at_once(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let login = scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");
        let id = login.claims.subject().to_string();
        let subjects: Value = scene.owner.get(paths::SUBJECTS).await.expect("a list");
        let id = subjects["items"].as_array().expect("items").iter().find(|s| s["username"] == "ada").map_or(id, |s| s["id"].as_str().unwrap_or_default().to_owned());
        let id: wire::SubjectId = id.parse().expect("an identifier");

        let suspended: Value = scene.owner.post(&paths::suspend(id), None::<&()>).await.expect("suspended");
        assert_eq!(suspended["status"], "suspended");
        assert!(!scene.is_live(&login.access_token).await.expect("userinfo"), "the access token lives on");
        let begun = scene.app.begin(Ask { extra: &[("prompt", "none")], ..Ask::default() });
        let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("told");
        assert!(back.as_str().contains("error="), "the session lives on: {back}");
        let begun = scene.app.begin(Ask::default());
        let refused = subject.sign_in_with_recovery_code(&Person::new(), &begun.url).await;
        assert!(refused.is_err() || refused.is_ok_and(|url| url.as_str().contains("error=")), "signed in");

        let active: Value = scene.owner.post(&paths::activate(id), None::<&()>).await.expect("active");
        assert_eq!(active["status"], "active");
        let begun = scene.app.begin(Ask::default());
        subject.sign_in_with_recovery_code(&Person::new(), &begun.url).await.expect("signed in again");
    }

    async fn a_revoked_session_is_over_at_once(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let login = scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");
        let subjects: Value = scene.owner.get(paths::SUBJECTS).await.expect("a list");
        let id: wire::SubjectId = subjects["items"][0]["id"].as_str().expect("one").parse().expect("an identifier");
        let revoked: Value = scene.owner.post(&paths::revoke_sessions(id), None::<&()>).await.expect("revoked");
        assert_eq!(revoked["revoked"], 1);
        let begun = scene.app.begin(Ask { extra: &[("prompt", "none")], ..Ask::default() });
        let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("told");
        assert!(back.as_str().contains("error=login_required"), "{back}");
        assert!(!scene.is_live(&login.access_token).await.expect("userinfo"), "its access token lives on");
    }

    async fn an_erased_subject_is_gone_and_its_key_with_it(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let subjects: Value = scene.owner.get(paths::SUBJECTS).await.expect("a list");
        let id: wire::SubjectId = subjects["items"][0]["id"].as_str().expect("one").parse().expect("an identifier");
        let (status, body) = scene.owner.request(Method::DELETE, &paths::subject(id), None::<&()>).await.expect("an answer");
        assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
        let (status, _) = scene.owner.request(Method::GET, &paths::subject(id), None::<&()>).await.expect("an answer");
        assert_eq!(status, StatusCode::NOT_FOUND);
        let begun = scene.app.begin(Ask::default());
        subject.sign_in_with_recovery_code(&Person::new(), &begun.url).await.expect_err("nobody is there");
    }

    async fn a_replaced_or_removed_operator_is_out_at_once(scene: Scene) {
        let emil = Operator::of(&scene.server, "emil", Role::Enroller).expect("a token");
        let (status, _) = emil.request(Method::GET, paths::WHOAMI, None::<&()>).await.expect("an answer");
        assert_eq!(status, StatusCode::OK);
        let path = paths::operator(&wire::OperatorName::from("emil"));
        let (status, body) = scene.owner.request(Method::DELETE, &path, None::<&()>).await.expect("an answer");
        assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
        let (status, _) = emil.request(Method::GET, paths::WHOAMI, None::<&()>).await.expect("an answer");
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}
