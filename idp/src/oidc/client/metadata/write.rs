//! A client as metadata: what a registration is answered with, and what an operator is shown.

use serde::Serialize;
use serde_json::Value;

use super::Fields;
use super::protections::{AUTHORIZATION, ID_TOKEN, INTROSPECTION, USERINFO};
use crate::oidc::client::{
    AccessTokenFormat, AmrFormat, Client, ClientKeys, Encryption, FapiProfile, Protection,
};

/// Every field that has a value. Secrets and their digests are no metadata.
pub(super) fn fields(client: &Client) -> Fields {
    let mut out = Writer(Fields::new());
    identity(&mut out, client);
    credentials(&mut out, client);
    out.protection(
        ID_TOKEN,
        Protection {
            signed: Some(client.id_token_alg),
            encrypted: client.id_token_encryption,
        },
    );
    out.protection(USERINFO, client.userinfo);
    out.protection(AUTHORIZATION, client.authorization_response);
    out.protection(INTROSPECTION, client.introspection);
    requests(&mut out, client);
    logout(&mut out, client);
    own_switches(&mut out, client);
    out.0
}

fn identity(out: &mut Writer, client: &Client) {
    out.set("client_name", &client.name);
    out.set("application_type", client.application_type);
    let display = &client.display;
    out.set("client_uri", &display.client_uri);
    out.set("logo_uri", &display.logo_uri);
    out.set("policy_uri", &display.policy_uri);
    out.set("tos_uri", &display.tos_uri);
    out.set("contacts", &display.contacts);
    for (name, text) in &display.localised {
        out.0.insert(name.clone(), Value::String(text.clone()));
    }
    let software = &client.software;
    out.set("software_id", &software.software_id);
    out.set("software_version", &software.software_version);
    out.set("software_statement", &software.software_statement);
}

fn credentials(out: &mut Writer, client: &Client) {
    out.set("redirect_uris", &client.redirect_uris);
    out.set(
        "post_logout_redirect_uris",
        &client.post_logout_redirect_uris,
    );
    out.always("grant_types", &client.grant_types);
    out.always("response_types", &client.response_types);
    out.set("scope", client.scopes.to_string());
    out.set("token_endpoint_auth_method", client.auth_method);
    out.set("token_endpoint_auth_signing_alg", client.auth_signing_alg);
    match &client.keys {
        ClientKeys::None => {}
        ClientKeys::Inline(keys) => out.set("jwks", keys),
        ClientKeys::Uri(uri) => out.set("jwks_uri", uri),
    }
    if let Some((field, value)) = client.tls_subject.as_ref().map(|it| it.field()) {
        out.set(field, value);
    }
    out.set("subject_type", client.subjects.subject_type);
    out.set(
        "sector_identifier_uri",
        &client.subjects.sector_identifier_uri,
    );
    out.flag("dpop_bound_access_tokens", client.binding.dpop);
    out.flag(
        "tls_client_certificate_bound_access_tokens",
        client.binding.tls_certificate,
    );
}

fn requests(out: &mut Writer, client: &Client) {
    let requests = &client.requests;
    out.set("request_object_signing_alg", requests.object_alg);
    out.encryption(
        "request_object_encryption_alg",
        "request_object_encryption_enc",
        requests.object_encryption,
    );
    out.set("request_uris", &requests.uris);
    out.flag("require_signed_request_object", requests.signed_required);
    out.flag(
        "require_pushed_authorization_requests",
        requests.pushed_required,
    );
    out.set(
        "authorization_details_types",
        &requests.authorization_details_types,
    );
    out.set("default_max_age", client.login.default_max_age);
    out.flag("require_auth_time", client.login.require_auth_time);
    out.set("initiate_login_uri", &client.login.initiate_login_uri);
    out.set("default_acr_values", &client.default_acr_values);
    if let Some(ciba) = &client.ciba {
        out.set("backchannel_token_delivery_mode", ciba.delivery);
        out.set(
            "backchannel_client_notification_endpoint",
            &ciba.notification_endpoint,
        );
        out.set(
            "backchannel_authentication_request_signing_alg",
            ciba.request_alg,
        );
        out.flag("backchannel_user_code_parameter", ciba.user_code);
    }
}

fn logout(out: &mut Writer, client: &Client) {
    let logout = &client.logout;
    out.set("frontchannel_logout_uri", &logout.frontchannel_logout_uri);
    out.flag(
        "frontchannel_logout_session_required",
        logout.frontchannel_logout_session_required,
    );
    out.set("backchannel_logout_uri", &logout.backchannel_logout_uri);
    out.flag(
        "backchannel_logout_session_required",
        logout.backchannel_logout_session_required,
    );
}

/// Only where they are not as usual: a stranger's registration has none of them.
fn own_switches(out: &mut Writer, client: &Client) {
    if !client.require_pkce {
        out.always("require_pkce", client.require_pkce);
    }
    out.flag("trusted", client.trusted);
    let profile = &client.profile;
    if profile.access_token_format != AccessTokenFormat::Jwt {
        out.set("access_token_format", profile.access_token_format);
    }
    if profile.fapi != FapiProfile::Off {
        out.set("fapi_profile", profile.fapi);
    }
    if profile.amr_format != AmrFormat::List {
        out.set("amr_format", profile.amr_format);
    }
    out.set("acr_aliases", &profile.acr_aliases);
    out.set("external_method", &profile.external_method);
}

struct Writer(Fields);

impl Writer {
    /// Writes what is there: nothing for null, an empty list, an empty map or empty text.
    fn set(&mut self, field: &str, value: impl Serialize) {
        match serde_json::to_value(value).unwrap_or_default() {
            Value::Null => {}
            Value::Array(items) if items.is_empty() => {}
            Value::Object(members) if members.is_empty() => {}
            Value::String(text) if text.is_empty() => {}
            value => {
                self.0.insert(field.to_owned(), value);
            }
        }
    }

    fn always(&mut self, field: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or_default();
        self.0.insert(field.to_owned(), value);
    }

    fn flag(&mut self, field: &str, flag: bool) {
        if flag {
            self.always(field, flag);
        }
    }

    fn encryption(&mut self, alg: &str, enc: &str, encryption: Option<Encryption>) {
        if let Some(encryption) = encryption {
            self.set(alg, encryption.alg);
            self.set(enc, encryption.enc);
        }
    }

    fn protection(&mut self, fields: [&str; 3], protection: Protection) {
        let [signed, alg, enc] = fields;
        self.set(signed, protection.signed);
        self.encryption(alg, enc, protection.encrypted);
    }
}
