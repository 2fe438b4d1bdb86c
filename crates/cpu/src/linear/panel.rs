//! Where a packed weight keeps its numbers.
//!
//! A *panel* holds 16 output rows interleaved, so that SIMD lanes run along the rows and each
//! lane adds its products in the order of the columns, whatever the instruction set. Rows beyond
//! the matrix are zero.
//!
//! Plain types: `[cols][16]` elements of the stored type.
//!
//! Quantised types: all codes of the panel, then all scales. Codes of one block of 32 columns are
//! 8 *groups* of 4 columns; a group is 64 bytes, byte `4 * row + column % 4`, which is the operand
//! of `vpdpbusd`. They are stored as bit planes:
//! - 8-bit: groups 0..8, 512 bytes.
//! - low 4 bits of the others: 4 x 64 bytes; vector `i` has group `i` in its low nibbles and group
//!   `i + 4` in its high ones.
//! - fifth bit: 8 x 64 bits; bit `i` of word `g` belongs to byte `i` of group `g`.
//! - fifth and sixth bit of `Q6_K`: 2 x 64 bytes; vector `j` has group `4j + t` in bits
//!   `2t..2t + 2`.
//!
//! Scales per block: `d[16]` (f16), then `m[16]` (f16) if the format has it. `Q4_K`, `Q5_K` per
//! super-block: `d[16]`, `dmin[16]`, then for each of the 8 blocks `scale[16]`, `min[16]` (u8).
//! `Q6_K` per super-block: `d[16]`, then for each block the i8 scales of the first halves `[16]`
//! and of the second halves `[16]`.
//!
//! Panels start on 64-byte boundaries; codes of every block are a multiple of 64 bytes.

use backend::DType;

use backend::block::{BLOCK_LEN, BLOCKS_PER_SUPER, Block, read_plain};

/// Output rows of a panel.
pub(super) const PANEL_ROWS: usize = 16;
/// Alignment of panels: one cache line, one AVX-512 register.
pub(super) const PANEL_ALIGN: usize = 64;
/// Bytes of one group of 4 columns.
const GROUP_BYTES: usize = 4 * PANEL_ROWS;

/// Sizes within the panels of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PanelLayout {
    pub(super) dtype: DType,
    pub(super) cols: usize,
    /// Where the scales start; for plain types the end of the panel.
    pub(super) scales_at: usize,
    /// From one panel to the next, a multiple of [`PANEL_ALIGN`].
    pub(super) panel_bytes: usize,
}

/// Bytes of the codes of one block.
pub(super) const fn block_code_bytes(dtype: DType) -> usize {
    match dtype {
        DType::Q8_0 => 512,
        DType::Q4_0 | DType::Q4_1 | DType::Q4_K => 256,
        DType::Q5_0 | DType::Q5_1 | DType::Q5_K => 256 + 64,
        DType::Q6_K => 256 + 128,
        DType::F32 | DType::F16 | DType::BF16 => 0,
    }
}

/// Bytes of the scales of one storage block (32 or 256 columns).
pub(super) const fn scale_bytes(dtype: DType) -> usize {
    match dtype {
        DType::Q8_0 | DType::Q4_0 | DType::Q5_0 => 32,
        DType::Q4_1 | DType::Q5_1 => 64,
        DType::Q4_K | DType::Q5_K => 64 + BLOCKS_PER_SUPER * 32,
        DType::Q6_K => 32 + BLOCKS_PER_SUPER * 32,
        DType::F32 | DType::F16 | DType::BF16 => 0,
    }
}

/// Bytes that a block of 32 columns adds to a panel, codes and scales.
pub(super) fn block_panel_bytes(dtype: DType) -> usize {
    block_code_bytes(dtype) + scale_bytes(dtype) * BLOCK_LEN / dtype.block_len()
}

impl PanelLayout {
    /// `None` if `cols` is not a whole number of storage blocks or a size overflows.
    pub(super) fn new(dtype: DType, cols: usize) -> Option<Self> {
        if !cols.is_multiple_of(dtype.block_len()) {
            return None;
        }
        let (scales_at, end) = if dtype.is_plain() {
            let bytes = cols.checked_mul(PANEL_ROWS * dtype.block_bytes())?;
            (bytes, bytes)
        } else {
            let codes = (cols / BLOCK_LEN).checked_mul(block_code_bytes(dtype))?;
            let scales = (cols / dtype.block_len()).checked_mul(scale_bytes(dtype))?;
            (codes, codes.checked_add(scales)?)
        };
        let panel_bytes = end.checked_next_multiple_of(PANEL_ALIGN)?;
        Some(Self { dtype, cols, scales_at, panel_bytes })
    }

    /// Blocks of 32 columns.
    pub(super) fn num_blocks(&self) -> usize {
        self.cols / BLOCK_LEN
    }

    /// Copies one row of a plain type into a panel.
    pub(super) fn write_plain_row(&self, panel: &mut [u8], lane: usize, row: &[u8]) {
        match self.dtype.block_bytes() {
            2 => scatter::<2>(panel, lane, row),
            _ => scatter::<4>(panel, lane, row),
        }
    }

    /// Reads one element of a plain type.
    pub(super) fn read_plain(&self, panel: &[u8], lane: usize, col: usize) -> f32 {
        let element_bytes = self.dtype.block_bytes();
        read_plain(self.dtype, &panel[(col * PANEL_ROWS + lane) * element_bytes..])
    }

    /// Writes one row's block into a zeroed panel.
    pub(super) fn write_block(
        &self,
        panel: &mut [u8],
        lane: usize,
        block_idx: usize,
        block: &Block,
    ) {
        let code_bytes = block_code_bytes(self.dtype);
        let codes = &mut panel[block_idx * code_bytes..][..code_bytes];
        for (i, &code) in block.codes.iter().enumerate() {
            write_code(self.dtype, codes, lane, i, code);
        }
        let mut scales = |at: usize, value: &[u8]| {
            let at = self.scales_at + at;
            panel[at..at + value.len()].copy_from_slice(value);
        };
        let spot = self.scale_spot(block_idx, lane);
        scales(spot.d, &block.d.to_le_bytes());
        if let Some(m) = spot.m {
            scales(m, &block.m.to_le_bytes());
        }
        if let Some(sub) = spot.sub {
            scales(sub, &block.sub[..1]);
            scales(sub + PANEL_ROWS, &block.sub[1..]);
        }
    }

    /// Reads one row's block back.
    pub(super) fn read_block(&self, panel: &[u8], lane: usize, block_idx: usize) -> Block {
        let code_bytes = block_code_bytes(self.dtype);
        let codes = &panel[block_idx * code_bytes..][..code_bytes];
        let scales = &panel[self.scales_at..];
        let u16_at = |at: usize| u16::from_le_bytes([scales[at], scales[at + 1]]);
        let spot = self.scale_spot(block_idx, lane);
        Block {
            codes: std::array::from_fn(|i| read_code(self.dtype, codes, lane, i)),
            d: u16_at(spot.d),
            m: spot.m.map_or(0, u16_at),
            sub: spot.sub.map_or([0; 2], |at| [scales[at], scales[at + PANEL_ROWS]]),
        }
    }

    fn scale_spot(&self, block_idx: usize, lane: usize) -> ScaleSpot {
        let blocks_per_storage = self.dtype.block_len() / BLOCK_LEN;
        let base = block_idx / blocks_per_storage * scale_bytes(self.dtype);
        let f16_row = 2 * PANEL_ROWS;
        let sub = block_idx % blocks_per_storage * 2 * PANEL_ROWS + lane;
        let d = base + 2 * lane;
        match self.dtype {
            DType::Q4_1 | DType::Q5_1 => ScaleSpot { d, m: Some(d + f16_row), sub: None },
            DType::Q4_K | DType::Q5_K => {
                ScaleSpot { d, m: Some(d + f16_row), sub: Some(base + 2 * f16_row + sub) }
            }
            DType::Q6_K => ScaleSpot { d, m: None, sub: Some(base + f16_row + sub) },
            _ => ScaleSpot { d, m: None, sub: None },
        }
    }
}

/// Copies elements of `N` bytes to every [`PANEL_ROWS`]th place.
fn scatter<const N: usize>(panel: &mut [u8], lane: usize, row: &[u8]) {
    let places = panel.as_chunks_mut::<N>().0.iter_mut().skip(lane).step_by(PANEL_ROWS);
    for (place, element) in places.zip(row.as_chunks::<N>().0) {
        *place = *element;
    }
}

/// Offsets of one row's numbers within the panel's scales.
struct ScaleSpot {
    d: usize,
    m: Option<usize>,
    /// The first of two bytes, `PANEL_ROWS` apart.
    sub: Option<usize>,
}

/// Offsets of element `i` within a block's codes: byte in the low plane and its shift, and the
/// same in the high plane.
fn low_nibble(lane: usize, i: usize) -> (usize, usize) {
    let group = i / 4;
    (group % 4 * GROUP_BYTES + 4 * lane + i % 4, group / 4 * 4)
}

fn fifth_bit(lane: usize, i: usize) -> (usize, usize) {
    let bit = 4 * lane + i % 4;
    (256 + i / 4 * 8 + bit / 8, bit % 8)
}

fn two_bits(lane: usize, i: usize) -> (usize, usize) {
    let group = i / 4;
    (256 + group / 4 * GROUP_BYTES + 4 * lane + i % 4, group % 4 * 2)
}

fn write_code(dtype: DType, codes: &mut [u8], lane: usize, i: usize, code: u8) {
    if dtype == DType::Q8_0 {
        codes[i / 4 * GROUP_BYTES + 4 * lane + i % 4] = code;
        return;
    }
    let (at, shift) = low_nibble(lane, i);
    codes[at] |= (code & 0x0f) << shift;
    match dtype {
        DType::Q5_0 | DType::Q5_1 | DType::Q5_K => {
            let (at, shift) = fifth_bit(lane, i);
            codes[at] |= (code >> 4) << shift;
        }
        DType::Q6_K => {
            let (at, shift) = two_bits(lane, i);
            codes[at] |= (code >> 4) << shift;
        }
        _ => {}
    }
}

fn read_code(dtype: DType, codes: &[u8], lane: usize, i: usize) -> u8 {
    if dtype == DType::Q8_0 {
        return codes[i / 4 * GROUP_BYTES + 4 * lane + i % 4];
    }
    let (at, shift) = low_nibble(lane, i);
    let low = (codes[at] >> shift) & 0x0f;
    let high = match dtype {
        DType::Q5_0 | DType::Q5_1 | DType::Q5_K => {
            let (at, shift) = fifth_bit(lane, i);
            (codes[at] >> shift) & 1
        }
        DType::Q6_K => {
            let (at, shift) = two_bits(lane, i);
            (codes[at] >> shift) & 3
        }
        _ => 0,
    };
    low | (high << 4)
}
