//! Lines, and sections of `key=value` lines.

use std::str::FromStr;

use crate::error::{LoadError, Place, start};

/// The lines of a file, with the number of the last one taken.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    lines: std::str::Lines<'a>,
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Lines<'a> {
        Lines { lines: text.lines(), number: 0 }
    }

    /// Takes the next line, without its end.
    pub(super) fn next(&mut self) -> Option<&'a str> {
        let line = self.lines.next()?;
        self.number += 1;
        Some(line.trim_end_matches('\r'))
    }

    /// Takes the next line that isn't empty.
    pub(super) fn next_filled(&mut self) -> Option<&'a str> {
        loop {
            match self.next() {
                Some("") => {}
                other => return other,
            }
        }
    }

    /// Where the last line taken stands.
    pub(super) fn place(&self) -> Place {
        Place { line: Some(self.number), ..Place::default() }
    }
}

/// One section: its keys and values, in the file's order.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    fields: Vec<(&'a str, &'a str)>,
    first_line: usize,
}

impl<'a> Fields<'a> {
    /// Takes the lines up to the next empty one. A line without `=` is a key with an empty value.
    pub(super) fn read(lines: &mut Lines<'a>) -> Result<Fields<'a>, LoadError> {
        let mut fields: Vec<(&str, &str)> = Vec::new();
        let first_line = lines.number + 1;
        while let Some(line) = lines.next() {
            if line.is_empty() {
                break;
            }
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            if fields.iter().any(|(known, _)| *known == key) {
                return Err(lines
                    .place()
                    .malformed(format!("the key `{}` stands twice in one section", start(key))));
            }
            if fields.len() == 64 {
                return Err(lines.place().malformed("one section has more than 64 keys"));
            }
            fields.push((key, value));
        }
        Ok(Fields { fields, first_line })
    }

    pub(super) fn place(&self, key: &str) -> Place {
        let line = self.fields.iter().position(|(known, _)| *known == key);
        Place { line: line.map(|index| self.first_line + index), ..Place::key(key) }
    }

    pub(super) fn find(&self, key: &str) -> Option<&'a str> {
        self.fields.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    pub(super) fn text(&self, key: &str) -> Result<&'a str, LoadError> {
        self.find(key).ok_or_else(|| {
            let place = Place { line: Some(self.first_line), ..Place::key(key) };
            place.malformed("the key is missing")
        })
    }

    pub(super) fn number<T: FromStr>(&self, key: &str) -> Result<T, LoadError> {
        let text = self.text(key)?;
        let expected = || self.place(key).malformed(format!("`{}` is not the number expected", start(text)));
        text.trim().parse().map_err(|_| expected())
    }

    /// Reads exactly `count` numbers.
    pub(super) fn numbers<T: FromStr>(&self, key: &str, count: usize) -> Result<Vec<T>, LoadError> {
        let text = self.text(key)?;
        // Counted first, so that neither a claimed count nor a long line takes more memory than its numbers.
        let found = text.split_ascii_whitespace().count();
        if found != count {
            return Err(self.place(key).contradictory(format!("it has {found} numbers, expected {count}")));
        }
        let mut numbers = Vec::with_capacity(count);
        for word in text.split_ascii_whitespace() {
            let number = word.parse().map_err(|_| {
                self.place(key).malformed(format!("`{}` is not the number expected", start(word)))
            })?;
            numbers.push(number);
        }
        Ok(numbers)
    }
}
