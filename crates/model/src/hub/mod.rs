//! Finding a model by name.
