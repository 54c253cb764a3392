//! Signing in by forms, from the authorization request to verified claims.

use openidconnect::{OAuth2TokenResponse as _, TokenResponse as _};
use tests::{on_both_backends, person::Person, relying_party::Ask, subject::form_to};

on_both_backends! {
    async fn a_login_by_forms_ends_with_verified_claims(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let ask = Ask { scopes: &["profile", "email"], ..Ask::default() };
        let login = scene.sign_in(&person, &mut subject, ask).await.expect("signed in");

        assert_eq!(login.acr(), "urn:whorl:acr:mfa");
        let mut amr = login.amr();
        amr.sort();
        assert!(amr.contains(&"pwd".to_owned()) && amr.contains(&"otp".to_owned()), "{amr:?}");
        assert!(!amr.contains(&"face".to_owned()), "{amr:?}");
        assert!(login.claims.auth_time().is_some(), "auth_time");
        let info = scene.app.user_info(&login).await.expect("userinfo of the same subject");
        assert_eq!(info.preferred_username().map(|n| n.as_str()), Some("ada"));
        assert_eq!(info.email().map(|e| e.as_str()), Some("ada@example.org"));
    }

    async fn single_sign_on_asks_nothing_again_and_keeps_the_time_of_authentication(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let first = scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");

        for extra in [&[][..], &[("prompt", "none")]] {
            let begun = scene.app.begin(Ask { extra, ..Ask::default() });
            let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("at once");
            let again = scene.app.finish(begun, &back).await.expect("signed in again");
            assert_eq!(again.claims.auth_time(), first.claims.auth_time());
            assert_eq!(again.claims.subject(), first.claims.subject());
        }
    }

    async fn a_fresh_browser_is_not_signed_in_silently(scene: Scene) {
        scene.enrol("ada").await.expect("enrolled");
        let begun = scene.app.begin(Ask { extra: &[("prompt", "none")], ..Ask::default() });
        let back = Person::new().open(&begun.url).await.expect("an answer");
        let back = back.elsewhere().expect("the application is told").to_string();
        assert!(back.contains("error=login_required"), "{back}");
        assert!(back.contains(&format!("state={}", begun.state)) && back.contains("iss="), "{back}");
    }

    async fn prompt_login_and_max_age_ask_again(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");
        for extra in [&[("prompt", "login")], &[("max_age", "0")]] {
            let begun = scene.app.begin(Ask { extra, ..Ask::default() });
            let page = person.open(&begun.url).await.expect("an answer").page().expect("a step");
            assert!(page.status.is_success(), "{page}");
            let back = subject.sign_in_with_recovery_code(&person, &begun.url).await.expect("again");
            let begun_late = scene.app.code(&begun, &back);
            assert!(begun_late.is_ok(), "{begun_late:?}");
        }
    }

    async fn who_declines_or_cancels_is_sent_back_with_access_denied(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let begun = scene.app.begin(Ask::default());
        let person = Person::new();
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a step");
        let cancel = form_to(&page, "/cancel").expect("a way out");
        let back = person.submit(cancel).await.expect("an answer").elsewhere().expect("sent back");
        assert!(back.as_str().contains("error=access_denied"), "{back}");

        let page = person.open(&begun.url).await.expect("an answer").page().expect("a step");
        let page = subject.give_password(&person, page).await.expect("the next step");
        let otp = subject.otp().await.expect("a password");
        let arrival = person.submit(page.form_with("otp").expect("a form").fill("otp", &otp)).await;
        let page = arrival.expect("an answer").page().expect("consent is asked");
        let deny = form_to(&page, "/consent").expect("a form").fill("decision", "deny");
        let back = person.submit(deny).await.expect("an answer").elsewhere().expect("sent back");
        assert!(back.as_str().contains("error=access_denied"), "{back}");
    }

    async fn an_acr_out_of_reach_is_refused_and_one_in_reach_is_reached(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let essential = r#"{"id_token":{"acr":{"essential":true,"values":["urn:nobody:knows"]}}}"#;
        let begun = scene.app.begin(Ask { extra: &[("claims", essential)], ..Ask::default() });
        let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("told");
        assert!(back.as_str().contains("error=unmet_authentication_requirements"), "{back}");

        let ask = Ask { acr: &["urn:whorl:acr:password"], ..Ask::default() };
        let begun = scene.app.begin(ask);
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a step");
        let page = subject.identify(&person, page).await.expect("the password is asked");
        let form = page.form_with("password").expect("a form").fill("password", &subject.password);
        let arrival = person.submit(form).await.expect("an answer");
        let back = tests::subject::allow(&person, arrival).await.expect("admitted");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        assert_eq!(login.acr(), "urn:whorl:acr:password");
        assert_eq!(login.amr(), ["pwd"]);

        // The session of a password does not do where more is asked.
        let begun = scene.app.begin(Ask { acr: &["urn:whorl:acr:mfa"], ..Ask::default() });
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a step up");
        let otp = subject.otp().await.expect("a password");
        let arrival = person.submit(page.form_with("otp").expect("only the app").fill("otp", &otp)).await;
        let back = tests::subject::allow(&person, arrival.expect("an answer")).await.expect("admitted");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        assert_eq!(login.acr(), "urn:whorl:acr:mfa");
    }

    async fn a_one_time_password_and_a_recovery_code_work_once(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let otp = subject.otp().await.expect("a password");
        for (attempt, expected) in [(1, true), (2, false)] {
            let (person, begun) = (Person::new(), scene.app.begin(Ask::default()));
            let page = person.open(&begun.url).await.expect("an answer").page().expect("a step");
            let page = subject.give_password(&person, page).await.expect("the next step");
            let form = page.form_with("otp").expect("a form").fill("otp", &otp);
            let page = person.submit(form).await.expect("an answer").page().expect("a page");
            assert_eq!(form_to(&page, "/consent").is_ok(), expected, "use {attempt}: {page}");
        }
        let code = subject.recovery_codes.last().cloned().expect("a code");
        for (attempt, expected) in [(1, true), (2, false)] {
            let (person, begun) = (Person::new(), scene.app.begin(Ask::default()));
            subject.recovery_codes.push(code.clone());
            let back = subject.sign_in_with_recovery_code(&person, &begun.url).await;
            assert_eq!(back.is_ok(), expected, "use {attempt}: {back:?}");
        }
    }

    async fn sign_out_ends_the_session_and_returns_only_where_registered(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let login = scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");

        // Nobody says who asks: no redirect to anywhere, and a page that asks first.
        let mut url = scene.server.url("/end_session");
        url.query_pairs_mut().append_pair("post_logout_redirect_uri", "http://evil.example/");
        let page = person.open(&url).await.expect("an answer").page().expect("stays here");
        assert!(!page.body.contains("href=\"http://evil.example"), "{page}");
        let begun = scene.app.begin(Ask { extra: &[("prompt", "none")], ..Ask::default() });
        person.open(&begun.url).await.expect("an answer").elsewhere().expect("the session lives");

        let mut url = scene.server.url("/end_session");
        url.query_pairs_mut()
            .append_pair("id_token_hint", &login.id_token)
            .append_pair("post_logout_redirect_uri", "http://localhost:1/callback/bye")
            .append_pair("state", "s1");
        let arrival = person.open(&url).await.expect("an answer");
        let back = match arrival {
            tests::person::Arrival::Elsewhere(url) => url,
            tests::person::Arrival::Page(page) => {
                let form = page.forms().into_iter().next().unwrap_or_else(|| panic!("{page}"));
                person.submit(form).await.expect("an answer").elsewhere().expect("sent back")
            }
        };
        assert_eq!(back.as_str(), "http://localhost:1/callback/bye?state=s1");
        let begun = scene.app.begin(Ask { extra: &[("prompt", "none")], ..Ask::default() });
        let back = person.open(&begun.url).await.expect("an answer").elsewhere().expect("told");
        assert!(back.as_str().contains("error=login_required"), "{back}");
    }

    async fn a_token_response_is_not_cached_and_says_what_was_granted(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let begun = scene.app.begin(Ask { scopes: &["email", "unheard-of"], ..Ask::default() });
        let back = subject.sign_in(&Person::new(), &begun.url).await.expect("signed in");
        let code = scene.app.code(&begun, &back).expect("a code");
        let response = scene.app.exchange(&code, &begun.verifier).await.expect("tokens");
        assert!(response.id_token().is_some() && response.expires_in().is_some());
        let scopes: Vec<_> = response.scopes().into_iter().flatten().map(|s| s.as_str()).collect();
        assert!(!scopes.contains(&"unheard-of"), "{scopes:?}");
    }
}
