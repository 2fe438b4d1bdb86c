//! Scalar loads: dwords of global memory into scalar registers.

use crate::inst::{Format, Inst, OperandKind};

use super::fault::FaultKind;
use super::group::Context;
use super::memory::GlobalMemory;
use super::observe::{AccessKind, MemoryAccess, Observer, Space};
use super::wave::Wave;

/// Loads `dwords` dwords; through a buffer resource if the base is one.
pub(crate) fn load<M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    dwords: u8,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    debug_assert_eq!(i.format, Format::Smem);
    let offset = (i64::from(i.memory.offset) + i64::from(w.scalar32(i.src[1]))) & !3;
    let is_buffer = i.src[0].dwords == 4;
    let base = w.scalar64(i.src[0]);
    let base = if is_buffer { base & 0xffff_ffff_ffff } else { base } & !3;
    let mut in_range = usize::from(dwords);
    if is_buffer {
        let limit = i64::from(w.scalar32_at(i.src[0], 2));
        in_range = ((limit - offset) / 4).clamp(0, dwords.into()) as usize;
        if offset < 0 {
            in_range = 0;
        }
    }
    let OperandKind::Scalar(first) = i.dst.kind else { return Ok(()) };
    let first = usize::from(first);
    let registers = &mut w.scalars[first..first + usize::from(dwords)];
    registers[in_range..].fill(0);
    if in_range == 0 {
        return Ok(());
    }
    let address = base.wrapping_add_signed(offset);
    let size_bytes = 4 * in_range;
    if O::ACTIVE {
        let access = MemoryAccess {
            space: Space::Scalar,
            kind: AccessKind::Load,
            addresses: &[address; 64],
            mask: 1,
            bytes: size_bytes as u32,
        };
        let view = context.view(w);
        context.observer.memory(view, i, &access)?;
    }
    let region = context
        .memory
        .region(address, size_bytes, false)
        .map_err(|error| FaultKind::Memory { lane: 0, error })?;
    for (dword, register) in w.scalars[first..first + in_range].iter_mut().enumerate() {
        *register = region.load_word(address + 4 * dword as u64);
    }
    Ok(())
}
