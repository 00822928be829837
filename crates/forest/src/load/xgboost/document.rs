//! The document that UBJSON and JSON have in common, and typed access that knows its place.

use std::str::FromStr;

use crate::error::{LoadError, Place};

/// The deepest nesting of arrays and objects that is read.
pub(super) const NESTING_MAX: usize = 32;

/// A value. Arrays of numbers, which are nearly all of a model, are kept flat.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f32),
    Text(String),
    Integers(Vec<i64>),
    Floats(Vec<f32>),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

/// Gathers the elements of an array of any kind, flat as long as they are all numbers of one kind.
#[derive(Debug)]
pub(super) struct ArrayBuilder(Value);

impl ArrayBuilder {
    pub(super) fn new() -> ArrayBuilder {
        ArrayBuilder(Value::Array(Vec::new()))
    }

    /// Appends an element. False and true become 0 and 1; null, which no model has in an array, is refused by
    /// `false`, because one byte of a file must not become a whole `Value`.
    pub(super) fn push(&mut self, value: Value) -> bool {
        let value = match value {
            Value::Null => return false,
            Value::Bool(truth) => Value::Integer(i64::from(truth)),
            value => value,
        };
        match (&mut self.0, value) {
            (Value::Integers(numbers), Value::Integer(number)) => numbers.push(number),
            (Value::Floats(numbers), Value::Float(number)) => numbers.push(number),
            (Value::Array(values), Value::Integer(number)) if values.is_empty() => {
                self.0 = Value::Integers(vec![number]);
            }
            (Value::Array(values), Value::Float(number)) if values.is_empty() => {
                self.0 = Value::Floats(vec![number]);
            }
            (Value::Array(values), value) => values.push(value),
            (_, value) => {
                self.widen();
                if let Value::Array(values) = &mut self.0 {
                    values.push(value);
                }
            }
        }
        true
    }

    pub(super) fn finish(self) -> Value {
        self.0
    }

    fn widen(&mut self) {
        let values = match &mut self.0 {
            Value::Integers(numbers) => numbers.drain(..).map(Value::Integer).collect(),
            Value::Floats(numbers) => numbers.drain(..).map(Value::Float).collect(),
            _ => return,
        };
        self.0 = Value::Array(values);
    }
}

/// A value and where it stands: a key and, inside of a tree, the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    value: &'a Value,
    key: &'a str,
    tree: Option<usize>,
}

impl<'a> Item<'a> {
    pub(super) fn root(value: &'a Value) -> Item<'a> {
        Item { value, key: "the document", tree: None }
    }

    pub(super) fn in_tree(self, tree: usize) -> Item<'a> {
        Item { tree: Some(tree), ..self }
    }

    /// Where this item stands.
    pub(super) fn here(&self) -> Place {
        self.place(self.key)
    }

    /// Where the member `key` of this item would stand.
    pub(super) fn place(&self, key: &str) -> Place {
        Place { tree: self.tree, ..Place::key(key) }
    }

    pub(super) fn find(&self, key: &'a str) -> Option<Item<'a>> {
        let Value::Object(members) = self.value else { return None };
        let (_, value) = members.iter().find(|(name, _)| name == key)?;
        Some(Item { value, key, tree: self.tree })
    }

    pub(super) fn get(&self, key: &'a str) -> Result<Item<'a>, LoadError> {
        if !matches!(self.value, Value::Object(_)) {
            return Err(self.here().malformed("it is not an object"));
        }
        self.find(key).ok_or_else(|| self.place(key).malformed("the key is missing"))
    }

    pub(super) fn text(&self) -> Result<&'a str, LoadError> {
        match self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.here().malformed("it is not a text")),
        }
    }

    /// Reads a parameter, which XGBoost writes as a text, or a number.
    pub(super) fn parse<T: FromStr>(&self) -> Result<T, LoadError> {
        let number;
        let text = match self.value {
            Value::Integer(value) => {
                number = value.to_string();
                &number
            }
            _ => self.text()?,
        };
        text.trim().parse().map_err(|_| self.here().malformed("it is not the number expected"))
    }

    pub(super) fn index(&self) -> Result<usize, LoadError> {
        match self.value {
            Value::Integer(number) => {
                usize::try_from(*number).map_err(|_| self.here().malformed(format!("it is {number}")))
            }
            _ => Err(self.here().malformed("it is not a whole number")),
        }
    }

    pub(super) fn items(&self) -> Result<Vec<Item<'a>>, LoadError> {
        match self.value {
            Value::Array(values) => {
                Ok(values.iter().map(|value| Item { value, key: self.key, tree: self.tree }).collect())
            }
            _ => Err(self.here().malformed("it is not an array of objects")),
        }
    }

    pub(super) fn texts(&self) -> Result<Vec<String>, LoadError> {
        self.items()?.iter().map(|item| item.text().map(str::to_owned)).collect()
    }

    /// Reads an array of whole numbers.
    pub(super) fn integers(&self) -> Result<Vec<i64>, LoadError> {
        match self.value {
            Value::Integers(numbers) => Ok(numbers.clone()),
            Value::Array(values) => values.iter().map(|value| self.integer(value)).collect(),
            _ => Err(self.here().malformed("it is not an array of whole numbers")),
        }
    }

    fn integer(&self, value: &Value) -> Result<i64, LoadError> {
        match value {
            Value::Integer(number) => Ok(*number),
            _ => Err(self.here().malformed("not all of its elements are whole numbers")),
        }
    }

    /// Reads an array of numbers.
    pub(super) fn floats(&self) -> Result<Vec<f32>, LoadError> {
        match self.value {
            Value::Floats(numbers) => Ok(numbers.clone()),
            Value::Integers(numbers) => Ok(numbers.iter().map(|number| *number as f32).collect()),
            Value::Array(values) => values.iter().map(|value| self.float(value)).collect(),
            _ => Err(self.here().malformed("it is not an array of numbers")),
        }
    }

    fn float(&self, value: &Value) -> Result<f32, LoadError> {
        match value {
            Value::Float(number) => Ok(*number),
            Value::Integer(number) => Ok(*number as f32),
            _ => Err(self.here().malformed("not all of its elements are numbers")),
        }
    }
}
