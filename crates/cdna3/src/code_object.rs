//! Code objects: what the compiler makes of a HIP file for one target.
//!
//! An ELF file whose layout, kernel descriptors and metadata are described in LLVM's "User Guide
//! for AMDGPU Backend", code object version 5. Reads bytes; never loads, relocates or runs them.

mod descriptor;
mod metadata;

use object::elf;
use object::read::elf::{ElfFile64, FileHeader as _, ProgramHeader as _};
use object::{
    LittleEndian, Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind, SymbolKind,
};
use thiserror::Error;

pub use self::descriptor::{Descriptor, WorkItemIds};
pub use self::metadata::{Argument, ArgumentKind};

/// The only target that is understood.
pub const TARGET: &str = "gfx942";
/// Bytes of a kernel descriptor.
const DESCRIPTOR_BYTES: usize = 64;
/// `EI_ABIVERSION` of code object version 5, and of version 6, whose differences do not concern
/// gfx942.
const ABI_VERSIONS: [u8; 2] = [3, 4];
/// `ELFOSABI_AMDGPU_HSA`.
const OSABI_AMDGPU_HSA: u8 = 64;
/// Target number of gfx942 in `e_flags`.
const MACH_GFX942: u32 = 0x4c;
/// Where `e_flags` has the target number.
const MACH_MASK: u32 = 0xff;

/// Why bytes are not a code object that can run here.
#[derive(Debug, Error)]
pub enum CodeObjectError {
    /// Not an ELF file, or a damaged one.
    #[error("the code object is not a readable ELF file: {0}")]
    Elf(#[from] object::Error),
    /// An ELF file for something else.
    #[error("the file is not an AMD GPU code object for HSA: {0}")]
    NotAmdgpu(String),
    /// Another code object version.
    #[error(
        "the code object's ABI version is {0}; only versions 5 and 6 of the format (3 and 4 in \
         the header) are understood: compile with -mcode-object-version=5"
    )]
    Version(u8),
    /// Another GPU.
    #[error("the code object is for {0}, not for {TARGET}: compile with --offload-arch={TARGET}")]
    Target(String),
    /// The metadata is missing or damaged.
    #[error("the code object's metadata note: {0}")]
    Metadata(String),
    /// A kernel's descriptor is missing or damaged.
    #[error("the descriptor of kernel `{kernel}`: {what}")]
    Descriptor {
        /// The kernel.
        kernel: String,
        /// What is wrong.
        what: String,
    },
    /// The object must be linked at load time.
    #[error(
        "the code object has {0} dynamic relocations, which are not supported: link it completely \
         and keep device symbols hidden"
    )]
    Relocations(usize),
}

/// The code section.
#[derive(Clone, Debug)]
pub struct Text {
    /// Address of the first word in the image.
    pub address: u64,
    /// Instruction words.
    pub words: Vec<u32>,
}

/// A part of the image to be placed in device memory.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Address in the image; the image may be placed anywhere, as a whole.
    pub address: u64,
    /// Contents.
    pub bytes: Vec<u8>,
    /// Size in memory; what is behind `bytes` is zero.
    pub size_bytes: u64,
    /// Kernels may write it.
    pub writable: bool,
}

/// A `__device__` or `__constant__` variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Symbol.
    pub name: String,
    /// Address in the image.
    pub address: u64,
    /// Size.
    pub size_bytes: u64,
}

/// A kernel: what the metadata and its descriptor say.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Name under which it is launched.
    pub name: String,
    /// Address of its first instruction in the image.
    pub entry: u64,
    /// Initial state, as the hardware reads it.
    pub descriptor: Descriptor,
    /// Bytes of the kernel argument segment, hidden arguments included.
    pub kernarg_bytes: u32,
    /// Alignment of that segment.
    pub kernarg_align: u32,
    /// Arguments, explicit ones first, then hidden ones.
    pub args: Vec<Argument>,
    /// Static LDS of a work-group.
    pub group_segment_bytes: u32,
    /// Scratch of a lane.
    pub private_segment_bytes: u32,
    /// The stack's size is not known to the compiler.
    pub uses_dynamic_stack: bool,
    /// Scalar registers used.
    pub num_sgprs: u32,
    /// Vector registers used, both kinds together.
    pub num_vgprs: u32,
    /// Accumulation registers used.
    pub num_agprs: u32,
    /// Scalar registers spilled.
    pub num_sgpr_spills: u32,
    /// Vector registers spilled.
    pub num_vgpr_spills: u32,
    /// Lanes of a wave: 64.
    pub wavefront_size: u32,
    /// Largest work-group that the kernel was compiled for.
    pub max_workgroup_size: u32,
}

/// A code object for gfx942.
#[derive(Clone, Debug)]
pub struct CodeObject {
    kernels: Vec<Kernel>,
    globals: Vec<Global>,
    segments: Vec<Segment>,
    text: Text,
}

/// A kernel's arguments.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// The kernel.
    pub name: String,
    /// Arguments, explicit ones first, then hidden ones.
    pub args: Vec<Argument>,
}

/// The kernels of a code object for any AMD GPU and their arguments, from its metadata alone; nothing
/// else is understood of one that is not for gfx942.
///
/// # Errors
/// It is no ELF file for AMD GPUs, or its metadata is damaged.
pub fn parameters(bytes: &[u8]) -> Result<Vec<Parameters>, CodeObjectError> {
    let file = File::parse(bytes)?;
    let machine = file.elf_header().e_machine(LittleEndian);
    if machine != elf::EM_AMDGPU {
        return Err(CodeObjectError::NotAmdgpu(format!("its machine number is {machine}")));
    }
    let kernels = metadata::read(&file)?.kernels.into_iter();
    Ok(kernels.map(|kernel| Parameters { name: kernel.name, args: kernel.args }).collect())
}

type File<'data> = ElfFile64<'data, LittleEndian>;

impl CodeObject {
    /// Reads a code object from the bytes of its file.
    ///
    /// # Errors
    /// Everything in [`CodeObjectError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CodeObjectError> {
        let file = File::parse(bytes)?;
        let metadata = metadata::read(&file);
        check_header(&file, metadata.as_ref().ok())?;
        check_relocations(&file)?;
        let kernels = metadata?
            .kernels
            .into_iter()
            .map(|kernel| read_kernel(&file, kernel))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            kernels,
            globals: read_globals(&file)?,
            segments: read_segments(&file)?,
            text: read_text(&file)?,
        })
    }

    /// The kernels, in the metadata's order.
    pub fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    /// The kernel called `name`.
    pub fn kernel(&self, name: &str) -> Option<&Kernel> {
        self.kernels.iter().find(|kernel| kernel.name == name)
    }

    /// Variables of the device.
    pub fn globals(&self) -> &[Global] {
        &self.globals
    }

    /// The variable called `name`.
    pub fn global(&self, name: &str) -> Option<&Global> {
        self.globals.iter().find(|global| global.name == name)
    }

    /// What is to be placed in memory, in address order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The code.
    pub fn text(&self) -> &Text {
        &self.text
    }
}

fn check_header(
    file: &File<'_>,
    metadata: Option<&metadata::Metadata>,
) -> Result<(), CodeObjectError> {
    let header = file.elf_header();
    let (machine, ident) = (header.e_machine(LittleEndian), header.e_ident());
    if machine != elf::EM_AMDGPU {
        return Err(CodeObjectError::NotAmdgpu(format!("its machine number is {machine}")));
    }
    if ident.os_abi != OSABI_AMDGPU_HSA {
        return Err(CodeObjectError::NotAmdgpu(format!("its OS ABI is {}", ident.os_abi)));
    }
    let mach = header.e_flags(LittleEndian) & MACH_MASK;
    if mach != MACH_GFX942 {
        let name = metadata.and_then(metadata::Metadata::processor);
        return Err(CodeObjectError::Target(
            name.unwrap_or_else(|| format!("another GPU (number {mach:#x} in e_flags)")),
        ));
    }
    if !ABI_VERSIONS.contains(&ident.abi_version) {
        return Err(CodeObjectError::Version(ident.abi_version));
    }
    Ok(())
}

fn check_relocations(file: &File<'_>) -> Result<(), CodeObjectError> {
    let num_relocations = file.dynamic_relocations().map_or(0, Iterator::count);
    if num_relocations == 0 { Ok(()) } else { Err(CodeObjectError::Relocations(num_relocations)) }
}

fn read_kernel(
    file: &File<'_>,
    metadata: metadata::KernelMetadata,
) -> Result<Kernel, CodeObjectError> {
    let error = |what: &str| CodeObjectError::Descriptor {
        kernel: metadata.name.clone(),
        what: what.to_owned(),
    };
    let symbol = file
        .dynamic_symbols()
        .chain(file.symbols())
        .find(|symbol| symbol.name() == Ok(&metadata.symbol))
        .ok_or_else(|| error(&format!("there is no symbol `{}`", metadata.symbol)))?;
    let bytes: &[u8; DESCRIPTOR_BYTES] = file
        .sections()
        .find_map(|section| section.data_range(symbol.address(), DESCRIPTOR_BYTES as u64).ok()?)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| error("it lies outside of the file's sections"))?;
    let descriptor = Descriptor::read(bytes).map_err(|what| error(&what))?;
    if metadata.wavefront_size != 64 {
        return Err(error("the wave must have 64 lanes"));
    }
    Ok(Kernel {
        entry: symbol.address().wrapping_add_signed(descriptor.entry_offset),
        descriptor,
        kernarg_bytes: metadata.kernarg_segment_size,
        kernarg_align: metadata.kernarg_segment_align,
        args: metadata.args,
        group_segment_bytes: metadata.group_segment_fixed_size,
        private_segment_bytes: metadata.private_segment_fixed_size,
        uses_dynamic_stack: metadata.uses_dynamic_stack,
        num_sgprs: metadata.sgpr_count,
        num_vgprs: metadata.vgpr_count,
        num_agprs: metadata.agpr_count,
        num_sgpr_spills: metadata.sgpr_spill_count,
        num_vgpr_spills: metadata.vgpr_spill_count,
        wavefront_size: metadata.wavefront_size,
        max_workgroup_size: metadata.max_flat_workgroup_size,
        name: metadata.name,
    })
}

fn read_globals(file: &File<'_>) -> Result<Vec<Global>, CodeObjectError> {
    let mut globals = Vec::new();
    for symbol in file.dynamic_symbols() {
        let name = symbol.name()?;
        if symbol.kind() == SymbolKind::Data && symbol.is_definition() && !name.ends_with(".kd") {
            globals.push(Global {
                name: name.to_owned(),
                address: symbol.address(),
                size_bytes: symbol.size(),
            });
        }
    }
    Ok(globals)
}

fn read_segments(file: &File<'_>) -> Result<Vec<Segment>, CodeObjectError> {
    let mut segments = Vec::new();
    for header in file.elf_program_headers() {
        if header.p_type(LittleEndian) != elf::PT_LOAD {
            continue;
        }
        let bytes = header.data(LittleEndian, file.data()).map_err(|()| {
            CodeObjectError::NotAmdgpu("a segment lies outside of the file".to_owned())
        })?;
        segments.push(Segment {
            address: header.p_vaddr(LittleEndian),
            bytes: bytes.to_vec(),
            size_bytes: header.p_memsz(LittleEndian),
            writable: header.p_flags(LittleEndian) & elf::PF_W != 0,
        });
    }
    segments.sort_by_key(|segment| segment.address);
    Ok(segments)
}

/// The one executable section; a module of variables only has none.
fn read_text(file: &File<'_>) -> Result<Text, CodeObjectError> {
    let Some(section) = file.sections().find(|section| section.kind() == SectionKind::Text) else {
        return Ok(Text { address: 0, words: Vec::new() });
    };
    let (words, rest) = section.data()?.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(CodeObjectError::NotAmdgpu("its code is not made of words".to_owned()));
    }
    let words = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
    Ok(Text { address: section.address(), words })
}
