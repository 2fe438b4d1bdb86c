//! Random damage to valid files: whatever happens, nothing panics, little is allocated, and what
//! still opens can be read.

use model::ModelFiles;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

use crate::allocation::peak_bytes;
use crate::builders::{
    Folder, Gguf, GgufFile, MAX_HOSTILE_BYTES, llama_config, llama_tensors, safetensors_file,
};

/// Bytes to change: place (as a fraction of the head), new value.
fn damage() -> impl Strategy<Value = Vec<(f64, u8)>> {
    let interesting =
        prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x80), Just(b'"'), Just(b'9')];
    prop::collection::vec((0.0..1.0f64, interesting), 1..8)
}

fn apply(bytes: &mut Vec<u8>, damage: &[(f64, u8)], head: usize, keep: f64) {
    for (place, value) in damage {
        let at = (place * head as f64) as usize;
        bytes[at] = *value;
    }
    if keep < 0.2 {
        bytes.truncate((keep * 5.0 * bytes.len() as f64) as usize);
    }
}

/// Opens and, if that works, reads everything.
fn open_and_read(path: &std::path::Path) {
    let ((), peak) = peak_bytes(|| {
        if let Ok(model) = ModelFiles::open(path) {
            for role in model.spec.roles() {
                let _ = model.load(role);
            }
            assert!(model.num_parameters() > 0);
        }
    });
    assert!(peak <= MAX_HOSTILE_BYTES, "{peak} bytes held");
}

fn config() -> Config {
    Config {
        cases: 300,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_261_122),
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn damaged_gguf(damage in damage(), keep in 0.0..1.0f64) {
        let mut bytes = Gguf::llama().build();
        // Everything before the weights, where damage matters.
        let head = bytes.len().min(4600);
        apply(&mut bytes, &damage, head, keep);
        open_and_read(&GgufFile::new(&bytes).path);
    }

    #[test]
    fn damaged_safetensors(damage in damage(), keep in 0.0..1.0f64) {
        let mut bytes = safetensors_file(&llama_tensors());
        let head = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        apply(&mut bytes, &damage, head, keep);
        let folder = Folder::llama();
        folder.write("model.safetensors", bytes);
        open_and_read(folder.path());
    }

    #[test]
    fn damaged_config(damage in damage(), keep in 0.0..1.0f64) {
        let mut bytes = llama_config().to_string().into_bytes();
        let head = bytes.len();
        apply(&mut bytes, &damage, head, keep);
        let folder = Folder::llama();
        folder.write("config.json", bytes);
        open_and_read(folder.path());
    }
}
