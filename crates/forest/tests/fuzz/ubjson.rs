//! UBJSON and JSON as XGBoost writes them, from and to documents. The reader trusts its input: it reads goldens.

use serde_json::{Map, Number, Value};

/// Parses a golden file.
pub(crate) fn decode(bytes: &[u8]) -> Value {
    let mut reader = Reader { bytes };
    let marker = reader.byte();
    reader.value(marker)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.bytes.split_at(count);
        self.bytes = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn integer(&mut self, size: usize) -> i64 {
        let bytes = self.take(size);
        let first = if bytes[0] & 0x80 == 0 { 0 } else { -1 };
        bytes.iter().fold(first, |number, byte| (number << 8) | i64::from(*byte))
    }

    fn length(&mut self) -> usize {
        assert_eq!(self.byte(), b'L');
        self.integer(8) as usize
    }

    fn text(&mut self) -> String {
        let length = self.length();
        String::from_utf8(self.take(length).to_vec()).unwrap()
    }

    fn value(&mut self, marker: u8) -> Value {
        match marker {
            b'{' => {
                let mut members = Map::new();
                while self.bytes[0] != b'}' {
                    let key = self.text();
                    let marker = self.byte();
                    members.insert(key, self.value(marker));
                }
                self.byte();
                Value::Object(members)
            }
            b'[' => self.array(),
            b'S' => Value::String(self.text()),
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'i' => self.integer(1).into(),
            b'U' => self.byte().into(),
            b'I' => self.integer(2).into(),
            b'l' => self.integer(4).into(),
            b'L' => self.integer(8).into(),
            b'd' => float(f32::from_be_bytes(self.take(4).try_into().unwrap())),
            other => panic!("no golden has the marker {other}"),
        }
    }

    fn array(&mut self) -> Value {
        let mut elements = Vec::new();
        if self.bytes[0] == b'$' {
            let marker = self.take(3)[1];
            for _ in 0..self.length() {
                elements.push(self.value(marker));
            }
        } else if self.bytes[0] == b'#' {
            self.byte();
            for _ in 0..self.length() {
                let marker = self.byte();
                elements.push(self.value(marker));
            }
        } else {
            while self.bytes[0] != b']' {
                let marker = self.byte();
                elements.push(self.value(marker));
            }
            self.byte();
        }
        Value::Array(elements)
    }
}

/// A number that JSON writes so that it is read as this f32 again.
fn float(value: f32) -> Value {
    Number::from_f64(f64::from(value)).map_or(Value::String(value.to_string()), Value::Number)
}

/// Writes a document as JSON; texts that name no number become what they name.
pub(crate) fn to_json(value: &Value) -> Vec<u8> {
    let text = value.to_string();
    let names = ["NaN", "nan", "inf", "-inf", "1e308", "-1e400", "18446744073709551616"];
    names.iter().fold(text, |text, name| text.replace(&format!("\"{name}\""), name)).into_bytes()
}

/// Writes a document, arrays of numbers typed as XGBoost does it.
pub(crate) fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(value, &mut bytes);
    bytes
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'Z'),
        Value::Bool(truth) => out.push(if *truth { b'T' } else { b'F' }),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => {
            out.push(b'S');
            write_text(text, out);
        }
        Value::Array(elements) => write_array(elements, out),
        Value::Object(members) => {
            out.push(b'{');
            for (key, member) in members {
                write_text(key, out);
                write(member, out);
            }
            out.push(b'}');
        }
    }
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    out.push(b'L');
    out.extend((length as i64).to_be_bytes());
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    write_length(text.len(), out);
    out.extend(text.bytes());
}

fn write_number(number: &Number, out: &mut Vec<u8>) {
    match number.as_i64() {
        Some(whole) => {
            out.push(b'L');
            out.extend(whole.to_be_bytes());
        }
        None => {
            out.push(b'd');
            out.extend((number.as_f64().unwrap() as f32).to_be_bytes());
        }
    }
}

fn write_array(elements: &[Value], out: &mut Vec<u8>) {
    out.push(b'[');
    let whole: Option<Vec<i64>> = elements.iter().map(Value::as_i64).collect();
    let float = |element: &Value| element.as_f64().or_else(|| element.as_str()?.parse().ok());
    let floats: Option<Vec<f64>> = elements.iter().map(float).collect();
    match (whole, floats) {
        (Some(whole), _) if !whole.is_empty() => {
            out.extend(b"$l#");
            write_length(whole.len(), out);
            whole.iter().for_each(|number| out.extend((*number as i32).to_be_bytes()));
        }
        (None, Some(floats)) => {
            out.extend(b"$d#");
            write_length(floats.len(), out);
            floats.iter().for_each(|number| out.extend((*number as f32).to_be_bytes()));
        }
        _ => {
            out.push(b'#');
            write_length(elements.len(), out);
            elements.iter().for_each(|element| write(element, out));
        }
    }
}
