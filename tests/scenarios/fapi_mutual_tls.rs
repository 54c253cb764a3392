//! The modules of FAPI 2.0 for clients that authenticate by a TLS certificate and have their tokens bound to it
//! (RFC 8705), as far as they differ from those of `fapi`: every client registers itself, and the profile is on for it.

use anyhow::{Context, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    bed::PASSWORD,
    checker::{BACK, claims, through},
    fapi::{CHALLENGE, of_code},
    jose::Jose,
    machine::{Answer, DpopKey, read},
    mutual_tls::{Authority, Identity, Provider},
    need,
    person::Person,
    server::{Backend, Server, Setup},
    subject::unix_time,
};

const OPEN: &str = r#"
[registration]
open = true
loopback_redirects = true
[policy]
default_acr = "urn:whorl:acr:password"
[[policy.acr]]
name = "urn:whorl:acr:password"
any_of = [["password"]]
[[seed]]
username = "alice"
password_from = "WHORL_CONFORMANCE_PASSWORD"
"#;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client that registered itself, on connections with a certificate.
struct Client<'a> {
    provider: &'a Provider,
    http: reqwest::Client,
    id: String,
    person: Person,
}

impl<'a> Client<'a> {
    async fn register(
        provider: &'a Provider,
        with: &Identity,
        more: Value,
    ) -> anyhow::Result<Self> {
        let mut metadata = json!({
            "redirect_uris": [BACK], "scope": "openid offline_access",
            "grant_types": ["authorization_code", "refresh_token"], "response_types": ["code"],
            "require_pushed_authorization_requests": true,
            "tls_client_certificate_bound_access_tokens": true,
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            metadata[name] = value.clone();
        }
        let http = provider.connections(Some(with))?;
        let url = format!("{}/register", provider.issuer);
        let made = read(http.post(url).json(&metadata)).await?;
        ensure!(made.status == StatusCode::CREATED, "{}", made.text);
        Ok(Self {
            provider,
            http,
            id: made.get("client_id").to_owned(),
            person: provider.person()?,
        })
    }

    /// A form, at the address where certificates are asked for.
    async fn post(&self, path: &str, form: &[(&str, &str)]) -> anyhow::Result<Answer> {
        self.post_on(&self.http, path, form).await
    }

    async fn post_on(
        &self,
        http: &reqwest::Client,
        path: &str,
        form: &[(&str, &str)],
    ) -> anyhow::Result<Answer> {
        let mut form = form.to_vec();
        form.push(("client_id", &self.id));
        let url = format!("{}{path}", self.provider.alias);
        read(http.post(url).form(&form)).await
    }

    fn request(&self) -> [(&'static str, &'static str); 7] {
        [
            ("redirect_uri", BACK),
            ("response_type", "code"),
            ("scope", "openid offline_access"),
            ("prompt", "consent"),
            ("state", "af0ifjsldkj"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]
    }

    /// Takes a pushed request through the browser.
    async fn code(&self, pushed: &Answer) -> anyhow::Result<String> {
        ensure!(pushed.status == StatusCode::CREATED, "{}", pushed.text);
        let mut url: url::Url = format!("{}/authorize", self.provider.issuer).parse()?;
        url.query_pairs_mut()
            .append_pair("client_id", &self.id)
            .append_pair("request_uri", pushed.get("request_uri"));
        let arrival = self.person.open(url).await?;
        let back = through(&self.person, arrival, &mut Vec::new()).await?;
        ensure!(
            back.get("iss") == Some(&self.provider.issuer),
            "RFC 9207: {back:?}"
        );
        Ok(back.code()?.to_owned())
    }

    /// What userinfo answers to a token on such a connection.
    async fn userinfo(&self, with: Option<&Identity>, token: &str) -> anyhow::Result<StatusCode> {
        let http = self.provider.connections(with)?;
        let url = format!("{}/userinfo", self.provider.alias);
        Ok(http.get(url).bearer_auth(token).send().await?.status())
    }
}

fn refused(answer: &Answer, status: u16, code: &str) -> anyhow::Result<()> {
    ensure!(
        answer.refusal() == (status, code),
        "{} {}, wanted {status} {code}",
        answer.status,
        answer.text
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_security_profile_by_certificates() -> anyhow::Result<()> {
    let authority = Authority::new("the clients' authority")?;
    let (job, other) = (
        authority.identity("job.example")?,
        authority.identity("other.example")?,
    );
    let own = Identity::self_signed("job.example")?;
    let provider = Provider::start(&authority, OPEN).await?;
    let by_name = json!({ "token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "job.example" });
    let by_key = json!({ "token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": { "keys": [own.jwk()] } });
    for (metadata, with) in [(by_name, &job), (by_key, &own)] {
        let it = Client::register(&provider, with, metadata).await?;
        // The profile is on: only pushed requests (§5.3.2.2), and PKCE in them.
        let mut front: url::Url = format!("{}/authorize", provider.issuer).parse()?;
        front
            .query_pairs_mut()
            .append_pair("client_id", &it.id)
            .extend_pairs(it.request());
        let arrival = format!("{:?}", it.person.open(front).await?);
        ensure!(!arrival.contains("code="), "{arrival}");
        let bare: Vec<_> = it
            .request()
            .into_iter()
            .filter(|(name, _)| !name.starts_with("code_challenge"))
            .collect();
        refused(&it.post("/par", &bare).await?, 400, "invalid_request")?;

        // A certificate authenticates at the pushed authorization request endpoint too, and no other one does.
        let none = provider.connections(None)?;
        let foreign = provider.connections(Some(&other))?;
        for http in [&none, &foreign] {
            let answer = it.post_on(http, "/par", &it.request()).await?;
            refused(&answer, 401, "invalid_client")?;
        }
        let pushed = it.post("/par", &it.request()).await?;
        let code = it.code(&pushed).await?;
        for http in [&none, &foreign] {
            let answer = it.post_on(http, "/token", &of_code(&code)).await?;
            refused(&answer, 401, "invalid_client")?;
        }
        let tokens = it.post("/token", &of_code(&code)).await?;
        ensure!(tokens.status == StatusCode::OK, "{}", tokens.text);
        let token = tokens.get("access_token");
        ensure!(
            claims(token)?["cnf"]["x5t#S256"] == with.thumbprint(),
            "{}",
            tokens.text
        );

        // RFC 8705 §3: the token is good with the certificate alone.
        ensure!(it.userinfo(Some(with), token).await? == StatusCode::OK);
        ensure!(it.userinfo(Some(&other), token).await? == StatusCode::UNAUTHORIZED);
        ensure!(it.userinfo(None, token).await? == StatusCode::UNAUTHORIZED);

        // §5.3.2.1: refresh tokens are not rotated.
        let refresh = tokens.get("refresh_token");
        ensure!(!refresh.is_empty(), "{}", tokens.text);
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh)];
        for _ in 0..2 {
            let again = it.post("/token", &form).await?;
            ensure!(again.status == StatusCode::OK, "{}", again.text);
            ensure!(again.body["refresh_token"].is_null(), "rotated");
            let bound = claims(again.get("access_token"))?["cnf"]["x5t#S256"].clone();
            ensure!(bound == with.thumbprint(), "{bound}");
        }
    }
    ensure!(!provider.log().contains(PASSWORD), "the password is logged");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn assertions_and_proofs_may_be_for_the_address_with_certificates() {
    let jose = need!(Jose::here());
    let played = aliases(&jose).await;
    played.expect("both addresses are ours");
}

async fn aliases(jose: &Jose) -> anyhow::Result<()> {
    let authority = Authority::new("the clients' authority")?;
    let job = authority.identity("job.example")?;
    let provider = Provider::start(&authority, OPEN).await?;
    let key = jose.key("P-256", json!({ "kid": "client" }))?;
    let keys = json!({ "keys": [jose.public(&key)?] });
    let signed = async |fapi: bool| {
        let more = json!({
            "token_endpoint_auth_method": "private_key_jwt", "jwks": keys,
            "require_pushed_authorization_requests": fapi,
        });
        Client::register(&provider, &job, more).await
    };
    let (it, strict) = (signed(false).await?, signed(true).await?);
    let push = async |it: &Client<'_>, audience: &str| {
        let at = unix_time();
        let claims = json!({ "iss": it.id, "sub": it.id, "aud": audience, "iat": at, "exp": at + 60,
            "jti": uuid::Uuid::new_v4().to_string() });
        let header = json!({ "alg": "ES256", "kid": "client" });
        let assertion = jose.sign(header, &claims, &key)?;
        let mut form = it.request().to_vec();
        form.extend([
            ("client_assertion_type", ASSERTION),
            ("client_assertion", assertion.as_str()),
        ]);
        it.post("/par", &form).await
    };
    for base in [&provider.issuer, &provider.alias] {
        for path in ["/token", "/par"] {
            let audience = format!("{base}{path}");
            // RFC 9126 §2: the endpoint's URL and the token endpoint's, wherever clients reach them.
            let pushed = push(&it, &audience).await?;
            ensure!(
                pushed.status == StatusCode::CREATED,
                "{audience}: {}",
                pushed.text
            );
            // FAPI 2.0 §5.3.2.1: the issuer alone.
            refused(&push(&strict, &audience).await?, 401, "invalid_client")?;
        }
    }
    let pushed = push(&strict, &provider.issuer).await?;
    ensure!(pushed.status == StatusCode::CREATED, "{}", pushed.text);
    let elsewhere = push(&it, "https://localhost:1/token").await?;
    refused(&elsewhere, 401, "invalid_client")?;

    // RFC 9449 §4.3: `htu` is the URL of the request, or of the same endpoint below the issuer.
    let public = json!({
        "token_endpoint_auth_method": "none", "dpop_bound_access_tokens": true,
        "require_pushed_authorization_requests": false, "tls_client_certificate_bound_access_tokens": false,
    });
    let public = Client::register(&provider, &job, public).await?;
    for (base, is_ours) in [
        (provider.alias.as_str(), true),
        (provider.issuer.as_str(), true),
        ("https://localhost:1", false),
    ] {
        let dpop = DpopKey::new()?;
        let proof = dpop.proof("POST", &format!("{base}/token"), None, None)?;
        let pushed = public.post("/par", &public.request()).await?;
        let code = public.code(&pushed).await?;
        let mut form = of_code(&code).to_vec();
        form.push(("client_id", &public.id));
        let url = format!("{}/token", provider.alias);
        let answer = read(public.http.post(url).header("dpop", proof).form(&form)).await?;
        if !is_ours {
            refused(&answer, 400, "invalid_dpop_proof")?;
            continue;
        }
        ensure!(
            answer.get("token_type") == "DPoP",
            "{base}: {}",
            answer.text
        );
        let proved = dpop.proof(
            "GET",
            &format!("{base}/userinfo"),
            Some(answer.get("access_token")),
            None,
        )?;
        let userinfo = public
            .http
            .get(format!("{}/userinfo", provider.alias))
            .header(
                "authorization",
                format!("DPoP {}", answer.get("access_token")),
            )
            .header("dpop", proved);
        let status = userinfo.send().await?.status();
        ensure!(status == StatusCode::OK, "{base}: {status}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_can_show_is_not_registered() {
    let setup = Setup {
        toml: "[registration]\nopen = true\n",
        ..Setup::plain(Backend::Embedded)
    };
    let server = need!(Server::start(setup).await);
    let played = nothing_about_certificates(&server).await;
    played.expect("certificates are not served");
}

async fn nothing_about_certificates(server: &Server) -> anyhow::Result<()> {
    let register = async |method: &str| {
        let metadata = json!({
            "redirect_uris": ["https://job.example/cb"], "token_endpoint_auth_method": method,
            "tls_client_auth_san_dns": "job.example",
        });
        read(
            reqwest::Client::new()
                .post(server.url("/register"))
                .json(&metadata),
        )
        .await
    };
    let refusal = register("tls_client_auth").await?;
    refused(&refusal, 400, "invalid_client_metadata")?;
    let said: Value = reqwest::get(server.url("/.well-known/openid-configuration"))
        .await?
        .json()
        .await?;
    let methods = said["token_endpoint_auth_methods_supported"].as_array();
    let methods = methods.context("no methods")?;
    ensure!(
        methods
            .iter()
            .all(|it| it.as_str().is_some_and(|it| !it.contains("tls"))),
        "{said}"
    );
    Ok(())
}
