//! Every kernel by name, looked up once, with the type of its parameters.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::HipFailure;
use crate::kernels::{CODE_OBJECTS, CodeObject, embedded_archs};
use crate::params::{
    AdmitParams, AdvanceParams, ArgmaxParams, AttnDecodeParams, AttnPrefillParams,
    AttnReduceParams, EmbedParams, GatherRowsParams, GemmParams, RmsNormParams, RopeAndCacheParams,
    SampleParams, SiluMulParams, TakeLastTokensParams,
};
use crate::runtime::{Gpu, Kernel, Module};

/// Head sizes, rounded up to 32, that attention has kernels for.
pub(crate) const PADDED_HEAD_DIMS: [usize; 7] = [32, 64, 96, 128, 160, 192, 256];

/// Names of the kernels that know how the KV cache stores numbers; of attention in the order of
/// [`PADDED_HEAD_DIMS`].
struct CacheNames {
    rope_and_cache: &'static str,
    attn_decode: [&'static str; 7],
    attn_prefill: [&'static str; 7],
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
        "attn_decode_d256",
    ],
    attn_prefill: [
        "attn_prefill_d32",
        "attn_prefill_d64",
        "attn_prefill_d96",
        "attn_prefill_d128",
        "attn_prefill_d160",
        "attn_prefill_d192",
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
        "attn_decode_fp8_d256",
    ],
    attn_prefill: [
        "attn_prefill_fp8_d32",
        "attn_prefill_fp8_d64",
        "attn_prefill_fp8_d96",
        "attn_prefill_fp8_d128",
        "attn_prefill_fp8_d160",
        "attn_prefill_fp8_d192",
        "attn_prefill_fp8_d256",
    ],
};

/// The kernels that know how the KV cache stores numbers.
pub(crate) struct CacheKernels {
    pub(crate) rope_and_cache: Kernel<RopeAndCacheParams>,
    pub(crate) attn_decode: [Kernel<AttnDecodeParams>; 7],
    pub(crate) attn_prefill: [Kernel<AttnPrefillParams>; 7],
}

/// The kernels that the layer operations launch.
pub(crate) struct Kernels {
    pub(crate) advance: Kernel<AdvanceParams>,
    pub(crate) take_last_tokens: Kernel<TakeLastTokensParams>,
    pub(crate) embed: Kernel<EmbedParams>,
    pub(crate) rms_norm: Kernel<RmsNormParams>,
    pub(crate) add_rms_norm: Kernel<RmsNormParams>,
    /// By row tiles and column tiles of 16: 1x1, 1x2, 2x2, 4x1.
    pub(crate) gemm_skinny: [Kernel<GemmParams>; 4],
    /// By rows of a tile: 64, 128, 256.
    pub(crate) gemm_big: [Kernel<GemmParams>; 3],
    bf16_cache: CacheKernels,
    fp8_cache: CacheKernels,
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

impl Kernels {
    /// Those for a cache of FP8, or of bf16.
    pub(crate) fn cache(&self, is_fp8: bool) -> &CacheKernels {
        if is_fp8 { &self.fp8_cache } else { &self.bf16_cache }
    }

    /// Looks every kernel up for the device's architecture.
    pub(crate) fn load(gpu: &Gpu, arch: &str) -> Result<Self, HipFailure> {
        let archs = embedded_archs();
        if !archs.contains(&arch) {
            let have = if archs.is_empty() { "none".to_owned() } else { archs.join(", ") };
            return Err(HipFailure::NoKernels { index: gpu.index(), arch: arch.to_owned(), have });
        }
        let mut loader = Loader { gpu, arch, modules: HashMap::new() };
        Ok(Self {
            advance: loader.find("advance")?,
            take_last_tokens: loader.find("take_last_tokens")?,
            embed: loader.find("embed_fragments")?,
            rms_norm: loader.find("rms_norm")?,
            add_rms_norm: loader.find("add_rms_norm")?,
            gemm_skinny: loader.find_all([
                "gemm_skinny_bf16_1x1",
                "gemm_skinny_bf16_1x2",
                "gemm_skinny_bf16_2x2",
                "gemm_skinny_bf16_4x1",
            ])?,
            gemm_big: loader.find_all([
                "gemm_big_bf16_64",
                "gemm_big_bf16_128",
                "gemm_big_bf16_256",
            ])?,
            bf16_cache: loader.find_cache(&BF16_CACHE)?,
            fp8_cache: loader.find_cache(&FP8_CACHE)?,
            attn_reduce: loader.find("attn_reduce")?,
            silu_mul: loader.find("silu_mul")?,
            gather_rows: loader.find("gather_rows")?,
            admit: loader.find("admit")?,
            argmax_final: loader.find("argmax_final")?,
            sample: loader.find("sample")?,
        })
    }
}
