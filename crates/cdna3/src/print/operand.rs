//! Registers and constants.

use std::fmt;

use crate::inst::{Constant, Operand, OperandKind, Origin, Special, slot};

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            OperandKind::None => f.write_str("off"),
            OperandKind::Scalar(index) => scalar(f, index, self.dwords),
            OperandKind::Vgpr(index) => range(f, "v", index, self.dwords),
            OperandKind::Agpr(index) => range(f, "a", index, self.dwords),
            OperandKind::Constant(constant) => write_constant(f, constant, self.dwords),
            OperandKind::Special(special) => f.write_str(special_name(special)),
        }
    }
}

/// Writes operands behind a mnemonic, separated by commas.
pub(super) fn list(
    f: &mut fmt::Formatter<'_>,
    operands: &mut dyn Iterator<Item = String>,
) -> fmt::Result {
    for (index, operand) in operands.enumerate() {
        write!(f, "{}{operand}", if index == 0 { " " } else { ", " })?;
    }
    Ok(())
}

fn range(f: &mut fmt::Formatter<'_>, prefix: &str, first: u8, dwords: u8) -> fmt::Result {
    match dwords {
        1 => write!(f, "{prefix}{first}"),
        _ => write!(f, "{prefix}[{first}:{}]", u16::from(first) + u16::from(dwords) - 1),
    }
}

fn scalar(f: &mut fmt::Formatter<'_>, index: u8, dwords: u8) -> fmt::Result {
    let pair = match index & !1 {
        slot::FLAT_SCRATCH => "flat_scratch",
        slot::XNACK_MASK => "xnack_mask",
        slot::VCC => "vcc",
        slot::EXEC => "exec",
        slot::M0 => return f.write_str("m0"),
        _ if index >= slot::TTMP => return range(f, "ttmp", index - slot::TTMP, dwords),
        _ => return range(f, "s", index, dwords),
    };
    match (dwords, index & 1) {
        (1, 0) => write!(f, "{pair}_lo"),
        (1, _) => write!(f, "{pair}_hi"),
        _ => f.write_str(pair),
    }
}

fn special_name(special: Special) -> &'static str {
    match special {
        Special::SharedBase => "src_shared_base",
        Special::SharedLimit => "src_shared_limit",
        Special::PrivateBase => "src_private_base",
        Special::PrivateLimit => "src_private_limit",
        Special::Vccz => "src_vccz",
        Special::Execz => "src_execz",
        Special::Scc => "src_scc",
    }
}

fn write_constant(f: &mut fmt::Formatter<'_>, constant: Constant, dwords: u8) -> fmt::Result {
    match constant.origin {
        Origin::Inline(code @ 128..=192) => write!(f, "{}", code - 128),
        Origin::Inline(code @ 193..=208) => write!(f, "-{}", code - 192),
        Origin::Inline(_) => f.write_str(float_name(constant.bits).unwrap_or("?")),
        Origin::Literal(word) => write_literal(f, constant.bits, word, dwords),
    }
}

/// A literal with the value of an inline constant is written like one.
fn write_literal(f: &mut fmt::Formatter<'_>, bits: u64, word: u32, dwords: u8) -> fmt::Result {
    let value = if dwords == 1 { i64::from(word as i32) } else { bits as i64 };
    let float = if dwords == 1 { float_name(u64::from(word)) } else { float_name(bits) };
    match (value, float) {
        (-16..=64, _) => write!(f, "{value}"),
        (_, Some(name)) if bits > 0xffff => f.write_str(name),
        _ => write!(f, "{word:#x}"),
    }
}

/// Name of the inline float with these bits, in any width.
fn float_name(bits: u64) -> Option<&'static str> {
    let name = match bits {
        0x3800 | 0x3f00_0000 | 0x3fe0_0000_0000_0000 => "0.5",
        0xb800 | 0xbf00_0000 | 0xbfe0_0000_0000_0000 => "-0.5",
        0x3c00 | 0x3f80_0000 | 0x3ff0_0000_0000_0000 => "1.0",
        0xbc00 | 0xbf80_0000 | 0xbff0_0000_0000_0000 => "-1.0",
        0x4000 | 0x4000_0000 | 0x4000_0000_0000_0000 => "2.0",
        0xc000 | 0xc000_0000 | 0xc000_0000_0000_0000 => "-2.0",
        0x4400 | 0x4080_0000 | 0x4010_0000_0000_0000 => "4.0",
        0xc400 | 0xc080_0000 | 0xc010_0000_0000_0000 => "-4.0",
        0x3118 | 0x3e22_f983 => "0.15915494",
        0x3fc4_5f30_6dc9_c882 => "0.15915494309189532",
        _ => return None,
    };
    Some(name)
}
