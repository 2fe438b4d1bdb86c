//! How far loading has come, reported by the loader and shown by `/startupz` and the terminal.

/// The stages from process start to readiness, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoadPhase {
    /// Finding the model: a path or the hub's answer.
    Resolving,
    /// Fetching files from the hub.
    Downloading,
    /// Opening the files, reading configuration and headers, and planning memory.
    Inspecting,
    /// Building the tokenizer and the chat template.
    LoadingTokenizer,
    /// Reading weights from the files. Alternates with uploading.
    LoadingWeights,
    /// Bringing weights into the device's layout and memory.
    UploadingWeights,
    /// Allocating workspace, buffers and the KV cache.
    AllocatingKvCache,
    /// Running the first step.
    WarmingUp,
    /// Serving.
    Ready,
}

impl LoadPhase {
    /// The phase's name on the wire and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolving => "resolving",
            Self::Downloading => "downloading",
            Self::Inspecting => "inspecting",
            Self::LoadingTokenizer => "loading_tokenizer",
            Self::LoadingWeights => "loading_weights",
            Self::UploadingWeights => "uploading_weights",
            Self::AllocatingKvCache => "allocating_kv_cache",
            Self::WarmingUp => "warming_up",
            Self::Ready => "ready",
        }
    }
}

/// A point in loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadProgress {
    /// The current stage.
    pub phase: LoadPhase,
    /// Bytes done in this stage; 0 where bytes mean nothing.
    pub done_bytes: u64,
    /// Bytes of this stage in all; 0 if unknown.
    pub total_bytes: u64,
}

impl LoadProgress {
    /// The beginning of a stage that counts no bytes.
    pub fn entering(phase: LoadPhase) -> Self {
        Self { phase, done_bytes: 0, total_bytes: 0 }
    }
}
