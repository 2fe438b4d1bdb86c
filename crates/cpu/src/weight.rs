//! Uploaded weights: packed matrices, and vectors as plain f32.

use backend::{DeviceError, TensorShape, TensorView};

use crate::isa::Isa;
use crate::linear::{PackError, PackedWeight, dequantize_view_row};
use crate::pool::Pool;

/// A weight in the layout of the kernels.
pub enum CpuWeight {
    /// A norm or a bias: parts of one row each, one after the other, as f32.
    Vector(Vec<f32>),
    /// A `[rows, cols]` matrix.
    Matrix(PackedWeight),
}

/// Parts of one row each make a vector.
fn is_vector(mut shapes: impl Iterator<Item = TensorShape>) -> bool {
    shapes.all(|shape| shape.rows == 1)
}

impl CpuWeight {
    pub(crate) fn bytes(parts: &[TensorShape]) -> usize {
        if is_vector(parts.iter().copied()) {
            return parts.iter().map(|part| part.cols * size_of::<f32>()).sum();
        }
        PackedWeight::packed_bytes(parts)
    }

    pub(crate) fn new(
        device: &str,
        pool: &Pool,
        isa: Isa,
        parts: &[TensorView<'_>],
    ) -> Result<Self, DeviceError> {
        if !is_vector(parts.iter().map(|part| part.shape)) {
            let packed = PackedWeight::pack(pool, parts, isa);
            return packed.map(Self::Matrix).map_err(|error| device_error(device, &error));
        }
        let len = parts.iter().map(|part| part.shape.cols).sum();
        let mut values = vec![0.0; len];
        let mut rest = &mut values[..];
        for part in parts {
            let (row, after) = rest.split_at_mut(part.shape.cols);
            dequantize_view_row(part, 0, row);
            rest = after;
        }
        Ok(Self::Vector(values))
    }

    /// The elements of a vector. Panics on a matrix: the decoder gave the wrong weight.
    pub(crate) fn vector(&self) -> &[f32] {
        match self {
            Self::Vector(values) => values,
            Self::Matrix(_) => panic!("a matrix stands where a vector is needed"),
        }
    }

    /// The matrix. Panics on a vector: the decoder gave the wrong weight.
    pub(crate) fn matrix(&self) -> &PackedWeight {
        match self {
            Self::Matrix(matrix) => matrix,
            Self::Vector(_) => panic!("a vector stands where a matrix is needed"),
        }
    }
}

fn device_error(device: &str, error: &PackError) -> DeviceError {
    let device = device.to_owned();
    match error {
        PackError::OutOfMemory { bytes } => DeviceError::OutOfMemory {
            device,
            what: "a weight".to_owned(),
            requested_bytes: *bytes as u64,
        },
        PackError::Empty { .. } | PackError::ColsDiffer { .. } | PackError::Shape { .. } => {
            DeviceError::Unsupported { device, what: error.to_string() }
        }
        PackError::IsaUnavailable { .. } => DeviceError::Failed {
            device,
            op: "upload_weight".to_owned(),
            reason: error.to_string(),
        },
    }
}
