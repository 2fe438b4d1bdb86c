//! The code of a code object, decoded once: instructions in address order, branches resolved.
//!
//! Never executes anything. Made when a module is loaded; read by every wave.

use crate::code_object::CodeObject;
use crate::decode::{DecodeError, decode};
use crate::inst::{Format, Inst};
use crate::op::Op;

/// Bytes of an instruction word.
const WORD_BYTES: u64 = 4;
/// Mark in the address map of a word that is not the first of an instruction.
const NO_INSTRUCTION: u32 = u32::MAX;

/// Decoded code.
#[derive(Clone, Debug)]
pub struct Program {
    insts: Vec<Inst>,
    /// Address of the first word.
    base: u64,
    /// For each word: index of the instruction that begins there.
    starts: Vec<u32>,
}

impl Program {
    /// Decodes the whole code section of `code_object`.
    ///
    /// # Errors
    /// [`DecodeError`]: an instruction is unknown or cut short, or a branch leads nowhere.
    pub fn decode(code_object: &CodeObject) -> Result<Self, DecodeError> {
        let text = code_object.text();
        Self::from_words(&text.words, text.address)
    }

    /// Decodes `words`, the code from address `base` on.
    ///
    /// # Errors
    /// As [`Program::decode`].
    pub fn from_words(words: &[u32], base: u64) -> Result<Self, DecodeError> {
        let mut program =
            Self { insts: Vec::new(), base, starts: vec![NO_INSTRUCTION; words.len()] };
        let mut position = 0;
        while position < words.len() {
            let inst = decode(&words[position..], base + position as u64 * WORD_BYTES)?;
            program.starts[position] = program.insts.len() as u32;
            position += usize::from(inst.size_bytes) / WORD_BYTES as usize;
            program.insts.push(inst);
        }
        program.resolve_branches()?;
        Ok(program)
    }

    fn resolve_branches(&mut self) -> Result<(), DecodeError> {
        for index in 0..self.insts.len() {
            let inst = &self.insts[index];
            if !is_branch(inst) {
                continue;
            }
            let next = inst.address + WORD_BYTES;
            let target = next.wrapping_add_signed(i64::from(inst.imm) * WORD_BYTES as i64);
            let address = inst.address;
            let found = self.index_of(target).ok_or(DecodeError::Target { address, target })?;
            self.insts[index].target = Some(found);
        }
        Ok(())
    }

    /// The instructions, in address order.
    pub fn insts(&self) -> &[Inst] {
        &self.insts
    }

    /// Index of the instruction that begins at `address`.
    pub fn index_of(&self, address: u64) -> Option<u32> {
        let offset = address.checked_sub(self.base)?;
        if offset % WORD_BYTES != 0 {
            return None;
        }
        let word = usize::try_from(offset / WORD_BYTES).ok()?;
        self.starts.get(word).copied().filter(|&index| index != NO_INSTRUCTION)
    }
}

/// Whether the instruction has a target relative to itself.
fn is_branch(inst: &Inst) -> bool {
    match inst.op {
        Op::SCallB64 => true,
        Op::SBranch
        | Op::SCbranchScc0
        | Op::SCbranchScc1
        | Op::SCbranchVccz
        | Op::SCbranchVccnz
        | Op::SCbranchExecz
        | Op::SCbranchExecnz => inst.format == Format::Sopp,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOP: u32 = 0xbf80_0000;
    const ENDPGM: u32 = 0xbf81_0000;
    const BRANCH: u32 = 0xbf82_0000;
    /// `v_mov_b32_e32 v0, literal`
    const MOV_LITERAL: u32 = 0x7e00_02ff;

    #[test]
    fn branches_know_the_index_of_their_target() {
        let words = [NOP, MOV_LITERAL, 7, BRANCH | 0xfffc, ENDPGM];
        let program = Program::from_words(&words, 0x100).expect("it decodes");
        let targets: Vec<_> = program.insts().iter().map(|inst| inst.target).collect();
        assert_eq!(targets, [None, None, Some(0), None]);
        assert_eq!(program.index_of(0x104), Some(1));
        assert_eq!(program.index_of(0x108), None, "the literal is no instruction");
        assert_eq!(program.index_of(0x110), Some(3));
        assert_eq!(program.index_of(0x114), None, "behind the code");
        assert_eq!(program.index_of(0xfc), None, "in front of the code");
    }

    #[test]
    fn a_branch_into_an_instruction_is_refused() {
        let words = [BRANCH | 1, MOV_LITERAL, 7, ENDPGM];
        let error = Program::from_words(&words, 0).expect_err("it leads to the literal");
        assert_eq!(error, DecodeError::Target { address: 0, target: 8 });
        let words = [BRANCH | 0x7fff, ENDPGM];
        assert!(Program::from_words(&words, 0).is_err(), "it leads out of the code");
    }

    #[test]
    fn unknown_and_truncated_words_are_named() {
        let error = Program::from_words(&[NOP, 0xffff_ffff], 0x40).expect_err("no such format");
        let text = error.to_string();
        assert!(text.contains("0x44") && text.contains("ffffffff"), "{text}");
        let error = Program::from_words(&[MOV_LITERAL], 0).expect_err("the literal is missing");
        assert_eq!(error, DecodeError::Truncated { address: 0, words: vec![MOV_LITERAL] });
    }
}
