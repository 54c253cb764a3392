//! Live captures over the wire: the simulated subject is let in, what an attacker sends is not, and nothing breaks.
//!
//! The subject is simulated (a head with depth made from a photograph), and so is what is refused: these are statements
//! about the simulation.

use std::time::Duration;

use tests::{
    capture_line::{CapturePage, Line, Played, Said},
    missing::{Missing, shared_folder},
    need,
    person::Person,
    relying_party::Ask,
    scene::Scene,
    server::{Backend, Setup},
    stand_in::{StandIn, Studio},
    subject::{Subject, form_to},
};
use wire::{AuditOutcome, FactorKind};

/// The face stands without a possession factor only so that the camera is what decides.
const FACE: &str = r#"
[policy]
default_acr = "urn:example:acr:face"
[[policy.acr]]
name = "urn:example:acr:face"
any_of = [["password", "face"]]
biometric_alone = true
"#;

/// A provider, and somebody who is to enrol a face.
struct Street {
    scene: Scene,
    person: Person,
    subject: Subject,
    head: std::sync::Arc<matcher::simulation::Person>,
}

impl Street {
    async fn lay() -> Result<Self, Missing> {
        let photo =
            shared_folder()?.join("data/faces/lfw_color/Colin_Powell/Colin_Powell_0008.jpg");
        let head = Studio::here()?.person(&photo).expect("a head");
        let scene = Scene::set(Setup {
            backend: Backend::Embedded,
            toml: FACE,
            faces: true,
        })
        .await?;
        let (_, invitation) = scene.owner.invite("ada").await.expect("an invitation");
        let mut street = Self {
            scene,
            person: Person::new(),
            subject: Subject::default(),
            head,
        };
        street.begin(&invitation).await.expect("an enrolment");
        Ok(street)
    }

    async fn begin(&mut self, invitation: &str) -> anyhow::Result<()> {
        let (person, server) = (&self.person, &self.scene.server);
        self.subject.username = "ada".into();
        self.subject.password = "correct horse battery staple".into();
        let page = person.open(invitation).await?.page()?;
        person.submit(page.form_with("token")?).await?.page()?;
        let page = person.open(server.url("/enrol/consent")).await?.page()?;
        let form = page.form_with("version")?.fill("decision", "grant");
        person.submit(form).await?.page()?;
        let page = person.open(server.url("/enrol/password")).await?.page()?;
        let form = page.form_with("password_again")?;
        let form = form
            .fill("password", &self.subject.password)
            .fill("password_again", &self.subject.password);
        person.submit(form).await?.page().map(drop)
    }

    fn sits(&self, seed: u64) -> StandIn {
        let actor = matcher::simulation::Subject::new(self.head.clone(), seed);
        StandIn::new(Box::new(actor))
    }

    async fn enrol_page(&self) -> CapturePage {
        let page = self.scene.server.url("/enrol/face");
        let page = self.person.open(page).await.expect("an answer").page();
        CapturePage::of(&page.expect("a page")).expect("a capture")
    }

    async fn line(&self, person: &Person, capture: &CapturePage) -> Line {
        let origin = &self.scene.server.issuer;
        capture.socket(person, origin).await.expect("a socket")
    }

    /// A login that has come as far as the camera.
    async fn login_page(&self, person: &Person) -> CapturePage {
        let begun = self.scene.app.begin(Ask::default());
        let page = person.open(&begun.url).await.expect("an answer").page();
        let page = self.subject.give_password(person, page.expect("a page"));
        CapturePage::of(&page.await.expect("the camera")).expect("a capture")
    }

    /// Ends a capture by its form: whether the person is in.
    async fn ends(&self, person: &Person, capture: &CapturePage) -> bool {
        let page = person.submit(capture.form()).await.expect("an answer");
        let page = page.page().expect("a page");
        form_to(&page, "/consent").is_ok()
    }
}

fn told(what: &str, played: &Played) {
    let (median, longest) = played.latency();
    println!(
        "{what}: {:.1} s, {} frames, answers after {} ms (median), {} ms (longest); {:?}",
        played.took.as_secs_f64(),
        played.pictures.len(),
        median.as_millis(),
        longest.as_millis(),
        played.guidance
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_simulated_subject_enrols_and_signs_in_and_its_recording_does_not() {
    let street = need!(Street::lay().await);
    let server = &street.scene.server;
    let mut enrolled = false;
    for seed in 1..=3 {
        let capture = street.enrol_page().await;
        let mut line = street.line(&street.person, &capture).await;
        let played = line.film(&mut street.sits(seed)).await.expect("an end");
        told("enrolment", &played);
        let page = street
            .person
            .submit(capture.form())
            .await
            .expect("an answer");
        enrolled = page.page().expect("a page").url.path() == "/enrol";
        if enrolled {
            break;
        }
    }
    let events = street.scene.owner.audit().await.expect("the audit feed");
    assert!(enrolled, "of three captures none was taken: {events:#?}");
    let page = street
        .person
        .open(server.url("/enrol"))
        .await
        .expect("an answer");
    let form = form_to(&page.page().expect("a page"), "/enrol/finish").expect("a form");
    street.person.submit(form).await.expect("enrolled");

    let mut admitted = None;
    for seed in 11..=13 {
        let person = Person::new();
        let capture = street.login_page(&person).await;
        let mut line = street.line(&person, &capture).await;
        let played = line.film(&mut street.sits(seed)).await.expect("an end");
        told("login", &played);
        if street.ends(&person, &capture).await {
            admitted = Some(played);
            break;
        }
    }
    let events = street.scene.owner.audit().await.expect("the audit feed");
    let recorded = admitted.unwrap_or_else(|| panic!("of three nobody was let in: {events:#?}"));

    // The same pictures once more, for whatever is asked this time.
    let person = Person::new();
    let capture = street.login_page(&person).await;
    let mut line = street.line(&person, &capture).await;
    let mut pictures = recorded.pictures.iter().cycle();
    let replayed = line
        .play(|_| Ok(pictures.next().expect("a picture").clone()))
        .await
        .expect("an end");
    told("recording", &replayed);
    assert!(
        !street.ends(&person, &capture).await,
        "a recording was let in"
    );
    let events = street.scene.owner.audit().await.expect("the audit feed");
    let refused = events.iter().find(|event| {
        event.kind == "factor.verified"
            && event.factor == Some(FactorKind::Face)
            && event.outcome == AuditOutcome::Refused
            && ["presentation_attack", "repeated"]
                .contains(&event.detail.get("gate").map_or("", String::as_str))
    });
    let refused = refused.unwrap_or_else(|| panic!("no refusal in {events:#?}"));
    println!("recording: {:?}", refused.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_closed_with_a_word_and_nothing_is_lost() {
    let street = need!(Street::lay().await);
    let mut camera = street.sits(1);
    let jpeg = camera.jpeg(&serde_json::Value::Null).expect("a picture");
    let begun = async || {
        let capture = street.enrol_page().await;
        let mut line = street.line(&street.person, &capture).await;
        line.begin().await.expect("an answer");
        (capture, line)
    };

    let (_, mut line) = begun().await;
    line.text("{}").await.expect("is sent");
    assert_eq!(
        line.hear().await.expect("a word"),
        Said::Closed(1003),
        "text"
    );

    let (_, mut line) = begun().await;
    let said = line.ask(vec![9; 100]).await.expect("a word");
    assert_eq!(said, Said::Closed(4400), "no message of ours");

    let (_, mut line) = begun().await;
    let mut forged = line.signer.frame(&jpeg, 0);
    *forged.last_mut().expect("bytes") ^= 1;
    let said = line.ask(forged).await.expect("a word");
    assert_eq!(said, Said::Closed(4401), "a changed picture");

    let (_, mut line) = begun().await;
    let (_one, two) = (line.signer.frame(&jpeg, 0), line.signer.frame(&jpeg, 0));
    let said = line.ask(two).await.expect("a word");
    assert_eq!(said, Said::Closed(4402), "reordered");

    let (_, mut line) = begun().await;
    let one = line.signer.frame(&jpeg, 0);
    let answered = line.ask(one.clone()).await.expect("a word");
    assert!(matches!(answered, Said::Answer(_)), "{answered:?}");
    let said = line.ask(one).await.expect("a word");
    assert_eq!(said, Said::Closed(4402), "repeated");

    let (_, mut line) = begun().await;
    let broken = line.signer.frame(&jpeg[..100], 0);
    let said = line.ask(broken).await.expect("a word");
    assert_eq!(said, Said::Closed(4422), "cut short");

    let (_, mut line) = begun().await;
    for _ in 0..200 {
        let frame = line.signer.frame(&jpeg, 0);
        if line.send(frame).await.is_err() {
            break;
        }
    }
    let mut last = line.hear().await;
    while matches!(last, Ok(Said::Answer(_))) {
        last = line.hear().await;
    }
    // Where frames still come in, the connection may end before its word is heard.
    assert!(matches!(last, Ok(Said::Closed(4429)) | Err(_)), "{last:?}");

    let (_, mut line) = begun().await;
    let _ended = line.send(vec![1; 600 << 10]).await;
    let said = line.hear().await;
    assert!(matches!(said, Ok(Said::Closed(1009)) | Err(_)), "{said:?}");

    let (capture, first) = begun().await;
    let mut second = street.line(&street.person, &capture).await;
    assert_eq!(
        second.hear().await.expect("a word"),
        Said::Closed(4409),
        "two"
    );
    drop(first);

    let (capture, _line) = begun().await;
    let elsewhere = capture.socket(&street.person, "https://evil.example").await;
    assert!(elsewhere.is_err(), "from another site");
    let stranger = capture
        .socket(&Person::new(), &street.scene.server.issuer)
        .await;
    assert!(stranger.is_err(), "from another browser");

    // After all that the next capture is like the first.
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_socket_opens_the_same_messages_go_by_post() {
    let street = need!(Street::lay().await);
    let capture = street.enrol_page().await;
    let mut camera = street.sits(1);
    let mut signer = tests::capture_line::Signer::new(&capture.nonce);
    let post = async |body: Vec<u8>| {
        let mut url = capture.base.clone();
        url.set_path("/enrol/face/frame");
        url.set_query(Some(&format!("nonce={}", capture.nonce)));
        let request = street.person.http().post(url);
        let request = request
            .header("origin", &street.scene.server.issuer)
            .header("content-type", "application/vnd.whorl.capture");
        request.body(body).send().await.expect("an answer")
    };
    let hello = post(signer.hello()).await;
    assert_eq!(hello.status(), 200);
    let jpeg = camera.jpeg(&serde_json::Value::Null).expect("a picture");
    let frame = signer.frame(&jpeg, 0);
    let said = post(frame.clone()).await;
    let answer: serde_json::Value = said.json().await.expect("JSON");
    assert_eq!(answer["type"], "step", "{answer}");
    assert_eq!(post(frame).await.status(), 400, "a repeated frame");
    // Nobody enrols a face without an invitation that is open in this browser.
    let stranger = Person::new();
    let form = stranger
        .submit_once(capture.form())
        .await
        .expect("an answer");
    assert_eq!(form.status, 410, "{form}");
}
