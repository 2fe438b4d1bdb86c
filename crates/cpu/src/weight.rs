//! Uploaded weights: packed matrices, and vectors as plain f32.

use backend::{DType, Device, DeviceError, TensorShape, TensorView};

use crate::activations::{Activations, narrow_matrix};
use crate::device::CpuDevice;
use crate::linear::{PackError, PackedWeight};

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
    pub(crate) fn bytes(activations: Activations, parts: &[TensorShape]) -> usize {
        if is_vector(parts.iter().copied()) {
            return parts.iter().map(|part| part.cols * size_of::<f32>()).sum();
        }
        let shapes: Vec<_> = parts.iter().map(|part| activations.shape(*part)).collect();
        PackedWeight::packed_bytes(&shapes)
    }

    pub(crate) fn new(device: &CpuDevice, parts: &[TensorView<'_>]) -> Result<Self, DeviceError> {
        if !is_vector(parts.iter().map(|part| part.shape)) {
            let packed = pack(device, parts);
            return packed.map(Self::Matrix).map_err(|error| device_error(&device.name(), &error));
        }
        let len = parts.iter().map(|part| part.shape.cols).sum();
        let mut values = vec![0.0; len];
        let mut rest = &mut values[..];
        for part in parts {
            let (row, after) = rest.split_at_mut(part.shape.cols);
            part.widen_row(0, row);
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

/// Packs a matrix as it is stored, or in bf16 where the device's activations are.
fn pack(device: &CpuDevice, parts: &[TensorView<'_>]) -> Result<PackedWeight, PackError> {
    let activations = device.activations;
    let as_stored =
        |part: &TensorView<'_>| activations.matrix_dtype(part.shape.dtype) == part.shape.dtype;
    if parts.iter().all(as_stored) {
        return PackedWeight::pack(&device.pool, parts, device.isa);
    }
    let narrowed: Vec<Vec<u8>> = parts.iter().map(narrow_matrix).collect();
    let views: Vec<_> = parts
        .iter()
        .zip(&narrowed)
        .map(|(part, data)| TensorView { shape: activations.shape(part.shape), data })
        .collect();
    debug_assert!(views.iter().all(|view| view.shape.dtype == DType::BF16));
    PackedWeight::pack(&device.pool, &views, device.isa)
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
