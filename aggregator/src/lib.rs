//! Một Cửa at the district: holds what the communes sent, and adds it up.
//!
//! Promise: what has a receipt is durable, and nothing is dropped. The journey of a segment reads:
//! [`tls`] → [`web`] → [`ingest`] → [`store`] → [`rollup`] → [`web`]. Start at [`cli::run`].

pub mod audit;
pub mod auth;
pub mod authority;
pub mod backup;
pub mod bundle;
pub mod cli;
pub mod comparison;
pub mod config;
pub mod filed;
pub mod findings;
pub mod glance;
pub mod ingest;
pub mod machines;
pub mod nightly;
pub mod nights;
pub mod offices;
pub mod operation;
pub mod output;
pub mod publication;
pub mod reference;
pub mod rollup;
pub mod store;
pub mod summary;
pub mod tls;
pub mod verify;
pub mod web;
