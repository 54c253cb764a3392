//! A whole login's log: nothing in it that lets anybody in.

use tests::{
    on_both_backends,
    person::Person,
    relying_party::Ask,
    subject::{Subject, allow},
};

on_both_backends! {
    async fn a_whole_login_leaves_no_secret_in_the_log(scene: Scene) {
        let (_, invitation) = scene.owner.invite("ada").await.expect("an invitation");
        let enrolling = Person::new();
        let mut subject = Subject::enrol(&enrolling, "ada", &invitation).await.expect("enrolled");
        let person = Person::new();
        let begun = scene.app.begin(Ask { scopes: &["offline_access"], ..Ask::default() });
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a page");
        // A mistake, too: what was mistyped is nearly a password.
        let page = subject.identify(&person, page).await.expect("the password is asked");
        let form = page.form_with("password").expect("a form").fill("password", "nearly the right one");
        let page = person.submit(form).await.expect("an answer").page().expect("once more");
        let form = page.form_with("password").expect("a form").fill("password", &subject.password);
        let page = person.submit(form).await.expect("an answer").page().expect("the next step");
        let otp = subject.otp().await.expect("a password");
        let arrival = person.submit(page.form_with("otp").expect("a form").fill("otp", &otp)).await;
        let back = allow(&person, arrival.expect("an answer")).await.expect("admitted");
        let code = scene.app.code(&begun, &back).expect("a code");
        let verifier = begun.verifier.clone();
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        scene.app.user_info(&login).await.expect("userinfo");
        let (_, replay) = scene.app.token(&scene.app.code_grant(&code, &verifier)).await.expect("an answer");
        assert_eq!(replay["error"], "invalid_grant");

        let mut secrets = vec![
            ("the password", subject.password.clone()),
            ("a mistyped password", "nearly the right one".to_owned()),
            ("a one-time password", otp),
            ("the shared secret", subject.totp_secret.clone()),
            ("the code", code),
            ("the verifier", verifier),
            ("the access token", login.access_token.clone()),
            ("the ID token", login.id_token.clone()),
            ("the client's secret", scene.app.secret.clone().expect("a secret")),
            ("an operator's token", scene.owner.token().to_owned()),
            ("the invitation", invitation.rsplit('/').next().unwrap_or_default().to_owned()),
            ("the e-mail address", "ada@example.org".to_owned()),
        ];
        secrets.extend(login.refresh_token.clone().map(|token| ("the refresh token", token)));
        secrets.extend(subject.recovery_codes.iter().map(|code| ("a recovery code", code.clone())));
        let here = scene.server.url("/");
        for cookie in [person.cookies(&here), enrolling.cookies(&here)].concat() {
            let value = cookie.split_once('=').map(|(_, value)| value.to_owned());
            secrets.push(("a cookie", value.expect("a value")));
        }
        let log = scene.server.log();
        assert!(log.lines().count() > 20, "is anything logged? {log}");
        for (what, secret) in secrets {
            assert!(secret.len() >= 6, "{what} is too short to be looked for");
            if let Some(line) = log.lines().find(|line| line.contains(&secret)) {
                panic!("{what} is in the log: {line}");
            }
        }
        // What a metric is labelled with is on the way to a log, too.
        let metrics = reqwest::get(scene.server.url("/metrics")).await.expect("metrics").text().await.expect("text");
        assert!(!metrics.contains("ada") && !metrics.contains(&login.claims.subject().to_string()), "{metrics}");
    }
}
