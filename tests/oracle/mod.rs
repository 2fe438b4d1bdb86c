//! An independent forward pass to compare the server's with: every weight dequantised to f32, every
//! position computed anew, no cache, no fused operation.
//!
//! Shares nothing with the decoder or the CPU backend but the reading of files ([`ModelFiles`]).
//! Never made faster at the price of being less obvious. Used by the tests of the root package.

mod attention;
pub(crate) mod dequantize;
mod rope;

use std::path::Path;

use backend::TensorShape;
use dequantize::dequantize_row;
use model::{LayerTensor, ModelFiles, TensorRole};

/// One vector per token.
type Rows = Vec<Vec<f32>>;

/// A model and the plainest way to run it.
pub(crate) struct Oracle {
    files: ModelFiles,
}

impl Oracle {
    /// Opens a model folder or a GGUF file. Panics with the loader's message if it cannot.
    pub(crate) fn open(path: &Path) -> Self {
        match ModelFiles::open(path) {
            Ok(files) => Self { files },
            Err(error) => panic!("the oracle cannot open the model: {error}"),
        }
    }

    /// `[tokens.len()][vocab_size]` logits, one row per position.
    pub(crate) fn logits(&self, tokens: &[u32]) -> Vec<Vec<f32>> {
        let spec = &self.files.spec;
        let embedding = self.matrix(TensorRole::Embedding);
        let mut hidden: Rows = tokens.iter().map(|&id| embedding.row(id as usize)).collect();
        for idx in 0..spec.num_layers {
            self.add_attention(idx, &mut hidden);
            self.add_mlp(idx, &mut hidden);
        }
        let normed = self.norm(TensorRole::FinalNorm, &hidden);
        if spec.tie_word_embeddings {
            embedding.apply(&normed)
        } else {
            self.matrix(TensorRole::LmHead).apply(&normed)
        }
    }

    fn add_attention(&self, idx: usize, hidden: &mut Rows) {
        let spec = &self.files.spec;
        let role = |tensor| TensorRole::Layer { idx, tensor };
        let normed = self.norm(role(LayerTensor::AttnNorm), hidden);
        let project = |tensor, bias, head_norm: Option<LayerTensor>| {
            let mut rows = self.matrix(role(tensor)).apply(&normed);
            if spec.attention_bias {
                let bias = self.vector(role(bias));
                rows.iter_mut().for_each(|row| add(row, &bias));
            }
            if let Some(head_norm) = head_norm.filter(|_| spec.qk_norm) {
                let weight = self.vector(role(head_norm));
                for head in rows.iter_mut().flat_map(|row| row.chunks_mut(spec.head_dim)) {
                    head.copy_from_slice(&rms_norm(head, &weight, spec.norm_eps));
                }
            }
            rows
        };
        let mut q = project(LayerTensor::Q, LayerTensor::QBias, Some(LayerTensor::QNorm));
        let mut k = project(LayerTensor::K, LayerTensor::KBias, Some(LayerTensor::KNorm));
        let v = project(LayerTensor::V, LayerTensor::VBias, None);
        rope::rotate(&mut q, spec.head_dim, &spec.rope);
        rope::rotate(&mut k, spec.head_dim, &spec.rope);
        let mixed = attention::causal(&q, &k, &v, spec.head_dim, spec.window(idx));
        let delta = self.matrix(role(LayerTensor::O)).apply(&mixed);
        hidden.iter_mut().zip(&delta).for_each(|(row, delta)| add(row, delta));
    }

    fn add_mlp(&self, idx: usize, hidden: &mut Rows) {
        let role = |tensor| TensorRole::Layer { idx, tensor };
        let normed = self.norm(role(LayerTensor::FfnNorm), hidden);
        let mut gate = self.matrix(role(LayerTensor::Gate)).apply(&normed);
        let up = self.matrix(role(LayerTensor::Up)).apply(&normed);
        for (gate, up) in gate.iter_mut().flatten().zip(up.iter().flatten()) {
            *gate = *gate / (1.0 + (-*gate).exp()) * up;
        }
        let delta = self.matrix(role(LayerTensor::Down)).apply(&gate);
        hidden.iter_mut().zip(&delta).for_each(|(row, delta)| add(row, delta));
    }

    fn norm(&self, role: TensorRole, rows: &Rows) -> Rows {
        let weight = self.vector(role);
        rows.iter().map(|row| rms_norm(row, &weight, self.files.spec.norm_eps)).collect()
    }

    fn matrix(&self, role: TensorRole) -> Matrix {
        let name = self.files.name(role);
        let shape = self.files.shape(role).unwrap_or_else(|error| panic!("{name}: {error}"));
        let bytes = self.files.load(role).unwrap_or_else(|error| panic!("{name}: {error}"));
        Matrix { shape, bytes }
    }

    fn vector(&self, role: TensorRole) -> Vec<f32> {
        self.matrix(role).row(0)
    }
}

/// A weight as stored.
struct Matrix {
    shape: TensorShape,
    bytes: Vec<u8>,
}

impl Matrix {
    fn row(&self, row: usize) -> Vec<f32> {
        let row_bytes = self.bytes.len() / self.shape.rows;
        dequantize_row(self.shape.dtype, &self.bytes[row * row_bytes..(row + 1) * row_bytes])
    }

    /// `x * self^T`; each weight row is dequantised once.
    fn apply(&self, x: &Rows) -> Rows {
        let mut out = vec![Vec::with_capacity(self.shape.rows); x.len()];
        for row in 0..self.shape.rows {
            let weights = self.row(row);
            for (out, x) in out.iter_mut().zip(x) {
                out.push(dot(&weights, x));
            }
        }
        out
    }
}

fn add(row: &mut [f32], delta: &[f32]) {
    row.iter_mut().zip(delta).for_each(|(value, delta)| *value += delta);
}

/// RMSNorm, arXiv 1910.07467.
fn rms_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let mean_square = x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / x.len() as f64;
    let scale = (1.0 / (mean_square + f64::from(eps)).sqrt()) as f32;
    x.iter().zip(weight).map(|(value, weight)| value * scale * weight).collect()
}

/// Dot product in sixteen interleaved sums: as exact as one sum, and the compiler can keep up.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "a weight's columns are its input's width");
    const LANES: usize = 16;
    let mut sums = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    let tail: f32 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + tail
}
