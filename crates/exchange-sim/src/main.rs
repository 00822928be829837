//! `klinecast-exchange`.
fn main() {}
