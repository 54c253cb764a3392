//! What a process leaves behind: nothing in a whole login's log lets anybody in, and what filmed people writes no core file.

use std::{fs, process::Stdio, time::Duration};

use tests::{
    need, on_both_backends,
    person::Person,
    program,
    relying_party::Ask,
    scene::Scene,
    server::Backend,
    subject::{Subject, allow},
};
use tokio::time::{Instant, sleep};

/// Whether the kernel keeps the process from a core file, whoever may ask for one (`limits` of proc(5)).
fn leaves_no_core(process: u32) -> bool {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).expect("is told");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let words: Vec<_> = line.expect("a limit").split_whitespace().collect();
    words.ends_with(&["0", "0", "bytes"])
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_provider_nor_the_demonstration_leaves_a_core_file() {
    let scene = need!(Scene::plain(Backend::Embedded).await);
    let serving = scene.server.process().expect("it runs");
    assert!(leaves_no_core(serving), "whorl serve");

    let home = tempfile::tempdir().expect("a folder");
    let mut demo = program::command("whorl", home.path())
        .args([
            "demo",
            "--no-browser",
            "--port",
            "0",
            "--application-port",
            "0",
        ])
        .args(["--state-dir", "demo"])
        .env("WHORL_MODELS", home.path().join("no-models"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("whorl");
    let until = Instant::now() + Duration::from_secs(30);
    let mut is_kept = leaves_no_core(demo.id());
    while !is_kept && demo.try_wait().expect("a process").is_none() && Instant::now() < until {
        sleep(Duration::from_millis(20)).await;
        is_kept = leaves_no_core(demo.id());
    }
    demo.kill().expect("is ended");
    demo.wait().expect("has ended");
    assert!(is_kept, "whorl demo");
}

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
