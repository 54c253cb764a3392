//! The authorization request's tests: tables of mutations, and properties over arbitrary parameters.

use proptest::prelude::*;

use super::*;
use crate::oidc::client::GrantType;
use crate::oidc::fixtures::{
    CHALLENGE, REDIRECT_URI, acr, changed, confidential_client, now, provider, public_client,
};

const GOOD: [(&str, &str); 8] = [
    ("client_id", "app"),
    ("redirect_uri", REDIRECT_URI),
    ("response_type", "code"),
    ("scope", "openid profile phone unheard-of"),
    ("state", "af0ifjsldkj"),
    ("nonce", "n-0S6_WzA2Mj"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

fn parse(parameters: &Parameters) -> Result<AuthorizationRequest, Refusal> {
    AuthorizationRequest::parse(parameters, &confidential_client(), &provider())
}

fn with(name: &str, value: &str) -> Result<AuthorizationRequest, Refusal> {
    parse(&changed(&GOOD, name, Some(value)))
}

/// A request that holds together.
pub(in crate::oidc) fn parsed() -> AuthorizationRequest {
    parse(&Parameters::parse(GOOD).unwrap()).unwrap()
}

#[test]
fn a_good_request_is_typed_and_survives_the_attempt() {
    let request = parsed();
    assert_eq!(
        request.scopes,
        Scopes::parse("openid profile").unwrap(),
        "phone is not this client's, and unheard-of is ignored"
    );
    assert_eq!(request.state.as_deref(), Some("af0ifjsldkj"));
    assert_eq!(request.response_mode, ResponseMode::Query);
    assert_eq!(request.acr, AcrRequest::Any);
    let json = serde_json::to_string(&request).unwrap();
    let again: AuthorizationRequest = serde_json::from_str(&json).unwrap();
    assert_eq!(again, request);
}

#[test]
fn every_refusal_of_an_authorization_request() {
    use AuthorizationError as E;
    let long = "x".repeat(MAX_STATE + 1);
    let hint = "x".repeat(MAX_LOGIN_HINT + 1);
    let table: Vec<(&str, Option<&str>, E)> = vec![
        ("response_type", None, E::InvalidRequest),
        ("response_type", Some("token"), E::UnsupportedResponseType),
        (
            "response_type",
            Some("code id_token"),
            E::UnauthorizedClient,
        ),
        ("response_type", Some("id_token"), E::UnauthorizedClient),
        ("response_mode", Some("JWT"), E::InvalidRequest),
        ("response_mode", Some("web_message"), E::InvalidRequest),
        ("scope", Some("unheard-of"), E::InvalidScope),
        ("scope", Some("phone"), E::InvalidScope),
        ("scope", Some("openid \"x"), E::InvalidScope),
        ("code_challenge", None, E::InvalidRequest),
        ("code_challenge", Some("short"), E::InvalidRequest),
        ("code_challenge_method", None, E::InvalidRequest),
        ("code_challenge_method", Some("plain"), E::InvalidRequest),
        ("code_challenge_method", Some("s256"), E::InvalidRequest),
        ("state", Some(&long), E::InvalidRequest),
        ("state", Some("a\r\nb"), E::InvalidRequest),
        ("nonce", Some(&long), E::InvalidRequest),
        ("login_hint", Some(&hint), E::InvalidRequest),
        ("prompt", Some("none login"), E::InvalidRequest),
        ("prompt", Some("sometimes"), E::InvalidRequest),
        ("max_age", Some("-1"), E::InvalidRequest),
        ("max_age", Some("+1"), E::InvalidRequest),
        ("max_age", Some("1.5"), E::InvalidRequest),
        ("max_age", Some("99999999999"), E::InvalidRequest),
        ("claims", Some("{"), E::InvalidRequest),
        ("claims", Some("[]"), E::InvalidRequest),
        (
            "claims",
            Some(r#"{"id_token": {"acr": {"essential": true, "values": ["urn:none"]}}}"#),
            E::UnmetAuthenticationRequirements,
        ),
        ("request", Some("eyJ.e30."), E::RequestNotSupported),
        (
            "request_uri",
            Some("https://a.example/r"),
            E::RequestUriNotSupported,
        ),
        ("registration", Some("{}"), E::RegistrationNotSupported),
    ];
    for (name, value, expected) in table {
        match parse(&changed(&GOOD, name, value)) {
            Err(Refusal::Redirect {
                to,
                error,
                description,
            }) => {
                assert_eq!(error, expected, "{name}={value:?}: {description}");
                assert_eq!(to.redirect_uri.as_str(), REDIRECT_URI);
                assert_eq!(to.state.is_some(), name != "state", "{name}");
            }
            other => panic!("{name}={value:?}: {other:?}"),
        }
    }
}

#[test]
fn without_openid_it_is_a_request_of_plain_oauth() {
    let asked = changed(&GOOD, "scope", Some("profile"));
    let request = parse(&asked).unwrap();
    assert_eq!(request.scopes, Scopes::parse("profile").unwrap());
    assert_eq!(request.nonce, None, "it would be of no ID token");
    // What is only of OpenID Connect is not read; what is asked of the login is.
    let mut all = GOOD.to_vec();
    all[3] = ("scope", "email");
    all.extend([
        ("claims", "{"),
        ("acr_values", "urn:whorl:acr:mfa"),
        ("max_age", "60"),
    ]);
    let request = parse(&Parameters::parse(all).unwrap()).unwrap();
    assert_eq!(request.claims, ClaimsRequest::default());
    assert_eq!(request.max_age, Some(60));
    // RFC 6749 §3.3: without a scope, what the client may have that is not about the subject.
    let mut client = confidential_client();
    let mut provider = provider();
    for scopes in [&mut client.scopes, &mut provider.scopes] {
        *scopes = scopes.union(&Scopes::parse("orders:read").unwrap());
    }
    let unsaid = changed(&GOOD, "scope", None);
    let request = AuthorizationRequest::parse(&unsaid, &client, &provider).unwrap();
    assert_eq!(request.scopes, Scopes::parse("orders:read").unwrap());
    assert_eq!(parse(&unsaid).unwrap().scopes, Scopes::default());
}

#[test]
fn openid_is_needed_for_an_id_token_and_is_not_left_out_in_silence() {
    let mut client = confidential_client();
    client.grant_types.insert(GrantType::Implicit);
    client.response_types.extend(ResponseType::ALL);
    let error = |client: &Client, parameters: &Parameters| {
        let found = AuthorizationRequest::parse(parameters, client, &provider());
        match found {
            Ok(_) => None,
            Err(Refusal::Redirect { error, .. }) => Some(error),
            Err(Refusal::Page(error)) => panic!("{error:?}"),
        }
    };
    for response_type in ResponseType::ALL {
        let mut all = GOOD.to_vec();
        all[2] = ("response_type", response_type.as_str());
        all[3] = ("scope", "profile");
        let expected = response_type
            .has_id_token()
            .then_some(AuthorizationError::InvalidScope);
        let parameters = Parameters::parse(all).unwrap();
        assert_eq!(
            error(&client, &parameters),
            expected,
            "{}",
            response_type.as_str()
        );
    }
    client.scopes = Scopes::parse("profile").unwrap();
    let asked = Parameters::parse(GOOD).unwrap();
    assert_eq!(
        error(&client, &asked),
        Some(AuthorizationError::InvalidScope)
    );
}

#[test]
fn what_decides_where_to_answer_is_refused_on_a_page() {
    let table: Vec<(&str, Option<&str>, PageError)> = vec![
        ("client_id", None, PageError::ClientIdMissing),
        ("client_id", Some("other"), PageError::ClientUnknown),
        ("client_id", Some("ä"), PageError::ClientUnknown),
        ("redirect_uri", None, PageError::RedirectUriMissing),
        (
            "redirect_uri",
            Some("https://evil.example/cb"),
            PageError::RedirectUriNotRegistered,
        ),
        (
            "redirect_uri",
            Some("https://app.example/cb"),
            PageError::RedirectUriNotRegistered,
        ),
    ];
    for (name, value, expected) in table {
        // Whatever else is wrong, it must not turn the page into a redirect.
        for also in ["response_type", "scope", "code_challenge", "nothing"] {
            let pairs = GOOD.iter().filter(|(other, _)| *other != also);
            let pairs: Vec<_> = pairs.copied().collect();
            let refused = parse(&changed(&pairs, name, value));
            assert_eq!(refused, Err(Refusal::Page(expected)), "{name}={value:?}");
        }
    }
}

#[test]
fn repeated_parameters_are_refused() {
    for (name, _) in GOOD {
        let parameters = Parameters::parse(GOOD.iter().copied().chain([(name, "twice")])).unwrap();
        let refused = parse(&parameters);
        match name {
            "client_id" | "redirect_uri" => {
                assert_eq!(refused, Err(Refusal::Page(PageError::ParameterRepeated)));
            }
            _ => assert!(
                matches!(
                    refused,
                    Err(Refusal::Redirect {
                        error: AuthorizationError::InvalidRequest,
                        ..
                    })
                ),
                "{name}"
            ),
        }
    }
}

#[test]
fn the_response_mode_is_kept_for_errors() {
    let pairs: Vec<_> = GOOD
        .into_iter()
        .chain([("response_mode", "form_post")])
        .collect();
    let refused = parse(&changed(&pairs, "scope", Some("unheard-of")));
    assert_eq!(mode_of(refused), ResponseMode::FormPost);
    for (text, mode) in [
        ("query", ResponseMode::Query),
        ("fragment", ResponseMode::Fragment),
        ("form_post", ResponseMode::FormPost),
        ("jwt", ResponseMode::QueryJwt),
        ("query.jwt", ResponseMode::QueryJwt),
        ("fragment.jwt", ResponseMode::FragmentJwt),
        ("form_post.jwt", ResponseMode::FormPostJwt),
    ] {
        assert_eq!(with("response_mode", text).unwrap().response_mode, mode);
    }
}

fn mode_of(refused: Result<AuthorizationRequest, Refusal>) -> ResponseMode {
    match refused {
        Err(Refusal::Redirect { to, .. }) => to.mode,
        other => panic!("{other:?}"),
    }
}

/// A client that may use every response type.
fn every_type() -> Client {
    Client {
        response_types: ResponseType::ALL.into(),
        ..confidential_client()
    }
}

#[test]
fn every_response_type_goes_back_in_its_default_mode_and_never_in_a_query_with_a_token() {
    let client = every_type();
    for response_type in ResponseType::ALL {
        let asked = changed(&GOOD, "response_type", Some(response_type.as_str()));
        let request = AuthorizationRequest::parse(&asked, &client, &provider()).unwrap();
        assert_eq!(request.response_type, response_type);
        assert_eq!(request.response_mode, response_type.default_mode());
        for mode in ["query", "query.jwt"] {
            let pairs: Vec<_> = GOOD.into_iter().chain([("response_mode", mode)]).collect();
            let asked = changed(&pairs, "response_type", Some(response_type.as_str()));
            let asked = AuthorizationRequest::parse(&asked, &client, &provider());
            match response_type {
                ResponseType::Code => assert!(asked.is_ok()),
                // OIDC Core §3.2.2.6: the refusal goes where the answer would have gone.
                _ => assert_eq!(mode_of(asked), ResponseMode::Fragment, "{response_type:?}"),
            }
        }
    }
    // A type that nobody knows, but whose answer would have held a token.
    let refused = parse(&changed(&GOOD, "response_type", Some("token")));
    assert_eq!(mode_of(refused), ResponseMode::Fragment);
}

#[test]
fn an_id_token_by_the_browser_needs_a_nonce_and_a_code_its_challenge() {
    for response_type in ResponseType::ALL {
        let pairs: Vec<_> = GOOD
            .into_iter()
            .filter(|(name, _)| *name != "response_type")
            .chain([("response_type", response_type.as_str())])
            .collect();
        let parse = |name| {
            AuthorizationRequest::parse(&changed(&pairs, name, None), &every_type(), &provider())
        };
        assert_eq!(
            parse("nonce").is_err(),
            response_type.has_id_token(),
            "{response_type:?}"
        );
        let pairs: Vec<_> = pairs
            .iter()
            .copied()
            .filter(|(name, _)| *name != "code_challenge_method")
            .collect();
        let unchallenged = changed(&pairs, "code_challenge", None);
        let asked = AuthorizationRequest::parse(&unchallenged, &every_type(), &provider());
        assert_eq!(
            asked.is_err(),
            response_type.has_code(),
            "{response_type:?}"
        );
    }
}

#[test]
fn a_form_is_not_posted_to_a_private_scheme() {
    let pairs: Vec<_> = GOOD
        .into_iter()
        .filter(|(name, _)| !matches!(*name, "client_id" | "redirect_uri"))
        .chain([
            ("client_id", "native"),
            ("redirect_uri", "com.example.app:/cb"),
            ("response_mode", "form_post"),
        ])
        .collect();
    let parameters = Parameters::parse(pairs).unwrap();
    let refused = AuthorizationRequest::parse(&parameters, &public_client(), &provider());
    assert_eq!(mode_of(refused), ResponseMode::Query);
}

#[test]
fn pkce_may_be_left_out_only_where_the_client_says_so() {
    let optional = Client {
        require_pkce: false,
        ..confidential_client()
    };
    let pairs: Vec<_> = GOOD
        .into_iter()
        .filter(|(name, _)| !name.starts_with("code_challenge"))
        .collect();
    let parameters = Parameters::parse(pairs.clone()).unwrap();
    let request = AuthorizationRequest::parse(&parameters, &optional, &provider()).unwrap();
    assert_eq!(request.code_challenge, None);
    // A method alone is half a challenge.
    let half = changed(&pairs, "code_challenge_method", Some("S256"));
    assert!(AuthorizationRequest::parse(&half, &optional, &provider()).is_err());
    // And a public client may not, whatever its registration says.
    let public = Client {
        auth_method: crate::oidc::client::TokenEndpointAuthMethod::None,
        ..optional
    };
    assert!(AuthorizationRequest::parse(&parameters, &public, &provider()).is_err());
}

#[test]
fn a_client_without_the_grant_is_told() {
    let mut client = confidential_client();
    client.grant_types.clear();
    let parameters = Parameters::parse(GOOD).unwrap();
    assert!(matches!(
        AuthorizationRequest::parse(&parameters, &client, &provider()),
        Err(Refusal::Redirect {
            error: AuthorizationError::UnauthorizedClient,
            ..
        })
    ));
}

#[test]
fn assurance_is_read_from_claims_then_acr_values_then_the_client() {
    let one = || vec![acr("urn:whorl:acr:one")];
    let both = || vec![acr("urn:whorl:acr:one"), acr("urn:whorl:acr:two")];
    let listed = with("acr_values", "urn:none urn:whorl:acr:one urn:whorl:acr:two").unwrap();
    assert_eq!(listed.acr, AcrRequest::Voluntary(both()));
    assert_eq!(with("acr_values", "urn:none").unwrap().acr, AcrRequest::Any);
    let claims = r#"{"id_token": {"acr": {"essential": true, "values": ["urn:none", "urn:whorl:acr:one"]}}}"#;
    let essential = with("claims", claims).unwrap().acr;
    assert_eq!(essential, AcrRequest::Essential(one()));
    assert!(essential.is_met_by(&acr("urn:whorl:acr:one")));
    assert!(!essential.is_met_by(&acr("urn:whorl:acr:two")));
    let claims = r#"{"id_token": {"acr": {"value": "urn:whorl:acr:one"}}}"#;
    assert_eq!(
        with("claims", claims).unwrap().acr,
        AcrRequest::Voluntary(one())
    );
    let any = r#"{"id_token": {"acr": {"essential": true}}}"#;
    assert_eq!(with("claims", any).unwrap().acr, AcrRequest::Any);
    let client = Client {
        default_acr_values: vec![acr("urn:whorl:acr:one")],
        ..confidential_client()
    };
    let parameters = Parameters::parse(GOOD).unwrap();
    let request = AuthorizationRequest::parse(&parameters, &client, &provider()).unwrap();
    assert_eq!(request.acr, AcrRequest::Voluntary(one()));
}

#[test]
fn how_old_an_authentication_may_be() {
    let earliest = |name: &str, value: &str| {
        let request = with(name, value).unwrap();
        request.earliest_auth_time(now())
    };
    assert_eq!(parsed().earliest_auth_time(now()), None);
    assert_eq!(earliest("prompt", "login"), Some(now()));
    assert_eq!(earliest("max_age", "0"), Some(now()));
    assert_eq!(
        earliest("max_age", "60"),
        Some(now() - Duration::seconds(60))
    );
    assert!(earliest("max_age", "4294967295").is_some());
}

#[test]
fn an_answer_about_somebody_else_is_not_given() {
    let alice = SubjectId(uuid::Uuid::from_u128(1));
    let bob = SubjectId(uuid::Uuid::from_u128(2));
    let accepts = |request: &AuthorizationRequest| {
        [alice, bob].map(|subject| request.accepts_subject(subject, &subject.public()))
    };
    assert_eq!(accepts(&parsed()), [true, true]);
    let hinted = AuthorizationRequest {
        hinted_subject: Some(alice),
        ..parsed()
    };
    assert_eq!(accepts(&hinted), [true, false]);
    let claims = format!(r#"{{"id_token": {{"sub": {{"value": "{bob}"}}}}}}"#);
    assert_eq!(accepts(&with("claims", &claims).unwrap()), [false, true]);
}

#[test]
fn hints_and_looks_are_read() {
    let request = with("login_hint", "alice@example.com").unwrap();
    assert_eq!(request.login_hint.as_deref(), Some("alice@example.com"));
    let request = with("ui_locales", "de-CH en <script> fr").unwrap();
    assert_eq!(request.ui_locales, ["de-CH", "en", "fr"]);
    assert_eq!(with("display", "popup").unwrap().display, Display::Popup);
    assert_eq!(with("display", "wall").unwrap().display, Display::Page);
    assert!(with("prompt", "consent").unwrap().asks_consent_again());
    let request = with("id_token_hint", "e.y.J").unwrap();
    assert_eq!(format!("{:?}", request.id_token_hint), "Some(IdTokenHint)");
    assert!(!serde_json::to_string(&request).unwrap().contains("e.y.J"));
}

/// Names that mean something, so that arbitrary requests get past the first check.
fn arbitrary_pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "client_id",
            "redirect_uri",
            "response_type",
            "response_mode",
            "scope",
            "state",
            "nonce",
            "prompt",
            "max_age",
            "acr_values",
            "claims",
            "request",
            "request_uri",
            "id_token_hint",
            "login_hint",
            "ui_locales",
            "display",
            "code_challenge",
            "code_challenge_method",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    let value = prop_oneof![
        prop::sample::select(vec![
            "app",
            REDIRECT_URI,
            "https://evil.example/cb",
            "code",
            "openid",
            "S256",
            CHALLENGE,
            "form_post",
            "none",
            "{}",
            "0",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec((name, value), 0..24)
}

proptest! {
    #[test]
    fn arbitrary_parameters_never_panic_and_never_redirect_elsewhere(
        pairs in arbitrary_pairs(),
        grounded in any::<bool>(),
    ) {
        let given = [("client_id", "app"), ("redirect_uri", REDIRECT_URI)];
        let ground = given.iter().filter(|_| grounded);
        let pairs = ground
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .chain(pairs);
        let Ok(parameters) = Parameters::parse(pairs) else { return Ok(()) };
        match parse(&parameters) {
            Ok(request) => {
                prop_assert_eq!(request.redirect_uri.as_str(), REDIRECT_URI);
                let is_plain = !request.scopes.contains("openid");
                prop_assert!(!is_plain || !request.response_type.has_id_token());
                prop_assert!(!is_plain || request.nonce.is_none());
                prop_assert!(request.code_challenge.is_some());
            }
            Err(Refusal::Redirect { to, .. }) => {
                prop_assert_eq!(to.redirect_uri.as_str(), REDIRECT_URI);
                prop_assert_eq!(parameters.get("redirect_uri"), Some(REDIRECT_URI));
                prop_assert_eq!(parameters.get("client_id"), Some("app"));
            }
            Err(Refusal::Page(_)) => {}
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        if let Ok(parameters) = Parameters::from_urlencoded(&bytes) {
            let redirects = matches!(parse(&parameters), Err(Refusal::Redirect { .. }));
            prop_assert!(!redirects);
        }
    }
}

#[test]
fn where_a_token_is_for_is_read_and_refused_to_the_client() {
    use crate::oidc::confirmation::Thumbprint;
    let jkt = Thumbprint::of_certificate(b"a");
    let request = with("dpop_jkt", jkt.as_str()).unwrap();
    assert_eq!(request.dpop_jkt, Some(jkt));
    let request = with("resource", "https://id.example").unwrap();
    assert_eq!(request.resources.len(), 1);
    for (name, value, expected) in [
        ("dpop_jkt", "short", AuthorizationError::InvalidRequest),
        (
            "resource",
            "urn:unheard-of",
            AuthorizationError::InvalidTarget,
        ),
        ("resource", "relative", AuthorizationError::InvalidTarget),
        (
            "authorization_details",
            "{",
            AuthorizationError::InvalidAuthorizationDetails,
        ),
        (
            "authorization_details",
            r#"[{"type":"unheard-of"}]"#,
            AuthorizationError::InvalidAuthorizationDetails,
        ),
    ] {
        match with(name, value) {
            Err(Refusal::Redirect { error, .. }) => assert_eq!(error, expected, "{name}={value}"),
            other => panic!("{name}={value}: {other:?}"),
        }
    }
}

#[test]
fn a_client_whose_tokens_are_bound_gets_none_by_way_of_the_browser() {
    let mut client = confidential_client();
    client.response_types = ResponseType::ALL.iter().copied().collect();
    client.grant_types.insert(GrantType::Implicit);
    let form = changed(&GOOD, "response_type", Some("code token"));
    assert!(AuthorizationRequest::parse(&form, &client, &provider()).is_ok());
    client.binding.dpop = true;
    match AuthorizationRequest::parse(&form, &client, &provider()) {
        Err(Refusal::Redirect { error, .. }) => {
            assert_eq!(error, AuthorizationError::UnauthorizedClient);
        }
        other => panic!("{other:?}"),
    }
}
