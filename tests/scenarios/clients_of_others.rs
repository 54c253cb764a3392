//! Relying parties that nobody here wrote log people in at the running server; each validates by its own rules what it
//! is given. (`openidconnect`, which most scenarios stand on, is one more.)

use serde_json::{Value, json};
use tests::{
    bed::{Bed, PASSWORD},
    need,
    outsiders::{
        Apache,
        Client::{Known, Registers},
        Node, Protected, Python,
    },
    person::{Arrival, Person},
};

/// The test bed with one client whose registration does not depend on anything.
async fn bed(redirect_uri: &str) -> Bed {
    let client = format!(
        "[[client]]\nid = \"known\"\nsecret = {SECRET:?}\nredirect_uris = [{redirect_uri:?}]\nrequire_pkce = false\nid_token_signed_response_alg = \"RS256\"\n"
    );
    let bed = Bed::start_with("conformance.toml", 9777, &[], &client).await;
    bed.expect("whorl serve --config conformance.toml")
}

fn input(bed: &Bed) -> Value {
    json!({
        "issuer": bed.issuer, "person": { "username": "alice", "password": PASSWORD },
        "client": { "client_id": "known", "client_secret": SECRET },
    })
}

/// The steps that were run, but for the registration, which is open or not.
fn ran(answer: &Value) -> Vec<&str> {
    let steps = answer["ran"].as_array().into_iter().flatten();
    let steps = steps.filter_map(Value::as_str);
    steps.filter(|step| *step != "registration").collect()
}

/// Whether discovery announces that anybody may register: then each client does.
async fn registers(bed: &Bed) -> bool {
    let document = reqwest::get(bed.url("/.well-known/openid-configuration"))
        .await
        .expect("an answer");
    let document: Value = document.json().await.expect("JSON");
    document["registration_endpoint"].is_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_client_6_logs_in() {
    let node = need!(Node::here());
    let bed = bed(CALLBACK).await;
    let answer = node.run("openid_client.mjs", &input(&bed)).await;
    let answer = answer.expect("its own checks");
    let ran = ran(&answer);
    let more: &[&str] = if registers(&bed).await {
        OF_REGISTERED
    } else {
        &[]
    };
    for step in OF_ANY.iter().chain(more) {
        assert!(ran.contains(step), "{step} was not run: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oauth4webapi_logs_in() {
    let node = need!(Node::here());
    let bed = bed(CALLBACK).await;
    let answer = node.run("oauth4webapi.mjs", &input(&bed)).await;
    let answer = answer.expect("its own checks");
    assert_eq!(
        ran(&answer),
        [
            "discovery",
            "server metadata",
            "code",
            "userinfo",
            "refresh",
            "revocation",
            "a revoked token is dead"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn authlib_logs_in() {
    let python = need!(Python::here());
    let bed = bed(CALLBACK).await;
    let answer = python.run("authlib_client.py", &input(&bed)).await;
    let answer = answer.expect("its own checks");
    assert_eq!(
        ran(&answer),
        ["code", "ID token", "userinfo", "refresh", "revocation"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn apaches_module_lets_in_whom_the_claims_name() {
    let mut apache = need!(Apache::here());
    let bed = bed(&apache.redirect_uri()).await;
    let told = Protected {
        issuer: &bed.issuer,
        client: Known("known", SECRET),
    };
    apache.serve(&told).expect("Apache");
    let person = Person::new();
    let page = format!("http://localhost:{}/secure/", apache.port);
    let arrival = person.open(&page).await.expect("sent to the provider");
    is_let_in(&apache, &person, arrival).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn apaches_module_registers_itself() {
    let mut apache = need!(Apache::here());
    let bed = bed(CALLBACK).await;
    let document = reqwest::get(bed.url("/.well-known/openid-configuration")).await;
    let document = document.expect("an answer").text().await.expect("text");
    let told = Protected {
        issuer: &bed.issuer,
        client: Registers(&document),
    };
    apache.serve(&told).expect("Apache");
    let person = Person::new();
    let page = format!("http://localhost:{}/secure/", apache.port);
    // It asks which provider, and registers there before it goes on.
    let page = person.open(&page).await.expect("an answer").page();
    let form = page.expect("a page").form_with("iss").expect("a form");
    let arrival = person.submit(form.fill("iss", &bed.issuer)).await;
    is_let_in(&apache, &person, arrival.expect("sent to the provider")).await;
    let registered = apache.registration(&bed.issuer);
    let registered = registered.unwrap_or_else(|| panic!("{}", apache.errors()));
    assert!(registered["client_id"].is_string() && registered["client_secret"].is_string());
    let callback = apache.redirect_uri();
    assert_eq!(registered["redirect_uris"], json!([callback]));
}

/// Through the login to the page that the module guards, and no further.
async fn is_let_in(apache: &Apache, person: &Person, mut arrival: Arrival) {
    for _ in 0..8 {
        arrival = match arrival {
            Arrival::Elsewhere(url) => person.open(url).await.expect("an answer"),
            Arrival::Page(page) if page.body.contains("Let in") => {
                // She is who she is, and nobody else.
                let others = format!("http://localhost:{}/others/", apache.port);
                let other = person.open(&others).await.expect("an answer").page();
                let other = other.expect("a page");
                assert!(other.status.is_client_error(), "{other}");
                assert!(!other.body.contains("Not for alice"), "{other}");
                return;
            }
            Arrival::Page(page) => {
                let form = [("password", PASSWORD), ("username", "alice")]
                    .into_iter()
                    .find_map(|(name, value)| Some(page.form_with(name).ok()?.fill(name, value)))
                    .or_else(|| {
                        let forms = page.forms();
                        let consent = forms
                            .iter()
                            .find(|form| form.action().path().ends_with("/consent"))?;
                        Some(consent.clone().fill("decision", "allow"))
                    })
                    .unwrap_or_else(|| panic!("{page}\n{}", apache.errors()));
                person.submit(form).await.expect("an answer")
            }
        };
    }
    panic!("not let in: {arrival:?}\n{}", apache.errors());
}

const SECRET: &str = "a-secret-of-a-test";
const CALLBACK: &str = "https://localhost:1/callback";

/// What must be run with any client, and what with clients that register themselves; the script runs what discovery
/// announces.
const OF_ANY: &[&str] = &["code", "refresh", "form_post", "max_age and acr_values"];
const OF_REGISTERED: &[&str] = &["hybrid", "implicit", "jarm", "client_secret_post"];

#[tokio::test(flavor = "multi_thread")]
async fn oauth4webapi_is_a_client_of_fapi_2() {
    let node = need!(Node::here());
    let bed = Bed::start("conformance.toml", 9777, &[]).await;
    let bed = bed.expect("whorl serve --config conformance.toml");
    let answer = node.run("oauth4webapi_fapi.mjs", &input(&bed)).await;
    let answer = answer.expect("its own checks");
    assert_eq!(
        ran(&answer),
        [
            "pushed request",
            "signed answer",
            "code",
            "userinfo",
            "refresh",
            "a token without its key is refused"
        ]
    );
}
