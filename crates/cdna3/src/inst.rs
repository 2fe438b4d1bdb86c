//! One decoded instruction: operation, operands, modifiers. Pure data.
//!
//! Made by the decoder, read by the printer and by execution. Everything that can be known before
//! running is resolved here: constants have their bits, implicit registers (`vcc`) are operands,
//! branches have their target's index.

use crate::op::Op;

/// A register, a constant or nothing, with its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// Where the value is.
    pub kind: OperandKind,
    /// Width in consecutive 32-bit registers; 1 also for 8- and 16-bit values, 0 for no operand.
    pub dwords: u8,
}

/// Where an operand's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandKind {
    /// The instruction does not have this operand.
    None,
    /// The scalar register file by encoding, 0-127: `s0`-`s101`, then the slots of [`slot`].
    Scalar(u8),
    /// Vector register, one dword per lane.
    Vgpr(u8),
    /// Accumulation register, one dword per lane.
    Agpr(u8),
    /// A constant, converted to the operand's type.
    Constant(Constant),
    /// A read-only value of the wave.
    Special(Special),
}

/// A constant as the operation sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constant {
    /// Value bits in the operand's type: f16 in 16 bits, f32 and 32-bit integers in 32, f64 and
    /// 64-bit integers in 64; higher bits are zero. Packed types hold it in the low element only.
    pub bits: u64,
    /// How the instruction holds it.
    pub origin: Origin,
}

/// Where a constant comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One of the constants with an encoding of their own (128-208 integers, 240-248 floats).
    Inline(u8),
    /// The 32-bit word behind the instruction, as it stands there.
    Literal(u32),
}

/// Encodings of the named registers in the scalar file.
pub mod slot {
    /// `flat_scratch_lo`; the high half follows.
    pub const FLAT_SCRATCH: u8 = 102;
    /// `xnack_mask_lo`; the high half follows.
    pub const XNACK_MASK: u8 = 104;
    /// `vcc_lo`; the high half follows.
    pub const VCC: u8 = 106;
    /// First of the sixteen trap handler registers.
    pub const TTMP: u8 = 108;
    /// `m0`.
    pub const M0: u8 = 124;
    /// `exec_lo`; the high half follows.
    pub const EXEC: u8 = 126;
    /// Ordinary scalar registers: `s0` to `s101`.
    pub const NUM_SGPRS: u8 = 102;
}

/// Values of the wave that can be read like an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// Base of the LDS aperture in flat addresses (high dword of the address).
    SharedBase,
    /// Last address of the LDS aperture.
    SharedLimit,
    /// Base of the scratch aperture in flat addresses.
    PrivateBase,
    /// Last address of the scratch aperture.
    PrivateLimit,
    /// 1 if `vcc` is zero.
    Vccz,
    /// 1 if `exec` is zero.
    Execz,
    /// The scalar condition code.
    Scc,
}

impl Operand {
    /// No operand.
    pub const NONE: Self = Self { kind: OperandKind::None, dwords: 0 };

    /// Scalar registers from encoding `index`.
    pub const fn scalar(index: u8, dwords: u8) -> Self {
        Self { kind: OperandKind::Scalar(index), dwords }
    }

    /// Vector registers from `index`.
    pub const fn vgpr(index: u8, dwords: u8) -> Self {
        Self { kind: OperandKind::Vgpr(index), dwords }
    }

    /// Accumulation registers from `index`.
    pub const fn agpr(index: u8, dwords: u8) -> Self {
        Self { kind: OperandKind::Agpr(index), dwords }
    }

    /// Whether the instruction lacks this operand.
    pub const fn is_none(self) -> bool {
        matches!(self.kind, OperandKind::None)
    }
}

/// Encoding family; the printer's suffixes and some operand rules depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Scalar, two sources.
    Sop2,
    /// Scalar with a 16-bit constant.
    Sopk,
    /// Scalar, one source.
    Sop1,
    /// Scalar compare.
    Sopc,
    /// Program control.
    Sopp,
    /// Scalar memory.
    Smem,
    /// Vector, one source.
    Vop1,
    /// Vector, two sources.
    Vop2,
    /// Vector compare into `vcc` (or, with SDWA, into scalar registers).
    Vopc,
    /// Vector, 64-bit encoding.
    Vop3,
    /// Vector, 64-bit encoding, with a scalar destination besides the vector one.
    Vop3Sdst,
    /// Packed math.
    Vop3p,
    /// Matrix operations and accumulation register moves.
    Mai,
    /// Local data share.
    Ds,
    /// Memory by flat address.
    Flat,
    /// Global memory.
    Global,
    /// Private memory of the lane.
    Scratch,
    /// Memory through a buffer resource.
    Mubuf,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::Sop2,
        Self::Sopk,
        Self::Sop1,
        Self::Sopc,
        Self::Sopp,
        Self::Smem,
        Self::Vop1,
        Self::Vop2,
        Self::Vopc,
        Self::Vop3,
        Self::Vop3Sdst,
        Self::Vop3p,
        Self::Mai,
        Self::Ds,
        Self::Flat,
        Self::Global,
        Self::Scratch,
        Self::Mubuf,
    ];
}

/// Modifiers of vector arithmetic. All zero when the encoding has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modifiers {
    /// Bit i: source i is negated, after `abs`. In VOP3P the low half (`neg_lo`).
    pub neg: u8,
    /// Bit i: absolute value of source i is taken. In VOP3P the high half is negated (`neg_hi`),
    /// except that the `fma_mix` operations read it as `abs`.
    pub abs: u8,
    /// Bit i: source i uses its high half; bit 3: the result goes to the high half. In VOP3P the
    /// half that the low result uses.
    pub op_sel: u8,
    /// VOP3P: bit i: the high result uses the high half of source i. `fma_mix`: source i is f16.
    pub op_sel_hi: u8,
    /// Output: 0 as is, 1 times two, 2 times four, 3 divided by two.
    pub omod: u8,
    /// Floats are clamped to 0..=1, integers saturate.
    pub clamp: bool,
    /// Matrix operations: broadcast size (or, for f64, `neg` of the sources in `blgp`).
    pub cbsz: u8,
    /// Matrix operations: which block of A is broadcast.
    pub abid: u8,
    /// Matrix operations: lane pattern of B.
    pub blgp: u8,
}

/// How lanes reach the first source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    /// Each lane reads its own.
    Own,
    /// Data from other lanes.
    Dpp(Dpp),
    /// Parts of registers.
    Sdwa(Sdwa),
}

/// Data-parallel primitive: source 0 comes from another lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dpp {
    /// The pattern.
    pub control: DppControl,
    /// Bit i: row i of 16 lanes may be written.
    pub row_mask: u8,
    /// Bit i: bank i of 4 lanes in each row may be written.
    pub bank_mask: u8,
    /// Lanes without a source read 0; otherwise they are not written.
    pub bound_ctrl: bool,
}

/// Pattern of a DPP instruction (CDNA3 ISA, "DPP_CTRL").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DppControl {
    /// Lane i of each group of four reads lane `.0[i]` of it.
    QuadPerm([u8; 4]),
    /// From the lane `n` to the right in the row (`row_shl`): lane i reads i + n.
    RowShl(u8),
    /// Lane i reads i - n in the row.
    RowShr(u8),
    /// Rotation right by n in the row.
    RowRor(u8),
    /// Whole wave, lane i reads i + 1.
    WaveShl,
    /// Whole wave, lane i reads i + 1, the last reads the first.
    WaveRol,
    /// Whole wave, lane i reads i - 1.
    WaveShr,
    /// Whole wave, lane i reads i - 1, the first reads the last.
    WaveRor,
    /// Row reversed.
    RowMirror,
    /// Half rows reversed.
    RowHalfMirror,
    /// Lane 15 of each row goes to the whole next row.
    RowBcast15,
    /// Lane 31 goes to rows 2 and 3.
    RowBcast31,
    /// Every lane of a row reads lane n of it (gfx90a and later).
    RowNewBcast(u8),
}

/// Sub-dword addressing: which part of each operand is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sdwa {
    /// Part of the destination that is written.
    pub dst_sel: Select,
    /// What happens to the other parts.
    pub dst_unused: Unused,
    /// Part of source 0.
    pub src0_sel: Select,
    /// Part of source 1.
    pub src1_sel: Select,
    /// Bit i: source i is sign-extended.
    pub sext: u8,
}

/// A part of a dword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// Byte 0 to 3.
    Byte(u8),
    /// 16-bit word 0 or 1.
    Word(u8),
    /// The dword.
    Dword,
}

/// Bits of the destination outside [`Sdwa::dst_sel`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unused {
    /// Zero.
    Pad,
    /// The written part's sign.
    Sext,
    /// Kept.
    Preserve,
}

/// Memory instructions: offsets and bits. All zero elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Byte offset. DS with two addresses: not used, see `pair`.
    pub offset: i32,
    /// The two 8-bit offsets of `ds_read2`/`ds_write2`, in elements (`st64`: in 64 elements).
    pub pair: [u8; 2],
    /// Scope bit 0; on atomics: the old value is returned.
    pub sc0: bool,
    /// Scope bit 1.
    pub sc1: bool,
    /// Non-temporal hint.
    pub nt: bool,
    /// The data goes to LDS instead of registers.
    pub lds: bool,
    /// Buffer: the vector address has an offset. SMEM: there is an immediate offset, even if 0.
    pub offen: bool,
    /// Buffer: the vector address has an index, before the offset.
    pub idxen: bool,
    /// DS: global data share (does not exist here; decoded to be refused).
    pub gds: bool,
}

/// A decoded instruction.
///
/// Sources by format: arithmetic has them in LLVM's order, with implicit ones (`vcc` of
/// `v_cndmask_b32_e32` and carries) included; `v_fmac`-like operations also read `dst`.
/// SMEM: base, scalar offset. DS: address, data 0, data 1. FLAT, GLOBAL, SCRATCH: vector
/// address, data, scalar address. MUBUF: vector address, data, resource, scalar offset.
#[derive(Clone, Debug, PartialEq)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// How it was encoded.
    pub format: Format,
    /// Result: scalar or vector registers, or loaded data (the old value of an atomic).
    pub dst: Operand,
    /// Second, scalar result: carry out, `v_div_scale`'s flag.
    pub sdst: Operand,
    /// Sources, see above.
    pub src: [Operand; 4],
    /// The 16-bit constant of SOPK and SOPP, sign-extended; 32 bits for `s_setreg_imm32_b32`.
    pub imm: i32,
    /// Second constant: the hardware register descriptor of `s_setreg_imm32_b32`.
    pub imm2: u16,
    /// Branches: index of the target in the program's instructions.
    pub target: Option<u32>,
    /// Arithmetic modifiers.
    pub modifiers: Modifiers,
    /// DPP or SDWA.
    pub lanes: Lanes,
    /// Memory offsets and bits.
    pub memory: Memory,
    /// Byte address, counted from the start of the code object's image (ELF virtual address).
    pub address: u64,
    /// Length in bytes: 4, 8 or 12.
    pub size_bytes: u8,
}
