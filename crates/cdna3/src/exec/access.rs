//! What a memory instruction does to the bytes it addresses: load, store, atomic, exchange.
//!
//! Read once from the mnemonic, whose parts are regular. Source: CDNA3 ISA, DS, FLAT and MUBUF.

use super::lanes::float::{f16_to_f32, f32_to_f16, max_f32, max_f64, min_f32, min_f64};

/// Kinds of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Memory to registers.
    Load,
    /// Registers to memory.
    Store,
    /// Memory combined with data; the old value may be returned.
    Atomic(Atomic),
    /// Lanes exchange data; no memory.
    Swizzle,
    /// Lane l pushes to the lane of its address.
    Permute,
    /// Lane l pulls from the lane of its address.
    Bpermute,
    /// Cache control: nothing to do in coherent memory.
    Cache,
}

/// The function of an atomic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Atomic {
    /// New value is the data.
    Swap,
    /// Data 0 replaces the value if it equals data 1 (compare).
    Cmpswap,
    /// Integer sum.
    Add,
    /// Memory less data.
    Sub,
    /// Data less memory.
    Rsub,
    /// Signed minimum.
    Smin,
    /// Unsigned minimum.
    Umin,
    /// Signed maximum.
    Smax,
    /// Unsigned maximum.
    Umax,
    /// Bits.
    And,
    /// Bits.
    Or,
    /// Bits.
    Xor,
    /// Up by one, past the data to zero.
    Inc,
    /// Down by one, from zero or above the data to the data.
    Dec,
    /// Float sum.
    AddFloat,
    /// Float minimum.
    MinFloat,
    /// Float maximum.
    MaxFloat,
    /// Two f16 sums.
    PkAddF16,
    /// Two bf16 sums.
    PkAddBf16,
}

/// A memory instruction's effect on one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// What it does.
    pub(crate) kind: Kind,
    /// Bytes at one address of one lane.
    pub(crate) bytes: usize,
    /// Loads of 8 and 16 bits: sign-extended.
    pub(crate) signed: bool,
    /// 16-bit half of the register: `Some(true)` the high one; the other is kept.
    pub(crate) half: Option<bool>,
    /// Two addresses (`read2`, `write2`): distance of one step of their offsets, in bytes.
    pub(crate) pair_stride: Option<usize>,
}

impl Access {
    /// The access of the mnemonic; `None` if it is none of those known.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let (space, rest) = name.split_once('_')?;
        let mut access =
            Self { kind: Kind::Load, bytes: 4, signed: false, half: None, pair_stride: None };
        match rest {
            "swizzle_b32" => access.kind = Kind::Swizzle,
            "permute_b32" => access.kind = Kind::Permute,
            "bpermute_b32" => access.kind = Kind::Bpermute,
            "wbl2" | "inv" => access.kind = Kind::Cache,
            _ if space == "ds" => access.parse_ds(rest)?,
            _ => access.parse_vector(rest)?,
        }
        Some(access)
    }

    fn parse_vector(&mut self, rest: &str) -> Option<()> {
        if let Some(function) = rest.strip_prefix("atomic_") {
            return self.parse_atomic(function);
        }
        let (verb, ty) = rest.split_once('_')?;
        self.kind = if verb == "load" { Kind::Load } else { Kind::Store };
        self.parse_type(ty.strip_prefix("lds_").unwrap_or(ty))
    }

    fn parse_atomic(&mut self, function: &str) -> Option<()> {
        let function = match function.strip_suffix("_x2") {
            Some(function) => {
                self.bytes = 8;
                function
            }
            None => function,
        };
        if function.ends_with("_f64") {
            self.bytes = 8;
        }
        self.kind = Kind::Atomic(atomic(function)?);
        Some(())
    }

    fn parse_type(&mut self, ty: &str) -> Option<()> {
        let ty = match (ty.strip_suffix("_d16_hi"), ty.strip_suffix("_d16")) {
            (Some(ty), _) => {
                self.half = Some(true);
                ty
            }
            (None, Some(ty)) => {
                self.half = Some(false);
                ty
            }
            (None, None) => ty,
        };
        (self.bytes, self.signed) = match ty {
            "ubyte" | "byte" | "u8" | "b8" => (1, false),
            "sbyte" | "i8" => (1, true),
            "ushort" | "short" | "u16" | "b16" => (2, false),
            "sshort" | "i16" => (2, true),
            "dword" | "b32" => (4, false),
            "dwordx2" | "b64" => (8, false),
            "dwordx3" | "b96" => (12, false),
            "dwordx4" | "b128" => (16, false),
            _ => return None,
        };
        Some(())
    }

    fn parse_ds(&mut self, rest: &str) -> Option<()> {
        let (verb, ty) = rest.split_once('_')?;
        let (base, stride) = match (verb.strip_suffix("2st64"), verb.strip_suffix('2')) {
            (Some(base), _) => (base, Some(64)),
            (None, Some(base)) => (base, Some(1)),
            (None, None) => (verb, None),
        };
        match base {
            "read" | "write" => {
                self.kind = if base == "read" { Kind::Load } else { Kind::Store };
                self.parse_type(ty)?;
                self.pair_stride = stride.map(|steps| steps * self.bytes);
                Some(())
            }
            _ => {
                let plain = rest.replace("_rtn", "");
                let ty = plain.rsplit('_').next()?;
                self.bytes = if ty.ends_with("64") { 8 } else { 4 };
                self.kind = Kind::Atomic(ds_atomic(plain.strip_suffix(ty)?, ty)?);
                Some(())
            }
        }
    }

    /// Registers of data at one address.
    pub(crate) fn dwords(&self) -> usize {
        self.bytes.div_ceil(4)
    }
}

fn ds_atomic(verb: &str, ty: &str) -> Option<Atomic> {
    let name = match (verb, ty) {
        ("pk_add_", _) => format!("pk_add_{ty}"),
        (_, "f32" | "f64") => format!("{verb}{ty}"),
        ("min_", "i32" | "i64") => "smin".to_owned(),
        ("max_", "i32" | "i64") => "smax".to_owned(),
        ("min_", _) => "umin".to_owned(),
        ("max_", _) => "umax".to_owned(),
        ("wrxchg_", _) => "swap".to_owned(),
        ("cmpst_", _) => "cmpswap".to_owned(),
        _ => verb.trim_end_matches('_').to_owned(),
    };
    atomic(&name)
}

fn atomic(name: &str) -> Option<Atomic> {
    Some(match name {
        "swap" => Atomic::Swap,
        "cmpswap" => Atomic::Cmpswap,
        "add" => Atomic::Add,
        "sub" => Atomic::Sub,
        "rsub" => Atomic::Rsub,
        "smin" => Atomic::Smin,
        "umin" => Atomic::Umin,
        "smax" => Atomic::Smax,
        "umax" => Atomic::Umax,
        "and" => Atomic::And,
        "or" => Atomic::Or,
        "xor" => Atomic::Xor,
        "inc" => Atomic::Inc,
        "dec" => Atomic::Dec,
        "add_f32" | "add_f64" => Atomic::AddFloat,
        "min_f32" | "min_f64" => Atomic::MinFloat,
        "max_f32" | "max_f64" => Atomic::MaxFloat,
        "pk_add_f16" => Atomic::PkAddF16,
        "pk_add_bf16" => Atomic::PkAddBf16,
        _ => return None,
    })
}

impl Atomic {
    /// The new value of memory, of `bytes` bytes; `compare` is for `Cmpswap`.
    pub(crate) fn apply(self, old: u64, data: u64, compare: u64, bytes: usize) -> u64 {
        let shift = 64 - 8 * bytes as u32;
        let signed = |v: u64| ((v << shift) as i64) >> shift;
        let new = match self {
            Self::Swap => data,
            Self::Cmpswap if old == compare => data,
            Self::Cmpswap => old,
            Self::Add => old.wrapping_add(data),
            Self::Sub => old.wrapping_sub(data),
            Self::Rsub => data.wrapping_sub(old),
            Self::Smin => signed(old).min(signed(data)) as u64,
            Self::Umin => old.min(data),
            Self::Smax => signed(old).max(signed(data)) as u64,
            Self::Umax => old.max(data),
            Self::And => old & data,
            Self::Or => old | data,
            Self::Xor => old ^ data,
            Self::Inc if old >= data => 0,
            Self::Inc => old + 1,
            Self::Dec if old == 0 || old > data => data,
            Self::Dec => old - 1,
            Self::AddFloat => float(old, data, bytes, |a, b| a + b, |a, b| a + b),
            Self::MinFloat => {
                float(old, data, bytes, |a, b| min_f32(a, b, true), |a, b| min_f64(a, b, true))
            }
            Self::MaxFloat => {
                float(old, data, bytes, |a, b| max_f32(a, b, true), |a, b| max_f64(a, b, true))
            }
            Self::PkAddF16 => halves(old, data, f16_to_f32, f32_to_f16),
            Self::PkAddBf16 => halves(old, data, |b| f32::from_bits(b << 16), bf16_of_f32),
        };
        (new << shift) >> shift
    }
}

fn float(
    old: u64,
    data: u64,
    bytes: usize,
    single: impl Fn(f32, f32) -> f32,
    double: impl Fn(f64, f64) -> f64,
) -> u64 {
    if bytes == 8 {
        return double(f64::from_bits(old), f64::from_bits(data)).to_bits();
    }
    single(f32::from_bits(old as u32), f32::from_bits(data as u32)).to_bits().into()
}

/// Nearest bf16, ties to even, as 16 bits.
fn bf16_of_f32(value: f32) -> u32 {
    half::bf16::from_f32(value).to_bits().into()
}

fn halves(old: u64, data: u64, widen: impl Fn(u32) -> f32, narrow: impl Fn(f32) -> u32) -> u64 {
    let sum = |shift: u32| {
        let half = |v: u64| widen((v >> shift) as u32 & 0xffff);
        u64::from(narrow(half(old) + half(data))) << shift
    };
    sum(0) | sum(16)
}
