//! What the discovery document announces is what a client can have: each value of each list of algorithms is registered
//! and then played by the wire at the endpoint that it is about, and what is not announced cannot be registered.
//!
//! The table is the document itself: a list that nobody here knows how to play fails the test.

use anyhow::{Context, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::{
    bed::Bed,
    checker::{BACK, Checker, registered},
    jose::Jose,
    machine::{Answer, read},
    need,
    person::Person,
    subject::unix_time,
};
use uuid::Uuid;

const CIBA: &str = "urn:openid:params:grant-type:ciba";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Every name of RFC 7518 §3.1, RFC 8037 §3.1 and RFC 8812 §3.2.
const SIGNATURES: [&str; 15] = [
    "none", "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "ES256K",
];

/// The provider, its document, the keys of a client, and a browser that is signed in to all of them.
struct Ground {
    bed: Bed,
    document: Value,
    theirs: Value,
    jose: Jose,
    /// One of each kind, private.
    keys: Vec<Value>,
    person: Person,
}

impl Ground {
    async fn new(jose: Jose) -> anyhow::Result<Self> {
        let bed = Bed::start("conformance.toml", 9777, &[]).await?;
        let get = async |path: &str| -> anyhow::Result<Value> {
            Ok(reqwest::get(bed.url(path)).await?.json().await?)
        };
        let document = get("/.well-known/openid-configuration").await?;
        let theirs = get("/jwks").await?;
        let kinds = ["RSA", "P-256", "P-384", "Ed25519"];
        let keys = kinds.map(|kind| jose.key(kind, json!({ "kid": kind })));
        let keys = keys.into_iter().collect::<Result<_, _>>()?;
        Ok(Self {
            bed,
            document,
            theirs,
            jose,
            keys,
            person: Person::new(),
        })
    }

    fn list(&self, name: &str) -> Vec<String> {
        let values = self.document[name].as_array().into_iter().flatten();
        let texts = values.filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    }

    fn jwks(&self) -> Value {
        let public = self.keys.iter().map(|key| self.jose.public(key));
        json!({ "keys": public.map(|key| key.expect("a key")).collect::<Vec<_>>() })
    }

    async fn client(&self, more: Value) -> anyhow::Result<Checker<'_>> {
        let mut metadata = json!({ "jwks": self.jwks() });
        for (name, value) in more.as_object().into_iter().flatten() {
            metadata[name] = value.clone();
        }
        let mut checker = Checker::register(&self.bed, metadata).await?;
        checker.person = self.person.clone();
        Ok(checker)
    }

    /// The key that an algorithm takes: one of the client's own, or its secret.
    fn key_for(&self, alg: &str, client: &Checker<'_>) -> anyhow::Result<Value> {
        let kind = match alg {
            "ES256" => "P-256",
            "ES384" => "P-384",
            "EdDSA" => "Ed25519",
            _ if alg.starts_with("HS") => return secret(client),
            _ => "RSA",
        };
        let found = self.keys.iter().find(|key| key["kid"] == kind);
        Ok(found.context("a key")?.clone())
    }

    fn signed(
        &self,
        (alg, typ): (&str, &str),
        claims: &Value,
        client: &Checker<'_>,
    ) -> anyhow::Result<String> {
        let mut header = json!({ "alg": alg, "typ": typ });
        if !alg.starts_with("HS") {
            header["kid"] = self.key_for(alg, client)?["kid"].clone();
        }
        self.jose.sign(header, claims, &self.key_for(alg, client)?)
    }

    /// The claims of what we signed, by that algorithm and no other.
    fn verified(&self, alg: &str, token: &str, client: &Checker<'_>) -> anyhow::Result<Value> {
        let keys = match alg.starts_with("HS") {
            true => json!({ "keys": [secret(client)?] }),
            false => {
                let all = self.theirs["keys"].as_array().context("keys")?.iter();
                let signing: Vec<_> = all.filter(|key| key["use"] != "enc").collect();
                json!({ "keys": signing })
            }
        };
        let (header, claims) = self.jose.verify(token, &keys)?;
        ensure!(header["alg"] == alg, "{header}");
        Ok(claims)
    }

    /// What is inside of what was encrypted to the client, by those algorithms.
    fn opened(&self, (alg, enc): (&str, &str), token: &str) -> anyhow::Result<String> {
        let kind = if alg.starts_with("RSA") {
            "RSA"
        } else {
            "P-256"
        };
        let key = self.keys.iter().find(|key| key["kid"] == kind);
        let (header, text) = self.jose.decrypt(token, key.context("a key")?)?;
        ensure!(header["alg"] == alg && header["enc"] == enc, "{header}");
        Ok(text)
    }

    /// The claims of a client's assertion, for a request that is not told from the others by anything else.
    fn assertion(&self, alg: &str, client: &Checker<'_>) -> anyhow::Result<String> {
        let (id, at) = (client.id(), unix_time());
        let claims = json!({
            "iss": id, "sub": id, "aud": self.bed.issuer, "iat": at, "exp": at + 60,
            "jti": Uuid::new_v4().to_string(),
        });
        self.signed((alg, "JWT"), &claims, client)
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> anyhow::Result<Answer> {
        read(Client::new().post(self.bed.url(path)).form(form)).await
    }
}

/// The client's secret as a key.
fn secret(client: &Checker<'_>) -> anyhow::Result<Value> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let secret = client.client["client_secret"].as_str();
    let secret = secret.context("a secret")?;
    Ok(json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret) }))
}

/// ID tokens: the signature, the hash that goes with it, and the token coming back as a hint.
async fn id_token(ground: &Ground, alg: &str) -> anyhow::Result<()> {
    let metadata = json!({ "id_token_signed_response_alg": alg });
    let mut client = ground.client(metadata).await?;
    let (tokens, _) = client.login(&[]).await?;
    let token = tokens["id_token"].as_str().context("an ID token")?;
    let claims = ground.verified(alg, token, &client)?;
    let hash = match alg {
        "EdDSA" => "sha512".to_owned(),
        sized => format!("sha{}", sized.get(2..).unwrap_or_default()),
    };
    let access = tokens["access_token"].as_str().context("a token")?;
    let expected = ground.jose.half_hash(&hash, access)?;
    ensure!(claims["at_hash"] == expected.as_str(), "{claims}");
    let again = [("prompt", "none"), ("id_token_hint", token)];
    let back = client.authorize(&again).await?;
    back.code().context("the hint")?;
    let cut = token.rsplit_once('.').context("a JWT")?.0;
    let forged = format!("{cut}.AAAA");
    let back = client
        .authorize(&[("prompt", "none"), ("id_token_hint", &forged)])
        .await?;
    ensure!(back.get("error").is_some(), "a forged hint: {back:?}");
    Ok(())
}

async fn userinfo(ground: &Ground, more: Value) -> anyhow::Result<(Checker<'_>, String)> {
    let mut client = ground.client(more).await?;
    let (tokens, _) = client.login(&[]).await?;
    let token = tokens["access_token"].as_str().context("a token")?;
    let request = Client::new().get(ground.bed.url("/userinfo"));
    let answer = read(request.bearer_auth(token)).await?;
    ensure!(answer.headers["content-type"] == "application/jwt");
    Ok((client, answer.text))
}

async fn answer(ground: &Ground, more: Value) -> anyhow::Result<(Checker<'_>, String)> {
    let mut client = ground.client(more).await?;
    let back = client.authorize(&[("response_mode", "jwt")]).await?;
    let response = back.get("response").context("a response")?.to_owned();
    Ok((client, response))
}

async fn introspection(ground: &Ground, more: Value) -> anyhow::Result<(Checker<'_>, String)> {
    let mut client = ground.client(more).await?;
    let (tokens, _) = client.login(&[]).await?;
    let token = tokens["access_token"].as_str().context("a token")?;
    let secret = client.client["client_secret"].as_str();
    let request = Client::new()
        .post(ground.bed.url("/introspect"))
        .basic_auth(client.id(), secret)
        .form(&[("token", token)]);
    let said = read(request).await?;
    let kind = &said.headers["content-type"];
    ensure!(
        kind == "application/token-introspection+jwt",
        "{}",
        said.text
    );
    Ok((client, said.text))
}

/// The parameters of an authorization request as the claims of an object.
fn object(ground: &Ground, client: &Checker<'_>) -> Value {
    let at = unix_time();
    let mut claims = json!({
        "iss": client.id(), "aud": ground.bed.issuer, "iat": at, "nbf": at, "exp": at + 60,
        "jti": Uuid::new_v4().to_string(),
    });
    for (name, value) in client.request(&[("state", "inside")]) {
        claims[name] = value.into();
    }
    claims
}

async fn understood(client: &mut Checker<'_>, object: &str) -> anyhow::Result<()> {
    let back = client.authorize(&[("request", object)]).await?;
    back.code()?;
    ensure!(back.get("state") == Some("inside"), "{back:?}");
    Ok(())
}

async fn request_object(ground: &Ground, alg: &str) -> anyhow::Result<()> {
    let metadata = json!({ "request_object_signing_alg": alg });
    let mut client = ground.client(metadata).await?;
    let claims = object(ground, &client);
    let signed = ground.signed((alg, "oauth-authz-req+jwt"), &claims, &client)?;
    understood(&mut client, &signed).await
}

async fn sealed_object(ground: &Ground, alg: &str, enc: &str) -> anyhow::Result<()> {
    let metadata = json!({
        "request_object_signing_alg": "ES256", "request_object_encryption_alg": alg,
        "request_object_encryption_enc": enc,
    });
    let mut client = ground.client(metadata).await?;
    let claims = object(ground, &client);
    let signed = ground.signed(("ES256", "oauth-authz-req+jwt"), &claims, &client)?;
    let kind = if alg.starts_with("RSA") { "RSA" } else { "EC" };
    let mut keys = ground.theirs["keys"].as_array().context("keys")?.iter();
    let key = keys.find(|key| key["use"] == "enc" && key["kty"] == kind);
    let key = key.context("a key to encrypt to")?;
    let header = json!({ "alg": alg, "enc": enc, "kid": key["kid"], "cty": "oauth-authz-req+jwt" });
    let sealed = ground.jose.encrypt(header, &signed, key)?;
    understood(&mut client, &sealed).await
}

/// A client that authenticates by that algorithm is let in at the endpoint.
async fn authentication(ground: &Ground, alg: &str, path: &str) -> anyhow::Result<()> {
    let method = match alg.starts_with("HS") {
        true => "client_secret_jwt",
        false => "private_key_jwt",
    };
    let client = ground
        .client(json!({
            "token_endpoint_auth_method": method, "token_endpoint_auth_signing_alg": alg,
            "grant_types": ["authorization_code", "client_credentials"],
        }))
        .await?;
    let form = |assertion: &str| {
        [
            ("grant_type", "client_credentials"),
            ("token", "x"),
            ("client_assertion_type", ASSERTION),
            ("client_assertion", assertion),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let post = async |assertion: &str| {
        let form = form(assertion);
        let form: Vec<_> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        ground.post(path, &form).await
    };
    let let_in = post(&ground.assertion(alg, &client)?).await?;
    ensure!(let_in.status == StatusCode::OK, "{path}: {}", let_in.text);
    // By another algorithm of the same kind it is not: it registered this one.
    let other = match alg {
        "HS256" => "HS384",
        _ if alg.starts_with("HS") => "HS256",
        "ES256" => "PS256",
        _ => "ES256",
    };
    let refused = post(&ground.assertion(other, &client)?).await?;
    ensure!(
        refused.get("error") == "invalid_client",
        "{path}: {}",
        refused.text
    );
    Ok(())
}

async fn backchannel_request(ground: &Ground, alg: &str) -> anyhow::Result<()> {
    let client = ground
        .client(json!({
            "grant_types": [CIBA], "backchannel_authentication_request_signing_alg": alg,
            "token_endpoint_auth_method": "private_key_jwt", "response_types": [], "redirect_uris": [],
        }))
        .await?;
    let at = unix_time();
    let claims = json!({
        "iss": client.id(), "aud": ground.bed.issuer, "iat": at, "nbf": at, "exp": at + 60,
        "jti": Uuid::new_v4().to_string(), "scope": "openid", "login_hint": "alice",
    });
    let request = ground.signed((alg, "JWT"), &claims, &client)?;
    let assertion = ground.assertion("ES256", &client)?;
    let form = [
        ("request", request.as_str()),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", assertion.as_str()),
    ];
    let answer = ground.post("/bc-authorize", &form).await?;
    ensure!(answer.body["auth_req_id"].is_string(), "{}", answer.text);
    Ok(())
}

/// The answer to a proof by that algorithm.
async fn proof(ground: &Ground, alg: &str) -> anyhow::Result<Answer> {
    let client = ground
        .client(json!({ "grant_types": ["client_credentials"], "response_types": [] }))
        .await?;
    let key = match alg {
        // What cannot be made by a key of the client's is made by another one, and refused before it is looked at.
        "none" | "ES512" | "ES256K" => return Err(anyhow::anyhow!("not made here")),
        alg if alg.starts_with("HS") => secret(&client)?,
        alg => ground.key_for(alg, &client)?,
    };
    let public = match key["kty"].as_str() {
        Some("oct") => key.clone(),
        _ => ground.jose.public(&key)?,
    };
    let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": public });
    let claims = json!({
        "jti": Uuid::new_v4().to_string(), "htm": "POST", "htu": ground.bed.url("/token").as_str(), "iat": unix_time(),
    });
    let proof = ground.jose.sign(header, &claims, &key)?;
    let request = Client::new()
        .post(ground.bed.url("/token"))
        .basic_auth(client.id(), client.client["client_secret"].as_str())
        .header("dpop", proof)
        .form(&[("grant_type", "client_credentials")]);
    read(request).await
}

/// What plays a value of a list of signatures.
async fn play(ground: &Ground, list: &str, alg: &str) -> anyhow::Result<()> {
    match list {
        "id_token_signing_alg_values_supported" => id_token(ground, alg).await,
        "userinfo_signing_alg_values_supported" => {
            let metadata = json!({ "userinfo_signed_response_alg": alg });
            let (client, token) = userinfo(ground, metadata).await?;
            let claims = ground.verified(alg, &token, &client)?;
            ensure!(claims["aud"] == client.id(), "{claims}");
            Ok(())
        }
        "authorization_signing_alg_values_supported" => {
            let metadata = json!({ "authorization_signed_response_alg": alg });
            let (client, token) = answer(ground, metadata).await?;
            let claims = ground.verified(alg, &token, &client)?;
            ensure!(claims["code"].is_string(), "{claims}");
            Ok(())
        }
        "introspection_signing_alg_values_supported" => {
            let metadata = json!({ "introspection_signed_response_alg": alg });
            let (client, token) = introspection(ground, metadata).await?;
            let claims = ground.verified(alg, &token, &client)?;
            ensure!(claims["token_introspection"]["active"] == true, "{claims}");
            Ok(())
        }
        "request_object_signing_alg_values_supported" => request_object(ground, alg).await,
        "token_endpoint_auth_signing_alg_values_supported" => {
            authentication(ground, alg, "/token").await
        }
        "revocation_endpoint_auth_signing_alg_values_supported" => {
            authentication(ground, alg, "/revoke").await
        }
        "introspection_endpoint_auth_signing_alg_values_supported" => {
            authentication(ground, alg, "/introspect").await
        }
        "backchannel_authentication_request_signing_alg_values_supported" => {
            backchannel_request(ground, alg).await
        }
        "dpop_signing_alg_values_supported" => {
            let answer = proof(ground, alg).await?;
            ensure!(answer.get("token_type") == "DPoP", "{}", answer.text);
            Ok(())
        }
        other => anyhow::bail!("nobody knows how to play {other}"),
    }
}

/// What plays a pair of two lists of encryption.
async fn play_sealed(ground: &Ground, what: &str, alg: &str, enc: &str) -> anyhow::Result<()> {
    let fields = |stem: &str| {
        json!({
            format!("{stem}_encrypted_response_alg"): alg, format!("{stem}_encrypted_response_enc"): enc,
            format!("{stem}_signed_response_alg"): "ES256",
        })
    };
    let (client, token) = match what {
        "id_token" => {
            let mut client = ground.client(fields(what)).await?;
            let back = client.authorize(&[]).await?;
            let (_, tokens) = client.redeem(back.code()?).await?;
            let token = tokens["id_token"].as_str().context("an ID token")?;
            (client, token.to_owned())
        }
        "userinfo" => userinfo(ground, fields(what)).await?,
        "authorization" => answer(ground, fields(what)).await?,
        "introspection" => introspection(ground, fields(what)).await?,
        "request_object" => return sealed_object(ground, alg, enc).await,
        other => anyhow::bail!("nobody knows how to play {other}"),
    };
    let inner = ground.opened((alg, enc), &token)?;
    let claims = ground.verified("ES256", &inner, &client)?;
    ensure!(claims["iss"] == ground.bed.issuer.as_str(), "{claims}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_algorithm_that_is_announced_works_where_it_is_announced_for() {
    let jose = need!(Jose::here());
    let ground = Ground::new(jose).await.expect("the ground");
    let document = ground.document.as_object().expect("a document");
    let mut played = 0;
    let mut failed = Vec::new();
    for list in document.keys() {
        if list.ends_with("signing_alg_values_supported") {
            for alg in ground.list(list) {
                played += 1;
                if let Err(error) = play(&ground, list, &alg).await {
                    failed.push(format!("{list} {alg}: {error:#}"));
                }
            }
        } else if let Some(what) = list.strip_suffix("_encryption_alg_values_supported") {
            let encs = ground.list(&format!("{what}_encryption_enc_values_supported"));
            assert!(!encs.is_empty(), "{list} without its other half");
            for alg in ground.list(list) {
                for enc in &encs {
                    played += 1;
                    if let Err(error) = play_sealed(&ground, what, &alg, enc).await {
                        failed.push(format!("{what} {alg} {enc}: {error:#}"));
                    }
                }
            }
        } else {
            let is_known = !list.contains("_alg_values") || list.ends_with("_enc_values_supported");
            assert!(is_known, "{list}: of what kind is it?");
        }
    }
    assert!(failed.is_empty(), "of {played}:\n{}", failed.join("\n"));
    assert!(played > 100, "{played}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_algorithm_and_no_grant_that_is_not_announced_can_be_registered() {
    let jose = need!(Jose::here());
    let ground = Ground::new(jose).await.expect("the ground");
    let by = |method: &str| json!({ "token_endpoint_auth_method": method });
    let mut looked_at = 0;
    for (field, list, method) in [
        (
            "id_token_signed_response_alg",
            "id_token_signing_alg_values_supported",
            "client_secret_basic",
        ),
        (
            "userinfo_signed_response_alg",
            "userinfo_signing_alg_values_supported",
            "client_secret_basic",
        ),
        (
            "authorization_signed_response_alg",
            "authorization_signing_alg_values_supported",
            "client_secret_basic",
        ),
        (
            "introspection_signed_response_alg",
            "introspection_signing_alg_values_supported",
            "client_secret_basic",
        ),
        (
            "request_object_signing_alg",
            "request_object_signing_alg_values_supported",
            "client_secret_basic",
        ),
        (
            "token_endpoint_auth_signing_alg",
            "token_endpoint_auth_signing_alg_values_supported",
            "",
        ),
        (
            "backchannel_authentication_request_signing_alg",
            "backchannel_authentication_request_signing_alg_values_supported",
            "private_key_jwt",
        ),
    ] {
        let announced = ground.list(list);
        for alg in SIGNATURES {
            let method = match (method, alg.starts_with("HS")) {
                ("", true) => "client_secret_jwt",
                ("", false) => "private_key_jwt",
                (method, _) => method,
            };
            let mut metadata = by(method);
            metadata["redirect_uris"] = json!([BACK]);
            metadata["jwks"] = ground.jwks();
            metadata[field] = alg.into();
            if field.starts_with("backchannel") {
                metadata["grant_types"] = json!([CIBA, "authorization_code"]);
            }
            let (status, said) = registered(&ground.bed, &metadata).await.expect("an answer");
            // OIDC Dynamic Client Registration §2: a client may leave its own requests unsigned, if it says so; whoever
            // says nothing may not, so that it is not announced.
            let may_be_none = field == "request_object_signing_alg" && alg == "none";
            let expected = match announced.iter().any(|it| it == alg) || may_be_none {
                true => StatusCode::CREATED,
                false => StatusCode::BAD_REQUEST,
            };
            assert_eq!(status, expected, "{field} {alg}: {said}");
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 7 * SIGNATURES.len());
    let proofs = ground.list("dpop_signing_alg_values_supported");
    for alg in SIGNATURES {
        let Ok(answer) = proof(&ground, alg).await else {
            continue;
        };
        match proofs.iter().any(|it| it == alg) {
            true => assert_eq!(answer.get("token_type"), "DPoP", "{alg}: {}", answer.text),
            false => assert_eq!(answer.refusal(), (400, "invalid_dpop_proof"), "{alg}"),
        }
    }
    let grants = ground.list("grant_types_supported");
    for grant in [
        "authorization_code",
        "implicit",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:device_code",
        CIBA,
        EXCHANGE,
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "password",
    ] {
        let metadata = json!({ "redirect_uris": [BACK], "grant_types": [grant] });
        let (status, said) = registered(&ground.bed, &metadata).await.expect("an answer");
        let is_announced = grants.iter().any(|it| it == grant);
        assert_eq!(
            status == StatusCode::CREATED,
            is_announced,
            "{grant}: {said}"
        );
    }
    // Nobody wrote a rule there: what cannot be had is called so.
    let client = ground.client(json!({})).await.expect("a client");
    let (status, said) = client
        .token(&[
            ("grant_type", EXCHANGE),
            ("subject_token", "x"),
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:access_token",
            ),
        ])
        .await
        .expect("an answer");
    assert_eq!(
        (status, &said["error"]),
        (StatusCode::BAD_REQUEST, &json!("unsupported_grant_type"))
    );
}
