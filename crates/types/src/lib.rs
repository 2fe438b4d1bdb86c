//! The words every crate shares: identifiers, sampling parameters, requests and one step's data.
//!
//! Owns no logic beyond what keeps a value valid. Depends on nothing of ours; everything may
//! depend on it.
#![forbid(unsafe_code)]

mod ids;
mod progress;
mod request;
mod sampling;
mod step;
mod step_counts;

pub use ids::{BlockId, CacheSalt, NO_TOKEN, RequestId, SamplerSlot, TokenId};
pub use progress::{LoadPhase, LoadProgress};
pub use request::{EngineRequest, FinishReason, StopConditions, StopReason};
pub use sampling::{GREEDY_EPSILON, Sampled, SamplingParams, TokenLogprobs};
pub use step::{AdmittedSeq, DeferredToken, SampleRow, StepInput};
pub use step_counts::StepCounts;
