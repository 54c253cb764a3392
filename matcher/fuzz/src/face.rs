//! The folder of the same name in the crate, its parsers only, and what those need.

#[path = "../../src/face/contract.rs"]
pub mod contract;
#[path = "../../src/face/convert/mod.rs"]
pub mod convert;
#[path = "../../src/face/pack.rs"]
pub mod pack;
#[path = "../../src/face/score.rs"]
pub mod score;
#[path = "../../src/face/template.rs"]
pub mod template;
