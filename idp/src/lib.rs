//! Whorl, an OpenID Provider: the crate map.

pub mod http;
