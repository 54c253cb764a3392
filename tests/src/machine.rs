//! Requests that no browser makes: a client's forms at the provider's endpoints, and its DPoP proofs.

use anyhow::Context;
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::Server;

/// A client at the provider's endpoints.
#[derive(Debug, Clone)]
pub struct Machine {
    issuer: String,
    /// The `client_id`.
    pub id: String,
    /// Its secret; a public client has none.
    pub secret: Option<String>,
    http: reqwest::Client,
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, where that is JSON.
    pub body: Value,
    /// Its body.
    pub text: String,
}

impl Answer {
    /// A member of the body, as text.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_default()
    }

    /// Status and error code.
    #[must_use]
    pub fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.get("error"))
    }
}

impl Machine {
    /// A client of this server.
    #[must_use]
    pub fn new(server: &Server, id: &str, secret: Option<&str>) -> Self {
        Self::at(&server.issuer, id, secret)
    }

    /// A client of the provider at this address.
    #[must_use]
    pub fn at(issuer: &str, id: &str, secret: Option<&str>) -> Self {
        Self {
            issuer: issuer.to_owned(),
            id: id.to_owned(),
            secret: secret.map(str::to_owned),
            http: reqwest::Client::new(),
        }
    }

    /// The same client on connections of this kind.
    #[must_use]
    pub fn through(self, http: reqwest::Client) -> Self {
        Self { http, ..self }
    }

    /// The same client at another replica.
    #[must_use]
    pub fn elsewhere(&self, base: &str) -> Self {
        Self {
            issuer: base.to_owned(),
            ..self.clone()
        }
    }

    /// The URL of an endpoint.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// A form with this client's authentication and further headers.
    pub async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let mut form = form.to_vec();
        let mut request = self.http.post(self.url(path));
        match &self.secret {
            Some(secret) => request = request.basic_auth(&self.id, Some(secret)),
            None => form.push(("client_id", &self.id)),
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.form(&form)).await
    }

    /// A token request.
    pub async fn token(&self, form: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.post("/token", form, &[]).await
    }

    /// A token request with a proof.
    pub async fn token_with(
        &self,
        form: &[(&str, &str)],
        key: &DpopKey,
        nonce: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let proof = key.proof("POST", &self.url("/token"), None, nonce)?;
        self.post("/token", form, &[("dpop", &proof)]).await
    }

    /// Asks userinfo with an Authorization header and perhaps a proof.
    pub async fn userinfo(
        &self,
        authorization: &str,
        proof: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let request = self.http.get(self.url("/userinfo"));
        let mut request = request.header("authorization", authorization);
        if let Some(proof) = proof {
            request = request.header("dpop", proof);
        }
        read(request).await
    }
}

/// Sends a request, and reads its answer.
pub async fn read(request: reqwest::RequestBuilder) -> anyhow::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok(Answer {
        status,
        headers,
        body,
        text,
    })
}

/// A key for DPoP proofs.
#[derive(Debug)]
pub struct DpopKey {
    pair: EcdsaKeyPair,
    jwk: Value,
}

impl DpopKey {
    /// A fresh key.
    pub fn new() -> anyhow::Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .ok()
            .context("no key")?;
        let point = pair.public_key().as_ref();
        let (x, y) = (&point[1..33], &point[33..]);
        let jwk = json!({
            "crv": "P-256",
            "kty": "EC",
            "x": URL_SAFE_NO_PAD.encode(x),
            "y": URL_SAFE_NO_PAD.encode(y),
        });
        Ok(Self { pair, jwk })
    }

    /// Its thumbprint (RFC 7638): the members in alphabetic order.
    #[must_use]
    pub fn jkt(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, self.jwk.to_string().as_bytes()))
    }

    /// A fresh proof for a request.
    pub fn proof(
        &self,
        method: &str,
        url: &str,
        access_token: Option<&str>,
        nonce: Option<&str>,
    ) -> anyhow::Result<String> {
        let mut claims = json!({
            "jti": Uuid::new_v4().to_string(),
            "htm": method,
            "htu": url,
            "iat": unix_time(),
        });
        if let Some(token) = access_token {
            let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
            claims["ath"] = hash.into();
        }
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        self.sign(&claims)
    }

    /// A proof of these claims, whatever they say.
    pub fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk});
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = signature.ok().context("not signed")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The claims of a JWT, unverified.
pub fn claims(token: &str) -> anyhow::Result<Value> {
    let payload = token.split('.').nth(1).context("no JWT")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

#[allow(clippy::disallowed_methods)]
fn unix_time() -> i64 {
    time::OffsetDateTime::now_utc().unix_timestamp()
}
