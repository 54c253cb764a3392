//! Two biometrics that are weighed together: what one that is not sure by itself is kept for, and when its tries end.

use time::OffsetDateTime;
use wire::FactorKind;

use super::LoginError;
use super::attempt::Attempt;
use super::journey::Journey;
use super::policy::is_biometric;
use crate::factors::{Evidence, Outcome};

impl Journey {
    /// Whether what does not match by itself is kept to be weighed with the other biometric: it passed the floor, nothing
    /// stopped it, the policy weighs both together, and the person can show the other one. What matched before is not
    /// given up for it.
    pub(super) async fn may_add(
        &self,
        attempt: &Attempt,
        evidence: &Evidence,
    ) -> Result<bool, LoginError> {
        let factor = evidence.factor;
        let matched = |e: &Evidence| e.factor == factor && e.outcome == Outcome::Match;
        if evidence.weight.is_none()
            || evidence.gate.is_some()
            || attempt.evidence.iter().any(matched)
        {
            return Ok(false);
        }
        let (Some(other), Some(subject)) =
            (self.demand(attempt)?.could_add(factor), attempt.subject())
        else {
            return Ok(false);
        };
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
