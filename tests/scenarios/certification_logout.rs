//! The modules of the logout plans: asked for by the client, told to it by a frame or from server to server, and seen in
//! the session management frame.

use anyhow::{Context, ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::{
    bed::Bed,
    checker::{BACK, Checker, claims},
    jose::Jose,
    need,
    outside::Host,
    person::{Arrival, Page},
};

use crate::certification::play;

const BYE: &str = "https://localhost:1/bye";

async fn document(bed: &Bed) -> anyhow::Result<Value> {
    let answer = reqwest::get(bed.url("/.well-known/openid-configuration")).await?;
    ensure!(answer.status() == StatusCode::OK);
    Ok(answer.json().await?)
}

/// A client of the module, signed in; with its ID token.
async fn signed_in<'a>(bed: &'a Bed, more: Value) -> anyhow::Result<(Checker<'a>, String)> {
    let mut metadata = json!({ "post_logout_redirect_uris": [BYE] });
    for (name, value) in more.as_object().into_iter().flatten() {
        metadata[name] = value.clone();
    }
    let mut it = Checker::register(bed, metadata).await?;
    let (tokens, _) = it.login(&[]).await?;
    let token = tokens["id_token"].as_str().context("no ID token")?;
    Ok((it, token.to_owned()))
}

async fn end(it: &Checker<'_>, parameters: &[(&str, &str)]) -> anyhow::Result<Arrival> {
    let mut url = it.bed.url("/end_session");
    url.query_pairs_mut().extend_pairs(parameters);
    it.person.open(url).await
}

/// What the suite does last: whether `prompt=none` still finds a session.
async fn is_signed_in(it: &mut Checker<'_>) -> anyhow::Result<bool> {
    let back = it.authorize(&[("prompt", "none")]).await?;
    match back.get("error") {
        None => Ok(true),
        Some("login_required") => Ok(false),
        Some(other) => anyhow::bail!("{other}"),
    }
}

/// The page that asks, answered with yes; where the browser goes then.
async fn confirmed(it: &Checker<'_>, page: &Page) -> anyhow::Result<Arrival> {
    let asked = page.forms().into_iter();
    let form = asked
        .into_iter()
        .find(|form| form.action().path() == "/end_session/confirm");
    it.person
        .submit(form.with_context(|| format!("nobody asks: {page}"))?)
        .await
}

/// Neither a redirect nor the end of the session: a page of ours says what is wrong, or asks.
async fn stays(it: &mut Checker<'_>, parameters: &[(&str, &str)]) -> anyhow::Result<Page> {
    let page = end(it, parameters).await?.page()?;
    ensure!(page.header("location").is_empty());
    ensure!(is_signed_in(it).await?, "signed out: {page}");
    Ok(page)
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_for_by_the_client() {
    let jose = need!(Jose::here());
    let bed = &Bed::start("conformance.toml", 9777, &[])
        .await
        .expect("a bed");
    play!(bed,
        "oidcc-rp-initiated-logout-discovery-endpoint-verification" => async {
            let endpoint = document(bed).await?["end_session_endpoint"].clone();
            ensure!(endpoint == bed.url("/end_session").as_str(), "{endpoint}");
            anyhow::Ok(())
        },
        "oidcc-rp-initiated-logout" => async {
            let (mut it, hint) = signed_in(bed, json!({})).await?;
            let to = end(&it, &[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE), ("state", "a b&c")]).await?.elsewhere()?;
            let pairs: Vec<_> = to.query_pairs().into_owned().collect();
            ensure!(to.as_str().starts_with(BYE) && pairs == [("state".to_owned(), "a b&c".to_owned())], "{to}");
            ensure!(!is_signed_in(&mut it).await?);
            anyhow::Ok(())
        },
        "oidcc-rp-initiated-logout-bad-post-logout-redirect-uri" => async {
            let (mut it, hint) = signed_in(bed, json!({})).await?;
            for uri in ["https://localhost:1/other", "https://localhost:1/bye/", "https://evil.example/", "javascript:alert(1)"] {
                let page = stays(&mut it, &[("id_token_hint", &hint), ("post_logout_redirect_uri", uri), ("state", "s")]).await?;
                ensure!(page.status == StatusCode::BAD_REQUEST && !page.body.contains(&format!("href=\"{uri}")), "{page}");
            }
            anyhow::Ok(())
        },
        "oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri" => async {
            let (mut it, hint) = signed_in(bed, json!({})).await?;
            let uri = format!("{BYE}?foo=bar");
            let page = stays(&mut it, &[("id_token_hint", &hint), ("post_logout_redirect_uri", &uri), ("state", "s")]).await?;
            ensure!(page.status == StatusCode::BAD_REQUEST, "{page}");
            anyhow::Ok(())
        },
        "oidcc-rp-initiated-logout-modified-id-token-hint" => async {
            use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
            let (mut it, hint) = signed_in(bed, json!({})).await?;
            let parts: Vec<&str> = hint.split('.').collect();
            let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), parts[1]);
            let cut = format!("{}.{}.", parts[0], parts[1]);
            for hint in [none, cut] {
                let page = stays(&mut it, &[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE), ("state", "s")]).await?;
                ensure!(page.status == StatusCode::BAD_REQUEST, "{page}");
            }
            anyhow::Ok(())
        },
        "oidcc-rp-initiated-logout-bad-id-token-hint" => async {
            let (mut it, hint) = signed_in(bed, json!({})).await?;
            let key = jose.key("RSA", json!({ "kid": "foreign" }))?;
            let foreign = jose.sign(json!({ "alg": "RS256", "kid": "foreign" }), &claims(&hint)?, &key)?;
            let page = stays(&mut it, &[("id_token_hint", &foreign), ("post_logout_redirect_uri", BYE), ("state", "s")]).await?;
            ensure!(page.status == StatusCode::BAD_REQUEST, "{page}");
            anyhow::Ok(())
        },
        "oidcc-rp-initiated-logout-no-id-token-hint" => async {
            let (mut it, _) = signed_in(bed, json!({})).await?;
            // Whoever asks is not shown to be the client: the person decides, and the browser stays here.
            let id = it.id().to_owned();
            let page = stays(&mut it, &[("client_id", &id), ("post_logout_redirect_uri", BYE), ("state", "s")]).await?;
            let done = confirmed(&it, &page).await?.page()?;
            ensure!(done.status == StatusCode::OK && !is_signed_in(&mut it).await?, "{done}");
            // Without even the client's name the URI is nobody's.
            let (mut it, _) = signed_in(bed, json!({})).await?;
            stays(&mut it, &[("post_logout_redirect_uri", BYE), ("state", "s")]).await?;
            anyhow::Ok(())
        },
        "oidcc-rp-initiated-logout-no-params" => ends_after_a_question(bed, &[]),
        "oidcc-rp-initiated-logout-only-state" => ends_after_a_question(bed, &[("state", "only")]),
        "oidcc-rp-initiated-logout-no-post-logout-redirect-uri" => async {
            let (mut it, hint) = signed_in(bed, json!({})).await?;
            let page = end(&it, &[("id_token_hint", &hint), ("state", "s")]).await?.page()?;
            ensure!(page.status == StatusCode::OK && !is_signed_in(&mut it).await?, "{page}");
            anyhow::Ok(())
        },
        "oidcc-rp-initiated-logout-no-state" => async {
            let (mut it, hint) = signed_in(bed, json!({})).await?;
            let to = end(&it, &[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE)]).await?.elsewhere()?;
            ensure!(to.as_str() == BYE && !is_signed_in(&mut it).await?, "{to}");
            anyhow::Ok(())
        },
    );
}

async fn ends_after_a_question(bed: &Bed, parameters: &[(&str, &str)]) -> anyhow::Result<()> {
    let (mut it, _) = signed_in(bed, json!({})).await?;
    let page = stays(&mut it, parameters).await?;
    let done = confirmed(&it, &page).await?.page()?;
    ensure!(
        done.status == StatusCode::OK && !is_signed_in(&mut it).await?,
        "{done}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_the_client() {
    let jose = need!(Jose::here());
    let host = Host::start().await.expect("a host");
    let bed = &host.bed("conformance.toml", "").await.expect("a bed");
    play!(bed,
        "oidcc-backchannel-logout-discovery-endpoint-verification" => supported(bed, "backchannel"),
        "oidcc-frontchannel-logout-discovery-endpoint-verification" => supported(bed, "frontchannel"),
        "oidcc-backchannel-rp-initiated-logout" => async {
            let uri = host.status("/backchannel", 200);
            let (mut it, hint) = signed_in(bed, json!({ "backchannel_logout_uri": uri, "backchannel_logout_session_required": true })).await?;
            let to = end(&it, &[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE), ("state", "s")]).await?.elsewhere()?;
            ensure!(to.as_str() == format!("{BYE}?state=s"), "{to}");
            let heard = host.wait_for("/backchannel", 1).await?;
            ensure!(heard[0].method == "POST" && heard[0].authorization.is_empty(), "{heard:?}");
            let form: Vec<(String, String)> = url::form_urlencoded::parse(heard[0].body.as_bytes()).into_owned().collect();
            let [(name, token)] = form.as_slice() else { anyhow::bail!("{form:?}") };
            ensure!(name == "logout_token", "{form:?}");
            let keys: Value = reqwest::get(bed.url("/jwks")).await?.json().await?;
            let (header, logout) = jose.verify(token, &keys)?;
            let of_login = claims(&hint)?;
            ensure!(header["typ"] == "logout+jwt" && header["alg"] == "RS256", "{header}");
            ensure!(logout["iss"] == bed.issuer.as_str() && logout["aud"] == it.id() && logout["nonce"].is_null(), "{logout}");
            ensure!(logout["sid"] == of_login["sid"] && logout["sid"].is_string() && logout["sub"] == of_login["sub"], "{logout}");
            ensure!(logout["iat"].is_i64() && logout["exp"].is_i64() && logout["jti"].is_string(), "{logout}");
            ensure!(logout["events"] == json!({ "http://schemas.openid.net/event/backchannel-logout": {} }), "{logout}");
            ensure!(!is_signed_in(&mut it).await?);
            anyhow::Ok(())
        },
        "oidcc-frontchannel-rp-initiated-logout" => async {
            // Front-Channel Logout §2: at the origin of a redirect URI.
            let metadata = json!({ "frontchannel_logout_uri": "https://localhost:1/out?x=1", "frontchannel_logout_session_required": true });
            let (mut it, hint) = signed_in(bed, metadata).await?;
            let page = end(&it, &[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE), ("state", "s")]).await?.page()?;
            let frame = url::Url::parse(&page.attribute("iframe", "src").context("no frame")?)?;
            let pairs: Vec<_> = frame.query_pairs().into_owned().collect();
            let sid = claims(&hint)?["sid"].as_str().context("no sid")?.to_owned();
            let wanted = [("x", "1"), ("iss", bed.issuer.as_str()), ("sid", sid.as_str())].map(|(n, v)| (n.to_owned(), v.to_owned()));
            ensure!(frame.as_str().starts_with("https://localhost:1/out?") && pairs == wanted, "{frame}");
            ensure!(page.attribute("a[data-next]", "href").as_deref() == Some(&format!("{BYE}?state=s")), "{page}");
            // A browser without JavaScript goes on as well.
            ensure!(page.body.contains(&format!("<meta http-equiv=\"refresh\" content=\"3; url={BYE}?state=s\">")), "{}", page.body);
            ensure!(!is_signed_in(&mut it).await?);
            anyhow::Ok(())
        },
        "oidcc-session-management-discovery-endpoint-verification" => async {
            let document = document(bed).await?;
            ensure!(document["check_session_iframe"] == bed.url("/check_session").as_str() && document["end_session_endpoint"].is_string(), "{document}");
            anyhow::Ok(())
        },
        "oidcc-session-management-rp-initiated-logout" => async {
            let mut it = Checker::register(bed, json!({ "post_logout_redirect_uris": [BYE] })).await?;
            let back = it.authorize(&[]).await?;
            let state = back.get("session_state").context("no session_state")?.to_owned();
            let (status, tokens) = it.redeem(back.code()?).await?;
            ensure!(status == StatusCode::OK, "{tokens}");
            ensure!(unchanged(&it, &state)?, "right after the login");
            // A second answer is about the same session.
            let again = it.authorize(&[("prompt", "none")]).await?;
            ensure!(unchanged(&it, again.get("session_state").context("no session_state")?)? && unchanged(&it, &state)?);
            let hint = tokens["id_token"].as_str().context("no ID token")?.to_owned();
            end(&it, &[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE)]).await?.elsewhere()?;
            ensure!(!unchanged(&it, &state)?, "signed out, and nobody can tell");
            ensure!(!is_signed_in(&mut it).await?);
            anyhow::Ok(())
        },
    );
}

async fn supported(bed: &Bed, channel: &str) -> anyhow::Result<()> {
    let document = document(bed).await?;
    for name in ["logout_supported", "logout_session_supported"] {
        let name = format!("{channel}_{name}");
        ensure!(document[&name] == true, "{name}: {document}");
    }
    ensure!(document["end_session_endpoint"].is_string());
    Ok(())
}

/// What the frame computes (Session Management §3.2): it has the browser's cookie, and the client's origin by the message.
fn unchanged(it: &Checker<'_>, state: &str) -> anyhow::Result<bool> {
    let (hash, salt) = state.split_once('.').context("no salt")?;
    let cookies = it.person.cookies(&it.bed.url("/check_session"));
    let cookie = cookies
        .iter()
        .find_map(|it| it.strip_prefix("whorl_state="));
    let origin = BACK.trim_end_matches("/callback");
    let text = format!("{} {origin} {} {salt}", it.id(), cookie.unwrap_or_default());
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let hex: String = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(hex == hash)
}
