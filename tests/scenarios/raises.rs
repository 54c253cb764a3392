//! A running session that is raised in place: by the missing factor alone, of its own person, under a new cookie.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use tests::{
    machine::Machine,
    on_both_backends,
    person::{Arrival, Form, Page, Person},
    relying_party::{Ask, LoggedIn},
    scene::Scene,
    subject::{Subject, allow, consent, form_to},
};
use url::Url;

use crate::ciba;

const PASSWORD: Ask<'static> = Ask {
    acr: &["urn:whorl:acr:password"],
    scopes: &[],
    extra: &[],
};
const BOTH: Ask<'static> = Ask {
    acr: &["urn:whorl:acr:mfa"],
    scopes: &[],
    extra: &[],
};
const SESSION: &str = "whorl_session";

fn error(back: &Url) -> String {
    let found = back.query_pairs().find(|(name, _)| name == "error");
    found
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// What an ID token says; it was verified by the application.
fn claims(login: &LoggedIn) -> Value {
    let payload = login.id_token.split('.').nth(1).expect("a payload");
    let bytes = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn cookie(scene: &Scene, person: &Person, name: &str) -> String {
    let cookies = person.cookies(&scene.server.url("/"));
    let found = cookies.iter().find_map(|it| it.strip_prefix(name));
    found.expect("the cookie").to_owned()
}

/// Somebody who is signed in by a password and nothing else.
pub(crate) async fn by_password(scene: &Scene, subject: &Subject) -> (Person, LoggedIn) {
    let person = Person::new();
    let begun = scene.app.begin(PASSWORD);
    let page = person.open(&begun.url).await.expect("an answer").page();
    let page = subject.identify(&person, page.expect("a page")).await;
    let form = page.expect("a page").form_with("password");
    let form = form.expect("a form").fill("password", &subject.password);
    let arrival = person.submit(form).await.expect("an answer");
    let back = allow(&person, arrival).await.expect("allowed");
    let login = scene.app.finish(begun, &back).await.expect("signed in");
    (person, login)
}

async fn page_of(person: &Person, url: &Url) -> Page {
    let arrival = person.open(url).await.expect("an answer");
    arrival.page().expect("a page")
}

/// Asks without a page: what the application is told, and the login where there is one.
async fn silently(scene: &Scene, person: &Person, acr: &str) -> Result<LoggedIn, String> {
    let claims = format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{acr}"]}}}}}}"#);
    let begun = scene.app.begin(Ask {
        extra: &[("prompt", "none"), ("claims", &claims)],
        ..Ask::default()
    });
    let back = person.open(&begun.url).await.expect("an answer");
    let back = back.elsewhere().expect("told at once");
    match error(&back) {
        error if error.is_empty() => Ok(scene.app.finish(begun, &back).await.expect("signed in")),
        error => Err(error),
    }
}

async fn give(person: &Person, page: &Page, otp: &str) -> Arrival {
    let form = page.form_with("otp").expect("a form").fill("otp", otp);
    person.submit(form).await.expect("an answer")
}

on_both_backends! {
    async fn only_the_missing_factor_is_asked_and_the_session_gets_a_new_cookie(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (person, first) = by_password(&scene, &ada).await;
        assert_eq!((first.acr(), first.amr()), ("urn:whorl:acr:password", vec!["pwd".to_owned()]));
        let before = cookie(&scene, &person, SESSION);
        assert_eq!(silently(&scene, &person, "urn:whorl:acr:mfa").await.err().as_deref(), Some("login_required"));

        let begun = scene.app.begin(BOTH);
        let page = page_of(&person, &begun.url).await;
        page.form_with("otp").expect("the one-time password is asked");
        for field in ["username", "password"] {
            assert!(page.form_with(field).is_err(), "{field} is asked: {page}");
        }
        assert!(page.texts(".raise").concat().ends_with("asks for one more proof that it is you."), "{page}");
        assert!(page.body.contains("ada"), "{page}");
        let otp = ada.otp().await.expect("a password");
        let back = allow(&person, give(&person, &page, &otp).await).await.expect("allowed");
        let raised = scene.app.finish(begun, &back).await.expect("signed in");
        assert_eq!(raised.acr(), "urn:whorl:acr:mfa");
        let (one, two) = (claims(&first), claims(&raised));
        for method in ["pwd", "otp", "mfa"] {
            assert!(raised.amr().iter().any(|it| it == method), "{method}: {two}");
        }
        assert_eq!(one["sid"], two["sid"], "the session is another one");
        assert_eq!(one["sub"], two["sub"]);
        // The password is as old as it was; the whole is as new as its last proof.
        assert_eq!(one["amr_times"]["pwd"], two["amr_times"]["pwd"], "{one} {two}");
        assert_eq!(one["auth_time"], one["amr_times"]["pwd"], "{one}");
        assert_eq!(two["auth_time"], two["amr_times"]["otp"], "{two}");

        // The old cookie is worth nothing, the new one all that was proved.
        assert_ne!(cookie(&scene, &person, SESSION), before);
        let thief = Person::new();
        thief.set_cookie(&format!("{SESSION}{before}; Path=/"), &scene.server.url("/"));
        for acr in ["urn:whorl:acr:password", "urn:whorl:acr:mfa"] {
            assert_eq!(silently(&scene, &thief, acr).await.err().as_deref(), Some("login_required"), "{acr}");
        }
        let again = silently(&scene, &person, "urn:whorl:acr:mfa").await.expect("nothing is asked again");
        assert_eq!(claims(&again)["amr_times"], two["amr_times"]);
        assert_eq!(claims(&again)["auth_time"], two["auth_time"]);
    }

    async fn whoever_cancels_leaves_the_session_as_it_was(scene: Scene) {
        let (_, ada) = scene.enrol("ada").await.expect("enrolled");
        let (person, first) = by_password(&scene, &ada).await;
        let before = cookie(&scene, &person, SESSION);
        let page = page_of(&person, &scene.app.begin(BOTH).url).await;
        let cancel = form_to(&page, "/cancel").expect("a way out");
        let back = person.submit(cancel).await.expect("an answer").elsewhere().expect("told");
        assert_eq!(error(&back), "access_denied");
        // A wrong proof neither.
        let page = page_of(&person, &scene.app.begin(BOTH).url).await;
        give(&person, &page, "000000").await.page().expect("once more");
        assert_eq!(cookie(&scene, &person, SESSION), before);
        let still = silently(&scene, &person, "urn:whorl:acr:password").await.expect("signed in still");
        assert_eq!((still.amr(), claims(&still)["auth_time"].clone()), (first.amr(), claims(&first)["auth_time"].clone()));
        assert_eq!(silently(&scene, &person, "urn:whorl:acr:mfa").await.err().as_deref(), Some("login_required"));
    }

    async fn whose_session_is_raised_is_fixed_until_somebody_else_says_so(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (_, mut eve) = scene.enrol("eve").await.expect("enrolled");
        let (person, first) = by_password(&scene, &ada).await;
        let before = cookie(&scene, &person, SESSION);
        let begun = scene.app.begin(BOTH);
        let page = page_of(&person, &begun.url).await;
        // Another name, sent without its page.
        let to = page.url.join(&format!("{}/identify", page.url.path())).expect("a path");
        let page = person.submit(Form::forged(to, &[("username", "eve")])).await;
        let page = page.expect("an answer").page().expect("a page");
        assert!(page.body.contains("ada") && page.form_with("password").is_err(), "{page}");
        let otp = eve.otp().await.expect("a password");
        let page = give(&person, &page, &otp).await.page().expect("not accepted");
        assert_eq!(cookie(&scene, &person, SESSION), before);
        assert_eq!(silently(&scene, &person, "urn:whorl:acr:mfa").await.err().as_deref(), Some("login_required"));

        // Nor by one of her recovery codes.
        let page = match page.form_with("recovery_code") {
            Ok(_) => page,
            Err(_) => {
                let choose = form_to(&page, "/choose").expect("other ways").fill("factor", "recovery_code");
                person.submit(choose).await.expect("an answer").page().expect("a page")
            }
        };
        let code = eve.recovery_codes.pop().expect("a code");
        let form = page.form_with("recovery_code").expect("codes are asked").fill("recovery_code", &code);
        let page = person.submit(form).await.expect("an answer").page().expect("not accepted");
        assert_eq!(page.texts("#problem").len(), 1, "{page}");
        assert_eq!(cookie(&scene, &person, SESSION), before);
        assert_eq!(silently(&scene, &person, "urn:whorl:acr:mfa").await.err().as_deref(), Some("login_required"));

        // Who is somebody else begins anew; until that is done Ada stays signed in.
        let other = form_to(&page, "/account").expect("a way for somebody else");
        let page = person.submit(other).await.expect("an answer").page().expect("who is it");
        assert_eq!(page.form_with("username").expect("a form").value("username"), Some(""));
        assert!(page.texts(".raise").is_empty(), "{page}");
        let page = eve.give_password(&person, page).await.expect("the next step");
        let still = silently(&scene, &person, "urn:whorl:acr:password").await.expect("Ada is signed in still");
        assert_eq!(claims(&still)["sub"], claims(&first)["sub"]);
        let otp = eve.otp().await.expect("a password");
        let back = allow(&person, give(&person, &page, &otp).await).await.expect("allowed");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        assert_ne!(claims(&login)["sub"], claims(&first)["sub"]);
        assert_ne!(claims(&login)["sid"], claims(&first)["sid"], "Eve has Ada's session");
        let _unused = ada.otp().await.expect("a password");
    }

    async fn what_a_session_vouches_for_counts_in_its_browser_alone(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (person, _) = by_password(&scene, &ada).await;
        let page = page_of(&person, &scene.app.begin(BOTH).url).await;
        // The attempt is carried off without the session.
        let elsewhere = Person::new();
        let attempt = format!("whorl_browser{}; Path=/", cookie(&scene, &person, "whorl_browser"));
        elsewhere.set_cookie(&attempt, &scene.server.url("/"));
        let page = page_of(&elsewhere, &page.url).await;
        let otp = ada.otp().await.expect("a password");
        let mut arrival = give(&elsewhere, &page, &otp).await;
        if let Arrival::Page(page) = &arrival && let Ok(form) = form_to(page, "/consent") {
            arrival = elsewhere.submit(form.fill("decision", "allow")).await.expect("an answer");
        }
        if let Arrival::Elsewhere(url) = &arrival {
            assert!(!url.as_str().contains("code="), "the password of another browser counted: {url}");
        }
        assert!(!elsewhere.cookies(&scene.server.url("/")).iter().any(|it| it.starts_with(SESSION)));
    }

    async fn a_login_that_is_to_be_new_asks_for_everything_and_says_so(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (person, first) = by_password(&scene, &ada).await;
        let begun = scene.app.begin(Ask { extra: &[("prompt", "login")], ..PASSWORD });
        let page = page_of(&person, &begun.url).await;
        assert!(page.texts(".raise").concat().ends_with("asks you to prove anew that it is you."), "{page}");
        let form = page.form_with("password").expect("a form").fill("password", &ada.password);
        let arrival = person.submit(form).await.expect("an answer");
        let back = allow(&person, arrival).await.expect("allowed");
        let login = scene.app.finish(begun, &back).await.expect("signed in");
        let (one, two) = (claims(&first), claims(&login));
        assert_eq!(one["sid"], two["sid"]);
        assert!(two["auth_time"].as_i64() >= one["auth_time"].as_i64(), "{one} {two}");
        let _unused = ada.otp().await.expect("a password");
    }
}

/// The values of a challenge's parameter (RFC 9110 §11.2).
pub(crate) fn parameter<'a>(challenge: &'a str, name: &str) -> &'a str {
    let (_, rest) = challenge
        .split_once(&format!("{name}=\""))
        .unwrap_or_else(|| panic!("no {name} in {challenge}"));
    rest.split('"').next().expect("quoted")
}

on_both_backends! { with "[userinfo]\nacr_values = [\"urn:whorl:acr:mfa\"]\nmax_age_s = 600\n";
    async fn what_a_resource_asks_for_is_asked_for_and_then_let_through(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (person, weak) = by_password(&scene, &ada).await;
        let machine = Machine::new(&scene.server, "x", None);
        let refused = machine.userinfo(&format!("Bearer {}", weak.access_token), None).await;
        let refused = refused.expect("an answer");
        assert_eq!(refused.refusal(), (401, "insufficient_user_authentication"));
        let challenge = refused.headers["www-authenticate"].to_str().expect("text");
        // RFC 9470 §4: what the challenge names is asked for as it stands.
        let (acr, age) = (parameter(challenge, "acr_values"), parameter(challenge, "max_age"));
        let begun = scene.app.begin(Ask { extra: &[("acr_values", acr), ("max_age", age)], ..Ask::default() });
        let page = page_of(&person, &begun.url).await;
        let otp = ada.otp().await.expect("a password");
        let back = allow(&person, give(&person, &page, &otp).await).await.expect("allowed");
        let strong = scene.app.finish(begun, &back).await.expect("signed in");
        assert_eq!(strong.acr(), acr);
        let answer = machine.userinfo(&format!("Bearer {}", strong.access_token), None).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.get("sub"), claims(&weak)["sub"].as_str().expect("a subject"), "{}", answer.text);
        // The weak token is as weak as it was, however strong the session is now.
        let refused = machine.userinfo(&format!("Bearer {}", weak.access_token), None).await;
        assert_eq!(refused.expect("an answer").status, 401);
    }
}

on_both_backends! { with ciba::CLIENT;
    async fn a_request_over_the_back_channel_takes_the_missing_factor_by_the_same_pages(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let (person, _) = by_password(&scene, &ada).await;
        let till = ciba::till(&scene);
        let asked = ciba::ask(&till, "ada").await;
        assert_eq!(asked.status, 200, "{}", asked.text);
        let page = page_of(&person, &scene.server.url("/me/requests")).await;
        let number = asked.body["matching_number"].to_string();
        for shown in ["Till seven", "Basket W4SCT", number.as_str(), "127.0.0.1"] {
            assert!(page.texts("main").concat().contains(shown), "{shown}: {page}");
        }
        let page = ciba::answer(&person, &page, "approve").await;
        page.form_with("otp").expect("the one-time password is asked");
        assert!(page.form_with("password").is_err() && page.form_with("username").is_err(), "{page}");
        assert_eq!(page.texts(".raise").concat(), "Till seven asks for one more proof that it is you.");
        let otp = ada.otp().await.expect("a password");
        let page = give(&person, &page, &otp).await.page().expect("a page");
        let done = consent(&person, page).await.expect("allowed");
        assert!(done.body.contains("Approved"), "{done}");
        let issued = ciba::poll(&till, &asked).await;
        assert_eq!(issued.status, 200, "{}", issued.text);
        let payload = issued.get("id_token").split('.').nth(1).expect("a payload");
        let bytes = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let told: Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(told["acr"], "urn:whorl:acr:mfa", "{told}");
        let amr = told["amr"].as_array().expect("methods");
        assert!(["pwd", "otp"].iter().all(|it| amr.contains(&(*it).into())), "{told}");
    }
}
