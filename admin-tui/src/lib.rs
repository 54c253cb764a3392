//! The operator's terminal: a client of Whorl's admin HTTP API, never of its database.
//!
//! [`event`] turns keys, resizes, ticks and replies into messages; [`app`] holds all the state and its `update` is pure,
//! a message in and commands out; [`run`] carries the commands out with [`api`], the typed client; [`screens`] only draw.
//! [`keys`] is the one table that dispatches and is the help; [`theme`] is the one place that knows colours.
//! [`script`] is the same API for scripts, without screens.

pub mod api;
pub mod app;
pub mod cli;
mod clock;
pub mod connect;
pub mod diff;
pub mod editor;
pub mod event;
pub mod keys;
pub mod remarks;
pub mod run;
pub mod screens;
pub mod script;
pub mod theme;
mod when;
