//! The FAPI 2.0 security profile and message signing, for the clients that they are switched on for.
//!
//! One function a rule, each with its clause, so that the places that enforce them say what they enforce
//! and nothing more: <https://openid.net/specs/fapi-security-profile-2_0-final.html> and
//! <https://openid.net/specs/fapi-message-signing-2_0.html>. For every other client each function answers
//! that there is nothing to enforce.

use thiserror::Error;
use time::Duration;

use super::client::{Client, FapiProfile, JwsAlg, TokenEndpointAuthMethod};
use super::response_type::ResponseType;

/// A rule of the profile that a registration or a request does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FapiRefusal {
    /// §5.3.2.1: confidential clients, by `private_key_jwt` or mutual TLS.
    #[error("the client must authenticate by private_key_jwt or a TLS certificate")]
    ClientAuthentication,
    /// §5.3.2.1: sender-constrained access tokens only.
    #[error("the client's access tokens must be bound to DPoP or a certificate")]
    Unbound,
    /// §5.3.2.2: `response_type=code` alone.
    #[error("the response_type must be code")]
    ResponseType,
    /// §5.3.2.2: pushed requests only.
    #[error("the request must be pushed")]
    NotPushed,
    /// §5.3.2.2: PKCE with S256.
    #[error("code_challenge with S256 is needed")]
    Pkce,
    /// §5.4.1: PS256, ES256 or EdDSA (Ed25519).
    #[error("the algorithm must be PS256, ES256 or EdDSA")]
    Algorithm,
    /// Message signing §5.3.1: signed request objects only.
    #[error("the request must be a signed request object")]
    UnsignedRequest,
}

/// Whether the security profile holds for this client.
pub fn is_on(client: &Client) -> bool {
    match client.profile.fapi {
        FapiProfile::Off => false,
        FapiProfile::Security | FapiProfile::MessageSigning => true,
    }
}

/// Whether message signing holds for this client.
pub fn signs_messages(client: &Client) -> bool {
    match client.profile.fapi {
        FapiProfile::Off | FapiProfile::Security => false,
        FapiProfile::MessageSigning => true,
    }
}

/// Whether a registration asks for the profile: it pushes its requests, binds its tokens and authenticates
/// without a shared secret.
pub fn is_asked_for(client: &Client) -> bool {
    client.requests.pushed_required
        && (client.binding.dpop || client.binding.tls_certificate)
        && authenticates(client.auth_method)
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
    match is_on(client) {
        true => &ALGORITHMS,
        false => JwsAlg::ASYMMETRIC,
    }
}

/// Whether a registration can keep the profile (§5.3.2.1, §5.4.1).
///
/// # Errors
/// The first rule that it cannot keep.
pub fn check_registration(client: &Client) -> Result<(), FapiRefusal> {
    if !is_on(client) {
        return Ok(());
    }
    // §5.3.2.1: "shall only support confidential clients", "shall authenticate clients using" mTLS or
    // private_key_jwt.
    if !authenticates(client.auth_method) {
        return Err(FapiRefusal::ClientAuthentication);
    }
    // §5.3.2.1: "shall only issue sender-constrained access tokens".
    if !client.binding.dpop && !client.binding.tls_certificate {
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
    let algs = [
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

/// An authorization request, as far as the profile looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Request {
    /// Its response type.
    pub response_type: ResponseType,
    /// Whether it was pushed (RFC 9126).
    pub is_pushed: bool,
    /// Whether it has an S256 challenge.
    pub has_challenge: bool,
    /// The algorithm of its request object, where it came as one.
    pub object_alg: Option<JwsAlg>,
}

/// Whether a request keeps the profile (§5.3.2.2; message signing §5.3.1).
///
/// # Errors
/// The first rule that it does not keep.
pub fn check_request(client: &Client, request: Request) -> Result<(), FapiRefusal> {
    if !is_on(client) {
        return Ok(());
    }
    // §5.3.2.2: "shall reject authorization requests sent without" RFC 9126.
    if !request.is_pushed {
        return Err(FapiRefusal::NotPushed);
    }
    if request.response_type != ResponseType::Code {
        return Err(FapiRefusal::ResponseType);
    }
    // §5.3.2.2: "shall require PKCE with S256 as the code challenge method".
    if !request.has_challenge {
        return Err(FapiRefusal::Pkce);
    }
    match request.object_alg {
        None if signs_messages(client) => Err(FapiRefusal::UnsignedRequest),
        Some(alg) if !ALGORITHMS.contains(&alg) => Err(FapiRefusal::Algorithm),
        None | Some(_) => Ok(()),
    }
}

/// How long a code lives (§5.3.2.2: "a maximum lifetime of 60 seconds").
pub fn code_lifetime(client: &Client, usual: Duration) -> Duration {
    match is_on(client) {
        true => usual.min(LONGEST_CODE),
        false => usual,
    }
}

/// Whether refresh tokens are rotated (§5.3.2.1: "shall not use refresh token rotation except in
/// extraordinary circumstances").
pub fn rotates_refresh_tokens(client: &Client, usual: bool) -> bool {
    usual && !is_on(client)
}

/// Whether the access token must be bound before it is issued, or answered for (§5.3.2.1).
pub fn needs_binding(client: &Client) -> bool {
    is_on(client) || client.binding.dpop || client.binding.tls_certificate
}

/// How old a request object may be (message signing §5.3.1: `nbf` no longer ago than 60 minutes, and `exp`
/// no longer after it).
pub const LONGEST_REQUEST_OBJECT: Duration = Duration::minutes(60);

const ALGORITHMS: [JwsAlg; 3] = [JwsAlg::Ps256, JwsAlg::Es256, JwsAlg::EdDsa];
const LONGEST_CODE: Duration = Duration::seconds(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::fixtures::confidential_client;

    fn client() -> Client {
        let mut client = confidential_client();
        client.profile.fapi = FapiProfile::Security;
        client.auth_method = TokenEndpointAuthMethod::PrivateKeyJwt;
        client.binding.dpop = true;
        client
    }

    #[test]
    fn a_registration_that_cannot_keep_the_profile_is_refused() {
        assert_eq!(check_registration(&client()), Ok(()));
        type Mutation = fn(&mut Client);
        let table: [(Mutation, FapiRefusal); 5] = [
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
        let good = Request {
            response_type: ResponseType::Code,
            is_pushed: true,
            has_challenge: true,
            object_alg: None,
        };
        assert_eq!(check_request(&client(), good), Ok(()));
        let refused = |request| check_request(&client(), request).err();
        let with = |alg| Request {
            object_alg: Some(alg),
            ..good
        };
        assert_eq!(
            refused(Request {
                is_pushed: false,
                ..good
            }),
            Some(FapiRefusal::NotPushed)
        );
        assert_eq!(
            refused(Request {
                has_challenge: false,
                ..good
            }),
            Some(FapiRefusal::Pkce)
        );
        let other = Request {
            response_type: ResponseType::IdToken,
            ..good
        };
        assert_eq!(refused(other), Some(FapiRefusal::ResponseType));
        assert_eq!(refused(with(JwsAlg::Rs256)), Some(FapiRefusal::Algorithm));
        assert_eq!(refused(with(JwsAlg::Ps256)), None);
        let mut signing = client();
        signing.profile.fapi = FapiProfile::MessageSigning;
        assert_eq!(
            check_request(&signing, good),
            Err(FapiRefusal::UnsignedRequest)
        );
        assert_eq!(check_request(&confidential_client(), other), Ok(()));
    }

    #[test]
    fn codes_are_short_and_refresh_tokens_stay() {
        let usual = Duration::minutes(5);
        assert_eq!(code_lifetime(&client(), usual), Duration::seconds(60));
        assert_eq!(
            code_lifetime(&client(), Duration::seconds(30)),
            Duration::seconds(30)
        );
        assert_eq!(code_lifetime(&confidential_client(), usual), usual);
        assert!(!rotates_refresh_tokens(&client(), true));
        assert!(rotates_refresh_tokens(&confidential_client(), true));
        assert!(!is_asked_for(&client()));
        let mut pushing = client();
        pushing.requests.pushed_required = true;
        assert!(is_asked_for(&pushing));
        pushing.auth_method = TokenEndpointAuthMethod::ClientSecretBasic;
        assert!(!is_asked_for(&pushing));
    }
}
