//! The HTTP side: parse a request, call one function, render the answer.

pub mod assets;
pub mod pages;
