//! A model on a device as the engine sees it: [`Executor`] over the decoder.

use backend::{DeviceError, KvDType, LayerOps, StepEnd, StepRun};
use engine::{ExecError, Executor, ExecutorLimits};
use thiserror::Error;
use types::{
    AdmittedSeq, LoadPhase, LoadProgress, SampleRow, Sampled, SamplerSlot, SamplingParams,
    StepCounts, StepInput, TokenId,
};

use crate::decoder::Decoder;
use crate::plan::MemoryPlan;
use crate::weights::{Meter, Uploader, WeightError, Weights};
use crate::{ModelFiles, TensorRole};

/// Prompt length of the warm-up step, if the limits allow that many.
const WARM_UP_TOKENS: usize = 32;

/// Why a model could not be brought onto a device.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Reading or uploading a weight failed.
    #[error(transparent)]
    Weight(#[from] WeightError),
    /// The device refused a buffer, the KV cache or the warm-up step.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

/// Runs a decoder's steps on a device.
pub struct ModelExecutor<D: LayerOps> {
    device: D,
    decoder: Decoder<D>,
    limits: ExecutorLimits,
}

impl<D: LayerOps> ModelExecutor<D> {
    /// Loads the weights and allocates everything that `plan` lists; nothing is allocated later.
    pub fn load(
        mut device: D,
        files: &ModelFiles,
        plan: &MemoryPlan,
        progress: &dyn Fn(LoadProgress),
    ) -> Result<Self, LoadError> {
        let spec = files.spec.clone();
        let limits = ExecutorLimits { max_in_flight: device.max_steps_in_flight(), ..plan.limits };
        let meter = Meter::new(progress, file_bytes(files)?);
        let mut uploader = Uploader { files, device: &mut device, meter };
        let weights = Weights::build(&spec, &mut uploader)?;
        progress(LoadProgress::entering(LoadPhase::AllocatingKvCache));
        device.set_rope(spec.rope.table(limits.max_model_len))?;
        device.reserve_workspace(&plan.step_limits(&spec))?;
        let kv_scales = match plan.kv_layout.dtype {
            KvDType::Fp8 => files.kv_scales().map_err(WeightError::from)?,
            _ => Vec::new(),
        };
        let decoder = Decoder::new(
            &mut device,
            spec,
            weights,
            limits.max_num_batched_tokens,
            limits.max_num_seqs,
            &plan.kv_layout,
            &kv_scales,
        )?;
        Ok(Self { device, decoder, limits })
    }

    /// The device, for messages.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// Runs one prefill and one decode step so that the first request pays for nothing. Must be
    /// called before the engine owns the cache: it writes to the first blocks.
    pub fn warm_up(&mut self, progress: &dyn Fn(LoadProgress)) -> Result<(), LoadError> {
        progress(LoadProgress::entering(LoadPhase::WarmingUp));
        let num_tokens = WARM_UP_TOKENS
            .min(self.limits.max_num_batched_tokens)
            .min(self.limits.max_model_len.saturating_sub(1))
            .max(1);
        let tokens = vec![0; num_tokens];
        let mut sampled = Vec::new();
        for (tokens, start) in
            [(&tokens[..], 0), (&tokens[..1], num_tokens.min(self.limits.max_model_len - 1))]
        {
            self.run(&self.single_sequence(tokens, start))?;
            self.device.collect(&mut sampled)?;
        }
        Ok(())
    }

    /// Logits of one step as `[num_logits][vocab]`, for tests against other implementations.
    /// Nothing is sampled.
    pub fn logits(&mut self, input: &StepInput) -> Result<Vec<Vec<f32>>, DeviceError> {
        let input = StepInput { sample: Vec::new(), ..input.clone() };
        let rows = match self.device.begin_step(&input)? {
            StepRun::Compute(rows) => rows,
            StepRun::Replay => unreachable!("a step without sampling rows is computed"),
        };
        let logits = self.decoder.forward(&mut self.device, rows)?;
        (0..input.logits_indices.len()).map(|row| self.device.read_row(logits, row)).collect()
    }

    fn run(&mut self, input: &StepInput) -> Result<(), DeviceError> {
        while self.run_once(input)? == StepEnd::Again {}
        Ok(())
    }

    fn run_once(&mut self, input: &StepInput) -> Result<StepEnd, DeviceError> {
        if let StepRun::Compute(rows) = self.device.begin_step(input)? {
            let logits = self.decoder.forward(&mut self.device, rows)?;
            if !input.sample.is_empty() {
                self.device.sample(logits)?;
            }
        }
        self.device.finish_step()
    }

    /// A step of one greedy sequence in the first blocks, `tokens` at positions from `start` on.
    fn single_sequence(&self, tokens: &[TokenId], start: usize) -> StepInput {
        let end = start + tokens.len();
        let positions = start as u32..end as u32;
        StepInput {
            token_ids: tokens.to_vec(),
            positions: positions.clone().collect(),
            slot_mapping: positions.collect(),
            query_start_loc: vec![0, tokens.len() as u32],
            seq_lens: vec![end as u32],
            block_tables: (0..end.div_ceil(self.limits.block_size) as u32).collect(),
            block_table_start: vec![0, end.div_ceil(self.limits.block_size) as u32],
            logits_indices: vec![tokens.len() as u32 - 1],
            sample: vec![SampleRow { slot: SamplerSlot(0), num_output: 0 }],
            admitted: vec![AdmittedSeq {
                slot: SamplerSlot(0),
                params: SamplingParams::greedy().into(),
                tokens: Vec::new(),
                num_prompt: 0,
            }],
            deferred: Vec::new(),
        }
    }
}

impl<D: LayerOps> Executor for ModelExecutor<D> {
    fn limits(&self) -> ExecutorLimits {
        self.limits
    }

    fn launch(&mut self, input: &StepInput) -> Result<(), ExecError> {
        self.run(input).map_err(exec_error)
    }

    fn collect(&mut self, sampled: &mut Vec<Sampled>) -> Result<(), ExecError> {
        self.device.collect(sampled).map_err(exec_error)
    }

    fn step_counts(&self) -> StepCounts {
        self.device.step_counts()
    }
}

fn exec_error(error: DeviceError) -> ExecError {
    match error {
        DeviceError::Lost { .. } | DeviceError::OutOfMemory { .. } => {
            ExecError::Fatal(error.to_string())
        }
        DeviceError::Failed { .. } | DeviceError::Unsupported { .. } => {
            ExecError::Step(error.to_string())
        }
    }
}

/// Bytes of all weights in the files, for progress.
fn file_bytes(files: &ModelFiles) -> Result<u64, WeightError> {
    let bytes = |role: TensorRole| -> Result<u64, WeightError> {
        let shape = files.shape(role)?;
        Ok((shape.row_bytes() * shape.rows) as u64)
    };
    files.spec.roles().map(bytes).sum()
}
