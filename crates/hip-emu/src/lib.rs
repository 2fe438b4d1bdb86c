//! An emulated MI300X behind HIP's C ABI: test equipment, loaded in place of `libamdhip64.so`.
//!
//! Knows the ABI and how HIP behaves; the machine itself is `cdna3`. Never part of the product
//! binary: nothing depends on it, and the loader has to be pointed at it.

#![deny(unsafe_code)]

#[allow(unsafe_code)]
#[allow(non_snake_case)]
mod abi;
mod calls;
mod capture;
pub mod config;
mod device;
mod errors;
mod event;
pub mod faults;
mod graph;
mod handle;
#[allow(unsafe_code)]
mod mapping;
mod memory;
mod module;
mod objects;
mod properties;
mod report;
mod runtime;
mod stream;
mod work;
