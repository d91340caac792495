//! What the eight functions of the Casting Agency API share.
//!
//! Read in this order: an [`endpoint::Endpoint`] names its method, path and permission and handles an
//! [`endpoint::Authorized`] request; [`app::App`] is what a warm function keeps and the one pipeline that every
//! request goes through; [`error::Error`] is every outcome a client can see.

pub mod endpoint;

pub mod app;
pub mod error;
pub mod event;
pub mod permission;
pub mod route;

pub mod auth;
pub mod model;
pub mod store;

pub mod config;
pub mod https;
pub mod log;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
