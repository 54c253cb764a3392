//! The ground that the end-to-end scenarios stand on: the real binary with real parts behind it, and a person's and an application's side of a login.
//!
//! | Module | What it is |
//! | --- | --- |
//! | [`missing`] | a part that is not on this machine: the test says so, or fails where all must run |
//! | [`keeper`] | a program that lives as long as the test process, however that ends |
//! | [`postgres`], [`moto`] | one of each a test run; a database, a bucket and a key of its own for each test |
//! | [`plug`] | a TCP connection to a part, which a test can pull |
//! | [`server`] | `whorl serve` on a free port with either backend |
//! | [`scene`] | a server, its owner and an application: where most scenarios begin |
//! | [`operator`] | a client of the admin API |
//! | [`subject`] | a person with a password, an authenticator app and recovery codes |
//! | [`person`] | a browser without JavaScript: cookies, pages, forms |
//! | [`bed`] | `whorl serve` with an example configuration for outside checkers |
//! | [`checker`] | an outside checker's side: registration, logins by the names of fields |
//! | [`fapi`] | a client of FAPI 2.0 |
//! | [`entra`] | Microsoft Entra's side of an external authentication method |
//! | [`outsiders`] | relying parties from npm, PyPI and Debian |
//! | [`relying_party`] | the application that logs people in, on `openidconnect` |
//! | [`machine`] | a client's forms that no browser sends, and its DPoP proofs |
//! | [`mutual_tls`] | a provider behind its own TLS, and connections with certificates |
//! | [`terminal`] | a program in a terminal: its screen and its keys |
//! | [`chart`] | the Helm chart, rendered and validated without a cluster |
//! | [`ear`] | a server of a client, which remembers what it heard |
//! | [`outside`] | a client's own https host: key sets, request objects, sector documents, logout endpoints |
//! | [`jose`] | JWS and JWE by an independent implementation |
//! | [`browser`], [`camera`] | Chromium with a virtual authenticator and a film for a camera |
//! | [`place_file`] | a small database of places in MaxMind's format |
//! | [`stand_in`] | an actor of the simulation before a camera |
//! | [`capture_line`] | a capture's page without a browser: key, signed messages, socket |
//!
//! Nothing here knows the provider's insides: it is met over the wire and by its command line.

pub mod bed;
pub mod browser;
pub mod camera;
pub mod capture_line;
pub mod chart;
pub mod checker;
pub mod ear;
pub mod entra;
pub mod fapi;
pub mod jose;
pub mod keeper;
pub mod machine;
pub mod missing;
pub mod moto;
pub mod mutual_tls;
pub mod operator;
pub mod outside;
pub mod outsiders;
pub mod person;
pub mod place_file;
pub mod plug;
pub mod postgres;
pub mod program;
pub mod qr;
pub mod relying_party;
pub mod scene;
pub mod server;
pub mod sink;
pub mod stand_in;
pub mod subject;
pub mod terminal;
