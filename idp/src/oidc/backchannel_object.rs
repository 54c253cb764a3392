//! What a client signs for the backchannel: a whole request (CIBA Core §7.1.1), and a token that names the person (§7.1
//! `login_hint_token`).
//!
//! CIBA leaves the form of that token open. Here it is a JWT of the client's own, for this provider, that names the
//! person by a subject identifier (RFC 9493 §3): `iss_sub` with the `sub` that our ID tokens have, or `opaque` with
//! the name that the person signs in with.

use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::backchannel::BackchannelRefusal;
use super::client::{Client, JwsAlg};
use super::fapi;
use super::parameters::Parameters;
use super::provider::Issuer;
use super::request_object;
use super::signed::{AudienceRule, Expectations, Once, SignedRefusal, check_claims};
use super::subject::SubjectIdentifier;

/// The algorithms that such a JWT of this client may have: the registered one, or any of its own keys.
pub fn algs(client: &Client) -> Vec<JwsAlg> {
    let registered = client.ciba.as_ref().and_then(|ciba| ciba.request_alg);
    match registered {
        Some(alg) => vec![alg],
        None => fapi::signing_algs(client).to_vec(),
    }
}

/// Whether a form has, beside the signed request, nothing but the client's authentication (CIBA Core §7.1.1: what
/// stands in the JWT "MUST NOT" stand outside of it).
pub fn stands_alone(form: &Parameters) -> bool {
    let beside = [
        "request",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
    ];
    form.iter().all(|(name, _)| beside.contains(&name))
}

/// The parameters in a verified request object, and what must now be used for the first time.
///
/// # Errors
/// CIBA Core §7.1.1: `aud`, `iss`, `exp`, `iat`, `nbf` and `jti` must be there, and say that it is this client's, for
/// us, and current.
pub fn parameters(
    claims: &Map<String, Value>,
    client: &Client,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<(Parameters, Once), BackchannelRefusal> {
    let expected = Expectations {
        oldest: Some(LONGEST),
        needs_jti: true,
        ..expected(client, issuer)
    };
    let once = check_claims(claims, &expected, now).map_err(BackchannelRefusal::Object)?;
    let once = once.ok_or(BackchannelRefusal::Object(SignedRefusal::Jti))?;
    // FAPI CIBA §5.2.2: `nbf` is there, and an hour before `exp` at most.
    let instant = |name: &str| claims.get(name).and_then(Value::as_f64);
    let lives = instant("exp")
        .zip(instant("nbf"))
        .map(|(exp, nbf)| exp - nbf);
    if !lives.is_some_and(|seconds| seconds <= LONGEST.as_seconds_f64()) {
        return Err(BackchannelRefusal::Object(SignedRefusal::TooLongLived));
    }
    let malformed = BackchannelRefusal::Object(SignedRefusal::Malformed);
    let pairs = request_object::parameters(claims).map_err(|_| malformed)?;
    let parameters = Parameters::parse(pairs).map_err(|_| malformed)?;
    if !stands_alone_inside(&parameters) {
        return Err(malformed);
    }
    Ok((parameters, once))
}

fn stands_alone_inside(parameters: &Parameters) -> bool {
    ["request", "client_secret", "client_assertion"]
        .iter()
        .all(|name| parameters.get(name).is_none())
}

/// Whom a verified `login_hint_token` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By the `sub` of our tokens.
    Subject(SubjectIdentifier),
    /// By what they sign in with.
    Login(String),
}

/// Reads a verified `login_hint_token`.
///
/// # Errors
/// [`BackchannelRefusal::HintExpired`] where it was good once, and [`BackchannelRefusal::Hint`] otherwise.
pub fn named(
    claims: &Map<String, Value>,
    client: &Client,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Named, BackchannelRefusal> {
    check_claims(claims, &expected(client, issuer), now).map_err(|refusal| match refusal {
        SignedRefusal::Expired => BackchannelRefusal::HintExpired,
        _ => BackchannelRefusal::Hint,
    })?;
    let text = |name: &str| {
        let identifier = claims.get("sub_id").and_then(Value::as_object);
        identifier?.get(name)?.as_str()
    };
    let found = match text("format") {
        Some("iss_sub") if text("iss") == Some(issuer.as_str()) => text("sub")
            .and_then(SubjectIdentifier::parse)
            .map(Named::Subject),
        Some("opaque") => text("id")
            .filter(|id| (1..=super::request::MAX_LOGIN_HINT).contains(&id.len()))
            .map(|id| Named::Login(id.to_owned())),
        _ => None,
    };
    found.ok_or(BackchannelRefusal::Hint)
}

fn expected<'a>(client: &'a Client, issuer: &'a Issuer) -> Expectations<'a> {
    Expectations {
        issuer: client.id.as_str(),
        subject: None,
        audience: AudienceRule::Among(issuer.as_str()),
        longest: LONGEST,
        oldest: None,
        needs_jti: false,
    }
}

/// How long such a JWT lives (FAPI CIBA §5.2.2).
const LONGEST: Duration = Duration::minutes(60);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oidc::fixtures::{confidential_client, now, provider};

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn changed(good: &Value, name: &str, value: Option<Value>) -> Map<String, Value> {
        let mut claims = object(good.clone());
        match value {
            Some(value) => claims.insert(name.into(), value),
            None => claims.remove(name),
        };
        claims
    }

    #[test]
    fn a_signed_request_says_whose_it_is_for_whom_and_when() {
        let at = now().unix_timestamp();
        let good = json!({"iss": "app", "aud": ["https://id.example", "https://x.example"], "exp": at + 60,
            "iat": at, "nbf": at, "jti": "j", "scope": "openid", "requested_expiry": 120, "login_hint": "ada"});
        let read = |claims: &Map<String, Value>| {
            parameters(claims, &confidential_client(), &provider().issuer, now())
        };
        let (all, once) = read(&object(good.clone())).unwrap();
        assert_eq!(
            (
                all.get("scope"),
                all.get("requested_expiry"),
                all.get("iss")
            ),
            (Some("openid"), Some("120"), None)
        );
        assert_eq!(once.jti, "j");
        for (name, value) in [
            ("iss", Some(json!("other"))),
            ("aud", Some(json!("https://other.example"))),
            ("aud", Some(json!(7))),
            ("aud", None),
            ("exp", Some(json!(at - 6))),
            ("exp", Some(json!(at + 3601))),
            ("exp", None),
            ("nbf", Some(json!(at + 61))),
            ("nbf", Some(json!(at - 3600))),
            ("nbf", None),
            ("iat", Some(json!(at - 3601))),
            ("iat", None),
            ("jti", Some(json!(""))),
            ("jti", None),
            ("request", Some(json!("x"))),
            ("client_secret", Some(json!("x"))),
            ("scope", Some(Value::Null)),
        ] {
            let claims = changed(&good, name, value);
            assert!(read(&claims).is_err(), "{claims:?}");
        }
    }

    #[test]
    fn a_login_hint_token_names_a_person_by_a_subject_identifier() {
        let at = now().unix_timestamp();
        let good = json!({"iss": "app", "aud": "https://id.example", "exp": at + 60, "iat": at,
            "sub_id": {"format": "iss_sub", "iss": "https://id.example", "sub": "s"}});
        let read = |claims: &Map<String, Value>| {
            named(claims, &confidential_client(), &provider().issuer, now())
        };
        let sub = SubjectIdentifier::parse("s").unwrap();
        assert_eq!(read(&object(good.clone())), Ok(Named::Subject(sub)));
        let by_name = changed(
            &good,
            "sub_id",
            Some(json!({"format": "opaque", "id": "ada"})),
        );
        assert_eq!(read(&by_name), Ok(Named::Login("ada".into())));
        use BackchannelRefusal::{Hint, HintExpired};
        for (name, value, expected) in [
            ("exp", Some(json!(at - 60)), HintExpired),
            ("iss", Some(json!("other")), Hint),
            ("aud", Some(json!("https://other.example")), Hint),
            ("sub_id", None, Hint),
            ("sub_id", Some(json!("s")), Hint),
            (
                "sub_id",
                Some(json!({"format": "phone_number", "phone_number": "1"})),
                Hint,
            ),
            (
                "sub_id",
                Some(json!({"format": "iss_sub", "iss": "https://other.example", "sub": "s"})),
                Hint,
            ),
            ("sub_id", Some(json!({"format": "opaque", "id": ""})), Hint),
        ] {
            let claims = changed(&good, name, value);
            assert_eq!(read(&claims), Err(expected), "{claims:?}");
        }
    }

    #[test]
    fn what_stands_beside_a_signed_request_is_the_authentication_alone() {
        let form = |pairs: &[(&str, &str)]| Parameters::parse(pairs.iter().copied()).unwrap();
        assert!(stands_alone(&form(&[
            ("request", "r"),
            ("client_id", "a"),
            ("client_secret", "s")
        ])));
        assert!(!stands_alone(&form(&[
            ("request", "r"),
            ("scope", "openid")
        ])));
    }
}
