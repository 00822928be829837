//! What the pages of a column claim, looked at before anything is unpacked: the library makes room for what a page's header says.
//!
//! A header is a struct of Thrift's compact protocol, `PageHeader` of parquet-format's `parquet.thrift`: field 2 is the size of the page
//! unpacked, field 3 its size in the file.

use parquet::errors::ParquetError;

use super::contradiction;

/// What a value and its levels may take unpacked, and a page beside its values: numbers take 8 bytes, whatever their encoding.
const VALUE_BYTES: u64 = 32;
const PAGE_BYTES: u64 = 64 * 1024;
/// Structs and lists in one another; a header has three.
const DEPTH_MAX: u32 = 8;

/// Checks the pages of a column chunk of so many rows.
pub(super) fn require_pages(chunk: &[u8], rows: u64) -> Result<(), ParquetError> {
    let most = rows.saturating_mul(VALUE_BYTES).saturating_add(PAGE_BYTES);
    let mut rest = Bytes(chunk);
    while !rest.0.is_empty() {
        let [unpacked, packed] = rest.header().ok_or_else(contradiction)?;
        if unpacked > most {
            let told = format!("a page claims {unpacked} bytes for {rows} rows: it is damaged");
            return Err(ParquetError::General(told));
        }
        let packed = usize::try_from(packed).map_err(|_| contradiction())?;
        rest.skip(packed).ok_or_else(contradiction)?;
    }
    Ok(())
}

/// What is left to read; `None` where it ends too early.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.0.first()?;
        self.skip(1)?;
        Some(byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A number of either sign, zig-zag.
    fn number(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// A page's header: its sizes unpacked and in the file. Sizes below none are no header.
    fn header(&mut self) -> Option<[u64; 2]> {
        let mut sizes = [None; 2];
        self.fields(DEPTH_MAX, &mut |field, value| match field {
            2 => sizes[0] = u64::try_from(value).ok(),
            3 => sizes[1] = u64::try_from(value).ok(),
            _ => {}
        })?;
        Some([sizes[0]?, sizes[1]?])
    }

    /// Reads a struct, telling its whole numbers by their fields.
    fn fields(&mut self, depth: u32, tell: &mut dyn FnMut(i64, i64)) -> Option<()> {
        let mut field = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            field = match head >> 4 {
                0 => self.number()?,
                delta => field.checked_add(delta.into())?,
            };
            match head & 0xf {
                4..=6 => tell(field, self.number()?),
                kind => self.value(kind, depth)?,
            }
        }
    }

    /// Passes over a value; of a field a yes or no is its kind itself.
    fn value(&mut self, kind: u8, depth: u32) -> Option<()> {
        match kind {
            1 | 2 => Some(()),
            3 => self.skip(1),
            4..=6 => self.varint().map(drop),
            7 => self.skip(8),
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.skip(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                let depth = depth.checked_sub(1)?;
                for _ in 0..count {
                    match head & 0xf {
                        1 | 2 => self.skip(1)?,
                        kind => self.value(kind, depth)?,
                    }
                }
                Some(())
            }
            12 => self.fields(depth.checked_sub(1)?, &mut |_, _| ()),
            // A header has no maps.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A data page's header and so many bytes: type 0, both sizes, and a header of its own with a struct, a text and a list.
    fn page(unpacked: i64, packed: i64, bytes: usize) -> Vec<u8> {
        let varint = |value: i64| {
            let mut left = (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned();
            let mut found = Vec::new();
            while left >= 0x80 {
                found.push(left as u8 | 0x80);
                left >>= 7;
            }
            found.push(left as u8);
            found
        };
        let mut page = vec![0x15, 0x00, 0x15];
        page.extend(varint(unpacked));
        page.push(0x15);
        page.extend(varint(packed));
        page.extend([0x2c, 0x15, 0x06, 0x3c, 0x18, 2, b'a', b'b', 0x19, 0x25, 2, 4, 0x11, 0x00, 0x00, 0x00]);
        page.extend(vec![0xff; bytes]);
        page
    }

    #[test]
    fn pages_that_claim_what_rows_can_take_are_passed_over_and_others_refused() {
        let two = [page(800, 5, 5), page(PAGE_BYTES as i64, 0, 0)].concat();
        assert!(require_pages(&two, 0).is_ok() && require_pages(&[], 0).is_ok());
        let told = require_pages(&page(2_000_000_000, 5, 5), 1_000).expect_err("2 GB").to_string();
        assert!(told.contains("2000000000 bytes for 1000 rows"), "{told}");
        for wrong in [page(-1, 5, 5), page(800, -1, 5), page(800, 6, 5), page(800, 5, 5)[..9].to_vec()] {
            assert!(require_pages(&wrong, 1_000).is_err(), "{wrong:?}");
        }
        // A struct in a struct without end.
        assert!(require_pages(&[0x1c; 1_000], 1_000).is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics_or_goes_on_for_ever(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = require_pages(&bytes, 10);
        }
    }
}
