//! The end of a session reaches every client that took part in it: by frames in the browser, and from server to server.

use std::time::Duration;

use serde_json::Value;
use tests::{
    ear::Ear,
    jose::Jose,
    need,
    person::Person,
    relying_party::{Ask, RelyingParty},
    scene::Scene,
    server::{Backend, Setup},
};
use tokio::time::Instant;

fn clients(ear: &Ear) -> String {
    let address = ear.address();
    format!(
        r#"
[outbound]
allow = ["{address}"]
[[client]]
id = "back"
secret = "secret of back"
redirect_uris = ["http://localhost:1/back"]
post_logout_redirect_uris = ["http://localhost:1/bye"]
backchannel_logout_uri = "http://{address}/logout?tenant=1"
backchannel_logout_session_required = true
trusted = true
[[client]]
id = "front"
secret = "secret of front"
redirect_uris = ["http://localhost:1/front"]
post_logout_redirect_uris = ["http://localhost:1/bye"]
frontchannel_logout_uri = "http://localhost:1/out?x=1"
frontchannel_logout_session_required = true
trusted = true
[[client]]
id = "other"
secret = "secret of other"
redirect_uris = ["http://localhost:1/other"]
backchannel_logout_uri = "http://{address}/other"
trusted = true
"#
    )
}

async fn client(scene: &Scene, id: &str) -> RelyingParty {
    let secret = format!("secret of {id}");
    let callback = format!("http://localhost:1/{id}");
    RelyingParty::discover(&scene.server.issuer, id, Some(&secret), &callback)
        .await
        .expect("discovery")
}

async fn sign_in(scene: &Scene, person: &Person, id: &str) -> tests::relying_party::LoggedIn {
    let app = client(scene, id).await;
    let begun = app.begin(Ask::default());
    let back = person.open(&begun.url).await.expect("an answer");
    let back = back.elsewhere().expect("signed in already");
    app.finish(begun, &back).await.expect("signed in")
}

async fn scenario(backend: Backend) {
    let ear = Ear::open().await.expect("an ear");
    let jose = need!(Jose::here());
    let toml = clients(&ear);
    let scene = Scene::set(Setup {
        toml: &toml,
        ..Setup::plain(backend)
    });
    let scene = need!(scene.await);
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let person = Person::new();
    scene
        .sign_in(&person, &mut subject, Ask::default())
        .await
        .expect("signed in");
    let back = sign_in(&scene, &person, "back").await;
    let front = sign_in(&scene, &person, "front").await;

    // The client does not answer: the person does not wait for it.
    ear.answer(0, "");
    let mut url = scene.server.url("/end_session");
    url.query_pairs_mut()
        .append_pair("id_token_hint", &front.id_token)
        .append_pair("post_logout_redirect_uri", "http://localhost:1/bye")
        .append_pair("state", "s1");
    let began = Instant::now();
    let page = person
        .open(&url)
        .await
        .expect("an answer")
        .page()
        .expect("a page with frames");
    assert!(began.elapsed() < Duration::from_secs(30), "{page}");
    let frame = page.attribute("iframe", "src").expect("a frame");
    let frame = url::Url::parse(&frame).expect("a URL");
    let parameter = |name: &str| {
        let found = frame.query_pairs().find(|(n, _)| n == name);
        found.map(|(_, value)| value.into_owned())
    };
    assert_eq!(parameter("x").as_deref(), Some("1"), "{frame}");
    assert_eq!(
        parameter("iss").as_deref(),
        Some(scene.server.issuer.as_str())
    );
    let policy = page.header("content-security-policy");
    assert!(policy.ends_with("frame-src http://localhost:1"), "{policy}");
    assert_eq!(page.texts("iframe").len(), 1, "{page}");
    assert_eq!(
        page.attribute("a[data-next]", "href").as_deref(),
        Some("http://localhost:1/bye?state=s1")
    );

    let heard = ear.wait_for(1).await.expect("the client is told");
    assert_eq!(heard.len(), 1, "another client hears nothing: {heard:?}");
    assert!(
        heard[0].line.starts_with("POST /logout?tenant=1 "),
        "{heard:?}"
    );
    let token = heard[0]
        .body
        .strip_prefix("logout_token=")
        .expect("a token");
    let keys: Value = reqwest::get(scene.server.url("/jwks"))
        .await
        .expect("keys")
        .json()
        .await
        .expect("JSON");
    let (header, claims) = jose.verify(token, &keys).expect("verifies");
    assert_eq!(header["typ"], "logout+jwt");
    assert_eq!(claims["iss"], scene.server.issuer.as_str());
    assert_eq!(claims["aud"], "back");
    assert_eq!(claims["sub"], back.claims.subject().as_str());
    assert_eq!(claims["sid"].as_str(), parameter("sid").as_deref());
    assert!(claims["jti"].is_string() && claims["exp"].is_i64() && claims["iat"].is_i64());
    assert_eq!(
        claims["events"]["http://schemas.openid.net/event/backchannel-logout"],
        serde_json::json!({})
    );
    assert_eq!(claims.get("nonce"), None);

    // And the session is over.
    let begun = scene.app.begin(Ask {
        extra: &[("prompt", "none")],
        ..Ask::default()
    });
    let told = person.open(&begun.url).await.expect("an answer");
    let told = told.elsewhere().expect("told").to_string();
    assert!(told.contains("error=login_required"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_of_a_session_hears_of_its_end_embedded() {
    scenario(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_of_a_session_hears_of_its_end_production() {
    scenario(Backend::Production).await;
}

/// Clients of two sectors, which by their `sub`s cannot tell that it is the same person, cannot by their sessions either.
#[tokio::test(flavor = "multi_thread")]
async fn no_two_sectors_know_a_session_by_one_name_and_each_hears_of_its_end_by_its_own() {
    let ear = Ear::open().await.expect("an ear");
    let jose = need!(Jose::here());
    let address = ear.address();
    let toml = format!(
        r#"
[outbound]
allow = ["{address}"]
[[client]]
id = "here"
secret = "secret of here"
redirect_uris = ["http://localhost:1/here"]
post_logout_redirect_uris = ["http://localhost:1/bye"]
backchannel_logout_uri = "http://{address}/here"
subject_type = "pairwise"
trusted = true
[[client]]
id = "beside"
secret = "secret of beside"
redirect_uris = ["http://localhost:1/beside"]
frontchannel_logout_uri = "http://localhost:1/out"
frontchannel_logout_session_required = true
subject_type = "pairwise"
trusted = true
[[client]]
id = "there"
secret = "secret of there"
redirect_uris = ["http://127.0.0.1:1/there"]
backchannel_logout_uri = "http://{address}/there"
subject_type = "pairwise"
trusted = true
[[client]]
id = "open"
secret = "secret of open"
redirect_uris = ["http://localhost:1/open"]
trusted = true
"#
    );
    let scene = Scene::set(Setup {
        toml: &toml,
        ..Setup::plain(Backend::Embedded)
    });
    let scene = need!(scene.await);
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let person = Person::new();
    scene
        .sign_in(&person, &mut subject, Ask::default())
        .await
        .expect("signed in");
    let mut hints = Vec::new();
    let mut names = Vec::new();
    for (id, host) in [
        ("here", "localhost"),
        ("there", "127.0.0.1"),
        ("beside", "localhost"),
        ("open", "localhost"),
        ("here", "localhost"),
    ] {
        let (secret, back) = (format!("secret of {id}"), format!("http://{host}:1/{id}"));
        let issuer = &scene.server.issuer;
        let app = RelyingParty::discover(issuer, id, Some(&secret), &back).await;
        let app = app.expect("discovery");
        let begun = app.begin(Ask::default());
        let back = person.open(&begun.url).await.expect("an answer");
        let back = back.elsewhere().expect("signed in already");
        let login = app.finish(begun, &back).await.expect("signed in");
        let said = tests::machine::claims(&login.id_token).expect("a JWT");
        let name = |claim: &str| said[claim].as_str().expect("text").to_owned();
        names.push((name("sub"), name("sid")));
        hints.push(login.id_token);
    }
    let [here, there, beside, open, again] = &names[..] else {
        panic!("{names:?}")
    };
    assert!(here == beside && here == again, "one sector: {names:?}");
    for (one, other) in [(here, there), (here, open), (there, open)] {
        assert!(one.0 != other.0 && one.1 != other.1, "{names:?}");
    }
    // The claims of a token say nothing else that two sectors have in common, beyond when and how somebody signed in.
    let said = |hint: &str| tests::machine::claims(hint).expect("a JWT");
    let (one, other) = (said(&hints[0]), said(&hints[1]));
    let of_login = ["iss", "iat", "exp", "auth_time", "acr", "amr", "amr_times"];
    for (name, value) in one.as_object().expect("claims") {
        let is_told = of_login.contains(&name.as_str());
        assert!(is_told || other.get(name) != Some(value), "{name}: {value}");
    }

    // A session that another sector's name was given back for is not ended without asking.
    let end = |hint: &str| {
        let mut url = scene.server.url("/end_session");
        url.query_pairs_mut()
            .append_pair("id_token_hint", hint)
            .append_pair("post_logout_redirect_uri", "http://localhost:1/bye");
        url
    };
    let page = person.open(&end(&hints[0])).await.expect("an answer");
    let page = page.page().expect("a page with frames: it is over");
    let frame = page.attribute("iframe", "src").expect("a frame");
    let frame = url::Url::parse(&frame).expect("a URL");
    let sid = frame.query_pairs().find(|(name, _)| name == "sid");
    assert_eq!(sid.expect("its name").1, beside.1.as_str());
    let heard = ear.wait_for(2).await.expect("both are told");
    let keys: Value = reqwest::get(scene.server.url("/jwks"))
        .await
        .expect("keys")
        .json()
        .await
        .expect("JSON");
    for (path, name) in [("/here", here), ("/there", there)] {
        let told = heard.iter().find(|it| it.line.contains(path));
        let token = told.expect("told").body.clone();
        let token = token.strip_prefix("logout_token=").expect("a token");
        let (_, claims) = jose.verify(token, &keys).expect("verifies");
        assert_eq!(claims["sub"].as_str(), Some(name.0.as_str()));
        assert_eq!(claims["sid"].as_str(), Some(name.1.as_str()));
    }
}

/// The page that asks whether to sign out sends its form on to where a client registered, and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_that_asks_allows_no_scheme_but_that_of_a_registered_address() {
    let toml = "[[client]]\nid = \"app-1\"\nsecret = \"a secret of app-1\"\napplication_type = \"native\"\n\
                redirect_uris = [\"http://localhost:1/cb\"]\npost_logout_redirect_uris = [\"org.example.app:/bye\"]\n";
    let scene = Scene::set(Setup {
        toml,
        ..Setup::plain(Backend::Embedded)
    });
    let scene = need!(scene.await);
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let person = Person::new();
    let login = scene.sign_in(&person, &mut subject, Ask::default()).await;
    login.expect("signed in");
    let ask = async |uri: &str| {
        let mut url = scene.server.url("/end_session");
        url.query_pairs_mut()
            .append_pair("client_id", "app-1")
            .append_pair("post_logout_redirect_uri", uri);
        let page = person.open(&url).await.expect("an answer");
        page.page().expect("a page")
    };
    // Without a hint nobody is sent on, so that no scheme is needed, a registered one neither.
    let page = ask("org.example.app:/bye").await;
    assert!(page.status.is_success(), "{page}");
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self'"), "{policy}");
    assert!(!policy.contains("org.example.app"), "{policy}");
    let refused = ask("evil:/bye").await;
    assert!(refused.status.is_client_error(), "{refused}");
    let policy = refused.header("content-security-policy");
    assert!(!policy.contains("evil"), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_can_watch_the_session_where_that_is_on() {
    let toml = "[session]\ncheck_session = true\n";
    let scene = Scene::set(Setup {
        toml,
        ..Setup::plain(Backend::Embedded)
    });
    let scene = need!(scene.await);
    let document: Value = reqwest::get(scene.server.url("/.well-known/openid-configuration"))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let frame = document["check_session_iframe"].as_str().expect("a frame");
    let page = Person::new().open(frame).await.expect("an answer");
    let page = page.page().expect("a page");
    assert!(page.status.is_success(), "{page}");
    assert_eq!(page.header("x-frame-options"), "");
    let policy = page.header("content-security-policy");
    assert!(!policy.contains("frame-ancestors"), "{policy}");
    assert!(page.set_cookies().is_empty());

    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let person = Person::new();
    let begun = scene.app.begin(Ask::default());
    let back = subject.sign_in(&person, &begun.url).await.expect("back");
    let find = |url: &url::Url| {
        let found = url.query_pairs().find(|(name, _)| name == "session_state");
        found.map(|(_, value)| value.into_owned())
    };
    let fits = |state: &str, person: &Person| {
        let (hash, salt) = state.split_once('.').expect("a salt");
        let cookies = person.cookies(&scene.server.url("/check_session"));
        let own = cookies
            .iter()
            .find_map(|it| it.strip_prefix("whorl_state="));
        let text = format!(
            "{} http://localhost:1 {} {salt}",
            scene.app.client_id,
            own.unwrap_or_default()
        );
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        hex == hash
    };
    let state = find(&back).expect("a session state");
    assert!(fits(&state, &person));
    let login = scene.app.finish(begun, &back).await.expect("signed in");
    // The same session is unchanged for a second answer, and another one for another browser.
    let begun = scene.app.begin(Ask {
        extra: &[("prompt", "none")],
        ..Ask::default()
    });
    let again = person.open(&begun.url).await.expect("an answer");
    let again = again.elsewhere().expect("back");
    assert!(fits(&find(&again).expect("a session state"), &person));
    assert!(fits(&state, &person));
    assert!(!fits(&state, &Person::new()));
    let mut url = scene.server.url("/end_session");
    url.query_pairs_mut()
        .append_pair("id_token_hint", &login.id_token);
    person.open(&url).await.expect("an answer");
    assert!(!fits(&state, &person), "signed out, and nobody can tell");

    // Off by itself: no frame, no cookie, no parameter.
    let scene = need!(Scene::plain(Backend::Embedded).await);
    let page = Person::new()
        .open(scene.server.url("/check_session"))
        .await
        .expect("an answer");
    assert_eq!(page.page().expect("a page").status.as_u16(), 404);
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let person = Person::new();
    let begun = scene.app.begin(Ask::default());
    let back = subject.sign_in(&person, &begun.url).await.expect("back");
    assert_eq!(find(&back), None, "{back}");
    let cookies = person.cookies(&scene.server.url("/"));
    assert!(
        !cookies.iter().any(|it| it.starts_with("whorl_state")),
        "{cookies:?}"
    );
}
