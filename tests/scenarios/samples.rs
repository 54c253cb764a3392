//! Samples where they do not belong: an old template put back, a capture shown to another attempt.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use reqwest::{
    StatusCode,
    multipart::{Form, Part},
};
use tests::{
    capture_line::Signer,
    missing::{Missing, shared_folder},
    need,
    person::{Page, Person},
    relying_party::Ask,
    scene::Scene,
    server::{Backend, Setup},
    subject::{Subject, form_to},
};
use url::Url;
use wire::SubjectId;

/// Uploaded samples count, as they do only in a demonstration.
pub(super) const DEMO: &str = r#"
[demo]
enabled = true
[policy]
default_acr = "urn:whorl:acr:demo"
[[policy.acr]]
name = "urn:whorl:acr:demo"
any_of = [["password", "face"]]
least_capture = "uploaded"
"#;

/// Somebody who has a password, and agreed to biometrics.
pub(super) struct Willing {
    pub(super) scene: Scene,
    /// Whom the operators know.
    pub(super) id: SubjectId,
    enrolling: Person,
    pub(super) subject: Subject,
    pub(super) people: PathBuf,
}

impl Willing {
    async fn person() -> Result<Self, Missing> {
        Self::under(Backend::Embedded, DEMO).await
    }

    pub(super) async fn under(backend: Backend, toml: &str) -> Result<Self, Missing> {
        let people = shared_folder()?.join("data/faces/lfw_color");
        let setup = Setup {
            backend,
            toml,
            faces: true,
        };
        let scene = Scene::set(setup).await?;
        let (id, invitation) = scene.owner.invite("ada").await.expect("an invitation");
        let mut willing = Self {
            scene,
            id,
            enrolling: Person::new(),
            subject: Subject::default(),
            people,
        };
        willing.begin(&invitation).await.expect("an enrolment");
        Ok(willing)
    }

    async fn begin(&mut self, invitation: &str) -> anyhow::Result<()> {
        let person = &self.enrolling;
        self.subject.username = "ada".into();
        self.subject.password = "correct horse battery staple".into();
        let page = person.open(invitation).await?.page()?;
        person.submit(page.form_with("token")?).await?.page()?;
        let page = person.open(self.scene.server.url("/enrol/consent")).await?;
        let form = page.page()?.form_with("version")?.fill("decision", "grant");
        person.submit(form).await?.page()?;
        let page = person
            .open(self.scene.server.url("/enrol/password"))
            .await?;
        let form = page.page()?.form_with("password_again")?;
        let form = form
            .fill("password", &self.subject.password)
            .fill("password_again", &self.subject.password);
        person.submit(form).await?.page().map(drop)
    }

    pub(super) async fn finish(&self) -> anyhow::Result<()> {
        let page = self.enrolling.open(self.scene.server.url("/enrol")).await?;
        let form = form_to(&page.page()?, "/enrol/finish")?;
        let done = self.enrolling.submit(form).await?.page()?;
        anyhow::ensure!(done.body.contains("You are all set"), "{done}");
        Ok(())
    }

    /// Sends one of a person's pictures as a sample.
    async fn upload(&self, person: &Person, to: Url, number: u32) -> anyhow::Result<StatusCode> {
        let name = format!("Colin_Powell_{number:04}.jpg");
        let bytes = std::fs::read(self.people.join("Colin_Powell").join(&name))?;
        let form = Form::new().part("sample", Part::bytes(bytes).file_name(name));
        let request = person.http().post(to);
        let request = request.header("origin", &self.scene.server.issuer);
        Ok(request.multipart(form).send().await?.status())
    }

    pub(super) async fn enrol_face(&self, number: u32) -> anyhow::Result<()> {
        // As a person does: the page is what begins the step.
        let page = self.scene.server.url("/enrol/face");
        self.enrolling.open(page).await?.page()?;
        let to = self.scene.server.url("/enrol/face/upload");
        let status = self.upload(&self.enrolling, to, number).await?;
        anyhow::ensure!(status == StatusCode::SEE_OTHER, "{status}");
        Ok(())
    }

    /// A login that has come as far as the camera.
    async fn at_the_camera(&self, person: &Person) -> anyhow::Result<Page> {
        let begun = self.scene.app.begin(Ask::default());
        let page = person.open(&begun.url).await?.page()?;
        let page = self.subject.give_password(person, page).await?;
        anyhow::ensure!(page.body.contains("data-capture"), "{page}");
        Ok(page)
    }

    /// Whether a picture lets somebody in.
    async fn admits(&self, number: u32) -> anyhow::Result<bool> {
        let person = Person::new();
        let page = self.at_the_camera(&person).await?;
        let to = page.url.join(&format!("{}/face/upload", page.url.path()))?;
        self.upload(&person, to, number).await?;
        let page = person.open(&page.url).await?.page()?;
        Ok(form_to(&page, "/consent").is_ok())
    }

    /// Signs in with a picture; the consent is asked for the first time alone.
    pub(super) async fn sign_in(&self, number: u32) -> anyhow::Result<()> {
        let person = Person::new();
        let page = self.at_the_camera(&person).await?;
        let to = page.url.join(&format!("{}/face/upload", page.url.path()))?;
        self.upload(&person, to, number).await?;
        let page = person.open(&page.url).await?.page()?;
        if let Ok(form) = form_to(&page, "/consent") {
            let form = form.fill("decision", "allow");
            person.submit(form).await?.elsewhere()?;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_template_put_back_is_refused() {
    let mut willing = need!(Willing::person().await);
    let vault = willing.scene.server.folder().join("state/vault");
    let nothing = files(&vault);
    willing.enrol_face(1).await.expect("a face");
    let first = files(&vault);
    willing.enrol_face(3).await.expect("a newer one");
    let second = files(&vault);
    let old: Vec<_> = changed(&nothing, &first);
    let new: Vec<_> = changed(&first, &second);
    let ([(_, old)], [(place, _)]) = (old.as_slice(), new.as_slice()) else {
        panic!("{} and {} blobs were written", old.len(), new.len());
    };
    willing.finish().await.expect("enrolled");
    assert!(
        willing.admits(5).await.expect("an answer"),
        "as it should be"
    );

    std::fs::write(place, old).expect("put back");
    // What it holds in memory is the right one still.
    willing.scene.server.restart().await.expect("a restart");
    assert!(
        !willing.admits(5).await.expect("an answer"),
        "an old template"
    );
    let log = willing.scene.server.log();
    assert!(
        log.contains("differs from the recorded digest"),
        "the operator is told why"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_of_another_attempt_is_refused() {
    let willing = need!(Willing::person().await);
    willing.enrol_face(1).await.expect("a face");
    willing.finish().await.expect("enrolled");
    let person = Person::new();
    let theirs = willing.at_the_camera(&person).await.expect("a login");
    let own = willing.at_the_camera(&person).await.expect("another");
    let nonce = |page: &Page| page.attribute("[data-capture]", "data-nonce");
    let (nonce, own_nonce) = (nonce(&theirs).expect("a nonce"), nonce(&own));
    assert_ne!(Some(&nonce), own_nonce.as_ref());

    let picture = willing.people.join("Colin_Powell/Colin_Powell_0003.jpg");
    let picture = std::fs::read(picture).expect("a picture");
    let send = async |page: &Page, message: &[u8]| {
        let path = format!("{}/face/frame?nonce={nonce}", page.url.path());
        let request = person.http().post(page.url.join(&path).expect("a path"));
        let request = request.header("origin", &willing.scene.server.issuer);
        let answer = request
            .header("content-type", "application/vnd.whorl.capture")
            .body(message.to_vec())
            .send();
        answer.await.expect("an answer").status()
    };
    let mut signer = Signer::new(&nonce);
    let hello = signer.hello();
    let refused = send(&own, &hello).await;
    assert!(
        matches!(refused, StatusCode::CONFLICT | StatusCode::GONE),
        "{refused}"
    );
    for message in [hello, signer.frame(&picture, 0)] {
        let taken = send(&theirs, &message).await;
        assert_eq!(taken, StatusCode::OK, "in its own attempt");
    }

    let to = own.url.join(&format!("{}/face", own.url.path()));
    let form = tests::person::Form::forged(to.expect("a path"), &[("nonce", &nonce)]);
    let answer = person.submit_once(form).await.expect("an answer");
    assert!(!answer.status.is_server_error(), "{answer}");
    let page = person.open(&own.url).await.expect("an answer").page();
    let page = page.expect("the step");
    assert!(form_to(&page, "/consent").is_err(), "{page}");
}

/// Every file below a folder.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap_or_default();
            found.insert(path, bytes);
        }
    }
    found
}

/// What was written between two looks.
fn changed(
    before: &BTreeMap<PathBuf, Vec<u8>>,
    after: &BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<(PathBuf, Vec<u8>)> {
    let is_new = |(path, bytes): &(&PathBuf, &Vec<u8>)| before.get(*path) != Some(*bytes);
    let new = after.iter().filter(is_new);
    new.map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripted_demonstration_shows_the_finger_too_after_a_face_that_does_not_match() {
    let data = need!(shared_folder()).join("data");
    need!(tests::missing::models_folder());
    let home = tempfile::tempdir().expect("a folder");
    let face = |name: &str| data.join("faces/lfw_color").join(name);
    let finger = |name: &str| data.join("fingerprints/fvc2002_db1_b").join(name);
    let output = tests::program::command("whorl", home.path())
        .arg("demo")
        .arg("--face")
        .arg(face("Colin_Powell/Colin_Powell_0001.jpg"))
        .arg("--probe-face")
        .arg(face("George_W_Bush/George_W_Bush_0001.jpg"))
        .arg("--finger")
        .arg(finger("101_1.png"))
        .arg("--probe-finger")
        .arg(finger("101_2.png"))
        .output()
        .expect("whorl");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(10), "{said}");
    let last = said.lines().last().expect("a report");
    let report: serde_json::Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(report["outcome"], "refused_by_face", "{report}");
    let steps = report["steps"].as_array().expect("steps");
    let names: Vec<_> = steps.iter().filter_map(|s| s["step"].as_str()).collect();
    assert!(names.ends_with(&["face", "fingerprint"]), "{names:?}");
}
