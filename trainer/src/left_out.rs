//! Features that boosters are not shown. The catalogue, its rows and the server stay as they are: a column that no booster has
//! ever seen filled is split on by none, and what it holds when served changes no answer.

use std::fs;
use std::path::Path;

use features::Catalogue;

use crate::{Result, TrainerError};

/// Columns of the catalogue, in its order; never all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    columns: Vec<usize>,
}

impl LeftOut {
    /// The features of these names, each as often as it likes.
    ///
    /// # Errors
    /// A name that is none of the catalogue's, or if no feature would be left.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let catalogue = Catalogue::standard();
        let refuse = |problem: String| TrainerError::LeftOut { problem };
        let mut columns = Vec::new();
        for name in names {
            let column = catalogue.index_of(name);
            columns.push(column.ok_or_else(|| refuse(format!("{name:?} is no feature")))?);
        }
        columns.sort_unstable();
        columns.dedup();
        if columns.len() == catalogue.len() {
            return Err(refuse("nothing would be left to learn from".to_owned()));
        }
        Ok(Self { columns })
    }

    /// The places in a row.
    #[must_use]
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The names, in the catalogue's order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let definitions = Catalogue::standard().definitions();
        self.columns.iter().map(|column| definitions[*column].name.to_owned()).collect()
    }
}

/// The names of a file, one a line; what follows a `#` is a remark.
///
/// # Errors
/// When it can't be read.
pub fn read_names(path: &Path) -> Result<Vec<String>> {
    let io = |source| TrainerError::Io { path: path.to_owned(), act: "read", source };
    let text = fs::read_to_string(path).map_err(io)?;
    let names = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_in_the_catalogues_order_once() {
        let names: Vec<&str> = Catalogue::standard().names().collect();
        let found = LeftOut::of([names[5], names[2], names[5]]).expect("features");
        assert_eq!(
            (found.columns(), found.names()),
            (&[2, 5][..], vec![names[2].to_owned(), names[5].to_owned()])
        );
        assert_eq!(LeftOut::of([]).expect("nothing"), LeftOut::default());
    }

    #[test]
    fn an_unknown_name_and_all_of_them_are_refused() {
        let told = LeftOut::of(["log_return_1", "log_return_one"]).expect_err("unknown").to_string();
        assert!(told.contains("\"log_return_one\" is no feature") && told.contains("FEATURES.md"), "{told}");
        let told = LeftOut::of(Catalogue::standard().names()).expect_err("nothing left").to_string();
        assert!(told.contains("nothing would be left"), "{told}");
    }

    #[test]
    fn a_file_has_a_name_a_line_and_remarks() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "# weak ones\nreturn_2\n\n  return_4  # twice\n").expect("written");
        assert_eq!(read_names(file.path()).expect("names"), ["return_2", "return_4"]);
    }
}
