//! JSON objects and nothing else: read as it comes, a list would stand for a structure too, its fields in order.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

/// What was written as an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer).map(Self)
    }
}

/// Reads a structure that is written as an object.
///
/// # Errors
/// As the structure; anything that is no object.
pub(super) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(Fields(PhantomData))
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair {
        a: u8,
        b: u8,
    }

    #[test]
    fn a_list_is_no_object_and_a_field_stands_once() {
        let read = |text| serde_json::from_str::<Object<Pair>>(text).ok();
        assert_eq!(read("{\"b\": 2, \"a\": 1}"), Some(Object(Pair { a: 1, b: 2 })));
        for text in
            ["[1, 2]", "[]", "null", "{\"a\": 1, \"b\": 2, \"a\": 1}", "{\"a\": 1, \"b\": 2, \"c\": 3}"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
