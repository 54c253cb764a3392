//! What people go through, in Chromium: every page that is met on the way is judged and can be looked at.

use std::path::PathBuf;

use serde_json::{Value, json};
use tests::{
    browser::{Browser, axe},
    need,
    scene::Scene,
    server::Backend,
};

use crate::risk::{ABROAD, ANY_SPEED, FIREFOX, HOME, PASSWORD, USUAL, last_of, settle};

/// Where pictures are kept, where they are wanted: a folder for each journey.
fn shots(name: &str) -> Option<PathBuf> {
    std::env::var_os("WHORL_SHOTS").map(|folder| PathBuf::from(folder).join(name))
}

/// Somebody who is known at home signs in from abroad; what the browser saw.
async fn abroad(scene: Scene, browser: &Browser, name: &str, locale: &str) -> (Scene, Value) {
    let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
    settle(&scene, &mut ada).await;
    let (home, far) = (scene.app.begin(PASSWORD), scene.app.begin(PASSWORD));
    let arguments = json!({
        "home": { "url": home.url, "from": HOME }, "abroad": { "url": far.url, "from": ABROAD },
        "username": "ada", "secret": ada.password, "codes": ada.recovery_codes, "agent": FIREFOX,
        "locale": locale, "history": "/me/history", "axe": axe().expect("axe"), "screenshots": shots(name),
    });
    let seen = browser.run("abroad", &arguments).await.expect("signed in");
    assert_eq!(seen["wrong"], json!([]), "{seen:#}");
    assert_eq!(
        (&seen["atHome"], &seen["far"]),
        (&json!(false), &json!(true)),
        "{seen:#}"
    );
    let asked = seen["asked"].as_str().expect("text");
    for word in ["Los Angeles", "Oslo", "km", "AS64502", "2001:db8"] {
        assert!(!asked.contains(word), "{word}: {asked}");
    }
    for (begun, back) in [(home, "backHome"), (far, "backAbroad")] {
        let back = seen[back]
            .as_str()
            .expect("an address")
            .parse()
            .expect("an address");
        scene.app.finish(begun, &back).await.expect("signed in");
    }
    let finished = last_of(&scene, "login.finished").await;
    assert_eq!(finished.detail["place"], "Los Angeles, US", "{finished:?}");
    (scene, seen)
}

/// The line of the history that speaks of this place.
fn line<'a>(seen: &'a Value, place: &str) -> &'a str {
    let mut lines = seen["lines"].as_array().expect("lines").iter();
    let found = lines.find_map(|line| line.as_str().filter(|line| line.contains(place)));
    found.unwrap_or_else(|| panic!("{place}: {seen:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_comes_from_a_new_country_shows_more_and_reads_why_in_german() {
    let (browser, _) = (need!(Browser::here()), need!(axe()));
    let scene = need!(Scene::with(Backend::Embedded, &ANY_SPEED.1).await);
    let (_, seen) = abroad(scene, &browser, "new_country", "de-DE").await;
    let away = line(&seen, "Los Angeles, US (2001:db8:1::7)");
    assert!(
        away.contains("Neues Land: US") && !away.contains(" km in "),
        "{away}"
    );
    let home = line(&seen, "Oslo, NO (203.0.113.7)");
    assert!(
        home.contains("Angemeldet bei") && !home.contains("Neues Land"),
        "{home}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_makes_an_impossible_journey_shows_more_and_reads_why_in_arabic() {
    let (browser, _) = (need!(Browser::here()), need!(axe()));
    let scene = need!(Scene::with(Backend::Embedded, &USUAL.1).await);
    let (_, seen) = abroad(scene, &browser, "impossible_travel", "ar").await;
    let away = line(&seen, "Los Angeles, US");
    assert!(
        away.contains("بلد جديد") && away.contains(" كم خلال "),
        "{away}"
    );
    assert!(away.contains("2001:db8:1::7"), "{away}");
    let home = line(&seen, "Oslo, NO");
    assert!(
        home.contains("تسجيل الدخول إلى") && !home.contains("كم خلال"),
        "{home}"
    );
}
