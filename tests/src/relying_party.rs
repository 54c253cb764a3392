//! The application that delegates login: an independent implementation of the client's side, `openidconnect`.

use anyhow::{Context, ensure};
use openidconnect::{
    AccessToken, AuthenticationContextClass, AuthenticationFlow, AuthorizationCode, ClientId,
    ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RefreshToken, Scope, TokenResponse,
    core::{
        CoreClient, CoreIdTokenClaims, CoreProviderMetadata, CoreResponseType, CoreTokenResponse,
        CoreUserInfoClaims,
    },
};
use reqwest::{StatusCode, redirect};
use serde_json::Value;
use url::Url;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A registered client and what it discovered about its provider.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// The `client_id`.
    pub client_id: String,
    /// The client's secret; a public client has none.
    pub secret: Option<String>,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// The discovery document and the keys.
    pub provider: CoreProviderMetadata,
    http: reqwest::Client,
}

/// What an authorization request asks for beyond `openid`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// Further scopes.
    pub scopes: &'a [&'a str],
    /// `acr_values`, in order.
    pub acr: &'a [&'a str],
    /// Any further parameter.
    pub extra: &'a [(&'a str, &'a str)],
}

/// A login that was begun: the URL for the browser, and what the application keeps meanwhile.
#[derive(Debug)]
pub struct Begun {
    /// The authorization request.
    pub url: Url,
    /// The `state` that must come back.
    pub state: String,
    /// The PKCE verifier.
    pub verifier: String,
    nonce: Nonce,
}

/// A finished login.
#[derive(Debug)]
pub struct LoggedIn {
    /// The ID token as it came.
    pub id_token: String,
    /// Its claims, verified.
    pub claims: CoreIdTokenClaims,
    /// The access token.
    pub access_token: String,
    /// The refresh token, where `offline_access` was granted.
    pub refresh_token: Option<String>,
}

impl LoggedIn {
    /// The `amr` of the ID token.
    #[must_use]
    pub fn amr(&self) -> Vec<String> {
        let refs = self.claims.auth_method_refs();
        refs.into_iter()
            .flatten()
            .map(|r| r.as_str().to_owned())
            .collect()
    }

    /// The `acr` of the ID token.
    #[must_use]
    pub fn acr(&self) -> &str {
        self.claims
            .auth_context_ref()
            .map_or("", |acr| acr.as_str())
    }
}

impl RelyingParty {
    /// Reads the provider's discovery document and keys.
    pub async fn discover(
        issuer: &str,
        client_id: &str,
        secret: Option<&str>,
        redirect_uri: &str,
    ) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .build()?;
        let issuer = IssuerUrl::new(issuer.to_owned())?;
        let provider = CoreProviderMetadata::discover_async(issuer, &sender(&http))
            .await
            .context("discovery")?;
        Ok(Self {
            client_id: client_id.to_owned(),
            secret: secret.map(str::to_owned),
            redirect_uri: redirect_uri.to_owned(),
            provider,
            http,
        })
    }

    /// An authorization request with state, nonce and PKCE.
    #[must_use]
    pub fn begin(&self, ask: Ask<'_>) -> Begun {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client = self.client();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .set_pkce_challenge(challenge);
        for scope in ask.scopes {
            request = request.add_scope(Scope::new((*scope).to_owned()));
        }
        for acr in ask.acr {
            request =
                request.add_auth_context_value(AuthenticationContextClass::new((*acr).to_owned()));
        }
        for (name, value) in ask.extra {
            request = request.add_extra_param(*name, *value);
        }
        let (url, state, nonce) = request.url();
        Begun {
            url,
            state: state.secret().clone(),
            verifier: verifier.into_secret(),
            nonce,
        }
    }

    /// Takes the browser's return: checks state and `iss` (RFC 9207), exchanges the code, verifies the ID token.
    pub async fn finish(&self, begun: Begun, back: &Url) -> anyhow::Result<LoggedIn> {
        let code = self.code(&begun, back)?;
        let response = self.exchange(&code, &begun.verifier).await?;
        self.accept(&response, &begun.nonce)
    }

    /// Redeems a code.
    pub async fn exchange(&self, code: &str, verifier: &str) -> anyhow::Result<CoreTokenResponse> {
        self.client()
            .exchange_code(AuthorizationCode::new(code.to_owned()))?
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&sender(&self.http))
            .await
            .context("token request")
    }

    /// The code of an authorization response, where state and issuer are as they must be.
    pub fn code(&self, begun: &Begun, back: &Url) -> anyhow::Result<String> {
        ensure!(
            back.as_str().starts_with(&self.redirect_uri),
            "came back to {back}"
        );
        let parameter = |name: &str| {
            back.query_pairs()
                .find(|(n, _)| n == name)
                .map(|(_, v)| v.into_owned())
        };
        ensure!(parameter("error").is_none(), "refused: {back}");
        ensure!(
            parameter("state").as_deref() == Some(&begun.state),
            "another state: {back}"
        );
        let issuer = self.provider.issuer().as_str();
        ensure!(
            parameter("iss").as_deref() == Some(issuer),
            "another issuer: {back}"
        );
        parameter("code").with_context(|| format!("no code: {back}"))
    }

    /// Redeems a refresh token; the new ID token, where there is one, is verified.
    pub async fn refresh(&self, token: &str) -> anyhow::Result<CoreTokenResponse> {
        let token = RefreshToken::new(token.to_owned());
        let client = self.client();
        let request = client.exchange_refresh_token(&token)?;
        Ok(request.request_async(&sender(&self.http)).await?)
    }

    /// Asks userinfo, and checks that it speaks of the ID token's subject.
    pub async fn user_info(&self, login: &LoggedIn) -> anyhow::Result<CoreUserInfoClaims> {
        let token = AccessToken::new(login.access_token.clone());
        let client = self.client();
        let request = client.user_info(token, Some(login.claims.subject().clone()))?;
        Ok(request.request_async(&sender(&self.http)).await?)
    }

    /// A token request of any content, with this client's authentication.
    pub async fn token(&self, form: &[(&str, &str)]) -> anyhow::Result<(StatusCode, Value)> {
        let endpoint = self
            .provider
            .token_endpoint()
            .context("no token endpoint")?
            .url()
            .clone();
        self.post(endpoint, form).await
    }

    /// A form for any endpoint, with this client's authentication.
    pub async fn post(
        &self,
        endpoint: Url,
        form: &[(&str, &str)],
    ) -> anyhow::Result<(StatusCode, Value)> {
        let mut form = form.to_vec();
        let mut request = self.http.post(endpoint);
        match &self.secret {
            Some(secret) => request = request.basic_auth(&self.client_id, Some(secret)),
            None => form.push(("client_id", &self.client_id)),
        }
        let response = request.form(&form).send().await?;
        let status = response.status();
        Ok((
            status,
            serde_json::from_str(&response.text().await?).unwrap_or(Value::Null),
        ))
    }

    /// The parameters of a token request for a code.
    #[must_use]
    pub fn code_grant<'a>(&'a self, code: &'a str, verifier: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect_uri),
            ("code_verifier", verifier),
        ]
    }

    /// Verifies the ID token of a response.
    fn accept(&self, response: &CoreTokenResponse, nonce: &Nonce) -> anyhow::Result<LoggedIn> {
        let id_token = response.id_token().context("no ID token")?;
        let client = self.client();
        let verifier = client.id_token_verifier();
        let claims = id_token
            .claims(&verifier, nonce)
            .context("ID token")?
            .clone();
        Ok(LoggedIn {
            id_token: id_token.to_string(),
            claims,
            access_token: response.access_token().secret().clone(),
            refresh_token: response.refresh_token().map(|t| t.secret().clone()),
        })
    }

    fn client(&self) -> Client {
        let redirect = RedirectUrl::new(self.redirect_uri.clone());
        CoreClient::from_provider_metadata(
            self.provider.clone(),
            ClientId::new(self.client_id.clone()),
            self.secret.clone().map(ClientSecret::new),
        )
        .set_redirect_uri(redirect.expect("invariant: a test's redirect URI is a URL"))
    }
}

/// `openidconnect` brings its own, older HTTP client where asked to; this hands it ours.
fn sender(
    http: &reqwest::Client,
) -> impl Fn(
    HttpRequest,
) -> std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send>> {
    let http = http.clone();
    move |request| {
        let http = http.clone();
        Box::pin(async move {
            let request = reqwest::Request::try_from(request.map(reqwest::Body::from))?;
            let response = http.execute(request).await?;
            let mut answer = HttpResponse::new(Vec::new());
            *answer.status_mut() = response.status();
            *answer.headers_mut() = response.headers().clone();
            *answer.body_mut() = response.bytes().await?.to_vec();
            Ok(answer)
        })
    }
}
