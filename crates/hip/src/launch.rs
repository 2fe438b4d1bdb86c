//! Every kernel by name, looked up once, with the type of its parameters.

use std::collections::HashMap;
use std::sync::Arc;

use crate::element::ActivationType;
use crate::error::HipFailure;
use crate::kernels::{CODE_OBJECTS, CodeObject, embedded_archs};
use crate::params::{
    AdmitParams, AdvanceParams, ArgmaxParams, AttnDecodeParams, AttnPrefillParams,
    AttnReduceParams, EmbedParams, GatherRowsParams, GemmParams, RmsNormParams, RopeAndCacheParams,
    SampleParams, SiluMulParams, TakeLastTokensParams,
};
use crate::runtime::{Gpu, Kernel, Module};

/// Head sizes, rounded up to 32, that attention has kernels for.
pub(crate) const PADDED_HEAD_DIMS: [usize; 8] = [32, 64, 96, 128, 160, 192, 224, 256];

/// Names of the kernels that know how the KV cache stores numbers; of attention in the order of
/// [`PADDED_HEAD_DIMS`].
struct CacheNames {
    rope_and_cache: &'static str,
    attn_decode: [&'static str; PADDED_HEAD_DIMS.len()],
    attn_prefill: [&'static str; PADDED_HEAD_DIMS.len()],
}

const BF16_CACHE: CacheNames = CacheNames {
    rope_and_cache: "rope_and_cache",
    attn_decode: [
        "attn_decode_d32",
        "attn_decode_d64",
        "attn_decode_d96",
        "attn_decode_d128",
        "attn_decode_d160",
        "attn_decode_d192",
        "attn_decode_d224",
        "attn_decode_d256",
    ],
    attn_prefill: [
        "attn_prefill_d32",
        "attn_prefill_d64",
        "attn_prefill_d96",
        "attn_prefill_d128",
        "attn_prefill_d160",
        "attn_prefill_d192",
        "attn_prefill_d224",
        "attn_prefill_d256",
    ],
};
const FP8_CACHE: CacheNames = CacheNames {
    rope_and_cache: "rope_and_cache_fp8",
    attn_decode: [
        "attn_decode_fp8_d32",
        "attn_decode_fp8_d64",
        "attn_decode_fp8_d96",
        "attn_decode_fp8_d128",
        "attn_decode_fp8_d160",
        "attn_decode_fp8_d192",
        "attn_decode_fp8_d224",
        "attn_decode_fp8_d256",
    ],
    attn_prefill: [
        "attn_prefill_fp8_d32",
        "attn_prefill_fp8_d64",
        "attn_prefill_fp8_d96",
        "attn_prefill_fp8_d128",
        "attn_prefill_fp8_d160",
        "attn_prefill_fp8_d192",
        "attn_prefill_fp8_d224",
        "attn_prefill_fp8_d256",
    ],
};
const F16_CACHE: CacheNames = CacheNames {
    rope_and_cache: "rope_and_cache_f16",
    attn_decode: [
        "attn_decode_f16_d32",
        "attn_decode_f16_d64",
        "attn_decode_f16_d96",
        "attn_decode_f16_d128",
        "attn_decode_f16_d160",
        "attn_decode_f16_d192",
        "attn_decode_f16_d224",
        "attn_decode_f16_d256",
    ],
    attn_prefill: [
        "attn_prefill_f16_d32",
        "attn_prefill_f16_d64",
        "attn_prefill_f16_d96",
        "attn_prefill_f16_d128",
        "attn_prefill_f16_d160",
        "attn_prefill_f16_d192",
        "attn_prefill_f16_d224",
        "attn_prefill_f16_d256",
    ],
};

/// Names of the kernels that know the type of activations.
struct Names {
    embed: &'static str,
    rms_norm: &'static str,
    add_rms_norm: &'static str,
    gemm_skinny: [&'static str; 7],
    gemm_mid: [&'static str; 2],
    gemm_big: [&'static str; 3],
    attn_reduce: &'static str,
    silu_mul: &'static str,
    plain_cache: CacheNames,
    /// f16 has none.
    fp8_cache: Option<CacheNames>,
}

const BF16: Names = Names {
    embed: "embed_fragments",
    rms_norm: "rms_norm",
    add_rms_norm: "add_rms_norm",
    gemm_skinny: [
        "gemm_skinny_bf16_1x1",
        "gemm_skinny_bf16_1x2",
        "gemm_skinny_bf16_1x4",
        "gemm_skinny_bf16_2x2",
        "gemm_skinny_bf16_2x4",
        "gemm_skinny_bf16_4x1",
        "gemm_skinny_bf16_4x2",
    ],
    gemm_mid: ["gemm_mid_bf16_4x2", "gemm_mid_bf16_4x4"],
    gemm_big: ["gemm_big_bf16_64", "gemm_big_bf16_128", "gemm_big_bf16_256"],
    attn_reduce: "attn_reduce",
    silu_mul: "silu_mul",
    plain_cache: BF16_CACHE,
    fp8_cache: Some(FP8_CACHE),
};

const F16: Names = Names {
    embed: "embed_fragments_f16",
    rms_norm: "rms_norm_f16",
    add_rms_norm: "add_rms_norm_f16",
    gemm_skinny: [
        "gemm_skinny_f16_1x1",
        "gemm_skinny_f16_1x2",
        "gemm_skinny_f16_1x4",
        "gemm_skinny_f16_2x2",
        "gemm_skinny_f16_2x4",
        "gemm_skinny_f16_4x1",
        "gemm_skinny_f16_4x2",
    ],
    gemm_mid: ["gemm_mid_f16_4x2", "gemm_mid_f16_4x4"],
    gemm_big: ["gemm_big_f16_64", "gemm_big_f16_128", "gemm_big_f16_256"],
    attn_reduce: "attn_reduce_f16",
    silu_mul: "silu_mul_f16",
    plain_cache: F16_CACHE,
    fp8_cache: None,
};

/// The kernels that know how the KV cache stores numbers.
pub(crate) struct CacheKernels {
    pub(crate) rope_and_cache: Kernel<RopeAndCacheParams>,
    pub(crate) attn_decode: [Kernel<AttnDecodeParams>; PADDED_HEAD_DIMS.len()],
    pub(crate) attn_prefill: [Kernel<AttnPrefillParams>; PADDED_HEAD_DIMS.len()],
}

/// The kernels that the layer operations launch.
pub(crate) struct Kernels {
    pub(crate) advance: Kernel<AdvanceParams>,
    pub(crate) take_last_tokens: Kernel<TakeLastTokensParams>,
    pub(crate) embed: Kernel<EmbedParams>,
    pub(crate) rms_norm: Kernel<RmsNormParams>,
    pub(crate) add_rms_norm: Kernel<RmsNormParams>,
    /// By row tiles and column tiles of 16: 1x1, 1x2, 1x4, 2x2, 2x4, 4x1, 4x2.
    pub(crate) gemm_skinny: [Kernel<GemmParams>; 7],
    /// By row tiles and column tiles of 16: 4x2, 4x4.
    pub(crate) gemm_mid: [Kernel<GemmParams>; 2],
    /// By rows of a tile: 64, 128, 256.
    pub(crate) gemm_big: [Kernel<GemmParams>; 3],
    plain_cache: CacheKernels,
    fp8_cache: Option<CacheKernels>,
    pub(crate) attn_reduce: Kernel<AttnReduceParams>,
    pub(crate) silu_mul: Kernel<SiluMulParams>,
    pub(crate) gather_rows: Kernel<GatherRowsParams>,
    pub(crate) admit: Kernel<AdmitParams>,
    pub(crate) argmax_final: Kernel<ArgmaxParams>,
    pub(crate) sample: Kernel<SampleParams>,
}

/// Modules are loaded when a kernel of theirs is asked for.
struct Loader<'a> {
    gpu: &'a Gpu,
    arch: &'a str,
    modules: HashMap<&'static str, Arc<Module>>,
}

impl Loader<'_> {
    fn find<P: bytemuck::Pod>(&mut self, name: &'static str) -> Result<Kernel<P>, HipFailure> {
        let (object, params_bytes) = embedded(self.arch, name).ok_or_else(|| {
            let reason = format!("is not among the kernels for {}", self.arch);
            HipFailure::Kernel { kernel: name.to_owned(), reason }
        })?;
        let module = match self.modules.get(object.file) {
            Some(module) => Arc::clone(module),
            None => {
                let module = self.gpu.module(&object.image.bytes)?;
                self.modules.insert(object.file, Arc::clone(&module));
                module
            }
        };
        Kernel::find(&module, name, params_bytes)
    }

    fn find_all<P: bytemuck::Pod, const N: usize>(
        &mut self,
        names: [&'static str; N],
    ) -> Result<[Kernel<P>; N], HipFailure> {
        let found = names.into_iter().map(|name| self.find(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(found.try_into().unwrap_or_else(|_| unreachable!("as many as names")))
    }
}

impl Loader<'_> {
    fn find_cache(&mut self, names: &CacheNames) -> Result<CacheKernels, HipFailure> {
        Ok(CacheKernels {
            rope_and_cache: self.find(names.rope_and_cache)?,
            attn_decode: self.find_all(names.attn_decode)?,
            attn_prefill: self.find_all(names.attn_prefill)?,
        })
    }
}

/// The code object of a kernel, and the bytes of its parameters.
fn embedded(arch: &str, kernel: &str) -> Option<(&'static CodeObject, usize)> {
    CODE_OBJECTS.iter().filter(|object| object.arch == arch).find_map(|object| {
        let found = object.kernels.iter().find(|(name, _)| *name == kernel)?;
        Some((object, found.1))
    })
}

/// Kernels for a cache of FP8, where the architecture has any (`kernels/kv_layout.h`).
fn served_fp8(names: &'static Names, arch: &str) -> Option<&'static CacheNames> {
    names.fp8_cache.as_ref().filter(|it| embedded(arch, it.rope_and_cache).is_some())
}

impl Kernels {
    /// Those for a cache of FP8, or of the activations' type. A cache that there are none for is
    /// refused when it is allocated.
    pub(crate) fn cache(&self, is_fp8: bool) -> &CacheKernels {
        let fp8 = self.fp8_cache.as_ref().filter(|_| is_fp8);
        fp8.unwrap_or(&self.plain_cache)
    }

    /// Whether there are kernels for a cache of FP8.
    pub(crate) fn has_fp8_cache(&self) -> bool {
        self.fp8_cache.is_some()
    }

    /// Looks every kernel up for the device's architecture and the type of activations.
    pub(crate) fn load(
        gpu: &Gpu,
        arch: &str,
        activations: ActivationType,
    ) -> Result<Self, HipFailure> {
        let archs = embedded_archs();
        if !archs.contains(&arch) {
            let have = if archs.is_empty() { "none".to_owned() } else { archs.join(", ") };
            return Err(HipFailure::NoKernels { index: gpu.index(), arch: arch.to_owned(), have });
        }
        let names = match activations {
            ActivationType::Bf16 => &BF16,
            ActivationType::F16 => &F16,
        };
        let mut loader = Loader { gpu, arch, modules: HashMap::new() };
        Ok(Self {
            advance: loader.find("advance")?,
            take_last_tokens: loader.find("take_last_tokens")?,
            embed: loader.find(names.embed)?,
            rms_norm: loader.find(names.rms_norm)?,
            add_rms_norm: loader.find(names.add_rms_norm)?,
            gemm_skinny: loader.find_all(names.gemm_skinny)?,
            gemm_mid: loader.find_all(names.gemm_mid)?,
            gemm_big: loader.find_all(names.gemm_big)?,
            plain_cache: loader.find_cache(&names.plain_cache)?,
            fp8_cache: served_fp8(names, arch).map(|it| loader.find_cache(it)).transpose()?,
            attn_reduce: loader.find(names.attn_reduce)?,
            silu_mul: loader.find(names.silu_mul)?,
            gather_rows: loader.find("gather_rows")?,
            admit: loader.find("admit")?,
            argmax_final: loader.find("argmax_final")?,
            sample: loader.find("sample")?,
        })
    }
}
