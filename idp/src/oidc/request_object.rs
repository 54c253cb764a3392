//! Request objects: an authorization request as a JWT, by value or by reference (OIDC Core §6, RFC 9101).
//!
//! The caller has fetched, opened and verified the JWT; here is what it may say, and how it goes together with the
//! parameters around it.

use serde_json::{Map, Value};
use thiserror::Error;
use time::{Duration, OffsetDateTime};

use super::client::Client;
use super::fapi;
use super::parameters::Parameters;
use super::provider::Issuer;

/// Why a request object is refused, for the log; the client hears `invalid_request_object`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestObjectRefusal {
    /// It is of another type, such as an ID token (RFC 9101 §10.8).
    #[error("the request object is another kind of JWT")]
    Type,
    /// It has another request in it (RFC 9101 §4).
    #[error("the request object has request or request_uri in it")]
    Nested,
    /// Another client says so (OIDC Core §6.1).
    #[error("the request object's iss or sub is not the client's")]
    Issuer,
    /// It is for another server (OIDC Core §6.1).
    #[error("the request object's aud does not name this provider")]
    Audience,
    /// It has expired, is not valid yet, or lives too long.
    #[error("the request object is not valid now")]
    Time,
    /// It says another client or response type than the parameters around it (OIDC Core §6.1).
    #[error(
        "the request object and the parameters around it name different clients or response types"
    )]
    Mismatch,
    /// A member has a type that no parameter has.
    #[error("a member of the request object has no parameter's type")]
    Member,
}

/// The parameters of a request whose object says `claims`.
///
/// What the object says goes before what stands beside it, which fills in the rest (OIDC Core §6.1); for a client that
/// must sign its requests, what stands beside it counts for nothing (RFC 9101 §5).
///
/// # Errors
/// [`RequestObjectRefusal`].
pub fn merge(
    around: &Parameters,
    typ: Option<&str>,
    claims: &Map<String, Value>,
    client: &Client,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<Parameters, RequestObjectRefusal> {
    check(typ, claims, client, issuer, now)?;
    let mut pairs = self::parameters(claims)?;
    let said = |name: &str| {
        let found = pairs.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.clone())
    };
    // OIDC Core §6.1, RFC 9101 §5: both name the client, and the same one.
    if said("client_id").is_some_and(|id| id != client.id.as_str()) {
        return Err(RequestObjectRefusal::Mismatch);
    }
    let same = |a: &str, b: &str| {
        let words = |text: &str| {
            let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            words.sort_unstable();
            words
        };
        words(a) == words(b)
    };
    if let (Some(inside), Some(outside)) = (said("response_type"), around.get("response_type"))
        && !same(&inside, outside)
    {
        return Err(RequestObjectRefusal::Mismatch);
    }
    let inside: Vec<String> = pairs.iter().map(|(name, _)| name.clone()).collect();
    if !client.requests.signed_required {
        let beside = around.iter().filter(|(name, _)| {
            !matches!(*name, "request" | "request_uri") && !inside.iter().any(|it| it == name)
        });
        pairs.extend(beside.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // RFC 6749 §3.1: what came twice beside the object is refused as it is without one.
        for name in around.repeats() {
            pairs.extend([
                (name.to_owned(), String::new()),
                (name.to_owned(), String::new()),
            ]);
        }
    }
    if !pairs.iter().any(|(name, _)| name == "client_id") {
        pairs.push(("client_id".into(), client.id.to_string()));
    }
    Parameters::parse(pairs).map_err(|_| RequestObjectRefusal::Member)
}

/// What an object says, as the parameters that it stands for.
///
/// # Errors
/// Where a member has a type that no parameter has.
pub fn parameters(
    claims: &Map<String, Value>,
) -> Result<Vec<(String, String)>, RequestObjectRefusal> {
    let mut pairs = Vec::new();
    // RFC 9101 §4: the claims of the JWT itself are no parameters.
    let said = claims
        .iter()
        .filter(|(name, _)| !OF_THE_JWT.contains(&name.as_str()));
    for (name, value) in said {
        let texts = texts(name, value)?.into_iter();
        pairs.extend(texts.map(|text| (name.clone(), text)));
    }
    Ok(pairs)
}

fn check(
    typ: Option<&str>,
    claims: &Map<String, Value>,
    client: &Client,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<(), RequestObjectRefusal> {
    // RFC 9101 §10.8: older clients name no type, or the plain one.
    if !matches!(typ, None | Some("jwt" | "oauth-authz-req+jwt")) {
        return Err(RequestObjectRefusal::Type);
    }
    if claims.contains_key("request") || claims.contains_key("request_uri") {
        return Err(RequestObjectRefusal::Nested);
    }
    let is = |name: &str, text: &str| claims.get(name).and_then(Value::as_str) == Some(text);
    // OIDC Core §6.1: `iss` is the client. RFC 9101 §4 and §10.8.1: with the client as `sub` it could pass for the
    // client's assertion.
    if (claims.contains_key("iss") && !is("iss", client.id.as_str()))
        || is("sub", client.id.as_str())
    {
        return Err(RequestObjectRefusal::Issuer);
    }
    let strict = fapi::is_on(client);
    match claims.get("aud") {
        Some(Value::String(aud)) if aud == issuer.as_str() => {}
        Some(Value::Array(all)) if all.iter().any(|aud| aud.as_str() == Some(issuer.as_str())) => {}
        // OIDC Core §6.1 only recommends it; FAPI 2.0 Message Signing §5.3.1 wants it.
        None if !strict => {}
        _ => return Err(RequestObjectRefusal::Audience),
    }
    let seconds = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_f64()
            .filter(|seconds| seconds.is_finite() && seconds.abs() < 1e11)
            .map(|seconds| Some(seconds as i64))
            .ok_or(RequestObjectRefusal::Time),
    };
    let (exp, nbf, iat) = (seconds("exp")?, seconds("nbf")?, seconds("iat")?);
    let (at, leeway) = (now.unix_timestamp(), LEEWAY.whole_seconds());
    // RFC 7519 §4.1.4 to §4.1.6.
    if exp.is_some_and(|exp| at >= exp + leeway)
        || nbf.is_some_and(|nbf| at + leeway < nbf)
        || iat.is_some_and(|iat| at + leeway < iat)
    {
        return Err(RequestObjectRefusal::Time);
    }
    if strict {
        // FAPI 2.0 Message Signing §5.3.1: both are there, and an hour apart at most, nor is the object older.
        let hour = fapi::LONGEST_REQUEST_OBJECT.whole_seconds();
        let fits = exp
            .zip(nbf)
            .is_some_and(|(exp, nbf)| exp - nbf <= hour && at - nbf <= hour);
        if !fits {
            return Err(RequestObjectRefusal::Time);
        }
    }
    Ok(())
}

/// A member as the parameter that it stands for: text as it is, numbers and booleans as JSON writes them, objects as
/// JSON (RFC 9101 §4); a list is one parameter in JSON, but for the one that may be repeated (RFC 8707 §2).
fn texts(name: &str, value: &Value) -> Result<Vec<String>, RequestObjectRefusal> {
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Number(_) | Value::Bool(_) => Ok(vec![value.to_string()]),
        Value::Object(_) => Ok(vec![value.to_string()]),
        Value::Array(items) if name == "resource" => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or(RequestObjectRefusal::Member),
        Value::Array(_) => Ok(vec![value.to_string()]),
        Value::Null => Err(RequestObjectRefusal::Member),
    }
}

const OF_THE_JWT: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "sub"];

/// How far the client's clock may be off.
const LEEWAY: Duration = Duration::seconds(10);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::oidc::client::FapiProfile;
    use crate::oidc::fixtures::{confidential_client, now, provider};

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    fn merged(claims: Value, client: &Client) -> Result<Parameters, RequestObjectRefusal> {
        let around = [
            ("client_id", "app"),
            ("response_type", "code"),
            ("scope", "openid"),
            ("state", "outside"),
            ("request", "e.y.J"),
        ];
        let around = Parameters::parse(around).unwrap();
        let issuer = provider().issuer;
        merge(&around, None, &object(claims), client, &issuer, now())
    }

    #[test]
    fn what_came_twice_beside_the_object_is_still_refused_and_every_resource_is_kept() {
        let pairs = [
            ("client_id", "app"),
            ("request", "e.y.J"),
            ("nonce", "a"),
            ("nonce", "b"),
            ("resource", "https://a.example"),
            ("resource", "https://b.example"),
        ];
        let around = Parameters::parse(pairs).unwrap();
        let claims =
            object(json!({"iss": "app", "aud": ["https://id.example"], "nonce": "inside"}));
        let client = confidential_client();
        let all = merge(&around, None, &claims, &client, &provider().issuer, now()).unwrap();
        assert!(all.is_repeated("nonce"));
        assert_eq!(all.get("nonce"), None);
        assert_eq!(all.all("resource").count(), 2);
    }

    #[test]
    fn what_the_object_says_goes_first_and_what_stands_beside_it_fills_in() {
        let claims = json!({
            "iss": "app", "aud": ["https://id.example"], "state": "inside", "max_age": 60,
            "claims": {"userinfo": {"name": null}}, "resource": ["https://a.example", "https://b.example"],
        });
        let all = merged(claims.clone(), &confidential_client()).unwrap();
        for (name, value) in [
            ("client_id", Some("app")),
            ("state", Some("inside")),
            ("scope", Some("openid")),
            ("max_age", Some("60")),
            ("claims", Some(r#"{"userinfo":{"name":null}}"#)),
            ("request", None),
            ("iss", None),
        ] {
            assert_eq!(all.get(name), value, "{name}");
        }
        let mut strict = confidential_client();
        strict.requests.signed_required = true;
        let only = merged(claims, &strict).unwrap();
        assert_eq!(
            (only.get("scope"), only.get("state")),
            (None, Some("inside"))
        );
        assert_eq!(only.get("client_id"), Some("app"));
    }

    #[test]
    fn every_refusal_of_a_request_object() {
        use RequestObjectRefusal as R;
        let at = now().unix_timestamp();
        for (claims, expected) in [
            (json!({"request": "x"}), R::Nested),
            (json!({"request_uri": "urn:x"}), R::Nested),
            (json!({"iss": "other"}), R::Issuer),
            (json!({"iss": 7}), R::Issuer),
            (json!({"sub": "app"}), R::Issuer),
            (json!({"aud": "https://other.example"}), R::Audience),
            (json!({"aud": []}), R::Audience),
            (json!({"exp": at - 11}), R::Time),
            (json!({"exp": "soon"}), R::Time),
            (json!({"nbf": at + 11}), R::Time),
            (json!({"iat": at + 11}), R::Time),
            (json!({"client_id": "other"}), R::Mismatch),
            (json!({"response_type": "id_token"}), R::Mismatch),
            (json!({"state": null}), R::Member),
            (json!({"resource": [7]}), R::Member),
            (json!({"state": "a\0b"}), R::Member),
        ] {
            let refused = merged(claims.clone(), &confidential_client()).err();
            assert_eq!(refused, Some(expected), "{claims}");
        }
        let none = Parameters::parse([("client_id", "app")]).unwrap();
        let issuer = provider().issuer;
        let refused = merge(
            &none,
            Some("at+jwt"),
            &Map::new(),
            &confidential_client(),
            &issuer,
            now(),
        );
        assert_eq!(refused.err(), Some(R::Type));
    }

    #[test]
    fn a_client_of_fapi_says_for_whom_and_for_how_long() {
        let mut client = confidential_client();
        client.profile.fapi = FapiProfile::MessageSigning;
        let at = now().unix_timestamp();
        let good = json!({"aud": "https://id.example", "exp": at + 60, "nbf": at});
        assert!(merged(good.clone(), &client).is_ok());
        for (name, value) in [
            ("aud", None),
            ("exp", None),
            ("nbf", None),
            ("exp", Some(json!(at + 3601))),
            ("nbf", Some(json!(at - 3601))),
        ] {
            let mut claims = object(good.clone());
            match value {
                Some(value) => claims.insert(name.into(), value),
                None => claims.remove(name),
            };
            assert!(
                merged(claims.clone().into(), &client).is_err(),
                "{claims:?}"
            );
        }
    }
}
