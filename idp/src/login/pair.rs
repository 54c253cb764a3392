//! Two biometrics that are weighed together: what one that is not sure by itself is kept for, and when its tries end.

use time::OffsetDateTime;
use wire::FactorKind;

use super::LoginError;
use super::attempt::Attempt;
use super::journey::Journey;
use super::policy::is_biometric;
use crate::factors::{Evidence, Outcome};

impl Journey {
    /// Whether what does not match by itself is kept until the other biometric was shown: it was compared and nothing
    /// stopped it, the policy weighs both together, and the person can show the other one. What matched before is not
    /// given up for it. What fails the floor is kept too, and never counts: were the other biometric asked for only
    /// above the floor, the question would tell how near a face is.
    pub(super) async fn may_add(
        &self,
        attempt: &Attempt,
        evidence: &Evidence,
    ) -> Result<bool, LoginError> {
        let factor = evidence.factor;
        let matched = |e: &Evidence| e.factor == factor && e.outcome == Outcome::Match;
        if evidence.llr.is_none() || evidence.gate.is_some() || attempt.evidence.iter().any(matched)
        {
            return Ok(false);
        }
        let (Some(other), Some(subject)) =
            (self.demand(attempt)?.could_add(factor), attempt.subject())
        else {
            return Ok(false);
        };
        if attempt.evidence.iter().any(|e| e.factor == other) {
            return Ok(true);
        }
        let is_offered = self.factors.kinds().any(|kind| kind == other);
        let credentials = self.store.credentials(subject).await?;
        Ok(is_offered && credentials.iter().any(|c| c.factor == other))
    }

    /// Where both are accepted together the tries of both have come to their end; answers whether they are.
    pub(super) async fn settle_pair(
        &self,
        attempt: &Attempt,
        who: &str,
        now: OffsetDateTime,
    ) -> Result<bool, LoginError> {
        let demand = self.demand(attempt)?;
        let counted = demand.counted(&attempt.evidence, attempt.moment(now));
        let added: Vec<FactorKind> = counted
            .iter()
            .filter(|e| is_biometric(e.factor) && e.outcome == Outcome::NoMatch)
            .map(|e| e.factor)
            .collect();
        for factor in &added {
            self.store.clear_tries(who, *factor).await?;
        }
        Ok(!added.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tempfile::TempDir;
    use uuid::Uuid;
    use wire::{AttemptId, CredentialId, SubjectStatus};

    use super::*;
    use crate::app::{App, Shared};
    use crate::clock::TestClock;
    use crate::config::Config;
    use crate::factors::{Capture, Gate};
    use crate::login::attempt::{Identity, Notice};
    use crate::login::guard::Counted;
    use crate::login::journey::{state_of, who};
    use crate::login::step::Step;
    use crate::oidc::amr::Amr;
    use crate::store::tests::{NOW, subject};
    use crate::store::{AttemptRow, NewCredential, Replace, Reservation};

    const FACE: FactorKind = FactorKind::Face;
    const FINGER: FactorKind = FactorKind::Fingerprint;

    /// Somebody with a passkey that was shown, a face and a finger, held to all three.
    struct Scene {
        _folder: TempDir,
        app: Shared,
        attempt: Attempt,
        credentials: Vec<CredentialId>,
    }

    impl Scene {
        async fn set() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let state = folder.path().display();
            let config = Config::from_toml(&format!(
                "state_dir = '{state}'\n[demo]\nenabled = true\n[database]\nconnections = 3\n\
                 [keys]\nalgorithms = ['ES256']\n[models]\ndirectory = '{state}/none'\n\
                 [policy]\ndefault_acr = 'urn:x:all'\n[[policy.acr]]\nname = 'urn:x:all'\n\
                 any_of = [['passkey', 'face', 'fingerprint']]\n"
            ));
            let clock = Arc::new(TestClock::at(NOW));
            let app = Box::pin(App::assemble(config.expect("usable"), clock)).await;
            let app = app.expect("starts");
            let ada = subject(&app.store, "ada").await;
            let active = app.store.set_subject_status(ada.id, SubjectStatus::Active);
            active.await.expect("set");
            let mut credentials = Vec::new();
            for factor in [FactorKind::Passkey, FACE, FINGER] {
                let id = CredentialId(Uuid::now_v7());
                let new = NewCredential {
                    id,
                    factor,
                    label: String::new(),
                    model: None,
                    blob_digest: None,
                    sealed: None,
                    public: None,
                    counter: 0,
                    recovery: Vec::new(),
                };
                let added = app.store.add_credential(ada.id, new, Replace::Nothing, NOW);
                added.await.expect("added");
                credentials.push(id);
            }
            let mut attempt = crate::login::tests::attempt("urn:x:all");
            attempt.id = AttemptId(Uuid::now_v7());
            attempt.identity = Some(Identity {
                username: "ada".into(),
                subject: Some(ada.id),
            });
            let passkey = Evidence::matched(FactorKind::Passkey, [Amr::Swk], credentials[0], NOW);
            attempt.evidence.push(passkey);
            let row = AttemptRow {
                id: attempt.id,
                revision: 0,
                browser: attempt.browser.clone(),
                state: state_of(&attempt),
                expires_at: attempt.expires_at,
            };
            app.store.begin_attempt(&row).await.expect("begun");
            Self {
                _folder: folder,
                app,
                attempt,
                credentials,
            }
        }

        fn compared(&self, factor: FactorKind, score: f64) -> Evidence {
            let (calibration, amr, at) = match factor {
                FactorKind::Face => (matcher::face::CALIBRATION, Amr::Face, 1),
                _ => (matcher::fingerprint::CALIBRATION, Amr::Fpt, 2),
            };
            Evidence {
                llr: Some(calibration.llr(score)),
                weight: calibration.weigh(score),
                capture: Some(Capture::LiveBrowser),
                ..Evidence::compared(factor, [amr], self.credentials[at], NOW)
            }
        }

        /// Books a comparison that did not match; the step that comes then.
        async fn weigh(&mut self, evidence: Evidence) -> Step {
            let (journey, who) = (&self.app.journey, who("ada"));
            let factor = evidence.factor;
            let reserved = journey
                .store
                .reserve_try(&who, factor, &journey.backoff, NOW)
                .await;
            assert_eq!(reserved.expect("counts"), Reservation::Granted);
            let counted = Counted::alone(who);
            let booked = journey.weigh(self.attempt.clone(), factor, &counted, Ok(evidence), NOW);
            self.attempt = booked.await.expect("booked");
            let position = journey.position(self.attempt.clone(), NOW).await;
            position.expect("stands somewhere").step
        }

        async fn tries_left(&self, factor: FactorKind) -> usize {
            let (journey, who) = (&self.app.journey, who("ada"));
            let mut left = 0;
            while let Reservation::Granted = journey
                .store
                .reserve_try(&who, factor, &journey.backoff, NOW)
                .await
                .expect("counts")
            {
                left += 1;
            }
            left
        }
    }

    #[tokio::test]
    async fn a_face_that_is_not_sure_waits_for_the_finger_and_both_admit() {
        let mut scene = Scene::set().await;
        let step = scene.weigh(scene.compared(FACE, 0.40)).await;
        assert!(
            matches!(step, Step::Challenge { factor: FINGER, .. }),
            "{step:?}"
        );
        assert_eq!(scene.attempt.notice, None, "nothing is told");
        let step = scene.weigh(scene.compared(FINGER, 2.9)).await;
        assert_eq!(step, Step::Consent);
        let free = scene.app.journey.backoff.free_tries as usize;
        assert_eq!(scene.tries_left(FACE).await, free, "the tries are settled");
    }

    #[tokio::test]
    async fn what_both_do_not_reach_is_told_and_stays_counted() {
        let mut scene = Scene::set().await;
        scene.weigh(scene.compared(FACE, 0.28)).await;
        let step = scene.weigh(scene.compared(FINGER, -0.5)).await;
        assert!(
            matches!(step, Step::Challenge { .. } | Step::Deny(_)),
            "{step:?}"
        );
        assert_eq!(
            scene.attempt.notice,
            Some(Notice::NoMatch { factor: FINGER })
        );
        let free = scene.app.journey.backoff.free_tries as usize;
        assert_eq!(scene.tries_left(FACE).await, free - 1);
    }

    #[tokio::test]
    async fn what_was_stopped_is_not_kept() {
        let mut scene = Scene::set().await;
        let spoofed = Evidence {
            gate: Some(Gate::PresentationAttack),
            ..scene.compared(FACE, 0.37)
        };
        scene.weigh(spoofed).await;
        assert_eq!(scene.attempt.notice, Some(Notice::NoMatch { factor: FACE }));
        assert_eq!(scene.attempt.evidence.len(), 1, "the passkey alone");
    }

    #[tokio::test]
    async fn whether_a_face_passed_the_floor_is_not_told_and_below_it_nothing_helps() {
        let mut steps = Vec::new();
        for score in [0.2, 0.28] {
            let mut scene = Scene::set().await;
            let asked = scene.weigh(scene.compared(FACE, score)).await;
            steps.push((asked, scene.attempt.notice.clone()));
            // A finger that is as sure as can be.
            let sure = Evidence {
                outcome: Outcome::Match,
                ..scene.compared(FINGER, 20.0)
            };
            let after = scene.weigh(sure).await;
            if score < 0.28 {
                assert!(!matches!(after, Step::Consent | Step::Finish), "{after:?}");
                let told = Some(Notice::NoMatch { factor: FACE });
                assert_eq!(scene.attempt.notice, told);
            }
        }
        assert_eq!(steps[0], steps[1]);
        assert!(matches!(
            steps[0],
            (Step::Challenge { factor: FINGER, .. }, None)
        ));
    }
}
