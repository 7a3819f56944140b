//! Một Cửa at the commune office: records dossiers, works without a network, sends when there is a line.
//!
//! The journey of a dossier through this crate: [`web`] (or `cli` for an import) → [`store`] → [`uplink`].

pub mod backup;
pub mod bundle;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod door;
pub mod findings;
pub mod first_run;
pub mod forms;
pub mod handover;
pub mod lan;
pub mod office;
mod output;
pub mod people;
pub mod recover;
pub mod reference;
pub mod schedule;
pub mod store;
pub mod stream;
pub mod uplink;
pub mod web;
pub mod words;
