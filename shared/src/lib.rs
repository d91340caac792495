//! The library that the eight functions of the Casting Agency API share.
//!
//! Read in this order: an [`endpoint::Endpoint`] names its method, path and permission and handles
//! an [`endpoint::Authorized`] request; [`app::App`] has the state of a warm function and the one
//! pipeline that every request goes through; [`error::Error`] has every error that a client can
//! see.

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
