//! Clients, a provider and requests that the protocol's tests share.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use uuid::Uuid;

use super::acr::Acr;
use super::amr::Amr;
use super::authorization_details::{AuthorizationDetails, DetailTypes};
use super::claims_request::ClaimsRequest;
use super::client::{ApplicationType, Client, ClientId, SecretDigest, TokenEndpointAuthMethod};
use super::confirmation::Confirmation;
use super::grant::{Authentication, Grant, GrantId, SessionId, Validity};
use super::grants::token_exchange::ExchangeRules;
use super::grants::{Issuance, RefreshIssue};
use super::parameters::Parameters;
use super::provider::{Issuer, Provider};
use super::redirect_uri::RedirectUri;
use super::resource::Resources;
use super::scope::Scopes;
use super::signing_alg::SigningAlg;
use super::subject::SubjectId;

/// The verifier of RFC 7636 appendix B.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// The challenge of RFC 7636 appendix B.
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The confidential client's secret; it has what form-urlencoding would change.
pub(super) const SECRET: &str = "s3cr+t %:&=ä";
/// The confidential client's redirect URI.
pub(super) const REDIRECT_URI: &str = "https://app.example/cb?tenant=1";

pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

pub(super) fn ten_minutes() -> Validity {
    Validity {
        issued_at: now(),
        lifetime: time::Duration::minutes(10),
    }
}

pub(super) fn provider() -> Provider {
    Provider {
        issuer: Issuer::parse("https://id.example").unwrap(),
        acrs: [acr("urn:whorl:acr:two"), acr("urn:whorl:acr:one")]
            .into_iter()
            .collect(),
        scopes: Scopes::parse("openid profile email address phone offline_access").unwrap(),
        ui_locales: vec!["en".into(), "de".into()],
        signing_algs: SigningAlg::ALL.to_vec(),
        resources: Resources::default(),
        detail_types: DetailTypes::default(),
        exchange: ExchangeRules::default(),
        is_external_method: false,
        mtls: None,
    }
}

pub(super) fn acr(text: &str) -> Acr {
    Acr::parse(text).unwrap()
}

pub(super) fn confidential_client() -> Client {
    Client {
        name: "An application".into(),
        secret_digest: Some(SecretDigest::of(&SECRET.into())),
        auth_method: TokenEndpointAuthMethod::ClientSecretBasic,
        redirect_uris: vec![RedirectUri::new(REDIRECT_URI)],
        post_logout_redirect_uris: vec![RedirectUri::new("https://app.example/bye")],
        scopes: Scopes::parse("openid profile email offline_access").unwrap(),
        ..Client::new(ClientId::parse("app").unwrap())
    }
}

pub(super) fn public_client() -> Client {
    Client {
        id: ClientId::parse("native").unwrap(),
        application_type: ApplicationType::Native,
        secret_digest: None,
        auth_method: TokenEndpointAuthMethod::None,
        redirect_uris: vec![
            RedirectUri::new("http://127.0.0.1/cb"),
            RedirectUri::new("com.example.app:/cb"),
        ],
        ..confidential_client()
    }
}

pub(super) fn grant(client: &Client) -> Grant {
    Grant {
        id: GrantId(Uuid::from_u128(1)),
        client_id: client.id.clone(),
        subject: SubjectId(Uuid::from_u128(2)),
        scopes: Scopes::parse("openid profile offline_access").unwrap(),
        authentication: Authentication {
            auth_time: now() - time::Duration::minutes(5),
            acr: acr("urn:whorl:acr:two"),
            amr: super::amr::combine([Amr::Pwd, Amr::Face]),
            amr_times: [(Amr::Face, 1_799_999_700), (Amr::Pwd, 1_799_999_000)].into(),
            sid: SessionId(Uuid::from_u128(3)),
        },
        claims: ClaimsRequest::default(),
        resources: BTreeSet::new(),
        details: AuthorizationDetails::default(),
    }
}

/// All of a grant, without a refresh token.
pub(super) fn issuance(grant: Grant) -> Issuance {
    Issuance {
        scopes: grant.scopes.clone(),
        id_token: true,
        resources: BTreeSet::new(),
        details: AuthorizationDetails::default(),
        confirmation: Confirmation::default(),
        nonce: None,
        refresh: RefreshIssue::None,
        grant,
    }
}

/// The pairs with one changed: set where there is a value, left out where there is none.
pub(super) fn changed(pairs: &[(&str, &str)], name: &str, value: Option<&str>) -> Parameters {
    let kept = pairs.iter().filter(|(other, _)| *other != name).copied();
    Parameters::parse(kept.chain(value.map(|value| (name, value)))).unwrap()
}
