//! Repeatable random numbers: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom
//! number generators", OOPSLA 2014), keyed by seed, purpose and index.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    /// The stream `stream_idx` of purpose `purpose` under `seed`; unrelated to every other one.
    pub(super) fn new(seed: u64, purpose: u64, stream_idx: u64) -> Self {
        let mut random = Self { state: seed };
        for key in [purpose, stream_idx] {
            random.state = random.next_u64() ^ key;
        }
        random
    }

    /// 64 uniform bits.
    pub(super) fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..len` by multiply-shift; `len` is far below 2^64, so the bias is nothing.
    pub(super) fn below(&mut self, len: usize) -> usize {
        ((u128::from(self.next_u64()) * len as u128) >> 64) as usize
    }

    /// Exponential with the given mean, by inversion.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        let unit = (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        -mean * (1.0 - unit).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_known_values() {
        // The reference implementation's first outputs for the state 1234567.
        let mut random = Random { state: 1_234_567 };
        let expected =
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.next_u64(), random.next_u64(), random.next_u64()], expected);
    }

    #[test]
    fn streams_differ_and_repeat() {
        let first = |seed, purpose, idx| Random::new(seed, purpose, idx).next_u64();
        assert_eq!(first(7, 1, 2), first(7, 1, 2));
        let others = [first(8, 1, 2), first(7, 2, 2), first(7, 1, 3), first(7, 2, 1)];
        assert!(!others.contains(&first(7, 1, 2)));
    }

    #[test]
    fn exponential_has_its_mean() {
        let mut random = Random::new(1, 2, 3);
        let num = 100_000;
        let mean = (0..num).map(|_| random.exponential(0.25)).sum::<f64>() / f64::from(num);
        assert!((mean - 0.25).abs() < 0.005, "{mean}");
    }

    #[test]
    fn below_stays_below() {
        let mut random = Random::new(0, 0, 0);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[random.below(5)] = true;
        }
        assert_eq!(seen, [true; 5]);
    }
}
