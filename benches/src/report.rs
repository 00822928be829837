//! What was measured: a table for people, JSON lines for programs.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// At most so much.
    AtMost(f64),
    /// At least so much.
    AtLeast(f64),
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measure {
    /// What was measured.
    pub(crate) name: String,
    /// In which unit.
    pub(crate) unit: &'static str,
    /// Our figure.
    pub(crate) ours: f64,
    /// Whose figure stands beside it, and what it is.
    pub(crate) peer: Option<(&'static str, f64)>,
    /// The goal for ours.
    pub(crate) goal: Option<Goal>,
}

impl Measure {
    /// A figure on its own.
    pub(crate) fn plain(name: impl Into<String>, unit: &'static str, ours: f64) -> Self {
        Self { name: name.into(), unit, ours, peer: None, goal: None }
    }

    /// With a goal.
    pub(crate) fn with_goal(self, goal: Goal) -> Self {
        Self { goal: Some(goal), ..self }
    }

    /// Beside a peer.
    pub(crate) fn beside(self, name: &'static str, peer: f64) -> Self {
        Self { peer: Some((name, peer)), ..self }
    }

    fn holds(&self) -> Option<bool> {
        self.goal.map(|goal| match goal {
            Goal::AtMost(most) => self.ours <= most,
            Goal::AtLeast(least) => self.ours >= least,
        })
    }

    fn ratio(&self) -> Option<f64> {
        self.peer.map(|(_, peer)| self.ours / peer)
    }
}

/// Prints the figures of a suite, and writes them to a file if one was named.
pub(crate) fn report(suite: &str, measures: &[Measure], file: Option<&Path>) -> Result<()> {
    let mut lines = String::new();
    for measure in measures {
        let peer = measure.peer.map_or(String::new(), |(name, peer)| format!("{name} {}", figure(peer)));
        let ratio = measure.ratio().map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let goal = match (measure.goal, measure.holds()) {
            (Some(Goal::AtMost(most)), holds) => format!("<= {most} {}", verdict(holds)),
            (Some(Goal::AtLeast(least)), holds) => format!(">= {least} {}", verdict(holds)),
            (None, _) => String::new(),
        };
        println!(
            "  {:<34} {:>12} {:<11} {peer:<18} {ratio:>6} {goal}",
            measure.name,
            figure(measure.ours),
            measure.unit
        );
        let goal = measure.goal.map(|goal| match goal {
            Goal::AtMost(value) | Goal::AtLeast(value) => value,
        });
        let line = json!({
            "suite": suite, "measure": measure.name, "unit": measure.unit, "ours": measure.ours,
            "peer": measure.peer.map(|peer| peer.1), "peer_name": measure.peer.map(|peer| peer.0),
            "ratio": measure.ratio(), "goal": goal, "holds": measure.holds(),
        });
        lines.push_str(&format!("{line}\n"));
    }
    if let Some(file) = file {
        let written = std::fs::File::create(file).and_then(|mut file| file.write_all(lines.as_bytes()));
        written.with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// With one digit after the point, and with an exponent if that would show nothing.
fn figure(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.05 { format!("{value:.1e}") } else { format!("{value:.1}") }
}

const fn verdict(holds: Option<bool>) -> &'static str {
    match holds {
        Some(true) => "holds",
        Some(false) => "MISSED",
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_figures_are_shown() {
        let shown = [0.0, 0.049, 3.1e-15, 12.34].map(figure);
        assert_eq!(shown, ["0.0", "4.9e-2", "3.1e-15", "12.3"]);
    }

    #[test]
    fn a_goal_holds_or_does_not() {
        let measure = Measure::plain("bar", "ns", 10.0).beside("peer", 20.0);
        assert_eq!((measure.holds(), measure.ratio()), (None, Some(0.5)));
        assert_eq!(measure.clone().with_goal(Goal::AtMost(9.0)).holds(), Some(false));
        assert_eq!(measure.with_goal(Goal::AtLeast(10.0)).holds(), Some(true));
    }
}
