//! Files that were cut off or damaged never panic, never hang, and, if they still load, can be scored.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use forest::Booster;
use proptest::prelude::*;

use crate::golden;

static FILES: LazyLock<Vec<(PathBuf, Vec<u8>)>> = LazyLock::new(|| {
    let names = [
        "lightgbm-categorical.txt",
        "lightgbm-multiclass.txt",
        "xgboost-categorical.ubj",
        "xgboost-softprob.ubj",
        "xgboost-dart-text.json",
    ];
    names
        .iter()
        .map(|name| {
            let path = golden::folder().join(name);
            let bytes = fs::read(&path).unwrap();
            (path, bytes)
        })
        .collect()
});

/// Loads and, if that works, scores and, if that can be, explains a few rows.
fn survive(file: usize, bytes: &[u8]) -> bool {
    let Ok(model) = golden::parse(&FILES[file].0, bytes) else { return false };
    let booster = Booster::new(&model);
    let mut out = vec![0.0; booster.output_count()];
    let mut explainer = model.explainer().ok();
    for value in [0.0, f64::NAN, f64::INFINITY, -1e300, 3.5] {
        let row = vec![value; booster.feature_count()];
        booster.predict(&row, &mut out).unwrap();
        model.margin(&row, &mut out).unwrap();
        if let Some(explainer) = &mut explainer {
            let mut contributions = vec![0.0; explainer.contribution_count()];
            explainer.contributions(&row, &mut contributions).unwrap();
        }
    }
    true
}

#[test]
fn no_file_that_was_cut_off_loads() {
    for (file, (path, bytes)) in FILES.iter().enumerate() {
        // LightGBM's last line may lose its line end.
        for length in (0..bytes.len() - 1).step_by(13) {
            assert!(!survive(file, &bytes[..length]), "{path:?} cut to {length} of {}", bytes.len());
        }
        assert!(survive(file, bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn damaged_files_never_panic(
        file in 0..5_usize,
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u32), 1..4),
    ) {
        let mut bytes = FILES[file].1.clone();
        for (index, bit) in damage {
            let index = index.index(bytes.len());
            bytes[index] ^= 1 << bit;
        }
        survive(file, &bytes);
    }

    #[test]
    fn spliced_files_never_panic(
        file in 0..5_usize,
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        length in 1..40_usize,
    ) {
        let mut bytes = FILES[file].1.clone();
        let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
        let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
        bytes.splice(to..to, piece);
        survive(file, &bytes);
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..200), file in 0..5_usize) {
        prop_assert!(!survive(file, &noise));
    }
}
