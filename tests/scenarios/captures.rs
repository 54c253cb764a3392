//! Live captures over the wire: the simulated subject is let in, what an attacker sends is not, and nothing breaks.
//!
//! The subject is simulated (a head with depth made from a photograph), and so is what is refused: these are statements
//! about the simulation.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use matcher::sample::{Limits, RgbImage};
use matcher::simulation;
use reqwest::multipart;
use serde_json::{Value, json};
use tests::{
    browser::Browser,
    capture_line::{CapturePage, Line, Played, Said, Signer, play},
    missing::{Missing, shared_folder},
    need,
    person::Person,
    relying_party::Ask,
    scene::Scene,
    server::{Backend, Setup},
    stand_in::{StandIn, Studio, jpeg},
    subject::{Subject, form_to},
};
use tokio::{
    io::AsyncWriteExt as _,
    time::{sleep, timeout},
};
use wire::{AuditOutcome, FactorKind};

/// What Ada knows.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Whose face it is about, and somebody else.
const ADA: &str = "Colin_Powell/Colin_Powell_0008.jpg";
const SOMEBODY_ELSE: &str = "George_W_Bush/George_W_Bush_0001.jpg";

/// The face stands without a possession factor only so that the camera is what decides.
const FACE: &str = r#"
[tries]
free = 1000
[policy]
default_acr = "urn:example:acr:face"
[[policy.acr]]
name = "urn:example:acr:face"
any_of = [["password", "face"]]
biometric_alone = true
"#;

/// A demonstration takes pictures from files, beside captures: so that a test of logins need not film an enrolment.
pub(crate) const DEMONSTRATION: &str = r#"
[demo]
enabled = true
[tries]
free = 1000
[policy]
default_acr = "urn:whorl:acr:demo"
[[policy.acr]]
name = "urn:whorl:acr:demo"
any_of = [["password", "face"]]
least_capture = "uploaded"
"#;

/// A provider, and somebody who is to enrol a face.
pub(crate) struct Street {
    pub(crate) scene: Scene,
    pub(crate) person: Person,
    subject: Subject,
    studio: Studio,
    people: PathBuf,
    pub(crate) head: Arc<simulation::Person>,
}

impl Street {
    pub(crate) async fn lay(toml: &str) -> Result<Self, Missing> {
        Self::lay_on(Backend::Embedded, toml).await
    }

    pub(crate) async fn lay_on(backend: Backend, toml: &str) -> Result<Self, Missing> {
        let people = shared_folder()?.join("data/faces/lfw_color");
        let studio = Studio::here()?;
        let head = studio.person(&people.join(ADA)).expect("a head");
        let scene = Scene::set(Setup {
            backend,
            toml,
            faces: true,
        })
        .await?;
        let (_, invitation) = scene.owner.invite("ada").await.expect("an invitation");
        let mut street = Self {
            scene,
            person: Person::new(),
            subject: Subject::default(),
            studio,
            people,
            head,
        };
        street.begin(&invitation).await.expect("an enrolment");
        Ok(street)
    }

    /// Somebody else, as a head of the simulation.
    pub(crate) fn somebody_else(&self) -> Arc<simulation::Person> {
        let photo = self.people.join(SOMEBODY_ELSE);
        self.studio.person(&photo).expect("a head")
    }

    /// Enrols the photograph that the head was made from, and finishes the enrolment.
    pub(crate) async fn enrol_photo(&self) {
        let page = self.scene.server.url("/enrol/face");
        let page = self.person.open(page).await.expect("an answer").page();
        page.expect("the step begins");
        let bytes = std::fs::read(self.people.join(ADA)).expect("a photograph");
        let form = multipart::Form::new();
        let form = form.part("sample", multipart::Part::bytes(bytes).file_name("ada.jpg"));
        let upload = self.scene.server.url("/enrol/face/upload");
        let request = self.person.http().post(upload);
        let request = request.header("origin", &self.scene.server.issuer);
        let answer = request.multipart(form).send().await.expect("an answer");
        assert_eq!(answer.status(), 303, "the photograph is taken");
        self.finish_enrolment().await;
    }

    pub(crate) async fn finish_enrolment(&self) {
        let page = self.scene.server.url("/enrol");
        let page = self.person.open(page).await.expect("an answer").page();
        let form = form_to(&page.expect("a page"), "/enrol/finish").expect("a form");
        self.person.submit(form).await.expect("enrolled");
    }

    /// The photograph that the head was made from.
    pub(crate) fn photo(&self) -> RgbImage {
        let bytes = std::fs::read(self.people.join(ADA)).expect("a photograph");
        RgbImage::decode(&bytes, &Limits::default()).expect("an image")
    }

    /// Forty times a face, in eight columns and five rows.
    fn crowd(&self) -> RgbImage {
        let one = self.photo();
        let (side, columns, rows) = (120, 8, 5);
        let (width, height) = (side * columns, side * rows);
        let mut pixels = Vec::with_capacity(3 * width * height);
        for y in 0..height {
            for x in 0..width {
                let from = (y % side * one.height / side, x % side * one.width / side);
                let at = 3 * (from.0 * one.width + from.1);
                pixels.extend_from_slice(&one.pixels[at..at + 3]);
            }
        }
        RgbImage {
            width,
            height,
            pixels,
        }
    }

    async fn begin(&mut self, invitation: &str) -> anyhow::Result<()> {
        let (person, server) = (&self.person, &self.scene.server);
        self.subject.username = "ada".into();
        self.subject.password = PASSWORD.into();
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

    pub(crate) fn sits(&self, seed: u64) -> StandIn {
        let actor = simulation::Subject::new(self.head.clone(), seed);
        StandIn::new(Box::new(actor))
    }

    pub(crate) async fn enrol_page(&self) -> CapturePage {
        let page = self.scene.server.url("/enrol/face");
        let page = self.person.open(page).await.expect("an answer").page();
        CapturePage::of(&page.expect("a page")).expect("a capture")
    }

    pub(crate) async fn line(&self, person: &Person, capture: &CapturePage) -> Line {
        let origin = &self.scene.server.issuer;
        capture.socket(person, origin).await.expect("a socket")
    }

    /// Sends a message of a capture without a socket.
    pub(crate) async fn post(
        &self,
        person: &Person,
        capture: &CapturePage,
        message: Vec<u8>,
    ) -> reqwest::Response {
        let mut url = capture.base.clone();
        url.set_path(&format!("{}/frame", capture.base.path()));
        url.set_query(Some(&format!("nonce={}", capture.nonce)));
        let request = person.http().post(url);
        let request = request
            .header("origin", &self.scene.server.issuer)
            .header("content-type", "application/vnd.whorl.capture");
        request.body(message).send().await.expect("an answer")
    }

    /// A login that has come as far as the camera.
    pub(crate) async fn login_page(&self, person: &Person) -> CapturePage {
        let begun = self.scene.app.begin(Ask::default());
        let page = person.open(&begun.url).await.expect("an answer").page();
        let page = self.subject.give_password(person, page.expect("a page"));
        CapturePage::of(&page.await.expect("the camera")).expect("a capture")
    }

    /// Ends a capture by its form: whether the person is in.
    pub(crate) async fn ends(&self, person: &Person, capture: &CapturePage) -> bool {
        let page = person.submit(capture.form()).await.expect("an answer");
        let page = page.page().expect("a page");
        form_to(&page, "/consent").is_ok()
    }
}

pub(crate) fn told(what: &str, played: &Played) {
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
    let street = need!(Street::lay(FACE).await);
    let mut enrolled = false;
    for seed in 1..=6 {
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
        let again = street.person.submit_once(capture.form()).await;
        let again = again.expect("an answer").status;
        assert_eq!(again, 410, "a capture ends once");
        let mut late = street.line(&street.person, &capture).await;
        assert_eq!(late.hear().await.expect("a word"), Said::Closed(4410));
        if enrolled {
            break;
        }
    }
    let events = street.scene.owner.audit().await.expect("the audit feed");
    assert!(enrolled, "of six captures none was taken: {events:#?}");
    street.finish_enrolment().await;

    let mut admitted = None;
    for seed in 11..=18 {
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
    let recorded = admitted.unwrap_or_else(|| panic!("of eight nobody was let in: {events:#?}"));

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
    // Of the pictures that were compared then, at least one came again.
    let is_known = |event: &&wire::AuditEvent| {
        let said = |name| event.detail.get(name).map_or("", String::as_str);
        event.kind == "factor.verified"
            && event.factor == Some(FactorKind::Face)
            && event.outcome == AuditOutcome::Refused
            && (said("gate") == "repeated" || said("cues").contains("repeated"))
    };
    let refused = events.iter().find(is_known);
    let refused = refused.unwrap_or_else(|| panic!("no refusal in {events:#?}"));
    println!("recording: {:?}", refused.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_closed_with_a_word_and_nothing_is_lost() {
    let street = need!(Street::lay(FACE).await);
    let mut camera = street.sits(1);
    let jpeg = camera.jpeg(&Value::Null).expect("a picture");
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

    let before_kib = street.scene.server.resident_kib().expect("is told");
    let (_, mut line) = begun().await;
    for _ in 0..10_000 {
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
    let after_kib = street.scene.server.resident_kib().expect("is told");
    let grown_kib = after_kib.saturating_sub(before_kib);
    println!("ten thousand frames: {grown_kib} KiB more, of {after_kib}");
    assert!(grown_kib < 64 << 10, "{grown_kib} KiB more");

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
    begun().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_socket_is_closed_and_holds_nobody_up() {
    let street = need!(Street::lay(FACE).await);
    let capture = street.enrol_page().await;
    let mut silent = street.line(&street.person, &capture).await;
    assert_eq!(silent.hear().await.expect("a word"), Said::Closed(4408));

    // The header of a message of 400 KiB (RFC 6455 §5.2), and then a byte at a time.
    let capture = street.enrol_page().await;
    let mut slow = street.line(&street.person, &capture).await;
    slow.begin().await.expect("an answer");
    let began = Instant::now();
    let mut header = vec![0x82, 0xff];
    header.extend((400_u64 << 10).to_be_bytes());
    header.extend([0; 4]);
    let connection = slow.connection();
    connection.write_all(&header).await.expect("is sent");
    let said = loop {
        let sent = slow.connection().write_all(&[1]).await;
        match timeout(Duration::from_millis(250), slow.hear()).await {
            Ok(said) => break said,
            Err(_) if sent.is_ok() && began.elapsed() < Duration::from_secs(30) => {}
            Err(_) => panic!("a socket is held for {:?}", began.elapsed()),
        }
    };
    assert!(matches!(said, Ok(Said::Closed(4408)) | Err(_)), "{said:?}");
    let capture = street.enrol_page().await;
    let mut next = street.line(&street.person, &capture).await;
    next.begin().await.expect("as ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_capture_is_over() {
    let toml = format!("{FACE}\n[session]\ncapture_s = 2\n");
    let street = need!(Street::lay(&toml).await);
    let capture = street.enrol_page().await;
    let mut signer = Signer::new(&capture.nonce);
    let hello = signer.hello();
    let began = Instant::now();
    loop {
        let status = street
            .post(&street.person, &capture, hello.clone())
            .await
            .status();
        // Once, and then it is no hello any more; both until it expires.
        match status.as_u16() {
            410 => break,
            200 | 400 => {}
            other => panic!("{other}"),
        }
        assert!(began.elapsed() < Duration::from_secs(20), "no end");
        sleep(Duration::from_millis(100)).await;
    }
    assert!(began.elapsed() > Duration::from_millis(1500), "too early");
    let mut late = street.line(&street.person, &capture).await;
    assert_eq!(late.hear().await.expect("a word"), Said::Closed(4410));
    let form = street.person.submit_once(capture.form()).await;
    assert_eq!(form.expect("an answer").status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_will_not_be_filmed_is_shown_the_other_ways() {
    let ways = r#"["password", "face"], ["password", "recovery_code"]"#;
    let toml = DEMONSTRATION.replace(r#"["password", "face"]"#, ways);
    let street = need!(Street::lay(&toml).await);
    let codes = street.scene.server.url("/enrol/recovery_code");
    let codes = street.person.open(codes).await.expect("an answer").page();
    let form = form_to(&codes.expect("codes"), "/enrol/recovery_code").expect("a form");
    let kept = street.person.submit(form.fill("saved", "yes")).await;
    kept.expect("an answer").page().expect("the overview");
    street.enrol_photo().await;
    let person = Person::new();
    let begun = street.scene.app.begin(Ask::default());
    let page = person.open(&begun.url).await.expect("an answer").page();
    let page = street.subject.give_password(&person, page.expect("a page"));
    let mut page = page.await.expect("the second step");
    if !page.body.contains("data-capture") {
        let face = form_to(&page, "/choose").expect("the ways");
        let face = person.submit(face.fill("factor", "face")).await;
        page = face.expect("an answer").page().expect("the camera");
    }
    // The first such form is that of the panel that is offered in place of flashes and movements.
    assert!(page.body.contains("data-panel=\"calm\""), "{page}");
    let ways = form_to(&page, "/choose").expect("another way");
    let ways = person.submit(ways).await.expect("an answer").page();
    let ways = ways.expect("a page");
    assert!(!ways.body.contains("data-capture"), "{ways}");
    assert!(ways.body.contains("recovery_code"), "{ways}");

    // Who asked the system for less motion is shown it first.
    let browser = need!(Browser::here());
    let begun = street.scene.app.begin(Ask::default());
    let arguments = json!({ "url": begun.url, "username": "ada", "secret": PASSWORD });
    let calm = browser.run("calm_login", &arguments).await;
    assert_eq!(calm.expect("the script"), true);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_will_not_be_filmed_and_has_no_other_way_is_told_so() {
    let street = need!(Street::lay(DEMONSTRATION).await);
    street.enrol_photo().await;
    let person = Person::new();
    let begun = street.scene.app.begin(Ask::default());
    let page = person.open(&begun.url).await.expect("an answer").page();
    let page = street.subject.give_password(&person, page.expect("a page"));
    let page = page.await.expect("the camera");
    let ways = form_to(&page, "/choose").expect("another way");
    let ways = person.submit(ways).await.expect("an answer").page();
    let ways = ways.expect("a page");
    assert!(!ways.body.contains("data-capture"), "{ways}");
    assert!(ways.body.contains("There is no other way"), "{ways}");
    // On from there: back to the application, or to the camera after all.
    form_to(&ways, "/cancel").expect("a way out");
    let back = ways.form_with("factor").expect("the camera after all");
    let back = person.submit(back).await.expect("an answer").page();
    CapturePage::of(&back.expect("a page")).expect("the camera");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_before_the_camera_is_asked_to_be_one_person() {
    let street = need!(Street::lay(DEMONSTRATION).await);
    let crowd = jpeg(&street.crowd()).expect("a picture");
    let capture = street.enrol_page().await;
    let mut line = street.line(&street.person, &capture).await;
    line.begin().await.expect("an answer");
    let frame = line.signer.frame(&crowd, 0);
    let said = line.ask(frame).await.expect("a word");
    let Said::Answer(answer) = said else {
        panic!("{said:?}");
    };
    println!("forty faces: {answer}");
    assert_eq!(answer["guidance"], "one_person_only", "{answer}");
    // The same picture as a file.
    let form = multipart::Form::new();
    let form = form.part("sample", multipart::Part::bytes(crowd).file_name("us.jpg"));
    let upload = street.scene.server.url("/enrol/face/upload");
    let request = street.person.http().post(upload);
    let request = request.header("origin", &street.scene.server.issuer);
    let began = Instant::now();
    let answer = request.multipart(form).send().await.expect("an answer");
    println!("forty faces as a file: {:?}", began.elapsed());
    assert_eq!(answer.status(), 303);
    assert_eq!(answer.headers()["location"], "/enrol/face", "not enrolled");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_picture_reaches_a_log_however_much_is_logged() {
    let toml = format!("{FACE}\n[log]\nlevel = \"trace\"\n");
    let street = need!(Street::lay(&toml).await);
    let mut camera = street.sits(1);
    let mut pictures = Vec::new();
    let capture = street.enrol_page().await;
    let mut line = street.line(&street.person, &capture).await;
    line.begin().await.expect("an answer");
    for _ in 0..3 {
        let jpeg = camera.jpeg(&Value::Null).expect("a picture");
        let frame = line.signer.frame(&jpeg, 0);
        let said = line.ask(frame).await.expect("a word");
        assert!(matches!(said, Said::Answer(_)), "{said:?}");
        pictures.push(jpeg);
    }
    // What is refused is what is likeliest to be written down.
    let jpeg = camera.jpeg(&Value::Null).expect("a picture");
    let mut forged = line.signer.frame(&jpeg, 0);
    *forged.last_mut().expect("bytes") ^= 1;
    let said = line.ask(forged).await.expect("a word");
    assert_eq!(said, Said::Closed(4401));
    pictures.push(jpeg);
    let capture = street.enrol_page().await;
    let mut signer = Signer::new(&capture.nonce);
    let jpeg = camera.jpeg(&Value::Null).expect("a picture");
    for message in [signer.hello(), signer.frame(&jpeg, 0)] {
        let answer = street.post(&street.person, &capture, message).await;
        assert_eq!(answer.status(), 200);
    }
    pictures.push(jpeg);

    let log = street.scene.server.raw_log();
    let text = String::from_utf8_lossy(&log);
    assert!(
        text.contains("/enrol/face/socket"),
        "is anything logged? {text}"
    );
    for jpeg in &pictures {
        assert!(jpeg.len() > 5_000, "a picture");
        // From the middle: no header that other files have, too.
        for at in [jpeg.len() / 3, jpeg.len() / 2] {
            for (how, needle) in writings(&jpeg[at..at + 24]) {
                let found = log.windows(needle.len()).any(|part| part == needle);
                assert!(!found, "a picture is in the log, as {how}");
            }
        }
    }
}

/// How bytes are written in a log.
fn writings(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let each = |write: fn(&u8) -> String, between: &str| {
        let all: Vec<String> = bytes.iter().map(write).collect();
        all.join(between).into_bytes()
    };
    let base64 = |skip: usize| {
        let text = STANDARD_NO_PAD.encode(&bytes[skip..]);
        // The last letters also hold what follows.
        text.as_bytes()[..text.len() - 4].to_vec()
    };
    vec![
        ("bytes", bytes.to_vec()),
        ("hex", each(|b| format!("{b:02x}"), "")),
        ("HEX", each(|b| format!("{b:02X}"), "")),
        ("numbers", each(u8::to_string, ", ")),
        ("base64", base64(0)),
        ("base64", base64(1)),
        ("base64", base64(2)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_socket_opens_the_same_messages_go_by_post() {
    let street = need!(Street::lay(DEMONSTRATION).await);
    let capture = street.enrol_page().await;
    let mut camera = street.sits(1);
    let mut signer = Signer::new(&capture.nonce);
    let post = async |body: Vec<u8>| street.post(&street.person, &capture, body).await;
    let hello = post(signer.hello()).await;
    assert_eq!(hello.status(), 200);
    let jpeg = camera.jpeg(&Value::Null).expect("a picture");
    let frame = signer.frame(&jpeg, 0);
    let said = post(frame.clone()).await;
    let answer: Value = said.json().await.expect("JSON");
    assert_eq!(answer["type"], "step", "{answer}");
    assert_eq!(post(frame).await.status(), 400, "a repeated frame");
    // Nobody enrols a face without an invitation that is open in this browser.
    let stranger = Person::new();
    let form = stranger
        .submit_once(capture.form())
        .await
        .expect("an answer");
    assert_eq!(form.status, 410, "{form}");

    street.enrol_photo().await;
    let mut is_in = false;
    for seed in 31..=38 {
        let person = Person::new();
        let capture = street.login_page(&person).await;
        let mut signer = Signer::new(&capture.nonce);
        let mut camera = street.sits(seed);
        let ask = async |message: Vec<u8>| {
            let answer = street.post(&person, &capture, message).await;
            Ok(Said::Answer(answer.error_for_status()?.json().await?))
        };
        let played = play(&mut signer, ask, |screen| camera.jpeg(screen)).await;
        told("by POST", &played.expect("an end"));
        is_in = street.ends(&person, &capture).await;
        if is_in {
            break;
        }
    }
    assert!(is_in, "of eight captures by POST none was let in");
}
