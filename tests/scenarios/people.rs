//! People in a real browser: a passkey on their device, their face before a camera, or no script at all.

use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    browser::Browser,
    missing::{Missing, shared_folder},
    need,
    person::Person,
    relying_party::{Ask, RelyingParty},
    scene::Scene,
    server::{Backend, Setup},
    stand_in::{Camera, StandIn, Studio},
    subject::Subject,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use wire::{AuditOutcome, ClientKind, FactorKind, SubjectDetail, paths};

const PASSWORD: &str = "correct horse battery staple";
const BIOMETRIC: &str = "urn:whorl:acr:biometric";

/// Password and face, or a passkey. The face stands without a possession factor only so that the camera is what decides.
const FACE: &str = r#"
[policy]
default_acr = "urn:example:acr:face"
[[policy.acr]]
name = "urn:example:acr:face"
any_of = [["password", "face"], ["passkey"]]
biometric_alone = true
"#;

/// A scene, a browser, and an application that a browser can come back to.
struct Street {
    scene: Scene,
    app: RelyingParty,
    browser: Browser,
    folder: TempDir,
    people: PathBuf,
}

impl Street {
    async fn lay(setup: Setup<'_>) -> Result<Self, Missing> {
        let browser = Browser::here()?;
        let people = shared_folder()?.join("data/faces/lfw_color");
        let scene = Scene::set(setup).await?;
        let redirect = landing().await;
        let (id, secret) = scene
            .owner
            .register(
                ClientKind::Confidential,
                &redirect,
                &["openid", "profile", "email"],
            )
            .await
            .expect("a client");
        let app =
            RelyingParty::discover(&scene.server.issuer, &id, secret.as_deref(), &redirect).await;
        Ok(Self {
            scene,
            app: app.expect("a provider"),
            browser,
            folder: tempfile::tempdir().expect("a folder"),
            people,
        })
    }

    /// A camera, and a simulated person before it.
    async fn camera(&self, photo: &str, seed: u64) -> Camera {
        let photo = self.people.join(photo);
        let studio = Studio::here().expect("the pack, as the server has it");
        let head = studio.person(&photo).expect("a head");
        let actor = matcher::simulation::Subject::new(head, seed);
        Camera::of(StandIn::new(Box::new(actor))).await
    }

    async fn run(&self, script: &str, arguments: Value) -> Value {
        let answer = self.browser.run(script, &arguments).await;
        answer.unwrap_or_else(|error| panic!("{error:#}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_registers_signs_in_and_no_other_face_does() {
    let street = need!(
        Street::lay(Setup {
            backend: Backend::Embedded,
            toml: FACE,
            faces: true,
        })
        .await
    );
    let (ada, invitation) = street
        .scene
        .owner
        .invite("ada")
        .await
        .expect("an invitation");
    let scopes = &["profile", "email"];
    let ask = Ask {
        scopes,
        ..Ask::default()
    };
    let by_face = street.app.begin(ask);
    let by_passkey = street.app.begin(Ask {
        scopes,
        extra: &[("prompt", "login")],
        ..Ask::default()
    });
    let shots = street.folder.path().join("shots");
    let ada_sits = street.camera("Colin_Powell/Colin_Powell_0008.jpg", 1).await;
    let stranger = "George_W_Bush/George_W_Bush_0001.jpg";
    let stranger_sits = street.camera(stranger, 2).await;
    let arguments = json!({
        "invitation": invitation, "username": "ada", "secret": PASSWORD, "screenshots": shots,
        "actor": ada_sits.url,
        "byFace": by_face.url, "byPasskey": by_passkey.url,
    });
    let back = street.run("register_and_sign_in", arguments).await;

    let arrived = |way: &str| {
        back[way]
            .as_str()
            .and_then(|url| url.parse().ok())
            .expect("an address")
    };
    let login = street.app.finish(by_face, &arrived("byFace")).await;
    let login = login.expect("signed in by face");
    assert_eq!(login.acr(), "urn:example:acr:face");
    let amr = login.amr();
    assert!(
        amr.contains(&"pwd".into()) && amr.contains(&"face".into()),
        "{amr:?}"
    );
    let info = street.app.user_info(&login).await.expect("userinfo");
    assert_eq!(
        info.preferred_username().map(|name| name.as_str()),
        Some("ada")
    );
    assert_eq!(
        info.email().map(|mail| mail.as_str()),
        Some("ada@example.org")
    );

    let again = street.app.finish(by_passkey, &arrived("byPasskey")).await;
    let again = again.expect("signed in by passkey");
    assert_eq!(again.claims.subject(), login.claims.subject());
    assert!(!again.amr().contains(&"face".into()), "{:?}", again.amr());
    assert!(back["signCount"].as_i64().is_some_and(|n| n > 0), "{back}");
    assert!(pictures(&shots) >= 26, "{} pictures", pictures(&shots));

    // Somebody else, who knows the password.
    let begun = street.app.begin(Ask::default());
    let arguments = json!({
        "url": begun.url, "username": "ada", "secret": PASSWORD, "screenshots": shots.join("stranger"),
        "actor": stranger_sits.url,
    });
    let refused = street.run("refused_face", arguments).await;
    let at = refused["at"].as_str().unwrap_or_default();
    assert!(at.starts_with(&street.scene.server.issuer), "{refused}");
    let events = street.scene.owner.audit().await.expect("the audit feed");
    let seen = events.iter().find(|event| {
        event.factor == Some(FactorKind::Face) && event.outcome == AuditOutcome::Refused
    });
    let seen = seen.unwrap_or_else(|| panic!("no refusal in {events:#?}"));
    assert_eq!(seen.subject, Some(ada));
}

/// By the policy that is built in, a face counts beside what the person holds, and never without it.
#[tokio::test(flavor = "multi_thread")]
async fn a_face_counts_beside_a_passkey_under_the_default_policy() {
    let setup = Setup {
        backend: Backend::Embedded,
        toml: "",
        faces: true,
    };
    let street = need!(Street::lay(setup).await);
    let (id, invitation) = street
        .scene
        .owner
        .invite("ada")
        .await
        .expect("an invitation");
    let begun = street.app.begin(Ask {
        acr: &[BIOMETRIC],
        ..Ask::default()
    });
    let ada_sits = street.camera("Colin_Powell/Colin_Powell_0008.jpg", 3).await;
    let arguments = json!({
        "invitation": invitation, "secret": PASSWORD, "actor": ada_sits.url, "url": begun.url,
    });
    let answer = street.run("face_beside_passkey", arguments).await;
    let back = answer["back"].as_str().and_then(|url| url.parse().ok());
    let login = street.app.finish(begun, &back.expect("an address")).await;
    let login = login.expect("signed in");
    assert_eq!(login.acr(), BIOMETRIC);
    let amr = login.amr();
    let is_key = |method: &String| method == "hwk" || method == "swk";
    assert!(
        amr.contains(&"face".into()) && amr.iter().any(is_key),
        "{amr:?}"
    );

    // The key is gone, and the face alone is worth nothing: an application that insists is told so.
    let path = paths::subject(id);
    let known: SubjectDetail = street.scene.owner.get(&path).await.expect("a subject");
    let of = |factor| {
        let credential = known.credentials.iter().find(|c| c.factor == factor);
        credential.expect("enrolled").id
    };
    let (key, _face) = (of(FactorKind::Passkey), of(FactorKind::Face));
    let path = paths::credential(id, key);
    let deleted = street
        .scene
        .owner
        .request(Method::DELETE, &path, None::<&()>);
    let (status, body) = deleted.await.expect("an answer");
    assert!(status.is_success(), "{status} {body}");
    let codes = answer["codes"].as_array().into_iter().flatten();
    let codes = codes.filter_map(|code| code.as_str().map(str::to_owned));
    let mut subject = Subject::with_codes("ada", PASSWORD, codes.collect());
    let person = Person::new();
    let begun = street.app.begin(Ask::default());
    let signed_in = subject.sign_in_with_recovery_code(&person, &begun.url);
    signed_in.await.expect("with what is left");
    let essential =
        format!(r#"{{"id_token":{{"acr":{{"essential":true,"values":["{BIOMETRIC}"]}}}}}}"#);
    let begun = street.app.begin(Ask {
        extra: &[("claims", &essential)],
        ..Ask::default()
    });
    let back = person.open(&begun.url).await.expect("an answer");
    let back = back.elsewhere().expect("sent back");
    let error = back.query_pairs().find(|(name, _)| name == "error");
    assert_eq!(
        error.map(|(_, value)| value.into_owned()).as_deref(),
        Some("unmet_authentication_requirements"),
        "{back}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_scripts_signs_in_by_forms() {
    let street = need!(Street::lay(Setup::plain(Backend::Embedded)).await);
    let (_, mut subject) = street.scene.enrol("ada").await.expect("enrolled");
    let begun = street.app.begin(Ask::default());
    let otp = subject.otp().await.expect("a password");
    let arguments = json!({
        "url": begun.url, "username": "ada", "secret": subject.password, "otp": otp,
    });
    let answer = street.run("without_scripts", arguments).await;
    let back = answer["back"].as_str().and_then(|url| url.parse().ok());
    let login = street.app.finish(begun, &back.expect("an address")).await;
    let mut amr = login.expect("signed in").amr();
    amr.sort();
    assert!(
        amr.contains(&"otp".into()) && amr.contains(&"pwd".into()),
        "{amr:?}"
    );
}

fn pictures(folder: &Path) -> usize {
    let files = std::fs::read_dir(folder).into_iter().flatten();
    files
        .filter_map(Result::ok)
        .filter(|file| file.path().extension().is_some_and(|e| e == "png"))
        .count()
}

/// The application's own page, for as long as the test's runtime lives: its redirect URI.
async fn landing() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 8192];
                let _ = stream.read(&mut request).await;
                let body = "<!doctype html><title>Landed</title><link rel=icon href=data:,><p id=landed>Landed";
                let response = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(response.as_bytes()).await;
            });
        }
    });
    format!("http://localhost:{port}/callback")
}
