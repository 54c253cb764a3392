//! People with faces and fingers: development images, where they are.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::hosts::pool;
use super::{
    Answer, Capture, Challenge, Factor, Host, LiveCapture, Liveness, Person, Place, Replay,
    SampleBytes, text,
};
use crate::factors::face::{Face, FaceSettings};
use crate::factors::fingerprint::{Fingerprint, FingerprintSettings, TemplateUpdate};
use crate::models::Models;

/// A file of the development data; none where there is no such data.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("WHORL_SHARED").map(PathBuf::from);
    if shared.is_none() {
        assert!(
            std::env::var_os("WHORL_TEST_ALL").is_none(),
            "WHORL_SHARED is not set"
        );
        println!("skipped: WHORL_SHARED is not set");
    }
    shared.map(|shared| shared.join("data").join(path))
}

/// The pack, loaded once for all tests.
pub(crate) fn models() -> Option<Arc<Models>> {
    static MODELS: OnceLock<Option<Arc<Models>>> = OnceLock::new();
    MODELS
        .get_or_init(|| {
            let pack = crate::models::tests::pack()?;
            Some(Arc::new(Models::load(&pack).expect("the pack loads")))
        })
        .clone()
}

pub(super) fn sample(path: &Path) -> SampleBytes {
    SampleBytes {
        bytes: Zeroizing::new(std::fs::read(path).expect("an image")),
    }
}

pub(super) fn answer(capture: Capture, paths: &[PathBuf]) -> Answer {
    Answer::Samples {
        samples: paths.iter().map(|path| sample(path)).collect(),
        capture,
        dpi: None,
    }
}

/// What a live capture hands over: the frames to compare, those of the answers, and what its watch says.
pub(super) fn live(samples: &[PathBuf], answers: &[PathBuf], liveness: Liveness) -> Answer {
    let all = |paths: &[PathBuf]| paths.iter().map(|path| sample(path)).collect();
    Answer::Live(LiveCapture {
        samples: all(samples),
        answers: all(answers),
        liveness,
    })
}

pub(super) const DEMONSTRATION: FaceSettings = FaceSettings {
    false_match_rate: 1e-4,
    accepts_uploads: true,
};

pub(super) fn face_factor(place: &Place, settings: FaceSettings) -> Option<Face> {
    let factor = Face::new(
        settings,
        place.store.clone(),
        place.vault.clone(),
        pool(),
        models()?,
    );
    Some(factor.expect("a threshold"))
}

pub(super) fn fingerprint_factor(place: &Place, accepts_uploads: bool) -> Fingerprint {
    fingerprint_of(place, accepts_uploads, TemplateUpdate::WhenCertain)
}

pub(super) fn fingerprint_factor_of(place: &Place, update: TemplateUpdate) -> Fingerprint {
    fingerprint_of(place, true, update)
}

fn fingerprint_of(place: &Place, accepts_uploads: bool, update: TemplateUpdate) -> Fingerprint {
    let settings = FingerprintSettings {
        false_match_rate: 1e-3,
        least_quality: 1,
        update,
        accepts_uploads,
    };
    Fingerprint::new(settings, place.store.clone(), place.vault.clone(), pool())
        .expect("a threshold")
}

/// People whose samples are files: the first three enrol, the fourth is the probe.
struct Files {
    factor: Arc<dyn Factor>,
    of: fn(Person) -> Vec<PathBuf>,
    dpi: Option<f64>,
}

impl Files {
    fn answer_of(&self, paths: &[PathBuf]) -> Answer {
        let mut answer = answer(Capture::Uploaded, paths);
        if let Answer::Samples { dpi, .. } = &mut answer {
            *dpi = self.dpi;
        }
        answer
    }
}

pub(super) fn face(place: &Place) -> Option<Box<dyn Host>> {
    shared("")?;
    let factor = Arc::new(face_factor(place, DEMONSTRATION)?);
    Some(Box::new(Files {
        factor,
        of: faces,
        dpi: None,
    }))
}

/// Portraits of one person.
pub(super) fn faces(who: Person) -> Vec<PathBuf> {
    let (folder, numbers) = match who {
        Person::Ada => ("s1", [1, 2, 4, 5]),
        Person::Bob => ("s11", [1, 2, 3, 4]),
    };
    numbers
        .iter()
        .filter_map(|n| shared(&format!("faces/att/{folder}/{n}.pgm")))
        .collect()
}

pub(super) fn fingerprint(place: &Place) -> Option<Box<dyn Host>> {
    shared("")?;
    let factor = Arc::new(fingerprint_factor(place, true));
    Some(Box::new(Files {
        factor,
        of: fingers,
        dpi: Some(500.0),
    }))
}

/// Impressions of one finger.
pub(super) fn fingers(who: Person) -> Vec<PathBuf> {
    let finger = match who {
        Person::Ada => 101,
        Person::Bob => 102,
    };
    (1..=4)
        .filter_map(|n| shared(&format!("fingerprints/fvc2002_db1_b/{finger}_{n}.png")))
        .collect()
}

impl Host for Files {
    fn factor(&self) -> Arc<dyn Factor> {
        self.factor.clone()
    }

    fn replay(&self) -> Replay {
        // A picture is good again; that a live capture is not is its nonce's part.
        Replay::AsGood
    }

    fn enrolment_is_bound(&self) -> bool {
        false
    }

    fn enrol(&self, who: Person, _: &Challenge) -> Answer {
        self.answer_of(&(self.of)(who)[..3])
    }

    fn answer(&self, who: Person, _: &Challenge, _: OffsetDateTime) -> Answer {
        self.answer_of(&(self.of)(who)[3..])
    }

    fn malformed(&self) -> Vec<Answer> {
        let ada = (self.of)(Person::Ada);
        let of_bytes = |bytes: &[u8]| Answer::Samples {
            samples: vec![SampleBytes {
                bytes: Zeroizing::new(bytes.to_vec()),
            }],
            capture: Capture::Uploaded,
            dpi: None,
        };
        let whole = std::fs::read(&ada[0]).expect("an image");
        let many: Vec<PathBuf> = ada.iter().cycle().take(6).cloned().collect();
        vec![
            text("a face"),
            self.answer_of(&[]),
            self.answer_of(&many),
            of_bytes(b""),
            of_bytes(b"GIF89a"),
            of_bytes(&whole[..whole.len() / 2]),
        ]
    }
}
