//! Element types of stored weights. Quantisation is data, not a new operation.

/// How a weight's elements are stored. Block formats follow `ggml-common.h` (GGUF).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(non_camel_case_types)]
pub enum DType {
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// bfloat16.
    BF16,
    /// 32 elements: f16 scale, 32 x i8.
    Q8_0,
    /// 32 elements: f16 scale, 32 x 4 bit, offset 8.
    Q4_0,
    /// 32 elements: f16 scale, f16 minimum, 32 x 4 bit.
    Q4_1,
    /// 32 elements: f16 scale, 32 high bits, 32 x 4 bit, offset 16.
    Q5_0,
    /// 32 elements: f16 scale, f16 minimum, 32 high bits, 32 x 4 bit.
    Q5_1,
    /// 256 elements: f16 d and dmin, 8 x (6-bit scale, 6-bit minimum), 256 x 4 bit.
    Q4_K,
    /// 256 elements: as `Q4_K` plus 256 high bits.
    Q5_K,
    /// 256 elements: 256 x (4 + 2) bit, 16 x i8 scale, f16 d.
    Q6_K,
}

impl DType {
    /// Elements per storage block; 1 for plain types.
    pub fn block_len(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::BF16 => 1,
            Self::Q8_0 | Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 => 32,
            Self::Q4_K | Self::Q5_K | Self::Q6_K => 256,
        }
    }

    /// Bytes per storage block.
    pub fn block_bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q8_0 => 34,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q4_K => 144,
            Self::Q5_K => 176,
            Self::Q6_K => 210,
        }
    }

    /// Bytes of a row of `cols` elements, or `None` if `cols` is not a whole number of blocks or
    /// the size overflows.
    pub fn row_bytes(self, cols: usize) -> Option<usize> {
        if !cols.is_multiple_of(self.block_len()) {
            return None;
        }
        (cols / self.block_len()).checked_mul(self.block_bytes())
    }

    /// True for types whose elements are single numbers.
    pub fn is_plain(self) -> bool {
        self.block_len() == 1
    }
}

/// Shape and type of a row-major matrix; a vector has one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorShape {
    /// Stored element type.
    pub dtype: DType,
    /// Output features of a linear layer.
    pub rows: usize,
    /// Input features; the contiguous dimension.
    pub cols: usize,
}

impl TensorShape {
    /// Bytes of a row. Panics for columns that are no whole blocks: a shape is checked when the
    /// tensor is opened.
    pub fn row_bytes(self) -> usize {
        self.dtype.row_bytes(self.cols).expect("rows are whole blocks")
    }
}

/// A borrowed host matrix: `rows` rows of `dtype.row_bytes(cols)` bytes, no padding.
#[derive(Clone, Copy, Debug)]
pub struct TensorView<'a> {
    /// Shape and type.
    pub shape: TensorShape,
    /// Exactly `rows * row_bytes` bytes, little-endian, any alignment.
    pub data: &'a [u8],
}

impl<'a> TensorView<'a> {
    /// Pairs bytes with their shape; `None` unless the sizes agree.
    pub fn new(shape: TensorShape, data: &'a [u8]) -> Option<Self> {
        let bytes = shape.dtype.row_bytes(shape.cols)?.checked_mul(shape.rows)?;
        (data.len() == bytes).then_some(Self { shape, data })
    }

    /// One row's bytes. Panics if `row` is out of range.
    pub fn row(&self, row: usize) -> &'a [u8] {
        let bytes = self.data.len() / self.shape.rows;
        &self.data[row * bytes..(row + 1) * bytes]
    }
}
