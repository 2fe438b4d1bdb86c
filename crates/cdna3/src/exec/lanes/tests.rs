//! Lane arithmetic against f64 and plain readings of the ISA.
