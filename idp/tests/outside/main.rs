//! The provider as whoever runs it meets it: the documents, the example configurations, the program itself.

mod clients;
mod demonstration;
mod doctor;
mod documents;
mod mangled;
mod openapi;
