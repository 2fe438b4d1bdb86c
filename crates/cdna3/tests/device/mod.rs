//! A probe, loaded to be launched: the device of the tests.

use cdna3::exec::{Dim3, Launch, LaunchReport, Prepared, VecMemory, kernarg, launch};
use cdna3::{CodeObject, Program};

use crate::toolchain;

/// A loaded probe and the memory it works on.
pub(crate) struct Device {
    object: CodeObject,
    prepared: Prepared,
    image_base: u64,
    pub(crate) memory: VecMemory,
}

impl Device {
    /// Compiles, loads and decodes a probe.
    pub(crate) fn load(probe: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("probe.hsaco");
        toolchain::compile(&toolchain::probe(probe), &output);
        let object = CodeObject::parse(&std::fs::read(output).expect("it was linked"))
            .expect("it is a code object");
        let end = object.segments().iter().map(|s| s.address + s.size_bytes).max().unwrap_or(0);
        let mut image = vec![0; end as usize];
        for segment in object.segments() {
            let at = segment.address as usize;
            image[at..at + segment.bytes.len()].copy_from_slice(&segment.bytes);
        }
        let mut memory = VecMemory::default();
        let image_base = memory.allocate("image", &image);
        let prepared = Prepared::new(Program::decode(&object).expect("it decodes"));
        assert!(prepared.first_unsupported().is_none(), "{:?}", prepared.first_unsupported());
        Self { object, prepared, image_base, memory }
    }

    /// Runs a kernel of `grid` work-groups of `block` work-items.
    pub(crate) fn launch(
        &mut self,
        name: &str,
        grid: u32,
        block: u32,
        args: &[u8],
    ) -> LaunchReport {
        let kernel = self.object.kernel(name).expect("the probe has it");
        let (grid, block) = (Dim3([grid, 1, 1]), Dim3([block, 1, 1]));
        let segment = kernarg(kernel, args, grid, block, 0);
        let kernarg_address = self.memory.allocate("kernarg", &segment);
        let (prepared, image_base) = (&self.prepared, self.image_base);
        let what =
            Launch { prepared, kernel, image_base, grid, block, dynamic_lds: 0, kernarg_address };
        launch(&what, &mut self.memory).unwrap_or_else(|fault| panic!("{name}: {fault}"))
    }

    /// An allocation in dwords.
    pub(crate) fn words(&self, name: &str) -> Vec<u32> {
        let bytes = self.memory.bytes(name).expect("it was allocated");
        bytes.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect()
    }
}

/// Values as bytes.
macro_rules! bytes {
    ($values:expr) => {
        $values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()
    };
}

pub(crate) use bytes;

/// Arguments in order; every one aligned to its size.
pub(crate) fn args(pointers: &[u64], rest: &[u32]) -> Vec<u8> {
    [bytes!(pointers), bytes!(rest)].concat()
}
