//! Our scorers.

use std::hint::black_box;

use anyhow::{Context as _, Result};
use forest::{Booster, Ensemble, Limits, Model};

use super::subject::Subject;
#[cfg(not(feature = "peers"))]
use super::{BATCHES, subject::ROWS};
use crate::clock::nanoseconds;
use crate::report::{Goal, Measure};

/// What a bundle costs to load and to keep.
pub(super) fn of_bundle(bundle: &[Subject]) -> Result<Vec<Measure>> {
    let models: Vec<Model> = bundle.iter().map(|subject| subject.model.clone()).collect();
    let ensemble = Ensemble::new(&models).context("the boosters read rows of different widths")?;
    let nodes: usize = models.iter().map(Model::node_count).sum();
    let trees: usize = models.iter().map(Model::tree_count).sum();
    let visits: f64 = bundle.iter().map(|subject| subject.visits).sum();
    let mut load = || {
        let read = bundle.iter().map(|subject| {
            let limits = Limits::default();
            match subject.file.starts_with(b"tree") {
                true => Model::from_lightgbm_text(&subject.file, &limits),
                false => Model::from_xgboost_ubjson(&subject.file, &limits),
            }
        });
        let models: Result<Vec<Model>, _> = read.collect();
        drop(black_box(models.map(|models| Ensemble::new(&models))));
    };
    let loaded = nanoseconds(&mut [&mut load])[0];
    Ok(vec![
        Measure::plain(format!("load of {} boosters", bundle.len()), "ms", loaded / 1e6)
            .with_goal(Goal::AtMost(50.0)),
        Measure::plain("memory of a node, all boosters", "bytes", ensemble.bytes() as f64 / nodes as f64)
            .with_goal(Goal::AtMost(12.0)),
        Measure::plain("trees", "count", trees as f64),
        Measure::plain("visits a row", "count", visits),
    ])
}

/// Microseconds a row of a booster asked for raw scores in batches of this size.
pub(super) fn score<'a>(booster: &'a Booster, rows: &'a [f64], batch: usize) -> impl FnMut() + 'a {
    let mut out = vec![0.0; batch * booster.output_count()];
    move || {
        for rows in rows.chunks_exact(batch * booster.feature_count()) {
            let _ = black_box(booster.margin_batch(rows, &mut out));
        }
    }
}

/// What one of the visits and one of the trees of a row take of its nanoseconds.
pub(super) fn of_a_visit(subject: &Subject, nanoseconds: f64) -> [Measure; 2] {
    let trees = subject.model.tree_count() as f64;
    [
        Measure::plain(format!("{}, 1 row, a visit", subject.name), "ns", nanoseconds / subject.visits),
        Measure::plain(format!("{}, 1 row, a tree", subject.name), "ns", nanoseconds / trees),
    ]
}

/// One model without peers.
#[cfg(not(feature = "peers"))]
pub(super) fn alone(subject: &Subject) -> Result<Vec<Measure>> {
    let booster = Booster::new(&subject.model);
    let mut measures = Vec::new();
    for batch in BATCHES {
        let found = nanoseconds(&mut [&mut score(&booster, &subject.rows, batch)])[0] / ROWS as f64;
        measures.push(Measure::plain(format!("{}, {batch} rows", subject.name), "us", found / 1e3));
        if batch == 1 {
            measures.extend(of_a_visit(subject, found));
        }
    }
    Ok(measures)
}
