//! Which instruction set the kernels use: found once at run time, lowered by an environment
//! variable for tests and comparisons.
//!
//! Called by device construction and by tests; never consulted inside a kernel.

use std::fmt;

use thiserror::Error;

/// Environment variable that lowers the instruction set: `scalar`, `avx2` or `avx512`.
pub const ISA_ENV: &str = "ROPEWAY_CPU_ISA";

/// An instruction-set level; each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// Plain Rust, any machine.
    Scalar,
    /// AVX2, FMA and F16C.
    Avx2,
    /// AVX-512 F, BW, VL, DQ and VNNI.
    Avx512,
}

/// The requested instruction set cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IsaError {
    /// The variable holds an unknown word.
    #[error("{ISA_ENV}={value}: unknown instruction set; use scalar, avx2 or avx512")]
    Unknown {
        /// What the variable holds.
        value: String,
    },
    /// The machine is older than the request.
    #[error("{ISA_ENV}={wanted}: this machine has only {available}; unset {ISA_ENV}")]
    Unavailable {
        /// What was asked for.
        wanted: Isa,
        /// The best that the machine has.
        available: Isa,
    },
}

impl Isa {
    /// All levels, lowest first.
    pub const ALL: [Self; 3] = [Self::Scalar, Self::Avx2, Self::Avx512];

    /// The best level that this machine can run.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            let avx2 = has!("avx2") && has!("fma") && has!("f16c");
            let avx512 = has!("avx512f")
                && has!("avx512bw")
                && has!("avx512vl")
                && has!("avx512dq")
                && has!("avx512vnni");
            match (avx2, avx512) {
                (true, true) => return Self::Avx512,
                (true, false) => return Self::Avx2,
                (false, _) => {}
            }
        }
        Self::Scalar
    }

    /// The level to use: [`Isa::detect`], lowered by [`ISA_ENV`] if that is set.
    pub fn from_env() -> Result<Self, IsaError> {
        match std::env::var_os(ISA_ENV) {
            Some(value) => Self::choose(Some(&value.to_string_lossy()), Self::detect()),
            None => Self::choose(None, Self::detect()),
        }
    }

    /// True if this machine can run kernels of this level.
    pub fn is_available(self) -> bool {
        self <= Self::detect()
    }

    fn choose(wanted: Option<&str>, available: Self) -> Result<Self, IsaError> {
        let Some(value) = wanted else { return Ok(available) };
        let wanted = Self::ALL
            .into_iter()
            .find(|isa| isa.as_str() == value)
            .ok_or_else(|| IsaError::Unknown { value: value.to_owned() })?;
        if wanted > available {
            return Err(IsaError::Unavailable { wanted, available });
        }
        Ok(wanted)
    }

    /// The name used in [`ISA_ENV`] and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_may_lower_but_not_raise_the_level() {
        assert_eq!(Isa::choose(None, Isa::Avx2), Ok(Isa::Avx2));
        assert_eq!(Isa::choose(Some("scalar"), Isa::Avx512), Ok(Isa::Scalar));
        assert_eq!(Isa::choose(Some("avx512"), Isa::Avx512), Ok(Isa::Avx512));
        assert_eq!(
            Isa::choose(Some("avx512"), Isa::Avx2),
            Err(IsaError::Unavailable { wanted: Isa::Avx512, available: Isa::Avx2 })
        );
        assert_eq!(
            Isa::choose(Some("sse9"), Isa::Avx2),
            Err(IsaError::Unknown { value: "sse9".to_owned() })
        );
    }

    #[test]
    fn detected_level_and_all_below_are_available() {
        let best = Isa::detect();
        for isa in Isa::ALL {
            assert_eq!(isa.is_available(), isa <= best);
        }
    }
}
