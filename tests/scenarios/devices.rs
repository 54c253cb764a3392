//! Browsers that a person trusts: known by a key that they hold, and by nothing that can be copied.

use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tests::{
    browser::{Browser, axe},
    need, on_both_backends,
    person::{Arrival, Page, Person},
    relying_party::Ask,
    scene::Scene,
    server::Backend,
    sink::Sink,
    subject::{Subject, allow, form_to},
};
use url::Url;

/// A key as a browser keeps it.
pub(crate) struct Key(EcdsaKeyPair);

impl Key {
    pub(crate) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "crv": "P-256", "kty": "EC", "x": text(&point[1..33]), "y": text(&point[33..]) })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.expect("signs");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// What the script of a page says of it.
    fn proof(&self, page: &Page) -> String {
        let asked = |name: &str| page.attribute("body", name).expect("a page that asks");
        let jwk = self.jwk();
        // RFC 7638 §3: the members in order, without spaces.
        let (x, y) = (&jwk["x"], &jwk["y"]);
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":{x},"y":{y}}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()));
        let header = json!({ "alg": "ES256", "typ": "whorl-device+jwt", "kid": kid });
        let claims = json!({
            "aud": origin(page), "attempt": asked("data-attempt"), "nonce": asked("data-device"),
        });
        self.sign(&header, &claims)
    }

    pub(crate) fn offer(&self, page: &Page) -> String {
        let attempt = page.attribute("body", "data-attempt").expect("an attempt");
        let header = json!({ "alg": "ES256", "typ": "whorl-device-offer+jwt", "jwk": self.jwk() });
        self.sign(&header, &json!({ "aud": origin(page), "attempt": attempt }))
    }
}

fn origin(page: &Page) -> String {
    page.url.origin().ascii_serialization()
}

const PASSWORD: Ask<'_> = Ask {
    acr: &["urn:whorl:acr:password"],
    scopes: &[],
    extra: &[],
};

async fn first_page(scene: &Scene, person: &Person) -> Page {
    let url = scene.app.begin(PASSWORD).url;
    let first = person.open(&url).await.expect("an answer");
    first.page().expect("a page")
}

/// Signs in with the password in a browser that says this of its key on the first page; the page that asks for more, or
/// where the application is.
pub(crate) async fn with_password(
    scene: &Scene,
    person: &Person,
    who: &Subject,
    device: impl FnOnce(&Page) -> Option<String>,
) -> Result<Page, Url> {
    let page = first_page(scene, person).await;
    let mut form = page.form_with("username").expect("a form");
    form = form.fill("username", &who.username);
    if let Some(device) = device(&page) {
        form = form.fill("device", &device);
    }
    let page = person.submit(form).await.expect("an answer");
    let page = page.page().expect("a page");
    let form = page.form_with("password").expect("the password is asked");
    let arrival = person.submit(form.fill("password", &who.password)).await;
    ends(person, arrival.expect("an answer")).await
}

async fn ends(person: &Person, arrival: Arrival) -> Result<Page, Url> {
    match arrival {
        Arrival::Page(page)
            if page.form_with("otp").is_ok()
                || page.form_with("recovery_code").is_ok()
                || form_to(&page, "/device").is_ok() =>
        {
            Ok(page)
        }
        other => Err(allow(person, other).await.expect("admitted")),
    }
}

/// Gives a recovery code, with what else the form is to carry.
async fn with_code(
    person: &Person,
    who: &mut Subject,
    mut page: Page,
    more: Option<(&str, String)>,
) -> Arrival {
    if page.form_with("recovery_code").is_err() {
        let other = form_to(&page, "/choose").expect("another way");
        let other = person.submit(other.fill("factor", "recovery_code")).await;
        page = other.expect("an answer").page().expect("a page");
    }
    let code = who.recovery_codes.pop().expect("a code");
    let mut form = page.form_with("recovery_code").expect("a form");
    form = form.fill("recovery_code", &code);
    if let Some((name, value)) = more {
        form = form.fill(name, &value);
    }
    person.submit(form).await.expect("an answer")
}

/// The same, and on to the application.
pub(crate) async fn admitted(person: &Person, who: &mut Subject, page: Page, offer: String) -> Url {
    let arrival = with_code(person, who, page, Some(("offer", offer))).await;
    allow(person, arrival).await.expect("admitted")
}

fn forget_session(scene: &Scene, person: &Person) {
    let url = scene.server.url("/");
    person.set_cookie("whorl_session=; Max-Age=0; Path=/", &url);
}

async fn told(scene: &Scene, kind: &str) -> usize {
    let audit = scene.owner.audit().await.expect("the trail");
    audit.iter().filter(|event| event.kind == kind).count()
}

pub(crate) const UNKNOWN: &str = "[[policy.condition]]\nname = \"unknown browsers\"\nuntrusted_device = true\nlow = \"step_up\"\n\
                       step_up_to = \"urn:whorl:acr:mfa\"\n";

on_both_backends! {
    with UNKNOWN;

    async fn a_copied_cookie_without_the_key_is_not_trusted(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let key = Key::new();
        let hers = Person::new();

        // A key that is offered for another attempt is not kept.
        let page = with_password(&scene, &hers, &ada, |_| None).await.expect("more is asked");
        let other = first_page(&scene, &hers).await;
        admitted(&hers, &mut ada, page, key.offer(&other)).await;
        assert_eq!(told(&scene, "device.trusted").await, 0);

        // She trusts it, where she shows what she has.
        forget_session(&scene, &hers);
        let page = with_password(&scene, &hers, &ada, |_| None).await.expect("more is asked");
        let offer = key.offer(&page);
        admitted(&hers, &mut ada, page, offer).await;
        assert_eq!(told(&scene, "device.trusted").await, 1);

        // The password does in it from now on.
        forget_session(&scene, &hers);
        let mut used = String::new();
        let back = with_password(&scene, &hers, &ada, |page| {
            used = key.proof(page);
            Some(used.clone())
        });
        assert!(back.await.is_err(), "more was asked");

        // Every cookie of it, and a signature that was used: nobody is trusted for these.
        let url = scene.server.url("/");
        let thief = Person::new();
        for cookie in hers.cookies(&url) {
            thief.set_cookie(&format!("{cookie}; Path=/"), &url);
        }
        let page = ends(&thief, thief.open(&scene.app.begin(PASSWORD).url).await.expect("an answer"));
        let page = page.await.expect("the browser is asked for its key");
        let form = form_to(&page, "/device").expect("a form").fill("device", &used);
        let page = thief.submit(form).await.expect("an answer").page().expect("more is asked");
        assert!(page.form_with("otp").is_ok() || page.form_with("recovery_code").is_ok(), "{page}");
        forget_session(&scene, &thief);
        for device in [None, Some(used.clone())] {
            let asked = with_password(&scene, &thief, &ada, |_| device.clone()).await;
            assert!(asked.is_ok(), "{device:?}");
        }
        // Another's key, called by the name of hers.
        let (_, bob) = scene.enrol("bob").await.expect("enrolled");
        let asked = with_password(&scene, &thief, &bob, |page| Some(key.proof(page))).await;
        assert!(asked.is_ok(), "her key is not his");

        // In her own browser the session goes on, once it has shown the key, and not where nothing may be shown.
        let page = ends(&hers, hers.open(&scene.app.begin(PASSWORD).url).await.expect("an answer"));
        let page = page.await.expect("the browser is asked for its key");
        let form = form_to(&page, "/device").expect("a form").fill("device", &key.proof(&page));
        let arrival = hers.submit(form).await.expect("an answer");
        assert!(ends(&hers, arrival).await.is_err(), "more was asked");
        let silent = Ask { extra: &[("prompt", "none")], ..PASSWORD };
        let url = hers.open(&scene.app.begin(silent).url).await.expect("an answer");
        let url = url.elsewhere().expect("the application is told");
        assert!(url.query().is_some_and(|q| q.contains("error=login_required")), "{url}");

        // She reads of it at her account, and forgets it.
        let page = hers.open(scene.server.url("/me")).await.expect("an answer").page().expect("a page");
        let form = form_to(&page, "/device").expect("a form").fill("device", &key.proof(&page));
        let page = hers.submit(form).await.expect("an answer").page().expect("a page");
        let account = with_code(&hers, &mut ada, page, None).await.page().expect("a page");
        assert_eq!(account.texts("#browsers ~ .rows li").len(), 1, "{account}");
        let shown = account.texts("#browsers ~ .rows li").join(" ");
        assert!(shown.contains("Last used"), "{shown}");
        let form = form_to(&account, "/me/devices/forget").expect("a form");
        let page = hers.submit(form).await.expect("an answer").page().expect("a page");
        assert!(page.texts("#browsers").is_empty(), "{page}");
        assert_eq!(told(&scene, "device.forgotten").await, 1);
        forget_session(&scene, &hers);
        let asked = with_password(&scene, &hers, &ada, |page| Some(key.proof(page))).await;
        assert!(asked.is_ok(), "it is forgotten");
    }
}

on_both_backends! {
    with "[[policy.condition]]\nname = \"unknown browsers\"\nuntrusted_device = true\nlow = \"deny\"\nacr = [\"urn:whorl:acr:password\"]\n";

    async fn where_a_key_is_required_whoever_lost_the_device_is_trusted_on_none(scene: Scene) {
        let (_, mut ada) = scene.enrol("ada").await.expect("enrolled");
        let key = Key::new();
        let hers = Person::new();
        assert!(is_refused(&scene, &hers, &ada, None).await);
        assert!(is_refused(&scene, &hers, &ada, Some(&key)).await, "nobody knows the key");
        // By another acr she gets in, and trusts the browser.
        let ask = Ask { acr: &["urn:whorl:acr:mfa"], ..PASSWORD };
        let page = hers.open(&scene.app.begin(ask).url).await.expect("an answer").page().expect("a page");
        let page = ada.give_password(&hers, page).await.expect("more is asked");
        let offer = key.offer(&page);
        admitted(&hers, &mut ada, page, offer).await;
        assert!(!is_refused(&scene, &hers, &ada, Some(&key)).await);
        assert!(is_refused(&scene, &hers, &ada, None).await);
        // An operator signs her out everywhere: the device is lost.
        let audit = scene.owner.audit().await.expect("the trail");
        let event = audit.iter().find(|event| event.kind == "device.trusted");
        let id = event.and_then(|event| event.subject).expect("hers");
        let path = wire::paths::revoke_sessions(id);
        let _: Value = scene.owner.post(&path, None::<&()>).await.expect("revoked");
        assert!(is_refused(&scene, &hers, &ada, Some(&key)).await);
    }
}

/// Whether the password is refused in a browser with this key, without a session.
async fn is_refused(scene: &Scene, person: &Person, who: &Subject, key: Option<&Key>) -> bool {
    forget_session(scene, person);
    let back = with_password(scene, person, who, |page| key.map(|key| key.proof(page))).await;
    let Err(url) = back else {
        panic!("more is asked");
    };
    url.query()
        .is_some_and(|query| query.contains("error=access_denied"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_device_is_recognised_in_chromium_and_another_is_not() {
    let browser = need!(Browser::here());
    let sink = Sink::open().expect("a mail server");
    let toml = format!(
        "[notices]\nmail_server = \"127.0.0.1\"\nmail_port = {}\nmail_tls = \"none\"\n\
         mail_from = \"Whorl <no-reply@example.org>\"\n{UNKNOWN}",
        sink.port()
    );
    let scene = need!(Scene::with(Backend::Embedded, &toml).await);
    let (_, subject) = scene.enrol("ada").await.expect("enrolled");
    let shots = std::env::var_os("WHORL_SHOTS").map(PathBuf::from);
    let login = scene.app.begin(PASSWORD).url;
    let again = scene.app.begin(PASSWORD).url;
    let arguments = json!({
        "base": scene.server.issuer, "username": "ada", "secret": subject.password,
        "codes": subject.recovery_codes, "screenshots": shots, "login": login, "again": again,
        "axe": need!(axe()),
    });
    let seen = browser.run("known_device", &arguments).await.expect("used");
    for (what, asked) in [("first", true), ("second", false), ("other", true)] {
        assert_eq!(seen[what], json!(asked), "{what}: {seen}");
    }
    assert_eq!(seen["extractable"], json!(false), "{seen}");
    assert_eq!(seen["wrong"], json!([]), "{seen}");
    assert_eq!(told(&scene, "device.trusted").await, 1);
    // Three factors of the enrolment, and the browser.
    let mails = sink.wait_for(4).await.expect("mails");
    let told = |mail: &&tests::sink::Mail| mail.text.contains("A browser was trusted");
    assert_eq!(mails.iter().filter(told).count(), 1);
}
