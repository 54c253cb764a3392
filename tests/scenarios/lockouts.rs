//! Waits after failures: whoever guesses waits, and nobody is locked out by somebody elsewhere.

use reqwest::header::{HeaderMap, HeaderValue};
use tests::{
    on_both_backends,
    person::{Page, Person},
    relying_party::Ask,
    scene::Scene,
    subject::{Subject, allow},
};

/// A browser at an address, as the trusted proxy tells it.
fn at(address: &'static str) -> Person {
    let mut headers = HeaderMap::new();
    headers.insert("x-forwarded-for", HeaderValue::from_static(address));
    Person::on(reqwest::Client::builder().default_headers(headers))
}

/// Tries a password; the page that comes of it.
async fn try_password(scene: &Scene, person: &Person, who: &Subject, password: &str) -> Page {
    let url = scene.app.begin(Ask::default()).url;
    let first = person.open(&url).await.expect("an answer");
    let page = first.page().expect("a page");
    let page = who
        .identify(person, page)
        .await
        .expect("the password is asked");
    let form = page.form_with("password").expect("a form");
    let arrival = person.submit(form.fill("password", password)).await;
    arrival.expect("an answer").page().expect("a page")
}

/// Whether it is to come again later, and says when.
fn waits(page: &Page) -> bool {
    if page.status != 429 {
        return false;
    }
    let seconds: u64 = page.header("retry-after").parse().expect("seconds");
    assert!((1..=900).contains(&seconds), "{seconds}");
    assert_eq!(page.texts("#problem").len(), 1, "{page}");
    true
}

async fn alarms(scene: &Scene, scope: &str) -> usize {
    let audit = scene.owner.audit().await.expect("the trail");
    let of = |event: &&wire::AuditEvent| {
        event.kind == "guessing.alarm" && event.detail.get("scope").is_some_and(|it| it == scope)
    };
    audit.iter().filter(of).count()
}

/// Ends the session of a browser and leaves the rest.
fn forget_session(scene: &Scene, person: &Person) {
    let url = scene.server.url("/");
    person.set_cookie("whorl_session=; Max-Age=0; Path=/", &url);
}

const HOME: &str = "192.0.2.7";
const AWAY: &str = "198.51.100.9";
const PROXY: &str =
    "trusted_proxies = [\"127.0.0.1/32\", \"::1/128\"]\n[limits]\nguesses_per_minute = 100000\n";

on_both_backends! {
    with PROXY;

    async fn a_stranger_who_fails_a_hundred_times_locks_nobody_out(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (_, mut bob) = scene.enrol("bob").await.expect("enrolled");
        let (hers, his) = (at(HOME), at(AWAY));
        scene.sign_in(&hers, &mut ada, Ask::default()).await.expect("signed in");
        scene.sign_in(&his, &mut bob, Ask::default()).await.expect("signed in");
        forget_session(&scene, &hers);
        forget_session(&scene, &his);

        // At a name that is there and at one that is not the same happens.
        let nobody = ada.called("nobody");
        let mut seen = Vec::new();
        for who in [&ada, &nobody] {
            let mut statuses = Vec::new();
            for n in 0..20 {
                // Now and then from a browser that is known for another name.
                let person = if n % 10 == 0 { his.clone() } else { at(AWAY) };
                let page = try_password(&scene, &person, who, &format!("guess {n}")).await;
                statuses.push(waits(&page));
            }
            seen.push(statuses);
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0].iter().filter(|waits| !**waits).count(), 5, "{:?}", seen[0]);
        for n in 20..100 {
            assert!(waits(&try_password(&scene, &at(AWAY), &ada, &format!("guess {n}")).await));
        }
        assert!(alarms(&scene, "person").await >= 2);

        // Even her own password waits in a browser that nobody knows, wherever that is.
        for address in [HOME, AWAY] {
            let page = try_password(&scene, &at(address), &ada, &ada.password).await;
            assert!(waits(&page), "{page}");
        }
        // In her own browser she gets in at once, with what she types wrong counted for itself.
        let page = try_password(&scene, &hers, &ada, "a slip of the hand").await;
        assert!(!waits(&page) && page.form_with("otp").is_err(), "{page}");
        let page = try_password(&scene, &hers, &ada, &ada.password).await;
        assert!(page.form_with("otp").is_ok() || page.form_with("recovery_code").is_ok(), "{page}");
        scene.sign_in(&hers, &mut ada, Ask::default()).await.expect("signed in");

        // Whoever copies the cookie alone may guess no more than anybody.
        forget_session(&scene, &hers);
        let stolen = hers.cookies(&scene.server.url("/"));
        let known = stolen.iter().find(|cookie| cookie.contains("whorl_known="));
        let thief = at(AWAY);
        thief.set_cookie(known.expect("a cookie"), &scene.server.url("/"));
        let mut tried = 0;
        while !waits(&try_password(&scene, &thief, &ada, &format!("stolen {tried}")).await) {
            tried += 1;
            assert!(tried <= 5, "more than five guesses");
        }
        assert_eq!(tried, 5);
    }
}

on_both_backends! {
    with "trusted_proxies = [\"127.0.0.1/32\", \"::1/128\"]\n[limits]\nguesses_per_minute = 100000\n\
          [tries]\nper_address = 4\nper_network = 6\nper_service = 9\n";

    async fn after_failures_at_many_names_an_address_and_a_network_wait_and_everybody_is_answered_later(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let hers = at(HOME);
        scene.sign_in(&hers, &mut ada, Ask::default()).await.expect("signed in");
        forget_session(&scene, &hers);
        let mut n = 0;
        let mut timed = async |address: &'static str| {
            n += 1;
            let who = ada.called(&format!("somebody{n}"));
            let began = std::time::Instant::now();
            let waits = waits(&try_password(&scene, &at(address), &who, "password").await);
            (waits, began.elapsed())
        };
        // How long an answer takes that nobody holds back, and how long one that is.
        let mut at_once = std::time::Duration::MAX;
        let mut later = std::time::Duration::MAX;
        let mut guess = async |address: &'static str| {
            let (waits, took) = timed(address).await;
            at_once = at_once.min(took);
            waits
        };
        // Each at another name: four of an address, six of a network, nine of all.
        for _ in 0..4 {
            assert!(!guess("203.0.113.1").await);
        }
        assert!(guess("203.0.113.1").await, "the address waits");
        for _ in 0..2 {
            assert!(!guess("203.0.113.2").await);
        }
        assert!(guess("203.0.113.2").await, "the network waits");
        assert!(guess("203.0.113.3").await, "all of it");
        for _ in 0..3 {
            assert!(!guess("198.51.100.1").await);
        }
        for address in ["2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1"] {
            let (waits, took) = timed(address).await;
            assert!(!waits, "nobody is refused for what others fail at");
            later = later.min(took);
        }
        let held_back = later.saturating_sub(at_once);
        assert!(held_back >= std::time::Duration::from_millis(700), "{at_once:?}, and then {later:?}");
        for scope in ["address", "network", "service"] {
            assert_eq!(alarms(&scene, scope).await, 1, "{scope}");
        }
        // But for who is known.
        scene.sign_in(&hers, &mut ada, Ask::default()).await.expect("signed in");
    }
}

/// Where a password alone has signed somebody in, the page that asks for the next factor.
async fn ask_for_otp(scene: &Scene, person: &Person, who: &Subject) -> Page {
    let ask = Ask {
        acr: &["urn:whorl:acr:password"],
        ..Ask::default()
    };
    let url = scene.app.begin(ask).url;
    let first = person.open(&url).await.expect("an answer");
    let page = first.page().expect("a page");
    let page = who
        .identify(person, page)
        .await
        .expect("the password is asked");
    let form = page.form_with("password").expect("a form");
    let arrival = person.submit(form.fill("password", &who.password)).await;
    let arrival = arrival.expect("an answer");
    allow(person, arrival)
        .await
        .expect("signed in by the password");
    let ask = Ask {
        acr: &["urn:whorl:acr:mfa"],
        ..Ask::default()
    };
    let url = scene.app.begin(ask).url;
    person
        .open(&url)
        .await
        .expect("an answer")
        .page()
        .expect("a page")
}

on_both_backends! {
    with PROXY;

    async fn a_password_gives_no_tries_of_its_own_at_the_next_factor(scene: Scene) {
        let (_, ada) = scene.enrol("ada").await.expect("enrolled");
        let mut judged = 0;
        for round in 0..3 {
            // A browser that is new each time, known by the password and nothing else.
            let thief = at(AWAY);
            let mut page = ask_for_otp(&scene, &thief, &ada).await;
            for n in 0..6 {
                let form = page.form_with("otp").unwrap_or_else(|_| panic!("round {round}, {n}: {page}"));
                let arrival = thief.submit(form.fill("otp", "000000")).await;
                page = arrival.expect("an answer").page().expect("a page");
                if waits(&page) {
                    break;
                }
                judged += 1;
            }
        }
        assert_eq!(judged, 5, "of three browsers together");
    }
}
