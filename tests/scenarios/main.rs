//! The scenarios, by what they are about: each runs the real binary, most of them with either backend.

mod administration;
mod chart;
mod clients;
mod codes;
mod ground;
mod invitations;
mod log_leak;
mod login;
mod outages;
mod pages;
mod people;
mod refresh;
mod requests;
mod response_types;
mod samples;
mod tries;
