//! Damage that knows nothing of the formats.

use crate::random::Random;

/// Changes a file in one to four places.
pub(crate) fn damage(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..random.several(4) {
        once(bytes, other, random);
    }
}

fn once(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    if bytes.is_empty() {
        bytes.extend(other);
        return;
    }
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(64)).min(bytes.len());
    match random.below(10) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next() as u8,
        2 => bytes[at] = *random.pick(b"0123456789-+.eE=:,[]{}\"\n $#LSTZdUilI"),
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => {
            let piece = bytes[at..end].to_vec();
            let to = random.below(bytes.len());
            for _ in 0..=random.below(3) {
                bytes.splice(to..to, piece.iter().copied());
            }
        }
        6 => {
            let from = random.below(other.len());
            let piece = &other[from..(from + 1 + random.below(400)).min(other.len())];
            bytes.splice(at..if random.one_in(2) { at } else { end }, piece.iter().copied());
        }
        7 => {
            // A file that goes over into another one.
            bytes.truncate(at);
            bytes.extend(&other[random.below(other.len())..]);
        }
        8 => {
            // A length or a number of a binary file.
            let number = *random.pick(&[0, 1, -1, i64::MIN, i64::MAX, 1 << 20, 1 << 32, 1 << 61]);
            let written = number.to_be_bytes();
            let size = *random.pick(&[1, 4, 8]).min(&(bytes.len() - at));
            bytes[at..at + size].copy_from_slice(&written[8 - size..]);
        }
        _ => number(bytes, at, random),
    }
}

/// Puts an odd number in the place of the first one from an offset on.
fn number(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) else { return };
    let end =
        bytes[start..].iter().position(|byte| !is_part(byte)).map_or(bytes.len(), |found| start + found);
    bytes.splice(start..end, random.odd_number().bytes());
}
