//! The metadata note: MessagePack, key names as in LLVM's "Code Object V5 Metadata".

use object::LittleEndian;
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use serde::Deserialize;

use super::{CodeObjectError, File};

/// Owner and type of the note (`NT_AMDGPU_METADATA`).
const NOTE_NAME: &[u8] = b"AMDGPU";
const NOTE_TYPE: u32 = 32;

#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    #[serde(rename = "amdhsa.target")]
    target: Option<String>,
    #[serde(rename = "amdhsa.kernels", default)]
    pub(super) kernels: Vec<KernelMetadata>,
}

impl Metadata {
    /// The GPU's name without features: `gfx942` of `amdgcn-amd-amdhsa--gfx942:sramecc+`.
    pub(super) fn processor(&self) -> Option<String> {
        let name = self.target.as_ref()?.rsplit('-').next()?;
        name.split(':').next().map(ToOwned::to_owned)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct KernelMetadata {
    #[serde(rename = ".name")]
    pub(super) name: String,
    #[serde(rename = ".symbol")]
    pub(super) symbol: String,
    #[serde(rename = ".kernarg_segment_size")]
    pub(super) kernarg_segment_size: u32,
    #[serde(rename = ".kernarg_segment_align")]
    pub(super) kernarg_segment_align: u32,
    #[serde(rename = ".group_segment_fixed_size")]
    pub(super) group_segment_fixed_size: u32,
    #[serde(rename = ".private_segment_fixed_size")]
    pub(super) private_segment_fixed_size: u32,
    #[serde(rename = ".uses_dynamic_stack", default)]
    pub(super) uses_dynamic_stack: bool,
    #[serde(rename = ".wavefront_size")]
    pub(super) wavefront_size: u32,
    #[serde(rename = ".sgpr_count")]
    pub(super) sgpr_count: u32,
    #[serde(rename = ".vgpr_count")]
    pub(super) vgpr_count: u32,
    #[serde(rename = ".agpr_count", default)]
    pub(super) agpr_count: u32,
    #[serde(rename = ".sgpr_spill_count", default)]
    pub(super) sgpr_spill_count: u32,
    #[serde(rename = ".vgpr_spill_count", default)]
    pub(super) vgpr_spill_count: u32,
    #[serde(rename = ".max_flat_workgroup_size")]
    pub(super) max_flat_workgroup_size: u32,
    #[serde(rename = ".args", default)]
    pub(super) args: Vec<Argument>,
}

/// An argument of a kernel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Argument {
    /// Name in the source, if the compiler kept it.
    #[serde(rename = ".name", default)]
    pub name: Option<String>,
    /// Where it lies in the argument segment.
    #[serde(rename = ".offset")]
    pub offset_bytes: u32,
    /// Its size.
    #[serde(rename = ".size")]
    pub size_bytes: u32,
    /// What it is.
    #[serde(rename = ".value_kind")]
    pub kind: ArgumentKind,
}

/// What a kernel argument is; the hidden ones are filled in by the runtime.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentKind {
    /// A value, copied.
    ByValue,
    /// An address in global memory.
    GlobalBuffer,
    /// An offset in dynamic LDS.
    DynamicSharedPointer,
    /// Work-groups of the grid in x.
    HiddenBlockCountX,
    /// Work-groups of the grid in y.
    HiddenBlockCountY,
    /// Work-groups of the grid in z.
    HiddenBlockCountZ,
    /// Work-items of a work-group in x.
    HiddenGroupSizeX,
    /// Work-items of a work-group in y.
    HiddenGroupSizeY,
    /// Work-items of a work-group in z.
    HiddenGroupSizeZ,
    /// Work-items of the last, partial work-group in x; 0 if there is none.
    HiddenRemainderX,
    /// The same in y.
    HiddenRemainderY,
    /// The same in z.
    HiddenRemainderZ,
    /// Offset of the grid in x.
    HiddenGlobalOffsetX,
    /// Offset of the grid in y.
    HiddenGlobalOffsetY,
    /// Offset of the grid in z.
    HiddenGlobalOffsetZ,
    /// Dimensions of the grid.
    HiddenGridDims,
    /// Bytes of dynamic LDS.
    HiddenDynamicLdsSize,
    /// High half of the scratch aperture's address.
    HiddenPrivateBase,
    /// High half of the LDS aperture's address.
    HiddenSharedBase,
    /// Any other, by name: services of a host, which do not exist here.
    #[serde(untagged)]
    Other(String),
}

/// Finds and reads the note.
pub(super) fn read(file: &File<'_>) -> Result<Metadata, CodeObjectError> {
    let error = |what: String| CodeObjectError::Metadata(what);
    let headers = file
        .elf_header()
        .program_headers(LittleEndian, file.data())
        .map_err(CodeObjectError::Elf)?;
    for header in headers {
        let Some(mut notes) = header.notes(LittleEndian, file.data())? else {
            continue;
        };
        while let Some(note) = notes.next()? {
            if note.name() == NOTE_NAME && note.n_type(LittleEndian) == NOTE_TYPE {
                return rmp_serde::from_slice(note.desc())
                    .map_err(|cause| error(cause.to_string()));
            }
        }
    }
    Err(error("there is none".to_owned()))
}
