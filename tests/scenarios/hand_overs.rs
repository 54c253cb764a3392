//! A step of a login that is handed over to the person's phone: what the phone may do, and all that it may not.

use std::path::Path;

use futures_util::future::join_all;
use reqwest::{
    StatusCode,
    multipart::{Form as Parts, Part},
};
use serde_json::{Value, json};
use tests::{
    browser::Browser,
    missing::Missing,
    need,
    person::{Page, Person},
    qr,
    relying_party::{Ask, Begun},
    scene::Scene,
    server::Backend,
    stand_in::Camera,
    subject::{allow, form_to},
};
use url::Url;
use wire::AuditOutcome;

use crate::captures::{DEMONSTRATION, PASSWORD, Street};
use crate::samples::{DEMO, Willing};

/// A provider, Ada with a password and a face, and her desk, which has no camera.
struct Office {
    willing: Willing,
    desk: Person,
    begun: Begun,
    camera: Page,
}

impl Office {
    async fn open(backend: Backend) -> Result<Self, Missing> {
        let willing = Willing::under(backend, DEMO).await?;
        willing.enrol_face(1).await.expect("a face");
        willing.finish().await.expect("enrolled");
        let (desk, begun) = (Person::new(), willing.scene.app.begin(Ask::default()));
        let page = desk.open(&begun.url).await.expect("an answer").page();
        let page = willing.subject.give_password(&desk, page.expect("a page"));
        let camera = page.await.expect("the camera");
        Ok(Self {
            willing,
            desk,
            begun,
            camera,
        })
    }

    fn scene(&self) -> &Scene {
        &self.willing.scene
    }

    /// The page with the code, after its button.
    async fn hands_over(&self) -> Page {
        let form = form_to(&self.camera, "/phone").expect("the way to the phone");
        let page = self.desk.submit(form).await.expect("an answer");
        page.page().expect("a page")
    }

    /// The page at the desk, as it is now.
    async fn looks(&self) -> Page {
        let page = format!("{}/phone", self.camera.url);
        let arrival = self.desk.open(page).await.expect("an answer");
        arrival.page().expect("a page")
    }

    async fn state(&self, since: &str) -> String {
        let url = format!("{}/phone/state?since={since}", self.camera.url);
        let answer = self.desk.http().get(url).send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        answer["state"].as_str().expect("a state").to_owned()
    }

    /// Shows a picture of somebody to the phone.
    async fn shows(&self, phone: &Person, whose: &str, number: u32) -> Page {
        let name = format!("{whose}_{number:04}.jpg");
        let bytes = std::fs::read(self.willing.people.join(whose).join(&name));
        let part = Part::bytes(bytes.expect("a picture")).file_name(name);
        let to = self.scene().server.url("/phone/face/upload");
        let request = phone.http().post(to);
        let request = request.header("origin", &self.scene().server.issuer);
        let answer = request.multipart(Parts::new().part("sample", part)).send();
        let answer = answer.await.expect("an answer");
        let to = match answer.status() {
            StatusCode::SEE_OTHER => self.scene().server.url("/phone"),
            status => {
                return Page {
                    url: answer.url().clone(),
                    status,
                    headers: answer.headers().clone(),
                    body: answer.text().await.expect("a body"),
                };
            }
        };
        phone.open_once(to).await.expect("an answer")
    }
}

/// A phone that opened this link, and what it shows.
async fn phone(link: &str) -> (Person, Page) {
    let phone = Person::new();
    let page = phone.open(link).await.expect("an answer");
    let page = page.page().expect("a page");
    (phone, page)
}

fn number(page: &Page) -> String {
    let shown = page.texts(".matching");
    shown.first().expect("a number").clone()
}

/// Another number of two digits.
fn another(number: &str) -> String {
    let number: u32 = number.parse().expect("a number");
    (10 + (number - 10 + 1) % 90).to_string()
}

async fn says(phone: &Person, page: &Page, number: &str) -> Page {
    let form = form_to(page, "/phone/number").expect("the number is asked");
    let arrival = phone.submit(form.fill("number", number)).await;
    arrival.expect("an answer").page().expect("a page")
}

fn is_camera(page: &Page) -> bool {
    page.attribute("[data-capture]", "data-base").as_deref() == Some("/phone/face")
}

/// Refused as a link is that leads nowhere.
fn is_over(page: &Page) -> bool {
    page.status == StatusCode::GONE && page.body.contains("This link has ended")
}

async fn a_phone_does_one_step(backend: Backend) {
    let office = need!(Office::open(backend).await);
    let shown = office.hands_over().await;
    let (number, link) = (number(&shown), qr::on_page(&shown).expect("a code"));
    assert!((10..100).contains(&number.parse::<u32>().expect("two digits")));
    let secret = link.rsplit('/').next().expect("a secret").to_owned();
    assert_eq!(secret.len(), 43, "256 bits: {link}");
    // Loaded again, as a browser without scripts does, it is the same code.
    let again = office.looks().await;
    assert_eq!(qr::on_page(&again).expect("a code"), link);
    assert!(again.body.contains("http-equiv=\"refresh\""), "{again}");
    assert_eq!(office.state("").await, "waiting");

    // A browser that looks ahead uses nothing up.
    let ahead = Person::new()
        .http()
        .get(&link)
        .header("sec-purpose", "prefetch;prerender");
    assert_eq!(
        ahead.send().await.expect("an answer").status(),
        StatusCode::GONE
    );
    let looked = Person::new().http().head(&link).send().await;
    assert_eq!(looked.expect("an answer").status(), StatusCode::GONE);
    let (mine, asked) = phone(&link).await;
    assert!(!asked.url.as_str().contains(&secret), "{}", asked.url);
    let text = asked.texts("main").concat();
    for told in ["Tests' application", "This computer", "Just now"] {
        assert!(text.contains(told), "{told}: {asked}");
    }
    assert!(!text.contains(&number) && !text.contains("ada"), "{asked}");
    assert_eq!(office.state("waiting").await, "opened");
    let (_, late) = phone(&link).await;
    assert!(is_over(&late), "a link is opened once: {late}");

    // Before the number is said, and after a wrong one, nothing is looked at.
    assert!(is_over(&office.shows(&mine, "Colin_Powell", 5).await));
    let wrong = says(&mine, &asked, &another(&number)).await;
    assert!(wrong.body.contains("That is another number"), "{wrong}");
    assert!(is_over(&office.shows(&mine, "Colin_Powell", 5).await));
    let camera = says(&mine, &wrong, &number).await;
    assert!(is_camera(&camera), "{camera}");
    assert_eq!(office.state("opened").await, "confirmed");

    // Somebody else's face is not hers, wherever it is shown.
    let refused = office.shows(&mine, "George_W_Bush", 1).await;
    assert!(
        is_camera(&refused) && refused.body.contains("We could not recognise you"),
        "{refused}"
    );
    assert_eq!(office.state("").await, "confirmed");
    let done = office.shows(&mine, "Colin_Powell", 5).await;
    assert!(done.body.contains("Go back to the other device"), "{done}");
    assert_eq!(office.state("confirmed").await, "done");
    assert!(
        is_over(&office.shows(&mine, "Colin_Powell", 7).await),
        "once"
    );

    // The phone has neither a session nor the attempt.
    let here = office.scene().server.url("/");
    let cookies = mine.cookies(&here);
    assert!(
        cookies.len() == 1 && cookies[0].starts_with("whorl_phone="),
        "{cookies:?}"
    );
    let stranger = mine.open_once(&office.camera.url).await.expect("an answer");
    assert_eq!(stranger.status, StatusCode::FORBIDDEN);
    let silent = [("prompt", "none")];
    let begun = office.scene().app.begin(Ask {
        extra: &silent,
        ..Ask::default()
    });
    let told = mine.open(&begun.url).await.expect("an answer").elsewhere();
    assert!(told.expect("told").as_str().contains("login_required"));

    // The desk goes on by itself.
    let page = format!("{}/phone", office.camera.url);
    let arrival = office.desk.open(page).await.expect("an answer");
    let back = allow(&office.desk, arrival)
        .await
        .expect("at the application");
    let Office { willing, begun, .. } = office;
    let login = willing
        .scene
        .app
        .finish(begun, &back)
        .await
        .expect("signed in");
    assert!(
        login.amr().contains(&"face".to_owned()),
        "{:?}",
        login.amr()
    );
    let still = mine.open_once(willing.scene.server.url("/phone")).await;
    assert!(
        still
            .expect("an answer")
            .body
            .contains("Go back to the other device")
    );
    let events = willing.scene.owner.audit().await.expect("the trail");
    let kinds: Vec<_> = events
        .iter()
        .filter(|it| it.kind.starts_with("hand_over."))
        .collect();
    let kinds: Vec<_> = kinds.iter().map(|it| it.kind.as_str()).collect();
    let expected = ["began", "opened", "confirmed", "confirmed", "done"];
    assert_eq!(kinds, expected.map(|it| format!("hand_over.{it}")));
}

async fn a_number_is_guessed_three_times(backend: Backend) {
    let office = need!(Office::open(backend).await);
    let shown = office.hands_over().await;
    let (right, link) = (number(&shown), qr::on_page(&shown).expect("a code"));
    let (mine, asked) = phone(&link).await;
    // Twenty at once, none of them right.
    let url = office.scene().server.url("/phone/number");
    let wrong = (10..100)
        .map(|n| n.to_string())
        .filter(|n| *n != right)
        .take(20);
    let tries = wrong.map(|n| {
        let request = mine.http().post(url.clone()).form(&[("number", n)]);
        request
            .header("origin", &office.scene().server.issuer)
            .send()
    });
    for answer in join_all(tries).await {
        assert!(!answer.expect("an answer").status().is_server_error());
    }
    let events = office.scene().owner.audit().await.expect("the trail");
    let compared = events.iter().filter(|it| it.kind == "hand_over.confirmed");
    let refused = compared
        .filter(|it| it.outcome == AuditOutcome::Refused)
        .count();
    assert_eq!(refused, 3, "three are compared and no more");
    assert!(
        is_over(&says(&mine, &asked, &right).await),
        "the right one comes too late"
    );
    assert_eq!(office.state("").await, "ended");

    // The desk makes a new code; the old one, and the old phone, are good for nothing.
    let ended = office.looks().await;
    assert!(ended.texts("svg.qr").is_empty(), "{ended}");
    let form = form_to(&ended, "/phone").expect("a new code");
    let shown = office
        .desk
        .submit(form)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    let newer = qr::on_page(&shown).expect("a code");
    assert_ne!(newer, link);
    assert!(is_over(&phone(&link).await.1), "a link that was replaced");
    assert!(is_over(
        &mine
            .open_once(office.scene().server.url("/phone"))
            .await
            .expect("an answer")
    ));

    // Who opens it and says no ends it.
    let (other, asked) = phone(&newer).await;
    let no = form_to(&asked, "/phone/stop").expect("a way to say no");
    let stopped = other
        .submit(no)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    assert!(stopped.body.contains("Nothing was allowed"), "{stopped}");
    assert_eq!(office.state("opened").await, "ended");
    assert!(is_over(&says(&other, &asked, &number(&shown)).await));

    // A login has so many codes and no more.
    let mut made = 2;
    loop {
        let form = form_to(&office.camera, "/phone").expect("the way to the phone");
        let page = office
            .desk
            .submit(form)
            .await
            .expect("an answer")
            .page()
            .expect("a page");
        if page.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        made += 1;
        assert!(made < 20, "no end of codes");
    }
    assert_eq!(made, 5);
}

async fn a_phone_is_left_behind(backend: Backend) {
    let office = need!(Office::open(backend).await);
    let shown = office.hands_over().await;
    let (mine, asked) = phone(&qr::on_page(&shown).expect("a code")).await;
    // From another site, and from another browser, nothing is told or taken.
    let number_at = office.scene().server.url("/phone/number");
    let forged = mine
        .http()
        .post(number_at)
        .header("origin", "https://evil.example");
    let forged = forged.form(&[("number", number(&shown))]).send().await;
    assert_eq!(forged.expect("an answer").status(), StatusCode::FORBIDDEN);
    for path in ["phone", "phone/state?since=waiting"] {
        let url = format!("{}/{path}", office.camera.url);
        let page = Person::new().open_once(&url).await.expect("an answer");
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}");
        assert!(page.texts("svg.qr").is_empty(), "{page}");
    }
    let camera = says(&mine, &asked, &number(&shown)).await;
    assert!(is_camera(&camera), "{camera}");
    // The person gives the login up at the desk.
    let cancel = form_to(&shown, "/cancel").expect("a way out");
    let back = office
        .desk
        .submit(cancel)
        .await
        .expect("an answer")
        .elsewhere();
    assert!(back.expect("told").as_str().contains("access_denied"));
    assert!(
        is_over(&office.shows(&mine, "Colin_Powell", 5).await),
        "of a login that is over"
    );
    assert!(is_over(
        &mine
            .open_once(office.scene().server.url("/phone"))
            .await
            .expect("an answer")
    ));

    // What was for one login is nothing in another one, nor is the phone's page in a browser that opened no link.
    let desk = Person::new();
    let begun = office.scene().app.begin(Ask::default());
    let page = desk.open(&begun.url).await.expect("an answer").page();
    let page = office
        .willing
        .subject
        .give_password(&desk, page.expect("a page"))
        .await
        .expect("the camera");
    let base = page.url.path().trim_start_matches('/').to_owned();
    let (own, other) = ([("factor", "face")], [("nonce", "x")]);
    for (path, fields) in [("phone", &own), ("choose", &own), ("face", &other)] {
        let to = office.scene().server.url(&format!("/{base}/{path}"));
        let form = tests::person::Form::forged(to, fields);
        let answer = mine.submit(form).await.expect("an answer");
        let page = answer.page().expect("a page");
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{path}: {page}");
    }
    let page = desk.open_once(office.scene().server.url("/phone")).await;
    assert!(is_over(&page.expect("an answer")));

    // Before anything is proved at the desk, no step is handed over, and none but the camera's.
    let desk = Person::new();
    let begun = office.scene().app.begin(Ask::default());
    let page = desk
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    let page = office
        .willing
        .subject
        .identify(&desk, page)
        .await
        .expect("the password");
    let to: Url = format!("{}/phone", page.url).parse().expect("a URL");
    let form = tests::person::Form::forged(to, &[]);
    let page = desk
        .submit(form)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    assert!(
        page.form_with("password").is_ok() && page.texts("svg.qr").is_empty(),
        "{page}"
    );
    let events = office.scene().owner.audit().await.expect("the trail");
    assert_eq!(
        events
            .iter()
            .filter(|it| it.kind == "hand_over.began")
            .count(),
        1
    );
}

/// Two tests of one scenario, with either backend.
macro_rules! with_both {
    ($(mod $name:ident = $scenario:ident;)+) => {
        $(mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn embedded() {
                $scenario(Backend::Embedded).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn production() {
                $scenario(Backend::Production).await;
            }
        })+
    };
}

with_both! {
    mod a_phone_does_one_step_of_one_login_and_has_nothing_else = a_phone_does_one_step;
    mod a_number_is_guessed_three_times_whatever_comes_at_once = a_number_is_guessed_three_times;
    mod a_phone_is_left_behind_where_the_login_goes_on_or_ends = a_phone_is_left_behind;
}

/// Where the camera comes first, nobody at the desk has proved anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_face_alone_is_not_fetched_from_a_distance() {
    let toml = DEMO.replace(r#"["password", "face"]"#, r#"["face", "password"]"#);
    let willing = need!(Willing::under(Backend::Embedded, &toml).await);
    willing.enrol_face(1).await.expect("a face");
    willing.finish().await.expect("enrolled");
    let desk = Person::new();
    let begun = willing.scene.app.begin(Ask::default());
    let page = desk
        .open(&begun.url)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    let form = page
        .form_with("username")
        .expect("a form")
        .fill("username", "ada");
    let page = desk
        .submit(form)
        .await
        .expect("an answer")
        .page()
        .expect("a page");
    assert!(
        page.attribute("[data-capture]", "data-base").is_some(),
        "the camera comes first: {page}"
    );
    assert!(form_to(&page, "/phone").is_err(), "{page}");
    let to: Url = format!("{}/phone", page.url).parse().expect("a URL");
    let page = desk.submit(tests::person::Form::forged(to, &[])).await;
    let page = page.expect("an answer").page().expect("a page");
    assert!(
        page.texts("svg.qr").is_empty() && page.url.path().starts_with("/login/"),
        "{page}"
    );
}

/// A desk without a camera and a phone with one, in two browsers: the pages as people see them.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_a_camera_shows_the_face_to_the_phone() {
    let browser = need!(Browser::here());
    let axe = need!(tests::browser::axe());
    let street = need!(Street::lay(DEMONSTRATION).await);
    street.enrol_photo().await;
    let camera = Camera::of(street.sits(21)).await;
    let begun = street.scene.app.begin(Ask::default());
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hand-over");
    let arguments = json!({
        "url": begun.url, "username": "ada", "secret": PASSWORD, "actor": camera.url, "reader": qr::reader().await,
        "axe": std::fs::read_to_string(axe).expect("axe"), "screenshots": shots, "application": "http://localhost:1/",
    });
    let answer = browser.run("hand_over", &arguments).await;
    let answer = answer.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{answer}; pictures in {}", shots.display());
    assert_eq!(answer["found"], json!([]), "what is wrong with the pages");
    let back: Url = answer["back"]
        .as_str()
        .expect("an address")
        .parse()
        .expect("a URL");
    let login = street
        .scene
        .app
        .finish(begun, &back)
        .await
        .expect("signed in");
    assert!(
        login.amr().contains(&"face".to_owned()),
        "{:?}",
        login.amr()
    );
    assert!(camera.frames() > 3, "the phone filmed");
}
