//! The whole API over a real provider in a temporary directory, asked through its router.

mod access;
mod audit;
mod clients;
mod fingerprint_records;
mod host;
mod operators;
mod policy;
mod refusals;
mod subjects;
