//! The document that UBJSON and JSON have in common, and typed access that knows its place.

use std::borrow::Cow;
use std::str::FromStr;

use crate::error::{LoadError, Place, start};
use crate::limits::Limits;

/// The deepest nesting of arrays and objects that is read.
pub(super) const NESTING_MAX: usize = 32;

/// A value. Arrays of numbers, which are nearly all of a model, are kept flat.
///
/// Everything is boxed to its size: files have many small objects, and a `Vec` keeps room for more.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f32),
    Text(Box<str>),
    Integers(Box<[i64]>),
    Floats(Box<[f32]>),
    Array(Box<[Value]>),
    /// Ordered by key, each key once.
    Object(Box<[(Box<str>, Value)]>),
}

/// How many elements that are no numbers one array or object may have, and the limit that says so: an object or
/// a text takes more memory than file, and no more of them than trees or features have a meaning.
#[derive(Debug, Clone, Copy)]
pub(super) struct ElementLimit {
    limit: usize,
    name: &'static str,
}

impl ElementLimit {
    pub(super) fn of(limits: &Limits) -> ElementLimit {
        if limits.trees_max > limits.features_max {
            ElementLimit { limit: limits.trees_max, name: "trees_max" }
        } else {
            ElementLimit { limit: limits.features_max, name: "features_max" }
        }
    }

    /// Passes if there is room for one more.
    fn check(self, count: usize) -> Result<(), LoadError> {
        // A small limit still lets an object have its members.
        LoadError::within("elements in one array or object", count + 1, self.limit.max(64), self.name)
    }
}

/// Gathers the elements of an array of any kind; numbers are kept flat.
#[derive(Debug)]
pub(super) enum ArrayBuilder {
    Empty,
    Integers(Vec<i64>),
    Floats(Vec<f32>),
    Array(Vec<Value>),
}

impl ArrayBuilder {
    /// Appends an element. False and true become 0 and 1, whole numbers among others f32, as they would be read.
    ///
    /// Refuses null and numbers beside other things, which no model has in an array, because one byte of a file
    /// must not become a whole `Value`.
    pub(super) fn push(
        &mut self,
        value: Value,
        limit: ElementLimit,
        here: impl Fn() -> Place,
    ) -> Result<(), LoadError> {
        let value = match value {
            Value::Null => return Err(here().malformed("null stands in an array")),
            Value::Bool(truth) => Value::Integer(i64::from(truth)),
            value => value,
        };
        match (&mut *self, value) {
            (ArrayBuilder::Empty, Value::Integer(number)) => *self = ArrayBuilder::Integers(vec![number]),
            (ArrayBuilder::Empty, Value::Float(number)) => *self = ArrayBuilder::Floats(vec![number]),
            (ArrayBuilder::Empty, value) => *self = ArrayBuilder::Array(vec![value]),
            (ArrayBuilder::Integers(numbers), Value::Integer(number)) => numbers.push(number),
            (ArrayBuilder::Integers(numbers), Value::Float(number)) => {
                let mut floats: Vec<f32> = numbers.iter().map(|number| *number as f32).collect();
                floats.push(number);
                *self = ArrayBuilder::Floats(floats);
            }
            (ArrayBuilder::Floats(numbers), Value::Integer(number)) => numbers.push(number as f32),
            (ArrayBuilder::Floats(numbers), Value::Float(number)) => numbers.push(number),
            (ArrayBuilder::Array(values), value) if !matches!(value, Value::Integer(_) | Value::Float(_)) => {
                limit.check(values.len())?;
                values.push(value);
            }
            _ => return Err(here().malformed("numbers and other things stand in one array")),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Value {
        match self {
            ArrayBuilder::Empty => Value::Array(Box::default()),
            ArrayBuilder::Integers(numbers) => Value::Integers(numbers.into()),
            ArrayBuilder::Floats(numbers) => Value::Floats(numbers.into()),
            ArrayBuilder::Array(values) => Value::Array(values.into()),
        }
    }
}

/// Gathers the members of an object.
#[derive(Debug)]
pub(super) struct ObjectBuilder(Vec<(Box<str>, Value)>);

impl ObjectBuilder {
    pub(super) fn new() -> ObjectBuilder {
        ObjectBuilder(Vec::new())
    }

    pub(super) fn push(&mut self, key: Box<str>, value: Value, limit: ElementLimit) -> Result<(), LoadError> {
        limit.check(self.0.len())?;
        self.0.push((key, value));
        Ok(())
    }

    /// Refuses a key that stands twice: readers differ in which one they take.
    pub(super) fn finish(mut self, end: &Place) -> Result<Value, LoadError> {
        self.0.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        match self.0.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => {
                let problem =
                    format!("the key `{}` stands twice in the object that ends here", start(&pair[0].0));
                Err(end.clone().malformed(problem))
            }
            None => Ok(Value::Object(self.0.into())),
        }
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
        let index = members.binary_search_by(|(name, _)| (**name).cmp(key)).ok()?;
        Some(Item { value: &members[index].1, key, tree: self.tree })
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

    /// The elements of an array of objects or texts, which may be empty.
    pub(super) fn items(&self) -> Result<impl ExactSizeIterator<Item = Item<'a>> + use<'a>, LoadError> {
        let (key, tree) = (self.key, self.tree);
        match self.value {
            Value::Array(values) => Ok(values.iter().map(move |value| Item { value, key, tree })),
            _ => Err(self.here().malformed("it is not an array of objects or texts")),
        }
    }

    /// Reads an array of whole numbers.
    pub(super) fn integers(&self) -> Result<&'a [i64], LoadError> {
        match self.value {
            Value::Integers(numbers) => Ok(numbers),
            Value::Array(values) if values.is_empty() => Ok(&[]),
            _ => Err(self.here().malformed("it is not an array of whole numbers")),
        }
    }

    /// Reads an array of numbers.
    pub(super) fn floats(&self) -> Result<Cow<'a, [f32]>, LoadError> {
        match self.value {
            Value::Floats(numbers) => Ok(Cow::Borrowed(numbers)),
            Value::Integers(numbers) => Ok(numbers.iter().map(|number| *number as f32).collect()),
            Value::Array(values) if values.is_empty() => Ok(Cow::Borrowed(&[])),
            _ => Err(self.here().malformed("it is not an array of numbers")),
        }
    }
}
