//! Words -> [`Inst`]: finds the format, reads its fields, resolves every operand.
//!
//! Field layouts are those of AMD's "CDNA3 Instruction Set Architecture", chapter "Microcode
//! formats". Branch targets stay unresolved here; the program resolves them. Called by it alone.

mod memory;
mod operand;
mod scalar;
mod vector;

use thiserror::Error;

pub(crate) use self::memory::has_two_offsets;

use crate::inst::{Format, Inst, Lanes, Memory, Modifiers, Operand};
use crate::tables::{self, Row};

/// Longest instruction: 64 bits, and a literal behind.
const MAX_WORDS: usize = 3;

/// An instruction that is not known, or is cut short.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// No table has the encoding.
    #[error(
        "unknown gfx942 instruction at {address:#x}: words {words:08x?} ({what}); extend the \
         decoder's tables or keep the kernel from using it"
    )]
    Unknown {
        /// Byte address.
        address: u64,
        /// Up to three words from there.
        words: Vec<u32>,
        /// What was not recognised.
        what: String,
    },
    /// The code ends inside of the instruction.
    #[error("the code ends inside of the instruction at {address:#x}: words {words:08x?}")]
    Truncated {
        /// Byte address.
        address: u64,
        /// The words that are there.
        words: Vec<u32>,
    },
    /// A branch leads outside of the code, or into an instruction.
    #[error("the branch at {address:#x} leads to {target:#x}, where no instruction begins")]
    Target {
        /// Byte address of the branch.
        address: u64,
        /// Where it leads.
        target: u64,
    },
}

/// The words of one instruction while it is read.
struct Reader<'a> {
    words: &'a [u32],
    address: u64,
    /// Words used so far.
    num_words: usize,
    literal: Option<u32>,
}

impl Reader<'_> {
    /// The word `index` of the instruction proper.
    fn word(&mut self, index: usize) -> Result<u32, DecodeError> {
        self.num_words = self.num_words.max(index + 1);
        self.words.get(index).copied().ok_or_else(|| DecodeError::Truncated {
            address: self.address,
            words: self.words.to_vec(),
        })
    }

    /// The literal behind the instruction; the same one however often it is named.
    fn literal(&mut self) -> Result<u32, DecodeError> {
        if let Some(literal) = self.literal {
            return Ok(literal);
        }
        let literal = self.word(self.num_words)?;
        self.literal = Some(literal);
        Ok(literal)
    }

    fn unknown(&self, what: impl Into<String>) -> DecodeError {
        let words = self.words.iter().take(MAX_WORDS).copied().collect();
        DecodeError::Unknown { address: self.address, words, what: what.into() }
    }

    fn find(&self, format: Format, opcode: u32) -> Result<Row, DecodeError> {
        u16::try_from(opcode)
            .ok()
            .and_then(|opcode| tables::find(format, opcode))
            .ok_or_else(|| self.unknown(format!("{format:?} opcode {opcode:#x}")))
    }
}

/// Bits `low..low + width` of `word`.
const fn bits(word: u32, low: u32, width: u32) -> u32 {
    (word >> low) & ((1 << width) - 1)
}

/// As [`bits`], for fields of up to eight bits.
const fn byte(word: u32, low: u32, width: u32) -> u8 {
    bits(word, low, width) as u8
}

const fn flag(word: u32, bit: u32) -> bool {
    (word >> bit) & 1 == 1
}

/// Bits `low..low + width` as a signed number.
const fn signed(word: u32, low: u32, width: u32) -> i32 {
    ((word << (32 - low - width)) as i32) >> (32 - width)
}

/// Decodes the instruction at the start of `words`, which are those of the code from `address` on.
///
/// # Errors
/// [`DecodeError::Unknown`] and [`DecodeError::Truncated`].
pub fn decode(words: &[u32], address: u64) -> Result<Inst, DecodeError> {
    let mut reader = Reader { words, address, num_words: 0, literal: None };
    let first = reader.word(0)?;
    let mut inst = match first >> 26 {
        0b110000 => memory::smem(&mut reader, first),
        0b110100 if bits(first, 23, 3) == 0b111 => vector::vop3p(&mut reader, first),
        0b110100 => vector::vop3(&mut reader, first),
        0b110110 => memory::ds(&mut reader, first),
        0b110111 => memory::flat(&mut reader, first),
        0b111000 => memory::mubuf(&mut reader, first),
        0b100000..0b110000 => scalar::decode(&mut reader, first),
        0..0b100000 => vector::decode(&mut reader, first),
        _ => Err(reader.unknown("no such format")),
    }?;
    inst.size_bytes = 4 * reader.num_words as u8;
    Ok(inst)
}

/// An instruction of `row` without operands.
fn bare(reader: &Reader<'_>, format: Format, row: &Row) -> Inst {
    Inst {
        op: row.op,
        format,
        dst: Operand::NONE,
        sdst: Operand::NONE,
        src: [Operand::NONE; 4],
        imm: 0,
        imm2: 0,
        target: None,
        modifiers: Modifiers::default(),
        lanes: Lanes::Own,
        memory: Memory::default(),
        address: reader.address,
        size_bytes: 0,
    }
}
