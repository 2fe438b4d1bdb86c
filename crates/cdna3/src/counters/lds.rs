//! Cycles of the local data share's 32 banks of 4 bytes.
//!
//! Lanes go in groups. 16-byte reads: the eight-lane groups of AMD's article on LDS bank conflicts;
//! 16- and 12-byte writes: eight consecutive lanes (Composable Kernel's documents). Others: halves
//! of 32 lanes, an assumption for 8 bytes. A group takes as many cycles as its fullest bank has
//! different dwords; lanes with the same dword share it. Not measured on hardware.

/// First lanes of the four-lane runs of each group in 16-byte reads, for the first 32 lanes.
const READ_RUNS: [[usize; 2]; 4] = [[0, 20], [4, 16], [8, 28], [12, 24]];
/// Banks.
const NUM_BANKS: usize = 32;

/// Lanes of each group.
fn groups(bytes: u32, is_write: bool) -> Vec<u64> {
    match (bytes, is_write) {
        (12.., true) => (0..8).map(|group| 0xff << (8 * group)).collect(),
        (12.., false) => {
            let runs = READ_RUNS.map(|[a, b]| (0xf << a) | (0xf << b));
            runs.into_iter().flat_map(|run: u64| [run, run << 32]).collect()
        }
        _ => vec![0xffff_ffff, 0xffff_ffff << 32],
    }
}

/// Cycles of an access of `bytes` a lane, and those it would take were its dwords evenly spread.
pub fn bank_cycles(addresses: &[u64; 64], mask: u64, bytes: u32, is_write: bool) -> (u64, u64) {
    let (mut cycles, mut least) = (0, 0);
    for group in groups(bytes, is_write) {
        let mut dwords = Vec::with_capacity(64);
        for lane in (0..64).filter(|lane| (mask & group) >> lane & 1 == 1) {
            let (first, last) = (addresses[lane] / 4, (addresses[lane] + u64::from(bytes) - 1) / 4);
            dwords.extend(first..=last);
        }
        dwords.sort_unstable();
        dwords.dedup();
        let mut banks = [0_u64; NUM_BANKS];
        for dword in &dwords {
            banks[*dword as usize % NUM_BANKS] += 1;
        }
        cycles += banks.into_iter().max().unwrap_or(0);
        least += dwords.len().div_ceil(NUM_BANKS) as u64;
    }
    (cycles, least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(f: impl Fn(u64) -> u64) -> [u64; 64] {
        std::array::from_fn(|lane| f(lane as u64))
    }

    #[test]
    fn consecutive_lanes_have_no_conflicts() {
        for bytes in [4, 8, 16] {
            let expected = u64::from(bytes) / 2;
            for is_write in [false, true] {
                let addresses = by(|lane| lane * u64::from(bytes));
                let result = bank_cycles(&addresses, u64::MAX, bytes, is_write);
                assert_eq!(result, (expected, expected), "{bytes}");
            }
        }
    }

    #[test]
    fn a_stride_of_all_banks_serialises_and_one_dword_is_shared() {
        assert_eq!(bank_cycles(&by(|lane| 128 * lane), u64::MAX, 4, false), (64, 2));
        assert_eq!(bank_cycles(&by(|_| 40), u64::MAX, 4, false), (2, 2));
        assert_eq!(bank_cycles(&by(|lane| 8 * lane), 0xffff_ffff, 4, false), (2, 1));
    }

    #[test]
    fn rows_of_128_bytes_are_four_way_in_16_byte_reads_and_xor_repairs_them() {
        // kernels.md 1: 16 rows of 128 bytes, lane l reads column l / 16 of row l % 16.
        let linear = by(|lane| (lane % 16) * 128 + (lane / 16) * 16);
        let (cycles, least) = bank_cycles(&linear, u64::MAX, 16, false);
        assert_eq!((cycles, least), (8 * 4, 8));
        let xor = by(|lane| (lane % 16) * 128 + ((lane / 16) ^ (lane % 8)) * 16);
        assert_eq!(bank_cycles(&xor, u64::MAX, 16, false), (8, 8));
    }
}
