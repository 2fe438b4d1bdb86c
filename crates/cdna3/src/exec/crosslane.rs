//! DPP and SDWA: lanes and parts of registers as sources.
//!
//! DPP reads all its sources before anything is written, so it is safe in place. A source lane
//! that is off counts as absent, as on every target without the fetch-inactive bit.

use crate::inst::{Dpp, DppControl, Sdwa, Select, Unused};

use super::wave::Lanes32;

/// The lane that `lane` reads; `None` if there is none.
fn dpp_lane(control: DppControl, lane: usize) -> Option<usize> {
    let (row, in_row) = (lane & !15, lane & 15);
    match control {
        DppControl::QuadPerm(perm) => Some((lane & !3) | usize::from(perm[lane & 3])),
        DppControl::RowShl(n) => Some(in_row + usize::from(n)).filter(|&l| l < 16).map(|l| row + l),
        DppControl::RowShr(n) => in_row.checked_sub(usize::from(n)).map(|l| row + l),
        DppControl::RowRor(n) => Some(row + ((in_row + 16 - usize::from(n)) & 15)),
        DppControl::WaveShl => Some(lane + 1).filter(|&l| l < 64),
        DppControl::WaveRol => Some((lane + 1) & 63),
        DppControl::WaveShr => lane.checked_sub(1),
        DppControl::WaveRor => Some((lane + 63) & 63),
        DppControl::RowMirror => Some(row + 15 - in_row),
        DppControl::RowHalfMirror => Some((lane & !7) + 7 - (lane & 7)),
        DppControl::RowBcast15 => row.checked_sub(1),
        DppControl::RowBcast31 => (lane >= 32).then_some(31),
        DppControl::RowNewBcast(n) => Some(row + usize::from(n)),
    }
}

fn live_lane(control: DppControl, lane: usize, exec: u64) -> Option<usize> {
    dpp_lane(control, lane).filter(|&source| (exec >> source) & 1 == 1)
}

/// Source 0 through DPP; lanes without a source read 0.
pub(crate) fn dpp(lanes: &Lanes32, control: DppControl, exec: u64) -> Lanes32 {
    std::array::from_fn(|lane| live_lane(control, lane, exec).map_or(0, |source| lanes[source]))
}

/// Lanes that a DPP instruction may write.
pub(crate) fn dpp_mask(dpp: Dpp, exec: u64) -> u64 {
    let mut mask = 0;
    for lane in 0..64 {
        let row_on = (dpp.row_mask >> (lane / 16)) & 1 == 1;
        let bank_on = (dpp.bank_mask >> ((lane / 4) & 3)) & 1 == 1;
        let has_source = dpp.bound_ctrl || live_lane(dpp.control, lane, exec).is_some();
        mask |= u64::from(row_on && bank_on && has_source) << lane;
    }
    mask
}

/// Shift and width of a part.
fn part(select: Select) -> (u32, u32) {
    match select {
        Select::Byte(index) => (u32::from(index) * 8, 8),
        Select::Word(index) => (u32::from(index) * 16, 16),
        Select::Dword => (0, 32),
    }
}

/// Source `index` (0 or 1) through SDWA; further sources are whole.
pub(crate) fn sdwa_source(lanes: &Lanes32, sdwa: Sdwa, index: usize) -> Lanes32 {
    let select = match index {
        0 => sdwa.src0_sel,
        1 => sdwa.src1_sel,
        _ => return *lanes,
    };
    let (shift, width) = part(select);
    let signed = (sdwa.sext >> index) & 1 == 1;
    lanes.map(|value| {
        let top = (value >> shift) << (32 - width);
        if signed { ((top as i32) >> (32 - width)) as u32 } else { top >> (32 - width) }
    })
}

/// What SDWA leaves in the destination.
pub(crate) fn sdwa_result(old: &Lanes32, value: &Lanes32, sdwa: Sdwa) -> Lanes32 {
    let (shift, width) = part(sdwa.dst_sel);
    let field = (u32::MAX >> (32 - width)) << shift;
    std::array::from_fn(|lane| {
        let placed = (value[lane] << shift) & field;
        match sdwa.dst_unused {
            Unused::Pad => placed,
            Unused::Preserve => placed | (old[lane] & !field),
            Unused::Sext => {
                let up = 32 - width - shift;
                (((placed << up) as i32) >> up) as u32
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered() -> Lanes32 {
        std::array::from_fn(|lane| lane as u32)
    }

    #[test]
    fn broadcasts_reach_the_next_rows_only() {
        let all = dpp(&numbered(), DppControl::RowBcast15, u64::MAX);
        assert_eq!([all[16], all[31], all[32], all[63]], [15, 15, 31, 47]);
        let all = dpp(&numbered(), DppControl::RowBcast31, u64::MAX);
        assert_eq!([all[32], all[63]], [31, 31]);
        let control = DppControl::RowBcast31;
        let masks = Dpp { control, row_mask: 15, bank_mask: 15, bound_ctrl: false };
        assert_eq!(dpp_mask(masks, u64::MAX), 0xffff_ffff_0000_0000);
    }

    #[test]
    fn lanes_that_are_off_are_no_source() {
        let control = DppControl::RowShr(1);
        let masks = Dpp { control, row_mask: 0b0001, bank_mask: 15, bound_ctrl: false };
        assert_eq!(dpp_mask(masks, !4), 0xfff6, "lane 0 has no source, lane 3 has one that is off");
        let zeros = Dpp { bound_ctrl: true, ..masks };
        assert_eq!(dpp_mask(zeros, !4), 0xffff);
        assert_eq!(dpp(&numbered(), control, !4)[..5], [0, 0, 1, 0, 3]);
    }
}
