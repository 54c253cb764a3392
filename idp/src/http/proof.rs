//! What a request proves about the key that its sender holds: a DPoP proof (RFC 9449), a TLS certificate
//! (RFC 8705).

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;

use crate::app::Shared;
use crate::oidc::confirmation::Confirmation;
use crate::oidc::dpop::{self, DpopRefusal, Expected, NonceRule, Proof};
use crate::store::{SingleUse, StoreError};

/// The request header of the proof.
pub const DPOP: HeaderName = HeaderName::from_static("dpop");
/// The answer's header with the nonce for the next proof (RFC 9449 §8.1).
pub const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Why nothing is proved.
#[derive(Debug, thiserror::Error)]
pub enum ProofFault {
    #[error(transparent)]
    Refused(#[from] DpopRefusal),
    #[error("the database is not available")]
    Store(#[from] StoreError),
}

/// The request that is to be proved.
#[derive(Clone, Copy)]
pub struct ProvedRequest<'a> {
    pub headers: &'a HeaderMap,
    pub method: &'a str,
    /// The endpoint's path below the issuer: never what `Host` says.
    pub path: &'a str,
    /// The access token that came along.
    pub access_token: Option<&'a str>,
}

/// The key of the request's DPoP proof, which is spent by this; none where there is no proof.
///
/// # Errors
/// When the proof does not hold, or was used before.
pub async fn dpop(app: &Shared, request: ProvedRequest<'_>) -> Result<Confirmation, ProofFault> {
    let Some(proof) = check(app, request)? else {
        return Ok(Confirmation::default());
    };
    spend(app, &proof).await?;
    Ok(Confirmation {
        jkt: Some(proof.jkt),
        certificate: None,
    })
}

/// Notes a proof as used: of many requests with the same one, one goes through.
///
/// # Errors
/// When it was used before.
pub async fn spend(app: &Shared, proof: &Proof) -> Result<(), ProofFault> {
    let (jkt, jti) = (proof.jkt.as_str(), proof.jti.as_str());
    let kind = SingleUse::DpopProof;
    let first = app.store.use_once(kind, jkt, jti, proof.expires_at).await?;
    if first {
        Ok(())
    } else {
        Err(DpopRefusal::Replayed.into())
    }
}

/// The request's proof, which holds and is not spent yet: whoever may send anything is not to fill the store.
///
/// # Errors
/// When it does not hold.
pub fn check(app: &Shared, request: ProvedRequest<'_>) -> Result<Option<Proof>, DpopRefusal> {
    let mut headers = request.headers.get_all(DPOP).iter();
    let header = match (headers.next(), headers.next()) {
        (None, _) => return Ok(None),
        (Some(only), None) => only,
        // RFC 9449 §4.3, 1.
        (Some(_), Some(_)) => return Err(DpopRefusal::Repeated),
    };
    let proof = header.to_str().map_err(|_| DpopRefusal::Malformed)?;
    let now = app.clock.now();
    let urls = app.provider.urls(request.path);
    let expected = Expected {
        method: request.method,
        urls: &urls,
        access_token: request.access_token,
        nonce: if app.config.tokens.dpop_nonce {
            NonceRule::Required(&app.dpop_nonces)
        } else {
            NonceRule::Optional(&app.dpop_nonces)
        },
    };
    dpop::verify(proof, &expected, now).map(Some)
}

/// Whether an answer is to bring a nonce.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum NonceNeed {
    /// The proof was refused for want of one.
    Refused,
    /// A proof came; the next one may need one.
    Proof,
    /// Neither.
    None,
}

impl NonceNeed {
    /// What a request's headers alone say.
    pub fn of(headers: &HeaderMap) -> Self {
        if headers.contains_key(DPOP) {
            Self::Proof
        } else {
            Self::None
        }
    }
}

/// Adds the current nonce where one is needed (RFC 9449 §8, §8.2).
pub fn send_nonce(app: &Shared, need: NonceNeed, response: &mut Response) {
    let send = match need {
        NonceNeed::Refused => true,
        NonceNeed::Proof => app.config.tokens.dpop_nonce,
        NonceNeed::None => false,
    };
    let nonce = app.dpop_nonces.current(app.clock.now());
    if let (true, Ok(nonce)) = (send, HeaderValue::from_str(&nonce)) {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
}
