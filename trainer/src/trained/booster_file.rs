//! The boosters as the files that a bundle will hold.

use forecast::{GoldenLibrary, Task, booster_file};

use super::{Trained, TrainedTask};

/// One booster as a file.
#[derive(Debug, Clone)]
pub struct BoosterFile<'a> {
    /// Its path within the bundle.
    pub name: String,
    /// The task.
    pub task: Task,
    /// Who trained it.
    pub library: GoldenLibrary,
    /// What the forest reads and the bundle will hold.
    pub served: &'a [u8],
    /// What the original library reads: the same, but in tests of this audit.
    pub original: &'a [u8],
}

impl<'a> BoosterFile<'a> {
    /// A booster whose file both sides read.
    #[must_use]
    pub fn new(task: Task, library: GoldenLibrary, file: &'a [u8]) -> Self {
        let name = booster_file(task, library);
        Self { name, task, library, served: file, original: file }
    }

    /// The boosters that training left behind.
    #[must_use]
    pub fn of_trained(trained: &'a Trained) -> Vec<Self> {
        let both = |one: &'a TrainedTask| {
            [(GoldenLibrary::LightGbm, &one.lightgbm), (GoldenLibrary::XgBoost, &one.xgboost)]
                .map(|(library, member)| Self::new(one.task, library, &member.fit.file))
        };
        trained.tasks.iter().flat_map(both).collect()
    }
}
