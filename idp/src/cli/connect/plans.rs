//! What each plan says, as data.

use std::fmt;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use url::Url;

use super::{Domain, Entra, Keycloak};
use crate::config::{ConfiguredClient, PLACEHOLDER_SECRET as SECRET};
use crate::login::policy::{Policy, Rule};

/// What to type where.
pub struct Plan {
    /// Where to type, then what is called how there and what goes in.
    steps: Vec<(String, Vec<(&'static str, String)>)>,
    /// Our side, as tables of the configuration.
    tables: String,
    /// What else there is to know.
    notes: &'static [&'static str],
    is_registered: bool,
}

impl Plan {
    /// The client of the plan, to be registered.
    ///
    /// # Errors
    /// When the plan's own table is wrong.
    pub fn client(&self) -> anyhow::Result<ConfiguredClient> {
        let tables: toml::Table = self.tables.parse()?;
        let client = tables
            .get("client")
            .and_then(|clients| clients.as_array()?.first())
            .context("the plan has no client")?;
        Ok(client.clone().try_into()?)
    }

    /// The plan once its client is registered under this secret.
    #[must_use]
    pub fn registered(&self, secret: &str) -> Self {
        let fill = |text: &String| text.replace(SECRET, secret);
        Self {
            steps: self
                .steps
                .iter()
                .map(|(place, rows)| {
                    let rows = rows.iter().map(|(label, value)| (*label, fill(value)));
                    (place.clone(), rows.collect())
                })
                .collect(),
            tables: String::new(),
            notes: self.notes,
            is_registered: true,
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_registered {
            writeln!(
                f,
                "The client is registered here. Its secret is shown this once.\n"
            )?;
        } else {
            writeln!(f, "Here, in the configuration:\n")?;
            for line in self.tables.lines() {
                writeln!(f, "    {line}")?;
            }
            writeln!(f)?;
        }
        for (place, rows) in &self.steps {
            writeln!(f, "{place}:\n")?;
            let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
            for (label, value) in rows {
                writeln!(f, "    {label:width$}  {value}")?;
            }
            writeln!(f)?;
        }
        for note in self.notes {
            writeln!(f, "- {note}")?;
        }
        if !self.notes.is_empty() {
            writeln!(f)?;
        }
        Ok(())
    }
}

fn discovery(issuer: &str) -> String {
    format!("{issuer}/.well-known/openid-configuration")
}

fn is_guid(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok() && text.len() == 36
}

/// The acr rules as a file has them.
#[derive(Serialize)]
struct Rules<'a> {
    policy: Acrs<'a>,
}

#[derive(Serialize)]
struct Acrs<'a> {
    acr: &'a [Rule],
}

/// Every acr rule that there is, and the one that Entra's words stand for: the rules of a file replace all others, so
/// that the new one alone would leave nothing for `default_acr` and for other clients.
fn rules(policy: &Policy) -> anyhow::Result<String> {
    let mut rules = policy.acr.clone();
    let mut names = policy
        .acr
        .iter()
        .flat_map(|rule| rule.names.iter().chain([&rule.name]));
    if !names.any(|name| name.as_str() == POSSESSION) {
        let possession = format!("name = \"{POSSESSION}\"\nany_of = [[\"passkey\"], [\"totp\"]]");
        rules.push(toml::from_str(&possession)?);
    }
    let policy = Acrs { acr: &rules };
    let text = toml::to_string(&Rules { policy })?;
    // A file may have the table itself already.
    Ok(text.replace("[policy]\n", "").trim().to_owned())
}

/// What the person holds, and nothing that they know.
const POSSESSION: &str = "urn:whorl:acr:possession";

/// An external authentication method of Microsoft Entra.
pub fn entra(issuer: &str, policy: &Policy, entra: &Entra) -> anyhow::Result<Plan> {
    ensure!(
        is_guid(&entra.app_id),
        "--app-id is a GUID, from the app registration's overview"
    );
    for tenant in &entra.tenants {
        ensure!(is_guid(tenant), "--tenant {tenant}: not a GUID");
    }
    let host = match entra.cloud.as_str() {
        "us" => "login.microsoftonline.us",
        "china" => "login.partner.microsoftonline.cn",
        _ => "login.microsoftonline.com",
    };
    let redirect = format!("https://{host}/common/federation/externalauthprovider");
    let tenants = entra
        .tenants
        .iter()
        .map(|tenant| format!("{:?}", tenant.to_lowercase()))
        .collect::<Vec<_>>()
        .join(", ");
    // As Entra writes it in its hints, whatever the case in which it was typed.
    let app_id = entra.app_id.to_lowercase();
    let rules = rules(policy)?;
    let tables = format!(
        r#"[keys]
# Entra takes RS256 alone: all clients get it, and those that need ES256 or EdDSA (FAPI 2.0) an issuer of their own.
algorithms = ["RS256"]

# In place of the acr rules that you have: the same, and {POSSESSION}.
{rules}

[[hint_issuer]]
name = "entra"
issuer = "https://{host}/{{tid}}/v2.0"
discovery = "https://{host}/common/v2.0/.well-known/openid-configuration"
tenants = [{tenants}]
audiences = ["{app_id}"]

[[client]]
id = "entra"
name = "Microsoft Entra"
redirect_uris = ["{redirect}"]
response_types = ["id_token"]
grant_types = ["implicit"]
scopes = ["openid"]
id_token_signed_response_alg = "RS256"
token_endpoint_auth_method = "none"
trusted = true
external_method = "entra"
acr_aliases = {{ possession = "{POSSESSION}", possessionorinherence = "{POSSESSION}", knowledgeorpossession = "{POSSESSION}", knowledgeorpossessionorinherence = "{POSSESSION}" }}
"#
    );
    let admin =
        "Entra admin center, Entra ID > Authentication methods > Policies > Add external MFA";
    let app =
        "Entra admin center, App registrations > the app that stands for Whorl > Authentication";
    Ok(Plan {
        steps: vec![
            (
                app.into(),
                vec![
                    ("Platform", "Web".into()),
                    ("Redirect URI", format!("{issuer}/authorize")),
                    (
                        "API permissions",
                        "Microsoft Graph, delegated: openid, profile; grant admin consent".into(),
                    ),
                ],
            ),
            (
                admin.into(),
                vec![
                    ("Name", "what people will see; it cannot be changed".into()),
                    ("Client ID", "entra".into()),
                    ("Discovery Endpoint", discovery(issuer)),
                    ("App ID", app_id),
                ],
            ),
        ],
        tables,
        notes: &[
            "The acr rules and [keys] replace those that you have; the rules above are all of yours and the new one.",
            "Link each person: whorl connect link NAME --tenant TENANT --object OBJECT-ID.",
            "Entra caches keys for a day; the default rotation publishes a key two days before it signs.",
        ],
        is_registered: false,
    })
}

/// An identity provider that a realm of Keycloak brokers.
pub fn keycloak(issuer: &str, keycloak: &Keycloak) -> anyhow::Result<Plan> {
    let realm = keycloak.realm.trim_end_matches('/');
    let url = Url::parse(realm).context("--realm is a URL")?;
    ensure!(
        url.path().contains("/realms/"),
        "--realm is the realm's URL, such as https://sso.example.org/realms/staff"
    );
    let alias = &keycloak.alias;
    ensure!(is_plain(alias), "--alias has letters, digits and - _ .");
    let usual = format!("keycloak-{alias}");
    let id = client_id(keycloak.client_id.as_deref(), &usual)?;
    let callback = format!("{realm}/broker/{alias}/endpoint");
    let tables = format!(
        r#"[[client]]
id = "{id}"
name = "Keycloak"
secret = "{SECRET}"
redirect_uris = ["{callback}"]
post_logout_redirect_uris = ["{callback}/logout_response"]
backchannel_logout_uri = "{realm}/protocol/openid-connect/logout/backchannel-logout"
backchannel_logout_session_required = true
scopes = ["openid", "profile", "email"]
trusted = true
acr_aliases = {{ 1 = "urn:whorl:acr:password", 2 = "urn:whorl:acr:mfa", 3 = "urn:whorl:acr:biometric", phr = "urn:whorl:acr:passkey" }}
"#
    );
    Ok(Plan {
        steps: vec![(
            format!("{realm}, Identity providers > Add provider > OpenID Connect v1.0"),
            vec![
                ("Alias", alias.clone()),
                ("Discovery endpoint", discovery(issuer)),
                (
                    "Client authentication",
                    "Client secret sent as basic auth".into(),
                ),
                ("Client ID", id.to_owned()),
                ("Client Secret", SECRET.into()),
                ("Scopes", "openid profile email".into()),
                ("Use PKCE", "on, S256".into()),
                ("Validate Signatures", "on, Use JWKS URL".into()),
                ("Pass login_hint", "on".into()),
                ("Pass max_age", "on".into()),
                ("Backchannel logout", "on".into()),
                ("Forwarded query parameters", "acr_values".into()),
                ("Trust Email", "as your policy is".into()),
            ],
        )],
        tables,
        notes: &[
            "Keycloak does not read acr into its own level: map it with a mapper of the type Claim to User Session Note.",
            "acr_values reach us from Keycloak's clients as they are: the numbers above are its levels of authentication.",
        ],
        is_registered: false,
    })
}

fn is_plain(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.chars().all(is_plain)
}

/// The identifier that was asked for, or the usual one.
fn client_id<'a>(asked: Option<&'a str>, usual: &'a str) -> anyhow::Result<&'a str> {
    let id = asked.unwrap_or(usual);
    ensure!(is_plain(id), "--client-id has letters, digits and - _ .");
    Ok(id)
}

fn host(domain: &str) -> anyhow::Result<String> {
    let bare = domain.trim_start_matches("https://").trim_end_matches('/');
    let url = Url::parse(&format!("https://{bare}/")).context("--domain is a host name")?;
    ensure!(
        url.path() == "/" && url.host_str() == Some(bare) && bare.contains('.'),
        "--domain is a host name, such as example.eu.auth0.com"
    );
    Ok(bare.to_owned())
}

/// An enterprise connection of Auth0.
pub fn auth0(issuer: &str, domain: &Domain) -> anyhow::Result<Plan> {
    let host = host(&domain.domain)?;
    let id = client_id(domain.client_id.as_deref(), "auth0")?;
    let tables = format!(
        r#"[[client]]
id = "{id}"
name = "Auth0"
secret = "{SECRET}"
token_endpoint_auth_method = "client_secret_post"
redirect_uris = ["https://{host}/login/callback"]
scopes = ["openid", "profile", "email"]
trusted = true
"#
    );
    Ok(Plan {
        steps: vec![(
            "Auth0 dashboard, Authentication > Enterprise > OpenID Connect > Create".into(),
            vec![
                ("Connection name", "whorl".into()),
                ("OpenID Connect Discovery URL", discovery(issuer)),
                ("Communication Channel", "Back Channel".into()),
                ("Authentication Method", "Client Secret".into()),
                ("Client ID", id.to_owned()),
                ("Client Secret", SECRET.into()),
                ("Scopes", "openid profile email".into()),
            ],
        )],
        tables,
        notes: &[
            "Auth0 uses PKCE by itself where discovery names it, as ours does.",
            "To ask for assurance, add acr_values to the connection's upstream parameters.",
        ],
        is_registered: false,
    })
}

/// An external identity provider of Okta.
pub fn okta(issuer: &str, domain: &Domain) -> anyhow::Result<Plan> {
    let host = host(&domain.domain)?;
    let id = client_id(domain.client_id.as_deref(), "okta")?;
    let tables = format!(
        r#"[[client]]
id = "{id}"
name = "Okta"
secret = "{SECRET}"
redirect_uris = ["https://{host}/oauth2/v1/authorize/callback"]
scopes = ["openid", "profile", "email"]
trusted = true
acr_aliases = {{ "urn:okta:loa:1fa:any" = "urn:whorl:acr:password", "urn:okta:loa:2fa:any" = "urn:whorl:acr:mfa", phr = "urn:whorl:acr:passkey" }}
"#
    );
    Ok(Plan {
        steps: vec![(
            "Okta admin console, Security > Identity Providers > Add > OpenID Connect IdP".into(),
            vec![
                ("Name", "Whorl".into()),
                (
                    "IdP Usage",
                    "SSO, or Factor only for a custom factor".into(),
                ),
                ("Scopes", "openid profile email".into()),
                ("Client ID", id.to_owned()),
                ("Authentication type", "Client secret".into()),
                ("Client Secret", SECRET.into()),
                ("Authorize with PKCE", "on".into()),
                ("Issuer", issuer.to_owned()),
                ("Authorization endpoint", format!("{issuer}/authorize")),
                ("Token endpoint", format!("{issuer}/token")),
                ("JWKS endpoint", format!("{issuer}/jwks")),
                ("Userinfo endpoint", format!("{issuer}/userinfo")),
                (
                    "Trust AMR claims",
                    "on, to let our factors satisfy Okta's policies".into(),
                ),
            ],
        )],
        tables,
        notes: &[
            "Okta reads amr by RFC 8176; ours is a list of what was used, and amr_times says when.",
        ],
        is_registered: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const ISSUER: &str = "https://id.example.org";

    fn domain(domain: &str, client_id: Option<&str>) -> Domain {
        Domain {
            domain: domain.into(),
            client_id: client_id.map(Into::into),
            create: false,
        }
    }

    #[test]
    fn a_second_tenant_has_a_client_of_its_own() {
        let second = domain("second.example.com", Some("second"));
        for plan in [auth0(ISSUER, &second), okta(ISSUER, &second)] {
            let plan = plan.expect("a plan");
            assert_eq!(plan.client().expect("a client").id, "second");
            let text = plan.to_string();
            assert!(
                text.contains("Client ID") && text.contains("  second\n"),
                "{text}"
            );
        }
        let odd = domain("second.example.com", Some("a\"b"));
        assert!(auth0(ISSUER, &odd).is_err() && okta(ISSUER, &odd).is_err());
    }

    /// The policy of a configuration.
    fn policy(text: &str) -> Policy {
        Config::from_toml(text).expect("a configuration").policy
    }

    fn plans() -> Vec<(&'static str, Plan)> {
        let kc = Keycloak {
            realm: "https://sso.example.org/realms/staff/".into(),
            alias: "whorl".into(),
            client_id: None,
            create: false,
        };
        let tenant = "11111111-2222-3333-4444-555555555555";
        let ms = Entra {
            app_id: "AAAAAAAA-2222-3333-4444-555555555555".into(),
            tenants: vec![tenant.into()],
            cloud: "global".into(),
        };
        vec![
            ("entra", entra(ISSUER, &policy(""), &ms).expect("a plan")),
            ("keycloak", keycloak(ISSUER, &kc).expect("a plan")),
            (
                "auth0",
                auth0(ISSUER, &domain("example.eu.auth0.com", None)).expect("a plan"),
            ),
            (
                "okta",
                okta(ISSUER, &domain("https://example.okta.com/", None)).expect("a plan"),
            ),
        ]
    }

    #[test]
    fn what_is_printed_for_the_configuration_is_a_configuration() {
        for (name, plan) in plans() {
            // As it stands, with nothing beside it.
            let toml = &plan.tables;
            let config = Config::from_toml(toml);
            let config = config.unwrap_or_else(|error| panic!("{name}: {error}\n{toml}"));
            config
                .configured_clients()
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(config.clients.len(), 1, "{name}");
            config
                .check_names(&config.clients[0])
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(plan.client().expect("a client").id, config.clients[0].id);
        }
    }

    #[test]
    fn entra_gets_one_algorithm_and_leaves_the_rules_that_there_are() {
        let tenant = "11111111-2222-3333-4444-555555555555";
        let ms = Entra {
            app_id: "AAAAAAAA-2222-3333-4444-555555555555".into(),
            tenants: vec![tenant.into()],
            cloud: "global".into(),
        };
        let own = "[policy]\ndefault_acr = \"urn:x\"\n";
        let rule = "[[policy.acr]]\nname = \"urn:x\"\nany_of = [[\"password\"], [\"passkey\"]]\nmax_age_s = { passkey = 60 }\n";
        for (had, typed) in [("", String::new()), (own, format!("{own}{rule}"))] {
            let had_rules = policy(&typed).acr;
            let plan = entra(ISSUER, &policy(&typed), &ms).expect("a plan");
            let toml = format!("{had}{}", plan.tables);
            let config = Config::from_toml(&toml);
            let config = config.unwrap_or_else(|error| panic!("{error}\n{toml}"));
            let names = |rules: &[Rule]| -> Vec<String> {
                rules.iter().map(|rule| format!("{rule:?}")).collect()
            };
            let (before, after) = (names(&had_rules), names(&config.policy.acr));
            assert_eq!(after.len(), before.len() + 1, "{toml}");
            assert_eq!(after[..before.len()], before, "{toml}");
            let algorithms: Vec<_> = config.keys.algorithms.iter().collect();
            assert_eq!(format!("{algorithms:?}"), "[Rs256]");
            let audiences = &config.hint_issuers[0].audiences;
            assert_eq!(*audiences, ["aaaaaaaa-2222-3333-4444-555555555555"]);
            // Asked again, it prints the same.
            let again = entra(ISSUER, &config.policy, &ms).expect("a plan");
            assert_eq!(again.tables, plan.tables);
        }
    }

    #[test]
    fn the_values_are_filled_in_and_a_secret_is_shown_where_it_was_made() {
        for (name, plan) in plans() {
            let text = plan.to_string();
            assert!(text.contains(ISSUER), "{name}: {text}");
            assert!(!text.contains("{tid}") || name == "entra", "{name}");
            let registered = plan.registered("s3cret").to_string();
            assert!(!registered.contains(SECRET), "{name}: {registered}");
            assert_eq!(registered.contains("s3cret"), name != "entra", "{name}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_is_refused() {
        let kc = |realm: &str, alias: &str| {
            let plan = Keycloak {
                realm: realm.into(),
                alias: alias.into(),
                client_id: None,
                create: false,
            };
            keycloak(ISSUER, &plan).is_err()
        };
        assert!(kc("sso.example.org", "whorl") && kc("https://sso.example.org/", "whorl"));
        assert!(kc("https://sso.example.org/realms/a", "a/b"));
        for name in [
            "",
            "localhost",
            "a b.example",
            "example.okta.com/x",
            "x@example.com",
        ] {
            assert!(okta(ISSUER, &domain(name, None)).is_err(), "{name}");
        }
        let ms = |app_id: &str, tenant: &str| {
            let plan = Entra {
                app_id: app_id.into(),
                tenants: vec![tenant.into()],
                cloud: "us".into(),
            };
            entra(ISSUER, &policy(""), &plan).is_err()
        };
        let guid = "11111111-2222-3333-4444-555555555555";
        assert!(ms("app", guid) && ms(guid, "common") && !ms(guid, guid));
    }
}
