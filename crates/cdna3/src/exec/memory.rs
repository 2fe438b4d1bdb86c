//! Global memory as the executor sees it: byte reads and writes that may be refused.

use thiserror::Error;

/// An access outside the memory that may be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{} of {size_bytes} bytes at {address:#x} is outside every allocation", if *is_write { "write" } else { "read" })]
pub struct AccessError {
    /// First byte.
    pub address: u64,
    /// Number of bytes.
    pub size_bytes: usize,
    /// Write or read.
    pub is_write: bool,
}

/// Device memory by 64-bit address. One call is one lane's access.
pub trait GlobalMemory {
    /// Fills `bytes` from `address`.
    ///
    /// # Errors
    /// If any of the bytes may not be read; `bytes` is then unspecified.
    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), AccessError>;

    /// Stores `bytes` at `address`.
    ///
    /// # Errors
    /// If any of the bytes may not be written; nothing is then written.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), AccessError>;
}

/// Named allocations in ordinary vectors, with a gap of unmapped addresses between them.
#[derive(Clone, Debug, Default)]
pub struct VecMemory {
    allocations: Vec<Allocation>,
}

#[derive(Clone, Debug)]
struct Allocation {
    name: String,
    address: u64,
    bytes: Vec<u8>,
}

impl VecMemory {
    /// Address of the first allocation; outside the LDS and scratch apertures.
    const BASE: u64 = 0x7f00_0000_0000;
    /// Alignment of allocations, and least distance between two.
    const GRANULE: u64 = 4096;

    /// Copies `bytes` into a new allocation and gives its address.
    pub fn allocate(&mut self, name: &str, bytes: &[u8]) -> u64 {
        let end = self.allocations.last().map_or(Self::BASE, |a| a.address + a.bytes.len() as u64);
        let address = end.next_multiple_of(Self::GRANULE) + Self::GRANULE;
        self.allocations.push(Allocation { name: name.to_owned(), address, bytes: bytes.to_vec() });
        address
    }

    /// The bytes of the first allocation with that name.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.allocations.iter().find(|a| a.name == name).map(|a| a.bytes.as_slice())
    }

    fn locate(&self, address: u64, size_bytes: usize) -> Option<(usize, usize)> {
        let after = self.allocations.partition_point(|a| a.address <= address);
        let index = after.checked_sub(1)?;
        let allocation = &self.allocations[index];
        let offset = usize::try_from(address - allocation.address).ok()?;
        (offset.checked_add(size_bytes)? <= allocation.bytes.len()).then_some((index, offset))
    }
}

impl GlobalMemory for VecMemory {
    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), AccessError> {
        let size_bytes = bytes.len();
        let (index, offset) = self.locate(address, size_bytes).ok_or(AccessError {
            address,
            size_bytes,
            is_write: false,
        })?;
        bytes.copy_from_slice(&self.allocations[index].bytes[offset..offset + size_bytes]);
        Ok(())
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), AccessError> {
        let size_bytes = bytes.len();
        let (index, offset) = self.locate(address, size_bytes).ok_or(AccessError {
            address,
            size_bytes,
            is_write: true,
        })?;
        self.allocations[index].bytes[offset..offset + size_bytes].copy_from_slice(bytes);
        Ok(())
    }
}
