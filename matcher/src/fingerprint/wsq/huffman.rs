//! Huffman codes and what they stand for: runs of zeros and quantised values.
//!
//! IAFIS-IC-0110, Huffman coding: codes are canonical, of at most 16 bits, as JPEG builds them (ITU-T T.81 Annex C); no code is
//! all ones, because a block is filled up with ones to a whole byte. A byte `FF` of data is followed by `00`.

use super::WsqError;
use super::quantisation::Sink;

/// Longest code, bits.
pub(super) const LONGEST: usize = 16;

/// One table: for each length the codes that have it, and their symbols.
pub(super) struct HuffmanTable {
    /// For each length the first code, how many codes, and the place of the first symbol.
    lengths: [(u32, u32, usize); LONGEST],
    symbols: Vec<u8>,
}

impl HuffmanTable {
    /// The canonical code of how many codes each length has, and their symbols in order.
    pub(super) fn new(counts: &[u8; LONGEST], symbols: &[u8]) -> Result<Self, WsqError> {
        let mut lengths = [(0, 0, 0); LONGEST];
        let (mut code, mut place) = (0u32, 0usize);
        for (length, (entry, &count)) in lengths.iter_mut().zip(counts).enumerate() {
            code <<= 1;
            *entry = (code, u32::from(count), place);
            code += u32::from(count);
            place += usize::from(count);
            // All ones stays free at every length.
            if code >= 1 << (length + 1) {
                return Err(WsqError::HuffmanTable);
            }
        }
        if place != symbols.len() || place == 0 {
            return Err(WsqError::HuffmanTable);
        }
        Ok(Self {
            lengths,
            symbols: symbols.to_vec(),
        })
    }

    /// The next symbol; nothing when the data ends, filled up with ones.
    fn symbol(&self, reader: &mut BitReader<'_>) -> Result<Option<u8>, WsqError> {
        let mut code = 0u32;
        for (length, &(first, count, place)) in self.lengths.iter().enumerate() {
            let Some(bit) = reader.bit() else {
                let is_filler = code + 1 == 1 << length && length < 8;
                return if is_filler {
                    Ok(None)
                } else {
                    Err(WsqError::Truncated)
                };
            };
            code = code << 1 | bit;
            if code < first + count && code >= first {
                return Ok(self.symbols.get(place + (code - first) as usize).copied());
            }
        }
        Err(WsqError::UnknownCode)
    }
}

/// Bits of entropy-coded data, most significant first, up to the next marker.
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
    current: u8,
    left: u8,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            current: 0,
            left: 0,
        }
    }

    /// Whole bytes taken so far.
    pub(super) fn bytes_read(&self) -> usize {
        self.at
    }

    fn bit(&mut self) -> Option<u32> {
        if self.left == 0 {
            let byte = *self.bytes.get(self.at)?;
            if byte == 0xff {
                if *self.bytes.get(self.at + 1)? != 0 {
                    return None;
                }
                self.at += 1;
            }
            self.at += 1;
            self.current = byte;
            self.left = 8;
        }
        self.left -= 1;
        Some(u32::from(self.current >> self.left & 1))
    }

    fn bits(&mut self, count: u32) -> Result<u32, WsqError> {
        (0..count).try_fold(0, |value, _| {
            let bit = self.bit().ok_or(WsqError::Truncated)?;
            Ok(value << 1 | bit)
        })
    }
}

/// Reads runs and values up to the next marker into the sink.
pub(super) fn decode_block(
    reader: &mut BitReader<'_>,
    table: &HuffmanTable,
    sink: &mut Sink,
) -> Result<(), WsqError> {
    while let Some(symbol) = table.symbol(reader)? {
        match symbol {
            symbol::RUN_FIRST..=symbol::RUN_LAST => sink.zeros(u32::from(symbol))?,
            symbol::POSITIVE_8 => sink.value(reader.bits(8)? as i32)?,
            symbol::NEGATIVE_8 => sink.value(-(reader.bits(8)? as i32))?,
            symbol::POSITIVE_16 => sink.value(reader.bits(16)? as i32)?,
            symbol::NEGATIVE_16 => sink.value(-(reader.bits(16)? as i32))?,
            symbol::RUN_8 => sink.zeros(reader.bits(8)?)?,
            symbol::RUN_16 => sink.zeros(reader.bits(16)?)?,
            symbol::VALUE_FIRST..=symbol::VALUE_LAST => {
                sink.value(i32::from(symbol) - symbol::VALUE_ZERO)?;
            }
            0 | u8::MAX => return Err(WsqError::UnknownCode),
        }
    }
    Ok(())
}

/// What symbols stand for (IAFIS-IC-0110, the table of Huffman input symbols).
pub(super) mod symbol {
    pub(in super::super) const RUN_FIRST: u8 = 1;
    pub(in super::super) const RUN_LAST: u8 = 100;
    pub(in super::super) const POSITIVE_8: u8 = 101;
    pub(in super::super) const NEGATIVE_8: u8 = 102;
    pub(in super::super) const POSITIVE_16: u8 = 103;
    pub(in super::super) const NEGATIVE_16: u8 = 104;
    pub(in super::super) const RUN_8: u8 = 105;
    pub(in super::super) const RUN_16: u8 = 106;
    pub(in super::super) const VALUE_FIRST: u8 = 107;
    pub(in super::super) const VALUE_LAST: u8 = 254;
    pub(in super::super) const VALUE_ZERO: i32 = 180;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_bit_by_bit_and_filler_ends_it() {
        // 0 -> 7, 10 -> 8, 110 -> 9.
        let mut counts = [0; LONGEST];
        counts[..3].copy_from_slice(&[1, 1, 1]);
        let table = HuffmanTable::new(&counts, &[7, 8, 9]).expect("a table");
        let mut reader = BitReader::new(&[0b1100_1011, 0xff, 0x00, 0xff, 0xa1]);
        let read: Vec<u8> =
            std::iter::from_fn(|| table.symbol(&mut reader).ok().flatten()).collect();
        // The rest, 1 and eight more ones, is no code of three bits.
        assert_eq!(read, [9, 7, 8]);
        let mut reader = BitReader::new(&[0b1100_1011, 0xff, 0xa1]);
        let mut read = Vec::new();
        while let Some(symbol) = table.symbol(&mut reader).expect("codes and filler") {
            read.push(symbol);
        }
        assert_eq!((read, reader.bytes_read()), (vec![9, 7, 8], 1));
    }

    #[test]
    fn impossible_tables_are_refused() {
        let with = |counts: &[(usize, u8)], symbols: &[u8]| {
            let mut all = [0; LONGEST];
            counts
                .iter()
                .for_each(|&(length, count)| all[length - 1] = count);
            HuffmanTable::new(&all, symbols).err()
        };
        assert_eq!(with(&[(2, 3)], &[1, 2, 3]), None);
        // All ones taken, more codes than fit, symbols left over, and none at all.
        assert_eq!(with(&[(2, 4)], &[1; 4]), Some(WsqError::HuffmanTable));
        assert_eq!(
            with(&[(1, 1), (2, 2)], &[1; 3]),
            Some(WsqError::HuffmanTable)
        );
        assert_eq!(with(&[(16, 255)], &[1; 254]), Some(WsqError::HuffmanTable));
        assert_eq!(with(&[], &[]), Some(WsqError::HuffmanTable));
    }
}
