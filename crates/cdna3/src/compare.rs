//! Vector compares: every combination of type and condition.

use std::fmt;

/// A vector compare's type and condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compare {
    /// IEEE floats.
    Float(FloatType, FloatCondition),
    /// Source 0 is of one of the classes in the mask that is source 1.
    Class(FloatType),
    /// Integers.
    Int(IntType, IntCondition),
}

/// Width of the floats of a compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FloatType {
    /// Half.
    F16,
    /// Single.
    F32,
    /// Double.
    F64,
}

/// Condition of a float compare, in encoding order; those with N are true on NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FloatCondition {
    /// Never.
    F,
    /// Less.
    Lt,
    /// Equal.
    Eq,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Less or greater.
    Lg,
    /// Greater or equal.
    Ge,
    /// Ordered: neither is NaN.
    O,
    /// Unordered: one is NaN.
    U,
    /// Not greater or equal.
    Nge,
    /// Not less or greater.
    Nlg,
    /// Not greater.
    Ngt,
    /// Not less or equal.
    Nle,
    /// Not equal.
    Neq,
    /// Not less.
    Nlt,
    /// Always.
    Tru,
}

/// Type of the integers of a compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IntType {
    /// 16 bits, signed.
    I16,
    /// 16 bits, unsigned.
    U16,
    /// 32 bits, signed.
    I32,
    /// 32 bits, unsigned.
    U32,
    /// 64 bits, signed.
    I64,
    /// 64 bits, unsigned.
    U64,
}

/// Condition of an integer compare, in encoding order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IntCondition {
    /// Never.
    F,
    /// Less.
    Lt,
    /// Equal.
    Eq,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Not equal.
    Ne,
    /// Greater or equal.
    Ge,
    /// Always.
    T,
}

impl fmt::Display for Compare {
    /// Writes condition and type as they stand in the mnemonic.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Float(ty, condition) => format!("{condition:?}_{ty:?}"),
            Self::Class(ty) => format!("class_{ty:?}"),
            Self::Int(ty, condition) => format!("{condition:?}_{ty:?}"),
        };
        f.write_str(&text.to_lowercase())
    }
}
