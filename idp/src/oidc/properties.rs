//! Properties over arbitrary input: no parser panics, and nobody is let in or sent anywhere by chance.
//! The authorization request's own are beside its tables.

use proptest::prelude::*;
use url::Url;

use super::bearer;
use super::claims_request::ClaimsRequest;
use super::client::{ApplicationType, KeySet};
use super::client_auth::{Presented, Proof, authenticate};
use super::fixtures::{REDIRECT_URI, confidential_client, now};
use super::grants::TokenRequest;
use super::logout::{AfterLogout, LogoutDecision, LogoutRequest};
use super::parameters::Parameters;
use super::provider::Issuer;
use super::redirect_uri::RedirectUri;
use super::revocation::RevocationRequest;
use super::scope::Scopes;
use super::signed::Keys;

const NAMES: [&str; 14] = [
    "grant_type",
    "code",
    "redirect_uri",
    "code_verifier",
    "refresh_token",
    "scope",
    "client_id",
    "client_secret",
    "client_assertion",
    "token",
    "token_type_hint",
    "access_token",
    "post_logout_redirect_uri",
    "state",
];

const VALUES: [&str; 7] = [
    "authorization_code",
    "refresh_token",
    "app",
    REDIRECT_URI,
    "https://app.example/bye",
    "openid",
    "x",
];

fn parameters() -> impl Strategy<Value = Parameters> {
    let name = prop_oneof![
        3 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let value = prop_oneof![
        prop::sample::select(VALUES.to_vec()).prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec((name, value), 0..12)
        .prop_filter_map("a NUL", |pairs| Parameters::parse(pairs).ok())
}

fn header() -> impl Strategy<Value = Option<String>> {
    let scheme = prop::sample::select(vec!["Basic ", "Bearer ", "basic", "DPoP ", ""]);
    let rest = prop_oneof!["[A-Za-z0-9+/=]{0,40}", any::<String>()];
    prop::option::of((scheme, rest).prop_map(|(scheme, rest)| format!("{scheme}{rest}")))
}

proptest! {
    #[test]
    fn a_secret_is_not_guessed(form in parameters(), header in header()) {
        if let Ok(presented) = Presented::parse(header.as_deref(), &form) {
            let none = KeySet::default();
            let proof = Proof {
                keys: Keys::Public(&none),
                issuer: "https://id.example",
                audiences: &[],
                now: now(),
            };
            let client = confidential_client();
            prop_assert!(authenticate(Some(&client), &presented, &proof).is_err());
            prop_assert!(authenticate(None, &presented, &proof).is_err());
        }
    }

    #[test]
    fn token_and_revocation_requests_are_read_or_refused(form in parameters()) {
        if TokenRequest::parse(&form).is_ok() {
            prop_assert!(form.get("grant_type").is_some() && !form.repeated());
        }
        if RevocationRequest::parse(&form).is_ok() {
            prop_assert!(form.get("token").is_some());
        }
    }

    #[test]
    fn a_bearer_token_never_comes_from_the_query(query in parameters(), header in header()) {
        if bearer::extract(header.as_deref(), &query, None).is_ok() {
            prop_assert_eq!(query.get("access_token"), None);
        }
    }

    #[test]
    fn without_a_hint_logout_sends_nobody_anywhere(form in parameters()) {
        let client = confidential_client();
        if let Ok(request) = LogoutRequest::parse(&form)
            && let Ok(decision) = request.decide(None, Some(&client), None)
        {
            prop_assert_eq!(decision, LogoutDecision::Direct(AfterLogout::Page));
        }
    }

    #[test]
    fn small_texts_are_read_or_refused(text in any::<String>()) {
        if let Some(scopes) = Scopes::parse(&text) {
            prop_assert_eq!(Scopes::parse(&scopes.to_string()), Some(scopes));
        }
        let _ = ClaimsRequest::parse(&text);
        if let Ok(issuer) = Issuer::parse(&text) {
            prop_assert!(issuer.is_https() || issuer.is_loopback());
        }
    }

    #[test]
    fn nearly_json_is_read_or_refused(
        text in r#"\{"(userinfo|id_token)": ?\{"[a-z]{1,3}": ?(null|\{("essential": ?(true|1))?\}|\[\])\}\}?"#,
    ) {
        if let Some(claims) = ClaimsRequest::parse(&text) {
            let again = serde_json::to_string(&claims).unwrap();
            prop_assert_eq!(serde_json::from_str::<ClaimsRequest>(&again).unwrap(), claims);
        }
    }

    #[test]
    fn whatever_matches_has_the_registered_host_and_path(tail in r"[0-9:@./a-z?#\\]{0,24}") {
        for registered in ["http://127.0.0.1/cb", "http://[::1]:8080/cb", REDIRECT_URI] {
            for start in ["http://127.0.0.1", "http://[::1]", "https://app.example"] {
                let presented = format!("{start}{tail}");
                let known = RedirectUri::new(registered);
                if known.matches(&presented, ApplicationType::Native) {
                    let known = Url::parse(registered).unwrap();
                    let presented = Url::parse(&presented).unwrap();
                    prop_assert_eq!(known.host(), presented.host());
                    prop_assert_eq!(known.path(), presented.path());
                    prop_assert_eq!(known.query(), presented.query());
                    prop_assert_eq!(presented.username(), "");
                }
            }
        }
    }
}
