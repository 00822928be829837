//! JSON values as UBJSON, plainly.

use serde_json::Value;

/// The value's bytes. Numbers with a fraction become f32.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'Z'),
        Value::Bool(true) => out.push(b'T'),
        Value::Bool(false) => out.push(b'F'),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => {
                out.push(b'L');
                out.extend_from_slice(&integer.to_be_bytes());
            }
            None => {
                out.push(b'd');
                #[expect(clippy::cast_possible_truncation, reason = "the format's float is f32")]
                let float = number.as_f64().unwrap_or(f64::NAN) as f32;
                out.extend_from_slice(&float.to_be_bytes());
            }
        },
        Value::String(text) => {
            out.push(b'S');
            write_text(text, out);
        }
        Value::Array(values) => {
            out.push(b'[');
            values.iter().for_each(|value| write(value, out));
            out.push(b']');
        }
        Value::Object(map) => {
            out.push(b'{');
            for (key, value) in map {
                write_text(key, out);
                write(value, out);
            }
            out.push(b'}');
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'L');
    out.extend_from_slice(&(text.len() as u64).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}
