//! A client asks about a person over the backchannel, and the person answers at `/me/requests` (CIBA Core).

use reqwest::StatusCode;
use tests::{
    machine::{Answer, Machine},
    need, on_both_backends,
    person::{Page, Person},
    scene::Scene,
    server::Backend,
    subject::{Subject, consent, form_to},
};

/// A till in a shop.
pub const CLIENT: &str = r#"
[[client]]
id = "till"
name = "Till seven"
secret = "a secret of the till"
grant_types = ["urn:openid:params:grant-type:ciba", "authorization_code", "refresh_token"]
backchannel_token_delivery_mode = "poll"
scopes = ["openid", "profile", "offline_access"]
redirect_uris = ["https://till.example/cb"]
"#;

pub const GRANT: &str = "urn:openid:params:grant-type:ciba";

pub fn till(scene: &Scene) -> Machine {
    Machine::new(&scene.server, "till", Some("a secret of the till"))
}

pub async fn ask(till: &Machine, name: &str) -> Answer {
    let form = [
        ("scope", "openid profile"),
        ("login_hint", name),
        ("binding_message", "Basket W4SCT"),
    ];
    till.post("/bc-authorize", &form, &[])
        .await
        .expect("an answer")
}

pub async fn poll(till: &Machine, asked: &Answer) -> Answer {
    let form = [
        ("grant_type", GRANT),
        ("auth_req_id", asked.get("auth_req_id")),
    ];
    till.token(&form).await.expect("an answer")
}

/// The person's list; signs in on the way.
pub async fn requests(scene: &Scene, person: &Person, subject: &mut Subject) -> Page {
    let arrival = person
        .open(scene.server.url("/me/requests"))
        .await
        .expect("a page");
    let page = arrival.page().expect("a page");
    if page.form_with("username").is_ok() {
        subject.prove(person, page).await.expect("signed in")
    } else {
        page
    }
}

/// Answers the first request of the list.
pub async fn answer(person: &Person, page: &Page, decision: &str) -> Page {
    let form = page.form_with("decision").or_else(|_| first_form(page));
    let form = form.expect("a request").fill("decision", decision);
    let next = person
        .submit(form)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    consent(person, next).await.expect("allowed")
}

fn first_form(page: &Page) -> anyhow::Result<tests::person::Form> {
    let found = page
        .forms()
        .into_iter()
        .find(|form| form.action().path().starts_with("/me/requests/"));
    anyhow::Context::context(found, "no request")
}

on_both_backends! {
    with CLIENT;

    async fn signing_in_to_see_requests_is_for_no_application(scene: Scene) {
        let (_, _subject) = scene.enrol("ada").await.expect("enrolled");
        let person = Person::new();
        let page = person.open(scene.server.url("/me/requests")).await.expect("a page").page().expect("a page");
        assert!(page.form_with("username").is_ok(), "{page}");
        assert!(!page.body.contains("to continue to") && !page.body.contains("go back to"), "{page}");
        let cancel = form_to(&page, "/cancel").expect("a way out");
        let page = person.submit(cancel).await.expect("an answer").page().expect("a page");
        assert!(page.body.contains("You are not signed in") && !page.body.contains("You said no"), "{page}");
    }

    async fn a_person_approves_what_a_client_asks(scene: Scene) {
        let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let (till, person) = (till(&scene), Person::new());
        let asked = ask(&till, "ada").await;
        assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
        assert!(asked.body["expires_in"].as_u64() > Some(0) && asked.body["interval"] == 5);
        assert_eq!(poll(&till, &asked).await.refusal(), (400, "authorization_pending"));
        assert_eq!(poll(&till, &asked).await.refusal(), (400, "slow_down"), "at once again");

        let page = requests(&scene, &person, &mut subject).await;
        let number = asked.body["matching_number"].to_string();
        for shown in ["Till seven", "Basket W4SCT", number.as_str(), "127.0.0.1"] {
            assert!(page.body.contains(shown), "{shown}: {page}");
        }
        let done = answer(&person, &page, "approve").await;
        assert!(done.body.contains("Approved"), "{done}");
        let issued = poll(&till, &asked).await;
        assert_eq!(issued.status, StatusCode::OK, "{}", issued.text);
        assert!(issued.body["id_token"].is_string());
        let access = issued.get("access_token").to_owned();
        assert!(scene.is_live(&access).await.expect("userinfo"));
        assert_eq!(poll(&till, &asked).await.refusal(), (400, "invalid_grant"), "once");
        assert!(!scene.is_live(&access).await.expect("userinfo"), "a replay takes it back");

        // An ID token of ours names the person as well.
        let form = [("scope", "openid"), ("id_token_hint", issued.get("id_token"))];
        let again = till.post("/bc-authorize", &form, &[]).await.expect("an answer");
        assert_eq!(again.status, StatusCode::OK, "{}", again.text);
        let page = requests(&scene, &person, &mut subject).await;
        answer(&person, &page, "deny").await;
        assert_eq!(poll(&till, &again).await.refusal(), (400, "access_denied"));
    }

    async fn requests_are_the_persons_own_and_not_too_many(scene: Scene) {
        let (ada, mut subject) = scene.enrol("ada").await.expect("enrolled");
        let (_, mut eve) = scene.enrol("eve").await.expect("enrolled");
        let till = till(&scene);
        let asked = ask(&till, "ada").await;
        // Somebody else neither sees nor answers it.
        let other = Person::new();
        let page = requests(&scene, &other, &mut eve).await;
        assert!(!page.body.contains("Till seven"), "{page}");
        let mine = requests(&scene, &ada, &mut subject).await;
        let form = first_form(&mine).expect("a request");
        let stolen = other.http().post(form.action().clone()).form(&[("decision", "approve")]);
        let refused = stolen.send().await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        let foreign = ada.http().post(form.action().clone()).header("origin", "https://evil.example");
        let refused = foreign.form(&[("decision", "approve")]).send().await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert_eq!(poll(&till, &asked).await.refusal(), (400, "authorization_pending"));

        // A name that nobody has gets the same answer, and both get so many and no more.
        for name in ["ada", "nobody at all"] {
            let mut answers = Vec::new();
            for _ in 0..5 {
                answers.push(ask(&till, name).await);
            }
            let taken = answers.iter().filter(|it| it.status == StatusCode::OK).count();
            assert_eq!(taken, if name == "ada" { 2 } else { 3 }, "{name}");
            let last = answers.last().expect("asked");
            assert_eq!(last.refusal(), (403, "access_denied"), "CIBA Core §13");
        }
        let unsigned = till.post("/bc-authorize", &[("scope", "openid")], &[]).await.expect("an answer");
        assert_eq!(unsigned.refusal(), (400, "invalid_request"), "no hint");
        assert!(form_to(&mine, "/consent").is_err());
    }
}

/// Takes one HTTP request and answers 204: its head and its body.
async fn one_call(listener: tokio::net::TcpListener) -> anyhow::Result<(String, String)> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut stream, _) = listener.accept().await?;
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk).await?;
        text.extend_from_slice(&chunk[..read]);
        let so_far = String::from_utf8_lossy(&text).into_owned();
        if let Some((head, body)) = so_far.split_once("\r\n\r\n")
            && (read == 0 || body.ends_with('}'))
        {
            stream
                .write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
                .await?;
            return Ok((head.to_ascii_lowercase(), body.to_owned()));
        }
        anyhow::ensure!(read > 0, "cut short: {so_far}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_client_is_called_when_the_person_has_answered() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let toml = CLIENT.replace(
        "backchannel_token_delivery_mode = \"poll\"",
        &format!(
            "backchannel_token_delivery_mode = \"ping\"\n\
             backchannel_client_notification_endpoint = \"https://{address}/ping\""
        ),
    );
    let toml = format!(
        "[outbound]\nallow = [\"{address}\"]\n{}",
        toml.replace("https://127", "http://127")
    );
    let scene = need!(Scene::with(Backend::Embedded, &toml).await);
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let (till, person) = (till(&scene), Person::new());
    let refused = ask(&till, "ada").await;
    assert_eq!(
        refused.refusal(),
        (400, "invalid_request"),
        "without a token to call with"
    );
    let token = "8d67dc78-7faa-4d41-aabd-67707b374255";
    let form = [
        ("scope", "openid"),
        ("login_hint", "ada"),
        ("client_notification_token", token),
    ];
    let asked = till
        .post("/bc-authorize", &form, &[])
        .await
        .expect("an answer");
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    let called = tokio::spawn(one_call(listener));
    let page = requests(&scene, &person, &mut subject).await;
    answer(&person, &page, "approve").await;
    let (head, body) = called.await.expect("ran").expect("called");
    assert!(
        head.starts_with("post /ping ") && head.contains(&format!("authorization: bearer {token}")),
        "{head}"
    );
    let id = asked.get("auth_req_id");
    assert_eq!(body, format!(r#"{{"auth_req_id":"{id}"}}"#));
    assert_eq!(poll(&till, &asked).await.status, StatusCode::OK);
}
