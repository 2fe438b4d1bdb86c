//! Rotary embedding in `config.json`: `rope_theta` and `rope_scaling`, or `rope_parameters`, which
//! holds both since `transformers` 5.

use crate::json::JsonObject;
use crate::rope::yarn_attention_factor;
use crate::spec::MAX_POSITION;
use crate::{ModelError, RopeScaling, RopeSpec};

/// Base that every served configuration class defaults to.
const DEFAULT_THETA: f64 = 10_000.0;

/// Reads the rotary embedding; `max_position` is `max_position_embeddings`.
pub(super) fn read(
    config: &JsonObject,
    head_dim: usize,
    max_position: usize,
) -> Result<RopeSpec, ModelError> {
    let parameters = config.object("rope_parameters")?;
    let theta = match &parameters {
        Some(parameters) if parameters.has("rope_theta") => {
            parameters.number_above("rope_theta", 1.0)?
        }
        _ => config.number_above("rope_theta", 1.0)?,
    };
    let scaling = match parameters {
        Some(parameters) => Some(parameters),
        None => config.object("rope_scaling")?,
    };
    let scaling = match scaling {
        Some(scaling) => read_scaling(&scaling, max_position)?,
        None => RopeScaling::None,
    };
    Ok(RopeSpec { theta: theta.unwrap_or(DEFAULT_THETA), rotary_dim: head_dim, scaling })
}

fn read_scaling(scaling: &JsonObject, max_position: usize) -> Result<RopeScaling, ModelError> {
    let key = if scaling.has("rope_type") { "rope_type" } else { "type" };
    let kind = scaling.text(key)?.unwrap_or("default");
    let required = |field: &str| {
        scaling.number_above(field, 0.0)?.ok_or_else(|| scaling.error(field, "is missing"))
    };
    match kind {
        "default" => Ok(RopeScaling::None),
        "linear" => Ok(RopeScaling::Linear { factor: required("factor")? }),
        "llama3" => {
            let (low_freq_factor, high_freq_factor) =
                (required("low_freq_factor")?, required("high_freq_factor")?);
            if high_freq_factor <= low_freq_factor {
                return Err(scaling.error("high_freq_factor", "must be above low_freq_factor"));
            }
            Ok(RopeScaling::Llama3 {
                factor: required("factor")?,
                low_freq_factor,
                high_freq_factor,
                original_max_position: required("original_max_position_embeddings")?,
            })
        }
        "yarn" => read_yarn(scaling, required("factor")?, max_position),
        other => {
            let reason = format!("`{other}` is not served; default, linear, llama3 and yarn are");
            Err(scaling.error(key, reason))
        }
    }
}

fn read_yarn(
    scaling: &JsonObject,
    factor: f64,
    max_position: usize,
) -> Result<RopeScaling, ModelError> {
    let number = |field: &str| scaling.number_above(field, 0.0);
    let attention_factor = match number("attention_factor")? {
        Some(stated) => stated,
        None => match (number("mscale")?, number("mscale_all_dim")?) {
            (Some(mscale), Some(all_dim)) => {
                yarn_attention_factor(factor, mscale) / yarn_attention_factor(factor, all_dim)
            }
            _ => yarn_attention_factor(factor, 1.0),
        },
    };
    let (beta_fast, beta_slow) =
        (number("beta_fast")?.unwrap_or(32.0), number("beta_slow")?.unwrap_or(1.0));
    if beta_fast < beta_slow {
        return Err(scaling.error("beta_fast", "must not be below beta_slow"));
    }
    Ok(RopeScaling::Yarn {
        factor,
        original_max_position: number("original_max_position_embeddings")?
            .unwrap_or(max_position as f64),
        beta_fast,
        beta_slow,
        attention_factor,
        truncate: scaling.flag("truncate")?.unwrap_or(true),
    })
}

/// The context a model can serve. YaRN recipes are added to a configuration whose
/// `max_position_embeddings` still is the original one; the other variants state the longer one.
pub(super) fn context_length(rope: &RopeSpec, max_position: usize) -> usize {
    match rope.scaling {
        RopeScaling::Yarn { factor, original_max_position, .. } => {
            // A saturating cast: hostile factors end at the limit.
            let extended = (factor * original_max_position) as usize;
            extended.clamp(max_position, MAX_POSITION)
        }
        _ => max_position,
    }
}
