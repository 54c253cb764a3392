//! Pages speak the language that the client or the browser asks for.

use std::path::Path;

use reqwest::{
    Client,
    header::{ACCEPT_LANGUAGE, HeaderMap, HeaderValue},
};
use tests::{
    browser::{Browser, axe},
    need, on_both_backends,
    person::{Form, Page, Person},
    relying_party::Ask,
    scene::Scene,
    server::{Backend, Setup},
    subject::form_to,
};

use crate::device;

/// Somebody whose browser asks for these languages.
fn speaker(languages: &'static str) -> Person {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(languages));
    Person::on(Client::builder().default_headers(headers))
}

/// Language, direction and heading of the first page of a login.
async fn greeted(scene: &Scene, person: &Person, extra: &[(&str, &str)]) -> [String; 3] {
    let begun = scene.app.begin(Ask {
        extra,
        ..Ask::default()
    });
    let page = person
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    let of_page = |name| page.attribute("html", name).unwrap_or_default();
    [of_page("lang"), of_page("dir"), page.texts("h1").concat()]
}

on_both_backends! {
    async fn a_login_speaks_the_language_that_is_asked_for(scene: Scene) {
        for (languages, extra, expected) in [
            ("", vec![], ["en", "", "Sign in"]),
            ("it", vec![], ["en", "", "Sign in"]),
            ("de-AT,en;q=0.5", vec![], ["de", "", "Anmelden"]),
            ("en;q=0.2, fr;q=0.9", vec![], ["fr", "", "Se connecter"]),
            ("de", vec![("ui_locales", "ar es")], ["ar", "rtl", "تسجيل الدخول"]),
            ("de", vec![("ui_locales", "it es-MX")], ["es", "", "Iniciar sesión"]),
            ("hi", vec![], ["hi", "", "साइन इन करें"]),
            ("zh-CN", vec![], ["zh", "", "登录"]),
        ] {
            let greeted = greeted(&scene, &speaker(languages), &extra).await;
            assert_eq!(greeted, expected, "{languages:?} {extra:?}");
        }
        // What went wrong is said in it as well, and to the end.
        let (_, subject) = scene.enrol("ada").await.expect("enrolled");
        let person = speaker("de");
        let begun = scene.app.begin(Ask::default());
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a page");
        let page = subject.identify(&person, page).await.expect("the password is asked");
        let wrong = page.form_with("password").expect("a form").fill("password", "not the password");
        let page = person.submit(wrong).await.expect("an answer").page().expect("a page");
        assert_eq!(page.texts("#problem h2"), ["Das hat nicht geklappt"], "{page}");
        let text = page.texts("body").concat();
        for english in ["Password", "Continue", "Signing in", "Cancel"] {
            assert!(!text.contains(english), "{english} in {text}");
        }
        let offered: serde_json::Value = reqwest::get(scene.server.url("/.well-known/openid-configuration"))
            .await.expect("an answer").json().await.expect("JSON");
        assert_eq!(offered["ui_locales_supported"].as_array().map(Vec::len), Some(7), "{offered}");
    }
}

on_both_backends! {
    async fn a_language_that_is_chosen_stays_with_the_person(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        // Chosen before anybody is signed in: it stands before what the browser asks for.
        let person = speaker("fr");
        let page = person.open(scene.server.url("/me")).await.expect("an answer").page().expect("a page");
        assert_eq!(spoken(&page), "fr");
        let page = choose(&person, &page, "de").await;
        assert_eq!((spoken(&page), page.texts("h1").concat()), ("de".into(), "Anmelden".into()));
        let page = subject.prove(&person, page).await.expect("signed in");
        assert_eq!((spoken(&page), page.texts("h1").concat()), ("de".into(), "Ihr Konto".into()));
        let missing = person.open(scene.server.url("/nowhere")).await.expect("an answer").page().expect("a page");
        assert_eq!(spoken(&missing), "de");

        // It is the person's: in another browser it holds from the sign-in on.
        let elsewhere = speaker("fr");
        let page = elsewhere.open(scene.server.url("/me")).await.expect("an answer").page().expect("a page");
        assert_eq!(spoken(&page), "fr");
        let page = subject.prove(&elsewhere, page).await.expect("signed in");
        assert_eq!(spoken(&page), "de");
        // Chosen anew, and at once.
        let page = choose(&elsewhere, &page, "ar").await;
        assert_eq!((spoken(&page), page.attribute("html", "dir")), ("ar".into(), Some("rtl".into())));

        // Whoever comes next to this browser is somebody else.
        let out = elsewhere.open(scene.server.url("/end_session")).await.expect("an answer").page().expect("a page");
        let out = form_to(&out, "/end_session/confirm").expect("a form");
        elsewhere.submit(out).await.expect("signed out");
        let (_, mut bob) = scene.enrol("bob").await.expect("enrolled");
        let page = elsewhere.open(scene.server.url("/me")).await.expect("an answer").page().expect("a page");
        let page = bob.prove(&elsewhere, page).await.expect("signed in");
        assert_eq!(spoken(&page), "fr");

        // What a client asks for stands before a choice, but not before one that is made there.
        let begun = scene.app.begin(Ask { extra: &[("ui_locales", "hi")], ..Ask::default() });
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a page");
        assert_eq!(spoken(&page), "hi");
        let page = choose(&person, &page, "es").await;
        assert_eq!(spoken(&page), "es");
        let begun = scene.app.begin(Ask { extra: &[("ui_locales", "hi")], ..Ask::default() });
        let page = person.open(&begun.url).await.expect("an answer").page().expect("a page");
        assert_eq!(spoken(&page), "hi");

        // The way back is one of ours, the language one that there is, and the form comes from a page of ours.
        let to = scene.server.url("/language");
        for (form, expected) in [
            (vec![("language", "de"), ("back", "//evil.example/")], Ok("/")),
            (vec![("language", "de"), ("back", "https://evil.example/")], Ok("/")),
            (vec![("language", "de")], Ok("/")),
            (vec![("language", "tlh"), ("back", "/me")], Err(404)),
        ] {
            let answer = person.submit_once(Form::forged(to.clone(), &form)).await.expect("an answer");
            match expected {
                Ok(place) => assert_eq!(answer.header("location"), place, "{answer}"),
                Err(status) => assert_eq!(answer.status.as_u16(), status, "{answer}"),
            }
        }
        let foreign = person.http().post(to).header("origin", "https://evil.example").form(&[("language", "de")]);
        assert_eq!(foreign.send().await.expect("an answer").status().as_u16(), 403);
    }
}

fn spoken(page: &Page) -> String {
    page.attribute("html", "lang").unwrap_or_default()
}

async fn choose(person: &Person, page: &Page, language: &str) -> Page {
    let form = form_to(page, "/language").expect("a choice");
    let arrival = person.submit(form.fill("language", language)).await;
    arrival.expect("an answer").page().expect("a page")
}

/// Each language fits a narrow window, and is judged by axe.
#[tokio::test(flavor = "multi_thread")]
async fn every_language_can_be_read_by_everybody() {
    let browser = need!(Browser::here());
    let axe = need!(axe());
    let scene = need!(Scene::plain(Backend::Embedded).await);
    let shots = std::env::var_os("WHORL_SHOTS");
    let shots = shots.map(std::path::PathBuf::from);
    for language in ["en", "es", "fr", "de", "ar", "hi", "zh"] {
        let begun = scene.app.begin(Ask {
            extra: &[("ui_locales", language)],
            ..Ask::default()
        });
        let arguments = serde_json::json!({ "url": begun.url, "language": language, "axe": axe, "screenshots": shots });
        let seen = browser.run("languages", &arguments).await.expect("seen");
        assert_eq!(seen["wrong"], serde_json::json!([]), "{language}");
    }
}

/// Every page that a template makes, as its snapshot has it: judged by axe in a window of 320 pixels, in light and dark. What
/// no journey leads to is seen here.
#[tokio::test(flavor = "multi_thread")]
async fn every_template_can_be_used_in_a_narrow_window() {
    let browser = need!(Browser::here());
    let axe = need!(axe());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../idp/src/http");
    let mut pages = serde_json::Map::new();
    for entry in std::fs::read_dir(source.join("pages/snapshots")).expect("snapshots") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let snapshot = std::fs::read_to_string(&path).expect("a snapshot");
        let page = snapshot.splitn(3, "---\n").nth(2).expect("a page");
        pages.insert(name.into_owned(), page.into());
    }
    // Cases that are left out would pass.
    pages.insert("faulty".into(), FAULTY.into());
    let count = pages.len();
    assert!(count > 60, "{count} pages");
    let arguments =
        serde_json::json!({ "pages": pages, "assets": source.join("assets"), "axe": axe });
    let seen = browser.run("gallery", &arguments).await.expect("seen");
    let wrong: Vec<&str> = seen["wrong"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|it| it.as_str())
        .collect();
    let (expected, wrong): (Vec<&str>, Vec<&str>) =
        wrong.into_iter().partition(|it| it.starts_with("faulty"));
    assert_eq!(wrong, [""; 0]);
    for part in [
        "pixels wide",
        "image-alt",
        "target-size",
        "dark, 320): color-contrast",
    ] {
        assert!(
            expected.iter().any(|it| it.contains(part)),
            "{part} in {expected:?}"
        );
    }
    assert_eq!(seen["seen"].as_array().map(Vec::len), Some(count));
}

/// One with a fault of each kind.
const FAULTY: &str = r##"<!doctype html><html lang="en"><head><title>Faulty</title>
<link rel="stylesheet" href="/assets/whorl.css"></head><body style="background: #000"><main><h1>Faulty</h1>
<p style="color: #111; background: #000">Nobody can read it.</p><img src="/assets/favicon.svg" width="500">
<a href="/a" style="display: inline-block; width: 9px; height: 9px; font-size: 6px">a</a><a href="/b"
style="display: inline-block; width: 9px; height: 9px; font-size: 6px">b</a></main></body></html>"##;

/// Every page outside the own account, with faces where there is a pack, in a language from left to right and one from right
/// to left: judged by axe at 320 pixels and at 200 % zoom, in light and dark.
#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_used_by_everybody() {
    let browser = need!(Browser::here());
    let axe = need!(axe());
    let toml = format!("[people]\nself_registration = true\n{}", device::CLIENT);
    let setup = Setup {
        backend: Backend::Embedded,
        toml: &toml,
        faces: true,
    };
    let scene = need!(Scene::set(setup).await);
    let (_, subject) = scene.enrol("ada").await.expect("enrolled");
    let shots = std::env::var_os("WHORL_SHOTS").map(std::path::PathBuf::from);
    for (nth, language) in ["en", "ar"].into_iter().enumerate() {
        let (_, invitation) = scene
            .owner
            .invite(&format!("invited-{language}"))
            .await
            .expect("an invitation");
        let code = device::begin(&device::tv(&scene)).await;
        let sign_in = scene.app.begin(Ask::default());
        let create = scene.app.begin(Ask {
            extra: &[("prompt", "create")],
            ..Ask::default()
        });
        let arguments = serde_json::json!({
            "base": scene.server.issuer,
            "language": language,
            "sign_in": sign_in.url,
            "create": create.url,
            "invitation": invitation,
            "person": {
                "username": "ada",
                "secret": subject.password,
                "code": subject.recovery_codes[nth],
            },
            "code": code.get("user_code"),
            "bad": scene.server.url("/authorize?client_id=nobody"),
            "axe": axe,
            "screenshots": shots,
        });
        let seen = browser.run("everybody", &arguments).await.expect("used");
        assert_eq!(seen["wrong"], serde_json::json!([]), "{language}");
        assert!(
            seen["seen"].as_array().is_some_and(|seen| seen.len() >= 24),
            "{seen}"
        );
    }
}
