//! UBJSON as XGBoost writes it: big-endian, lengths as 64-bit integers, arrays of numbers typed.

use super::document::{ArrayBuilder, ElementLimit, NESTING_MAX, ObjectBuilder, Value};
use crate::error::{LoadError, Place};

/// Parses a whole file.
pub(super) fn parse(bytes: &[u8], limit: ElementLimit) -> Result<Value, LoadError> {
    let mut reader = Reader { bytes, at: 0, limit };
    let value = reader.value(0)?;
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

impl<'a> Reader<'a> {
    fn here(&self) -> Place {
        Place { byte: Some(self.at), ..Place::default() }
    }

    fn malformed(&self, problem: &str) -> LoadError {
        self.here().malformed(problem)
    }

    fn peek(&self) -> Result<u8, LoadError> {
        self.bytes.get(self.at).copied().ok_or_else(|| self.malformed("the file ends here"))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], LoadError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.malformed("the file ends before what it announces here"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    fn expect(&mut self, marker: u8) -> Result<(), LoadError> {
        if self.peek()? == marker {
            self.at += 1;
            Ok(())
        } else {
            Err(self.malformed(&format!("expected `{}`", char::from(marker))))
        }
    }

    fn value(&mut self, nesting: usize) -> Result<Value, LoadError> {
        let marker = self.peek()?;
        if nesting > NESTING_MAX {
            return Err(self.malformed("arrays and objects are nested too deeply"));
        }
        self.at += 1;
        Ok(match marker {
            b'{' => self.object(nesting)?,
            b'[' => self.array(nesting)?,
            b'Z' => Value::Null,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'S' => Value::Text(self.text()?),
            b'd' => Value::Float(f32::from_be_bytes(self.fixed()?)),
            b'D' => Value::Float(f64::from_be_bytes(self.fixed()?) as f32),
            b'i' | b'U' | b'I' | b'l' | b'L' | b'C' => Value::Integer(self.integer(marker)?),
            _ => {
                self.at -= 1;
                return Err(self.malformed("there is no such marker"));
            }
        })
    }

    fn integer(&mut self, marker: u8) -> Result<i64, LoadError> {
        Ok(match marker {
            b'i' | b'C' => i64::from(i8::from_be_bytes(self.fixed()?)),
            b'U' => i64::from(u8::from_be_bytes(self.fixed()?)),
            b'I' => i64::from(i16::from_be_bytes(self.fixed()?)),
            b'l' => i64::from(i32::from_be_bytes(self.fixed()?)),
            b'L' => i64::from_be_bytes(self.fixed()?),
            _ => return Err(self.malformed("there is no such type of whole number")),
        })
    }

    fn length(&mut self) -> Result<usize, LoadError> {
        self.expect(b'L')?;
        let length = i64::from_be_bytes(self.fixed()?);
        usize::try_from(length).map_err(|_| self.malformed("a length is negative"))
    }

    fn text(&mut self) -> Result<Box<str>, LoadError> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map(Box::from).map_err(|_| self.malformed("a text is not UTF-8"))
    }

    fn object(&mut self, nesting: usize) -> Result<Value, LoadError> {
        let mut members = ObjectBuilder::new();
        while self.peek()? != b'}' {
            let key = self.text()?;
            members.push(key, self.value(nesting + 1)?, self.limit)?;
        }
        self.expect(b'}')?;
        members.finish(&self.here())
    }

    fn array(&mut self, nesting: usize) -> Result<Value, LoadError> {
        if self.peek()? == b'$' {
            return self.typed_array();
        }
        let mut elements = ArrayBuilder::Empty;
        if self.peek()? == b'#' {
            self.at += 1;
            for _ in 0..self.length()? {
                self.element(&mut elements, nesting)?;
            }
        } else {
            while self.peek()? != b']' {
                self.element(&mut elements, nesting)?;
            }
            self.expect(b']')?;
        }
        Ok(elements.finish())
    }

    fn element(&mut self, elements: &mut ArrayBuilder, nesting: usize) -> Result<(), LoadError> {
        let value = self.value(nesting + 1)?;
        elements.push(value, self.limit, || self.here())
    }

    fn typed_array(&mut self) -> Result<Value, LoadError> {
        self.expect(b'$')?;
        let marker = self.fixed::<1>()?[0];
        self.expect(b'#')?;
        let length = self.length()?;
        let size = match marker {
            b'i' | b'U' => 1,
            b'I' => 2,
            b'l' | b'd' => 4,
            b'L' | b'D' => 8,
            _ => return Err(self.malformed("there is no such type of array")),
        };
        let bytes = length.checked_mul(size).ok_or_else(|| self.malformed("an array is too long"))?;
        let mut elements = Reader { bytes: self.take(bytes)?, at: 0, limit: self.limit };
        Ok(match marker {
            b'd' => Value::Floats(
                (0..length).map(|_| Ok(f32::from_be_bytes(elements.fixed()?))).collect::<Result<_, _>>()?,
            ),
            b'D' => Value::Floats(
                (0..length)
                    .map(|_| Ok(f64::from_be_bytes(elements.fixed()?) as f32))
                    .collect::<Result<_, _>>()?,
            ),
            _ => Value::Integers((0..length).map(|_| elements.integer(marker)).collect::<Result<_, _>>()?),
        })
    }
}
