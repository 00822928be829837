//! What one answer costs: time, and instructions for each node visit.
//!
//! ```text
//! cargo run -p forest --example cost_of_a_score                         # a synthetic model, seeded
//! cargo run -p forest --example cost_of_a_score -- model.txt            # LightGBM; .ubj and .json are XGBoost's
//! cargo run -p forest --example cost_of_a_score -- --callgrind          # instructions too, if valgrind is there
//! ```

use std::fmt::Write as _;
use std::process::Command;
use std::time::Instant;

use forest::{Booster, Limits};

const FEATURES: usize = 64;
const ROWS: usize = 1_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let flag = |name: &str| arguments.iter().position(|argument| argument == name);
    let path = arguments.first().filter(|argument| !argument.starts_with("--"));
    let mut random = Random(7);
    let booster = match path {
        None => Booster::from_lightgbm_text(synthetic_model(&mut random).as_bytes(), &Limits::default())?,
        Some(path) => load(path)?,
    };
    let rows: Vec<f64> = (0..ROWS * booster.feature_count()).map(|_| random.value()).collect();
    if let Some(index) = flag("--repeat") {
        // The part that callgrind counts.
        let count: usize = arguments[index + 2].parse()?;
        return repeat(&booster, &rows, &arguments[index + 1], count);
    }
    let visits = visits(&booster, &rows)?;
    println!(
        "{} {}: {} trees, {} nodes, {visits:.0} visits a row",
        booster.library(),
        booster.objective(),
        booster.tree_count(),
        booster.node_count()
    );
    for (what, batch) in [("reference", 1), ("packed", 1), ("packed", 10), ("packed", ROWS)] {
        let microseconds = time(&booster, &rows, what, batch)?;
        let per_visit = microseconds * 1e3 / visits;
        print!("{what:>9}, {batch:>4} rows: {microseconds:>8.2} us a row, {per_visit:>5.2} ns a visit");
        match flag("--callgrind").and_then(|_| instructions(path, what, batch)) {
            Some(count) => println!(", {:>5.1} instructions a visit", count / visits),
            None => println!(),
        }
    }
    Ok(())
}

fn load(path: &str) -> Result<Booster, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let limits = Limits::default();
    let start = Instant::now();
    let booster = match path.rsplit('.').next() {
        Some("ubj") => Booster::from_xgboost_ubjson(&bytes, &limits)?,
        Some("json") => Booster::from_xgboost_json(&bytes, &limits)?,
        _ => Booster::from_lightgbm_text(&bytes, &limits)?,
    };
    println!("read {} bytes in {:.1} ms", bytes.len(), start.elapsed().as_secs_f64() * 1e3);
    Ok(booster)
}

fn visits(booster: &Booster, rows: &[f64]) -> Result<f64, forest::RowError> {
    let mut leaves = vec![0; booster.tree_count()];
    let mut total = 0;
    for row in rows.chunks_exact(booster.feature_count()) {
        total += booster.leaves(row, &mut leaves)?;
    }
    Ok(total as f64 / ROWS as f64)
}

/// Answers `ROWS` rows once, `batch` at a time.
fn pass(booster: &Booster, rows: &[f64], what: &str, batch: usize) -> Result<f64, forest::RowError> {
    let mut out = vec![0.0; batch * booster.output_count()];
    let mut sum = 0.0;
    for rows in rows.chunks_exact(batch * booster.feature_count()) {
        if what == "reference" {
            booster.margin_by_reference(rows, &mut out)?;
        } else {
            booster.margin_batch(rows, &mut out)?;
        }
        sum += out[0];
    }
    Ok(sum)
}

/// CPU time of this thread so far, since machines are shared; elsewhere than on Linux the time that has passed.
fn now(start: Instant) -> f64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = schedule.as_deref().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| start.elapsed().as_secs_f64() * 1e6, |nanoseconds| nanoseconds / 1e3)
}

/// The median of seven passes, in microseconds a row.
fn time(booster: &Booster, rows: &[f64], what: &str, batch: usize) -> Result<f64, forest::RowError> {
    let (mut times, start) = (Vec::new(), Instant::now());
    for _ in 0..7 {
        let begin = now(start);
        std::hint::black_box(pass(booster, rows, what, batch)?);
        times.push((now(start) - begin) / ROWS as f64);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[3])
}

fn repeat(
    booster: &Booster,
    rows: &[f64],
    what: &str,
    count: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let (what, batch) = what.split_once('-').ok_or("expected reference-1 or packed-10")?;
    for _ in 0..count {
        std::hint::black_box(pass(booster, rows, what, batch.parse()?)?);
    }
    Ok(())
}

/// Instructions a row, as the difference of two runs under callgrind.
fn instructions(path: Option<&String>, what: &str, batch: usize) -> Option<f64> {
    let collect = |count: &str| -> Option<f64> {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe().ok()?)
            .args(path)
            .args(["--repeat", &format!("{what}-{batch}"), count])
            .output()
            .ok()?;
        let text = String::from_utf8(output.stderr).ok()?;
        let line = text.lines().find(|line| line.contains("Collected : "))?;
        line.rsplit(' ').next()?.parse().ok()
    };
    Some((collect("3")? - collect("1")?) / (2 * ROWS) as f64)
}

/// A generator of Marsaglia's xorshift family.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    /// Roughly normal: the sum of uniform numbers.
    fn value(&mut self) -> f64 {
        (0..6).map(|_| (self.next() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5).sum()
    }
}

/// A LightGBM model of 500 leaf-wise trees of 31 leaves, in which each split halves its rows.
fn synthetic_model(random: &mut Random) -> String {
    let names: Vec<String> = (0..FEATURES).map(|index| format!("Column_{index}")).collect();
    let mut text = format!(
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx={}\n\
         objective=regression\nfeature_names={}\n\n",
        FEATURES - 1,
        names.join(" ")
    );
    for number in 0..500 {
        let (mut left, mut right) = (vec![0_i32; 30], vec![0_i32; 30]);
        let mut parents: Vec<Option<(usize, bool)>> = vec![None];
        for split in 0..30_usize {
            let leaf = random.below(parents.len());
            if let Some((parent, is_right)) = parents[leaf] {
                (if is_right { &mut right } else { &mut left })[parent] = split as i32;
            }
            (left[split], right[split]) = (!(leaf as i32), !(split as i32 + 1));
            parents[leaf] = Some((split, false));
            parents.push(Some((split, true)));
        }
        let features: Vec<usize> = (0..30).map(|_| random.below(FEATURES)).collect();
        let thresholds: Vec<f64> = (0..30).map(|_| random.value() * 0.5).collect();
        let leaves: Vec<f64> = (0..31).map(|_| random.value() * 0.01).collect();
        let _ = writeln!(text, "Tree={number}\nnum_leaves=31\nnum_cat=0\nsplit_feature={}", words(&features));
        let _ = writeln!(text, "threshold={}\ndecision_type={}", words(&thresholds), words(&[10; 30]));
        let _ = writeln!(text, "left_child={}\nright_child={}", words(&left), words(&right));
        let _ = writeln!(text, "leaf_value={}\nis_linear=0\nshrinkage=1\n", words(&leaves));
    }
    text + "end of trees\n"
}

fn words<T: std::fmt::Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}
