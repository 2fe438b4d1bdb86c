//! The build's decisions with other variables and another `PATH`: which compiler is taken, and what is
//! said when none can do it. Compilers are small shell scripts that answer as clang does.
#![forbid(unsafe_code)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kernel_build::{BuildError, Plan, plan};

/// A folder of compilers in place of the machine's, and a scratch folder.
struct Machine {
    folder: tempfile::TempDir,
    /// One at a time: a script that is open for writing, in a child that another test forks meanwhile
    /// too, cannot be run (`ETXTBSY`).
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl Machine {
    fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("scratch")).expect("the folder is ours");
        Self { folder, _alone: alone }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A compiler of that version which compiles for `archs` only.
    fn compiler(&self, name: &str, version: &str, archs: &str) -> String {
        let script = format!(
            "#!/bin/sh\n\
             case \"$*\" in\n\
             *--version*) echo 'Some clang version {version} (for a test)'; exit 0;;\n\
             esac\n\
             for argument; do case $argument in --offload-arch=*) arch=${{argument#*=}};; esac; done\n\
             case ' {archs} ' in *\" $arch \"*) exit 0;; esac\n\
             echo \"clang: error: invalid target ID '$arch'\" >&2; exit 1\n"
        );
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("the folder is ours");
        write_executable(&path, &script);
        path.display().to_string()
    }

    fn plan(&self, variables: &[(&str, &str)]) -> Result<Plan, BuildError> {
        // A ROCm of the machine that the test runs on is not the test's.
        let no_rocm = [("ROCM_PATH", self.path("no-rocm").display().to_string())];
        let own = variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let all: Vec<(&str, String)> = own.chain(no_rocm).collect();
        let value = |name: &str| all.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
        plan(value, Some(self.folder.path().into()), &self.path("scratch"))
    }

    fn refusal(&self, variables: &[(&str, &str)]) -> String {
        self.plan(variables).expect_err("no such plan can be made").to_string()
    }
}

/// Version of the compiler that was chosen, and the architectures.
fn chosen(plan: Result<Plan, BuildError>) -> (String, Vec<String>) {
    match plan.expect("there is a plan") {
        Plan::Compile { compiler, archs } => (compiler.version().to_owned(), archs),
        Plan::CpuOnly => panic!("kernels were asked for"),
    }
}

fn is_version(plan: Result<Plan, BuildError>, version: &str) {
    let (found, _) = chosen(plan);
    assert!(found.contains(&format!("clang version {version} ")), "{found}, not {version}");
}

#[test]
fn named_compiler_then_rocms_then_the_distributions() {
    let machine = Machine::new();
    machine.compiler("clang++-20", "20.1.0", "gfx942");
    is_version(machine.plan(&[]), "20.1.0");
    machine.compiler("clang++-19", "19.1.7", "gfx942");
    is_version(machine.plan(&[]), "19.1.7");
    machine.compiler("rocm/llvm/bin/clang++", "18.0.0git", "gfx942");
    let rocm = machine.path("rocm").display().to_string();
    is_version(machine.plan(&[("ROCM_PATH", &rocm)]), "18.0.0git");
    let mine = machine.compiler("mine/clang++", "21.1.0", "gfx942");
    is_version(machine.plan(&[("ROCM_PATH", &rocm), ("ROPEWAY_HIP_CLANG", &mine)]), "21.1.0");
    // Empty is as good as not set.
    let empty = [("ROPEWAY_HIP_CLANG", ""), ("ROPEWAY_KERNELS", ""), ("ROPEWAY_GPU_ARCHS", "")];
    let (version, archs) = chosen(machine.plan(&empty));
    assert!(version.contains("19.1.7") && archs == ["gfx942"], "{version} {archs:?}");
}

#[test]
fn a_compiler_that_cannot_do_it_is_passed_over() {
    let machine = Machine::new();
    machine.compiler("clang++-19", "19.1.7", "gfx90a gfx942");
    machine.compiler("clang++-20", "20.1.0", "gfx90a gfx942 gfx950");
    let (version, archs) = chosen(machine.plan(&[("ROPEWAY_GPU_ARCHS", "gfx942, gfx90a,gfx942")]));
    assert!(version.contains("19.1.7"), "{version}");
    assert_eq!(archs, ["gfx942", "gfx90a"]);
    is_version(machine.plan(&[("ROPEWAY_GPU_ARCHS", "gfx942,gfx950")]), "20.1.0");
}

#[test]
fn a_plain_name_must_be_new_enough() {
    let machine = Machine::new();
    machine.compiler("clang++", "18.1.8", "gfx942");
    let told = machine.refusal(&[]);
    assert!(told.contains("clang++: ") && told.contains("is older than 19"), "{told}");
    machine.compiler("clang++", "22.1.0", "gfx942");
    is_version(machine.plan(&[]), "22.1.0");
}

#[test]
fn without_a_capable_compiler_the_build_says_what_to_install() {
    let machine = Machine::new();
    let told = machine.refusal(&[]);
    for part in ["gfx942", "apt-get install clang-19 lld-19", "ROPEWAY_KERNELS=none", "no clang++"]
    {
        assert!(told.contains(part), "{part} in: {told}");
    }
    machine.compiler("clang++-19", "19.1.7", "gfx942");
    let told = machine.refusal(&[("ROPEWAY_GPU_ARCHS", "gfx942,gfx1250")]);
    for part in ["compiles for gfx942, gfx1250", "clang++-19: ", "invalid target ID 'gfx1250'"] {
        assert!(told.contains(part), "{part} in: {told}");
    }
}

#[test]
fn a_named_compiler_is_never_replaced() {
    let machine = Machine::new();
    machine.compiler("clang++-19", "19.1.7", "gfx942");
    let told = machine.refusal(&[("ROPEWAY_HIP_CLANG", "/nowhere/clang++")]);
    assert!(told.starts_with("ROPEWAY_HIP_CLANG=/nowhere/clang++ does not compile"), "{told}");
    let old = machine.compiler("old/clang++", "14.0.6", "gfx90a");
    let told = machine.refusal(&[("ROPEWAY_HIP_CLANG", &old)]);
    for part in ["old/clang++", "invalid target ID 'gfx942'", "19 or newer"] {
        assert!(told.contains(part), "{part} in: {told}");
    }
}

#[test]
fn a_cpu_only_build_needs_no_compiler_and_other_values_mean_nothing() {
    let machine = Machine::new();
    assert_eq!(
        machine.plan(&[("ROPEWAY_KERNELS", "none")]).expect("it needs nothing"),
        Plan::CpuOnly
    );
    let told = machine.refusal(&[("ROPEWAY_KERNELS", "no")]);
    assert!(told.starts_with("ROPEWAY_KERNELS=no: only `none`"), "{told}");
    for bad in ["mi300x", "gfx", "gfx942;gfx90a", "gfx942:xnack-"] {
        let told = machine.refusal(&[("ROPEWAY_GPU_ARCHS", bad)]);
        assert!(told.starts_with(&format!("ROPEWAY_GPU_ARCHS={bad}: names of arch")), "{told}");
    }
}

#[test]
fn a_compiler_without_its_linker_is_not_capable() {
    // What clang says when lld is not installed; `--version` answers all the same.
    let machine = Machine::new();
    let script = "#!/bin/sh\ncase \"$*\" in *--version*) echo clang version 19.1.7; exit 0;; esac\n\
                  echo \"clang: error: unable to execute command: Executable lld doesn't exist!\" >&2\n\
                  exit 1\n";
    let path = machine.path("clang++-19");
    write_executable(&path, script);
    let told = machine.refusal(&[]);
    assert!(told.contains("clang++-19: ") && told.contains("lld doesn't exist"), "{told}");
}

fn write_executable(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the folder is ours");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path, mode).expect("the file is ours");
}
