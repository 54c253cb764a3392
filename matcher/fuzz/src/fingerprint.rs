//! The folder of the same name in the crate, its parsers only.

#[path = "../../src/fingerprint/interchange/mod.rs"]
pub mod interchange;
#[path = "../../src/fingerprint/template.rs"]
pub mod template;
#[path = "../../src/fingerprint/wsq/mod.rs"]
pub mod wsq;
