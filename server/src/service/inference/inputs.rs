//! What a request gives: symbols, or feature rows. A head (name, datatype, shape) is checked before any element is read, so
//! that nothing is made room for that is not allowed.

use features::Catalogue;
use forecast::Task;

use super::model::InferModel;
use super::tensor::{Datatype, Elements};
use super::{malformed, raw};
use crate::reason::{Reason, Refusal, shorten};

/// How many rows a request may have.
pub const ROWS_MAX: usize = 1_024;

/// An input that models know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// The names of markets: the features are the server's.
    Symbol,
    /// Feature rows in catalogue order.
    Features,
    /// The regime's lower and upper cut of each feature row; two NaN where they are not known.
    RegimeCuts,
}

impl Input {
    /// The inputs of a model.
    pub(super) fn of(model: InferModel) -> impl Iterator<Item = Self> {
        let reads_cuts = model.tasks().any(|task| task == Task::VolRegime4Step);
        let cuts = reads_cuts.then_some(Self::RegimeCuts);
        [Self::Symbol, Self::Features].into_iter().chain(cuts)
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Symbol => "symbol",
            Self::Features => "features",
            Self::RegimeCuts => "regime_cuts",
        }
    }

    pub(super) const fn datatype(self) -> Datatype {
        match self {
            Self::Symbol => Datatype::Bytes,
            Self::Features | Self::RegimeCuts => Datatype::Fp64,
        }
    }

    /// How many elements a row has; `None` if the tensor has one dimension only.
    pub(super) fn width(self) -> Option<usize> {
        match self {
            Self::Symbol => None,
            Self::Features => Some(Catalogue::standard().len()),
            Self::RegimeCuts => Some(2),
        }
    }
}

/// An input's name, datatype and shape, which are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    input: Input,
    rows: usize,
}

impl Head {
    /// Checks what a request says about an input.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`] for an input that the model does not have, another datatype or another shape;
    /// [`Reason::RequestTooLarge`] for more than [`ROWS_MAX`] rows.
    pub fn check(model: InferModel, name: &str, datatype: &str, shape: &[i64]) -> Result<Self, Refusal> {
        let Some(input) = Input::of(model).find(|input| input.name() == name) else {
            let known = Input::of(model).map(Input::name).collect::<Vec<_>>().join(", ");
            let message =
                format!("input {:?} is not of model {}, known are {known}", shorten(name), model.name());
            return Err(malformed(name, message));
        };
        let (name, wanted) = (input.name(), input.datatype().name());
        if datatype != wanted {
            // Numbers of 32 bits are not widened: they are not the bits that the models were trained and proven on.
            let message = format!("input {name} has datatype {:?}, it takes {wanted}", shorten(datatype));
            return Err(malformed(name, message));
        }
        let takes = match input.width() {
            None => "[N]".to_owned(),
            Some(width) => format!("[N,{width}]"),
        };
        let rows = match (shape, input.width()) {
            ([rows], None) => *rows,
            ([rows, width], Some(wanted)) if usize::try_from(*width) == Ok(wanted) => *rows,
            _ => {
                // A shape may be as long as the request.
                let told = &shape[..shape.len().min(8)];
                let message = format!("input {name} has shape {told:?}, it takes {takes}");
                return Err(malformed(name, message));
            }
        };
        match usize::try_from(rows) {
            Ok(rows) if (1..=ROWS_MAX).contains(&rows) => Ok(Self { input, rows }),
            Ok(rows) if rows > ROWS_MAX => {
                let message = format!("input {name} has {rows} rows, {ROWS_MAX} are allowed");
                Err(Refusal::new(Reason::RequestTooLarge, message).with("rows", rows))
            }
            _ => {
                Err(malformed(name, format!("input {name} has {rows} rows, it takes {takes} with N from 1")))
            }
        }
    }

    /// What the elements have to be.
    #[must_use]
    pub const fn datatype(&self) -> Datatype {
        self.input.datatype()
    }

    /// How many elements there have to be.
    #[must_use]
    pub fn count(&self) -> usize {
        self.rows * self.input.width().unwrap_or(1)
    }

    /// The elements from their packed form.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`] for another length, or texts that are none.
    pub fn raw(self, bytes: &[u8]) -> Result<Given, Refusal> {
        let name = self.input.name();
        let elements = match self.datatype() {
            Datatype::Bytes => Elements::Texts(raw::texts(name, bytes, self.count())?),
            _ => Elements::Numbers(raw::numbers(name, bytes, self.count())?),
        };
        Ok(Given { head: self, elements })
    }

    /// The elements from a list of texts' bytes.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`] for another count, or texts that are no UTF-8.
    pub fn texts(self, list: &[impl AsRef<[u8]>]) -> Result<Given, Refusal> {
        self.check_count(list.len())?;
        let text =
            |(index, bytes): (usize, &_)| raw::text(self.input.name(), index, AsRef::<[u8]>::as_ref(bytes));
        let texts = list.iter().enumerate().map(text).collect::<Result<_, _>>()?;
        Ok(Given { head: self, elements: Elements::Texts(texts) })
    }

    /// The elements from a list of numbers.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`] for another count.
    pub fn numbers(self, list: Vec<f64>) -> Result<Given, Refusal> {
        self.check_count(list.len())?;
        Ok(Given { head: self, elements: Elements::Numbers(list) })
    }

    fn check_count(self, found: usize) -> Result<(), Refusal> {
        let (name, wanted) = (self.input.name(), self.count());
        if found == wanted {
            return Ok(());
        }
        let datatype = self.datatype().name();
        let message = format!("input {name} has {found} elements of {datatype}, its shape takes {wanted}");
        Err(malformed(name, message))
    }
}

/// An input with its elements.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    head: Head,
    elements: Elements,
}

/// What is asked about.
#[derive(Debug, Clone, PartialEq)]
pub enum Inputs {
    /// Markets.
    Symbols(Vec<String>),
    /// Feature rows that lie one after another.
    Rows {
        /// The values in catalogue order.
        features: Vec<f64>,
        /// The regime's cuts of each row, if they were given.
        cuts: Option<Vec<Option<[f64; 2]>>>,
    },
}

impl Inputs {
    /// How many inputs a request has at most.
    pub const COUNT_MAX: usize = 2;

    /// Puts the inputs of a request together.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`] unless there is `symbol` alone, or `features` with as many rows of what belongs to them.
    pub fn of(given: Vec<Given>) -> Result<Self, Refusal> {
        let (mut symbols, mut features, mut cuts) = (None, None, None);
        for Given { head, elements } in given {
            let name = head.input.name();
            let twice = match (head.input, elements) {
                (Input::Symbol, Elements::Texts(texts)) => symbols.replace(texts).is_some(),
                (Input::Features, Elements::Numbers(numbers)) => {
                    features.replace((head.rows, numbers)).is_some()
                }
                (Input::RegimeCuts, Elements::Numbers(numbers)) => {
                    cuts.replace((head.rows, numbers)).is_some()
                }
                (_, elements) => {
                    let message = format!("input {name} has elements of {}", elements.datatype().name());
                    return Err(malformed(name, message));
                }
            };
            if twice {
                return Err(malformed(name, format!("input {name} is given twice")));
            }
        }
        match (symbols, features, cuts) {
            (Some(symbols), None, None) => Ok(Self::Symbols(symbols)),
            (None, Some((_, features)), None) => Ok(Self::Rows { features, cuts: None }),
            (None, Some((rows, features)), Some((cut_rows, cuts))) if rows == cut_rows => {
                let cuts = cuts.as_chunks::<2>().0.iter().map(|cuts| known(*cuts)).collect();
                Ok(Self::Rows { features, cuts: Some(cuts) })
            }
            (None, Some((rows, _)), Some((cut_rows, _))) => {
                let message = format!("input regime_cuts has {cut_rows} rows, features has {rows}");
                Err(malformed("regime_cuts", message))
            }
            (None, None, _) => {
                Err(malformed("inputs", "neither input symbol nor input features is given; give one"))
            }
            (Some(_), _, _) => {
                Err(malformed("symbol", "input symbol stands alone: its features are the server's"))
            }
        }
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Symbols(symbols) => symbols.len(),
            Self::Rows { features, .. } => features.len() / Catalogue::standard().len().max(1),
        }
    }
}

/// The cuts as the models know them: two NaN say that they are not known.
fn known(cuts: [f64; 2]) -> Option<[f64; 2]> {
    (!cuts.iter().all(|cut| cut.is_nan())).then_some(cuts)
}

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;
