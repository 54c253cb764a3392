//! Logins that are unlike the person's: what they are asked for, who is told why, and who is not.

use std::{path::PathBuf, sync::LazyLock};

use reqwest::{
    Client,
    header::{HeaderMap, HeaderValue, USER_AGENT},
};
use serde_json::{Value, json};
use tests::{
    need, on_both_backends,
    person::{Page, Person},
    place_file::{PlaceRow, place_file},
    relying_party::Ask,
    scene::Scene,
    server::Backend,
    subject::{Subject, allow, form_to},
};
use wire::AuditEvent;

const PLACES: [PlaceRow; 2] = [
    PlaceRow {
        address: "203.0.113.0",
        bits: 25,
        country: "NO",
        city: "Oslo",
        at: (59.9, 10.7),
        network: 64_500,
    },
    PlaceRow {
        address: "2001:db8:1::",
        bits: 48,
        country: "US",
        city: "Los Angeles",
        at: (34.1, -118.2),
        network: 64_502,
    },
];

/// The settings, and the folder that the database of places lies in while the tests run.
fn settings(more: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file: PathBuf = folder.path().join("places.mmdb");
    std::fs::write(&file, place_file(&PLACES)).expect("writes");
    let toml = format!(
        r#"
trusted_proxies = ["127.0.0.1/32", "::1/128"]
[risk]
enabled = true
places = [{:?}]
{more}
[[policy.condition]]
name = "unlike them"
medium = "step_up"
step_up_to = "urn:whorl:acr:mfa"
"#,
        file.display().to_string()
    );
    (folder, toml)
}

pub(crate) static USUAL: LazyLock<(tempfile::TempDir, String)> = LazyLock::new(|| settings(""));
/// Where any journey can be made, what is new is all that there is to judge.
pub(crate) static ANY_SPEED: LazyLock<(tempfile::TempDir, String)> =
    LazyLock::new(|| settings("fastest_km_per_h = 1e9"));

pub(crate) const HOME: &str = "203.0.113.7";
pub(crate) const ABROAD: &str = "2001:db8:1::7";
pub(crate) const FIREFOX: &str =
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

pub(crate) const PASSWORD: Ask<'_> = Ask {
    acr: &["urn:whorl:acr:password"],
    scopes: &[],
    extra: &[],
};

/// A browser behind the proxy that vouches for its address.
fn from(address: &'static str, agent: &'static str) -> Person {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_static(address));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    Person::on(Client::builder().default_headers(headers))
}

/// The page after the password, where there is one.
async fn after_password(
    scene: &Scene,
    person: &Person,
    ada: &Subject,
) -> Result<Page, reqwest::Url> {
    let begun = scene.app.begin(PASSWORD);
    let page = person
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a step");
    let page = ada
        .identify(person, page)
        .await
        .expect("the password is asked");
    let form = page
        .form_with("password")
        .expect("a form")
        .fill("password", &ada.password);
    let arrival = person.submit(form).await.expect("an answer");
    match arrival {
        tests::person::Arrival::Page(page) if page.form_with("otp").is_ok() => Ok(page),
        tests::person::Arrival::Page(page) if page.form_with("recovery_code").is_ok() => Ok(page),
        other => Err(allow(person, other).await.expect("admitted")),
    }
}

/// Until the person is known at home: each login takes a second factor at first.
pub(crate) async fn settle(scene: &Scene, ada: &mut Subject) {
    for _ in 0..4 {
        let begun = scene.app.begin(Ask {
            acr: &["urn:whorl:acr:mfa"],
            ..PASSWORD
        });
        let back = ada
            .sign_in_with_recovery_code(&from(HOME, FIREFOX), &begun.url)
            .await
            .expect("signed in");
        scene.app.finish(begun, &back).await.expect("signed in");
    }
}

pub(crate) async fn last_of(scene: &Scene, kind: &str) -> AuditEvent {
    let events = scene.owner.audit().await.expect("the trail");
    events
        .into_iter()
        .rfind(|event| event.kind == kind)
        .expect("an event")
}

fn detail<'a>(event: &'a AuditEvent, name: &str) -> &'a str {
    event.detail.get(name).map_or("", String::as_str)
}

/// Nothing that a page says tells who is turned away what was odd of him.
fn tells_nothing(page: &Page) {
    for word in [
        "new country",
        "Los Angeles",
        "Oslo",
        "km in",
        "network",
        "risk",
        "AS64502",
    ] {
        assert!(!page.body.contains(word), "{word}: {page}");
    }
}

on_both_backends! { with &USUAL.1;
    async fn an_impossible_journey_is_asked_for_more_and_whoever_is_at_home_is_not(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        settle(&scene, &mut ada).await;
        let known = after_password(&scene, &from(HOME, FIREFOX), &ada).await;
        assert!(known.is_err(), "the password suffices at home: {known:?}");
        let finished = last_of(&scene, "login.finished").await;
        assert_eq!((detail(&finished, "risk"), detail(&finished, "place")), ("low", "Oslo, NO"), "{finished:?}");

        let thief = from(ABROAD, CHROME);
        let page = after_password(&scene, &thief, &ada).await.expect("one factor more");
        tells_nothing(&page);
        let cancel = form_to(&page, "/cancel").expect("a way out");
        thief.submit(cancel).await.expect("an answer");
        let denied = last_of(&scene, "login.denied").await;
        assert_eq!((detail(&denied, "risk"), detail(&denied, "place")), ("high", "Los Angeles, US"), "{denied:?}");
        let reasons = detail(&denied, "risk_reasons");
        for reason in ["new country US", "8,600 km in a minute", "first time on this network (AS64502)"] {
            assert!(reasons.contains(reason), "{reasons}");
        }

        // Nothing was learned of what was refused: the person goes on as ever, and reads of it.
        let person = from(HOME, FIREFOX);
        let known = after_password(&scene, &person, &ada).await;
        assert!(known.is_err(), "the password still suffices at home: {known:?}");
        let page = person.open(scene.server.url("/me/history")).await.expect("an answer").page().expect("a page");
        // The own account takes more than a password: the session is raised.
        let asked = page.form_with("otp").expect("one more proof");
        let code = ada.otp().await.expect("a code");
        let page = person.submit(asked.fill("otp", &code)).await.expect("an answer").page().expect("a page");
        assert!(page.body.contains("Los Angeles, US (2001:db8:1::7)"), "{page}");
        assert!(page.body.contains("Oslo, NO (203.0.113.7)"), "{page}");
        // Why is for the person to read, afterwards.
        assert!(page.body.contains("New country: US") && page.body.contains(" km within "), "{page}");

        let page = person.open(scene.server.url("/me/data")).await.expect("an answer").page().expect("a page");
        let file = person.submit_once(form_to(&page, "/me/data").expect("a form")).await.expect("an answer");
        let data: Value = serde_json::from_str(&file.body).expect("JSON");
        assert_eq!(data["habits"]["known"]["countries"], 1, "{data:#}");
        assert!(data["habits"]["logins"].as_f64().is_some_and(|logins| logins > 3.0), "{data:#}");
        let logins = data["logins"].as_array().expect("logins");
        let at = |city: &str| logins.iter().find(|login| login["city"] == city).expect("a login");
        assert_eq!((&at("Oslo")["admitted"], &at("Los Angeles")["admitted"]), (&json!(true), &json!(false)));
        assert_eq!(at("Los Angeles")["shown"][0]["factor"], "password");
        let events = data["events"].as_array().expect("events");
        let told = events.iter().filter_map(|event| event["unusual"].as_array());
        let unusual = told.flatten().any(|one| *one == json!(["country", "US"]));
        assert!(unusual, "{data:#}");
        for judged in ["probability", "llr", "biometric_llr", "risk_reasons", "\"medium\"", "\"high\""] {
            assert!(!file.body.contains(judged), "{judged}: {data:#}");
        }
    }
}

on_both_backends! { with &ANY_SPEED.1;
    async fn a_new_country_is_asked_for_more_and_whoever_shows_it_is_known_there(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        settle(&scene, &mut ada).await;
        let person = from(ABROAD, FIREFOX);
        let page = after_password(&scene, &person, &ada).await.expect("one factor more");
        tells_nothing(&page);
        let form = match form_to(&page, "/choose") {
            Ok(other) if page.form_with("recovery_code").is_err() => {
                let page = person.submit(other.fill("factor", "recovery_code")).await.expect("an answer");
                page.page().expect("a page").form_with("recovery_code").expect("a form")
            }
            _ => page.form_with("recovery_code").expect("a form"),
        };
        let code = ada.recovery_codes.pop().expect("a code");
        let arrival = person.submit(form.fill("recovery_code", &code)).await.expect("an answer");
        allow(&person, arrival).await.expect("admitted");
        let finished = last_of(&scene, "login.finished").await;
        assert!(matches!(detail(&finished, "risk"), "medium" | "high"), "{finished:?}");
        let reasons = detail(&finished, "risk_reasons");
        assert!(reasons.contains("new country US") && !reasons.contains("km in"), "{reasons}");
        assert_eq!(detail(&finished, "conditions"), "unlike them: step up");
        // A further factor makes a place known.
        let again = after_password(&scene, &from(ABROAD, FIREFOX), &ada).await;
        assert!(again.is_err(), "{again:?}");
    }
}

/// Where no score is high enough, the country alone is left, and what operators say of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_country_alone_is_asked_for_more_unless_operators_say_otherwise() {
    const NO_SCORE: &str = "fastest_km_per_h = 1e9\nmedium = 1.0\nhigh = 1.0\n";
    for (says, is_asked) in [
        ("", true),
        ("new_country = \"low\"", false),
        ("settled_logins = 2", false),
    ] {
        let (_folder, toml) = settings(&format!("{NO_SCORE}{says}"));
        let scene = need!(Scene::with(Backend::Embedded, &toml).await);
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        settle(&scene, &mut ada).await;
        let known = after_password(&scene, &from(HOME, FIREFOX), &ada).await;
        assert!(
            known.is_err(),
            "{says}: the password suffices at home: {known:?}"
        );
        let away = after_password(&scene, &from(ABROAD, FIREFOX), &ada).await;
        assert_eq!(away.is_ok(), is_asked, "{says}: {away:?}");
    }
}

/// What a client does not say is no penalty, and what it makes up is left out.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_without_scripts_is_as_good_and_made_up_counts_do_no_harm() {
    let scene = need!(Scene::with(Backend::Embedded, &USUAL.1).await);
    let (_, ada) = scene.enrol("ada").await.expect("enrolled");
    let person = from(HOME, FIREFOX);
    for made_up in ["", "hold:;;;,,,", "hold:1e9,NaN,-1;flight:9", "\u{0}"] {
        let begun = scene.app.begin(PASSWORD);
        let page = person
            .open(&begun.url)
            .await
            .expect("an answer")
            .page()
            .expect("a step");
        assert!(
            page.headers
                .get("accept-ch")
                .is_some_and(|it| it.to_str().is_ok_and(|it| it.contains("sec-ch-ua-model")))
        );
        let page = ada
            .identify(&person, page)
            .await
            .expect("the password is asked");
        let form = page
            .form_with("password")
            .expect("a form")
            .fill("password", &ada.password);
        let form = form.fill("rhythm", made_up).fill("trip", "12.AAAA");
        let page = person
            .submit(form)
            .await
            .expect("an answer")
            .page()
            .expect("one factor more");
        assert!(page.form_with("password").is_err(), "{page}");
    }
    let attempt = "/login/018f0000-0000-7000-8000-000000000000/ping";
    let ping = |of: &str| reqwest::get(scene.server.url(&format!("{attempt}{of}")));
    let time = ping("").await.expect("an answer");
    assert_eq!(time.status(), 200);
    let time = time.text().await.expect("a time");
    assert_eq!(
        ping(&format!("?of={time}"))
            .await
            .expect("an answer")
            .status(),
        200
    );
    assert_eq!(ping("?of=12.AAAA").await.expect("an answer").status(), 404);
}

/// What was tried is counted in the database, where every replica looks.
#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_last_hour_are_held_against_who_comes_and_operators_see_the_model() {
    let scene = need!(Scene::with(Backend::Embedded, &USUAL.1).await);
    let (_, ada) = scene.enrol("ada").await.expect("enrolled");
    let guesser = from(ABROAD, CHROME);
    let begun = scene.app.begin(PASSWORD);
    let page = guesser
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a step");
    let mut page = ada
        .identify(&guesser, page)
        .await
        .expect("the password is asked");
    for guess in ["one", "two"] {
        let form = page
            .form_with("password")
            .expect("a form")
            .fill("password", guess);
        page = guesser
            .submit(form)
            .await
            .expect("an answer")
            .page()
            .expect("again");
    }
    let form = page
        .form_with("password")
        .expect("a form")
        .fill("password", &ada.password);
    let page = guesser
        .submit(form)
        .await
        .expect("an answer")
        .page()
        .expect("one factor more");
    guesser
        .submit(form_to(&page, "/cancel").expect("a way out"))
        .await
        .expect("an answer");
    let denied = last_of(&scene, "login.denied").await;
    assert!(
        detail(&denied, "risk_reasons").contains("2 failed attempts in the last hour"),
        "{denied:?}"
    );
    let health: wire::Health = scene
        .owner
        .get(wire::paths::HEALTH)
        .await
        .expect("an answer");
    let part = health
        .parts
        .iter()
        .find(|part| part.name == "anomaly")
        .expect("the model");
    assert_eq!(part.detail.as_deref(), Some("fitted to no logins yet"));
}

/// A browser that sends these client hints besides.
fn hinting((agent, model): Machine) -> Person {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_static(HOME));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    headers.insert("sec-ch-ua-mobile", HeaderValue::from_static("?0"));
    headers.insert("sec-ch-ua-model", HeaderValue::from_static(model));
    Person::on(Client::builder().default_headers(headers))
}

/// A browser and the machine that it says it is on.
type Machine = (&'static str, &'static str);
const PHONE: Machine = (CHROME, "\"Fairphone 5\"");
const OTHER_PHONE: Machine = (FIREFOX, "\"Pixel 9\"");
/// What the page counts of a person.
const OWN_RHYTHM: &str = "hold:12,95,20;flight:11,140,60;pointer:40,900,200;time:1,8000,0";
const OTHER_RHYTHM: &str = "hold:12,300,20;flight:11,700,60;pointer:40,5000,200;time:1,700,0";

/// Sends the password with what the page says of how it was filled in; answers what comes then.
async fn typed(
    scene: &Scene,
    person: &Person,
    ada: &Subject,
    (acr, rhythm): (&'static str, &str),
) -> tests::person::Arrival {
    let begun = scene.app.begin(Ask {
        acr: &[acr],
        ..PASSWORD
    });
    let page = person
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a step");
    let page = ada
        .identify(person, page)
        .await
        .expect("the password is asked");
    let form = page
        .form_with("password")
        .expect("a form")
        .fill("password", &ada.password)
        .fill("rhythm", rhythm);
    person.submit(form).await.expect("an answer")
}

/// As [`settle`], on a machine that tells of itself, with a page that counts.
async fn settle_typing(scene: &Scene, ada: &mut Subject) {
    for _ in 0..5 {
        let person = hinting(PHONE);
        let arrival = typed(scene, &person, ada, ("urn:whorl:acr:mfa", OWN_RHYTHM));
        let page = arrival.await.page().expect("one factor more");
        let form = match page.form_with("recovery_code") {
            Ok(form) => form,
            Err(_) => {
                let other = form_to(&page, "/choose").expect("a choice");
                let page = person.submit(other.fill("factor", "recovery_code")).await;
                let page = page.expect("an answer").page().expect("a page");
                page.form_with("recovery_code").expect("a form")
            }
        };
        let code = ada.recovery_codes.pop().expect("a code");
        let arrival = person.submit(form.fill("recovery_code", &code)).await;
        let arrival = arrival.expect("an answer");
        allow(&person, arrival).await.expect("admitted");
    }
}

/// What the trail says of a login by the password alone: one that is asked for more is given up.
async fn told(scene: &Scene, ada: &Subject, machine: Machine, rhythm: &str) -> AuditEvent {
    let person = hinting(machine);
    let ask = ("urn:whorl:acr:password", rhythm);
    match typed(scene, &person, ada, ask).await {
        tests::person::Arrival::Page(page)
            if page.form_with("otp").is_ok() || page.form_with("recovery_code").is_ok() =>
        {
            let cancel = form_to(&page, "/cancel").expect("a way out");
            person.submit(cancel).await.expect("an answer");
            last_of(scene, "login.denied").await
        }
        other => {
            allow(&person, other).await.expect("admitted");
            last_of(scene, "login.finished").await
        }
    }
}

/// What a browser tells of itself is learned, and held against who comes otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn hints_of_another_machine_are_seen() {
    let scene = need!(Scene::with(Backend::Embedded, &ANY_SPEED.1).await);
    let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
    settle_typing(&scene, &mut ada).await;
    let same = told(&scene, &ada, PHONE, OWN_RHYTHM).await;
    assert!(
        same.kind == "login.finished" && !detail(&same, "risk_reasons").contains("hints"),
        "{same:?}"
    );
    let other = told(&scene, &ada, OTHER_PHONE, OWN_RHYTHM).await;
    assert!(
        detail(&other, "risk_reasons").contains("new client hints"),
        "{other:?}"
    );
}

/// The model is fitted to the logins that are kept, in the background; operators read of it, and it judges how a page was
/// filled in.
#[tokio::test(flavor = "multi_thread")]
async fn the_model_is_fitted_to_the_logins_that_are_kept() {
    let toml = format!("{}\n[keys]\npublish_before_s = 3\n", USUAL.1);
    let scene = need!(Scene::with(Backend::Production, &toml).await);
    let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
    settle_typing(&scene, &mut ada).await;
    let production = scene.server.production.as_ref().expect("PostgreSQL");
    let cluster = tests::postgres::Cluster::shared().expect("runs");
    let sql = |statement: &str| {
        let said = cluster.sql(&production.database, statement);
        said.expect("SQL")
    };
    let how = async || {
        let health = scene.owner.get::<wire::Health>(wire::paths::HEALTH).await;
        let parts = health.expect("an answer").parts;
        let part = parts.into_iter().find(|it| it.name == "anomaly");
        part.expect("the model").detail.expect("how it stands")
    };
    assert_eq!(how().await, "fitted to no logins yet");
    let problem = sql("SELECT problem FROM risk_training");
    assert!(problem.ends_with("of 500 logins"), "{problem}");
    // Six hundred logins like the last: one an hour.
    let columns = "attempt_id, subject_id, client_id, past, at, expires_at";
    let last = "SELECT * FROM decision ORDER BY at DESC LIMIT 1";
    sql(&format!(
        "INSERT INTO decision ({columns}) SELECT gen_random_uuid(), subject_id, client_id, past, \
         at - 3600000::bigint * n, expires_at FROM ({last}) AS it, generate_series(1, 600) AS n"
    ));
    let kept = sql("SELECT count(*) FROM decision WHERE past->>'reached' IS NOT NULL");
    // Whoever came to too few waits; that is over.
    sql("UPDATE risk_training SET held_until = 0");
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    let fitted = loop {
        let said = how().await;
        if said.starts_with("version 1 ") && !said.contains("training") {
            break said;
        }
        assert!(tokio::time::Instant::now() < until, "{said}");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    };
    assert!(
        fitted.ends_with(&format!("fitted to {kept} logins")),
        "{fitted}"
    );
    assert_eq!(sql("SELECT part, version FROM risk_training"), "1|1");
    let same = told(&scene, &ada, PHONE, OWN_RHYTHM).await;
    let odd = "fills in the page in another rhythm";
    assert!(
        same.kind == "login.finished" && !detail(&same, "risk_reasons").contains(odd),
        "{same:?}"
    );
    let other = told(&scene, &ada, PHONE, OTHER_RHYTHM).await;
    assert!(detail(&other, "risk_reasons").contains(odd), "{other:?}");
}
