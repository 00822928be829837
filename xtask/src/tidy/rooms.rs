//! The rooms and who may import whom. The order and the edges are those of ARCHITECTURE.md.

/// One package of the workspace.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// The package's name.
    pub package: &'static str,
    /// Its folder, from the root.
    pub folder: &'static str,
    /// The rooms that it may import.
    pub may_import: &'static [&'static str],
    /// The rooms that its tests may import besides.
    pub tests_may_import: &'static [&'static str],
    /// Whether it has no I/O, no clock, no async and no randomness but from a seed.
    pub pure: bool,
}

const fn room(package: &'static str, folder: &'static str, may_import: &'static [&'static str]) -> Room {
    Room { package, folder, may_import, tests_may_import: &[], pure: false }
}

const fn pure(package: &'static str, folder: &'static str, may_import: &'static [&'static str]) -> Room {
    Room { package, folder, may_import, tests_may_import: &[], pure: true }
}

const fn tested_with(room: Room, tests_may_import: &'static [&'static str]) -> Room {
    Room { tests_may_import, ..room }
}

/// Every room; imports run up this list, never down.
pub const ROOMS: &[Room] = &[
    room("proto", "proto", &[]),
    pure("kline", "crates/kline", &[]),
    tested_with(room("market", "crates/market", &["kline"]), &["exchange-sim"]),
    pure("features", "crates/features", &["kline"]),
    pure("forest", "crates/forest", &[]),
    pure("forecast", "crates/forecast", &["kline", "features", "forest"]),
    tested_with(room("store", "crates/store", &["kline", "forecast"]), &["features", "forest"]),
    room("exchange-sim", "crates/exchange-sim", &["kline"]),
    tested_with(
        room(
            "klinecast-server",
            "server",
            &["proto", "kline", "market", "features", "forest", "forecast", "store"],
        ),
        &["exchange-sim", "klinecast", "klinecast-trainer"],
    ),
    tested_with(
        room("klinecast-trainer", "trainer", &["kline", "market", "features", "forest", "forecast", "store"]),
        &["exchange-sim"],
    ),
    room("klinecast", "client", &["proto"]),
    room("simulation", "simulation", &["kline", "market", "features", "forest", "forecast", "exchange-sim"]),
    room(
        "benches",
        "benches",
        &[
            "proto",
            "kline",
            "market",
            "features",
            "forest",
            "forecast",
            "store",
            "exchange-sim",
            "klinecast",
            "klinecast-trainer",
        ],
    ),
    room("xtask", "xtask", &[]),
];

/// The room that a file, named from the root, lives in.
#[must_use]
pub fn of(file: &str) -> Option<&'static Room> {
    ROOMS.iter().find(|room| file.strip_prefix(room.folder).is_some_and(|rest| rest.starts_with('/')))
}
