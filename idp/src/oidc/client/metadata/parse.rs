//! The parser: every field of RFC 7591 §2 and of its extensions, each with the clause it comes from.

use std::collections::BTreeSet;

use super::credentials::credentials;
use super::protections::{encryption, protections};
use super::read::{Problem, Reader, fault};
use super::{By, Fields, MetadataError, Rules};
use crate::oidc::acr::Acr;
use crate::oidc::client::{
    ApplicationType, CibaSettings, Client, ClientId, ClientProfile, Display, GrantType, JwsAlg,
    LoginSettings, LogoutSettings, RequestSettings, Software, SubjectSettings, SubjectType,
    TokenBinding, TokenDelivery, WebUri,
};
use crate::oidc::redirect_uri::RedirectUri;
use crate::oidc::response_type::ResponseType;
use crate::oidc::scope::{self, Scopes};
use crate::oidc::{fapi, grants};

/// Reads a registration whole.
pub(super) fn client(
    id: ClientId,
    fields: &Fields,
    rules: &Rules<'_>,
) -> Result<Client, MetadataError> {
    read_all(&mut Reader::new(fields), id, rules)
}

/// The fields that are read of such a registration.
#[cfg(test)]
pub(super) fn fields_of(fields: &Fields, rules: &Rules<'_>) -> BTreeSet<&'static str> {
    let mut read = Reader::new(fields);
    let id = ClientId::parse("c").unwrap();
    read_all(&mut read, id, rules).unwrap();
    read.asked()
}

fn read_all(
    read: &mut Reader<'_>,
    id: ClientId,
    rules: &Rules<'_>,
) -> Result<Client, MetadataError> {
    let mut client = Client::new(id);
    identity(read, &mut client)?;
    grants(read, &mut client, rules)?;
    redirect_uris(read, &mut client, rules)?;
    credentials(read, &mut client, rules)?;
    scopes(read, &mut client, rules)?;
    protections(read, &mut client, rules)?;
    client.subjects = subjects(read)?;
    client.requests = requests(read)?;
    client.login = login(read, rules)?;
    client.default_acr_values = acrs(read)?;
    client.binding = binding(read, rules)?;
    client.logout = logout(read)?;
    client.ciba = ciba(read, &client.grant_types)?;
    client.require_pkce = client.is_public() || !rules.pkce_optional;
    match rules.by {
        By::Operator => {
            own_switches(read, &mut client)?;
            if let Some(name) = read.unknown().filter(|name| !name.contains('#')) {
                return Err(MetadataError::Unknown(name.clone()));
            }
        }
        By::Stranger => {}
    }
    Ok(client)
}

fn identity(read: &mut Reader<'_>, client: &mut Client) -> Result<(), MetadataError> {
    if let Some(name) = read.text("client_name")? {
        name.trim().clone_into(&mut client.name);
    }
    client.application_type = match read.text("application_type")? {
        None | Some("web") => ApplicationType::Web,
        Some("native") => ApplicationType::Native,
        Some(_) => return Err(fault("application_type", Problem::Unsupported)),
    };
    client.display = Display {
        client_uri: read.uri("client_uri")?,
        logo_uri: read.uri("logo_uri")?,
        policy_uri: read.uri("policy_uri")?,
        tos_uri: read.uri("tos_uri")?,
        contacts: owned(read.list("contacts")?),
        localised: read.localised(&LOCALISED)?.into_iter().collect(),
    };
    client.software = Software {
        software_id: read.text("software_id")?.map(str::to_owned),
        software_version: read.text("software_version")?.map(str::to_owned),
        software_statement: read.long_text("software_statement")?.map(str::to_owned),
    };
    Ok(())
}

/// RFC 7591 §2.1: what one of the two lists does not say follows from the other.
fn grants(
    read: &mut Reader<'_>,
    client: &mut Client,
    rules: &Rules<'_>,
) -> Result<(), MetadataError> {
    let grants = read.registered_list::<GrantType>("grant_types")?;
    // A client without a grant gets nothing; an operator may have one that only introspects.
    if rules.by == By::Stranger && grants.as_ref().is_some_and(Vec::is_empty) {
        return Err(fault("grant_types", Problem::Form));
    }
    let responses = read.registered_list::<ResponseType>("response_types")?;
    let is_served = |all: &Vec<GrantType>| all.iter().all(|grant| grants::is_served(*grant));
    if !grants.as_ref().is_none_or(is_served) {
        return Err(fault("grant_types", Problem::Unsupported));
    }
    // An operator's client may refresh. A stranger's asks for it, since RFC 7591 §2 makes `authorization_code` alone
    // the default: by the grant, or by the scope that has no other use (OIDC Core §11).
    let scope = read.text("scope")?.unwrap_or_default();
    let refreshes =
        rules.by == By::Operator || scope.split(' ').any(|it| it == scope::OFFLINE_ACCESS);
    let grants = grants.map(BTreeSet::from_iter);
    let responses = responses.map(BTreeSet::from_iter);
    (client.grant_types, client.response_types) = match (grants, responses) {
        (Some(grants), Some(responses)) => (grants, responses),
        (Some(grants), None) if grants.contains(&GrantType::AuthorizationCode) => {
            (grants, [ResponseType::Code].into())
        }
        (Some(grants), None) if grants.contains(&GrantType::Implicit) => {
            (grants, [ResponseType::IdToken].into())
        }
        (Some(grants), None) => (grants, BTreeSet::new()),
        (None, responses) => {
            let responses = responses.unwrap_or_else(|| [ResponseType::Code].into());
            (grants_of(&responses, refreshes), responses)
        }
    };
    Ok(())
}

/// The grants of response types, where a registration names none.
fn grants_of(responses: &BTreeSet<ResponseType>, refreshes: bool) -> BTreeSet<GrantType> {
    let mut grants = BTreeSet::new();
    if responses.iter().any(|it| it.has_code()) {
        grants.insert(GrantType::AuthorizationCode);
        if refreshes {
            grants.insert(GrantType::RefreshToken);
        }
    }
    if responses
        .iter()
        .any(|it| it.has_id_token() || it.has_token())
    {
        grants.insert(GrantType::Implicit);
    }
    grants
}

fn redirect_uris(
    read: &mut Reader<'_>,
    client: &mut Client,
    rules: &Rules<'_>,
) -> Result<(), MetadataError> {
    let uris = |found: Option<Vec<&str>>| -> Vec<RedirectUri> {
        found
            .unwrap_or_default()
            .into_iter()
            .map(RedirectUri::new)
            .collect()
    };
    client.redirect_uris = uris(read.list("redirect_uris")?);
    client.post_logout_redirect_uris = uris(read.list("post_logout_redirect_uris")?);
    if rules.by == By::Stranger && !rules.loopback_redirects {
        let (kind, implicit) = (
            client.application_type,
            client.grant_types.contains(&GrantType::Implicit),
        );
        // OIDC Dynamic Client Registration §2 `application_type`: a web client's are https, and with the
        // implicit grant not `localhost`; a native client's http ones are on its own machine.
        let is_insecure = |uri: &RedirectUri| {
            kind == ApplicationType::Web
                && (uri.as_str().starts_with("http://") || implicit && uri.is_loopback())
        };
        if client.redirect_uris.iter().any(is_insecure) {
            let at_home = |uri: &RedirectUri| is_insecure(uri) && uri.is_loopback();
            let problem = match client.redirect_uris.iter().any(at_home) {
                true => Problem::Loopback,
                false => Problem::Insecure,
            };
            return Err(fault("redirect_uris", problem));
        }
    }
    Ok(())
}

fn scopes(
    read: &mut Reader<'_>,
    client: &mut Client,
    rules: &Rules<'_>,
) -> Result<(), MetadataError> {
    let wanted = read
        .text("scope")?
        .map(|text| Scopes::parse(text).ok_or(fault("scope", Problem::Character)))
        .transpose()?;
    let refreshes = client.grant_types.contains(&GrantType::RefreshToken);
    client.scopes = match (wanted, rules.by) {
        (Some(wanted), By::Operator) => wanted,
        // RFC 7591 §3.2.1: the server may put other values in the place of those asked for.
        // Many clients ask for openid in each request and register other scopes alone.
        (Some(wanted), By::Stranger) => {
            let mut known = wanted.intersection(rules.scopes);
            if client.uses_browser() {
                known = known.union(&Scopes::parse(scope::OPENID).unwrap_or_default());
            }
            reduced(known, refreshes)
        }
        (None, _) => reduced(rules.scopes.clone(), refreshes),
    };
    Ok(())
}

/// `offline_access` means nothing to a client that may not refresh.
fn reduced(scopes: Scopes, refreshes: bool) -> Scopes {
    match refreshes {
        true => scopes,
        false => scopes.without(scope::OFFLINE_ACCESS),
    }
}

fn subjects(read: &mut Reader<'_>) -> Result<SubjectSettings, MetadataError> {
    const SECTOR: &str = "sector_identifier_uri";
    let sector_identifier_uri = read.uri(SECTOR)?;
    // OIDC Dynamic Client Registration §5: it MUST use https.
    let is_insecure = |uri: &WebUri| !uri.is_https() && !uri.is_loopback() || uri.has_fragment();
    if sector_identifier_uri.as_ref().is_some_and(is_insecure) {
        return Err(fault(SECTOR, Problem::Insecure));
    }
    Ok(SubjectSettings {
        subject_type: read
            .registered("subject_type")?
            .unwrap_or(SubjectType::Public),
        sector_identifier_uri,
    })
}

fn requests(read: &mut Reader<'_>) -> Result<RequestSettings, MetadataError> {
    let uris = read.list("request_uris")?.unwrap_or_default();
    let uris = uris
        .into_iter()
        .map(|text| WebUri::parse(text).map_err(|_| fault("request_uris", Problem::Uri)))
        .collect::<Result<_, _>>()?;
    Ok(RequestSettings {
        object_alg: read.registered("request_object_signing_alg")?,
        object_encryption: encryption(
            read,
            "request_object_encryption_alg",
            "request_object_encryption_enc",
        )?,
        uris,
        signed_required: read
            .flag("require_signed_request_object")?
            .unwrap_or_default(),
        pushed_required: read
            .flag("require_pushed_authorization_requests")?
            .unwrap_or_default(),
        authorization_details_types: owned(read.list("authorization_details_types")?),
    })
}

fn login(read: &mut Reader<'_>, rules: &Rules<'_>) -> Result<LoginSettings, MetadataError> {
    const INITIATE: &str = "initiate_login_uri";
    let initiate_login_uri = read.uri(INITIATE)?;
    // OIDC Core §4: it MUST use https.
    let is_allowed = |uri: &WebUri| uri.is_https() || rules.loopback_redirects && uri.is_loopback();
    if initiate_login_uri
        .as_ref()
        .is_some_and(|uri| !is_allowed(uri))
    {
        return Err(fault(INITIATE, Problem::Insecure));
    }
    Ok(LoginSettings {
        default_max_age: read.seconds("default_max_age")?,
        require_auth_time: read.flag("require_auth_time")?.unwrap_or_default(),
        initiate_login_uri,
    })
}

fn acrs(read: &mut Reader<'_>) -> Result<Vec<Acr>, MetadataError> {
    const FIELD: &str = "default_acr_values";
    let values = read.list(FIELD)?.unwrap_or_default();
    values
        .into_iter()
        .map(|text| Acr::parse(text).ok_or(fault(FIELD, Problem::Character)))
        .collect()
}

fn binding(read: &mut Reader<'_>, rules: &Rules<'_>) -> Result<TokenBinding, MetadataError> {
    const TO_CERTIFICATE: &str = "tls_client_certificate_bound_access_tokens";
    let tls_certificate = read.flag(TO_CERTIFICATE)?.unwrap_or_default();
    // RFC 8705 §3.3: as discovery says; where no certificate reaches us such a client would have no token ever.
    if tls_certificate && rules.by == By::Stranger && rules.mtls.is_none() {
        return Err(fault(TO_CERTIFICATE, Problem::Unsupported));
    }
    Ok(TokenBinding {
        dpop: read.flag("dpop_bound_access_tokens")?.unwrap_or_default(),
        tls_certificate,
    })
}

fn logout(read: &mut Reader<'_>) -> Result<LogoutSettings, MetadataError> {
    Ok(LogoutSettings {
        frontchannel_logout_uri: read.uri("frontchannel_logout_uri")?,
        frontchannel_logout_session_required: read
            .flag("frontchannel_logout_session_required")?
            .unwrap_or_default(),
        backchannel_logout_uri: read.uri("backchannel_logout_uri")?,
        backchannel_logout_session_required: read
            .flag("backchannel_logout_session_required")?
            .unwrap_or_default(),
    })
}

/// CIBA Core §4; without a delivery mode it is poll.
fn ciba(
    read: &mut Reader<'_>,
    grants: &BTreeSet<GrantType>,
) -> Result<Option<CibaSettings>, MetadataError> {
    const SIGNING: &str = "backchannel_authentication_request_signing_alg";
    const NOTIFY: &str = "backchannel_client_notification_endpoint";
    let delivery: Option<TokenDelivery> = read.registered("backchannel_token_delivery_mode")?;
    let notification_endpoint = read.uri(NOTIFY)?;
    let request_alg: Option<JwsAlg> = read.registered(SIGNING)?;
    // CIBA Core §4: it "only applies when the OP parameter backchannel_user_code_parameter_supported is true", which it
    // is not here: the answer to the registration has it as false.
    read.flag("backchannel_user_code_parameter")?;
    if request_alg.is_some_and(|alg| !alg.is_asymmetric()) {
        return Err(fault(SIGNING, Problem::Unsupported));
    }
    let is_insecure = |uri: &WebUri| !uri.is_https() && !uri.is_loopback();
    if notification_endpoint.as_ref().is_some_and(is_insecure) {
        return Err(fault(NOTIFY, Problem::Insecure));
    }
    Ok(grants.contains(&GrantType::Ciba).then(|| CibaSettings {
        delivery: delivery.unwrap_or(TokenDelivery::Poll),
        notification_endpoint,
        request_alg,
        user_code: false,
    }))
}

/// What a stranger cannot set.
fn own_switches(read: &mut Reader<'_>, client: &mut Client) -> Result<(), MetadataError> {
    if let Some(required) = read.flag("require_pkce")? {
        client.require_pkce = required;
    }
    client.trusted = read.flag("trusted")?.unwrap_or_default();
    let usual = ClientProfile::default();
    client.profile = ClientProfile {
        access_token_format: read
            .registered("access_token_format")?
            .unwrap_or(usual.access_token_format),
        fapi: read.registered("fapi_profile")?.unwrap_or(usual.fapi),
        acr_aliases: read.typed("acr_aliases")?.unwrap_or_default(),
        amr_format: read.registered("amr_format")?.unwrap_or(usual.amr_format),
        external_method: read.typed("external_method")?.unwrap_or_default(),
    };
    // The switch brings along what the profile is made of.
    let (on, signs) = (fapi::is_on(client), fapi::signs_messages(client));
    client.require_pkce |= on;
    client.requests.pushed_required |= on;
    client.requests.signed_required |= signs;
    if signs && client.authorization_response.signed.is_none() {
        client.authorization_response.signed = Some(client.id_token_alg);
    }
    Ok(())
}

fn owned(texts: Option<Vec<&str>>) -> Vec<String> {
    texts
        .unwrap_or_default()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

const LOCALISED: [&str; 5] = [
    "client_name",
    "client_uri",
    "logo_uri",
    "policy_uri",
    "tos_uri",
];
