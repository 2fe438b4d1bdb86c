//! Weights on their way from files to a device, which reads rows when it has room for them.
//!
//! So host memory follows the device's appetite and not a tensor's size. `model` implements this over
//! files; whoever has the bytes already implements it by [`TensorView`].

use crate::{DeviceError, TensorShape, TensorView};

/// A stored matrix whose rows can be read.
pub trait RowSource {
    /// Why rows cannot be read; also tells what the device that asked for them says.
    type Error: From<DeviceError>;

    /// Shape and type.
    fn shape(&self) -> TensorShape;

    /// Fills `out` with the rows from `first` on, as they are stored: row-major, little-endian.
    /// Panics if `out` is no whole number of them, or more than there are.
    fn read_rows(&self, first: usize, out: &mut [u8]) -> Result<(), Self::Error>;

    /// All rows, for devices that want them at once.
    fn read_all(&self) -> Result<Vec<u8>, Self::Error> {
        let shape = self.shape();
        let mut rows = vec![0; shape.rows * shape.row_bytes()];
        self.read_rows(0, &mut rows)?;
        Ok(rows)
    }
}

impl RowSource for TensorView<'_> {
    type Error = DeviceError;

    fn shape(&self) -> TensorShape {
        self.shape
    }

    fn read_rows(&self, first: usize, out: &mut [u8]) -> Result<(), DeviceError> {
        out.copy_from_slice(&self.data[first * self.shape.row_bytes()..][..out.len()]);
        Ok(())
    }
}
