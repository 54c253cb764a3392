//! The contract tests, which every factor passes: a right answer, nobody's, another subject's, malformed,
//! replayed, reordered and parallel ones. A factor joins with a [`Host`] and one line of [`contract!`].

mod biometric;
mod hosts;
mod passkey;
pub(crate) mod samples;
mod soft_authenticator;

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::*;
use crate::store::tests::{NOW, store, subject};
use crate::store::{Replace, Store};
use crate::vault::{DirectoryBlobs, LocalKey, Unobserved, Vault, VaultLimits, VaultParts};

/// A database and a vault in a temporary directory.
pub(super) struct Place {
    pub(super) folder: tempfile::TempDir,
    pub(super) store: Store,
    pub(super) vault: Arc<Vault>,
}

impl Place {
    pub(super) async fn new() -> Self {
        let (folder, store) = store().await;
        let vault = Self::vault_in(&folder);
        Self {
            folder,
            store,
            vault,
        }
    }

    /// A vault of the place; each has caches of its own.
    fn vault_in(folder: &tempfile::TempDir) -> Arc<Vault> {
        let key = LocalKey::load_or_create(&folder.path().join("key")).expect("a key");
        let blobs = DirectoryBlobs::open(&folder.path().join("blobs")).expect("a directory");
        Arc::new(Vault::new(VaultParts {
            deployment: uuid::Uuid::from_u128(7),
            key_wrap: Arc::new(key),
            blobs: Arc::new(blobs),
            observer: Arc::new(Unobserved),
            limits: VaultLimits::default(),
        }))
    }
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Person {
    Ada,
    Bob,
}

impl Person {
    fn name(self) -> &'static str {
        match self {
            Self::Ada => "ada",
            Self::Bob => "bob",
        }
    }
}

/// What happens to an answer that is given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replay {
    /// It is refused: the factor itself is used once.
    Refused,
    /// It is as good again; that each is asked for by a challenge of its own is the attempt's part.
    AsGood,
}

/// People who have what a factor asks for.
pub(super) trait Host: Send + Sync {
    fn factor(&self) -> Arc<dyn Factor>;
    fn replay(&self) -> Replay;
    /// Whether what an enrolment remembers belongs to one subject.
    fn enrolment_is_bound(&self) -> bool;
    /// The person's good answer to an enrolment.
    fn enrol(&self, who: Person, challenge: &Challenge) -> Answer;
    /// The person's good answer at a login.
    fn answer(&self, who: Person, challenge: &Challenge, now: OffsetDateTime) -> Answer;
    fn malformed(&self) -> Vec<Answer>;
}

/// One run: a place, a host, both people enrolled.
struct Stage {
    place: Place,
    host: Box<dyn Host>,
    factor: Arc<dyn Factor>,
}

/// A while after the enrolment, so that what proved the enrolment is over.
const LATER: OffsetDateTime = NOW.saturating_add(Duration::minutes(10));

impl Stage {
    async fn new(host: fn(&Place) -> Option<Box<dyn Host>>) -> Option<Self> {
        let place = Place::new().await;
        let host = host(&place)?;
        let stage = Self {
            factor: host.factor(),
            place,
            host,
        };
        for who in [Person::Ada, Person::Bob] {
            subject(&stage.place.store, who.name()).await;
            stage.enrol(who).await;
        }
        Some(stage)
    }

    async fn subject(&self, who: Person) -> Subject {
        self.place
            .store
            .subject_by_username(who.name())
            .await
            .expect("reads")
            .expect("is there")
    }

    async fn enrol(&self, who: Person) {
        let issued = self.enrol_begin(who).await;
        let answer = self.host.enrol(who, &issued.challenge);
        let enrolled = self
            .enrol_finish(who, issued.remember, answer)
            .await
            .expect("enrols");
        let replace = if enrolled.several {
            Replace::Nothing
        } else {
            Replace::SameFactor
        };
        let id = self.subject(who).await.id;
        self.place
            .store
            .add_credential(id, enrolled.credential, replace, NOW)
            .await
            .expect("is kept");
    }

    async fn enrol_begin(&self, who: Person) -> Issued {
        let subject = self.subject(who).await;
        let credentials = self
            .place
            .store
            .credentials(subject.id)
            .await
            .expect("reads");
        let ceremony = Ceremony {
            subject: &subject,
            credentials: &credentials,
            now: NOW,
        };
        self.factor.enrol_begin(ceremony).await.expect("begins")
    }

    async fn enrol_finish(
        &self,
        who: Person,
        remembered: Value,
        answer: Answer,
    ) -> Result<Enrolled, FactorError> {
        let subject = self.subject(who).await;
        let credentials = self
            .place
            .store
            .credentials(subject.id)
            .await
            .expect("reads");
        let ceremony = Ceremony {
            subject: &subject,
            credentials: &credentials,
            now: NOW,
        };
        self.factor.enrol_finish(ceremony, remembered, answer).await
    }

    async fn challenge(&self, who: Person) -> Issued {
        let subject = self.subject(who).await;
        let credentials = self
            .place
            .store
            .credentials(subject.id)
            .await
            .expect("reads");
        let ceremony = Ceremony {
            subject: &subject,
            credentials: &credentials,
            now: LATER,
        };
        self.factor.challenge(ceremony).await.expect("asks")
    }

    async fn verify(
        &self,
        who: Person,
        remembered: Value,
        answer: Answer,
    ) -> Result<Evidence, FactorError> {
        let subject = self.subject(who).await;
        let credentials = self
            .place
            .store
            .credentials(subject.id)
            .await
            .expect("reads");
        let ceremony = Ceremony {
            subject: &subject,
            credentials: &credentials,
            now: LATER,
        };
        self.factor.verify(ceremony, remembered, answer).await
    }

    async fn a_right_answer_matches(&self) {
        for who in [Person::Ada, Person::Bob] {
            let issued = self.challenge(who).await;
            let answer = self.host.answer(who, &issued.challenge, LATER);
            let evidence = self
                .verify(who, issued.remember, answer)
                .await
                .expect("is judged");
            assert_eq!(
                (evidence.outcome, evidence.factor),
                (Outcome::Match, self.factor.kind())
            );
            assert!(!evidence.amr.is_empty() && evidence.at == LATER);
            let id = evidence.credential.expect("names its credential");
            let known = self
                .place
                .store
                .credential(id)
                .await
                .expect("reads")
                .expect("is there");
            assert_eq!(
                (known.subject, known.last_used_at),
                (self.subject(who).await.id, Some(LATER))
            );
        }
    }

    async fn another_subjects_answer_does_not(&self) {
        let (mine, theirs) = (
            self.challenge(Person::Ada).await,
            self.challenge(Person::Bob).await,
        );
        let answers = [
            self.host.answer(Person::Bob, &mine.challenge, LATER),
            self.host.answer(Person::Bob, &theirs.challenge, LATER),
        ];
        for answer in answers {
            refused(
                self.verify(Person::Ada, mine.remember.clone(), answer)
                    .await,
            );
        }
        let answer = self.host.answer(Person::Bob, &theirs.challenge, LATER);
        refused(self.verify(Person::Ada, theirs.remember, answer).await);
    }

    async fn nobody_matches_nothing(&self) {
        let issued = self.challenge(Person::Ada).await;
        let answer = self.host.answer(Person::Ada, &issued.challenge, LATER);
        refused(self.factor.verify_nobody(answer, LATER).await);
        let newcomer = subject(&self.place.store, "newcomer").await;
        let ceremony = Ceremony {
            subject: &newcomer,
            credentials: &[],
            now: LATER,
        };
        let answer = self.host.answer(Person::Ada, &issued.challenge, LATER);
        refused(self.factor.verify(ceremony, issued.remember, answer).await);
    }

    async fn a_malformed_answer_is_refused(&self) {
        for answer in self.host.malformed() {
            let issued = self.challenge(Person::Ada).await;
            refused(
                self.verify(Person::Ada, issued.remember, copy(&answer))
                    .await,
            );
            refused(self.factor.verify_nobody(copy(&answer), LATER).await);
            let begun = self.enrol_begin(Person::Ada).await;
            let enrolled = self.enrol_finish(Person::Ada, begun.remember, answer).await;
            assert!(enrolled.is_err() || self.factor.kind() == FactorKind::RecoveryCode);
        }
        // Nothing of this cost Ada her credential.
        self.a_right_answer_matches().await;
    }

    async fn an_answer_given_twice_counts_once(&self) {
        let first = self.challenge(Person::Ada).await;
        let answer = self.host.answer(Person::Ada, &first.challenge, LATER);
        let again = copy(&answer);
        let evidence = self
            .verify(Person::Ada, first.remember, answer)
            .await
            .expect("is judged");
        assert_eq!(evidence.outcome, Outcome::Match);
        let second = self.challenge(Person::Ada).await;
        let replayed = self.verify(Person::Ada, second.remember, again).await;
        match self.host.replay() {
            Replay::Refused => refused(replayed),
            Replay::AsGood => assert_eq!(replayed.expect("is judged").outcome, Outcome::Match),
        }
    }

    async fn of_parallel_answers_one_counts(&self) {
        let issued = self.challenge(Person::Ada).await;
        let answer = self.host.answer(Person::Ada, &issued.challenge, LATER);
        let tries =
            (0..12).map(|_| self.verify(Person::Ada, issued.remember.clone(), copy(&answer)));
        let matches = join_all(tries)
            .await
            .into_iter()
            .filter(|e| matches!(e, Ok(e) if e.outcome == Outcome::Match))
            .count();
        match self.host.replay() {
            Replay::Refused => assert_eq!(matches, 1),
            Replay::AsGood => assert!(matches >= 1),
        }
    }

    async fn steps_out_of_order_are_refused(&self) {
        if !self.host.enrolment_is_bound() {
            return;
        }
        let (mine, theirs) = (
            self.enrol_begin(Person::Ada).await,
            self.enrol_begin(Person::Bob).await,
        );
        let login = self.challenge(Person::Ada).await.remember;
        for foreign in [
            theirs.remember,
            login,
            Value::Null,
            json!({}),
            json!({ "credential": "x" }),
        ] {
            let answer = self.host.enrol(Person::Ada, &mine.challenge);
            let enrolled = self.enrol_finish(Person::Ada, foreign, answer).await;
            assert!(matches!(
                enrolled,
                Err(FactorError::Malformed(_) | FactorError::Refused(_))
            ));
        }
    }
}

/// Anything but a match.
fn refused(judged: Result<Evidence, FactorError>) {
    match judged {
        Ok(evidence) => assert_ne!(evidence.outcome, Outcome::Match),
        Err(
            FactorError::Malformed(_)
            | FactorError::Unusable(_)
            | FactorError::Refused(_)
            | FactorError::NotLive(..),
        ) => {}
        Err(other) => panic!("a fault instead of a refusal: {other:?}"),
    }
}

pub(super) fn copy(answer: &Answer) -> Answer {
    match answer {
        Answer::Text(text) => Answer::Text(text.clone()),
        Answer::Credential { json, label } => Answer::Credential {
            json: json.clone(),
            label: label.clone(),
        },
        Answer::Samples {
            samples,
            capture,
            dpi,
        } => Answer::Samples {
            samples: samples
                .iter()
                .map(|s| SampleBytes {
                    bytes: s.bytes.clone(),
                })
                .collect(),
            capture: *capture,
            dpi: *dpi,
        },
        Answer::Live(live) => Answer::Live(LiveCapture {
            samples: copies(&live.samples),
            answers: copies(&live.answers),
            liveness: live.liveness.clone(),
        }),
        Answer::Records(records) => Answer::Records(
            records
                .iter()
                .map(|record| SampleBytes {
                    bytes: record.bytes.clone(),
                })
                .collect(),
        ),
    }
}

pub(super) fn text(text: &str) -> Answer {
    Answer::Text(zeroize::Zeroizing::new(text.to_owned()))
}

macro_rules! contract {
    ($factor:ident, $host:expr) => {
        mod $factor {
            contract!(@each $host;
                a_right_answer_matches another_subjects_answer_does_not nobody_matches_nothing
                a_malformed_answer_is_refused an_answer_given_twice_counts_once of_parallel_answers_one_counts
                steps_out_of_order_are_refused);
        }
    };
    (@each $host:expr; $($promise:ident)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            if let Some(stage) = super::Stage::new($host).await {
                stage.$promise().await;
            }
        })+
    };
}

contract!(password, super::hosts::password);
contract!(totp, super::hosts::totp);
contract!(recovery_code, super::hosts::recovery_code);
contract!(passkeys, super::hosts::passkey);
contract!(faces, super::samples::face);
contract!(fingerprints, super::samples::fingerprint);

fn copies(samples: &[SampleBytes]) -> Vec<SampleBytes> {
    let copy = |sample: &SampleBytes| SampleBytes {
        bytes: sample.bytes.clone(),
    };
    samples.iter().map(copy).collect()
}
