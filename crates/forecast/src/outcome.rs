//! What came true: the label in training and the truth in live scoring, from one implementation.

use kline::{BarTime, Interval};
use serde::{Deserialize, Serialize};

use crate::Task;
use crate::regime::RegimeWindow;

/// The cuts of `direction_multi_4step`, in units of `sigma(t) * sqrt(4)`.
pub const DIRECTION_CUTS: [f64; 4] = [-1.0, -0.25, 0.25, 1.0];

/// What is known at t and gives an outcome its scale. NaN and `None` say unknown.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OutcomeContext {
    /// The EWMA volatility (lambda 0.94) of one step's log return at t.
    pub sigma: f64,
    /// The lower and upper trailing tercile of the 4-step volatility at t.
    pub regime_cuts: Option<[f64; 2]>,
    /// `C(t)`, in quote units.
    pub close: f64,
    /// The simple returns over the last 1, 4 and 16 steps.
    pub past_returns: [f64; 3],
    /// The square root of the sum of the last four squared log returns.
    pub past_volatility: f64,
    /// The class of the last 4-step log return in units of `sigma(t-4) * sqrt(4)`.
    pub past_direction_class: Option<u8>,
}

impl OutcomeContext {
    /// A context in which nothing is known.
    #[must_use]
    pub const fn unknown() -> Self {
        Self {
            sigma: f64::NAN,
            regime_cuts: None,
            close: f64::NAN,
            past_returns: [f64::NAN; 3],
            past_volatility: f64::NAN,
            past_direction_class: None,
        }
    }

    /// `sigma * sqrt(steps)`; NaN if sigma is unknown or zero.
    #[must_use]
    pub fn expected_volatility(&self, steps: u32) -> f64 {
        if self.sigma > 0.0 { self.sigma * f64::from(steps).sqrt() } else { f64::NAN }
    }
}

/// One outcome: what a task's target turned out to be at one bar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// The task.
    pub task: Task,
    /// The bar that the prediction would have been made at.
    pub bar: BarTime,
    /// The value, or the class index; NaN if a gap or a context that is not warm makes it missing.
    pub value: f64,
}

impl Outcome {
    /// Whether the outcome is missing.
    #[must_use]
    pub const fn is_missing(&self) -> bool {
        self.value.is_nan()
    }
}

/// The class of a value: how many of the cuts lie below it.
pub(crate) fn class_of(value: f64, cuts: &[f64]) -> f64 {
    if value.is_nan() || cuts.iter().any(|cut| cut.is_nan()) {
        return f64::NAN;
    }
    cuts.iter().filter(|&&cut| cut < value).count() as f64
}

/// How many bars the machine looks back for an outcome's start.
const HORIZON: usize = Task::LONGEST_HORIZON_STEPS as usize;

/// How many slots the machine keeps: the present bar and the longest horizon before it, as a power of two.
const SLOTS: usize = 32;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Slot {
    close: f64,
    squared_return: f64,
    context: OutcomeContext,
}

/// One symbol's outcomes, resolved as its closes arrive. Every answer depends on the closes of the last
/// [`REGIME_WINDOW_BARS`](crate::REGIME_WINDOW_BARS) bars and four more only, so it does not matter where a series
/// starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutcomeMachine {
    interval: Interval,
    slots: Box<[Slot; SLOTS]>,
    /// How many bars in a row the machine has seen, the last one included.
    run: usize,
    last: Option<BarTime>,
    regime: RegimeWindow,
}

impl OutcomeMachine {
    /// A machine that has seen nothing.
    #[must_use]
    pub fn new(interval: Interval) -> Self {
        let empty = Slot { close: f64::NAN, squared_return: f64::NAN, context: OutcomeContext::unknown() };
        Self { interval, slots: Box::new([empty; SLOTS]), run: 0, last: None, regime: RegimeWindow::new() }
    }

    /// Makes what a saved machine leaves out; whether it has the shape of one that this program made for the interval.
    pub(crate) fn complete(&mut self, interval: Interval) -> bool {
        self.interval == interval && self.run <= SLOTS && self.regime.complete()
    }

    /// Takes the close of a bar later than any before, and the EWMA volatility known at it (NaN if not warm).
    /// Appends every outcome that is now known, or is now known to be missing because bars between were, and
    /// answers the context of this bar. A bar that is not later changes nothing and has an unknown context.
    pub fn push(
        &mut self,
        bar: BarTime,
        close: f64,
        sigma: f64,
        resolved: &mut Vec<Outcome>,
    ) -> OutcomeContext {
        let steps = match self.last {
            Some(last) => bar.steps_since(last, self.interval),
            None => 1,
        };
        if steps < 1 {
            return OutcomeContext::unknown();
        }
        if steps > 1 {
            self.give_up(resolved);
        }
        self.run = (self.run + 1).min(SLOTS);
        self.last = Some(bar);
        let index = bar.index(self.interval);
        let squared_return = if self.run > 1 {
            let log_return = libm::log(close / self.slot(index - 1).close);
            log_return * log_return
        } else {
            f64::NAN
        };
        self.slots[place(index)] = Slot { close, squared_return, context: OutcomeContext::unknown() };
        let volatility = self.volatility(index);
        self.regime.push(index, volatility);
        let context = OutcomeContext {
            sigma,
            regime_cuts: self.regime.cuts(),
            close,
            past_returns: [1, 4, 16].map(|steps| self.past_return(index, steps)),
            past_volatility: volatility,
            past_direction_class: self.direction_class(index),
        };
        self.slots[place(index)].context = context;
        self.resolve(bar, index, resolved);
        context
    }

    /// The last bar that was taken.
    #[must_use]
    pub const fn last_bar(&self) -> Option<BarTime> {
        self.last
    }

    /// How many of the trailing bars have a known 4-step volatility; the regime's cuts need
    /// [`REGIME_NEEDED_BARS`](crate::REGIME_NEEDED_BARS).
    #[must_use]
    pub fn regime_bars_known(&self) -> usize {
        self.regime.known()
    }

    fn slot(&self, index: i64) -> &Slot {
        &self.slots[place(index)]
    }

    /// Whether the bars from `index - steps` to `index`, the last one, were all seen.
    const fn unbroken(&self, steps: usize) -> bool {
        self.run > steps
    }

    fn past_return(&self, index: i64, steps: i64) -> f64 {
        if !self.unbroken(steps as usize) {
            return f64::NAN;
        }
        self.slot(index).close / self.slot(index - steps).close - 1.0
    }

    /// The 4-step volatility that ends at the last bar.
    fn volatility(&self, index: i64) -> f64 {
        if !self.unbroken(4) {
            return f64::NAN;
        }
        let mut sum = 0.0;
        for back in (0..4).rev() {
            sum += self.slot(index - back).squared_return;
        }
        sum.sqrt()
    }

    /// The class of the 4-step log return that ends at the last bar.
    fn direction_class(&self, index: i64) -> Option<u8> {
        if !self.unbroken(4) {
            return None;
        }
        let class = self.direction_outcome(index);
        (!class.is_nan()).then_some(class as u8)
    }

    fn direction_outcome(&self, index: i64) -> f64 {
        let origin = self.slot(index - 4);
        let log_return = libm::log(self.slot(index).close / origin.close);
        class_of(log_return / origin.context.expected_volatility(4), &DIRECTION_CUTS)
    }

    /// Appends the outcomes whose horizon ends at the last bar.
    fn resolve(&self, bar: BarTime, index: i64, resolved: &mut Vec<Outcome>) {
        for task in Task::ALL {
            let steps = task.horizon_steps() as usize;
            if self.unbroken(steps) {
                let origin = bar.plus(-(steps as i64), self.interval);
                resolved.push(Outcome { task, bar: origin, value: self.outcome(task, index) });
            }
        }
    }

    fn outcome(&self, task: Task, index: i64) -> f64 {
        let steps = i64::from(task.horizon_steps());
        match task {
            Task::Return1Step | Task::Return4Step | Task::Return16Step => self.past_return(index, steps),
            Task::Direction4Step => {
                let change = self.past_return(index, steps);
                if change.is_nan() { f64::NAN } else { f64::from(u8::from(change > 0.0)) }
            }
            Task::DirectionMulti4Step => self.direction_outcome(index),
            Task::Volatility4Step => self.volatility(index),
            Task::VolRegime4Step => match self.slot(index - steps).context.regime_cuts {
                Some(cuts) => class_of(self.volatility(index), &cuts),
                None => f64::NAN,
            },
        }
    }

    /// Appends, as missing, everything whose horizon reaches beyond the last bar, and forgets the closes.
    fn give_up(&mut self, resolved: &mut Vec<Outcome>) {
        if let Some(last) = self.last {
            for task in Task::ALL {
                let open = (task.horizon_steps() as usize).min(self.run).min(HORIZON);
                for back in (0..open).rev() {
                    let bar = last.plus(-(back as i64), self.interval);
                    resolved.push(Outcome { task, bar, value: f64::NAN });
                }
            }
        }
        self.run = 0;
    }
}

const fn place(index: i64) -> usize {
    index.rem_euclid(SLOTS as i64) as usize
}
