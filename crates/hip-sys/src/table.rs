//! The table of HIP and how it is filled.

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use libloading::Library;
use thiserror::Error;

use crate::types::*;
use crate::{LIBRARY_NAMES, hip_functions};

/// Name and types of a function as this crate declares it, in HIP's spelling of types.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Symbol.
    pub name: &'static str,
    /// Parameters.
    pub parameters: &'static [&'static str],
    /// What it answers.
    pub answer: &'static str,
    /// Why the table has an optional function; `None` for those that must be there.
    pub reason: Option<&'static str>,
}

/// Why no table could be made.
#[derive(Debug, Error)]
pub enum LoadError {
    /// None of the usual names was found.
    #[error(
        "no HIP runtime found ({tried}); install ROCm 5 or newer, or name its libamdhip64.so with \
         --hip-library FILE (or ROPEWAY_HIP_LIBRARY)"
    )]
    NotFound {
        /// The loader's words for the plain name.
        tried: String,
    },
    /// The library that was asked for cannot be opened.
    #[error(
        "--hip-library {library} (or ROPEWAY_HIP_LIBRARY) cannot be opened: {reason}; name a \
         libamdhip64.so of ROCm 5 or newer, or leave the option out to use the installed one"
    )]
    Unusable {
        /// Its path.
        library: String,
        /// The loader's words.
        reason: String,
    },
    /// A function is missing: another library, or far too old.
    #[error("{library} has no function {symbol}; {needed} is needed")]
    MissingSymbol {
        /// Path or name.
        library: String,
        /// What is missing.
        symbol: &'static str,
        /// What has it.
        needed: &'static str,
    },
    /// RCCL was not found.
    #[error("no RCCL found ({tried}); install ROCm's rccl for models on several GPUs")]
    NoRccl {
        /// The loader's words for the plain name.
        tried: String,
    },
}

macro_rules! table {
    (
        required: $( fn $name:ident ( $($arg:ty),* $(,)? ) -> $ret:ty; )*
        $( optional $reason:literal:
            $( fn $opt:ident ( $($oarg:ty),* $(,)? ) -> $oret:ty; )* )*
    ) => {
        /// Entry points of one opened HIP runtime, which stays open until the process ends.
        #[allow(non_snake_case, missing_docs, reason = "HIP's own names; its header documents them")]
        pub struct Hip {
            $( pub $name: unsafe extern "C" fn($($arg),*) -> $ret, )*
            $($( pub $opt: Option<unsafe extern "C" fn($($oarg),*) -> $oret>, )*)*
            /// Path or name that was opened.
            library_name: String,
            /// Never closed: the pointers above lead into it, and so do threads that the runtime
            /// started and that end when they like. Unmapped code under them is a crash.
            _library: ManuallyDrop<Library>,
        }

        /// Everything that the table declares.
        pub const SIGNATURES: &[Signature] = &[
            $( Signature {
                name: stringify!($name), parameters: &[$(stringify!($arg)),*],
                answer: stringify!($ret), reason: None,
            }, )*
            $($( Signature {
                name: stringify!($opt), parameters: &[$(stringify!($oarg)),*],
                answer: stringify!($oret), reason: Some($reason),
            }, )*)*
        ];

        impl Hip {
            fn fill(library: Library, library_name: String) -> Result<Self, LoadError> {
                let library = ManuallyDrop::new(library);
                Ok(Self {
                    // SAFETY: the signatures are those of HIP's header, which a test compiles
                    // against; the library is never closed.
                    $( $name: *unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }
                        .map_err(|_| LoadError::MissingSymbol {
                            library: library_name.clone(),
                            symbol: stringify!($name),
                            needed: "HIP of ROCm 5 or newer",
                        })?, )*
                    // SAFETY: as above.
                    $($( $opt: unsafe { library.get(concat!(stringify!($opt), "\0").as_bytes()) }
                        .ok().map(|symbol| *symbol), )*)*
                    library_name,
                    _library: library,
                })
            }

            /// Optional functions that the library does not have.
            pub fn missing(&self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $($( if self.$opt.is_none() { names.push(stringify!($opt)); } )*)*
                names
            }
        }
    };
}

hip_functions!(table);

impl Hip {
    /// Opens `library`, or the first usual name that the loader finds.
    ///
    /// # Errors
    /// [`LoadError`]: nothing found, cannot be opened, or functions are missing.
    pub fn load(library: Option<&Path>) -> Result<Self, LoadError> {
        let Some(path) = library else {
            return Self::load_first(&hip_candidates(&rocm_library_folder()));
        };
        let name = path.display().to_string();
        let opened =
            open(path).map_err(|reason| LoadError::Unusable { library: name.clone(), reason })?;
        Self::fill(opened, name)
    }

    /// Opens the first of `names` that the loader takes.
    ///
    /// # Errors
    /// As [`Hip::load`].
    pub fn load_first(names: &[PathBuf]) -> Result<Self, LoadError> {
        let (library, name) = open_first(names).map_err(|tried| LoadError::NotFound { tried })?;
        Self::fill(library, name)
    }

    /// Path or name that was opened.
    pub fn library_name(&self) -> &str {
        &self.library_name
    }
}

/// Where a HIP runtime is looked for, in order: the loader's path, then ROCm's own folder, which a
/// container may have without telling the loader.
pub fn hip_candidates(rocm_library_folder: &Path) -> Vec<PathBuf> {
    let by_name = LIBRARY_NAMES.iter().map(PathBuf::from);
    by_name.chain(LIBRARY_NAMES.iter().map(|name| rocm_library_folder.join(name))).collect()
}

/// `lib` under the prefix that `ROCM_PATH` names, or under the usual one.
pub fn rocm_library_folder() -> PathBuf {
    let prefix = std::env::var_os("ROCM_PATH").filter(|prefix| !prefix.is_empty());
    PathBuf::from(prefix.unwrap_or_else(|| "/opt/rocm".into())).join("lib")
}

fn open(path: &Path) -> Result<Library, String> {
    // SAFETY: loading runs the library's initialisers; the operator named this library, or it is the
    // system's own.
    unsafe { Library::new(path) }.map_err(|error| error.to_string())
}

/// The first of `names` that opens, with its name. If none does: the loader's words for one that is
/// there and still does not open, which tell most, or for the last.
pub(crate) fn open_first(names: &[PathBuf]) -> Result<(Library, String), String> {
    let mut words = Vec::new();
    for name in names {
        match open(name) {
            Ok(library) => return Ok((library, name.display().to_string())),
            Err(error) => words.push(error),
        }
    }
    let telling = words.iter().position(|text| !text.contains("No such file"));
    let chosen = telling.unwrap_or(words.len().saturating_sub(1));
    Err(words.into_iter().nth(chosen).unwrap_or_default())
}
