//! Frames that are cut or mixed.

use super::Draw;

/// The frames of a connection that are still to be torn.
#[derive(Debug)]
pub(crate) struct Torn {
    pub(crate) frames: usize,
    pub(crate) draw: Draw,
}

/// What becomes of a frame's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rag {
    /// Another text, which is no JSON.
    Text(String),
    /// The same text in so many fragments.
    Fragments(usize),
}

/// Tears an object of JSON. `fragments`: whether that may be done too.
pub(crate) fn tear(draw: &mut Draw, text: &str, fragments: bool) -> Rag {
    // A beginning of an object, alone or before a whole one, never closes what it has opened.
    let cut = text.get(..1 + draw.below(text.len().saturating_sub(1))).unwrap_or("{");
    match draw.below(if fragments { 3 } else { 2 }) {
        0 => Rag::Text(cut.to_owned()),
        1 => Rag::Text(format!("{cut}{text}")),
        _ => Rag::Fragments(2 + draw.below(3)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_torn_frame_is_no_json_wherever_it_was_cut() {
        let text = r#"{"stream":"btcusdt@kline_15m","data":{"e":"kline","k":{"t":1,"x":true,"B":"0"}}}"#;
        let mut seen = [0_u32; 3];
        for seed in 0..2_000 {
            match tear(&mut Draw::of(&[seed]), text, seed % 2 == 0) {
                Rag::Text(torn) => {
                    assert!(serde_json::from_str::<Value>(&torn).is_err(), "{torn}");
                    seen[usize::from(torn.len() > text.len())] += 1;
                }
                Rag::Fragments(count) => {
                    assert!(seed % 2 == 0 && (2..=4).contains(&count));
                    seen[2] += 1;
                }
            }
        }
        assert!(seen.iter().all(|count| *count > 100), "{seen:?}");
    }
}
