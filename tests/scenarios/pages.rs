//! The pages themselves: headers, cookies, and forms that only their own browser can submit.

use reqwest::StatusCode;
use tests::{
    on_both_backends,
    person::{Form, Person},
    relying_party::Ask,
    scene::Scene,
    subject::form_to,
};

async fn login_page(scene: &Scene, person: &Person) -> tests::person::Page {
    let begun = scene.app.begin(Ask::default());
    person
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a page")
}

on_both_backends! {
    async fn every_page_is_guarded_by_its_headers(scene: Scene) {
        let person = Person::new();
        let (_, invitation) = scene.owner.invite("ada").await.expect("an invitation");
        let pages = [
            login_page(&scene, &person).await,
            person.open(&invitation).await.expect("an answer").page().expect("a page"),
            person.open(scene.server.url("/")).await.expect("an answer").page().expect("a page"),
            person.open(scene.server.url("/nowhere")).await.expect("an answer").page().expect("a page"),
        ];
        let mut nonces = std::collections::BTreeSet::new();
        for page in &pages {
            let policy = page.header("content-security-policy");
            for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
                assert!(policy.contains(rule), "{rule} in {policy} of {page}");
            }
            assert!(!policy.contains("unsafe"), "{policy}");
            assert_eq!(page.header("x-frame-options"), "DENY", "{page}");
            assert_eq!(page.header("x-content-type-options"), "nosniff", "{page}");
            assert_eq!(page.header("referrer-policy"), "no-referrer", "{page}");
            assert_eq!(page.header("cross-origin-opener-policy"), "same-origin", "{page}");
            assert!(page.header("cache-control").contains("no-store"), "{page}");
            if let Some(nonce) = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()) {
                assert!(nonces.insert(nonce.to_owned()), "a nonce was used twice");
            }
            assert!(!page.body.contains("http://") || page.body.contains(&scene.server.issuer) || page.attribute("script[src^='http']", "src").is_none(), "{page}");
        }
        assert!(nonces.len() >= 3, "{nonces:?}");
    }

    async fn every_cookie_is_kept_from_scripts_and_other_sites(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let begun = scene.app.begin(Ask::default());
        let mut cookies = Vec::new();
        let first = person.open_once(&begun.url).await.expect("an answer");
        cookies.extend(first.set_cookies().into_iter().map(str::to_owned));
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a page");
        let page = subject.give_password(&person, page).await.expect("the next step");
        let otp = subject.otp().await.expect("a password");
        let page = person.submit(page.form_with("otp").expect("a form").fill("otp", &otp)).await;
        let page = page.expect("an answer").page().expect("consent");
        let allow = form_to(&page, "/consent").expect("a form").fill("decision", "allow");
        let last = person.submit_once(allow).await.expect("an answer");
        assert!(matches!(last.status, StatusCode::SEE_OTHER | StatusCode::FOUND), "{last}");
        cookies.extend(last.set_cookies().into_iter().map(str::to_owned));
        assert!(cookies.len() >= 2, "{cookies:?}");
        for cookie in &cookies {
            let lower = cookie.to_lowercase();
            assert!(lower.contains("httponly") && lower.contains("samesite=lax") && lower.contains("path=/"), "{cookie}");
            assert!(!lower.contains("domain="), "{cookie}");
        }
    }

    async fn the_session_cookie_is_new_at_each_login(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let here = scene.server.url("/");
        let session = |person: &Person| {
            person.cookies(&here).into_iter().find(|cookie| cookie.contains("session"))
        };
        // One that was planted before.
        person.set_cookie(&format!("whorl_session={}; Path=/", "A".repeat(43)), &here);
        let planted = session(&person);
        scene.sign_in(&person, &mut subject, Ask::default()).await.expect("signed in");
        let first = session(&person);
        assert!(first.is_some() && first != planted, "{first:?}");
        let begun = scene.app.begin(Ask { extra: &[("prompt", "login")], ..Ask::default() });
        subject.sign_in_with_recovery_code(&person, &begun.url).await.expect("signed in again");
        assert_ne!(session(&person), first, "the same session after a new login");
    }

    async fn a_login_form_of_another_browser_gives_no_code(scene: Scene) {
        let (_, subject) = scene.enrol("ada").await.expect("enrolled");
        let (victim, attacker) = (Person::new(), Person::new());
        let page = login_page(&scene, &victim).await;
        let page = subject.identify(&victim, page).await.expect("the password is asked");
        let form = page.form_with("password").expect("a form").fill("password", &subject.password);
        let refused = attacker.submit_once(form.clone()).await.expect("an answer");
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{refused}");
        let shown = attacker.open_once(&page.url).await.expect("an answer");
        assert_eq!(shown.status, StatusCode::FORBIDDEN, "{shown}");
        // The victim's own goes on.
        let page = victim.submit(form).await.expect("an answer").page().expect("the next step");
        assert!(page.form_with("otp").is_ok(), "{page}");
    }

    async fn a_form_from_another_site_changes_nothing(scene: Scene) {
        let (_, subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let page = login_page(&scene, &person).await;
        let page = subject.identify(&person, page).await.expect("the password is asked");
        let action = page.form_with("password").expect("a form").action().clone();
        let post = |url: url::Url, name: &'static str, value: &'static str| {
            let request = person.http().post(url).header(name, value);
            let request = if name == "origin" { request } else { request.header("origin", scene.server.issuer.clone()) };
            request.form(&[("password", subject.password.clone()), ("decision", "allow".to_owned())]).send()
        };
        for url in [action, scene.server.url("/enrol/consent"), scene.server.url("/enrol/finish")] {
            for (name, value) in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site")] {
                let response = post(url.clone(), name, value).await.expect("an answer");
                assert_eq!(response.status(), StatusCode::FORBIDDEN, "{url} with {name}: {value}");
            }
        }
        // Nothing was counted or done: the password is asked still.
        let page = person.open(&page.url).await.expect("an answer").page().expect("a page");
        assert!(page.form_with("password").is_ok(), "{page}");
    }

    async fn a_credential_is_never_posted_on(scene: Scene) {
        let (_, subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let page = login_page(&scene, &person).await;
        let page = subject.identify(&person, page).await.expect("the password is asked");
        let form = page.form_with("password").expect("a form").fill("password", &subject.password);
        let answer = person.submit_once(form).await.expect("an answer");
        assert!(matches!(answer.status.as_u16(), 302 | 303), "{answer}");
    }

    async fn steps_out_of_order_give_nothing(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let page = login_page(&scene, &person).await;
        let base = page.url.clone();
        let step = |name: &str| base.join(&format!("{}/{name}", base.path())).expect("a path");
        let otp = subject.otp().await.expect("a password");
        for (name, field, value) in [
            ("consent", "decision", "allow"),
            ("totp", "otp", otp.as_str()),
            ("recovery_code", "recovery_code", subject.recovery_codes[0].as_str()),
            ("password", "password", subject.password.as_str()),
            ("face", "nonce", "x"),
            ("passkey", "credential", "{}"),
            ("nonsense", "x", "y"),
        ] {
            let form = Form::forged(step(name), &[(field, value)]);
            match person.submit(form).await.expect("an answer") {
                tests::person::Arrival::Page(page) => assert!(!page.status.is_server_error(), "{name}: {page}"),
                tests::person::Arrival::Elsewhere(url) => panic!("{name} led to {url}"),
            }
        }
        // Who must identify first still must.
        let page = person.open(&base).await.expect("an answer").page().expect("a page");
        assert!(page.form_with("username").is_ok(), "{page}");
    }
}
