//! Logout that a client asks for (OpenID Connect RP-Initiated Logout 1.0).

use url::form_urlencoded;

use super::client::{Client, ClientId};
use super::error::PageError;
use super::grant::SessionId;
use super::id_token::IdToken;
use super::parameters::Parameters;
use super::redirect_uri::RedirectUri;
use super::request::IdTokenHint;
use super::subject::SubjectIdentifier;

/// A logout request (RP-Initiated Logout §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// An ID token of ours, not verified yet; the caller verifies signature and issuer, and accepts it after its
    /// expiry (RP-Initiated Logout §4).
    pub id_token_hint: Option<IdTokenHint>,
    /// Who asks.
    pub client_id: Option<ClientId>,
    /// Where the browser should go afterwards.
    pub post_logout_redirect_uri: Option<String>,
    /// Returned with the redirect.
    pub state: Option<String>,
    /// The languages wanted.
    pub ui_locales: Option<String>,
}

/// The browser's session, where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentSession {
    /// The session.
    pub sid: SessionId,
    /// The subject as this client sees it.
    pub sub: SubjectIdentifier,
}

/// What to do about a logout request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutDecision {
    /// End the session, if there is one, and go on.
    Direct(AfterLogout),
    /// Ask the person first: the request does not show that it comes from a client of this session
    /// (RP-Initiated Logout §2, §6: otherwise any page could sign people out).
    Confirm(AfterLogout),
}

/// Where the browser goes when the session has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterLogout {
    /// To a page of ours.
    Page,
    /// To this URL of the client's, `state` included.
    Redirect(String),
}

impl LogoutRequest {
    /// Reads the query or the form.
    ///
    /// # Errors
    /// When a parameter is repeated or the client identifier is malformed.
    pub fn parse(parameters: &Parameters) -> Result<Self, PageError> {
        if parameters.repeated() {
            return Err(PageError::ParameterRepeated);
        }
        let client_id = match parameters.get("client_id") {
            Some(text) => Some(ClientId::parse(text).ok_or(PageError::ClientUnknown)?),
            None => None,
        };
        let text = |name| parameters.get(name).map(str::to_owned);
        Ok(Self {
            id_token_hint: parameters.get("id_token_hint").map(IdTokenHint::new),
            client_id,
            post_logout_redirect_uri: text("post_logout_redirect_uri"),
            state: text("state"),
            ui_locales: text("ui_locales"),
        })
    }

    /// Decides.
    ///
    /// `hint` is the verified hint, which must be given where the request has one; `client` is the registered client
    /// that the hint's audience, or else `client_id`, names; `session` is the browser's own.
    ///
    /// # Errors
    /// When the hint is missing, or another client's; the client unknown; or the redirect URI not registered.
    pub fn decide(
        &self,
        hint: Option<&IdToken>,
        client: Option<&Client>,
        session: Option<&CurrentSession>,
    ) -> Result<LogoutDecision, PageError> {
        if hint.is_some() != self.id_token_hint.is_some() {
            return Err(PageError::IdTokenHintInvalid);
        }
        // RP-Initiated Logout §2: with both, the client must be the one that the ID token was issued to.
        if let (Some(hint), Some(client_id)) = (hint, &self.client_id)
            && hint.aud != *client_id
        {
            return Err(PageError::IdTokenHintInvalid);
        }
        let named = hint.map(|hint| &hint.aud).or(self.client_id.as_ref());
        let client = client.filter(|client| Some(&client.id) == named);
        if named.is_some() && client.is_none() {
            return Err(PageError::ClientUnknown);
        }
        let registered = self.registered_redirect(client)?;
        let Some(hint) = hint else {
            // RP-Initiated Logout §3: without a hint there is no proof that the client asks, and no redirect.
            return Ok(match session {
                Some(_) => LogoutDecision::Confirm(AfterLogout::Page),
                None => LogoutDecision::Direct(AfterLogout::Page),
            });
        };
        let after = registered.map_or(AfterLogout::Page, |uri| self.after(uri));
        let is_ours = session.is_none_or(|it| it.sid == hint.sid && it.sub == hint.sub);
        Ok(if is_ours {
            LogoutDecision::Direct(after)
        } else {
            LogoutDecision::Confirm(after)
        })
    }

    /// RP-Initiated Logout §3.1: exact comparison with what was registered.
    fn registered_redirect<'client>(
        &self,
        client: Option<&'client Client>,
    ) -> Result<Option<&'client RedirectUri>, PageError> {
        let Some(presented) = self.post_logout_redirect_uri.as_deref() else {
            return Ok(None);
        };
        client
            .into_iter()
            .flat_map(|client| &client.post_logout_redirect_uris)
            .find(|registered| registered.as_str() == presented)
            .map(Some)
            .ok_or(PageError::PostLogoutRedirectUriNotRegistered)
    }

    fn after(&self, uri: &RedirectUri) -> AfterLogout {
        let Some(state) = &self.state else {
            return AfterLogout::Redirect(uri.as_str().to_owned());
        };
        let separator = if uri.as_str().contains('?') { '&' } else { '?' };
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("state", state)
            .finish();
        AfterLogout::Redirect(format!("{uri}{separator}{query}"))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::oidc::fixtures::{
        changed, confidential_client, grant, issuance, provider, public_client, ten_minutes,
    };

    const GOOD: [(&str, &str); 4] = [
        ("id_token_hint", "h.i.nt"),
        ("client_id", "app"),
        ("post_logout_redirect_uri", "https://app.example/bye"),
        ("state", "a&b"),
    ];

    fn hint() -> IdToken {
        let issuance = issuance(grant(&confidential_client()));
        let sub = issuance.grant.subject.public();
        IdToken::new(&provider().issuer, sub, &issuance, ten_minutes())
    }

    fn session() -> CurrentSession {
        CurrentSession {
            sid: hint().sid,
            sub: hint().sub,
        }
    }

    fn decide(
        name: &str,
        value: Option<&str>,
        session: Option<&CurrentSession>,
    ) -> Result<LogoutDecision, PageError> {
        let request = LogoutRequest::parse(&changed(&GOOD, name, value))?;
        let hint = request.id_token_hint.as_ref().map(|_| hint());
        request.decide(hint.as_ref(), Some(&confidential_client()), session)
    }

    #[test]
    fn a_client_of_the_session_ends_it_and_gets_the_browser_back() {
        let back = || AfterLogout::Redirect("https://app.example/bye?state=a%26b".into());
        let direct = Ok(LogoutDecision::Direct(back()));
        assert_eq!(decide("", None, Some(&session())), direct);
        assert_eq!(decide("client_id", None, Some(&session())), direct);
        assert_eq!(decide("", None, None), direct);
        assert_eq!(
            decide("post_logout_redirect_uri", None, Some(&session())),
            Ok(LogoutDecision::Direct(AfterLogout::Page))
        );
        assert_eq!(
            decide("state", None, Some(&session())),
            Ok(LogoutDecision::Direct(AfterLogout::Redirect(
                "https://app.example/bye".into()
            )))
        );
        let other = CurrentSession {
            sid: SessionId(Uuid::from_u128(99)),
            ..session()
        };
        assert_eq!(
            decide("", None, Some(&other)),
            Ok(LogoutDecision::Confirm(back()))
        );
    }

    #[test]
    fn without_a_hint_the_person_is_asked_and_the_browser_stays() {
        assert_eq!(
            decide("id_token_hint", None, Some(&session())),
            Ok(LogoutDecision::Confirm(AfterLogout::Page))
        );
        assert_eq!(
            decide("id_token_hint", None, None),
            Ok(LogoutDecision::Direct(AfterLogout::Page))
        );
    }

    #[test]
    fn every_refusal_of_a_logout_request() {
        let table = [
            ("client_id", "other", PageError::IdTokenHintInvalid),
            ("client_id", "ä", PageError::ClientUnknown),
            (
                "post_logout_redirect_uri",
                "https://app.example/bye/",
                PageError::PostLogoutRedirectUriNotRegistered,
            ),
            (
                "post_logout_redirect_uri",
                "https://evil.example/",
                PageError::PostLogoutRedirectUriNotRegistered,
            ),
        ];
        for (name, value, expected) in table {
            let decided = decide(name, Some(value), Some(&session()));
            assert_eq!(decided, Err(expected), "{name}={value}");
        }
        let good = LogoutRequest::parse(&changed(&GOOD, "", None)).unwrap();
        // A hint that could not be verified is as bad as a foreign one.
        assert_eq!(
            good.decide(None, Some(&confidential_client()), None),
            Err(PageError::IdTokenHintInvalid)
        );
        assert_eq!(
            good.decide(Some(&hint()), None, None),
            Err(PageError::ClientUnknown)
        );
        assert_eq!(
            good.decide(Some(&hint()), Some(&public_client()), None),
            Err(PageError::ClientUnknown)
        );
        let twice = Parameters::parse(GOOD.into_iter().chain([("state", "b")])).unwrap();
        assert_eq!(
            LogoutRequest::parse(&twice),
            Err(PageError::ParameterRepeated)
        );
        // A redirect URI without any client to have registered it.
        let alone = Parameters::parse([GOOD[2]]).unwrap();
        let alone = LogoutRequest::parse(&alone).unwrap();
        assert_eq!(
            alone.decide(None, None, None),
            Err(PageError::PostLogoutRedirectUriNotRegistered)
        );
    }
}
