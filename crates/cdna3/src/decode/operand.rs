//! Operand fields: registers, constants, special values.

use super::{DecodeError, Reader};
use crate::inst::{Constant, Operand, OperandKind, Origin, Special, slot};
use crate::tables::Type;

/// Code of a source field that a literal follows.
const LITERAL: u32 = 255;
/// First code of vector registers in nine-bit fields.
const FIRST_VGPR: u32 = 256;

/// A scalar destination (or scalar-only source) by its seven bits.
pub(super) fn scalar(code: u32, ty: Type) -> Operand {
    register(Operand::scalar(code as u8 & 0x7f, ty.dwords()))
}

/// A vector register, or an accumulation register.
pub(super) fn vector(code: u32, ty: Type, acc: bool) -> Operand {
    let code = code as u8;
    register(if acc { Operand::agpr(code, ty.dwords()) } else { Operand::vgpr(code, ty.dwords()) })
}

fn register(operand: Operand) -> Operand {
    if operand.dwords == 0 { Operand::NONE } else { operand }
}

/// `vcc` as a pair.
pub(super) const fn vcc() -> Operand {
    Operand::scalar(slot::VCC, 2)
}

/// A source by its eight or nine bits.
pub(super) fn source(reader: &mut Reader<'_>, code: u32, ty: Type) -> Result<Operand, DecodeError> {
    if ty == Type::Nil {
        return Ok(Operand::NONE);
    }
    let kind = match code {
        0..128 => OperandKind::Scalar(code as u8),
        128..=208 | 240..=248 => OperandKind::Constant(inline(code as u8, ty)),
        235 => OperandKind::Special(Special::SharedBase),
        236 => OperandKind::Special(Special::SharedLimit),
        237 => OperandKind::Special(Special::PrivateBase),
        238 => OperandKind::Special(Special::PrivateLimit),
        251 => OperandKind::Special(Special::Vccz),
        252 => OperandKind::Special(Special::Execz),
        253 => OperandKind::Special(Special::Scc),
        LITERAL => OperandKind::Constant(literal(reader.literal()?, ty)),
        FIRST_VGPR..512 => OperandKind::Vgpr((code - FIRST_VGPR) as u8),
        _ => return Err(reader.unknown(format!("source operand {code}"))),
    };
    Ok(Operand { kind, dwords: ty.dwords() })
}

/// The 32-bit literal behind the instruction as an operand.
pub(super) fn literal_operand(reader: &mut Reader<'_>, ty: Type) -> Result<Operand, DecodeError> {
    source(reader, LITERAL, ty)
}

fn literal(word: u32, ty: Type) -> Constant {
    let bits = match ty {
        Type::F64 => u64::from(word) << 32,
        Type::I64 => i64::from(word as i32) as u64,
        Type::B16 | Type::F16 => u64::from(word & 0xffff),
        _ => u64::from(word),
    };
    Constant { bits, origin: Origin::Literal(word) }
}

/// Value of an inline constant (CDNA3 ISA, "Scalar operands").
fn inline(code: u8, ty: Type) -> Constant {
    let bits = match code {
        128..=192 => integer(i64::from(code) - 128, ty),
        193..=208 => integer(192 - i64::from(code), ty),
        _ => float(code, ty),
    };
    Constant { bits, origin: Origin::Inline(code) }
}

fn integer(value: i64, ty: Type) -> u64 {
    let bits = value as u64;
    match (ty, ty.dwords()) {
        (Type::B16 | Type::F16 | Type::P16, _) => bits & 0xffff,
        (Type::B64 | Type::I64 | Type::F64, _) => bits,
        _ => bits & 0xffff_ffff,
    }
}

/// 1 / (2 pi) is rounded differently for each width; the others are exact.
fn float(code: u8, ty: Type) -> u64 {
    const VALUES: [f64; 8] = [0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 4.0, -4.0];
    let exact = VALUES.get(usize::from(code) - 240).copied();
    match ty {
        Type::B16 | Type::F16 | Type::P16 => {
            u64::from(exact.map_or(0x3118, |value| half::f16::from_f64(value).to_bits()))
        }
        Type::B64 | Type::I64 | Type::F64 => exact.map_or(0x3fc4_5f30_6dc9_c882, f64::to_bits),
        _ => u64::from(exact.map_or(0x3e22_f983, |value| (value as f32).to_bits())),
    }
}

#[cfg(test)]
mod tests {
    use crate::decode::decode;
    use crate::inst::{Inst, OperandKind};

    fn decoded(words: &[u32]) -> Inst {
        decode(words, 0).expect("it decodes")
    }

    /// Text and constant bits of the first source.
    #[track_caller]
    fn check(words: &[u32], text: &str, bits: u64) {
        let inst = decoded(words);
        assert_eq!(inst.to_string(), text);
        let OperandKind::Constant(constant) = inst.src[0].kind else {
            panic!("{text}: source 0 is {:?}", inst.src[0]);
        };
        assert_eq!(constant.bits, bits, "{text}: {:#x}", constant.bits);
    }

    #[test]
    fn constants_have_the_bits_of_the_operands_type() {
        check(&[0xbe80_00c1], "s_mov_b32 s0, -1", 0xffff_ffff);
        check(&[0xbe80_01c1], "s_mov_b64 s[0:1], -1", u64::MAX);
        check(&[0xbe80_01f0], "s_mov_b64 s[0:1], 0.5", 0.5_f64.to_bits());
        check(&[0xbe80_00f3], "s_mov_b32 s0, -1.0", u64::from((-1.0_f32).to_bits()));
        check(&[0x3e00_00f2], "v_add_f16_e32 v0, 1.0, v0", 0x3c00);
        check(&[0x3e00_00c1], "v_add_f16_e32 v0, -1, v0", 0xffff);
        check(&[0x3e00_00f8], "v_add_f16_e32 v0, 0.15915494, v0", 0x3118);
        check(&[0x7e00_4cf8], "v_rsq_f64_e32 v[0:1], 0.15915494309189532", 0x3fc4_5f30_6dc9_c882);
        check(&[0xd3b1_4014, 0x1801_e0f0], "v_pk_mul_f32 v[20:21], 0.5, 0.5", 0x3f00_0000);
    }

    #[test]
    fn a_literal_becomes_64_bits_by_the_operands_type() {
        let literal = 0x8123_4567;
        check(&[0x7e00_4cff, literal], "v_rsq_f64_e32 v[0:1], 0x81234567", 0x8123_4567 << 32);
        check(&[0xbe80_01ff, literal], "s_mov_b64 s[0:1], 0x81234567", 0x8123_4567);
        // s_ashr_i64: the value to shift is a signed number.
        check(&[0x9080_84ff, literal], "s_ashr_i64 s[0:1], 0x81234567, 4", 0xffff_ffff_8123_4567);
    }

    #[test]
    fn implicit_registers_are_operands() {
        let inst = decoded(&[0x0000_0200]);
        assert_eq!(inst.to_string(), "v_cndmask_b32_e32 v0, s0, v1, vcc");
        assert_eq!(inst.src[2], super::vcc());
        let inst = decoded(&[0x3800_0200]);
        assert_eq!(inst.to_string(), "v_addc_co_u32_e32 v0, vcc, s0, v1, vcc");
        assert_eq!((inst.sdst, inst.src[2]), (super::vcc(), super::vcc()));
    }

    #[test]
    fn accumulation_registers_are_told_from_vector_registers() {
        let inst = decoded(&[0xdbff_0000 & !(1 << 16) | 1 << 25, 0x0500_0007]);
        assert_eq!(inst.to_string(), "ds_read_b128 a[5:8], v7");
        assert_eq!(inst.dst.kind, OperandKind::Agpr(5));
        assert_eq!(inst.dst.dwords, 4);
    }
}
