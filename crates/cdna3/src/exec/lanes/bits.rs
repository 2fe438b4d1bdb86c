//! Integer and bit operations of one lane. Source: CDNA3 ISA, operations of the same name.

/// Sign-extended low 24 bits.
#[inline]
pub(crate) fn sext24(x: u32) -> i32 {
    ((x << 8) as i32) >> 8
}

/// Unsigned bit field of `width` (5 bits) at `offset` (5 bits).
#[inline]
pub(crate) fn bfe_u32(x: u32, offset: u32, width: u32) -> u32 {
    let width = width & 31;
    (x >> (offset & 31)) & ((1 << width) - 1)
}

/// Sign-extended bit field.
#[inline]
pub(crate) fn bfe_i32(x: u32, offset: u32, width: u32) -> u32 {
    let width = width & 31;
    let field = ((x as i32) >> (offset & 31)) as u32;
    if width == 0 {
        return 0;
    }
    (((field << (32 - width)) as i32) >> (32 - width)) as u32
}

/// Bits of `a` where `mask` is set, of `b` elsewhere.
#[inline]
pub(crate) fn bfi(mask: u32, a: u32, b: u32) -> u32 {
    (mask & a) | (!mask & b)
}

/// The low dword of `high:low` shifted right.
#[inline]
pub(crate) fn alignbit(high: u32, low: u32, shift: u32) -> u32 {
    (((u64::from(high) << 32) | u64::from(low)) >> (shift & 31)) as u32
}

/// The low dword of `high:low` shifted right by bytes.
#[inline]
pub(crate) fn alignbyte(high: u32, low: u32, shift: u32) -> u32 {
    alignbit(high, low, (shift & 3) * 8)
}

/// Four bytes chosen by the four selectors: 0-3 of `low`, 4-7 of `high`, 8-11 signs of the odd
/// bytes, 12 zero, above 0xff.
#[inline]
pub(crate) fn perm(high: u32, low: u32, selectors: u32) -> u32 {
    let bytes = ((u64::from(high) << 32) | u64::from(low)).to_le_bytes();
    let choose = |selector: u8| match selector {
        0..=7 => bytes[usize::from(selector)],
        8..=11 => ((bytes[usize::from(selector - 8) * 2 + 1] as i8) >> 7) as u8,
        12 => 0,
        _ => 0xff,
    };
    u32::from_le_bytes(selectors.to_le_bytes().map(choose))
}

/// Position of the first one from the top, all ones if there is none.
#[inline]
pub(crate) fn ffbh_u32(x: u32) -> u32 {
    if x == 0 { u32::MAX } else { x.leading_zeros() }
}

/// Position from the top of the first bit that differs from the sign, all ones if none does.
#[inline]
pub(crate) fn ffbh_i32(x: u32) -> u32 {
    let differing = x ^ (((x as i32) >> 31) as u32);
    ffbh_u32(differing)
}

/// Position of the first one from the bottom, all ones if there is none.
#[inline]
pub(crate) fn ffbl(x: u32) -> u32 {
    if x == 0 { u32::MAX } else { x.trailing_zeros() }
}

/// Middle of three.
#[inline]
pub(crate) fn med3<T: Ord + Copy>(a: T, b: T, c: T) -> T {
    a.min(b).max(a.max(b).min(c))
}

/// Sum of absolute differences of four bytes.
#[inline]
pub(crate) fn sad_u8(a: u32, b: u32) -> u32 {
    let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
    (0..4).map(|i| u32::from(a[i].abs_diff(b[i]))).sum()
}

/// Dot product of four signed bytes, plus `c`; saturating if `clamp`.
#[inline]
pub(crate) fn dot4_i32_i8(a: u32, b: u32, c: u32, clamp: bool) -> u32 {
    let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
    let sum: i64 = (0..4).map(|i| i64::from(a[i] as i8) * i64::from(b[i] as i8)).sum();
    saturate_i32(sum + i64::from(c as i32), clamp)
}

/// Dot product of four unsigned bytes, plus `c`; saturating if `clamp`.
#[inline]
pub(crate) fn dot4_u32_u8(a: u32, b: u32, c: u32, clamp: bool) -> u32 {
    let (a, b) = (a.to_le_bytes(), b.to_le_bytes());
    let sum: u64 = (0..4).map(|i| u64::from(a[i]) * u64::from(b[i])).sum::<u64>() + u64::from(c);
    if clamp { sum.min(u64::from(u32::MAX)) as u32 } else { sum as u32 }
}

/// Dot product of eight signed 4-bit numbers, plus `c`; saturating if `clamp`.
#[inline]
pub(crate) fn dot8_i32_i4(a: u32, b: u32, c: u32, clamp: bool) -> u32 {
    let nibble = |v: u32, at: u32| i64::from(((v << (28 - 4 * at)) as i32) >> 28);
    let sum: i64 = (0..8).map(|at| nibble(a, at) * nibble(b, at)).sum();
    saturate_i32(sum + i64::from(c as i32), clamp)
}

/// Dot product of eight unsigned 4-bit numbers, plus `c`; saturating if `clamp`.
#[inline]
pub(crate) fn dot8_u32_u4(a: u32, b: u32, c: u32, clamp: bool) -> u32 {
    let nibble = |v: u32, at: u32| u64::from((v >> (4 * at)) & 15);
    let sum = (0..8).map(|at| nibble(a, at) * nibble(b, at)).sum::<u64>() + u64::from(c);
    saturate_u32(sum, clamp)
}

/// Low 32 bits, or the nearest u32 if `clamp`.
#[inline]
pub(crate) fn saturate_u32(value: u64, clamp: bool) -> u32 {
    if clamp { value.min(u64::from(u32::MAX)) as u32 } else { value as u32 }
}

/// Mean of four bytes each, rounded up where the low bit of `rounding`'s byte is set.
#[inline]
pub(crate) fn lerp_u8(a: u32, b: u32, rounding: u32) -> u32 {
    let (a, b, up) = (a.to_le_bytes(), b.to_le_bytes(), rounding.to_le_bytes());
    u32::from_le_bytes(std::array::from_fn(|i| {
        ((u32::from(a[i]) + u32::from(b[i]) + u32::from(up[i] & 1)) >> 1) as u8
    }))
}

/// Sum of absolute differences of two 16-bit halves.
#[inline]
pub(crate) fn sad_u16(a: u32, b: u32) -> u32 {
    (a & 0xffff).abs_diff(b & 0xffff) + (a >> 16).abs_diff(b >> 16)
}

/// Low 32 bits, or the nearest i32 if `clamp`.
#[inline]
pub(crate) fn saturate_i32(value: i64, clamp: bool) -> u32 {
    if clamp {
        value.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32 as u32
    } else {
        value as u32
    }
}
