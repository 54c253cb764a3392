//! The scenarios, by what they are about: each runs the real binary, most of them with either backend.

mod administration;
mod chart;
mod ciba;
mod clients;
mod clients_of_others;
mod codes;
mod device;
mod dpop;
mod entra;
mod exchange;
mod ground;
mod introspection;
mod invitations;
mod log_leak;
mod login;
mod openapi;
mod outages;
mod pages;
mod people;
mod refresh;
mod replicas;
mod requests;
mod resources;
mod response_types;
mod samples;
mod tries;
