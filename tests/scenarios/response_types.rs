//! Every response type in every response mode: what comes back, where it is, and that it holds together.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::Value;
use tests::{
    jose::Jose,
    missing::Missing,
    need,
    person::{Arrival, Person},
    relying_party::RelyingParty,
    scene::Scene,
    server::{Backend, Setup},
    subject::{Subject, allow},
};
use url::Url;

const TYPES: [&str; 6] = [
    "code",
    "id_token",
    "id_token token",
    "code id_token",
    "code token",
    "code id_token token",
];

const MODES: [&str; 7] = [
    "query",
    "fragment",
    "form_post",
    "jwt",
    "query.jwt",
    "fragment.jwt",
    "form_post.jwt",
];

const CALLBACK: &str = "http://localhost:1/callback?tenant=1";

const CLIENT: &str = r#"
[[client]]
id = "every"
name = "Every type"
secret = "every secret of the client"
redirect_uris = ["http://localhost:1/callback?tenant=1"]
response_types = ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"]
require_pkce = false
"#;

/// A server, an application that may ask for every type, and the provider's keys.
struct Ground {
    scene: Scene,
    app: RelyingParty,
    jose: Jose,
    keys: Value,
}

type Fields = BTreeMap<String, String>;

impl Ground {
    async fn new(scene: Scene, jose: Jose) -> Self {
        let secret = Some("every secret of the client");
        let app = RelyingParty::discover(&scene.server.issuer, "every", secret, CALLBACK)
            .await
            .expect("discovery");
        let keys = reqwest::get(scene.server.url("/jwks")).await;
        let keys = keys.expect("keys").json().await.expect("JSON");
        Self {
            scene,
            app,
            jose,
            keys,
        }
    }

    fn url(&self, response_type: &str, extra: &[(&str, &str)]) -> Url {
        let mut url = self.scene.server.url("/authorize");
        url.query_pairs_mut()
            .append_pair("client_id", "every")
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("response_type", response_type)
            .append_pair("scope", "openid email profile")
            .append_pair("state", "st\"a&te")
            .append_pair("nonce", "n0nce")
            .extend_pairs(extra);
        url
    }

    /// What came back, out of the place where it must be for the mode.
    fn fields(&self, arrival: Arrival, mode: &str) -> Fields {
        let plain = mode.trim_end_matches(".jwt");
        let pairs: Fields = match (arrival, plain) {
            (Arrival::Page(page), "form_post") => {
                let form = page.forms().into_iter().next().expect("a form");
                assert_eq!(form.action().as_str(), CALLBACK);
                assert!(!page.texts("form button").is_empty(), "no button: {page}");
                let policy = page.header("content-security-policy");
                assert!(
                    policy.contains("form-action 'self' https: http:;"),
                    "{policy}"
                );
                assert!(page.header("cache-control").contains("no-store"));
                let names = [
                    "code",
                    "id_token",
                    "access_token",
                    "token_type",
                    "expires_in",
                    "scope",
                    "state",
                    "iss",
                    "response",
                    "error",
                    "error_description",
                ];
                names
                    .into_iter()
                    .filter_map(|name| Some((name.to_owned(), form.value(name)?.to_owned())))
                    .collect()
            }
            (Arrival::Elsewhere(url), "query") => {
                assert!(url.as_str().starts_with(CALLBACK), "{url}");
                assert_eq!(url.fragment(), None, "{url}");
                let pairs = url.query_pairs().into_owned();
                pairs.filter(|(name, _)| name != "tenant").collect()
            }
            (Arrival::Elsewhere(url), "fragment") => {
                assert_eq!(url.query(), Some("tenant=1"), "{url}");
                let fragment = url.fragment().expect("a fragment").as_bytes();
                url::form_urlencoded::parse(fragment).into_owned().collect()
            }
            (arrival, _) => panic!("{mode}: {arrival:?}"),
        };
        if !mode.ends_with("jwt") {
            assert_eq!(pairs["iss"], self.scene.server.issuer, "{mode}");
            return pairs;
        }
        let response = pairs.get("response").expect("a JWT");
        assert_eq!(pairs.len(), 1, "{mode}: only the JWT travels: {pairs:?}");
        let (header, claims) = self.jose.verify(response, &self.keys).expect("verifies");
        assert_ne!(header["alg"], "none");
        assert_eq!(claims["iss"], self.scene.server.issuer.as_str());
        assert_eq!(claims["aud"], "every");
        let lifetime = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
        assert!((1..=600).contains(&lifetime), "{lifetime}");
        let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        let claims = claims.as_object().expect("an object");
        claims
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }

    async fn check(&self, fields: &Fields, response_type: &str, what: &str) {
        let has = |word| response_type.split(' ').any(|it| it == word);
        assert_eq!(fields["state"], "st\"a&te", "{what}");
        assert_eq!(fields.contains_key("code"), has("code"), "{what}");
        assert_eq!(fields.contains_key("access_token"), has("token"), "{what}");
        assert_eq!(fields.contains_key("id_token"), has("id_token"), "{what}");
        if has("token") {
            assert_eq!(fields["token_type"], "Bearer", "{what}");
            assert!(fields["expires_in"].parse::<u32>().is_ok_and(|s| s > 0));
            let live = self.scene.is_live(&fields["access_token"]).await;
            assert!(live.expect("an answer"), "{what}");
        }
        let front = fields.get("id_token").map(|token| {
            let (_, claims) = self.jose.verify(token, &self.keys).expect("verifies");
            assert_eq!(claims["nonce"], "n0nce", "{what}");
            assert_eq!(claims["aud"], "every", "{what}");
            for (claim, of) in [
                ("c_hash", "code"),
                ("at_hash", "access_token"),
                ("s_hash", "state"),
            ] {
                let expected = fields
                    .get(of)
                    .map(|text| self.jose.half_hash("sha256", text).expect("a hash"));
                assert_eq!(
                    claims[claim].as_str(),
                    expected.as_deref(),
                    "{what} {claim}"
                );
            }
            // OIDC Core §5.4: without an access token nothing else could bring the claims of scopes.
            let named = claims.get("preferred_username").is_some();
            assert_eq!(named, response_type == "id_token", "{what}: {claims}");
            claims
        });
        if has("code") {
            let form = [
                ("grant_type", "authorization_code"),
                ("code", fields["code"].as_str()),
                ("redirect_uri", CALLBACK),
            ];
            let (status, body) = self.app.token(&form).await.expect("an answer");
            assert_eq!(status, StatusCode::OK, "{what}: {body}");
            let token = body["id_token"].as_str().expect("an ID token");
            let (_, back) = self.jose.verify(token, &self.keys).expect("verifies");
            assert_eq!(back["nonce"], "n0nce", "{what}");
            if let Some(front) = front {
                // OIDC Core §3.3.3.6: the same issuer and subject.
                assert_eq!((&back["iss"], &back["sub"]), (&front["iss"], &front["sub"]));
            }
        }
    }
}

async fn signed_in(ground: &Ground) -> (Person, Subject) {
    let (_, mut subject) = ground.scene.enrol("ada").await.expect("enrolled");
    let person = Person::new();
    let url = ground.url("code", &[]);
    subject.sign_in(&person, &url).await.expect("signed in");
    (person, subject)
}

async fn ground(backend: Backend) -> Result<Ground, Missing> {
    let jose = Jose::here()?;
    let setup = Setup {
        toml: CLIENT,
        ..Setup::plain(backend)
    };
    Ok(Ground::new(Scene::set(setup).await?, jose).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_in_every_mode_that_it_may() {
    let ground = need!(ground(Backend::Embedded).await);
    let (person, _) = signed_in(&ground).await;
    for response_type in TYPES {
        let default = match response_type {
            "code" => "query",
            _ => "fragment",
        };
        let url = ground.url(response_type, &[]);
        let arrival = person.open(&url).await.expect("an answer");
        let fields = ground.fields(arrival, default);
        ground.check(&fields, response_type, response_type).await;
        for mode in MODES {
            let what = format!("{response_type} by {mode}");
            let url = ground.url(response_type, &[("response_mode", mode)]);
            let arrival = person.open(&url).await.expect("an answer");
            let resolved = match mode {
                "jwt" => format!("{default}.jwt"),
                _ => mode.to_owned(),
            };
            if response_type != "code" && resolved.starts_with("query") {
                let fields = ground.fields(arrival, "fragment");
                assert_eq!(fields["error"], "invalid_request", "{what}");
                continue;
            }
            let fields = ground.fields(arrival, &resolved);
            ground.check(&fields, response_type, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_travel_as_the_answer_would_have() {
    let ground = need!(ground(Backend::Embedded).await);
    for response_type in TYPES {
        for mode in MODES {
            let default = match response_type {
                "code" => "query",
                _ => "fragment",
            };
            let resolved = match mode {
                "jwt" => format!("{default}.jwt"),
                _ => mode.to_owned(),
            };
            if response_type != "code" && resolved.starts_with("query") {
                continue;
            }
            let what = format!("{response_type} by {mode}");
            for (extra, error) in [
                (("prompt", "none"), "login_required"),
                (("max_age", "soon"), "invalid_request"),
            ] {
                let url = ground.url(response_type, &[("response_mode", mode), extra]);
                let arrival = Person::new().open(&url).await.expect("an answer");
                let fields = ground.fields(arrival, &resolved);
                assert_eq!(fields["error"], error, "{what}");
                assert_eq!(fields["state"], "st\"a&te", "{what}");
                assert!(!fields.contains_key("code"), "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_gets_no_type_that_it_was_not_allowed_and_no_id_token_without_a_nonce() {
    let ground = need!(ground(Backend::Embedded).await);
    // The scene's own application is registered for codes alone.
    for response_type in &TYPES[1..] {
        let mut url = ground
            .scene
            .app
            .begin(tests::relying_party::Ask::default())
            .url;
        let kept: Vec<(String, String)> = url
            .query_pairs()
            .into_owned()
            .filter(|(name, _)| name != "response_type")
            .collect();
        url.query_pairs_mut()
            .clear()
            .extend_pairs(kept)
            .append_pair("response_type", response_type);
        let back = Person::new().open(&url).await.expect("an answer");
        let back = back.elsewhere().expect("told");
        let fragment = back.fragment().expect("where the tokens would be");
        assert!(fragment.contains("error=unauthorized_client"), "{back}");
    }
    for (response_type, error) in [
        ("id_token", Some("invalid_request")),
        ("code id_token token", Some("invalid_request")),
        ("code token", None),
    ] {
        let url = ground.url(response_type, &[]).to_string();
        let url = url.replace("&nonce=n0nce", "");
        let arrival = Person::new().open(&url).await.expect("an answer");
        let told = match arrival {
            Arrival::Elsewhere(_) => Some(ground.fields(arrival, "fragment")["error"].clone()),
            Arrival::Page(_) => None,
        };
        assert_eq!(told.as_deref(), error, "{response_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_code_takes_the_access_token_beside_it_along() {
    let ground = need!(ground(Backend::Production).await);
    let (person, mut subject) = signed_in(&ground).await;
    let url = ground.url("code token", &[("prompt", "login")]);
    let page = person
        .open(&url)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    let form = page
        .form_with("password")
        .expect("the password is asked again");
    let arrival = person
        .submit(form.fill("password", &subject.password))
        .await;
    let page = arrival.expect("an answer").page().expect("a second factor");
    let otp = subject.otp().await.expect("a password");
    let arrival = person
        .submit(page.form_with("otp").expect("a form").fill("otp", &otp))
        .await
        .expect("an answer");
    let back = allow(&person, arrival).await.expect("back");
    let fields = ground.fields(Arrival::Elsewhere(back), "fragment");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", fields["code"].as_str()),
        ("redirect_uri", CALLBACK),
    ];
    for expected in [StatusCode::OK, StatusCode::BAD_REQUEST] {
        let live = ground.scene.is_live(&fields["access_token"]).await;
        assert!(live.expect("an answer"));
        let (status, body) = ground.app.token(&form).await.expect("an answer");
        assert_eq!(status, expected, "{body}");
    }
    // RFC 6749 §4.1.2: all that follows from the code.
    let live = ground.scene.is_live(&fields["access_token"]).await;
    assert!(!live.expect("an answer"));
}
