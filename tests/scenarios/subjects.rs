//! What a client calls a person: one name in every token and at every endpoint, and another one for another client
//! (OIDC Core §8.1).

use anyhow::{Context, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    bed::Bed,
    checker::{Checker, claims},
    outside::Host,
    person::Person,
};

use crate::certification::play;

const CLIENTS: &str = r#"
[[client]]
id = "shop"
secret = "a-secret-of-a-test"
redirect_uris = ["https://localhost:1/callback"]
post_logout_redirect_uris = ["https://localhost:1/bye"]
backchannel_logout_uri = "https://127.0.0.1:9777/logout"
require_pkce = false
subject_type = "pairwise"
grant_types = ["authorization_code", "refresh_token", "urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:token-exchange"]
backchannel_token_delivery_mode = "poll"
scopes = ["openid", "profile", "offline_access"]

[[client]]
id = "gateway"
secret = "a-secret-of-a-test"
redirect_uris = ["https://localhost:1/callback"]
sector_identifier_uri = "https://gateway.example/sector.json"
require_pkce = false
subject_type = "pairwise"
grant_types = ["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"]
scopes = ["openid", "profile"]

[[client]]
id = "stranger"
secret = "a-secret-of-a-test"
redirect_uris = ["https://localhost:1/callback"]
require_pkce = false
grant_types = ["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"]
scopes = ["openid", "profile"]

[[token_exchange]]
client = "shop"
from = ["shop"]
scopes = "openid profile"
impersonate = true

[[token_exchange]]
client = "gateway"
from = ["shop"]
scopes = "openid"
impersonate = true
"#;

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const CIBA: &str = "urn:openid:params:grant-type:ciba";

fn client<'a>(bed: &'a Bed, id: &str) -> Checker<'a> {
    Checker {
        bed,
        client: json!({ "client_id": id, "client_secret": "a-secret-of-a-test" }),
        person: Person::new(),
        asked: Vec::new(),
    }
}

async fn post(it: &Checker<'_>, path: &str, form: &[(&str, &str)]) -> anyhow::Result<Value> {
    let request = reqwest::Client::new().post(it.bed.url(path));
    let request = request
        .basic_auth(it.id(), it.client["client_secret"].as_str())
        .form(form);
    Ok(request.send().await?.json().await?)
}

async fn exchanged(
    it: &Checker<'_>,
    token: &str,
    kind: &str,
    more: &[(&str, &str)],
) -> anyhow::Result<(StatusCode, Value)> {
    let mut form = vec![
        ("grant_type", EXCHANGE),
        ("subject_token", token),
        ("subject_token_type", kind),
    ];
    form.extend_from_slice(more);
    it.token(&form).await
}

fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value[name]
        .as_str()
        .with_context(|| format!("no {name} in {value}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn pairwise_names_and_exchanged_tokens() {
    let host = Host::start().await.expect("a host");
    let clients = CLIENTS.replace("9777", &host.port.to_string());
    let bed = &host.bed("conformance.toml", &clients).await.expect("a bed");
    play!(bed,
        "one client calls a person one thing, everywhere" => async {
            let uri = host.status("/logout", 200);
            ensure!(uri.ends_with("/logout"));
            let mut shop = client(bed, "shop");
            let (tokens, first) = shop.login(&[("scope", "openid profile offline_access"), ("prompt", "consent")]).await?;
            let sub = text(&first, "sub")?.to_owned();
            let is = |what: &str, other: &Value| {
                ensure!(other == sub.as_str(), "{what}: {other} is not {sub}");
                Ok(())
            };
            is("userinfo", &shop.userinfo(&tokens).await?["sub"])?;
            let (access, refresh) = (text(&tokens, "access_token")?, text(&tokens, "refresh_token")?);
            for token in [access, refresh] {
                is("introspection", &post(&shop, "/introspect", &[("token", token)]).await?["sub"])?;
            }
            is("access token", &claims(access)?["sub"])?;
            let (status, fresh) = shop.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)]).await?;
            ensure!(status == StatusCode::OK, "{fresh}");
            is("refreshed ID token", &claims(text(&fresh, "id_token")?)?["sub"])?;
            for (kind, token) in [(ACCESS_TOKEN, text(&fresh, "access_token")?), (ID_TOKEN, text(&tokens, "id_token")?)] {
                let (status, got) = exchanged(&shop, token, kind, &[]).await?;
                ensure!(status == StatusCode::OK && got["issued_token_type"] == ACCESS_TOKEN, "{kind}: {status} {got}");
                is("exchanged token", &claims(text(&got, "access_token")?)?["sub"])?;
                is("introspection of it", &post(&shop, "/introspect", &[("token", text(&got, "access_token")?)]).await?["sub"])?;
                is("userinfo by it", &shop.userinfo(&got).await?["sub"])?;
            }
            // Its own ID token as a hint over the backchannel.
            let asked = post(&shop, "/bc-authorize", &[("scope", "openid"), ("id_token_hint", text(&tokens, "id_token")?)]).await?;
            let request = text(&asked, "auth_req_id")?;
            let arrival = shop.person.open(bed.url("/me/requests")).await?;
            let page = shop.settle(arrival).await?;
            let form = page.forms().into_iter().find(|form| form.action().path().starts_with("/me/requests/"));
            let arrival = shop.person.submit(form.context("nothing waits")?.fill("decision", "approve")).await?;
            shop.settle(arrival).await?;
            let (status, got) = shop.token(&[("grant_type", CIBA), ("auth_req_id", request)]).await?;
            ensure!(status == StatusCode::OK, "{got}");
            is("backchannel", &claims(text(&got, "id_token")?)?["sub"])?;
            let mut url = bed.url("/end_session");
            url.query_pairs_mut().append_pair("id_token_hint", text(&tokens, "id_token")?);
            shop.person.open(url).await?;
            let heard = host.wait_for("/logout", 1).await?;
            let token = heard[0].body.strip_prefix("logout_token=").context("no logout token")?;
            is("logout token", &claims(token)?["sub"])?;
            // Nobody else calls her that.
            let mut stranger = client(bed, "stranger");
            let (_, public) = stranger.login(&[]).await?;
            ensure!(public["sub"] != sub.as_str(), "{public}");
            anyhow::Ok(())
        },
        "an ID token becomes what the operator's rule says, under the name that the bearer has for the person" => async {
            let mut shop = client(bed, "shop");
            let (tokens, of_shop) = shop.login(&[("scope", "openid profile")]).await?;
            let id_token = text(&tokens, "id_token")?;
            let mut gateway = client(bed, "gateway");
            let (_, of_gateway) = gateway.login(&[]).await?;
            ensure!(of_gateway["sub"] != of_shop["sub"], "{of_gateway}");
            let (status, got) = exchanged(&gateway, id_token, ID_TOKEN, &[]).await?;
            ensure!(status == StatusCode::OK && got["scope"] == "openid", "{status} {got}");
            let got = claims(text(&got, "access_token")?)?;
            ensure!(got["sub"] == of_gateway["sub"] && got["client_id"] == "gateway", "{got}");
            // Not more than the rule has, not by whoever has none, and not what is no ID token.
            let (status, body) = exchanged(&gateway, id_token, ID_TOKEN, &[("scope", "openid profile")]).await?;
            ensure!(status == StatusCode::BAD_REQUEST && body["error"] == "invalid_scope", "{body}");
            let (status, body) = exchanged(&client(bed, "stranger"), id_token, ID_TOKEN, &[]).await?;
            ensure!(status == StatusCode::BAD_REQUEST && body["error"] == "unauthorized_client", "{body}");
            let own = text(&tokens, "access_token")?;
            for (token, kind) in [(own, ID_TOKEN), (id_token, ACCESS_TOKEN), ("a.b.c", ID_TOKEN), (&format!("{id_token}x"), ID_TOKEN)] {
                let (status, body) = exchanged(&gateway, token, kind, &[]).await?;
                ensure!(status == StatusCode::BAD_REQUEST && body["error"] == "invalid_request", "{kind}: {body}");
            }
            // An ID token of a client that the rule does not name.
            let mut stranger = client(bed, "stranger");
            let (tokens, _) = stranger.login(&[]).await?;
            let (status, body) = exchanged(&gateway, text(&tokens, "id_token")?, ID_TOKEN, &[]).await?;
            ensure!(status == StatusCode::BAD_REQUEST && body["error"] == "invalid_request", "{body}");
            // And none of a login that is over.
            let mut url = bed.url("/end_session");
            url.query_pairs_mut().append_pair("id_token_hint", id_token);
            shop.person.open(url).await?;
            let (status, body) = exchanged(&gateway, id_token, ID_TOKEN, &[]).await?;
            ensure!(status == StatusCode::BAD_REQUEST && body["error"] == "invalid_request", "{body}");
            anyhow::Ok(())
        },
    );
}
