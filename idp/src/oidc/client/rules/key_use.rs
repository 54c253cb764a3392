//! What a registration wants of the client's keys, and whether it has keys for that: a client that registers without
//! them would be let in and could never do what it registered for (RFC 7591 §2 `jwks`).

use super::ClientError;
use crate::oidc::client::{
    Client, ClientKeys, EcCurve, JweAlg, JwsAlg, KeyMaterial, KeySet, PublicKey,
    TokenEndpointAuthMethod,
};
use crate::oidc::fapi;

/// One use of a key of the client's own.
enum KeyUse {
    /// It signs by one of these.
    Signs(Vec<JwsAlg>),
    /// Something is encrypted to it.
    Encrypts(JweAlg),
    /// Its certificate is the client's (RFC 8705 §2.2.2).
    Certifies,
}

impl KeyUse {
    fn is_served_by(&self, keys: &KeySet) -> bool {
        keys.iter().any(|key| match self {
            Self::Signs(algs) => key.verifies && algs.iter().any(|alg| key.suits(*alg)),
            Self::Encrypts(alg) => is_encrypted_to(key, *alg),
            Self::Certifies => !key.x5c.is_empty(),
        })
    }
}

/// Whether the client has a key for everything that it registered. What is behind a `jwks_uri` may change at any time,
/// and is looked at when it is needed.
pub(super) fn check(client: &Client) -> Result<(), ClientError> {
    let uses = uses(client);
    match &client.keys {
        _ if uses.is_empty() => Ok(()),
        ClientKeys::Uri(_) => Ok(()),
        ClientKeys::None => Err(ClientError::KeysMissing),
        ClientKeys::Inline(keys) if keys.is_empty() => Err(ClientError::KeysMissing),
        ClientKeys::Inline(keys) => match uses.iter().all(|it| it.is_served_by(keys)) {
            true => Ok(()),
            false => Err(ClientError::KeysUnfit),
        },
    }
}

fn uses(client: &Client) -> Vec<KeyUse> {
    let any = || fapi::signing_algs(client).to_vec();
    let mut uses = Vec::new();
    match client.auth_method {
        TokenEndpointAuthMethod::PrivateKeyJwt => {
            let registered = client.auth_signing_alg;
            uses.push(KeyUse::Signs(registered.map_or_else(any, |alg| vec![alg])));
        }
        TokenEndpointAuthMethod::SelfSignedTlsClientAuth => uses.push(KeyUse::Certifies),
        TokenEndpointAuthMethod::None
        | TokenEndpointAuthMethod::ClientSecretBasic
        | TokenEndpointAuthMethod::ClientSecretPost
        | TokenEndpointAuthMethod::ClientSecretJwt
        | TokenEndpointAuthMethod::TlsClientAuth => {}
    }
    let requests = &client.requests;
    let of_ciba = client.ciba.as_ref().and_then(|ciba| ciba.request_alg);
    let registered = [requests.object_alg, of_ciba].into_iter().flatten();
    uses.extend(
        registered
            .filter(|alg| alg.is_asymmetric())
            .map(|alg| KeyUse::Signs(vec![alg])),
    );
    // RFC 9101 §10.5: signed requests alone, by whatever it has; a secret signs them too where it is kept.
    if requests.signed_required
        && requests.object_alg.is_none()
        && client.sealed_secret.is_none()
        && !client.needs_sealed_secret()
    {
        uses.push(KeyUse::Signs(any()));
    }
    let answers = [
        client.id_token_encryption,
        client.userinfo.encrypted,
        client.authorization_response.encrypted,
        client.introspection.encrypted,
    ];
    let answers = answers.into_iter().flatten();
    uses.extend(answers.map(|it| KeyUse::Encrypts(it.alg)));
    uses
}

/// Whether something can be encrypted to the key by this algorithm (RFC 7518 §4.3, §4.6), and the key is not set apart
/// for another.
fn is_encrypted_to(key: &PublicKey, alg: JweAlg) -> bool {
    let fits = match (alg, &key.material) {
        (JweAlg::RsaOaep | JweAlg::RsaOaep256, KeyMaterial::Rsa { .. }) => true,
        (JweAlg::EcdhEs, KeyMaterial::Ec { curve, .. }) => *curve == EcCurve::P256,
        (JweAlg::RsaOaep | JweAlg::RsaOaep256 | JweAlg::EcdhEs, _) => false,
    };
    let own = key.alg.as_deref();
    key.encrypts && fits && own.is_none_or(|own| own == alg.as_str())
}
