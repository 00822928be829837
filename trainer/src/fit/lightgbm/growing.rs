//! A training of LightGBM's.

use std::marker::PhantomData;
use std::ptr;

use super::file::Parts;
use super::rows::{Held, LightGbmRows, to_int};
use super::trees::Tree;
use super::{Api, Handle, LIBRARY, LightGbm, TURNS, save, text};
use crate::fit::bins::Binned;
use crate::fit::boosting::{Grower, Grown, Objective, Taught, Training};
use crate::fit::{Fit, FitError, Loss, Parameters, Schedule, Threads};

/// A booster a part: the library's learn from one dataset each. Rounds are written as they are grown, and put together at the end.
struct Growing<'a> {
    boosters: Vec<Booster<'a>>,
    rows: &'a LightGbmRows,
    loss: Loss,
    /// What the first round's trees add besides, one number an output.
    base: Vec<f64>,
    trees: Vec<Tree>,
    /// The file of the first round, whose head is the model's.
    first: String,
    /// Gradients and hessians, output after output.
    lists: [Vec<f32>; 2],
    limit: Limit<'a>,
}

/// The threads that the library may take, until this is dropped.
struct Limit<'a> {
    api: &'a Api,
    threads: usize,
}

/// A booster in training; it reads its rows at every round, so it borrows them.
struct Booster<'a> {
    api: &'a Api,
    handle: Handle,
    /// How many gradients a round asks for.
    gradients: usize,
    rounds: usize,
    _rows: PhantomData<&'a Held>,
}

impl LightGbm {
    /// Trains on what is learned; follows the loss on what is followed and stops early, without it takes all rounds of the schedule.
    /// Keeps all rounds that were trained: [`LightGbm::first_rounds`] cuts them off. `progress` hears of each round: its number
    /// and its loss; it may not call a library. Rows in several parts are learned from by turns, a part a round. `threads` tells,
    /// before each round, how many it may take, which changes no bit of the model.
    ///
    /// # Errors
    /// When what is followed is not binned like what is learned, a label can't be learned, the library refuses the parameters, or
    /// not one round was better than none.
    pub fn train(
        &self,
        learned: &Taught<'_, LightGbmRows>,
        followed: Option<&Taught<'_, Binned>>,
        (loss, parameters): (Loss, &Parameters),
        schedule: (Schedule, Threads<'_>),
        progress: &mut dyn FnMut(usize, f64),
    ) -> Result<Fit, FitError> {
        let Taught { rows, labels, weights } = *learned;
        let class_hessian = match loss {
            Loss::SquaredError | Loss::BinaryLogLoss => 1.0,
            Loss::ClassesLogLoss(classes) => classes as f32 / (classes as f32 - 1.0),
        };
        let objective = Objective { loss, class_hessian };
        let training = Training::new(objective, &Taught { rows: &*rows.binned, labels, weights }, followed)?;
        let _turn = TURNS.take()?;
        // It sizes its buffers by the number of threads that it is made with, which may be fewer at a round, not more.
        let most = schedule.1.most.max(1);
        let told = |part| told(loss, parameters, most, part);
        let boosters = rows.parts.iter().enumerate();
        let boosters =
            boosters.map(|(part, held)| Booster::new(&self.api, held, &told(part), loss.outputs()));
        let mut growing = Growing {
            boosters: boosters.collect::<Result<Vec<_>, _>>()?,
            rows,
            loss,
            base: training.base().iter().map(|base| f64::from(loss.raw(*base))).collect(),
            trees: Vec::new(),
            first: String::new(),
            lists: [Vec::new(), Vec::new()],
            limit: Limit { api: &self.api, threads: most },
        };
        training.run(&mut growing, schedule, progress)
    }
}

/// What the booster of a part is told.
fn told(loss: Loss, parameters: &Parameters, threads: usize, part: usize) -> Parameters {
    parameters
        .clone()
        .with("objective", "custom")
        .with("metric", "none")
        .with("num_class", loss.outputs())
        .with("num_threads", threads)
        // Parts that draw the same columns would differ by their rows only.
        .apart(part)
}

impl Grower for Growing<'_> {
    const LIBRARY: &'static str = LIBRARY;

    fn grow(&mut self, part: usize, pairs: &[[f32; 2]], threads: usize) -> Result<Vec<Grown>, FitError> {
        self.limit.set(threads)?;
        let outputs = self.loss.outputs();
        for (number, list) in self.lists.iter_mut().enumerate() {
            list.clear();
            for output in 0..outputs {
                list.extend(pairs.iter().skip(output).step_by(outputs).map(|pair| pair[number]));
            }
        }
        let file = self.boosters[part].round(&self.lists)?;
        let columns = &self.rows.binned.columns;
        let trees = Parts::of(&file).ok_or_else(unknown)?.trees;
        let is_first = self.first.is_empty();
        let mut grown = Vec::with_capacity(trees.len());
        for (output, text) in trees.into_iter().enumerate() {
            let more = self.base.get(output).copied().ok_or_else(unknown)?;
            let tree = Tree::read(text, columns, output, if is_first { more } else { 0.0 });
            let (tree, followed) = tree.ok_or_else(unknown)?;
            self.trees.push(tree);
            grown.push(followed);
        }
        if is_first {
            self.first = file;
        }
        Ok(grown)
    }

    fn file(&mut self) -> Result<Vec<u8>, FitError> {
        let columns = &self.rows.binned.columns;
        let file = Parts::of(&self.first).map(|parts| parts.with(&self.trees, columns, self.loss));
        Ok(file.unwrap_or_default().into_bytes())
    }
}

impl Limit<'_> {
    fn set(&mut self, threads: usize) -> Result<(), FitError> {
        if threads != self.threads {
            // SAFETY: it only sets a number, which no call reads meanwhile: who trains has the library's turn.
            let status = unsafe { (self.api.limit_threads)(to_int("the number of threads", threads)?) };
            self.api.check("LGBM_SetMaxThreads", status)?;
            self.threads = threads;
        }
        Ok(())
    }
}

impl Drop for Limit<'_> {
    fn drop(&mut self) {
        // SAFETY: as above; -1 is no limit, and can't fail.
        unsafe { (self.api.limit_threads)(-1) };
    }
}

impl<'a> Booster<'a> {
    fn new(api: &'a Api, rows: &'a Held, parameters: &Parameters, outputs: usize) -> Result<Self, FitError> {
        let line = text(&parameters.to_line())?;
        let mut handle = ptr::null_mut();
        // SAFETY: the rows are live for 'a, which this value does not outlive; the text is copied.
        let status = unsafe { (api.booster_create)(rows.handle, line.as_ptr(), &raw mut handle) };
        api.check("LGBM_BoosterCreate", status)?;
        let booster = Self { api, handle, gradients: rows.count * outputs, rounds: 0, _rows: PhantomData };
        let mut found = 0;
        // SAFETY: the handle is live and the answer goes to a live local.
        let status = unsafe { (api.booster_outputs)(handle, &raw mut found) };
        api.check("LGBM_BoosterNumModelPerIteration", status)?;
        // It will read as many gradients as it has outputs for each row, whatever it is handed.
        if usize::try_from(found).ok() != Some(outputs) {
            let answer = format!("{found} trees a round");
            return Err(FitError::Answer { library: LIBRARY, answer, expected: "one an output of the loss" });
        }
        Ok(booster)
    }

    /// Adds a round by gradients and hessians, output after output, and tells its file, which has no trees if there is nothing left
    /// to split.
    fn round(&mut self, [gradients, hessians]: &[Vec<f32>; 2]) -> Result<String, FitError> {
        let expected = self.gradients;
        if let Some(found) = [gradients.len(), hessians.len()].into_iter().find(|found| *found != expected) {
            return Err(FitError::Shape { what: "the list of gradients", found, expected });
        }
        let mut finished = 0;
        // SAFETY: the handle and the rows that it reads are live, and both lists have a number for each row and output of
        // its own, which are only read during the call.
        let status = unsafe {
            (self.api.booster_grow)(self.handle, gradients.as_ptr(), hessians.as_ptr(), &raw mut finished)
        };
        self.api.check("LGBM_BoosterUpdateOneIterCustom", status)?;
        let file = save(self.api, self.handle, self.rounds..self.rounds + 1)?;
        self.rounds += 1;
        String::from_utf8(file).map_err(|_| unknown())
    }
}

impl Drop for Booster<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle came from the library and is freed once, before its rows.
        unsafe { (self.api.booster_free)(self.handle) };
    }
}

fn unknown() -> FitError {
    FitError::Answer {
        library: LIBRARY,
        answer: "a model file that can't be read".to_owned(),
        expected: "trees with a split or a leaf at each node",
    }
}
