//! Real processes over real sockets, and thousands of simulated districts.

mod bundle;
mod compliance;
mod crash;
mod district;
mod faults;
mod fork;
mod fuzz;
mod gates;
mod import;
mod journey;
mod line;
mod merger;
mod operation;
mod pages;
mod paper;
mod people;
mod reception;
mod recover;
mod reference;
mod restore;
mod schedule;
mod security;
mod sim;
mod storage;
mod upgrade;
