//! A relying party: discovery, a request with PKCE and nonce, the code exchanged, the ID token verified.

use std::time::Duration;

use anyhow::{Context as _, bail};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::http;
use openidconnect::{
    AdditionalClaims, AuthenticationFlow, AuthorizationCode, Client, ClientId, CsrfToken, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdTokenFields, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, StandardErrorResponse,
    StandardTokenResponse, TokenResponse as _,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

/// The claims that the library does not know by name; kept, to be shown.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Rest(#[serde(flatten)] Map<String, Value>);

impl AdditionalClaims for Rest {}

type Fields = IdTokenFields<
    Rest,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Oidc = Client<
    Rest,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A relying party of one provider.
pub struct RelyingParty {
    http: reqwest::Client,
    oidc: Oidc,
    userinfo: Option<Url>,
}

/// A request under way; what the application keeps until the browser comes back.
pub struct Begun {
    /// Where to send the browser.
    pub url: Url,
    pub state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

/// A login that was verified.
pub struct Verified {
    /// The claims of the ID token.
    pub id_token: Map<String, Value>,
    /// The answer of the userinfo endpoint.
    pub userinfo: Map<String, Value>,
    /// For the logout.
    pub id_token_text: String,
}

impl RelyingParty {
    /// Reads the provider's metadata and keys.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn discover(issuer: &str, client_id: &str, callback: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            // A redirect of the token endpoint would carry the code elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()?;
        let send = |request| send(&http, request);
        let issuer = IssuerUrl::new(issuer.to_owned())?;
        let metadata = CoreProviderMetadata::discover_async(issuer, &send).await;
        let metadata = metadata.map_err(|error| anyhow::anyhow!("discovery failed: {error}"))?;
        let userinfo = metadata.userinfo_endpoint().map(|endpoint| endpoint.url().clone());
        let oidc = Client::from_provider_metadata(metadata, ClientId::new(client_id.to_owned()), None)
            .set_redirect_uri(RedirectUrl::new(callback.to_owned())?);
        Ok(Self { http, oidc, userinfo })
    }

    /// Begins a login.
    #[must_use]
    pub fn begin(&self) -> Begun {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let (url, state, nonce) = self
            .oidc
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("profile".into()))
            .add_scope(Scope::new("email".into()))
            .set_pkce_challenge(challenge)
            .url();
        Begun { url, state, nonce, verifier }
    }

    /// Ends a login with what the browser brought back.
    ///
    /// # Errors
    /// When the provider refused, or anything about its answer is not as it must be.
    pub async fn finish(&self, begun: Begun, callback: &Url) -> anyhow::Result<Verified> {
        let parameter = |name: &str| {
            callback.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
        };
        if parameter("state").as_deref() != Some(begun.state.secret()) {
            bail!("the answer's state is not the request's");
        }
        if let Some(error) = parameter("error") {
            bail!("refused: {error} ({})", parameter("error_description").unwrap_or_default());
        }
        let code = parameter("code").context("the answer has no code")?;
        let send = |request| send(&self.http, request);
        let answer = self
            .oidc
            .exchange_code(AuthorizationCode::new(code))?
            .set_pkce_verifier(begun.verifier)
            .request_async(&send)
            .await
            .map_err(|error| anyhow::anyhow!("the code was not exchanged: {error}"))?;
        let id_token = answer.id_token().context("the answer has no ID token")?;
        let verifier = self.oidc.id_token_verifier();
        id_token.claims(&verifier, &begun.nonce).context("the ID token does not verify")?;
        let id_token_text = id_token.to_string();
        Ok(Verified {
            id_token: claims_of(&id_token_text)?,
            userinfo: self.userinfo(answer.access_token().secret()).await?,
            id_token_text,
        })
    }

    async fn userinfo(&self, access_token: &str) -> anyhow::Result<Map<String, Value>> {
        let endpoint = self.userinfo.clone().context("the provider has no userinfo endpoint")?;
        let answer = self.http.get(endpoint).bearer_auth(access_token).send().await?.error_for_status()?;
        Ok(answer.json().await?)
    }
}

/// The claims of a token that was verified, as they stand in it.
fn claims_of(token: &str) -> anyhow::Result<Map<String, Value>> {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).context("not a JWS")?;
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Sends the library's request by our HTTP client.
async fn send(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, SendError> {
    let (parts, body) = request.into_parts();
    let url = Url::parse(&parts.uri.to_string())?;
    let answer = client.request(parts.method, url).headers(parts.headers).body(body).send().await?;
    let mut response = http::Response::builder().status(answer.status());
    for (name, value) in answer.headers() {
        response = response.header(name, value);
    }
    Ok(response.body(answer.bytes().await?.to_vec())?)
}

/// Why a request of the relying party was not answered.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("no answer")]
    Send(#[from] reqwest::Error),
    #[error("not a URL")]
    Url(#[from] url::ParseError),
    #[error("an answer that is not HTTP")]
    Answer(#[from] http::Error),
}
