//! Real processes over real sockets.

mod bundle;
mod crash;
mod gates;
mod import;
mod journey;
mod line;
mod security;
