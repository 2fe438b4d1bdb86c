//! Philox4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random
//! numbers: as easy as 1, 2, 3" (SC'11). A pure function of key and counter: the n-th output token
//! of a seed gets the same number in every batch, on every backend, after every preemption.

const ROUND_MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const KEY_INCREMENTS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const NUM_ROUNDS: usize = 10;

/// The generator under one key.
#[derive(Clone, Copy, Debug)]
pub struct Philox4x32 {
    key: [u32; 2],
}

impl Philox4x32 {
    /// Uses the seed's low word as the first key word.
    pub fn new(seed: u64) -> Self {
        Self { key: [seed as u32, (seed >> 32) as u32] }
    }

    /// The four words of one counter.
    pub fn block(&self, counter: [u32; 4]) -> [u32; 4] {
        let mut state = counter;
        let mut key = self.key;
        for round in 0..NUM_ROUNDS {
            if round > 0 {
                key[0] = key[0].wrapping_add(KEY_INCREMENTS[0]);
                key[1] = key[1].wrapping_add(KEY_INCREMENTS[1]);
            }
            let a = u64::from(ROUND_MULTIPLIERS[0]) * u64::from(state[0]);
            let b = u64::from(ROUND_MULTIPLIERS[1]) * u64::from(state[2]);
            state = [
                (b >> 32) as u32 ^ state[1] ^ key[0],
                b as u32,
                (a >> 32) as u32 ^ state[3] ^ key[1],
                a as u32,
            ];
        }
        state
    }

    /// A uniform number in `[0, 1)` for an output position: the 53 high bits of the block's first
    /// two words, first word highest.
    pub fn uniform(&self, position: u32) -> f64 {
        let words = self.block([position, 0, 0, 0]);
        let bits = (u64::from(words[0]) << 32 | u64::from(words[1])) >> 11;
        bits as f64 * (1.0 / (1u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(counter: [u32; 4], key: [u32; 2], expect: [u32; 4]) {
        let philox = Philox4x32::new(u64::from(key[1]) << 32 | u64::from(key[0]));
        assert_eq!(philox.block(counter), expect);
    }

    /// The `philox4x32 10` lines of Random123's `kat_vectors`.
    #[test]
    fn known_answers() {
        check([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        check([!0; 4], [!0; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        check(
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
            [0xa409_3822, 0x299f_31d0],
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
        );
    }

    #[test]
    fn uniform_is_in_range_and_centred() {
        let philox = Philox4x32::new(7);
        let draws: Vec<f64> = (0..20_000).map(|position| philox.uniform(position)).collect();
        assert!(draws.iter().all(|u| (0.0..1.0).contains(u)));
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        // Four standard deviations of the mean of 20,000 uniforms.
        assert!((mean - 0.5).abs() < 4.0 * (1.0f64 / 12.0 / 20_000.0).sqrt(), "mean {mean}");
    }
}
