//! Polling for what a person answers elsewhere: a device's code (RFC 8628 §3.4), a backchannel request's id
//! (CIBA Core §10.1).

use secrecy::SecretString;
use thiserror::Error;
use time::OffsetDateTime;

use super::required;
use crate::oidc::client::{Client, ClientId, GrantType};
use crate::oidc::error::{TokenError, TokenErrorCode};
use crate::oidc::parameters::Parameters;

/// A request for what may have been answered. It holds a credential, and is not printed.
pub struct WaitingRequest {
    /// Which of the two grants.
    pub grant_type: GrantType,
    /// `device_code` or `auth_req_id`.
    pub handle: SecretString,
}

impl WaitingRequest {
    pub(super) fn device(form: &Parameters) -> Result<Self, TokenError> {
        Ok(Self {
            grant_type: GrantType::DeviceCode,
            handle: required(form, "device_code", "device_code is missing")?.into(),
        })
    }

    pub(super) fn backchannel(form: &Parameters) -> Result<Self, TokenError> {
        Ok(Self {
            grant_type: GrantType::Ciba,
            handle: required(form, "auth_req_id", "auth_req_id is missing")?.into(),
        })
    }
}

/// Where the person's answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Not yet.
    No,
    /// Yes, and this client fetches it for the first time.
    Allowed,
    /// No.
    Denied,
    /// Its tokens were fetched before.
    Redeemed,
}

/// Why a client gets nothing, or nothing yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WaitingRefusal {
    /// There is no such handle.
    #[error("the device_code or auth_req_id is unknown")]
    Unknown,
    /// It is another client's.
    #[error("the device_code or auth_req_id is another client's")]
    ClientMismatch,
    /// The client may not use this grant.
    #[error("the client may not use this grant")]
    GrantTypeNotAllowed,
    /// Its tokens were fetched before; they are to be revoked.
    #[error("the device_code or auth_req_id was used before")]
    Replayed,
    /// The person did not answer in time.
    #[error("the person did not answer in time")]
    Expired,
    /// The person said no.
    #[error("the person said no")]
    Denied,
    /// The person has not answered.
    #[error("the person has not answered yet")]
    Pending,
    /// The person has not answered, and the client asks too often.
    #[error("the client asks too often")]
    TooSoon,
}

impl From<WaitingRefusal> for TokenError {
    fn from(refusal: WaitingRefusal) -> Self {
        use TokenErrorCode as E;
        let (code, description) = match refusal {
            WaitingRefusal::Unknown | WaitingRefusal::ClientMismatch | WaitingRefusal::Replayed => {
                (E::InvalidGrant, "it is unknown, used, or another client's")
            }
            WaitingRefusal::GrantTypeNotAllowed => (
                E::UnauthorizedClient,
                "the client may not use this grant_type",
            ),
            WaitingRefusal::Expired => (E::ExpiredToken, "the person did not answer in time"),
            WaitingRefusal::Denied => (E::AccessDenied, "the person said no"),
            WaitingRefusal::Pending => (E::AuthorizationPending, "the person has not answered yet"),
            WaitingRefusal::TooSoon => (E::SlowDown, "ask less often"),
        };
        Self::new(code, description)
    }
}

/// What the store knows of the handle.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Whose it is.
    pub client_id: ClientId,
    /// Where the answer stands.
    pub answered: Answered,
    /// Until when it may be answered and fetched.
    pub expires_at: OffsetDateTime,
    /// Whether it was polled too early.
    pub too_soon: bool,
}

/// Whether this authenticated client may fetch the tokens now. The caller redeems it afterwards by a conditional
/// update; where that finds it redeemed, the refusal is [`WaitingRefusal::Replayed`].
///
/// # Errors
/// When it may not, or not yet.
pub fn check(
    waiting: &Waiting,
    request: &WaitingRequest,
    client: &Client,
    now: OffsetDateTime,
) -> Result<(), WaitingRefusal> {
    if !client.grant_types.contains(&request.grant_type) {
        return Err(WaitingRefusal::GrantTypeNotAllowed);
    }
    if waiting.client_id != client.id {
        return Err(WaitingRefusal::ClientMismatch);
    }
    if waiting.answered == Answered::Redeemed {
        return Err(WaitingRefusal::Replayed);
    }
    if now >= waiting.expires_at {
        return Err(WaitingRefusal::Expired);
    }
    match waiting.answered {
        Answered::Allowed => Ok(()),
        Answered::Denied => Err(WaitingRefusal::Denied),
        Answered::No if waiting.too_soon => Err(WaitingRefusal::TooSoon),
        Answered::No => Err(WaitingRefusal::Pending),
        Answered::Redeemed => Err(WaitingRefusal::Replayed),
    }
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::oidc::fixtures::{confidential_client, now};

    #[test]
    fn every_answer_to_a_poll() {
        use WaitingRefusal as R;
        let client = Client {
            grant_types: [GrantType::DeviceCode].into(),
            ..confidential_client()
        };
        let good = Waiting {
            client_id: client.id.clone(),
            answered: Answered::Allowed,
            expires_at: now() + Duration::minutes(1),
            too_soon: false,
        };
        type Mutation = fn(&mut Waiting, &mut Client);
        let table: [(Mutation, Result<(), R>, &str); 9] = [
            (|_, _| {}, Ok(()), ""),
            (
                |w, _| w.answered = Answered::No,
                Err(R::Pending),
                "authorization_pending",
            ),
            (
                |w, _| {
                    w.answered = Answered::No;
                    w.too_soon = true;
                },
                Err(R::TooSoon),
                "slow_down",
            ),
            (
                |w, _| w.answered = Answered::Denied,
                Err(R::Denied),
                "access_denied",
            ),
            (
                |w, _| w.answered = Answered::Redeemed,
                Err(R::Replayed),
                "invalid_grant",
            ),
            (
                |w, _| w.expires_at = now(),
                Err(R::Expired),
                "expired_token",
            ),
            (
                |w, _| {
                    w.answered = Answered::Redeemed;
                    w.expires_at = now();
                },
                Err(R::Replayed),
                "invalid_grant",
            ),
            (
                |w, _| w.client_id = ClientId::parse("other").unwrap(),
                Err(R::ClientMismatch),
                "invalid_grant",
            ),
            (
                |_, c| c.grant_types.clear(),
                Err(R::GrantTypeNotAllowed),
                "unauthorized_client",
            ),
        ];
        let form = Parameters::from_urlencoded(b"device_code=d").unwrap();
        let request = WaitingRequest::device(&form).unwrap();
        for (mutate, expected, code) in table {
            let (mut waiting, mut client) = (good.clone(), client.clone());
            mutate(&mut waiting, &mut client);
            let found = check(&waiting, &request, &client, now());
            assert_eq!(found, expected);
            if let Err(refusal) = found {
                assert_eq!(TokenError::from(refusal).code(), code);
            }
        }
        assert!(WaitingRequest::backchannel(&form).is_err());
    }
}
