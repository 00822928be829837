//! Every form against the plain scorer, bit for bit, with and without this machine's own instructions, on all golden models
//! and on rows whose values stand on thresholds, one step beside them, or are special.

#[path = "../../tests/shared/seeded.rs"]
mod seeded;

use std::path::Path;

use self::seeded::Random;
use super::machine::Machine;
use super::packed::Packed;
use super::ranked::Ranked;
use super::ranking::Ranking;
use super::scores::Scores;
use super::{Form, reference};
use crate::link::Link;
use crate::model::Head;
use crate::tree::{Missing, Node, Rule, Tree};
use crate::{Ensemble, Library, Limits, Model};

/// The models of the goldens, those that are read.
fn models() -> Vec<(String, Model)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let mut models = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let bytes = std::fs::read(&path).expect("readable");
        let limits = Limits::default();
        let model = match path.extension().and_then(|extension| extension.to_str()) {
            Some("txt") => Model::from_lightgbm_text(&bytes, &limits),
            Some("ubj") => Model::from_xgboost_ubjson(&bytes, &limits),
            Some("json") => Model::from_xgboost_json(&bytes, &limits),
            _ => continue,
        };
        models.extend(model.ok().map(|model| (path.display().to_string(), model)));
    }
    // A full block of trees, which some forms walk together, and a few beside it.
    for at in 0..models.len() {
        let (name, mut many) = models[at].clone();
        let trees = many.trees.iter().cycle().take(70).cloned().collect();
        many.trees = trees;
        models.push((format!("{name}, its trees repeated"), many));
    }
    assert!(models.len() > 40, "{} models", models.len());
    models
}

/// Models of features with few to very many thresholds, each next to its powers of two: all lengths of searches, and features
/// that are several sources. Trees are chains of 60 splits; what is missing goes left at some.
fn models_of_many_thresholds() -> Vec<(String, Model)> {
    const COUNTS: [usize; 18] = [1, 6, 7, 8, 15, 16, 31, 32, 62, 63, 64, 127, 128, 253, 254, 255, 256, 600];
    let mut random = Random(11);
    let mut splits: Vec<(u32, f32)> = Vec::new();
    for (feature, count) in (0..).zip(COUNTS) {
        splits.extend((0..count).map(|at| (feature, at as f32 / 8.0 - 3.0)));
    }
    for at in (1..splits.len()).rev() {
        splits.swap(at, random.below(at + 1));
    }
    let kinds = [Library::LightGbm, Library::LightGbm, Library::LightGbm, Library::XgBoost];
    let missing = [Missing::Never, Missing::Zero, Missing::NotANumber, Missing::NotANumber];
    let model = |(library, missing): (Library, Missing)| {
        let mut trees = Vec::new();
        for chain in splits.chunks(60) {
            let mut nodes = Vec::new();
            for (feature, threshold) in chain {
                let default_left = random.below(2) == 0;
                let rule = match library {
                    Library::LightGbm => {
                        Rule::AtMost { threshold: f64::from(*threshold), missing, default_left }
                    }
                    Library::XgBoost => Rule::Below { threshold: *threshold, default_left },
                };
                let at = nodes.len() as u32;
                nodes.push(Node::Split { feature: *feature, rule, left: at + 1, right: at + 2 });
                nodes.push(Node::Leaf { value: f64::from(random.below(1_000) as f32 / 7.0), index: at });
            }
            nodes.push(Node::Leaf { value: 0.3, index: nodes.len() as u32 });
            trees.push(Tree { output: 0, nodes, covers: Vec::new(), depth: chain.len() });
        }
        let head = Head {
            library,
            objective: String::new(),
            feature_names: COUNTS.iter().map(|count| format!("of {count} thresholds")).collect(),
            base: vec![0.1],
            average_over: None,
            link: Link::Identity,
        };
        (format!("many thresholds, {library}, {missing:?}"), Model { head, trees })
    };
    kinds.into_iter().zip(missing).map(model).collect()
}

const SPECIAL: [f64; 14] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    1e-35_f32 as f64,
    -1e-35_f32 as f64,
    1e-36,
    5e-324,
    f64::MAX,
    -2.0,
    1.5,
    17.0,
    39.0,
];

/// Rows near the thresholds of a model.
fn rows(model: &Model, count: usize) -> Vec<f64> {
    let mut random = Random(7);
    let mut cuts = vec![Vec::new(); model.feature_count()];
    for node in model.trees.iter().flat_map(|tree| &tree.nodes) {
        match node {
            Node::Split { feature, rule: Rule::AtMost { threshold, .. }, .. } => {
                cuts[*feature as usize].push(*threshold);
            }
            Node::Split { feature, rule: Rule::Below { threshold, .. }, .. } => {
                cuts[*feature as usize].push(f64::from(*threshold));
            }
            _ => {}
        }
    }
    let mut rows = Vec::with_capacity(count * cuts.len());
    for _ in 0..count {
        for cuts in &cuts {
            let near = |cut: f64, random: &mut Random| match random.below(5) {
                0 => cut.next_up(),
                1 => cut.next_down(),
                2 => f64::from((cut as f32).next_up()),
                3 => f64::from((cut as f32).next_down()),
                _ => cut,
            };
            rows.push(match random.below(4) {
                0 => SPECIAL[random.below(SPECIAL.len())],
                _ if cuts.is_empty() => random.below(60) as f64 - 5.0,
                _ => near(cuts[random.below(cuts.len())], &mut random),
            });
        }
    }
    rows
}

fn bits_of(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn every_form_answers_the_plain_scorers_bits() {
    const ROWS: usize = 1_003;
    let (mut of_bits, mut of_packed) = (0, 0);
    for (name, model) in models().into_iter().chain(models_of_many_thresholds()) {
        let rows = rows(&model, ROWS);
        let outputs = model.output_count();
        let mut plain = vec![0.0; ROWS * outputs];
        for (row, scores) in rows.chunks_exact(model.feature_count()).zip(plain.chunks_exact_mut(outputs)) {
            reference::margin(&model, row, scores);
        }
        for machine in [Machine::portable(), Machine::gathering(), Machine::detect()] {
            let ranked = Ranking::new(model.head.library, [&model], machine).and_then(|ranking| {
                let trees = Ranked::new(&model, &ranking.places(&model)?, machine)?;
                Some(Form::Ranked(ranking, trees))
            });
            let packed = Packed::new(&model, machine).map(|packed| Form::Packed(packed, None));
            let chosen = Form::of_machine(&model, machine);
            of_bits += usize::from(ranked.is_some());
            of_packed += usize::from(packed.is_some());
            for form in [ranked, packed, Some(chosen)].into_iter().flatten() {
                // In batches of every size up to more than pass together.
                let (mut at, mut size) = (0, 1);
                while at < ROWS {
                    let end = (at + size).min(ROWS);
                    let mut scores = vec![f64::NAN; (end - at) * outputs];
                    let width = model.feature_count();
                    let room = Scores::dense(&mut scores, outputs);
                    form.margins(&model.head, &rows[at * width..end * width], room);
                    let expected = &plain[at * outputs..end * outputs];
                    assert_eq!(
                        bits_of(&scores),
                        bits_of(expected),
                        "{name}, rows {at} to {end}, {machine:?}"
                    );
                    (at, size) = (end, size % 83 + 1);
                }
            }
        }
    }
    assert!(of_bits > 240 && of_packed > 240, "{of_bits} as bit vectors, {of_packed} packed");
}

#[test]
fn an_ensemble_answers_what_its_members_answer() {
    const ROWS: usize = 23;
    let models: Vec<Model> =
        models().into_iter().map(|(_, model)| model).filter(|model| model.feature_count() == 5).collect();
    let ensemble = Ensemble::new(&models).expect("of one width");
    assert_eq!(ensemble.member_count(), models.len());
    let rows: Vec<f64> = models.iter().flat_map(|model| rows(model, 1)).cycle().take(ROWS * 5).collect();
    let mut answers = vec![f64::NAN; ROWS * ensemble.output_count()];
    ensemble.predict_batch(&rows, &mut answers).expect("of this width");
    for (row, answers) in rows.chunks_exact(5).zip(answers.chunks_exact(ensemble.output_count())) {
        let mut single = vec![f64::NAN; ensemble.output_count()];
        ensemble.predict(row, &mut single).expect("of this width");
        assert_eq!(bits_of(&single), bits_of(answers));
        for (member, model) in models.iter().enumerate() {
            let mut plain = vec![0.0; model.output_count()];
            model.predict(row, &mut plain).expect("of this width");
            assert_eq!(bits_of(&plain), bits_of(&answers[ensemble.outputs(member)]), "member {member}");
        }
    }
}
