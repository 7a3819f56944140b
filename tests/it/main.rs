//! Real processes over real sockets.

mod crash;
mod gates;
mod import;
mod journey;
mod line;
mod restore;
mod security;
