//! A tensor's `data`: an array, flat or nested, straight into the list of its datatype. Never more than is expected is kept,
//! and nothing is made room for that is not there.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// How deep arrays may be nested: as deep as any tensor here, and one more.
const DEPTH_MAX: usize = 3;

/// Reads at most `count` numbers; `null` is a missing one.
pub(super) fn numbers(data: &RawValue, count: usize) -> Result<Vec<f64>, serde_json::Error> {
    read(data, List::Numbers(Vec::new()), count).map(|list| match list {
        List::Numbers(numbers) => numbers,
        List::Texts(_) => Vec::new(),
    })
}

/// Reads at most `count` texts.
pub(super) fn texts(data: &RawValue, count: usize) -> Result<Vec<String>, serde_json::Error> {
    read(data, List::Texts(Vec::new()), count).map(|list| match list {
        List::Texts(texts) => texts,
        List::Numbers(_) => Vec::new(),
    })
}

fn read(data: &RawValue, mut list: List, count: usize) -> Result<List, serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(data.get());
    Item { list: &mut list, count, depth: 0 }.deserialize(&mut json)?;
    json.end()?;
    Ok(list)
}

enum List {
    Numbers(Vec<f64>),
    Texts(Vec<String>),
}

/// One element, or an array of them.
struct Item<'a> {
    list: &'a mut List,
    count: usize,
    depth: usize,
}

impl Item<'_> {
    fn number<E: Error>(self, number: f64) -> Result<(), E> {
        match self.list {
            _ if self.depth == 0 => Err(E::custom("data is an array")),
            List::Numbers(numbers) if numbers.len() < self.count => {
                numbers.push(number);
                Ok(())
            }
            List::Numbers(_) => Err(too_many(self.count)),
            List::Texts(_) => Err(E::custom("an element is a number, a text is expected")),
        }
    }

    fn text<E: Error>(self, text: &str) -> Result<(), E> {
        match self.list {
            _ if self.depth == 0 => Err(E::custom("data is an array")),
            List::Texts(texts) if texts.len() < self.count => {
                texts.push(text.to_owned());
                Ok(())
            }
            List::Texts(_) => Err(too_many(self.count)),
            List::Numbers(_) => Err(E::custom("an element is a text, a number or null is expected")),
        }
    }
}

fn too_many<E: Error>(count: usize) -> E {
    E::custom(format!("data has more than the {count} elements that its shape takes"))
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers, nulls or texts, flat or nested")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.number(number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.number(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.number(number as f64)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.number(f64::NAN)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let depth = self.depth + 1;
        if depth > DEPTH_MAX {
            return Err(A::Error::custom(format!("data is nested deeper than {DEPTH_MAX} arrays")));
        }
        while let Some(()) = items.next_element_seed(Item { list: self.list, count: self.count, depth })? {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).expect("JSON")
    }

    #[test]
    fn arrays_are_read_flat_or_nested_and_null_is_missing() {
        let read = |text: &str| numbers(&raw(text), 4).expect(text);
        assert_eq!(read("[1, 2.5, -3, 1e3]"), [1.0, 2.5, -3.0, 1_000.0]);
        assert_eq!(read("[[1, 2], [3, 4]]"), [1.0, 2.0, 3.0, 4.0]);
        assert!(read("[[null], []]")[0].is_nan());
        assert_eq!(read("[0.1]")[0].to_bits(), 0.1f64.to_bits());
        assert_eq!(texts(&raw(r#"["A", ["B\u0041"]]"#), 2).expect("texts"), ["A", "BA"]);
    }

    #[test]
    fn what_is_no_such_list_is_refused() {
        for text in
            ["1", "null", "\"a\"", "{}", "[{}]", "[true]", "[\"1\"]", "[[[[1]]]]", "[1,2,3,4,5]", "[1e999]"]
        {
            assert!(numbers(&raw(text), 4).is_err(), "{text}");
        }
        for text in ["\"A\"", "[1]", "[null]", r#"["A","B","C"]"#] {
            assert!(texts(&raw(text), 2).is_err(), "{text}");
        }
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(RawValue::from_string(deep.clone()).is_err() || numbers(&raw(&deep), 4).is_err());
    }
}
