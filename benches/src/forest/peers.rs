//! Other scorers on the same models and rows.

mod counts;
mod hessboost;
mod lightgbm;
mod python;
mod shap;
mod xgboost;

use std::hint::black_box;
use std::path::Path;

use anyhow::{Context as _, Result};
use forest::{Booster, Ensemble, Library, Model};

pub(super) use self::counts::count;
use self::hessboost::Hessboost;
use self::lightgbm::LightGbm;
use self::xgboost::XgBoost;
use super::subject::{ROWS, Subject};
use super::{BATCHES, ours};
use crate::clock::nanoseconds_of_all_threads as nanoseconds;
use crate::report::{Goal, Measure};

/// The original libraries.
pub(super) struct Libraries {
    lightgbm: lightgbm::Api,
    xgboost: xgboost::Api,
}

impl Libraries {
    pub(super) fn load() -> Result<Self> {
        // hessboost divides batches among threads otherwise.
        // SAFETY: no other thread of this program reads the environment now: the suite runs on the main one alone.
        unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };
        Ok(Self { lightgbm: lightgbm::Api::load()?, xgboost: xgboost::Api::load()? })
    }
}

/// Ours beside the original and hessboost, in every batch size, and explanations.
pub(super) fn beside(libraries: &Libraries, subject: &Subject) -> Result<Vec<Measure>> {
    let mut measures = match subject.model.library() {
        Library::LightGbm => beside_lightgbm(libraries, subject)?,
        Library::XgBoost => beside_xgboost(libraries, subject)?,
    };
    measures.extend(explanations(libraries, subject)?);
    measures.push(shap::deviations(libraries, subject)?);
    Ok(measures)
}

/// Ours, which were measured already, beside the peers that are called from Python.
pub(super) fn in_python(python: &Path, subject: &Subject, measured: &[Measure]) -> Result<Vec<Measure>> {
    python::beside(python, subject, measured)
}

fn beside_lightgbm(libraries: &Libraries, subject: &Subject) -> Result<Vec<Measure>> {
    let booster = Booster::new(&subject.model);
    let peer = LightGbm::new(&libraries.lightgbm, subject)?;
    let hessboost = Hessboost::new(subject)?;
    let is_stress = subject.name.ends_with("stress");
    let mut measures = Vec::new();
    for batch in BATCHES {
        let mut ours = ours::score(&booster, &subject.rows, batch);
        let mut fast = || peer.single_row_fast(&subject.rows);
        let mut matrix = || peer.matrix(&subject.rows, batch);
        let mut other = || hessboost.margins(batch);
        let found = nanoseconds(&mut [&mut ours, &mut fast, &mut matrix, &mut other]);
        let [ours, fast, matrix, other] =
            found.iter().map(|found| found / ROWS as f64 / 1e3).collect::<Vec<_>>()[..]
        else {
            anyhow::bail!("four jobs were measured")
        };
        let name = format!("{}, {batch} rows", subject.name);
        let measure = |peer_name, peer| Measure::plain(name.clone(), "us", ours).beside(peer_name, peer);
        let factor = match (batch, is_stress) {
            (1, true) => Some(4.0),
            (1, false) => Some(5.0),
            (10, false) => Some(6.0),
            _ => None,
        };
        let fast_one = measure("SingleRowFast", fast);
        measures.push(match factor {
            Some(factor) => fast_one.with_goal(Goal::AtMost(fast / factor)),
            None => fast_one,
        });
        let whole = measure("PredictForMat", matrix);
        let has_goal = batch == 1_000 && !is_stress;
        measures.push(if has_goal { whole.with_goal(Goal::AtMost(matrix / 9.0)) } else { whole });
        measures.push(measure("hessboost (f32)", other));
        if batch == 1 {
            measures.extend(ours::of_a_visit(subject, ours * 1e3));
        }
    }
    Ok(measures)
}

fn beside_xgboost(libraries: &Libraries, subject: &Subject) -> Result<Vec<Measure>> {
    let booster = Booster::new(&subject.model);
    let peer = XgBoost::new(&libraries.xgboost, subject)?;
    let hessboost = Hessboost::new(subject)?;
    let mut measures = Vec::new();
    for batch in BATCHES {
        let mut ours = ours::score(&booster, &subject.rows, batch);
        let mut dense = || peer.dense(batch);
        let mut other = || hessboost.margins(batch);
        let found = nanoseconds(&mut [&mut ours, &mut dense, &mut other]);
        let [ours, dense, other] =
            found.iter().map(|found| found / ROWS as f64 / 1e3).collect::<Vec<_>>()[..]
        else {
            anyhow::bail!("three jobs were measured")
        };
        let name = format!("{}, {batch} rows", subject.name);
        let measure = |peer_name, peer| Measure::plain(name.clone(), "us", ours).beside(peer_name, peer);
        let original = measure("PredictFromDense", dense);
        let has_goal = batch == 1 && subject.name.ends_with("stress");
        measures.push(if has_goal { original.with_goal(Goal::AtMost(dense / 50.0)) } else { original });
        measures.push(measure("hessboost", other).with_goal(Goal::AtMost(other)));
        if batch == 1 {
            measures.extend(ours::of_a_visit(subject, ours * 1e3));
        }
    }
    Ok(measures)
}

/// SHAP values of ten rows at once.
fn explanations(libraries: &Libraries, subject: &Subject) -> Result<Vec<Measure>> {
    const BATCH: usize = 10;
    let rows = subject.first(BATCH);
    let mut explainer = subject.model.explainer()?;
    let mut out = vec![0.0; BATCH * explainer.contribution_count()];
    let hessboost = Hessboost::new(subject)?;
    let mut ours = || {
        let _ = black_box(explainer.contributions_batch(rows, &mut out));
    };
    let mut other = || drop(black_box(hessboost.contributions(BATCH)));
    let lightgbm = LightGbm::new(&libraries.lightgbm, subject);
    let xgboost = XgBoost::new(&libraries.xgboost, subject);
    let mut original = || match subject.model.library() {
        Library::LightGbm => drop(lightgbm.as_ref().map(|peer| peer.contributions(rows))),
        Library::XgBoost => drop(xgboost.as_ref().map(|peer| peer.contributions(BATCH))),
    };
    let found = nanoseconds(&mut [&mut ours, &mut original, &mut other]);
    let [ours, original, other] =
        found.iter().map(|found| found / BATCH as f64 / 1e3).collect::<Vec<_>>()[..]
    else {
        anyhow::bail!("three jobs were measured")
    };
    let measure = |peer_name, peer| {
        Measure::plain(format!("{}, SHAP", subject.name), "us", ours).beside(peer_name, peer)
    };
    Ok(vec![measure("the original", original), measure("hessboost", other).with_goal(Goal::AtMost(other))])
}

/// All boosters for ten symbols at one bar.
pub(super) fn whole_bar(libraries: &Libraries, bundle: &[Subject]) -> Result<Vec<Measure>> {
    const SYMBOLS: usize = 10;
    let models: Vec<Model> = bundle.iter().map(|subject| subject.model.clone()).collect();
    let ensemble = Ensemble::new(&models).context("the boosters read rows of different widths")?;
    let rows = &bundle.first().context("a bundle has boosters")?.rows;
    let mut out = vec![0.0; SYMBOLS * ensemble.output_count()];
    let mut ours = || {
        for rows in rows.chunks_exact(SYMBOLS * ensemble.feature_count()) {
            let _ = black_box(ensemble.predict_batch(rows, &mut out));
        }
    };
    let boosters: Vec<Booster> = models.iter().map(Booster::new).collect();
    let mut apart = || boosters.iter().for_each(|booster| ours::score(booster, rows, SYMBOLS)());
    let lightgbm = bundle.iter().filter(|subject| subject.model.library() == Library::LightGbm);
    let lightgbm: Result<Vec<_>> =
        lightgbm.map(|subject| LightGbm::new(&libraries.lightgbm, subject)).collect();
    let xgboost = bundle.iter().filter(|subject| subject.model.library() == Library::XgBoost);
    let xgboost: Result<Vec<_>> = xgboost.map(|subject| XgBoost::new(&libraries.xgboost, subject)).collect();
    let (lightgbm, xgboost) = (lightgbm?, xgboost?);
    let mut originals = || {
        lightgbm.iter().for_each(|peer| peer.matrix(rows, SYMBOLS));
        xgboost.iter().for_each(|peer| peer.dense(SYMBOLS));
    };
    let bars = (ROWS / SYMBOLS) as f64 * 1e3;
    let found = nanoseconds(&mut [&mut ours, &mut apart, &mut originals]);
    let [ours, apart, originals] = found.iter().map(|found| found / bars).collect::<Vec<_>>()[..] else {
        anyhow::bail!("three jobs were measured")
    };
    let name = format!("{} boosters, ten symbols, one bar", bundle.len());
    Ok(vec![
        Measure::plain(name.clone(), "us", ours)
            .beside("C interfaces", originals)
            .with_goal(Goal::AtMost(originals / 9.0)),
        Measure::plain(name, "us", ours).beside("ours, each alone", apart),
    ])
}
