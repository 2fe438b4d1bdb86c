//! Scalar loads: dwords of global memory into scalar registers.

use crate::inst::{Format, Inst, OperandKind};

use super::fault::FaultKind;
use super::memory::GlobalMemory;
use super::wave::Wave;

/// Loads `dwords` dwords; through a buffer resource if the base is one.
pub(crate) fn load(
    w: &mut Wave,
    i: &Inst,
    dwords: u8,
    memory: &dyn GlobalMemory,
) -> Result<(), FaultKind> {
    debug_assert_eq!(i.format, Format::Smem);
    let offset = i64::from(i.memory.offset) + i64::from(w.scalar32(i.src[1]));
    let is_buffer = i.src[0].dwords == 4;
    let base = w.scalar64(i.src[0]);
    let base = if is_buffer { base & 0xffff_ffff_ffff } else { base };
    let limit = i64::from(w.scalar32_at(i.src[0], 2 * u8::from(is_buffer)));
    let OperandKind::Scalar(first) = i.dst.kind else { return Ok(()) };
    for dword in 0..dwords {
        let at = (offset & !3) + 4 * i64::from(dword);
        let mut bytes = [0; 4];
        if !is_buffer || (0..=limit - 4).contains(&at) {
            memory
                .read((base & !3).wrapping_add_signed(at), &mut bytes)
                .map_err(|error| FaultKind::Memory { lane: 0, error })?;
        }
        w.scalars[usize::from(first + dword)] = u32::from_le_bytes(bytes);
    }
    Ok(())
}
