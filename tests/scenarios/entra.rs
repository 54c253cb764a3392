//! Microsoft Entra's external authentication method, from the form that Entra's page posts to the one that it gets
//! back; and every hint, request and shortcut that is refused.

use aws_lc_rs::rsa;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    bed::{Bed, PASSWORD, TOTP},
    entra::{Entra, OBJECT, SUB, TENANT, kid, now},
    person::{Arrival, Form, Page, Person},
};
use totp_rs::{Builder, Secret};

async fn begin() -> (Entra, Bed) {
    let entra = Entra::start().await.expect("a simulator");
    let ca = entra.ca_file().display().to_string();
    let environment = [
        ("WHORL_ENTRA_TID", TENANT),
        ("WHORL_ENTRA_OID", OBJECT),
        ("WHORL_OUTBOUND_CA_FILE", ca.as_str()),
    ];
    let bed = Bed::start("entra-check.toml", entra.port, &environment).await;
    (entra, bed.expect("whorl serve --config entra-check.toml"))
}

/// Posts Entra's form as a browser does that comes from Entra's page: across sites, without a Lax cookie.
async fn post(bed: &Bed, person: &Person, form: &[(String, String)]) -> reqwest::Response {
    person
        .http()
        .request(Method::POST, bed.url("/authorize"))
        .header("origin", "https://127.0.0.1")
        .header("sec-fetch-site", "cross-site")
        .form(form)
        .send()
        .await
        .expect("an answer")
}

/// The page that the browser is sent to.
async fn asked(bed: &Bed, person: &Person, form: &[(String, String)]) -> Page {
    let response = post(bed, person, form).await;
    assert_eq!(
        response.status(),
        StatusCode::SEE_OTHER,
        "{}",
        response.text().await.unwrap_or_default()
    );
    let location = response.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    for cookie in response.headers().get_all("set-cookie") {
        let cookie = cookie.to_str().expect("text");
        assert!(
            cookie.contains("SameSite=Lax") && cookie.contains("HttpOnly"),
            "{cookie}"
        );
    }
    person
        .open(bed.url(&location))
        .await
        .expect("a page")
        .page()
        .expect("a page of ours")
}

fn otp(step: i64) -> String {
    let secret = Secret::try_from_base32(TOTP).expect("base32");
    let generator = Builder::new().with_secret(secret).build_noncompliant();
    let seconds = now().checked_add_signed(step * 30).expect("a time");
    generator.generate(seconds).to_string()
}

/// What goes back: the fields of the form that the page submits by itself, and where it goes.
fn answer(page: &Page) -> (Form, Value) {
    let form = page
        .forms()
        .into_iter()
        .find(|form| form.value("state").is_some())
        .unwrap_or_else(|| panic!("no answer in {page}"));
    assert_eq!(form.value("state"), Some("opaque<state>&more"));
    let claims = form.value("id_token").map_or(Value::Null, |token| {
        let part = token.split('.').nth(1).expect("three parts");
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    });
    (form, claims)
}

async fn refused(bed: &Bed, form: &[(String, String)]) -> String {
    let person = Person::new();
    let response = post(bed, &person, form).await;
    let (status, body) = (response.status(), response.text().await.expect("a body"));
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(!body.contains("id_token\""), "a token: {body}");
    let after = body
        .split("name=\"error\" value=\"")
        .nth(1)
        .unwrap_or_else(|| panic!("no error in {body}"));
    assert!(body.contains("name=\"state\""), "{body}");
    after.split('"').next().unwrap_or_default().to_owned()
}

fn with(form: &[(String, String)], name: &str, value: Option<&str>) -> Vec<(String, String)> {
    let mut form = form.to_vec();
    form.retain(|(n, _)| n != name);
    form.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    form
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_goes_back_as_one_method_about_entras_subject() {
    let (entra, bed) = begin().await;
    let person = Person::new();
    assert_eq!(entra.fetches(), 0, "keys are fetched when they are needed");
    let page = asked(&bed, &person, &entra.form(&entra.hint(&json!({})))).await;
    assert_eq!(entra.fetches(), 2);
    // Entra has asked who it is, and for a password.
    assert!(
        page.form_with("username").is_err() && page.form_with("password").is_err(),
        "{page}"
    );
    let arrival = person
        .submit(
            page.form_with("otp")
                .expect("the code")
                .fill("otp", &otp(0)),
        )
        .await
        .expect("an answer");
    let Arrival::Page(page) = arrival else {
        panic!("a form is posted, not a redirect")
    };
    let (form, claims) = answer(&page);
    assert_eq!(form.action().as_str(), entra.redirect_uri());
    let told = |name: &str| claims[name].clone();
    assert_eq!(told("iss"), bed.issuer.as_str());
    assert_eq!(
        (told("aud"), told("sub"), told("nonce")),
        (json!("entra"), json!(SUB), json!("AwABAAEAAAACAOz_BAD0"))
    );
    assert_eq!(
        (told("acr"), told("amr")),
        (json!("possessionorinherence"), json!(["otp"]))
    );
    let at = |name: &str| claims[name].as_u64().unwrap_or_default();
    assert!(
        at("iat").abs_diff(now()) < 60 && at("exp") > at("iat"),
        "{claims}"
    );
    assert_eq!(told("sid"), Value::Null, "no session is opened");

    // Entra verifies by the certificate of the key.
    let keys: Value = reqwest::get(bed.url("/jwks"))
        .await
        .expect("keys")
        .json()
        .await
        .expect("JSON");
    // Keys that others encrypt to stand beside the keys that sign.
    let signing = |key: &&Value| key["use"] == "sig";
    let published = keys["keys"].as_array().expect("keys");
    assert!(published.iter().any(|key| signing(&key)));
    for key in published.iter().filter(signing) {
        assert!(
            key["x5c"][0].is_string() && key["x5t"].is_string() && key["kid"].is_string(),
            "{key}"
        );
        assert_eq!(key["alg"], "RS256");
    }
    let token = form.value("id_token").expect("a token");
    verified_by_certificate(token, &keys);

    // The answer arrives as the form that it is.
    let browser = entra.browser().expect("a client");
    let fields = [
        ("id_token", token),
        ("state", form.value("state").unwrap_or_default()),
    ];
    let sent = browser
        .post(form.action().clone())
        .form(&fields)
        .send()
        .await
        .expect("sent");
    assert_eq!(sent.status(), StatusCode::OK);
    assert_eq!(entra.answers().len(), 1);

    // Neither does the next request get by with what was proved: a fresh factor each time.
    let page = asked(&bed, &person, &entra.form(&entra.hint(&json!({})))).await;
    assert!(page.form_with("otp").is_ok(), "a shortcut: {page}");
    assert!(entra.fetches() == 2, "keys are kept");
    let log = bed.log();
    assert!(
        log.contains("0ddba11e-0000-4000-8000-000000000001"),
        "the client-request-id is logged"
    );
    assert!(
        !log.contains(token) && !log.contains(SUB),
        "and nothing else of it"
    );
}

fn verified_by_certificate(token: &str, keys: &Value) {
    use base64::engine::general_purpose::STANDARD;
    let (text, signature) = token.rsplit_once('.').expect("three parts");
    let header = URL_SAFE_NO_PAD
        .decode(text.split('.').next().expect("a header"))
        .expect("base64url");
    let header: Value = serde_json::from_slice(&header).expect("JSON");
    let key = keys["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .find(|key| key["kid"] == header["kid"])
        .expect("the key");
    let certificate = STANDARD
        .decode(key["x5c"][0].as_str().expect("x5c"))
        .expect("base64");
    // The key inside the certificate: its modulus stands in it as it stands in the JWK.
    let modulus = URL_SAFE_NO_PAD
        .decode(key["n"].as_str().expect("n"))
        .expect("base64url");
    assert!(
        certificate
            .windows(modulus.len())
            .any(|window| window == modulus),
        "another key's certificate"
    );
    let exponent = URL_SAFE_NO_PAD
        .decode(key["e"].as_str().expect("e"))
        .expect("base64url");
    let public = rsa::PublicKeyComponents {
        n: modulus,
        e: exponent,
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    public
        .verify(
            &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
            text.as_bytes(),
            &signature,
        )
        .expect("its signature");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_that_is_not_to_be_believed_is_refused() {
    let (entra, bed) = begin().await;
    let hint = |changes: Value| entra.hint(&changes);
    let foreign = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
    let other = "99999999-0000-4000-8000-00000000a11c";
    let origin = entra
        .redirect_uri()
        .replace("/common/federation/externalauthprovider", "");
    let good = hint(json!({}));
    let swapped = {
        let claims = hint(json!({ "sub": "somebody else" }));
        let parts: Vec<&str> = good.split('.').collect();
        format!(
            "{}.{}.{}",
            parts[0],
            claims.split('.').nth(1).unwrap_or_default(),
            parts[2]
        )
    };
    let unsigned = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(json!({ "alg": "none", "kid": kid(entra.key()) }).to_string()),
        good.split('.').nth(1).unwrap_or_default()
    );
    let headed = |name: &str, value: Value| {
        let mut header = entra.header();
        header[name] = value;
        entra.signed(&header, &entra.claims(), entra.key())
    };
    for (what, token) in [
        (
            "forged under the right kid",
            entra.signed(&entra.header(), &entra.claims(), &foreign),
        ),
        ("forged under its own kid", {
            let header =
                json!({ "alg": "RS256", "kid": kid(&foreign), "jku": format!("{origin}/evil") });
            entra.signed(&header, &entra.claims(), &foreign)
        }),
        ("another subject under its signature", swapped),
        ("not signed", unsigned),
        ("another algorithm", headed("alg", "HS256".into())),
        ("critical extensions", headed("crit", json!(["x"]))),
        ("no kid", headed("kid", Value::Null)),
        (
            "keys from elsewhere",
            headed("jku", format!("{origin}/entra/keys").into()),
        ),
        (
            "a certificate from elsewhere",
            headed("x5u", format!("{origin}/evil").into()),
        ),
        ("a certificate along", headed("x5c", json!(["MIIB"]))),
        ("compression", headed("zip", "DEF".into())),
        ("another encoding", headed("b64", true.into())),
        ("another JWT inside", headed("cty", "JWT".into())),
        (
            "a foreign tenant",
            hint(json!({ "tid": other, "iss": format!("{origin}/entra/{other}/v2.0") })),
        ),
        (
            "another tenant than its issuer's",
            hint(json!({ "tid": other })),
        ),
        (
            "another issuer",
            hint(json!({ "iss": "https://login.microsoftonline.com/x/v2.0" })),
        ),
        ("for somebody else", hint(json!({ "aud": "another-app" }))),
        ("stale", hint(json!({ "iat": now() - 700 }))),
        ("from the future", hint(json!({ "iat": now() + 300 }))),
        ("not valid yet", hint(json!({ "nbf": now() + 300 }))),
        ("without an object", hint(json!({ "oid": null }))),
        ("without a subject", hint(json!({ "sub": null }))),
        (
            "an object that nobody is linked to",
            hint(json!({ "oid": other, "preferred_username": "alice" })),
        ),
        ("no token at all", "nonsense".to_owned()),
    ] {
        assert_eq!(
            refused(&bed, &entra.form(&token)).await,
            "access_denied",
            "{what}"
        );
    }
    // The control: what was changed above is what was wrong.
    let person = Person::new();
    asked(&bed, &person, &entra.form(&good)).await;
    assert_eq!(
        refused(&bed, &entra.form(&good)).await,
        "access_denied",
        "replayed"
    );
    let none = with(&entra.form(&good), "id_token_hint", None);
    assert_eq!(refused(&bed, &none).await, "invalid_request", "no hint");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_met_is_said_and_a_password_is_never_it() {
    let (entra, bed) = begin().await;
    let claims = |acr: &str, amr: &[&str]| {
        json!({ "id_token": { "acr": { "essential": true, "values": [acr] }, "amr": { "essential": true, "values": amr } } })
            .to_string()
    };
    for (acr, amr) in [
        ("inherence", &["face", "fpt"][..]),
        ("knowledge", &["otp"]),
        ("possession", &["pwd"]),
        ("possession", &["face"]),
        ("urn:other", &["otp"]),
    ] {
        let form = with(
            &entra.form(&entra.hint(&json!({}))),
            "claims",
            Some(&claims(acr, amr)),
        );
        assert_eq!(
            refused(&bed, &form).await,
            "unmet_authentication_requirements",
            "{acr} {amr:?}"
        );
    }
    // Her password is right and worth nothing here, whichever form it is put into.
    let person = Person::new();
    let form = with(
        &entra.form(&entra.hint(&json!({}))),
        "claims",
        Some(&claims("knowledgeorpossession", &["otp"])),
    );
    let page = asked(&bed, &person, &form).await;
    let at = page
        .form_with("otp")
        .expect("the code")
        .action()
        .as_str()
        .replace("/totp", "");
    for (step, field, value) in [
        ("password", "password", PASSWORD),
        ("choose", "factor", "password"),
        ("identify", "username", "alice"),
        ("totp", "otp", PASSWORD),
    ] {
        let action = format!("{at}/{step}").parse().expect("a URL");
        let after = person
            .submit(Form::forged(action, &[(field, value)]))
            .await
            .expect("an answer")
            .page();
        let after = after.expect("a page of ours");
        assert!(after.form_with("id_token").is_err(), "{step}: {after}");
    }
    // Nobody else can take her place in the login that was begun for her.
    for (step, field, value) in [
        ("identify", "username", "mallory"),
        ("account", "account", "another"),
        ("registered", "account", "another"),
    ] {
        let action = format!("{at}/{step}").parse().expect("a URL");
        let arrival = person.submit(Form::forged(action, &[(field, value)])).await;
        let after = arrival.expect("an answer").page().expect("a page of ours");
        assert!(after.form_with("username").is_err(), "{step}: {after}");
    }
    let page = person
        .open(&at)
        .await
        .expect("opens")
        .page()
        .expect("a page");
    let done = person
        .submit(
            page.form_with("otp")
                .expect("still her code")
                .fill("otp", &otp(0)),
        )
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    let (_, claims) = answer(&done);
    assert_eq!(claims["sub"], SUB);
    assert_eq!(
        (&claims["acr"], &claims["amr"]),
        (&json!("knowledgeorpossession"), &json!(["otp"]))
    );
    // What was given cannot be fetched again.
    let again = person
        .open(&at)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    assert!(
        again.form_with("id_token").is_err() && again.status.is_client_error(),
        "{again}"
    );
}

/// A login by Entra in this browser, with this one-time password.
async fn tried(bed: &Bed, entra: &Entra, person: &Person, code: &str) -> Page {
    let page = asked(bed, person, &entra.form(&entra.hint(&json!({})))).await;
    let form = page.form_with("otp").expect("the code").fill("otp", code);
    let arrival = person.submit(form).await.expect("an answer");
    arrival.page().expect("a page of ours")
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_in_by_entra_alone_is_locked_out_by_no_stranger() {
    let (entra, bed) = begin().await;
    let hers = Person::new();
    let done = tried(&bed, &entra, &hers, &otp(0)).await;
    assert!(answer(&done).0.value("id_token").is_some(), "{done}");
    let cookies = hers.cookies(&bed.url("/"));
    let has = |name: &str| cookies.iter().any(|cookie| cookie.starts_with(name));
    assert!(
        has("whorl_known=") && !has("whorl_session="),
        "a mark, and no session"
    );

    let mut guesses = 0;
    while tried(&bed, &entra, &Person::new(), "000000").await.status != 429 {
        guesses += 1;
        assert!(guesses <= 5, "more than five guesses");
    }
    let page = tried(&bed, &entra, &Person::new(), &otp(1)).await;
    assert_eq!(
        page.status, 429,
        "a browser that nobody knows waits: {page}"
    );
    let done = tried(&bed, &entra, &hers, &otp(1)).await;
    assert!(answer(&done).0.value("id_token").is_some(), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_entra_does_not_send_is_as_if_it_were_not_there() {
    let (entra, bed) = begin().await;
    for added in [
        &[("prompt", "none")][..],
        &[("max_age", "-1")],
        &[("request", "not.a.jwt")],
        &[("request_uri", "https://127.0.0.1/request")],
        &[("request_uri", "urn:ietf:params:oauth:request_uri:none")],
        &[("registration", "{}")],
        &[("code_challenge", "short")],
        &[("dpop_jkt", "short")],
        &[("resource", "not a URI"), ("resource", "nor this")],
        &[("authorization_details", "{")],
        &[("unknown", "1"), ("unknown", "2")],
        &[("prompt", "none"), ("prompt", "login")],
    ] {
        let mut form = entra.form(&entra.hint(&json!({})));
        let added = added.iter().copied();
        form.extend(added.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let page = asked(&bed, &Person::new(), &form).await;
        assert!(page.form_with("otp").is_ok(), "{:?}: {page}", form.last());
    }
    // What it does send comes once (RFC 6749 §3.1).
    let mut form = entra.form(&entra.hint(&json!({})));
    form.push(("scope".to_owned(), "openid".to_owned()));
    let response = post(&bed, &Person::new(), &form).await;
    let (status, body) = (response.status(), response.text().await.expect("a body"));
    assert_ne!(status, StatusCode::SEE_OTHER, "{body}");
    assert!(
        body.contains("invalid_request") || status.is_client_error(),
        "{body}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_cancels_and_an_entra_that_is_down_are_answered_in_their_words() {
    let (entra, bed) = begin().await;
    let own = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
    entra.publish(None);
    let down = refused(&bed, &entra.form(&entra.hint(&json!({})))).await;
    assert_eq!(down, "temporarily_unavailable");
    entra.publish(Some(entra.key()));
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let person = Person::new();
    let page = asked(&bed, &person, &entra.form(&entra.hint(&json!({})))).await;
    let cancel = page
        .forms()
        .into_iter()
        .find(|form| form.action().path().ends_with("/cancel"))
        .expect("a way back");
    let page = person
        .submit(cancel)
        .await
        .expect("an answer")
        .page()
        .expect("a form");
    let (form, _) = answer(&page);
    assert_eq!(form.value("error"), Some("access_denied"));
    assert_eq!(form.value("id_token"), None);

    // Its keys turn: a new one is looked for at once.
    entra.publish(Some(&own));
    let header = json!({ "alg": "RS256", "kid": kid(&own) });
    let token = entra.signed(&header, &entra.claims(), &own);
    asked(&bed, &Person::new(), &entra.form(&token)).await;

    // Requests that are not Entra's.
    let token = entra.signed(&header, &entra.claims(), &own);
    for (what, name, value) in [
        ("a code", "response_type", Some("code")),
        ("in the fragment", "response_mode", None),
    ] {
        let response = post(
            &bed,
            &Person::new(),
            &with(&entra.form(&token), name, value),
        )
        .await;
        let location = format!("{:?}", response.headers().get("location"));
        let text = format!("{location} {}", response.text().await.expect("a body"));
        assert!(
            text.contains("error") && !text.contains("id_token="),
            "{what}: {text}"
        );
    }
    let elsewhere = with(
        &entra.form(&token),
        "redirect_uri",
        Some("https://127.0.0.1/evil"),
    );
    let response = post(&bed, &Person::new(), &elsewhere).await;
    assert_eq!(
        response.status(),
        StatusCode::BAD_REQUEST,
        "never sent elsewhere"
    );

    let discovery = reqwest::get(bed.url("/.well-known/openid-configuration"))
        .await
        .expect("an answer");
    assert!(
        discovery.headers().contains_key("content-length"),
        "Entra wants the length"
    );
    let document: Value = discovery.json().await.expect("JSON");
    assert_eq!(
        document["id_token_signing_alg_values_supported"],
        json!(["RS256"])
    );
    for (name, value) in [
        ("response_types_supported", "id_token"),
        ("response_modes_supported", "form_post"),
        ("scopes_supported", "openid"),
    ] {
        let values = document[name]
            .as_array()
            .unwrap_or_else(|| panic!("{name}"));
        assert!(values.iter().any(|v| v == value), "{name}: {values:?}");
    }
}
