//! What is missing, to XGBoost: below everything else.
//!
//! Left to itself XGBoost learns at every split to which side what is missing goes. For that it keeps the rows as a sparse matrix, even if a
//! few columns lack values: twice the memory, and a quarter more time at every round. So missing values are learned from as the least
//! value there is, which goes left at every split that has an edge; and the model's file says that what is missing goes left.
//! Both say the same, so that all that reads the file answers as the model was trained.

use super::LIBRARY;
use crate::fit::FitError;

/// A key of the model's file (UBJSON) and what precedes its bytes: an array of typed bytes, its length as a 64-bit integer.
const FLAGS: &[u8] = b"default_left[$U#L";

/// The model, whose splits all send left what is missing.
///
/// # Errors
/// When the file is not of the form that the library writes.
pub(super) fn sent_left(mut file: Vec<u8>) -> Result<Vec<u8>, FitError> {
    let unknown = || FitError::Answer {
        library: LIBRARY,
        answer: "a model file without flags of what is missing".to_owned(),
        expected: "one array of them a tree",
    };
    let mut at = 0;
    let mut trees = 0;
    while let Some(found) = find(&file[at..], FLAGS) {
        let start = at + found + FLAGS.len();
        let length: [u8; 8] =
            file.get(start..start + 8).and_then(|bytes| bytes.try_into().ok()).ok_or_else(unknown)?;
        let nodes = usize::try_from(u64::from_be_bytes(length)).map_err(|_| unknown())?;
        let flags = file.get_mut(start + 8..).and_then(|rest| rest.get_mut(..nodes)).ok_or_else(unknown)?;
        flags.fill(1);
        at = start + 8 + nodes;
        trees += 1;
    }
    if trees == 0 { Err(unknown()) } else { Ok(file) }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|byte| *byte == first)?;
        if bytes[at..].starts_with(what) {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trees_flags_are_set_and_nothing_else() {
        let tree = |flags: &[u8]| [FLAGS, &(flags.len() as u64).to_be_bytes(), flags, b"left"].concat();
        let file = [b"{L".as_slice(), &tree(&[0, 1, 0]), &tree(&[]), &tree(&[0])].concat();
        let expected = [b"{L".as_slice(), &tree(&[1, 1, 1]), &tree(&[]), &tree(&[1])].concat();
        assert_eq!(sent_left(file).expect("a model"), expected);
        assert!(sent_left(b"no model".to_vec()).is_err());
        let torn = tree(&[0, 0, 0]);
        for end in FLAGS.len()..torn.len() - 4 {
            assert!(sent_left(torn[..end].to_vec()).is_err(), "{end}");
        }
    }
}
