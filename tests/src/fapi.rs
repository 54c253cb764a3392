//! A client of FAPI 2.0: registers so that the profile is on for it, pushes its requests, signs its assertions and its
//! request objects, and proves a key with every token request.

use anyhow::{Context, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::{
    bed::Bed,
    checker::{BACK, Back, Checker},
    jose::Jose,
    machine::{Answer, DpopKey, read},
    subject::unix_time,
};

/// The client, with a browser of a person's beside it.
pub struct Fapi<'a> {
    /// Its registration and the browser.
    pub checker: Checker<'a>,
    /// Who signs for it.
    pub jose: Jose,
    /// Its own key.
    pub key: Value,
    /// What its tokens are bound to.
    pub dpop: DpopKey,
}

/// The verifier of RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// And its challenge.
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

impl<'a> Fapi<'a> {
    /// Registers by RFC 7591, with further metadata.
    pub async fn register(bed: &'a Bed, jose: &Jose, more: Value) -> anyhow::Result<Self> {
        let key = jose.key("P-256", json!({ "kid": "client" }))?;
        let mut metadata = json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks": { "keys": [jose.public(&key)?] },
            "require_pushed_authorization_requests": true, "dpop_bound_access_tokens": true,
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            metadata[name] = value.clone();
        }
        Ok(Self {
            checker: Checker::register(bed, metadata).await?,
            jose: jose.clone(),
            key,
            dpop: DpopKey::new()?,
        })
    }

    /// An assertion with some claims changed; null takes one away.
    pub fn assertion(&self, changes: &Value) -> anyhow::Result<String> {
        let (id, at) = (self.checker.id(), unix_time());
        let claims = json!({
            "iss": id, "sub": id, "aud": self.checker.bed.issuer, "iat": at, "exp": at + 60,
            "jti": Uuid::new_v4().to_string(),
        });
        self.signed(json!({ "alg": "ES256", "kid": "client" }), claims, changes)
    }

    /// A request object with some claims changed; null takes one away.
    pub fn object(&self, changes: &Value) -> anyhow::Result<String> {
        let at = unix_time();
        let mut claims = json!({
            "iss": self.checker.id(), "aud": self.checker.bed.issuer, "iat": at, "nbf": at, "exp": at + 60,
            "jti": Uuid::new_v4().to_string(),
        });
        for (name, value) in self.request(&[]) {
            claims[name] = value.into();
        }
        let header = json!({ "alg": "ES256", "kid": "client", "typ": "oauth-authz-req+jwt" });
        self.signed(header, claims, changes)
    }

    /// A JWT by its own key.
    pub fn signed(
        &self,
        header: Value,
        mut claims: Value,
        changes: &Value,
    ) -> anyhow::Result<String> {
        for (name, value) in changes.as_object().into_iter().flatten() {
            let claims = claims.as_object_mut().context("no claims")?;
            match value {
                Value::Null => claims.remove(name),
                value => claims.insert(name.clone(), value.clone()),
            };
        }
        self.jose.sign(header, &claims, &self.key)
    }

    /// A proof for a POST to that endpoint.
    pub fn proof(&self, path: &str) -> anyhow::Result<String> {
        let url = self.checker.bed.url(path);
        self.dpop.proof("POST", url.as_str(), None, None)
    }

    /// A form as it stands, and perhaps a proof.
    pub async fn post_bare(
        &self,
        path: &str,
        form: &[(&str, &str)],
        proof: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let mut request = Client::new().post(self.checker.bed.url(path)).form(form);
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        read(request).await
    }

    /// A form with that assertion.
    pub async fn post_as(
        &self,
        assertion: &str,
        path: &str,
        form: &[(&str, &str)],
        proof: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let mut form = form.to_vec();
        form.push((
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ));
        form.push(("client_assertion", assertion));
        self.post_bare(path, &form, proof).await
    }

    /// A form with a fresh assertion.
    pub async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        proof: Option<&str>,
    ) -> anyhow::Result<Answer> {
        self.post_as(&self.assertion(&json!({}))?, path, form, proof)
            .await
    }

    /// The parameters of a request with some changed; "" takes one away.
    #[must_use]
    pub fn request(&self, changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut all = vec![
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        all.extend_from_slice(changes);
        self.checker.request(&all)
    }

    /// Pushes a request with some parameters changed.
    pub async fn push(
        &self,
        changes: &[(&str, &str)],
        proof: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let request = self.request(changes);
        let form: Vec<(&str, &str)> = request
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        self.post("/par", &form, proof).await
    }

    /// Pushes a signed request with some claims changed.
    pub async fn push_signed(&self, changes: &Value) -> anyhow::Result<Answer> {
        let object = self.object(changes)?;
        let form = [
            ("client_id", self.checker.id()),
            ("request", object.as_str()),
        ];
        self.post("/par", &form, None).await
    }

    /// Where the browser is sent with a reference.
    #[must_use]
    pub fn at(&self, reference: &str) -> Url {
        let mut url = self.checker.bed.url("/authorize");
        url.query_pairs_mut()
            .append_pair("client_id", self.checker.id())
            .append_pair("request_uri", reference);
        url
    }

    /// Takes a pushed request through the browser.
    pub async fn authorize(&mut self, pushed: &Answer) -> anyhow::Result<Back> {
        ensure!(pushed.status == StatusCode::CREATED, "{}", pushed.text);
        let url = self.at(pushed.get("request_uri"));
        let arrival = self.checker.person.open(url).await?;
        self.checker.through(arrival).await
    }

    /// A fresh code.
    pub async fn code(&mut self, changes: &[(&str, &str)]) -> anyhow::Result<String> {
        let pushed = self.push(changes, None).await?;
        Ok(self.authorize(&pushed).await?.code()?.to_owned())
    }

    /// Redeems a code with a proof of its own key.
    pub async fn redeem(&self, code: &str) -> anyhow::Result<Answer> {
        let proof = self.proof("/token")?;
        self.post("/token", &of_code(code), Some(&proof)).await
    }
}

/// The form that redeems a code.
#[must_use]
pub fn of_code(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ]
}
