//! What leaves the exchange under each fault, and that REST is right in the end.

mod answers;
mod connections;
mod determinism;
mod finals;
mod frames;
mod klines_silent;
mod raw_socket;
mod sockets;
mod symbols;
mod virtual_client;
