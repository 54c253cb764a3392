//! Who is enrolled twice: a search that an operator starts finds the one who is, under both names, and nobody else; what
//! comes of it is a list, and the account goes on as it was.

use std::path::Path;
use std::time::Duration;

use reqwest::{
    Method, StatusCode,
    multipart::{Form, Part},
};
use serde_json::json;
use tests::{
    missing::{Missing, shared_folder},
    need,
    operator::Operator,
    person::Person,
    scene::Scene,
    server::{Backend, Setup},
    subject::form_to,
};
use tokio::time::{Instant, sleep};
use wire::{
    DuplicatePair, DuplicateSearch, DuplicateSearchStatus, Page, PairDecision, Role, SubjectDetail,
    SubjectId, SubjectStatus, paths,
};

use super::samples::DEMO;

/// Under which name whose pictures are enrolled: one person twice.
const PEOPLE: [(&str, &str, [u32; 3]); 7] = [
    ("ada", "Colin_Powell", [1, 2, 3]),
    ("ben", "Ariel_Sharon", [1, 2, 3]),
    ("cleo", "Hugo_Chavez", [1, 2, 3]),
    ("dora", "Gerhard_Schroeder", [1, 2, 3]),
    ("lucy", "Colin_Powell", [5, 6, 7]),
    ("mona", "Arnold_Schwarzenegger", [1, 2, 3]),
    ("nick", "George_W_Bush", [1, 2, 3]),
];

/// Invites somebody and enrols a password and pictures of a face.
async fn enrol(
    scene: &Scene,
    people: &Path,
    (username, who, numbers): (&str, &str, [u32; 3]),
) -> anyhow::Result<SubjectId> {
    let (id, invitation) = scene.owner.invite(username).await?;
    let person = Person::new();
    let at = |path: &str| scene.server.url(path);
    let page = person.open(invitation).await?.page()?;
    person.submit(page.form_with("token")?).await?.page()?;
    let page = person.open(at("/enrol/consent")).await?.page()?;
    let form = page.form_with("version")?.fill("decision", "grant");
    person.submit(form).await?.page()?;
    let page = person.open(at("/enrol/password")).await?.page()?;
    let password = "correct horse battery staple";
    let form = page.form_with("password_again")?;
    let form = form.fill("password", password);
    person
        .submit(form.fill("password_again", password))
        .await?
        .page()?;
    person.open(at("/enrol/face")).await?.page()?;
    let mut form = Form::new();
    let mut taken = 0;
    for file in pictures(people, who)? {
        let number = file.trim_end_matches(".jpg").rsplit('_').next();
        if number.is_some_and(|n| n.parse().is_ok_and(|n: u32| numbers.contains(&n))) {
            let bytes = std::fs::read(people.join(who).join(&file))?;
            form = form.part("sample", Part::bytes(bytes).file_name(file));
            taken += 1;
        }
    }
    anyhow::ensure!(taken >= 1, "no pictures {numbers:?} of {who}");
    let request = person.http().post(at("/enrol/face/upload"));
    let request = request.header("origin", &scene.server.issuer);
    let answer = request.multipart(form).send().await?;
    anyhow::ensure!(
        answer.headers()["location"] == "/enrol",
        "{username} {answer:?}"
    );
    let page = person.open(at("/enrol")).await?.page()?;
    let done = person.submit(form_to(&page, "/enrol/finish")?).await?;
    done.page()?;
    Ok(id)
}

fn pictures(people: &Path, who: &str) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(people.join(who))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn asked(rate: f64) -> serde_json::Value {
    json!({"factor": "face", "false_positive_identification_rate": rate})
}

async fn searches(operator: &Operator) -> Vec<DuplicateSearch> {
    let page: Page<DuplicateSearch> = operator
        .get(paths::DUPLICATE_SEARCHES)
        .await
        .expect("the searches");
    page.items
}

async fn pairs(operator: &Operator, decided: bool) -> Vec<DuplicatePair> {
    let path = format!("{}?decided={decided}", paths::DUPLICATE_PAIRS);
    let page: Page<DuplicatePair> = operator.get(&path).await.expect("the pairs");
    page.items
}

/// Waits for the end of the newest search.
async fn ended(operator: &Operator) -> DuplicateSearch {
    let until = Instant::now() + Duration::from_secs(90);
    loop {
        let newest = searches(operator).await.remove(0);
        if newest.status != DuplicateSearchStatus::Running {
            return newest;
        }
        assert!(Instant::now() < until, "no end: {newest:?}");
        sleep(Duration::from_millis(300)).await;
    }
}

async fn start(operator: &Operator, rate: f64) -> (StatusCode, serde_json::Value) {
    let body = asked(rate);
    let answer = operator
        .request(Method::POST, paths::DUPLICATE_SEARCHES, Some(&body))
        .await;
    answer.expect("an answer")
}

async fn one_person_under_two_names_is_raised_and_nobody_else(
    backend: Backend,
) -> Result<(), Missing> {
    let people = shared_folder()?.join("data/faces/lfw_color");
    let setup = Setup {
        backend,
        toml: DEMO,
        faces: true,
    };
    let mut scene = Scene::set(setup).await?;
    let mut ids = Vec::new();
    for person in PEOPLE {
        ids.push(enrol(&scene, &people, person).await.expect(person.0));
    }
    let viewer = Operator::of(&scene.server, "vera", Role::Viewer).expect("a token");
    let enroller = Operator::of(&scene.server, "emil", Role::Enroller).expect("a token");
    for (operator, rate, expected) in [
        (&viewer, 0.01, StatusCode::FORBIDDEN),
        (&enroller, 0.01, StatusCode::FORBIDDEN),
        (&scene.owner, 0.0, StatusCode::BAD_REQUEST),
        (&scene.owner, 0.9, StatusCode::BAD_REQUEST),
    ] {
        let (status, body) = start(operator, rate).await;
        assert_eq!(status, expected, "{body}");
    }
    // Beyond what the model was validated to: it ends, and says what could be asked for.
    let (status, body) = start(&scene.owner, 1e-9).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let refused = ended(&scene.owner).await;
    assert_eq!(refused.status, DuplicateSearchStatus::Failed);
    let problem = refused.problem.expect("why");
    assert!(problem.contains("or more"), "{problem}");

    // The server goes down over it, and takes it up again when it is back.
    let (status, body) = start(&scene.owner, 0.01).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let (status, _) = start(&scene.owner, 0.01).await;
    assert_eq!(status, StatusCode::CONFLICT, "one at a time");
    scene.server.restart().await.expect("is back");
    let done = ended(&viewer).await;
    println!("{done:?}");
    assert_eq!(done.status, DuplicateSearchStatus::Finished, "{done:?}");
    assert_eq!((done.people, done.left_out), (7, 0));
    assert_eq!((done.compared, done.comparisons), (21, 21));
    let rate = done.false_match_rate.expect("a rate");
    // 1 - (1 - 0.01)^(1/6): each is compared with six others.
    assert!((rate / 1.6736e-3 - 1.0).abs() < 1e-3, "{rate}");
    assert_eq!((done.alike, done.raised), (1, 1), "{done:?}");
    let found = pairs(&viewer, false).await;
    assert_eq!(found.len(), 1, "{found:?}");
    let mut names = [&found[0].one.username, &found[0].other.username];
    names.sort();
    assert_eq!(names, ["ada", "lucy"]);

    // Nothing came of it for anybody: it is a list.
    for id in &ids {
        let path = paths::subject(*id);
        let subject: SubjectDetail = scene.owner.get(&path).await.expect("a subject");
        assert_eq!(subject.summary.status, SubjectStatus::Active);
        assert!(!subject.credentials.is_empty());
    }
    let decide = paths::duplicate_decision(found[0].id);
    let body = json!({"decision": "dismissed"});
    let by_viewer = viewer.request(Method::POST, &decide, Some(&body)).await;
    assert_eq!(by_viewer.expect("an answer").0, StatusCode::FORBIDDEN);
    let decided: DuplicatePair = enroller.post(&decide, Some(&body)).await.expect("decided");
    assert_eq!(decided.decision, Some(PairDecision::Dismissed));
    let again = enroller.request(Method::POST, &decide, Some(&body)).await;
    assert_eq!(again.expect("an answer").0, StatusCode::CONFLICT);
    assert!(pairs(&viewer, false).await.is_empty());
    assert_eq!(pairs(&viewer, true).await.len(), 1);

    // What was decided is not raised again.
    let (status, body) = start(&scene.owner, 0.01).await;
    assert_eq!(status, StatusCode::CREATED, "{body}");
    let second = ended(&scene.owner).await;
    assert_eq!((second.alike, second.raised), (1, 0), "{second:?}");
    assert!(pairs(&viewer, false).await.is_empty());

    // Who is erased is on no list.
    let path = paths::subject(ids[4]);
    let (status, _) = scene
        .owner
        .request(Method::DELETE, &path, None::<&()>)
        .await
        .expect("an answer");
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert!(pairs(&viewer, true).await.is_empty());

    let events = scene.owner.audit().await.expect("the audit feed");
    for (kind, times) in [
        ("duplicates.search_started", 3),
        ("duplicates.searched", 3),
        ("duplicate.raised", 1),
        ("duplicate.decided", 1),
    ] {
        let found = events.iter().filter(|e| e.kind == kind).count();
        assert_eq!(found, times, "{kind}: {events:#?}");
    }
    assert!(!scene.server.log().contains("panicked"), "a panic");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_under_two_names_is_raised_with_sqlite() {
    need!(one_person_under_two_names_is_raised_and_nobody_else(Backend::Embedded).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_under_two_names_is_raised_with_postgresql() {
    need!(one_person_under_two_names_is_raised_and_nobody_else(Backend::Production).await);
}
