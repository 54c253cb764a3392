//! The modules of the OpenID certification plans, played by their names against the test bed: what each sends, and what
//! it wants to see. docs/conformance.md lists them.
//!
//! One server for all of them, a browser for each. A module that fails is named with what it saw; the others go on.

use anyhow::{Context, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tests::{
    bed::Bed,
    checker::{BACK, Checker, claims, registered},
    person::{Arrival, Form, Person},
};

async fn bed() -> Bed {
    let bed = Bed::start_with("conformance.toml", 9777, &[], KNOWN).await;
    bed.expect("whorl serve --config conformance.toml")
}

/// Whether anybody may register: then each module has a client of its own, as the suite has it.
async fn registers(bed: &Bed) -> anyhow::Result<bool> {
    let document = reqwest::get(bed.url("/.well-known/openid-configuration")).await?;
    let document: Value = document.json().await?;
    Ok(document["registration_endpoint"].is_string())
}

/// Whether a list of the discovery document has a value.
async fn announces(bed: &Bed, list: &str, value: &str) -> anyhow::Result<bool> {
    let document = reqwest::get(bed.url("/.well-known/openid-configuration")).await?;
    let document: Value = document.json().await?;
    let values = document[list].as_array().into_iter().flatten();
    Ok(values.into_iter().any(|v| v == value))
}

/// A client of that metadata: it registers itself, and where nobody may, it is the one that the bed knows by that name.
async fn client_of<'a>(bed: &'a Bed, known: &str, metadata: Value) -> anyhow::Result<Checker<'a>> {
    if registers(bed).await? {
        return Checker::register(bed, metadata).await;
    }
    let client = json!({
        "client_id": known, "client_secret": "a-secret-of-a-test",
        "token_endpoint_auth_method": metadata["token_endpoint_auth_method"],
    });
    Ok(Checker {
        bed,
        client,
        person: Person::new(),
        asked: Vec::new(),
    })
}

/// Runs modules by name, and fails with all of those that failed.
macro_rules! play {
    ($bed:expr, $($name:literal => $module:expr),+ $(,)?) => {{
        let mut failed = Vec::new();
        $(
            if let Err(error) = Box::pin($module).await {
                failed.push(format!("{}: {error:#}", $name));
            }
        )+
        assert!(failed.is_empty(), "{}\n{}", failed.join("\n"), $bed.folder().display());
    }};
}

pub(crate) use play;

async fn client(bed: &Bed) -> anyhow::Result<Checker<'_>> {
    client_of(bed, "basic", json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn basic() {
    let bed = &bed().await;
    play!(bed,
        "oidcc-server" => async {
            let mut it = client(bed).await?;
            let (tokens, claims) = it.login(&[]).await?;
            ensure!(it.asked == ["username", "password", "consent"], "{:?}", it.asked);
            ensure!(claims["nonce"] == "n-0S6_WzA2Mj" && claims["aud"] == it.id() && claims["iss"] == bed.issuer.as_str(), "{claims}");
            ensure!(it.userinfo(&tokens).await?["sub"] == claims["sub"]);
            Ok::<_, anyhow::Error>(())
        },
        "oidcc-response-type-missing" => async {
            let mut it = client(bed).await?;
            let arrival = it.person.open(it.url(&[("response_type", "")])).await?;
            let error = match arrival {
                Arrival::Page(page) => { ensure!(page.status.is_client_error(), "{page}"); return Ok(()); }
                Arrival::Elsewhere(_) => it.through(arrival).await?,
            };
            ensure!(matches!(error.get("error"), Some("invalid_request" | "unsupported_response_type")), "{error:?}");
            Ok(())
        },
        "oidcc-idtoken-signature" => async {
            let mut it = client(bed).await?;
            let (tokens, _) = it.login(&[]).await?;
            let header = tokens["id_token"].as_str().and_then(|t| t.split('.').next()).context("no header")?;
            let header: Value = serde_json::from_str(&String::from_utf8(base64_url(header)?)?)?;
            let keys: Value = reqwest::get(bed.url("/jwks")).await?.json().await?;
            let known = keys["keys"].as_array().context("no keys")?.iter().any(|k| k["kid"] == header["kid"] && k["alg"] == header["alg"]);
            ensure!(known, "{header}");
            // OIDC Dynamic Client Registration §2: RS256 where the client does not say.
            ensure!(header["alg"] == "RS256", "{header}");
            Ok(())
        },
        "oidcc-codereuse" => async {
            let mut it = client(bed).await?;
            let back = it.authorize(&[]).await?;
            let (status, tokens) = it.redeem(back.code()?).await?;
            ensure!(status == StatusCode::OK, "{tokens}");
            let (status, again) = it.redeem(back.code()?).await?;
            ensure!(status == StatusCode::BAD_REQUEST && again["error"] == "invalid_grant", "{status} {again}");
            // oidcc-codereuse-30seconds wants the first token dead too.
            ensure!(it.userinfo(&tokens).await.is_err(), "the token of a replayed code is good");
            Ok(())
        },
        "oidcc-scope-profile" => scope(bed, "profile", &["name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"]),
        "oidcc-scope-email" => scope(bed, "email", &["email", "email_verified"]),
        "oidcc-scope-address" => scope(bed, "address", &["address"]),
        "oidcc-scope-phone" => scope(bed, "phone", &["phone_number", "phone_number_verified"]),
        "oidcc-scope-all" => scope(bed, "profile email phone address", &["name", "email", "phone_number", "address"]),
        "oidcc-claims-essential" => async {
            let mut it = client(bed).await?;
            let wanted = json!({ "userinfo": { "name": { "essential": true } } }).to_string();
            let (tokens, _) = it.login(&[("claims", &wanted)]).await?;
            let info = it.userinfo(&tokens).await?;
            // The suite warns where an essential claim is missing: what a person did not allow is not given.
            ensure!(info["email"].is_null() && info["sub"].is_string(), "{info}");
            Ok(())
        },
        "oidcc-userinfo-post-header and oidcc-userinfo-post-body" => async {
            let mut it = client(bed).await?;
            let (tokens, claims) = it.login(&[]).await?;
            let token = tokens["access_token"].as_str().context("no token")?;
            let post = || Client::new().post(bed.url("/userinfo"));
            for request in [post().bearer_auth(token), post().form(&[("access_token", token)])] {
                let info: Value = request.send().await?.error_for_status()?.json().await?;
                ensure!(info["sub"] == claims["sub"], "{info}");
            }
            Ok(())
        },
        "oidcc-display-page" => plain(bed, &[("display", "page")]),
        "oidcc-display-popup" => plain(bed, &[("display", "popup")]),
        "oidcc-ui-locales" => plain(bed, &[("ui_locales", "se")]),
        "oidcc-claims-locales" => plain(bed, &[("claims_locales", "se")]),
        "oidcc-login-hint" => plain(bed, &[("login_hint", "alice@localhost")]),
        "oidcc-ensure-request-with-acr-values-succeeds" => plain(bed, &[("acr_values", "1 2")]),
        "oidcc-ensure-request-with-unknown-parameter-succeeds" => plain(bed, &[("extra", "foobar")]),
        "oidcc-ensure-request-without-nonce-succeeds-for-code-flow" => plain(bed, &[("nonce", "")]),
        "oidcc-alternate-happy-flow" => plain(bed, &[("scope", "email openid profile"), ("state", "a b&c=d/ü")]),
        "oidcc-prompt-login" => async {
            let mut it = client(bed).await?;
            let (_, first) = it.login(&[]).await?;
            later().await;
            let (_, second) = it.login(&[("prompt", "login")]).await?;
            ensure!(it.asked.contains(&"password"), "{:?}", it.asked);
            ensure!(first["sub"] == second["sub"] && second["auth_time"].as_i64() > first["auth_time"].as_i64(), "{first} {second}");
            Ok(())
        },
        "oidcc-prompt-none-not-logged-in" => async {
            let mut it = client(bed).await?;
            let back = it.authorize(&[("prompt", "none")]).await?;
            ensure!(back.get("error") == Some("login_required") && back.get("state") == Some("af0ifjsldkj"), "{back:?}");
            Ok(())
        },
        "oidcc-prompt-none-logged-in" => async {
            let mut it = client(bed).await?;
            let (_, first) = it.login(&[]).await?;
            let (_, second) = it.login(&[("prompt", "none")]).await?;
            ensure!(it.asked.is_empty());
            ensure!(first["sub"] == second["sub"] && first["auth_time"] == second["auth_time"], "{first} {second}");
            Ok(())
        },
        "oidcc-max-age-1" => async {
            let mut it = client(bed).await?;
            let (_, first) = it.login(&[]).await?;
            later().await;
            let (_, second) = it.login(&[("max_age", "1")]).await?;
            ensure!(it.asked.contains(&"password") && second["auth_time"].as_i64() > first["auth_time"].as_i64(), "{:?} {second}", it.asked);
            Ok(())
        },
        "oidcc-max-age-10000" => async {
            let mut it = client(bed).await?;
            let (_, first) = it.login(&[("max_age", "15000")]).await?;
            let (_, second) = it.login(&[("max_age", "10000")]).await?;
            ensure!(it.asked.is_empty() && first["auth_time"] == second["auth_time"] && second["auth_time"].is_i64(), "{:?} {second}", it.asked);
            Ok(())
        },
        "oidcc-id-token-hint" => async {
            let mut it = client(bed).await?;
            let (tokens, first) = it.login(&[]).await?;
            let hint = tokens["id_token"].as_str().context("no ID token")?;
            let (_, second) = it.login(&[("prompt", "none"), ("id_token_hint", hint)]).await?;
            ensure!(it.asked.is_empty() && first["sub"] == second["sub"]);
            Ok(())
        },
        "oidcc-ensure-post-request-succeeds" => async {
            let mut it = client(bed).await?;
            let parameters = it.request(&[]);
            let fields: Vec<(&str, &str)> = parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let arrival = it.person.submit(Form::forged(bed.url("/authorize"), &fields)).await?;
            let back = it.through(arrival).await?;
            let (status, _) = it.redeem(back.code()?).await?;
            ensure!(status == StatusCode::OK);
            Ok(())
        },
        "oidcc-ensure-registered-redirect-uri" => async {
            let it = client(bed).await?;
            for uri in ["https://localhost:1/other", "https://localhost:1/callback/", "https://localhost:1/callback?x=1", "https://evil.example/callback"] {
                let page = it.person.open(it.url(&[("redirect_uri", uri)])).await?.page()?;
                ensure!(page.status.is_client_error(), "{uri}: {page}");
            }
            Ok(())
        },
        "oidcc-ensure-request-with-valid-pkce-succeeds" => async {
            let mut it = client(bed).await?;
            // RFC 7636 appendix B.
            let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
            let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
            let back = it.authorize(&[("code_challenge", challenge), ("code_challenge_method", "S256")]).await?;
            let form = [("grant_type", "authorization_code"), ("code", back.code()?), ("redirect_uri", BACK), ("code_verifier", verifier)];
            let (status, tokens) = it.token(&form).await?;
            ensure!(status == StatusCode::OK, "{tokens}");
            Ok(())
        },
        "oidcc-refresh-token" => async {
            let mut it = client_of(bed, "basic", json!({ "grant_types": ["authorization_code", "refresh_token"] })).await?;
            let (tokens, first) = it.login(&[("scope", "openid offline_access"), ("prompt", "consent")]).await?;
            let refresh = tokens["refresh_token"].as_str().with_context(|| tokens.to_string())?;
            let (status, fresh) = it.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await?;
            ensure!(status == StatusCode::OK, "{fresh}");
            let second = claims(fresh["id_token"].as_str().context("no ID token")?)?;
            ensure!(first["sub"] == second["sub"] && first["auth_time"] == second["auth_time"] && first["iss"] == second["iss"]);
            let other = client_of(bed, "post", json!({ "token_endpoint_auth_method": "client_secret_post" })).await?;
            let refresh = fresh["refresh_token"].as_str().unwrap_or(refresh);
            let (status, stolen) = other.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await?;
            ensure!(status == StatusCode::BAD_REQUEST, "another client's: {stolen}");
            Ok(())
        },
        "oidcc-server-client-secret-post" => async {
            let mut it = client_of(bed, "post", json!({ "token_endpoint_auth_method": "client_secret_post" })).await?;
            it.login(&[]).await.map(|_| ())
        },
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn implicit_hybrid_and_form_post() {
    let bed = &bed().await;
    let mut failed = Vec::new();
    for (response_type, grants) in TYPES {
        for mode in ["", "form_post"] {
            if let Err(error) = Box::pin(front_channel(bed, response_type, grants, mode)).await {
                failed.push(format!("{response_type} {mode}: {error:#}"));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

const TYPES: [(&str, &[&str]); 5] = [
    ("id_token", &["implicit"]),
    ("id_token token", &["implicit"]),
    ("code id_token", &["authorization_code", "implicit"]),
    ("code token", &["authorization_code", "implicit"]),
    ("code id_token token", &["authorization_code", "implicit"]),
];

async fn front_channel(
    bed: &Bed,
    response_type: &str,
    grants: &[&str],
    mode: &str,
) -> anyhow::Result<()> {
    let metadata = json!({ "response_types": [response_type], "grant_types": grants });
    let mut it = client_of(bed, &response_type.replace(' ', "-"), metadata).await?;
    let asked = [
        ("response_type", response_type),
        ("response_mode", mode),
        ("scope", "openid email"),
    ];
    let back = it.authorize(&asked).await?;
    ensure!(back.get("state") == Some("af0ifjsldkj"), "{back:?}");
    for part in ["code", "id_token", "token"] {
        let (name, wanted) = (
            if part == "token" {
                "access_token"
            } else {
                part
            },
            response_type.split(' ').any(|p| p == part),
        );
        ensure!(back.get(name).is_some() == wanted, "{name}: {back:?}");
    }
    if let Some(token) = back.get("id_token") {
        let claims = claims(token)?;
        ensure!(claims["nonce"] == "n-0S6_WzA2Mj", "{claims}");
        // OIDC Core §3.2.2.10, §3.3.2.11.
        ensure!(
            claims["at_hash"].is_string() == response_type.contains(" token"),
            "at_hash: {claims}"
        );
        ensure!(
            claims["c_hash"].is_string() == response_type.starts_with("code"),
            "c_hash: {claims}"
        );
        // OIDC Core §5.4: claims of scopes are in the ID token where there is no access token to ask with.
        ensure!(
            claims["email"].is_string() == (response_type == "id_token"),
            "email: {claims}"
        );
    }
    if let Some(token) = back.get("access_token") {
        let info = it.userinfo(&json!({ "access_token": token })).await?;
        ensure!(info["email"].is_string(), "{info}");
    }
    if let Some(code) = back.get("code") {
        let (status, tokens) = it.redeem(code).await?;
        ensure!(status == StatusCode::OK, "{tokens}");
    }
    // oidcc-ensure-request-without-nonce-fails; without an ID token in front it succeeds.
    let bare = [asked.as_slice(), &[("nonce", "")]].concat();
    let back = it.authorize(&bare).await?;
    let needed = response_type.contains("id_token");
    ensure!(
        (back.get("error") == Some("invalid_request")) == needed,
        "without a nonce: {back:?}"
    );
    // Errors come the same way.
    let mut stranger = Checker {
        person: Person::new(),
        client: it.client.clone(),
        bed,
        asked: Vec::new(),
    };
    let back = stranger
        .authorize(&[asked.as_slice(), &[("prompt", "none")]].concat())
        .await?;
    ensure!(
        back.get("error") == Some("login_required") && back.get("state").is_some(),
        "{back:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn config_and_dynamic() {
    let bed = &bed().await;
    play!(bed,
        "oidcc-discovery-endpoint-verification" => async {
            let answer = reqwest::get(bed.url("/.well-known/openid-configuration")).await?;
            ensure!(answer.headers()["content-type"].to_str()?.starts_with("application/json"));
            let document: Value = answer.json().await?;
            ensure!(document["issuer"] == bed.issuer.as_str());
            for endpoint in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"] {
                ensure!(document[endpoint].as_str().is_some_and(|url| url.starts_with(&bed.issuer)), "{endpoint}: {document}");
            }
            let has = |name: &str, value: &str| document[name].as_array().is_some_and(|all| all.iter().any(|v| v == value));
            for (name, value) in [
                ("response_types_supported", "code"),
                ("response_types_supported", "id_token"),
                ("response_types_supported", "code id_token token"),
                ("scopes_supported", "openid"),
                ("scopes_supported", "profile"),
                ("id_token_signing_alg_values_supported", "RS256"),
                ("subject_types_supported", "public"),
                ("grant_types_supported", "implicit"),
            ] {
                ensure!(has(name, value), "{name} lacks {value}: {document}");
            }
            ensure!(document["claims_parameter_supported"] == true, "{document}");
            Ok::<_, anyhow::Error>(())
        },
        "oidcc-idtoken-rs256" => async {
            let mut it = client_of(bed, "basic", json!({ "id_token_signed_response_alg": "RS256" })).await?;
            it.login(&[]).await.map(|_| ())
        },
        "oidcc-redirect-uri-query-OK, -added and -mismatch" => async {
            let with = format!("{BACK}?foo=bar");
            let it = client_of(bed, "query", json!({ "redirect_uris": [with] })).await?;
            for (uri, good) in [(with.as_str(), true), (BACK, false), ("https://localhost:1/callback?foo=bar&x=1", false), ("https://localhost:1/callback?foo=baz", false)] {
                let page = it.person.open(it.url(&[("redirect_uri", uri)])).await?.page()?;
                ensure!(page.status.is_success() == good, "{uri}: {page}");
            }
            Ok(())
        },
        "oidcc-redirect-uri-regfrag" => async {
            if !registers(bed).await? { return Ok(()); }
            let (status, body) = registered(bed, &json!({ "redirect_uris": [format!("{BACK}#foobar")] })).await?;
            ensure!(status == StatusCode::BAD_REQUEST && body["error"] == "invalid_redirect_uri", "{status} {body}");
            Ok(())
        },
        "oidcc-ensure-redirect-uri-in-authorization-request" => async {
            let it = client(bed).await?;
            let page = it.person.open(it.url(&[("redirect_uri", "")])).await?.page()?;
            ensure!(page.status.is_client_error(), "{page}");
            Ok(())
        },
        "oidcc-registration-logo-uri, -policy-uri and -tos-uri" => async {
            let pages = json!({
                "logo_uri": "https://localhost:1/logo.png", "policy_uri": "https://localhost:1/policy",
                "tos_uri": "https://localhost:1/tos", "client_uri": "https://localhost:1/",
            });
            let mut it = client_of(bed, "basic", pages).await?;
            it.login(&[]).await.map(|_| ())
        },
        "oidcc-userinfo-rs256" => async {
            if !announces(bed, "userinfo_signing_alg_values_supported", "RS256").await? { return Ok(()); }
            let mut it = client_of(bed, "userinfo", json!({ "userinfo_signed_response_alg": "RS256" })).await?;
            let (tokens, first) = it.login(&[]).await?;
            let token = tokens["access_token"].as_str().context("no token")?;
            let answer = Client::new().get(bed.url("/userinfo")).bearer_auth(token).send().await?;
            let kind = answer.headers()["content-type"].to_str()?.to_owned();
            let text = answer.text().await?;
            ensure!(kind.starts_with("application/jwt"), "{kind}: {text}");
            let claims = claims(&text)?;
            ensure!(claims["sub"] == first["sub"] && claims["aud"] == it.id() && claims["iss"] == bed.issuer.as_str(), "{claims}");
            Ok(())
        },
        "a client that registered may read, change and remove its registration (RFC 7592)" => async {
            if !registers(bed).await? { return Ok(()); }
            let it = client(bed).await?;
            let at = it.client["registration_client_uri"].as_str().context("no registration_client_uri")?;
            let token = it.client["registration_access_token"].as_str().context("no registration_access_token")?;
            let read: Value = Client::new().get(at).bearer_auth(token).send().await?.error_for_status()?.json().await?;
            ensure!(read["client_id"] == it.id(), "{read}");
            let wrong = Client::new().get(at).bearer_auth("wrong").send().await?.status();
            ensure!(wrong == StatusCode::UNAUTHORIZED, "{wrong}");
            // RFC 6750 §3.1: without credentials, or with those of another scheme, there is no error to name.
            for bare in [Client::new().get(at), Client::new().get(at).basic_auth(it.id(), Some("wrong"))] {
                let answer = bare.send().await?;
                ensure!(answer.status() == StatusCode::UNAUTHORIZED, "{}", answer.status());
                ensure!(answer.headers()["www-authenticate"] == "Bearer", "{:?}", answer.headers());
                let body: Value = answer.json().await?;
                ensure!(body.get("error").is_none(), "{body}");
            }
            Ok(())
        },
    );
}

/// A login like any other, whatever else is in the request.
async fn plain(bed: &Bed, more: &[(&str, &str)]) -> anyhow::Result<()> {
    let mut it = client(bed).await?;
    it.login(more).await.map(|_| ())
}

async fn scope(bed: &Bed, scope: &str, wanted: &[&str]) -> anyhow::Result<()> {
    // The suite too skips a scope that discovery does not announce.
    for word in scope.split(' ') {
        if !announces(bed, "scopes_supported", word).await? {
            return Ok(());
        }
    }
    let mut it = client(bed).await?;
    let (tokens, claims) = it.login(&[("scope", &format!("openid {scope}"))]).await?;
    let info = it.userinfo(&tokens).await?;
    for claim in wanted {
        ensure!(!info[*claim].is_null(), "{claim} is not in {info}");
        // OIDC Core §5.4: with an access token they come from userinfo.
        ensure!(claims[*claim].is_null(), "{claim} is in the ID token");
    }
    Ok(())
}

/// Into the next second, so that times differ and an age of one second has passed.
async fn later() {
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
}

fn base64_url(text: &str) -> anyhow::Result<Vec<u8>> {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    Ok(URL_SAFE_NO_PAD.decode(text)?)
}

/// The clients for a bed where nobody may register.
const KNOWN: &str = r#"
[[client]]
id = "basic"
secret = "a-secret-of-a-test"
redirect_uris = ["https://localhost:1/callback"]
require_pkce = false
id_token_signed_response_alg = "RS256"
scopes = ["openid", "profile", "email", "address", "phone", "offline_access"]

[[client]]
id = "post"
secret = "a-secret-of-a-test"
token_endpoint_auth_method = "client_secret_post"
redirect_uris = ["https://localhost:1/callback"]
require_pkce = false

[[client]]
id = "query"
secret = "a-secret-of-a-test"
redirect_uris = ["https://localhost:1/callback?foo=bar"]
require_pkce = false

[[client]]
id = "userinfo"
secret = "a-secret-of-a-test"
redirect_uris = ["https://localhost:1/callback"]
require_pkce = false
userinfo_signed_response_alg = "RS256"

[[client]]
id = "id_token"
response_types = ["id_token"]
grant_types = ["implicit"]
token_endpoint_auth_method = "none"
redirect_uris = ["https://localhost:1/callback"]

[[client]]
id = "id_token-token"
response_types = ["id_token token"]
grant_types = ["implicit"]
token_endpoint_auth_method = "none"
redirect_uris = ["https://localhost:1/callback"]

[[client]]
id = "code-id_token"
secret = "a-secret-of-a-test"
response_types = ["code id_token"]
grant_types = ["authorization_code", "implicit"]
redirect_uris = ["https://localhost:1/callback"]
require_pkce = false

[[client]]
id = "code-token"
secret = "a-secret-of-a-test"
response_types = ["code token"]
grant_types = ["authorization_code", "implicit"]
redirect_uris = ["https://localhost:1/callback"]
require_pkce = false

[[client]]
id = "code-id_token-token"
secret = "a-secret-of-a-test"
response_types = ["code id_token token"]
grant_types = ["authorization_code", "implicit"]
redirect_uris = ["https://localhost:1/callback"]
require_pkce = false
"#;
