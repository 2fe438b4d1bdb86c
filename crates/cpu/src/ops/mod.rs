//! The operations, one subject a file. Each has a plain reference loop beside the vector kernel; a
//! row's arithmetic never depends on the other rows of a call.

pub(crate) mod attention;
pub(crate) mod element;
pub(crate) mod norm;
pub(crate) mod qkv;
pub(crate) mod rope;
pub(crate) mod sample;
pub(crate) mod silu;
pub(crate) mod simd;

#[cfg(test)]
pub(crate) mod testing;
