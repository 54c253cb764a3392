//! What a verification found, booked: in the audit trail, in the counters of tries, and in the attempt.

use time::OffsetDateTime;
use wire::{AuditOutcome, FactorKind};

use super::LoginError;
use super::attempt::{Attempt, Notice};
use super::guard::Counted;
use super::journey::{Journey, trail};
use crate::factors::{Evidence, FactorError, Gate, Outcome};

impl Journey {
    /// Books what a verification found; in the attempt, for [`Journey::settle`] to write.
    pub(super) async fn weigh(
        &self,
        mut attempt: Attempt,
        factor: FactorKind,
        counted: &Counted,
        verified: Result<Evidence, LoginError>,
        now: OffsetDateTime,
    ) -> Result<Attempt, LoginError> {
        let evidence = match verified {
            Ok(evidence) => evidence,
            Err(LoginError::Factor(FactorError::Unusable(advice))) => {
                Evidence::unusable(factor, advice, now)
            }
            Err(LoginError::Factor(FactorError::Malformed(_))) => Evidence::no_match(factor, now),
            Err(error) => {
                if let LoginError::Factor(FactorError::Reference(..)) = &error {
                    // Somebody put back, swapped or spoiled a stored reference: operators have to see it.
                    let mut event = trail(&attempt).event("factor.verified", AuditOutcome::Fault);
                    event.factor = Some(factor);
                    event
                        .detail
                        .insert("reason".into(), "stored reference refused".into());
                    self.store.append_event(event, now).await?;
                }
                // Nothing was compared: a part that is down costs nobody a try.
                self.not_tried(counted, factor).await?;
                return Err(error);
            }
        };
        self.metrics.login_step(factor, evidence.outcome);
        self.count_outcome(&attempt, evidence.outcome, now).await?;
        if evidence.gate == Some(Gate::Repeated) {
            attempt.seen_again = true;
        }
        let mut event = trail(&attempt).factor("factor.verified", factor, evidence.outcome);
        for (name, value) in [
            ("gate", evidence.gate.map(|gate| gate.as_str().to_owned())),
            (
                "cues",
                (!evidence.cues.is_empty()).then(|| evidence.cues.join(", ")),
            ),
            ("model", evidence.model.clone()),
            (
                "capture",
                evidence.capture.map(|c| format!("{c:?}").to_lowercase()),
            ),
            ("quality", evidence.quality.map(|q| q.to_string())),
            ("place", attempt.seen.place.told()),
        ] {
            event
                .detail
                .extend(value.map(|value| (name.to_owned(), value)));
        }
        if evidence.outcome == Outcome::Match {
            let booked = self
                .store
                .clear_tries_after(event, &counted.who, factor, now);
            booked.await?;
        } else {
            self.store.append_event(event, now).await?;
        }
        if let Some(alarm) = evidence.alarm {
            let mut event = trail(&attempt).factor("credential.alarm", factor, evidence.outcome);
            event.detail.insert("alarm".into(), alarm.as_str().into());
            self.store.append_event(event, now).await?;
        }
        match evidence.outcome {
            Outcome::Match => self.give_back(counted).await?,
            Outcome::NoMatch => self.count_failure(counted, now).await?,
            Outcome::Unusable => {}
        }
        match evidence.outcome {
            Outcome::Match => {
                attempt.take(evidence);
                let is_settled = self.settle_pair(&attempt, &counted.who, now).await?;
                let kept = attempt
                    .evidence
                    .iter()
                    .find(|e| e.outcome == Outcome::NoMatch);
                if let Some(kept) = kept.filter(|_| !is_settled && attempt.has_both()) {
                    attempt.notice = Some(Notice::NoMatch {
                        factor: kept.factor,
                    });
                }
            }
            // Not sure by itself: the other biometric is asked for, and what passed the floor is weighed with it. The try
            // stays counted until both together are accepted.
            Outcome::NoMatch if self.may_add(&attempt, &evidence).await? => {
                attempt.take(evidence);
                if !self.settle_pair(&attempt, &counted.who, now).await? {
                    attempt.notice = attempt.has_both().then_some(Notice::NoMatch { factor });
                }
            }
            Outcome::NoMatch => attempt.notice = Some(Notice::NoMatch { factor }),
            Outcome::Unusable => {
                self.not_tried(counted, factor).await?;
                let advice = evidence
                    .advice
                    .unwrap_or_else(|| "Please try again.".into());
                attempt.notice = Some(Notice::Unusable { advice });
            }
        }
        Ok(attempt.unwritten())
    }
}
