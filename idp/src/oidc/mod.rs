//! The OpenID Connect protocol as pure functions and types.
//!
//! Nothing here waits, reads a clock, draws a random number or names a server or a database: `now` and
//! random bytes are arguments, records come in as values, and every function answers with what to do.
//! So each check can be tested by a table, and the clause that asks for it stands beside it.
//!
//! | Step | Module |
//! | --- | --- |
//! | outside text to parameters | [`parameters`] |
//! | authorization request in, response out | [`request`], [`request_object`], [`pushed`], [`claims_request`], [`prompt`], [`response_type`], [`response`] |
//! | who the client is and what it may do | [`client`], [`redirect_uri`], [`client_auth`], [`client_certificate`], [`distinguished_name`], [`pkce`] |
//! | a token request, its checks, what to issue | [`grants`], [`grant`], [`token_response`] |
//! | a person answers elsewhere | [`device`], [`backchannel`], [`backchannel_object`] |
//! | what a token is for, and bound to | [`resource`], [`authorization_details`], [`confirmation`], [`dpop`] |
//! | what goes into the tokens | [`id_token`], [`access_token`], [`claims`], [`subject`], [`sector`], [`acr`], [`amr`], [`scope`] |
//! | JWTs of others, and the stricter profile | [`signed`], [`fapi`] |
//! | one factor for another provider | [`external_hint`], [`external_method`] |
//! | afterwards | [`bearer`], [`introspection`], [`revocation`], [`logout`], [`logout_token`], [`session_state`] |
//! | about this provider | [`provider`], [`discovery`], [`token_metadata`], [`mtls`], [`signing_alg`] |

pub mod access_token;
pub mod acr;
pub mod amr;
pub mod authorization_details;
pub mod backchannel;
pub mod backchannel_object;
pub mod bearer;
pub mod claims;
pub mod claims_request;
pub mod client;
pub mod client_auth;
pub mod client_certificate;
pub mod client_document;
pub mod confirmation;
pub mod device;
pub mod discovery;
pub mod distinguished_name;
pub mod dpop;
pub mod error;
pub mod external_hint;
pub mod external_method;
pub mod fapi;
pub mod grant;
pub mod grants;
pub mod id_token;
pub mod introspection;
pub mod logout;
pub mod logout_token;
pub mod mtls;
pub mod parameters;
pub mod pkce;
pub mod prompt;
pub mod provider;
pub mod pushed;
pub mod redirect_uri;
pub mod request;
pub mod request_object;
pub mod resource;
pub mod response;
pub mod response_type;
pub mod revocation;
pub mod scope;
pub mod sector;
pub mod security_event;
pub mod session_state;
pub mod signed;
pub mod signing_alg;
pub mod subject;
pub mod token_metadata;
pub mod token_response;
pub mod unique;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod invariants;
#[cfg(test)]
mod properties;
