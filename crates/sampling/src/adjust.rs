//! Steps that change logits before anything is chosen: allowed tokens, `min_tokens`, bias and
//! penalties, applied in that order. Tokens outside the vocabulary are passed over.

use types::{SamplingParams, TokenId};

/// Counts how often a token was seen; see [`SeenTokens`].
const IN_PROMPT: u16 = 1 << 15;
const MAX_COUNT: u16 = IN_PROMPT - 1;
/// Tokens looked at together when most are unseen.
const SCAN_CHUNK: usize = 32;

/// What a sequence has seen so far, two bytes per vocabulary entry: bit 15 says that the token is
/// in the prompt, the rest counts output occurrences up to 32,767.
#[derive(Clone, Debug)]
pub(crate) struct SeenTokens {
    marks: Vec<u16>,
    any: bool,
}

impl SeenTokens {
    pub(crate) fn new(vocab_size: usize) -> Self {
        Self { marks: vec![0; vocab_size], any: false }
    }

    pub(crate) fn allocated_bytes(&self) -> usize {
        self.marks.capacity() * size_of::<u16>()
    }

    /// Forgets everything, touching memory only if something was seen.
    pub(crate) fn clear(&mut self) {
        if self.any {
            self.marks.fill(0);
            self.any = false;
        }
    }

    pub(crate) fn add_prompt(&mut self, token: TokenId) {
        if let Some(mark) = self.marks.get_mut(token as usize) {
            *mark |= IN_PROMPT;
            self.any = true;
        }
    }

    pub(crate) fn add_output(&mut self, token: TokenId) {
        if let Some(mark) = self.marks.get_mut(token as usize)
            && *mark & MAX_COUNT < MAX_COUNT
        {
            *mark += 1;
            self.any = true;
        }
    }

    /// Repetition penalty on everything seen, frequency and presence penalties on the output, as
    /// in vLLM's `apply_penalties`; the latter two after OpenAI's definition.
    fn penalize(&self, params: &SamplingParams, logits: &mut [f32]) {
        if !self.any {
            return;
        }
        let chunks = logits.chunks_mut(SCAN_CHUNK).zip(self.marks.chunks(SCAN_CHUNK));
        for (logits, marks) in chunks {
            if marks.iter().fold(0, |all, mark| all | mark) == 0 {
                continue;
            }
            for (logit, &mark) in logits.iter_mut().zip(marks) {
                if mark != 0 {
                    *logit = penalized(*logit, mark & MAX_COUNT, params);
                }
            }
        }
    }
}

fn penalized(logit: f32, num_output: u16, params: &SamplingParams) -> f32 {
    let repetition = params.repetition_penalty;
    let repeated = if logit > 0.0 { logit / repetition } else { logit * repetition };
    if num_output == 0 {
        return repeated;
    }
    repeated - params.frequency_penalty * f32::from(num_output) - params.presence_penalty
}

/// True when [`apply`] would change anything.
pub(crate) fn is_needed(params: &SamplingParams, num_output: u32) -> bool {
    params.allowed_token_ids.is_some()
        || (num_output < params.min_tokens && !params.stop_token_ids.is_empty())
        || !params.logit_bias.is_empty()
        || params.has_penalties()
}

/// Applies all adjustments. `logits` must hold no NaN and no plus infinity; nor do they afterwards,
/// whatever the numbers in `params`.
pub(crate) fn apply(
    params: &SamplingParams,
    seen: &SeenTokens,
    num_output: u32,
    logits: &mut [f32],
) {
    if let Some(allowed) = &params.allowed_token_ids {
        keep_only(allowed, logits);
    }
    if num_output < params.min_tokens {
        for &token in &params.stop_token_ids {
            if let Some(logit) = logits.get_mut(token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
    }
    for &(token, bias) in &params.logit_bias {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit += bias;
        }
    }
    if params.has_penalties() {
        seen.penalize(params, logits);
    }
    crate::scan::sanitize(logits);
}

/// Makes every token impossible that is not in the sorted list.
fn keep_only(allowed: &[TokenId], logits: &mut [f32]) {
    let mut next = 0;
    for &token in allowed {
        let at = (token as usize).min(logits.len());
        logits[next.min(at)..at].fill(f32::NEG_INFINITY);
        next = at + 1;
    }
    let next = next.min(logits.len());
    logits[next..].fill(f32::NEG_INFINITY);
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: f32 = f32::NEG_INFINITY;

    fn check(params: SamplingParams, seen: &SeenTokens, num_output: u32, expect: [f32; 5]) {
        let mut logits = [2.0, -1.0, 0.0, 4.0, -3.0];
        apply(&params, seen, num_output, &mut logits);
        assert_eq!(logits, expect, "{params:?}");
        let changed = expect != [2.0, -1.0, 0.0, 4.0, -3.0];
        assert!(is_needed(&params, num_output) || !changed);
    }

    fn seen() -> SeenTokens {
        let mut seen = SeenTokens::new(5);
        seen.add_prompt(0);
        seen.add_prompt(1);
        seen.add_output(1);
        seen.add_output(3);
        seen.add_output(3);
        seen.add_prompt(77);
        seen.add_output(77);
        seen
    }

    #[test]
    fn each_adjustment() {
        let off = SamplingParams::default;
        check(off(), &seen(), 0, [2.0, -1.0, 0.0, 4.0, -3.0]);
        let allowed = |ids: &[u32]| Some(ids.to_vec());
        let only = |ids| SamplingParams { allowed_token_ids: allowed(ids), ..off() };
        check(only(&[1, 3]), &seen(), 0, [OUT, -1.0, OUT, 4.0, OUT]);
        check(only(&[0, 1, 4]), &seen(), 0, [2.0, -1.0, OUT, OUT, -3.0]);
        check(only(&[4, 9]), &seen(), 0, [OUT, OUT, OUT, OUT, -3.0]);
        check(only(&[9]), &seen(), 0, [OUT; 5]);
        let bias = SamplingParams { logit_bias: vec![(0, -1.5), (4, 10.0), (9, 1.0)], ..off() };
        check(bias, &seen(), 0, [0.5, -1.0, 0.0, 4.0, 7.0]);
    }

    #[test]
    fn min_tokens_holds_until_reached() {
        let params =
            SamplingParams { min_tokens: 2, stop_token_ids: vec![3, 99], ..Default::default() };
        check(params.clone(), &seen(), 1, [2.0, -1.0, 0.0, OUT, -3.0]);
        check(params, &seen(), 2, [2.0, -1.0, 0.0, 4.0, -3.0]);
    }

    #[test]
    fn penalties() {
        let off = SamplingParams::default;
        let repetition = SamplingParams { repetition_penalty: 2.0, ..off() };
        check(repetition, &seen(), 3, [1.0, -2.0, 0.0, 2.0, -3.0]);
        let presence = SamplingParams { presence_penalty: 0.5, ..off() };
        check(presence, &seen(), 3, [2.0, -1.5, 0.0, 3.5, -3.0]);
        let frequency = SamplingParams { frequency_penalty: 0.5, ..off() };
        check(frequency, &seen(), 3, [2.0, -1.5, 0.0, 3.0, -3.0]);
        let all = SamplingParams {
            repetition_penalty: 2.0,
            presence_penalty: 0.5,
            frequency_penalty: 0.25,
            ..off()
        };
        check(all, &seen(), 3, [1.0, -2.75, 0.0, 1.0, -3.0]);
    }

    #[test]
    fn counts_saturate_and_clear() {
        let mut seen = SeenTokens::new(2);
        for _ in 0..40_000 {
            seen.add_output(1);
        }
        assert_eq!(seen.marks[1], MAX_COUNT);
        seen.add_prompt(1);
        assert_eq!(seen.marks[1], MAX_COUNT | IN_PROMPT);
        seen.clear();
        assert_eq!(seen.marks, [0, 0]);
    }
}
