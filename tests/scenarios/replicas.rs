//! Two servers on one PostgreSQL: whatever is good once is good once, wherever it is sent (RFC 6749 §10.5,
//! RFC 9449 §11.1).

use serde_json::json;
use tests::{
    machine::{Answer, DpopKey, Machine},
    need,
    person::{Arrival, Person},
    relying_party::Ask,
    scene::Scene,
    server::Backend,
    subject::Subject,
};
use tokio::task::JoinSet;
use wire::ClientKind;

use crate::{ciba, client_authentication, device, pushed};

/// Sends one form fifty times at once, half of them to each server, and counts who got an answer.
async fn race(
    here: &Machine,
    there: &Machine,
    form: &[(&str, &str)],
    proof: Option<&str>,
) -> Vec<Answer> {
    let mut race = JoinSet::new();
    for number in 0..50 {
        let machine = if number % 2 == 0 { here } else { there }.clone();
        let form: Vec<(String, String)> = form
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect();
        let proof = proof.map(str::to_owned);
        race.spawn(async move {
            let form: Vec<(&str, &str)> =
                form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            let headers: Vec<(&str, &str)> =
                proof.iter().map(|proof| ("dpop", proof.as_str())).collect();
            machine
                .post("/token", &form, &headers)
                .await
                .expect("an answer")
        });
    }
    race.join_all().await
}

fn winners(answers: &[Answer]) -> Vec<&Answer> {
    for answer in answers {
        assert!(!answer.status.is_server_error(), "{}", answer.text);
    }
    answers
        .iter()
        .filter(|answer| answer.status == 200)
        .collect()
}

async fn code(
    app: &tests::relying_party::RelyingParty,
    subject: &mut Subject,
) -> (tests::relying_party::Begun, String) {
    let begun = app.begin(Ask {
        scopes: &["offline_access"],
        extra: &[("prompt", "consent")],
        ..Ask::default()
    });
    let back = subject
        .sign_in_with_recovery_code(&Person::new(), &begun.url)
        .await;
    let code = app.code(&begun, &back.expect("signed in")).expect("a code");
    (begun, code)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_redemptions_at_two_servers_one_succeeds() {
    let toml = format!("{}{}", device::CLIENT, ciba::CLIENT);
    let scene = need!(Scene::with(Backend::Production, &toml).await);
    let replica = scene.server.replica().await.expect("a second server");
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let app = scene.register(ClientKind::Public).await.expect("a client");
    let here = Machine::new(&scene.server, &app.client_id, None);
    let there = here.elsewhere(&replica.base);

    // A code; its replays revoke what the first redemption gave.
    let (begun, spent) = code(&app, &mut subject).await;
    let answers = race(
        &here,
        &there,
        &app.code_grant(&spent, &begun.verifier),
        None,
    )
    .await;
    let won = winners(&answers);
    assert_eq!(won.len(), 1, "code");
    assert!(
        !scene
            .is_live(won[0].get("access_token"))
            .await
            .expect("userinfo"),
        "replays take it back"
    );

    // A refresh token of a public client; its replays end the family.
    let (begun, fresh) = code(&app, &mut subject).await;
    let issued = here
        .token(&app.code_grant(&fresh, &begun.verifier))
        .await
        .expect("an answer");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", issued.get("refresh_token")),
    ];
    let answers = race(&here, &there, &form, None).await;
    let won = winners(&answers);
    assert_eq!(won.len(), 1, "refresh token");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", won[0].get("refresh_token")),
    ];
    let refused = there.token(&form).await.expect("an answer");
    assert_eq!(
        refused.refusal(),
        (400, "invalid_grant"),
        "the family lives on"
    );

    // One DPoP proof with one bound refresh token, which itself may be used again.
    let key = DpopKey::new().expect("a key");
    let (begun, fresh) = code(&app, &mut subject).await;
    let issued = here
        .token_with(&app.code_grant(&fresh, &begun.verifier), &key, None)
        .await
        .expect("an answer");
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", issued.get("refresh_token")),
    ];
    let proof = key
        .proof("POST", &here.url("/token"), None, None)
        .expect("signed");
    let answers = race(&here, &there, &form, Some(&proof)).await;
    assert_eq!(winners(&answers).len(), 1, "proof");
    let fresh = key
        .proof("POST", &here.url("/token"), None, None)
        .expect("signed");
    let again = there
        .post("/token", &form, &[("dpop", &fresh)])
        .await
        .expect("an answer");
    assert_eq!(
        again.status, 200,
        "a new proof is as good as ever: {}",
        again.text
    );

    // A device's code.
    let (tv, person) = (device::tv(&scene), Person::new());
    let begun = device::begin(&tv).await;
    let page = device::look(&scene, &person, begun.get("user_code")).await;
    device::allow(&person, &mut subject, &page).await;
    let form = [
        ("grant_type", device::GRANT),
        ("device_code", begun.get("device_code")),
    ];
    let answers = race(&tv, &tv.elsewhere(&replica.base), &form, None).await;
    assert_eq!(winners(&answers).len(), 1, "device code");

    // A backchannel request.
    let till = ciba::till(&scene);
    let asked = ciba::ask(&till, "ada").await;
    let page = ciba::requests(&scene, &person, &mut subject).await;
    ciba::answer(&person, &page, "approve").await;
    let form = [
        ("grant_type", ciba::GRANT),
        ("auth_req_id", asked.get("auth_req_id")),
    ];
    let answers = race(&till, &till.elsewhere(&replica.base), &form, None).await;
    assert_eq!(winners(&answers).len(), 1, "auth_req_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_uses_of_an_assertion_at_two_servers_one_succeeds() {
    let ground = need!(client_authentication::Ground::at(Backend::Production, json!({})).await);
    let replica = ground
        .scene
        .server
        .replica()
        .await
        .expect("a second server");
    let here = Machine::new(&ground.scene.server, &ground.id, None);
    let there = here.elsewhere(&replica.base);
    let assertion = ground.sign(client_authentication::es256(), &ground.claims());
    let form = [
        ("grant_type", "authorization_code"),
        ("code", "not-a-code"),
        ("redirect_uri", "https://app.example/cb"),
        ("code_verifier", "v"),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", &assertion),
    ];
    let answers = race(&here, &there, &form, None).await;
    let said = |code: &str| answers.iter().filter(|it| it.refusal().1 == code).count();
    // Who is let in is told that its code is none.
    assert_eq!((said("invalid_grant"), said("invalid_client")), (1, 49));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_answers_to_a_pushed_request_at_two_servers_one_is_given() {
    let scene = need!(Scene::plain(Backend::Production).await);
    let replica = scene.server.replica().await.expect("a second server");
    let (_, mut subject) = scene.enrol("ada").await.expect("enrolled");
    let person = Person::new();
    let signed_in = scene.sign_in(&person, &mut subject, Ask::default());
    signed_in.await.expect("signed in");
    let begun = scene.app.begin(Ask::default());
    let here = pushed::pushed(&scene, &scene.app, &begun).await;
    let mut there = url::Url::parse(&replica.base).expect("a URL");
    there.set_path(here.path());
    there.set_query(here.query());
    let mut race = JoinSet::new();
    for number in 0..50 {
        let url = if number % 2 == 0 { &here } else { &there }.clone();
        let person = person.clone();
        race.spawn(async move { person.open(&url).await.expect("an answer") });
    }
    let given = race
        .join_all()
        .await
        .into_iter()
        .filter(|answer| match answer {
            Arrival::Elsewhere(back) => scene.app.code(&begun, back).is_ok(),
            Arrival::Page(page) => {
                assert!(!page.status.is_server_error(), "{page}");
                false
            }
        })
        .count();
    assert_eq!(given, 1);
}
