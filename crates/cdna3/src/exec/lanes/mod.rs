//! The arithmetic of one lane, as pure functions of bits and numbers.
//!
//! Owns what each vector operation computes for one lane. Knows nothing of waves, registers or
//! instructions; called by the vector executors, in loops over 64 lanes.

pub(crate) mod bits;
pub(crate) mod convert;
pub(crate) mod division;
pub(crate) mod float;
pub(crate) mod fp8;
pub(crate) mod transcendental;

#[cfg(test)]
mod tests;
