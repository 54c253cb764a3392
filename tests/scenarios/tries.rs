//! Guessing: tries are reserved before anything is compared, failures slow the next, and nothing tells who exists.

use std::collections::BTreeMap;

use tests::{
    need, on_both_backends,
    person::{Page, Person},
    relying_party::Ask,
    scene::Scene,
    server::{Backend, Setup},
    subject::Subject,
};
use tokio::{task::JoinSet, time::Instant};

/// How many proofs of a factor were compared, whatever came out.
async fn compared(scene: &Scene, factor: &str) -> f64 {
    let label = format!("factor=\"{factor}\"");
    scene
        .server
        .metric("idp_login_steps_total", &[&label])
        .await
        .expect("metrics")
}

async fn password_page(scene: &Scene, person: &Person, subject: &Subject) -> Page {
    let begun = scene.app.begin(Ask::default());
    let page = person
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    subject
        .identify(person, page)
        .await
        .expect("the password is asked")
}

on_both_backends! {
    async fn of_a_hundred_parallel_probes_at_most_five_are_compared(scene: Scene) {
        let (_, subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let page = password_page(&scene, &person, &subject).await;
        let form = page.form_with("password").expect("a form");
        let mut probes = JoinSet::new();
        for n in 0..100 {
            let (person, form) = (person.clone(), form.clone().fill("password", &format!("guess {n}")));
            probes.spawn(async move { person.submit_once(form).await });
        }
        let mut statuses = BTreeMap::<u16, u32>::new();
        for answer in probes.join_all().await {
            let answer = answer.expect("an answer");
            *statuses.entry(answer.status.as_u16()).or_default() += 1;
            assert!(!answer.status.is_server_error() || answer.status == 503, "{answer}");
        }
        let compared = compared(&scene, "password").await;
        assert!((1.0..=5.0).contains(&compared), "{compared} of 100 were compared: {statuses:?}");
    }

    async fn a_hundred_parallel_attempts_are_held_to_the_same_five(scene: Scene) {
        let (_, subject) = scene.enrol("ada").await.expect("enrolled");
        let mut probes = JoinSet::new();
        for n in 0..30 {
            let person = Person::new();
            let page = password_page(&scene, &person, &subject).await;
            let form = page.form_with("password").expect("a form").fill("password", &format!("guess {n}"));
            probes.spawn(async move { person.submit_once(form).await });
        }
        for answer in probes.join_all().await {
            answer.expect("an answer");
        }
        let compared = compared(&scene, "password").await;
        assert!((1.0..=5.0).contains(&compared), "{compared} of 30 were compared");
    }

    async fn after_five_failures_even_the_right_password_waits(scene: Scene) {
        let (_, subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        for n in 0..5 {
            let page = password_page(&scene, &person, &subject).await;
            let form = page.form_with("password").expect("a form").fill("password", &format!("guess {n}"));
            let page = person.submit(form).await.expect("an answer").page().expect("a page");
            assert!(page.form_with("otp").is_err(), "{page}");
        }
        let page = password_page(&scene, &person, &subject).await;
        let form = page.form_with("password").expect("a form").fill("password", &subject.password);
        let page = person.submit(form).await.expect("an answer").page().expect("a page");
        assert!(page.form_with("otp").is_err(), "let in at once: {page}");
        assert_eq!(compared(&scene, "password").await, 5.0, "a sixth was compared");
        let audit = scene.owner.audit().await.expect("the trail");
        assert!(audit.iter().any(|e| e.kind.contains("limit") || e.kind.contains("block") || e.kind.contains("throttle") || e.detail.keys().any(|k| k.contains("wait"))), "no event tells of it: {:?}", audit.iter().map(|e| &e.kind).collect::<Vec<_>>());
    }

    async fn an_unknown_username_looks_like_a_wrong_password(scene: Scene) {
        let (_, subject) = scene.enrol("ada").await.expect("enrolled");
        let nobody = subject.called("nobody");
        let mut seen = Vec::new();
        for who in [&subject, &nobody] {
            let person = Person::new();
            let page = password_page(&scene, &person, who).await;
            let asked = page.body.replace(&who.username, "NAME");
            let form = page.form_with("password").expect("a form").fill("password", "wrong and wrong again");
            let first = person.submit_once(form).await.expect("an answer");
            let page = person.open(&page.url).await.expect("an answer").page().expect("a page");
            let said = page.texts("[role=alert]");
            let asked = strip(&asked);
            seen.push((asked, first.status, said, page.form_with("password").is_ok()));
        }
        assert_eq!(seen[0], seen[1]);
        assert!(!seen[0].2.is_empty(), "a failure is told");
    }
}

/// A page without what differs from one answer to the next: nonces and the attempt's identifier.
fn strip(body: &str) -> String {
    let mut text = String::new();
    for word in body.split(['"', '/', ' ', '=']) {
        let is_random = word.len() >= 36
            && word
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        text.push_str(if is_random { "RANDOM" } else { word });
        text.push(' ');
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_username_takes_as_long_as_a_wrong_password() {
    let scene = need!(Scene::plain(Backend::Embedded).await);
    let (_, ada) = scene.enrol("ada").await.expect("enrolled");
    let mut medians = Vec::new();
    for username in ["ada", "nobody"] {
        let mut times = Vec::new();
        for n in 0..4 {
            let person = Person::new();
            let who = ada.called(username);
            let page = password_page(&scene, &person, &who).await;
            let form = page
                .form_with("password")
                .expect("a form")
                .fill("password", &format!("wrong {n}"));
            let begun = Instant::now();
            person.submit_once(form).await.expect("an answer");
            times.push(begun.elapsed());
        }
        times.sort();
        medians.push(times[times.len() / 2]);
    }
    // Both hash: neither is a quick look-up. Finer differences want a quiet machine and thousands of calls.
    let (known, unknown) = (medians[0].as_secs_f64(), medians[1].as_secs_f64());
    assert!(
        unknown > known / 3.0 && unknown < known * 3.0,
        "known {known} s, unknown {unknown} s"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_that_guesses_is_slowed_and_told_when_to_come_back() {
    let setup = Setup {
        toml: "trusted_proxies = [\"127.0.0.1/32\"]\n[limits]\nguesses_per_minute = 20",
        ..Setup::plain(Backend::Embedded)
    };
    let scene = need!(Scene::set(setup).await);
    let http = reqwest::Client::new();
    let mut slowed = None;
    for n in 0..60 {
        // What the guesser writes in front of what the trusted proxy adds gives no new address.
        let request = http
            .post(scene.server.url("/token"))
            .header("x-forwarded-for", format!("10.0.0.{n}, 198.51.100.7"));
        let response = request
            .basic_auth("nobody", Some(n))
            .form(&[("grant_type", "x")])
            .send()
            .await
            .expect("an answer");
        if response.status() == 429 {
            slowed = response
                .headers()
                .get("retry-after")
                .map(|v| v.to_str().unwrap_or_default().to_owned());
            assert!(slowed.is_some(), "429 without Retry-After");
            break;
        }
    }
    let seconds: u64 = slowed.expect("slowed").parse().expect("seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
}
