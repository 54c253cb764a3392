//! The FAPI 2.0 security profile and message signing, for the clients that they are switched on for.
//!
//! One function a rule, each with its clause, so that the places that enforce them say what they enforce
//! and nothing more: <https://openid.net/specs/fapi-security-profile-2_0-final.html> and
//! <https://openid.net/specs/fapi-message-signing-2_0.html>. For every other client each function answers
//! that there is nothing to enforce.

use std::error::Error;
use std::fmt;

use time::{Duration, OffsetDateTime};

use super::client::metadata::Fields;
use super::client::{Client, FapiProfile, JwsAlg, TokenEndpointAuthMethod};
use super::request::AuthorizationRequest;
use super::response_type::ResponseType;
use super::signing_alg::SigningAlg;

/// A rule of the profile that a registration or a request does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FapiRefusal {
    /// §5.3.2.1: confidential clients, by `private_key_jwt` or mutual TLS.
    ClientAuthentication,
    /// §5.3.2.1: sender-constrained access tokens only.
    Unbound,
    /// §5.3.2.2: `response_type=code` alone.
    ResponseType,
    /// §5.3.2.2: pushed requests only.
    NotPushed,
    /// §5.3.2.2: PKCE with S256.
    Pkce,
    /// §5.4.1: PS256, ES256 or EdDSA (Ed25519).
    Algorithm,
    /// Message signing §5.3.1: signed request objects only.
    UnsignedRequest,
    /// Message signing §5.4.1: signed answers, where the client registered an algorithm for them.
    UnsignedAnswer,
}

impl FapiRefusal {
    /// What a developer is told.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::ClientAuthentication => {
                "the client must authenticate by private_key_jwt or a TLS certificate"
            }
            Self::Unbound => "the client's access tokens must be bound to DPoP or a certificate",
            Self::ResponseType => "the response_type must be code",
            Self::NotPushed => "the request must be pushed",
            Self::Pkce => "code_challenge with S256 is needed",
            Self::Algorithm => "the algorithm must be PS256, ES256 or EdDSA",
            Self::UnsignedRequest => "the request must be a signed request object",
            Self::UnsignedAnswer => "the response_mode must be jwt",
        }
    }
}

impl fmt::Display for FapiRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl Error for FapiRefusal {}

/// Whether the security profile holds for this client.
pub fn is_on(client: &Client) -> bool {
    match client.profile.fapi {
        FapiProfile::Off | FapiProfile::Ciba => false,
        FapiProfile::Security | FapiProfile::MessageSigning => true,
    }
}

/// Whether message signing holds for this client.
pub fn signs_messages(client: &Client) -> bool {
    match client.profile.fapi {
        FapiProfile::Off | FapiProfile::Security | FapiProfile::Ciba => false,
        FapiProfile::MessageSigning => true,
    }
}

/// Whether the client, and we for it, sign by the algorithms of the profile alone (§5.4.1; FAPI-CIBA §7.10).
pub fn limits_algs(client: &Client) -> bool {
    match client.profile.fapi {
        FapiProfile::Off => false,
        FapiProfile::Security | FapiProfile::MessageSigning | FapiProfile::Ciba => true,
    }
}

/// Switches the profile on for a stranger's registration that asks for it; what it left open is made to fit.
pub fn switch_on_where_asked_for(client: &mut Client, fields: &Fields, held: &[SigningAlg]) {
    client.profile.fapi = match (is_asked_for(client), client.requests.signed_required) {
        (true, true) => FapiProfile::MessageSigning,
        (true, false) => FapiProfile::Security,
        (false, _) if is_of_ciba(client) => FapiProfile::Ciba,
        (false, _) => return,
    };
    client.require_pkce |= is_on(client);
    let says = fields.contains_key("id_token_signed_response_alg");
    if !says && held.contains(&SigningAlg::Es256) {
        client.id_token_alg = JwsAlg::Es256;
    }
}

/// Whether a registration asks for the profile: it pushes its requests, binds its tokens and authenticates
/// without a shared secret.
pub fn is_asked_for(client: &Client) -> bool {
    client.requests.pushed_required && constrains(client) && authenticates(client.auth_method)
}

/// Whether a registration is one of FAPI-CIBA: the client asks people on their devices, binds its tokens and
/// authenticates without a shared secret. Whether it would push authorization requests says nothing here, since those
/// of the backchannel come from the client anyway (FAPI-CIBA §5.2.2, §7.10).
pub fn is_of_ciba(client: &Client) -> bool {
    client.ciba.is_some() && constrains(client) && authenticates(client.auth_method)
}

fn constrains(client: &Client) -> bool {
    client.binding.dpop || client.binding.tls_certificate
}

fn authenticates(method: TokenEndpointAuthMethod) -> bool {
    match method {
        TokenEndpointAuthMethod::PrivateKeyJwt
        | TokenEndpointAuthMethod::TlsClientAuth
        | TokenEndpointAuthMethod::SelfSignedTlsClientAuth => true,
        TokenEndpointAuthMethod::None
        | TokenEndpointAuthMethod::ClientSecretBasic
        | TokenEndpointAuthMethod::ClientSecretPost
        | TokenEndpointAuthMethod::ClientSecretJwt => false,
    }
}

/// The algorithms that a client's own signatures may have: its assertions and its request objects (§5.4.1).
pub fn signing_algs(client: &Client) -> &'static [JwsAlg] {
    match limits_algs(client) {
        true => &ALGORITHMS,
        false => JwsAlg::ASYMMETRIC,
    }
}

/// Whether a registration can keep the profile (§5.3.2.1, §5.4.1).
///
/// # Errors
/// The first rule that it cannot keep.
pub fn check_registration(client: &Client) -> Result<(), FapiRefusal> {
    if limits_algs(client) {
        check_algs(client)?;
    }
    if !is_on(client) {
        return Ok(());
    }
    // §5.3.2.1: "shall only support confidential clients", "shall authenticate clients using" mTLS or
    // private_key_jwt.
    if !authenticates(client.auth_method) {
        return Err(FapiRefusal::ClientAuthentication);
    }
    // §5.3.2.1: "shall only issue sender-constrained access tokens".
    if !constrains(client) {
        return Err(FapiRefusal::Unbound);
    }
    // §5.3.2.2: "shall require the value of response_type ... to be code".
    if client
        .response_types
        .iter()
        .any(|it| *it != ResponseType::Code)
    {
        return Err(FapiRefusal::ResponseType);
    }
    // §5.3.2.2: "shall reject authorization requests sent without" RFC 9126, "shall require PKCE".
    if !client.requests.pushed_required {
        return Err(FapiRefusal::NotPushed);
    }
    if !client.require_pkce {
        return Err(FapiRefusal::Pkce);
    }
    if signs_messages(client) && !client.requests.signed_required {
        return Err(FapiRefusal::UnsignedRequest);
    }
    Ok(())
}

fn check_algs(client: &Client) -> Result<(), FapiRefusal> {
    let ciba = client.ciba.as_ref().and_then(|ciba| ciba.request_alg);
    let algs = [
        ciba,
        Some(client.id_token_alg),
        client.auth_signing_alg,
        client.requests.object_alg,
        client.authorization_response.signed,
        client.introspection.signed,
        client.userinfo.signed,
    ];
    // §5.4.1: "shall use PS256, ES256, or EdDSA (using the Ed25519 variant)".
    if algs
        .into_iter()
        .flatten()
        .any(|alg| !ALGORITHMS.contains(&alg))
    {
        return Err(FapiRefusal::Algorithm);
    }
    Ok(())
}

/// Whether a request keeps the profile, however it came (§5.3.2.2; message signing §5.4.1). That it was pushed, and
/// signed, is for whoever received it to say.
///
/// # Errors
/// The first rule that it does not keep.
pub fn check_request(client: &Client, request: &AuthorizationRequest) -> Result<(), FapiRefusal> {
    if !is_on(client) {
        return Ok(());
    }
    if request.response_type != ResponseType::Code {
        return Err(FapiRefusal::ResponseType);
    }
    // §5.3.2.2: "shall require PKCE with S256 as the code challenge method"; there is no other one here.
    if request.code_challenge.is_none() {
        return Err(FapiRefusal::Pkce);
    }
    let signs_answers = signs_messages(client) && client.authorization_response.signed.is_some();
    if signs_answers && !request.response_mode.is_signed() {
        return Err(FapiRefusal::UnsignedAnswer);
    }
    Ok(())
}

/// When a code ends (§5.3.2.2: "a maximum lifetime of 60 seconds").
pub fn code_end(
    client: &Client,
    issued: Option<OffsetDateTime>,
    usual: OffsetDateTime,
) -> OffsetDateTime {
    match issued {
        Some(issued) if is_on(client) => usual.min(issued + LONGEST_CODE),
        _ => usual,
    }
}

/// Whether refresh tokens are rotated (§5.3.2.1: "shall not use refresh token rotation except in
/// extraordinary circumstances").
pub fn rotates_refresh_tokens(client: &Client, usual: bool) -> bool {
    usual && !is_on(client)
}

/// How old a request object may be (message signing §5.3.1: `nbf` no longer ago than 60 minutes, and `exp`
/// no longer after it).
pub const LONGEST_REQUEST_OBJECT: Duration = Duration::minutes(60);

const ALGORITHMS: [JwsAlg; 3] = [JwsAlg::Ps256, JwsAlg::Es256, JwsAlg::EdDsa];
const LONGEST_CODE: Duration = Duration::seconds(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::client::{CibaSettings, TokenDelivery};
    use crate::oidc::fixtures::{CHALLENGE, REDIRECT_URI, confidential_client, now, provider};
    use crate::oidc::parameters::Parameters;
    use crate::oidc::response_type::ResponseMode;

    fn client() -> Client {
        let mut client = confidential_client();
        client.profile.fapi = FapiProfile::Security;
        client.auth_method = TokenEndpointAuthMethod::PrivateKeyJwt;
        client.binding.dpop = true;
        client.requests.pushed_required = true;
        client
    }

    #[test]
    fn a_registration_that_cannot_keep_the_profile_is_refused() {
        assert_eq!(check_registration(&client()), Ok(()));
        type Mutation = fn(&mut Client);
        let table: [(Mutation, FapiRefusal); 8] = [
            (
                |c| c.requests.pushed_required = false,
                FapiRefusal::NotPushed,
            ),
            (|c| c.require_pkce = false, FapiRefusal::Pkce),
            (
                |c| c.profile.fapi = FapiProfile::MessageSigning,
                FapiRefusal::UnsignedRequest,
            ),
            (
                |c| c.auth_method = TokenEndpointAuthMethod::ClientSecretJwt,
                FapiRefusal::ClientAuthentication,
            ),
            (|c| c.binding.dpop = false, FapiRefusal::Unbound),
            (
                |c| {
                    c.response_types.insert(ResponseType::CodeIdToken);
                },
                FapiRefusal::ResponseType,
            ),
            (|c| c.id_token_alg = JwsAlg::Rs256, FapiRefusal::Algorithm),
            (
                |c| c.auth_signing_alg = Some(JwsAlg::Es384),
                FapiRefusal::Algorithm,
            ),
        ];
        for (mutate, expected) in table {
            let mut client = client();
            mutate(&mut client);
            assert_eq!(check_registration(&client), Err(expected));
            client.profile.fapi = FapiProfile::Off;
            assert_eq!(check_registration(&client), Ok(()));
        }
    }

    #[test]
    fn a_request_that_does_not_keep_the_profile_is_refused() {
        let good = [
            ("client_id", "app"),
            ("redirect_uri", REDIRECT_URI),
            ("response_type", "code"),
            ("scope", "openid"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let read = Parameters::parse(good).unwrap();
        let good = AuthorizationRequest::parse(&read, &client(), &provider()).unwrap();
        assert_eq!(check_request(&client(), &good), Ok(()));
        let bare = AuthorizationRequest {
            code_challenge: None,
            ..good.clone()
        };
        assert_eq!(check_request(&client(), &bare), Err(FapiRefusal::Pkce));
        let front = AuthorizationRequest {
            response_type: ResponseType::CodeIdToken,
            ..good.clone()
        };
        assert_eq!(
            check_request(&client(), &front),
            Err(FapiRefusal::ResponseType)
        );
        assert_eq!(check_request(&confidential_client(), &front), Ok(()));
        let mut signing = client();
        signing.profile.fapi = FapiProfile::MessageSigning;
        assert_eq!(check_request(&signing, &good), Ok(()));
        signing.authorization_response.signed = Some(JwsAlg::Es256);
        assert_eq!(
            check_request(&signing, &good),
            Err(FapiRefusal::UnsignedAnswer)
        );
        let signed = AuthorizationRequest {
            response_mode: ResponseMode::QueryJwt,
            ..good
        };
        assert_eq!(check_request(&signing, &signed), Ok(()));
    }

    #[test]
    fn codes_are_short_and_refresh_tokens_stay() {
        let usual = now() + Duration::minutes(5);
        let end = |client: &Client| code_end(client, Some(now()), usual);
        assert_eq!(end(&client()), now() + Duration::seconds(60));
        assert_eq!(end(&confidential_client()), usual);
        let sooner = now() + Duration::seconds(30);
        assert_eq!(code_end(&client(), Some(now()), sooner), sooner);
        assert!(!rotates_refresh_tokens(&client(), true));
        assert!(rotates_refresh_tokens(&confidential_client(), true));
        let mut pushing = client();
        assert!(is_asked_for(&pushing));
        pushing.requests.pushed_required = false;
        assert!(!is_asked_for(&pushing));
        pushing.requests.pushed_required = true;
        pushing.auth_method = TokenEndpointAuthMethod::ClientSecretBasic;
        assert!(!is_asked_for(&pushing));
    }

    #[test]
    fn a_client_of_the_backchannel_signs_by_the_profile_whether_or_not_it_pushes() {
        let asking = || {
            let mut client = client();
            client.profile.fapi = FapiProfile::Off;
            client.requests.pushed_required = false;
            client.ciba = Some(CibaSettings {
                delivery: TokenDelivery::Poll,
                notification_endpoint: None,
                request_alg: None,
                user_code: false,
            });
            client.id_token_alg = JwsAlg::Rs256;
            client
        };
        let switched = |mut client: Client, says: serde_json::Value| {
            let fields = says.as_object().unwrap();
            switch_on_where_asked_for(&mut client, fields, &SigningAlg::ALL);
            client
        };
        let on = switched(asking(), serde_json::json!({}));
        assert_eq!(
            (on.profile.fapi, on.id_token_alg),
            (FapiProfile::Ciba, JwsAlg::Es256)
        );
        assert_eq!(signing_algs(&on), ALGORITHMS);
        assert!(
            !is_on(&on),
            "the rest of the profile is about requests of browsers"
        );
        assert_eq!(check_registration(&on), Ok(()));
        let said = serde_json::json!({"id_token_signed_response_alg": "RS256"});
        let refused = check_registration(&switched(asking(), said));
        assert_eq!(refused, Err(FapiRefusal::Algorithm));
        let mut pushing = asking();
        pushing.requests.pushed_required = true;
        let pushing = switched(pushing, serde_json::json!({}));
        assert_eq!(pushing.profile.fapi, FapiProfile::Security);
        type Mutation = fn(&mut Client);
        let others: [Mutation; 3] = [
            |c| c.ciba = None,
            |c| c.binding.dpop = false,
            |c| c.auth_method = TokenEndpointAuthMethod::ClientSecretJwt,
        ];
        for mutate in others {
            let mut other = asking();
            mutate(&mut other);
            let other = switched(other, serde_json::json!({}));
            assert_eq!(
                (other.profile.fapi, other.id_token_alg),
                (FapiProfile::Off, JwsAlg::Rs256)
            );
            assert_eq!(signing_algs(&other), JwsAlg::ASYMMETRIC);
        }
    }
}
