//! One login in progress: everything that it has to remember between two requests.
//!
//! The state is one JSON value in SQL, moved by compare-and-set on a revision, so that of many requests on
//! one attempt exactly one moves it. What an attempt remembers of a ceremony is consumed by the answer.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use wire::{AttemptId, FactorKind, SessionId, SubjectId};

use super::device::Device;
use super::policy::Moment;
use super::risk::{DeviceKey, Judged, Rhythm};
use crate::factors::{Challenge, Evidence, Outcome};
use crate::oidc::acr::Acr;
use crate::oidc::client::AmrFormat;
use crate::oidc::prompt::Prompt;
use crate::oidc::request::AuthorizationRequest;
use crate::places::Located;
use crate::store::{Credential, Subject};
use crate::words::Language;

/// One login in progress.
#[derive(Clone, Serialize, Deserialize)]
pub struct Attempt {
    #[serde(skip, default = "nil")]
    pub id: AttemptId,
    #[serde(skip)]
    pub revision: i64,
    /// Digest of the cookie of the browser that began it.
    #[serde(skip)]
    pub browser: String,
    /// Whether it holds what is not written yet.
    #[serde(skip)]
    pub is_unwritten: bool,
    /// Whom it is about, where the present request has just read that.
    #[serde(skip)]
    pub found: Option<Arc<(Subject, Vec<Credential>)>>,
    /// Whether the present request has just asked whom it is about, who may be nobody.
    #[serde(skip)]
    pub is_looked_up: bool,
    /// Where the present request on it comes from; for the audit trail.
    #[serde(skip)]
    pub address: Option<IpAddr>,
    /// Whether the audit trail knows of it.
    #[serde(default)]
    pub is_told: bool,
    /// By which the browser of the present request may be known again.
    #[serde(skip)]
    pub mark: Option<String>,
    /// What its pages speak.
    #[serde(skip)]
    pub language: Language,
    pub request: AuthorizationRequest,
    pub client_name: String,
    /// The sector in which the client's subjects have names of their own, where it has one.
    #[serde(default)]
    pub sector: Option<String>,
    /// Whether the client's registration waives the consent page.
    pub trusted: bool,
    /// The acr that policy holds this attempt to, now.
    pub acr: Acr,
    /// What the client is told in its place: the word of its own that it asked with.
    #[serde(default)]
    pub told: Option<Acr>,
    /// What the attempt may aim for, the first that the subject can reach.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// How the client wants the methods told.
    #[serde(default = "all_of_them")]
    pub amr: AmrFormat,
    /// Where this is one factor for another provider.
    #[serde(default)]
    pub external: Option<External>,
    pub identity: Option<Identity>,
    /// The session of this browser when the attempt began.
    pub session: Option<SessionId>,
    /// What has been shown so far, here or in the session.
    pub evidence: Vec<Evidence>,
    /// The factor that the person chose, and whether a choice was asked for.
    pub chosen: Option<FactorKind>,
    pub choosing: bool,
    pub pending: Option<Pending>,
    pub consent: Consent,
    /// Of the prompts that have a page of their own, those that the person has been through.
    #[serde(default)]
    pub passed: BTreeSet<Prompt>,
    /// What is known of the keys of its browser. On the heap: an attempt is held many times over.
    #[serde(default)]
    pub device: Box<Device>,
    /// From where it was last moved.
    #[serde(default)]
    pub seen: Seen,
    /// A sample was presented that was accepted once before.
    #[serde(default)]
    pub seen_again: bool,
    /// How likely it is that somebody else is at work.
    #[serde(default)]
    pub risk: Judged,
    /// What to tell the person on the next page.
    pub notice: Option<Notice>,
    #[serde(with = "time::serde::rfc3339")]
    pub began_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// As far as the proxies vouch for it.
    pub address: Option<IpAddr>,
    /// At most 256 characters of what the browser says it is.
    pub user_agent: Option<String>,
    /// Where the address is, by the databases that are configured.
    #[serde(default)]
    pub place: Place,
    /// Client hints, in one order.
    #[serde(default)]
    pub hints: Option<String>,
    /// How the page was filled in.
    #[serde(default)]
    pub page: Rhythm,
    /// The key that the browser keeps.
    #[serde(default)]
    pub device_key: DeviceKey,
}

/// Where somebody is, as it is kept and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    pub city: Option<String>,
}

impl Place {
    /// In words, where anything is known: `Oslo, NO`.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let names: Vec<&str> = [&self.city, &self.country]
            .into_iter()
            .filter_map(|name| name.as_deref())
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    }
}

impl From<Located> for Place {
    fn from(located: Located) -> Self {
        Self {
            country: located.country,
            city: located.city,
        }
    }
}

/// One of the assurances that an attempt may end with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Ours.
    pub acr: Acr,
    /// The client's word for it, where it asked with one.
    pub told: Option<Acr>,
}

/// What a login for another provider has to keep.
#[derive(Clone, Serialize, Deserialize)]
pub struct External {
    /// What that provider calls the person.
    pub sub: String,
    /// Whose account is linked to that. Nobody else can answer.
    pub subject: SubjectId,
    /// The methods that it takes; empty for all.
    pub methods: Vec<String>,
}

fn all_of_them() -> AmrFormat {
    AmrFormat::List
}

fn nil() -> AttemptId {
    AttemptId(uuid::Uuid::nil())
}

/// Who the person says to be; whether there is such a subject is not shown.
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    /// As typed, in its canonical form.
    pub username: String,
    pub subject: Option<SubjectId>,
}

/// A challenge that waits for its answer.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    pub factor: FactorKind,
    pub challenge: Challenge,
    pub remember: Value,
}

/// Where the consent page stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    Unasked,
    Allowed,
    Denied,
}

/// What went wrong at the last answer, in words that tell an attacker nothing new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Notice {
    /// It did not match.
    NoMatch { factor: FactorKind },
    /// The sample could not be used; what to do.
    Unusable { advice: String },
    /// Too many failures; try again later, or another way.
    Wait { seconds: u64 },
    /// The answer could not be read, or came twice.
    TryAgain,
    /// Somebody has the name that was chosen for a new account.
    NameTaken,
    /// A new account may not have the name that was chosen.
    NameUnfit,
}

impl Attempt {
    /// Whether anything was proved in this attempt or in its session.
    #[must_use]
    pub fn has_proof(&self) -> bool {
        self.evidence.iter().any(|e| e.outcome == Outcome::Match)
    }

    /// Drops what a session vouched for: what was proved in the attempt itself stays.
    pub(super) fn drop_carried(&mut self) {
        let began_at = self.began_at;
        self.evidence.retain(|evidence| evidence.at >= began_at);
    }

    /// The same, to be written before anybody is answered.
    #[must_use]
    pub(super) fn unwritten(mut self) -> Self {
        self.is_unwritten = true;
        self
    }

    /// Takes evidence in the place of what there was of its factor.
    pub(super) fn take(&mut self, evidence: Evidence) {
        self.notice = None;
        self.chosen = None;
        self.choosing = false;
        self.evidence
            .retain(|earlier| earlier.factor != evidence.factor);
        self.evidence.push(evidence);
    }

    /// Drops what was proved, begun and judged of one person: somebody else is at work.
    pub(super) fn forget_person(&mut self) {
        self.evidence.clear();
        self.session = None;
        self.risk = Judged::default();
        self.device.forget_offer();
    }

    /// Lets go of what is not kept of whoever had the biometrics erased.
    pub(super) fn mind_erasure(&mut self, subject: &Subject) {
        if subject.biometrics_erased_at.is_some() {
            self.seen.page = self.seen.page.without_the_person();
        }
    }

    /// Whether a face and a fingerprint were shown.
    pub(super) fn has_both(&self) -> bool {
        let factors: Vec<FactorKind> = self.evidence.iter().map(|e| e.factor).collect();
        super::policy::rule::fuses(&factors)
    }

    /// The moment at which its evidence is looked at.
    #[must_use]
    pub fn moment(&self, now: OffsetDateTime) -> Moment {
        Moment {
            since: self.request.earliest_auth_time(self.began_at),
            now,
        }
    }

    /// What its browser showed of a key of the subject.
    #[must_use]
    pub fn device_key(&self) -> DeviceKey {
        match self.subject().and_then(|subject| self.device.of(subject)) {
            Some(id) => DeviceKey::Known(id.as_u64_pair().1),
            None if self.device.is_answered => DeviceKey::Unknown,
            None => DeviceKey::None,
        }
    }

    /// The subject, once there is one.
    #[must_use]
    pub fn subject(&self) -> Option<SubjectId> {
        self.identity.as_ref().and_then(|identity| identity.subject)
    }
}
