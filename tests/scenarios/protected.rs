//! Requests that clients sign and encrypt, answers that they get encrypted, and subjects that only they know by a name.

use serde_json::{Value, json};
use tests::{
    ear::Ear,
    jose::Jose,
    missing::Missing,
    need,
    person::{Arrival, Person},
    relying_party::{Ask, RelyingParty},
    scene::Scene,
    server::{Backend, Setup},
};
use url::Url;

struct Ground {
    scene: Scene,
    jose: Jose,
    ear: Ear,
    signing: Value,
    sealing: Value,
    foreign: Value,
    keys: Value,
}

const CALLBACK: &str = "http://localhost:1/signer";

/// A JWK as an inline table of TOML.
fn table(jwk: &Value) -> String {
    let members = jwk.as_object().expect("an object");
    let text = |value: &Value| value.to_string();
    let pairs: Vec<String> = members
        .iter()
        .filter(|(_, value)| value.is_string())
        .map(|(name, value)| format!("{name} = {}", text(value)))
        .collect();
    format!("{{ {} }}", pairs.join(", "))
}

impl Ground {
    async fn new() -> Result<Self, Missing> {
        let jose = Jose::here()?;
        let ear = Ear::open().await.expect("an ear");
        let key = |kind: &str, parameters: Value| jose.key(kind, parameters).expect("a key");
        let signing = key("P-256", json!({"use": "sig", "kid": "s1"}));
        let sealing = key("RSA", json!({"use": "enc", "kid": "e1"}));
        let foreign = key("P-256", json!({"use": "sig", "kid": "s1"}));
        let public = |key: &Value| table(&jose.public(key).expect("a key"));
        let (address, keys) = (
            ear.address(),
            format!("[{}, {}]", public(&signing), public(&sealing)),
        );
        let toml = format!(
            r#"
[outbound]
allow = ["{address}"]
[[client]]
id = "signer"
secret = "secret of signer"
redirect_uris = ["{CALLBACK}"]
jwks = {{ keys = {keys} }}
request_object_signing_alg = "ES256"
request_uris = ["http://{address}/request#hash"]
require_pkce = false
trusted = true
[[client]]
id = "sealed"
secret = "secret of sealed"
redirect_uris = ["http://localhost:1/sealed"]
jwks = {{ keys = {keys} }}
id_token_signed_response_alg = "ES256"
id_token_encrypted_response_alg = "RSA-OAEP-256"
id_token_encrypted_response_enc = "A256GCM"
userinfo_signed_response_alg = "ES256"
userinfo_encrypted_response_alg = "RSA-OAEP"
authorization_signed_response_alg = "ES256"
authorization_encrypted_response_alg = "RSA-OAEP"
authorization_encrypted_response_enc = "A128CBC-HS256"
require_pkce = false
trusted = true
[[client]]
id = "pair-a"
secret = "secret of pair-a"
redirect_uris = ["http://localhost:1/pair-a"]
subject_type = "pairwise"
trusted = true
[[client]]
id = "pair-b"
secret = "secret of pair-b"
redirect_uris = ["http://127.0.0.1:1/pair-b"]
subject_type = "pairwise"
trusted = true
"#
        );
        let scene = Scene::set(Setup {
            toml: &toml,
            ..Setup::plain(Backend::Embedded)
        })
        .await?;
        let keys = reqwest::get(scene.server.url("/jwks")).await;
        let keys = keys.expect("keys").json().await.expect("JSON");
        Ok(Self {
            scene,
            jose,
            ear,
            signing,
            sealing,
            foreign,
            keys,
        })
    }

    /// A person who is signed in.
    async fn person(&self) -> Person {
        let (_, mut subject) = self.scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let signed_in = self.scene.sign_in(&person, &mut subject, Ask::default());
        signed_in.await.expect("signed in");
        person
    }

    fn claims(&self) -> Value {
        json!({
            "iss": "signer", "aud": self.scene.server.issuer, "client_id": "signer",
            "response_type": "code", "redirect_uri": CALLBACK, "scope": "openid",
            "state": "inside", "nonce": "n0nce",
        })
    }

    fn sign(&self, claims: &Value, key: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": "s1", "typ": "oauth-authz-req+jwt"});
        self.jose.sign(header, claims, key).expect("signed")
    }

    fn url(&self, extra: &[(&str, &str)]) -> Url {
        let mut url = self.scene.server.url("/authorize");
        url.query_pairs_mut()
            .append_pair("client_id", "signer")
            .append_pair("response_type", "code")
            .append_pair("scope", "openid")
            .append_pair("state", "outside")
            .extend_pairs(extra);
        url
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(n, _)| n == name);
    found.map(|(_, value)| value.into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_request_is_read_by_value_by_reference_and_encrypted() {
    let ground = need!(Ground::new().await);
    let person = ground.person().await;
    let signed = ground.sign(&ground.claims(), &ground.signing);
    let enc = ground.keys["keys"].as_array().expect("keys").iter();
    let enc = enc.filter(|key| key["use"] == "enc").cloned();
    let mut objects = vec![("request", signed.clone())];
    for (key, alg) in enc.zip(["RSA-OAEP-256", "ECDH-ES"]) {
        let header =
            json!({"alg": alg, "enc": "A256GCM", "kid": key["kid"], "cty": "oauth-authz-req+jwt"});
        let sealed = ground.jose.encrypt(header, &signed, &key).expect("sealed");
        objects.push(("request", sealed));
    }
    assert_eq!(objects.len(), 3, "two keys are published");
    ground.ear.answer(200, &signed);
    let reference = format!("http://{}/request#hash", ground.ear.address());
    objects.push(("request_uri", reference));
    for (name, value) in objects {
        let url = ground.url(&[(name, &value)]);
        let back = person.open(&url).await.expect("an answer");
        let back = back.elsewhere().unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(back.as_str().starts_with(CALLBACK), "{name}: {back}");
        assert!(parameter(&back, "code").is_some(), "{name}: {back}");
        // What is signed goes before what stands beside it.
        assert_eq!(
            parameter(&back, "state").as_deref(),
            Some("inside"),
            "{name}"
        );
    }
    assert_eq!(ground.ear.heard().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_object_that_is_not_the_clients_is_refused_and_fetched_from_nowhere_else() {
    let ground = need!(Ground::new().await);
    let with = |name: &str, value: Value| {
        let mut claims = ground.claims();
        claims[name] = value;
        ground.sign(&claims, &ground.signing)
    };
    let signed = ground.sign(&ground.claims(), &ground.signing);
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzY29wZSI6Im9wZW5pZCJ9.".to_owned();
    let public = ground
        .jose
        .public(&ground.signing)
        .expect("a key")
        .to_string();
    let oct = json!({"kty": "oct", "k": "c2VjcmV0IG9mIHNpZ25lcg"});
    let hmac = ground
        .jose
        .sign(json!({"alg": "HS256"}), &ground.claims(), &oct)
        .expect("signed");
    let past = 1_000_000_000;
    for (what, object) in [
        (
            "another's key",
            ground.sign(&ground.claims(), &ground.foreign),
        ),
        ("no signature", unsigned),
        ("an HMAC", hmac),
        ("cut off", signed[..signed.len() - 4].to_owned()),
        (
            "another audience",
            with("aud", json!("https://other.example")),
        ),
        ("another issuer", with("iss", json!("other"))),
        ("another client", with("client_id", json!("every"))),
        ("expired", with("exp", json!(past))),
        ("a request in it", with("request", json!("x"))),
        ("no JWT", public),
    ] {
        let url = ground.url(&[("request", &object), ("redirect_uri", CALLBACK)]);
        let back = Person::new().open(&url).await.expect("an answer");
        let back = back.elsewhere().unwrap_or_else(|e| panic!("{what}: {e}"));
        let error = parameter(&back, "error");
        assert_eq!(error.as_deref(), Some("invalid_request_object"), "{what}");
        assert_eq!(
            parameter(&back, "state").as_deref(),
            Some("outside"),
            "{what}"
        );
        // Nothing beside the object says where to go: a page.
        let url = ground.url(&[("request", &object)]);
        let page = Person::new().open(&url).await.expect("an answer");
        let page = page.page().unwrap_or_else(|e| panic!("{what}: {e}"));
        assert!(page.status.is_client_error(), "{what}: {page}");
    }
    let address = ground.ear.address();
    for reference in [
        format!("http://{address}/another"),
        "https://127.0.0.1:1/request".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let url = ground.url(&[("request_uri", &reference), ("redirect_uri", CALLBACK)]);
        let back = Person::new().open(&url).await.expect("an answer");
        let back = back.elsewhere().expect("told");
        let error = parameter(&back, "error");
        assert_eq!(error.as_deref(), Some("invalid_request_uri"), "{reference}");
    }
    assert!(ground.ear.heard().is_empty(), "{:?}", ground.ear.heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn id_token_userinfo_and_answer_are_encrypted_to_the_client() {
    let ground = need!(Ground::new().await);
    let person = ground.person().await;
    let mut url = ground.scene.server.url("/authorize");
    url.query_pairs_mut()
        .append_pair("client_id", "sealed")
        .append_pair("redirect_uri", "http://localhost:1/sealed")
        .append_pair("response_type", "code")
        .append_pair("response_mode", "jwt")
        .append_pair("scope", "openid profile")
        .append_pair("nonce", "n0nce");
    let back = person.open(&url).await.expect("an answer");
    let back = back.elsewhere().expect("signed in already");
    let open = |token: &str, alg: &str, enc: &str| {
        let (header, inner) = ground.jose.decrypt(token, &ground.sealing).expect("opens");
        assert_eq!((&header["alg"], &header["enc"]), (&json!(alg), &json!(enc)));
        assert_eq!(header["cty"], "JWT");
        assert_eq!(header["kid"], "e1");
        ground
            .jose
            .verify(&inner, &ground.keys)
            .expect("verifies")
            .1
    };
    let response = parameter(&back, "response").expect("a JWT");
    let answer = open(&response, "RSA-OAEP", "A128CBC-HS256");
    let secret = Some("secret of sealed");
    let issuer = &ground.scene.server.issuer;
    let app = RelyingParty::discover(issuer, "sealed", secret, "http://localhost:1/sealed");
    let app = app.await.expect("discovery");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", answer["code"].as_str().expect("a code")),
        ("redirect_uri", "http://localhost:1/sealed"),
    ];
    let (status, tokens) = app.token(&form).await.expect("an answer");
    assert!(status.is_success(), "{tokens}");
    let id_token = tokens["id_token"].as_str().expect("an ID token");
    let claims = open(id_token, "RSA-OAEP-256", "A256GCM");
    assert_eq!(claims["nonce"], "n0nce");
    let request = reqwest::Client::new().get(ground.scene.server.url("/userinfo"));
    let bearer = tokens["access_token"].as_str().expect("a token");
    let userinfo = request.bearer_auth(bearer).send().await.expect("an answer");
    assert_eq!(userinfo.headers()["content-type"], "application/jwt");
    let userinfo = open(
        &userinfo.text().await.expect("a body"),
        "RSA-OAEP",
        "A128CBC-HS256",
    );
    assert_eq!(userinfo["sub"], claims["sub"]);
    assert_eq!(
        (&userinfo["iss"], &userinfo["aud"]),
        (&json!(issuer), &json!("sealed"))
    );
    assert_eq!(userinfo["preferred_username"], "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_has_another_name_in_each_sector_and_keeps_it() {
    let ground = need!(Ground::new().await);
    let person = ground.person().await;
    let mut names = Vec::new();
    for id in ["pair-a", "pair-b", "pair-a"] {
        let host = if id == "pair-a" {
            "localhost"
        } else {
            "127.0.0.1"
        };
        let callback = format!("http://{host}:1/{id}");
        let secret = format!("secret of {id}");
        let issuer = &ground.scene.server.issuer;
        let app = RelyingParty::discover(issuer, id, Some(&secret), &callback).await;
        let app = app.expect("discovery");
        let begun = app.begin(Ask::default());
        let back = person.open(&begun.url).await.expect("an answer");
        let back = back.elsewhere().expect("signed in already");
        let login = app.finish(begun, &back).await.expect("signed in");
        app.user_info(&login)
            .await
            .expect("the same sub at userinfo");
        // The name is good as a hint, for this client and this person.
        let hint = [
            ("id_token_hint", login.id_token.as_str()),
            ("prompt", "none"),
        ];
        let begun = app.begin(Ask {
            extra: &hint,
            ..Ask::default()
        });
        let back = person.open(&begun.url).await.expect("an answer");
        app.finish(begun, &back.elsewhere().expect("back"))
            .await
            .expect("again");
        if id == "pair-b" {
            let begun = ground.scene.app.begin(Ask {
                extra: &hint,
                ..Ask::default()
            });
            let told = person.open(&begun.url).await.expect("an answer");
            let told = match told {
                Arrival::Elsewhere(told) => told,
                Arrival::Page(page) => panic!("{page}"),
            };
            assert_eq!(
                parameter(&told, "error").as_deref(),
                Some("invalid_request")
            );
        }
        names.push(login.claims.subject().to_string());
    }
    assert_eq!(names[0], names[2]);
    assert_ne!(names[0], names[1]);
    assert!(!names[0].contains('-') || names[0].len() == 43, "{names:?}");
}
