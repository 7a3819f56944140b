//! The pure core of Một Cửa: what a dossier is, how it is logged, counted, reported and sent.
//!
//! Promise: nothing here learns the time, a file, the environment or a socket. Time, ids and chance are arguments,
//! so that every decision can be replayed. The journey of one dossier reads:
//! [`dossier`] → [`entry`] → [`sync`] → [`wire`] → [`contribution`] → [`report`].

pub mod access;
pub mod appointment;
pub mod assets;
pub mod book;
pub mod bundle;
pub mod calendar;
pub mod catalogue;
pub mod certainty;
pub mod certification;
pub mod clock;
pub mod contribution;
pub mod correction;
pub mod deadline;
pub mod decision;
pub mod declared;
pub mod dictionary;
pub mod doctor;
pub mod document;
pub mod dossier;
pub mod enrolment;
pub mod entry;
pub mod handover;
pub mod import;
pub mod index766;
pub mod indicator;
pub mod narrative;
pub mod office;
pub mod paper;
pub mod patience;
pub mod period;
pub mod publication;
pub mod reason;
pub mod reception;
pub mod reference;
pub mod report;
pub mod rule;
pub mod ruleset;
pub mod same_person;
pub mod satisfaction;
pub mod schedule;
pub mod seal;
pub mod search;
pub mod statement;
pub mod step;
pub mod survey;
pub mod sync;
pub mod table;
pub mod text;
pub mod typed;
pub mod unit;
pub mod wire;
