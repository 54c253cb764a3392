//! What people go through, in Chromium: every page that is met on the way is judged and can be looked at.

use std::path::PathBuf;

use serde_json::{Value, json};
use tests::{
    browser::{Browser, axe},
    need,
    relying_party::Ask,
    scene::Scene,
    server::Backend,
    sink::Sink,
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

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_a_phone_gets_in_with_a_code_and_takes_away_what_it_could_do() {
    let (browser, axe) = (need!(Browser::here()), need!(axe()));
    let sink = Sink::open().expect("a mail server");
    let toml = format!(
        "[notices]\nmail_server = \"127.0.0.1\"\nmail_port = {}\nmail_tls = \"none\"\n\
         mail_from = \"Whorl <no-reply@example.org>\"\n[people]\nhelp_url = \"mailto:help@example.org\"\n",
        sink.port()
    );
    let scene = need!(Scene::with(Backend::Embedded, &toml).await);
    let (_, ada) = scene.enrol("ada").await.expect("enrolled");
    let begun = scene.app.begin(Ask::default());
    let arguments = json!({
        "base": scene.server.issuer, "login": begun.url, "username": "ada", "secret": ada.password,
        "codes": ada.recovery_codes, "axe": axe, "screenshots": shots("lost_device"),
    });
    let seen = browser.run("lost_device", &arguments).await.expect("used");
    assert_eq!(seen["wrong"], json!([]), "{seen:#}");
    let back = seen["back"].as_str().expect("an address");
    let back = back.parse().expect("an address");
    scene.app.finish(begun, &back).await.expect("signed in");
    let texts = |name: &str| seen[name].as_array().expect("a list").clone();
    assert_eq!(
        (texts("kept").len(), texts("byForms").len()),
        (3, 2),
        "{seen:#}"
    );
    assert!(!seen["kept"].to_string().contains("Passkey"), "{seen:#}");
    assert!(
        !seen["byForms"].to_string().contains("Authenticator"),
        "{seen:#}"
    );
    assert_eq!(
        (&seen["sessions"], &seen["browsers"]),
        (&json!(1), &json!(0)),
        "{seen:#}"
    );
    let refused = seen["refused"].as_str().expect("text");
    assert!(refused.contains("That passkey did not work"), "{refused}");
    // Three factors of the enrolment, the phone and its passkey; then the passkey, the browser, the session and the app.
    let mails = sink.wait_for(9).await.expect("mails");
    let told = |what: &str| mails.iter().filter(|mail| mail.text.contains(what)).count();
    assert_eq!(told("A way to sign in was removed"), 2);
    assert_eq!(
        (
            told("A trusted browser was forgotten"),
            told("A session was ended")
        ),
        (1, 1)
    );
}
