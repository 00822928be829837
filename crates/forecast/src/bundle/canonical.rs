//! JSON in one form only: keys sorted, two spaces, one newline at the end.

use serde::Serialize;
use serde_json::{Map, Value};

/// The canonical bytes of a value.
pub(crate) fn bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    let sorted = sort(serde_json::to_value(value)?);
    let mut bytes = serde_json::to_vec_pretty(&sorted)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn sort(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().map(|(key, value)| (key, sort(value))).collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sort).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_matter() -> Result<(), serde_json::Error> {
        let a: Value = serde_json::from_str(r#"{"b": [{"y": 1, "x": 0.1}], "a": null}"#)?;
        let b: Value = serde_json::from_str(r#"{"a": null, "b": [{"x": 0.1, "y": 1}]}"#)?;
        assert_eq!(bytes(&a)?, bytes(&b)?);
        assert!(String::from_utf8(bytes(&a)?).is_ok_and(|text| text.starts_with("{\n  \"a\": null")));
        Ok(())
    }
}
