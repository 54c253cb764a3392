//! What an attempt aims for: the first of its targets that the subject can reach, and the rule that it is held to.

use time::OffsetDateTime;
use wire::FactorKind;

use super::LoginError;
use super::addition::proves_possession;
use super::attempt::{Attempt, Target};
use super::journey::Journey;
use super::own_pages::binds;
use super::policy::{Circumstances, Demand, Policy, may_give};
use super::risk::DeviceKey;
use super::step::{Facts, Step, advance};
use crate::oidc::error::AuthorizationError;
use crate::oidc::external_method::can_answer;
use crate::oidc::request::Errand;

/// What is known of the subject and the deployment, whatever is aimed for.
pub(super) struct Known<'a> {
    pub available: &'a [FactorKind],
    pub enrolled: &'a [FactorKind],
    pub has_consent: bool,
}

impl Journey {
    /// The next step towards the first target that can be reached. A target that was asked for without insisting
    /// gives way to the next one (OIDC Core §5.5.1.1), and so does one that only a person could reach where nobody
    /// may be asked.
    pub(super) fn towards(
        &self,
        attempt: Attempt,
        known: &Known<'_>,
        now: OffsetDateTime,
    ) -> Result<(Attempt, Step), LoginError> {
        let mut targets = attempt.targets.clone();
        if targets.is_empty() {
            targets.push(Target {
                acr: attempt.acr.clone(),
                told: attempt.told.clone(),
            });
        }
        let mut chosen = None;
        for Target { acr, told } in targets {
            let attempt = Attempt {
                acr,
                told,
                ..attempt.clone()
            };
            let demand = self.demand(&attempt)?;
            let facts = Facts {
                demand: &demand,
                available: known.available,
                enrolled: known.enrolled,
                has_consent: known.has_consent,
                now,
            };
            let step = advance(&attempt, &facts);
            let is_out_of_reach = matches!(
                step,
                Step::Deny(
                    AuthorizationError::UnmetAuthenticationRequirements
                        | AuthorizationError::LoginRequired
                )
            );
            if !is_out_of_reach {
                return Ok((attempt, step));
            }
            chosen.get_or_insert((attempt, step));
        }
        chosen.ok_or(LoginError::Gone)
    }

    /// What an attempt is held to, in the circumstances of its last request.
    pub(super) fn demand(&self, attempt: &Attempt) -> Result<Demand, LoginError> {
        let policy = self.policy();
        let circumstances = circumstances(&policy, attempt);
        let demand = policy.demand(&attempt.acr, &circumstances);
        // The policy may have changed while the attempt was under way: then it begins anew.
        let demand = demand.ok_or(LoginError::Gone)?;
        if let Some(Errand::AddFactor { .. }) = attempt.request.errand {
            return Ok(demand.narrowed(proves_possession));
        }
        if let Some(Errand::Portal { binds: true, .. }) = attempt.request.errand {
            return Ok(demand.narrowed(|way| way.iter().copied().any(binds)));
        }
        Ok(match (&attempt.external, &attempt.told) {
            (Some(external), Some(told)) => demand.narrowed(|way| {
                way.iter()
                    .any(|factor| can_answer(*factor, told, &external.methods))
            }),
            _ => match attempt.request.claims.essential_amr() {
                Some(methods) => demand.narrowed(|way| may_give(way, &methods)),
                None => demand,
            },
        })
    }
}

/// Before anything was shown everybody is of no group, or what is asked for would tell who is of one.
pub(super) fn circumstances(policy: &Policy, attempt: &Attempt) -> Circumstances {
    let named = attempt
        .identity
        .as_ref()
        .filter(|_| !attempt.evidence.is_empty());
    let groups = named.map(|identity| policy.groups_of(&identity.username));
    Circumstances {
        client: attempt.request.client_id.to_string(),
        groups: Some(groups.unwrap_or_default()),
        address: attempt.seen.address,
        risk: attempt.risk.band,
        // Whose browser it would be is not known before either.
        trusted_device: named.is_none() || matches!(attempt.seen.device_key, DeviceKey::Known(_)),
    }
}
