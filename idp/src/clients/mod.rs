//! Clients as a service: what becomes of a registration's secret, and where a client's keys come from.
//!
//! What a client is and which registrations hold together is decided in [`crate::oidc::client`]; here are
//! the effects around it.

mod draft;
mod found;

pub use draft::{Draft, DraftError};
pub use found::Documents;
