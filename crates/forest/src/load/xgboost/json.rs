//! JSON as XGBoost writes it. Numbers with a point or an exponent are read as f32 at once, as the original
//! does: reading them as f64 first would round some of them twice.

use super::document::{ArrayBuilder, ElementLimit, NESTING_MAX, ObjectBuilder, Value};
use crate::error::{LoadError, Place};

/// Parses a whole file.
pub(super) fn parse(bytes: &[u8], limit: ElementLimit) -> Result<Value, LoadError> {
    let mut reader = Reader { bytes, at: 0, limit };
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at == bytes.len() {
        Ok(value)
    } else {
        Err(reader.malformed("bytes follow the end of the document"))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    limit: ElementLimit,
}

impl Reader<'_> {
    fn here(&self) -> Place {
        Place { byte: Some(self.at), ..Place::default() }
    }

    fn malformed(&self, problem: &str) -> LoadError {
        self.here().malformed(problem)
    }

    fn skip_space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The next byte that is not white space; it is not taken.
    fn peek(&mut self) -> Result<u8, LoadError> {
        self.skip_space();
        self.bytes.get(self.at).copied().ok_or_else(|| self.malformed("the file ends here"))
    }

    fn expect(&mut self, text: &str) -> Result<(), LoadError> {
        self.skip_space();
        if self.bytes[self.at..].starts_with(text.as_bytes()) {
            self.at += text.len();
            Ok(())
        } else {
            Err(self.malformed(&format!("expected `{text}`")))
        }
    }

    fn value(&mut self, nesting: usize) -> Result<Value, LoadError> {
        let first = self.peek()?;
        if nesting > NESTING_MAX {
            return Err(self.malformed("arrays and objects are nested too deeply"));
        }
        Ok(match first {
            b'{' => self.object(nesting)?,
            b'[' => self.array(nesting)?,
            b'"' => Value::Text(self.text()?),
            b'n' => {
                self.expect("null")?;
                Value::Null
            }
            b't' => {
                self.expect("true")?;
                Value::Bool(true)
            }
            b'f' => {
                self.expect("false")?;
                Value::Bool(false)
            }
            _ => self.number()?,
        })
    }

    fn object(&mut self, nesting: usize) -> Result<Value, LoadError> {
        self.expect("{")?;
        let mut members = ObjectBuilder::new();
        let mut is_first = true;
        while self.peek()? != b'}' {
            if !is_first {
                self.expect(",")?;
            }
            is_first = false;
            let key = self.text()?;
            self.expect(":")?;
            members.push(key, self.value(nesting + 1)?, self.limit)?;
        }
        self.expect("}")?;
        members.finish(&self.here())
    }

    fn array(&mut self, nesting: usize) -> Result<Value, LoadError> {
        self.expect("[")?;
        let mut elements = ArrayBuilder::Empty;
        let mut is_first = true;
        while self.peek()? != b']' {
            if !is_first {
                self.expect(",")?;
            }
            is_first = false;
            let value = self.value(nesting + 1)?;
            elements.push(value, self.limit, || self.here())?;
        }
        self.expect("]")?;
        Ok(elements.finish())
    }

    fn text(&mut self) -> Result<Box<str>, LoadError> {
        self.expect("\"")?;
        let mut text = Vec::new();
        loop {
            let byte = self.bytes.get(self.at).copied();
            self.at += 1;
            match byte {
                Some(b'"') => break,
                Some(b'\\') => {
                    let escaped = self.bytes.get(self.at).copied();
                    self.at += 1;
                    text.push(match escaped {
                        Some(b'n') => b'\n',
                        Some(b'r') => b'\r',
                        Some(b't') => b'\t',
                        Some(byte @ (b'"' | b'\\' | b'/')) => byte,
                        _ => return Err(self.malformed("there is no such escape")),
                    });
                }
                Some(byte) => text.push(byte),
                None => return Err(self.malformed("the file ends inside of a text")),
            }
        }
        String::from_utf8(text).map(Box::from).map_err(|_| self.malformed("a text is not UTF-8"))
    }

    fn number(&mut self) -> Result<Value, LoadError> {
        let rest = &self.bytes[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let word = std::str::from_utf8(&rest[..length]).unwrap_or("");
        let is_whole = word.strip_prefix('-').unwrap_or(word).bytes().all(|byte| byte.is_ascii_digit());
        let number = match word {
            _ if is_whole => word.parse().ok().map(Value::Integer),
            "NaN" => Some(Value::Float(f32::NAN)),
            _ => word.parse().ok().map(Value::Float),
        };
        let number = number.ok_or_else(|| self.malformed("expected a value"))?;
        self.at += length;
        Ok(number)
    }
}
