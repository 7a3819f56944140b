//! Everything that crosses crates: a district and its communes as real processes, and a bad line between them.

pub mod browser;
pub mod caller;
pub mod crowd;
pub mod district;
pub mod fuzz;
pub mod line;
pub mod measure;
pub mod npm;
pub mod paper;
pub mod register;
pub mod sim;
pub mod world;
