//! One damaged file, from its seed alone.

use forest::Limits;

use crate::random::Random;
use crate::seeds::{Format, Seed};
use crate::{document, lightgbm, plain, ubjson};

/// A file, and how it is read.
pub(crate) struct Case<'a> {
    pub(crate) of: &'a Seed,
    pub(crate) kind: &'static str,
    pub(crate) format: Format,
    pub(crate) bytes: Vec<u8>,
    pub(crate) limits: Limits,
}

/// Limits that small files reach.
const SMALL: Limits = Limits {
    bytes_max: 60_000,
    trees_max: 100,
    nodes_max: 2_000,
    depth_max: 64,
    features_max: 64,
    outputs_max: 8,
};

impl<'a> Case<'a> {
    pub(crate) fn new(seeds: &'a [Seed], random: &mut Random) -> Case<'a> {
        let of = random.pick(seeds);
        let mut format = of.format;
        let (kind, bytes) = match &of.document {
            _ if random.one_in(3) => {
                let same: Vec<&Seed> = seeds.iter().filter(|seed| seed.format == format).collect();
                let mut bytes = of.bytes.clone();
                plain::damage(&mut bytes, &random.pick(&same).bytes, random);
                ("plain", bytes)
            }
            None => {
                let text = std::str::from_utf8(&of.bytes).unwrap();
                ("lightgbm", lightgbm::damage(text, random).into_bytes())
            }
            Some(whole) => {
                let mut damaged = whole.clone();
                document::damage(&mut damaged, random);
                if random.one_in(2) {
                    format = Format::Json;
                    ("json", ubjson::to_json(&damaged))
                } else {
                    format = Format::Ubjson;
                    ("ubjson", ubjson::encode(&damaged))
                }
            }
        };
        let limits = if random.one_in(4) { SMALL } else { Limits::default() };
        Case { of, kind, format, bytes, limits }
    }
}
