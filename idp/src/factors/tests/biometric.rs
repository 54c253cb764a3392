//! What face and fingerprint promise beside the contract: gates, uploads, the reference's integrity.

use super::samples::{
    DEMONSTRATION, answer, face_factor, faces, fingerprint_factor, fingerprint_factor_of, fingers,
    live, models, sample, shared,
};
use matcher::fingerprint::Guidance;

use super::*;
use crate::factors::face::FaceSettings;
use crate::factors::fingerprint::TemplateUpdate;
use crate::oidc::amr::Amr;
use crate::store::CredentialChange;

/// Ada, with a reference.
struct Enrolled {
    place: Place,
    factor: Box<dyn Factor>,
    subject: Subject,
}

impl Enrolled {
    async fn new(place: Place, factor: Box<dyn Factor>, samples: Answer) -> Self {
        let subject = subject(&place.store, "ada").await;
        let ceremony = Ceremony {
            subject: &subject,
            credentials: &[],
            now: NOW,
        };
        let enrolled = factor
            .enrol_finish(ceremony, Value::Null, samples)
            .await
            .expect("enrols");
        place
            .store
            .add_credential(subject.id, enrolled.credential, Replace::SameFactor, NOW)
            .await
            .expect("is kept");
        Self {
            place,
            factor,
            subject,
        }
    }

    async fn face() -> Option<Self> {
        let (place, _) = (Place::new().await, shared("")?);
        let factor = Box::new(face_factor(&place, DEMONSTRATION)?);
        Some(
            Self::new(
                place,
                factor,
                answer(Capture::Uploaded, &faces(Person::Ada)[..3]),
            )
            .await,
        )
    }

    async fn credentials(&self) -> Vec<Credential> {
        self.place
            .store
            .credentials(self.subject.id)
            .await
            .expect("reads")
    }

    async fn verify(&self, answer: Answer) -> Result<Evidence, FactorError> {
        let credentials = self.credentials().await;
        let ceremony = Ceremony {
            subject: &self.subject,
            credentials: &credentials,
            now: NOW,
        };
        self.factor.verify(ceremony, Value::Null, answer).await
    }

    fn blobs(&self) -> Vec<std::path::PathBuf> {
        files(&self.place.folder.path().join("blobs"))
    }
}

fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder)
        .expect("reads")
        .map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_says_what_was_seen_and_a_stranger_gets_a_low_ratio() {
    let Some(ada) = Enrolled::face().await else {
        return;
    };
    let hers = ada
        .verify(answer(Capture::Uploaded, &faces(Person::Ada)[3..]))
        .await
        .expect("is judged");
    assert_eq!(
        (hers.outcome, &hers.amr),
        (Outcome::Match, &[Amr::Face].into())
    );
    assert_eq!((hers.capture, hers.gate), (Some(Capture::Uploaded), None));
    assert_eq!(
        hers.model.as_deref(),
        models()
            .as_ref()
            .map(|m| m.face().model().to_owned())
            .as_deref()
    );
    let bobs = ada
        .verify(answer(Capture::Uploaded, &faces(Person::Bob)[3..]))
        .await
        .expect("is judged");
    // What it was compared with is kept: a finger may yet be weighed with it.
    let hers_is = ada.credentials().await.remove(0).id;
    assert_eq!(
        (bobs.outcome, bobs.credential),
        (Outcome::NoMatch, Some(hers_is))
    );
    let (hers, bobs) = (hers.llr.expect("a ratio"), bobs.llr.expect("a ratio"));
    assert!(hers > 2.0 && bobs < 0.0, "{hers} {bobs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_capture_is_compared_only_where_its_watch_saw_a_person() {
    let Some(folder) = shared("faces/presentation_attack") else {
        return;
    };
    let picture = folder.join("live/image_T1.jpg");
    let place = Place::new().await;
    let live_only = FaceSettings {
        accepts_uploads: false,
        ..DEMONSTRATION
    };
    let Some(factor) = face_factor(&place, live_only) else {
        return;
    };
    let three = [picture.clone(), picture.clone(), picture.clone()];
    let enrolled = live(&three, &[], Liveness::Live);
    let ada = Enrolled::new(place, Box::new(factor), enrolled).await;
    let one = std::slice::from_ref(&picture);

    let hers = ada.verify(live(one, one, Liveness::Live)).await;
    let hers = hers.expect("is judged");
    assert_eq!((hers.outcome, hers.gate), (Outcome::Match, None));
    assert!(hers.presentation_attack.is_some(), "it is reported");

    let attack = || Liveness::Attack {
        cues: vec!["depth"],
    };
    for (liveness, gate) in [
        (attack(), Gate::PresentationAttack),
        (Liveness::Repeated, Gate::Repeated),
    ] {
        let refused = ada.verify(live(one, &[], liveness.clone())).await;
        let refused = refused.expect("is judged");
        assert_eq!(
            (refused.outcome, refused.gate),
            (Outcome::NoMatch, Some(gate))
        );
        assert_eq!(
            (refused.llr, refused.advice),
            (None, None),
            "the person learns nothing"
        );
        let enrolment = Ceremony {
            subject: &ada.subject,
            credentials: &[],
            now: NOW,
        };
        let answer = live(&three, &[], liveness);
        let refused = ada.factor.enrol_finish(enrolment, Value::Null, answer);
        assert!(
            matches!(refused.await, Err(FactorError::NotLive(_, told, _)) if told == gate),
            "{gate:?}"
        );
    }
    // Who answered is somebody else.
    let other = &faces(Person::Bob)[..1];
    let two = ada.verify(live(one, other, Liveness::Live)).await;
    let two = two.expect("is judged");
    assert_eq!(
        (two.outcome, two.gate, two.cues),
        (
            Outcome::NoMatch,
            Some(Gate::PresentationAttack),
            vec!["same_person".to_owned()]
        )
    );

    // A portrait that fills the frame shows nothing around the face.
    let tight = live(&faces(Person::Ada)[..1], &[], Liveness::Live);
    let tight = ada.verify(tight).await.expect("is judged");
    assert_eq!(
        (tight.outcome, tight.gate),
        (Outcome::Unusable, Some(Gate::Framing))
    );

    for capture in [Capture::Uploaded, Capture::SignedSensor] {
        let refused = ada.verify(answer(capture, one)).await;
        assert!(matches!(refused, Err(FactorError::Refused(_))));
    }
    let bare = ada.verify(answer(Capture::LiveBrowser, one)).await;
    assert!(
        matches!(bare, Err(FactorError::Malformed(_))),
        "frames without their capture"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_reports_an_attack_and_is_compared() {
    let Some(ada) = Enrolled::face().await else {
        return;
    };
    let Some(spoof) = shared("faces/presentation_attack/spoof/image_F1.jpg") else {
        return;
    };
    let reported = ada
        .verify(answer(Capture::Uploaded, &[spoof]))
        .await
        .expect("is judged");
    assert!(
        reported
            .presentation_attack
            .is_some_and(|bona_fide| bona_fide < 0.5)
    );
    assert!(reported.llr.is_some() && reported.gate.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_make_no_reference() {
    let Some(ada) = Enrolled::face().await else {
        return;
    };
    let mixed = [faces(Person::Ada).remove(0), faces(Person::Bob).remove(0)];
    let ceremony = Ceremony {
        subject: &ada.subject,
        credentials: &[],
        now: NOW,
    };
    let refused = ada
        .factor
        .enrol_finish(ceremony, Value::Null, answer(Capture::Uploaded, &mixed))
        .await;
    assert!(matches!(refused, Err(FactorError::Unusable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_without_a_face_is_unusable_and_says_what_to_do() {
    let (Some(ada), Some(finger)) = (Enrolled::face().await, fingers(Person::Ada).pop()) else {
        return;
    };
    match ada.verify(answer(Capture::Uploaded, &[finger])).await {
        Err(FactorError::Unusable(advice)) => assert!(advice.contains("Look into"), "{advice}"),
        other => panic!("{:?}", other.map(|evidence| evidence.outcome)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_a_swapped_and_a_missing_blob_are_refused() {
    let Some(ada) = Enrolled::face().await else {
        return;
    };
    let probe = || answer(Capture::Uploaded, &faces(Person::Ada)[3..]);
    let [blob] = &ada.blobs()[..] else {
        panic!("one blob")
    };
    let old = std::fs::read(blob).expect("reads");

    // The same credential gets a second reference; then the first one's bytes are put in its place.
    let fresh = Enrolled {
        factor: Box::new(face_factor(&ada.place, DEMONSTRATION).expect("models")),
        ..ada
    };
    another_reference(&fresh).await;
    assert_eq!(
        fresh.verify(probe()).await.expect("is judged").outcome,
        Outcome::Match
    );
    let replica = Place {
        vault: another_vault(&fresh.place),
        ..fresh.place
    };
    let replica = Enrolled {
        factor: Box::new(face_factor(&replica, DEMONSTRATION).expect("models")),
        place: replica,
        subject: fresh.subject,
    };
    let known = replica.credentials().await.remove(0);
    let newest = replica
        .blobs()
        .into_iter()
        .find(|path| std::fs::read(path).expect("reads") != old)
        .expect("a second");
    std::fs::write(&newest, &old).expect("writes");
    assert!(matches!(
        replica.verify(probe()).await,
        Err(FactorError::Reference(FactorKind::Face, _))
    ));

    // A row that names a version which nothing was sealed for.
    std::fs::remove_file(&newest).expect("removes");
    assert!(matches!(
        replica.verify(probe()).await,
        Err(FactorError::Reference(FactorKind::Face, _))
    ));
    let change = CredentialChange {
        blob_digest: None,
        public: None,
        model: None,
    };
    assert!(
        replica
            .place
            .store
            .change_credential(&known, change)
            .await
            .expect("changes")
    );
    assert!(matches!(
        replica.verify(probe()).await,
        Err(FactorError::Reference(FactorKind::Face, _))
    ));

    // The row's word on the model is sealed with the bytes: another one opens nothing.
    let known = replica.credentials().await.remove(0);
    let sealed = another_reference(&replica).await;
    let change = CredentialChange {
        blob_digest: None,
        public: None,
        model: Some("another-net".into()),
    };
    assert!(
        replica
            .place
            .store
            .change_credential(&sealed, change)
            .await
            .expect("changes")
    );
    assert_ne!(known.id, sealed.id);
    assert!(matches!(
        replica.verify(probe()).await,
        Err(FactorError::Reference(FactorKind::Face, _))
    ));
}

/// Enrols other pictures of the same person in place of what is there.
async fn another_reference(ada: &Enrolled) -> Credential {
    let ceremony = Ceremony {
        subject: &ada.subject,
        credentials: &[],
        now: NOW,
    };
    let again = answer(Capture::Uploaded, &faces(Person::Ada)[1..3]);
    let finish = ada.factor.enrol_finish(ceremony, Value::Null, again);
    let second = finish.await.expect("enrols").credential;
    ada.place
        .store
        .add_credential(ada.subject.id, second, Replace::SameFactor, NOW)
        .await
        .expect("is kept");
    ada.credentials().await.remove(0)
}

/// A vault over the same key and blobs, whose caches are empty.
fn another_vault(place: &Place) -> Arc<Vault> {
    Place::vault_in(&place.folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_a_credential_removes_its_blob() {
    let Some(ada) = Enrolled::face().await else {
        return;
    };
    assert_eq!(ada.blobs().len(), 1);
    let known = ada.credentials().await.remove(0);
    assert!(
        ada.place
            .store
            .remove_credential(ada.subject.id, known.id)
            .await
            .expect("removes")
    );
    // The ceremony read the row while it was there.
    let stale = [known];
    let ceremony = Ceremony {
        subject: &ada.subject,
        credentials: &stale,
        now: NOW,
    };
    let probe = answer(Capture::Uploaded, &faces(Person::Ada)[3..]);
    let evidence = ada
        .factor
        .verify(ceremony, Value::Null, probe)
        .await
        .expect("is judged");
    assert_eq!(evidence.outcome, Outcome::NoMatch);
    let [removed] = stale;
    ada.factor.remove(&removed).await.expect("removes");
    assert!(ada.blobs().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_plain_of_a_face_lies_in_the_vault() {
    let Some(ada) = Enrolled::face().await else {
        return;
    };
    let sealed = std::fs::read(&ada.blobs()[0]).expect("reads");
    let model = models().expect("models").face().model().to_owned();
    assert!(
        !sealed
            .windows(model.len())
            .any(|window| window == model.as_bytes())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fingers_are_taken_from_files_in_a_demonstration_only() {
    let Some(path) = fingers(Person::Ada).pop() else {
        return;
    };
    let place = Place::new().await;
    let production = fingerprint_factor(&place, false);
    let ada = subject(&place.store, "ada").await;
    let ceremony = Ceremony {
        subject: &ada,
        credentials: &[],
        now: NOW,
    };
    for capture in [
        Capture::Uploaded,
        Capture::LiveBrowser,
        Capture::SignedSensor,
    ] {
        let samples = Answer::Samples {
            samples: vec![sample(&path)],
            capture,
            dpi: Some(500.0),
        };
        let refused = production.verify(ceremony, Value::Null, samples).await;
        assert!(matches!(refused, Err(FactorError::Refused(_))));
    }
    let demonstration = fingerprint_factor(&place, true);
    let samples = Answer::Samples {
        samples: vec![sample(&path)],
        capture: Capture::Uploaded,
        dpi: Some(20.0),
    };
    let unusable = demonstration.verify(ceremony, Value::Null, samples).await;
    assert!(
        matches!(unusable, Err(FactorError::Unusable(advice)) if advice.contains("20 dots per inch"))
    );
}

/// An answer of 500 dpi images.
fn prints(paths: &[std::path::PathBuf]) -> Answer {
    Answer::Samples {
        samples: paths.iter().map(|path| sample(path)).collect(),
        capture: Capture::Uploaded,
        dpi: Some(500.0),
    }
}

impl Enrolled {
    async fn finger(update: TemplateUpdate) -> Option<Self> {
        shared("")?;
        let place = Place::new().await;
        let factor = Box::new(fingerprint_factor_of(&place, update));
        Some(Self::new(place, factor, prints(&fingers(Person::Ada)[..1])).await)
    }

    /// Enrols another finger as the journey does.
    async fn add(&self, answer: Answer) -> Result<(), FactorError> {
        let credentials = self.credentials().await;
        let ceremony = Ceremony {
            subject: &self.subject,
            credentials: &credentials,
            now: NOW,
        };
        let more = self
            .factor
            .enrol_finish(ceremony, Value::Null, answer)
            .await?;
        assert!(more.several);
        let added = self.place.store.add_credential(
            self.subject.id,
            more.credential,
            Replace::Nothing,
            NOW,
        );
        Ok(added.await?)
    }

    async fn refresh(&self, evidence: &Evidence) -> bool {
        let credentials = self.credentials().await;
        let ceremony = Ceremony {
            subject: &self.subject,
            credentials: &credentials,
            now: NOW,
        };
        self.factor
            .refresh(ceremony, evidence)
            .await
            .expect("is renewed or not")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_finger_joins_the_first_and_the_same_finger_does_not() {
    let Some(ada) = Enrolled::finger(TemplateUpdate::Never).await else {
        return;
    };
    let bobs = fingers(Person::Bob);
    ada.add(prints(&bobs[..2])).await.expect("another finger");
    let labels: Vec<String> = ada
        .credentials()
        .await
        .into_iter()
        .map(|c| c.label)
        .collect();
    assert_eq!(labels, ["Finger 1", "Finger 2"]);
    let again = ada.add(prints(&fingers(Person::Ada)[1..2])).await;
    assert!(matches!(again, Err(FactorError::Refused(advice)) if advice.contains("already")));
    let [first, second] = &ada.credentials().await[..] else {
        panic!("two fingers")
    };
    for (probe, of) in [(&fingers(Person::Ada)[3..], first), (&bobs[3..], second)] {
        let evidence = ada.verify(prints(probe)).await.expect("is judged");
        assert_eq!(
            (evidence.outcome, evidence.credential),
            (Outcome::Match, Some(of.id))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_two_fingers_and_photographs_enrol_nobody() {
    let Some(ada) = Enrolled::finger(TemplateUpdate::Never).await else {
        return;
    };
    let bobs = fingers(Person::Bob);
    let mixed = [fingers(Person::Ada)[0].clone(), bobs[0].clone()];
    match ada.add(prints(&mixed)).await {
        Err(FactorError::Unusable(advice)) => {
            assert_eq!(advice, Guidance::DifferentFinger.text());
        }
        other => panic!("{other:?}"),
    }
    match ada.add(prints(&faces(Person::Bob)[..1])).await {
        Err(FactorError::Unusable(advice)) => assert_eq!(advice, Guidance::NotAFinger.text()),
        other => panic!("{other:?}"),
    }
    let probe = ada.verify(prints(&faces(Person::Ada)[..1])).await;
    assert!(matches!(probe, Err(FactorError::Unusable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admitted_login_renews_the_reference_once_and_only_where_policy_says_so() {
    let good = |n: usize| prints(&fingers(Person::Ada)[n..=n]);
    for update in [TemplateUpdate::Never, TemplateUpdate::WhenCertain] {
        let Some(ada) = Enrolled::finger(update).await else {
            return;
        };
        let before = ada.blobs();
        let evidence = ada.verify(good(2)).await.expect("is judged");
        assert_eq!(evidence.outcome, Outcome::Match);
        assert_eq!(ada.blobs(), before, "a match alone renews nothing");
        let another = Evidence {
            at: evidence.at + Duration::SECOND,
            ..evidence.clone()
        };
        assert!(!ada.refresh(&another).await);
        let renews = update == TemplateUpdate::WhenCertain;
        assert_eq!(ada.refresh(&evidence).await, renews);
        assert!(!ada.refresh(&evidence).await, "a probe is used once");
        let known = ada.credentials().await.remove(0);
        assert_eq!(known.version, if renews { 2 } else { 1 });
        assert_eq!((ada.blobs().len(), ada.blobs() != before), (1, renews));
        let evidence = ada.verify(good(3)).await.expect("is judged");
        assert_eq!(evidence.outcome, Outcome::Match);
    }
}
