//! What people go through, in Chromium: every page that is met on the way is judged and can be looked at.

use std::path::PathBuf;

use serde_json::{Value, json};
use tests::{
    browser::{Browser, axe},
    machine::Machine,
    missing::shared_folder,
    need,
    relying_party::Ask,
    scene::Scene,
    server::Backend,
    sink::Sink,
};

use crate::portal::{DEMO, add_a_finger};
use crate::raises::{by_password, parameter};
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
    // What the page's script counted, of either page: every key of the password, and the server's own measure of the way.
    for page in seen["counted"].as_array().expect("two pages") {
        let keys = format!("hold:{},", ada.password.len());
        let rhythm = page["rhythm"].as_str().expect("text");
        assert!(rhythm.starts_with(&keys), "{keys} {rhythm}");
        for part in [";flight:", ";pointer:", ";time:1,"] {
            assert!(rhythm.contains(part), "{part}: {rhythm}");
        }
        let trip = page["trip"].as_str().expect("text");
        assert!(trip.contains('.'), "{trip}");
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
    // The application was slow: what it was granted before the phone was lost is worth nothing after.
    assert!(scene.app.finish(begun, &back).await.is_err(), "{back}");
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

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_new_makes_an_account_and_is_at_the_application() {
    let (browser, axe) = (need!(Browser::here()), need!(axe()));
    let toml = "[people]\nself_registration = true\n";
    let scene = need!(Scene::with(Backend::Embedded, toml).await);
    let begun = scene.app.begin(Ask {
        scopes: &["profile"],
        extra: &[("prompt", "create")],
        ..Ask::default()
    });
    let arguments = json!({
        "create": begun.url, "username": "grace", "secret": "correct horse battery grace",
        "axe": axe, "screenshots": shots("first_sign_in"),
    });
    let seen = browser.run("first_sign_in", &arguments).await;
    let seen = seen.expect("at the application");
    assert_eq!(seen["wrong"], json!([]), "{seen:#}");
    assert_eq!(
        (&seen["name"], &seen["codes"]),
        (&json!("grace"), &json!(10))
    );
    let back = seen["back"].as_str().expect("an address");
    let back = back.parse().expect("an address");
    let login = scene.app.finish(begun, &back).await.expect("signed in");
    let claims = scene.app.user_info(&login).await.expect("claims");
    let name = claims.preferred_username().map(|name| name.as_str());
    assert_eq!(name, Some("grace"));
    assert_eq!(login.acr(), "urn:whorl:acr:mfa");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_resource_asks_for_beyond_the_password_is_all_that_is_asked() {
    let (browser, axe) = (need!(Browser::here()), need!(axe()));
    let toml = "[userinfo]\nacr_values = [\"urn:whorl:acr:mfa\"]\nmax_age_s = 600\n";
    let scene = need!(Scene::with(Backend::Embedded, toml).await);
    let (_, ada) = scene.enrol("ada").await.expect("enrolled");
    // The resource's challenge (RFC 9470 §3), which goes on as it stands.
    let (_, weak) = by_password(&scene, &ada).await;
    let machine = Machine::new(&scene.server, "x", None);
    let bearer = format!("Bearer {}", weak.access_token);
    let refused = machine.userinfo(&bearer, None).await.expect("an answer");
    let challenge = refused.headers["www-authenticate"].to_str().expect("text");
    let (acr, age) = (
        parameter(challenge, "acr_values"),
        parameter(challenge, "max_age"),
    );
    let weak = scene.app.begin(PASSWORD);
    let strong = scene.app.begin(Ask {
        extra: &[("acr_values", acr), ("max_age", age)],
        ..Ask::default()
    });
    let arguments = json!({
        "weak": weak.url, "strong": strong.url, "username": "ada", "secret": ada.password,
        "app": ada.totp_secret, "axe": axe, "screenshots": shots("step_up"),
    });
    let seen = browser.run("step_up", &arguments).await.expect("raised");
    assert_eq!(seen["wrong"], json!([]), "{seen:#}");
    let why = seen["why"].as_str().expect("text");
    assert!(
        why.ends_with("asks for one more proof that it is you."),
        "{why}"
    );
    for (begun, back, is_enough) in [(weak, "backWeak", false), (strong, "backStrong", true)] {
        let back = seen[back].as_str().expect("an address");
        let back = back.parse().expect("an address");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        assert_eq!(login.acr() == acr, is_enough, "{}", login.acr());
        let bearer = format!("Bearer {}", login.access_token);
        let answer = machine.userinfo(&bearer, None).await.expect("an answer");
        assert_eq!(answer.status.is_success(), is_enough, "{}", answer.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_finger_erased_reads_so_and_signs_in_as_ever() {
    let (browser, axe) = (need!(Browser::here()), need!(axe()));
    let pictures = need!(shared_folder()).join("data/fingerprints");
    let scene = need!(Scene::with(Backend::Embedded, DEMO).await);
    let (_, ada) = scene.enrol("ada").await.expect("enrolled");
    add_a_finger(&scene, &ada, &pictures).await;
    let arguments = json!({
        "base": scene.server.issuer, "username": "ada", "secret": ada.password,
        "codes": ada.recovery_codes, "axe": axe, "screenshots": shots("erase"),
    });
    let seen = browser.run("erase", &arguments).await.expect("erased");
    assert_eq!(seen["wrong"], json!([]), "{seen:#}");
    assert_eq!(
        (&seen["before"], &seen["after"]),
        (&json!(1), &json!(0)),
        "{seen:#}"
    );
    assert_eq!(
        seen["said"],
        json!("Your biometrics are erased, and your consent to them has ended.")
    );
    let consent = seen["consent"].as_str().expect("text");
    let nothing = "You have not agreed to biometrics. No face and no finger of yours is kept.";
    assert_eq!(consent, nothing);
    assert_eq!(seen["history"][0], json!("Your biometrics were erased"));
    assert_eq!(
        last_of(&scene, "biometrics.erased").await.detail["erased"],
        "1"
    );
}
