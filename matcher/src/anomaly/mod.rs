//! Anomaly scoring: how likely it is that an attempt to sign in is not the person's, and why.
//!
//! Two questions with a model each. "Is this like this person?": a likelihood ratio for every [`Event`] against the
//! person's [`Profile`] (Freeman et al., NDSS 2016, with the extensions of Wiefling et al., ACM TOPS 2022), one for each
//! kind of attacker. "Is this like anybody?": an isolation forest over the service (Liu et al. 2008, extended by Hariri
//! et al. 2019). Together they give the probability of a [`Score`], with its reasons. Nothing is learned from labels.
//!
//! The cycle of a login:
//!
//! 1. fill an [`Event`] ([`Traffic`] or the store counts [`Recent`]);
//! 2. [`Service::score`] with the person's profile; the policy reads the probability, [`Score::is_cold`] and the reasons;
//! 3. once the login is accepted, [`Service::learn`] or [`Service::teach`], [`Accepted::Confirmed`] where a further factor was passed;
//! 4. store [`Profile::to_bytes`]; every night [`train`] on the history of six months, and store [`Service::to_bytes`].
//!
//! A score may demand more than the policy and never less.

mod agent;
mod census;
mod codec;
mod countries;
mod event;
mod experts;
mod features;
pub mod forest;
mod gauge;
mod geography;
mod habits;
pub mod history;
mod memory;
mod params;
mod profile;
pub mod random;
mod reason;
mod rhythm;
mod score;
mod service;
mod traffic;
mod training;
mod value;

pub use codec::ModelError;
pub use event::{Agent, DeviceKey, Event, Page, Place, Recent};
pub use habits::Habits;
pub use params::FORGOTTEN_AFTER_S;
pub use profile::Profile;
pub use reason::{Cause, Reason};
pub use score::{Likeness, Score};
pub use service::{Accepted, Service};
pub use traffic::{Outcome, Traffic};
pub use training::{Login, Trainer, train};
pub use value::{Attribute, Values, prefix_of, product, values};

#[cfg(test)]
mod tests;
