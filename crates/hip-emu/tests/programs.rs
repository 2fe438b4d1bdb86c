//! C programs, compiled against Debian's HIP headers and linked to the emulator, one process each.
//!
//! The headers were written by nobody here: a wrong signature, number or struct layout shows. Each
//! test is one scenario of `programs/*.c`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What all tests use; built once.
struct Built {
    /// Keeps the files.
    folder: tempfile::TempDir,
    program: PathBuf,
    kernels: PathBuf,
    other_gpu: PathBuf,
    registers: PathBuf,
    bundle: PathBuf,
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Runs a tool that must succeed.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!("cannot run {command:?}: {error}; scripts/test.sh installs what is missing")
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn compile_kernels(options: &[&str], output: &Path) {
    let mut command = Command::new("clang++-19");
    command.args(["-x", "hip", "--cuda-device-only", "-nogpuinc", "-nogpulib"]).args(options);
    command.args(["-mcode-object-version=5", "-O3", "-Werror", "-o"]);
    run(command.arg(output).arg(here("kernels/basic.hip")));
}

/// Two code objects packed as clang's documentation of its offload bundler says; the tool itself is in
/// a package that nothing else here needs.
fn bundle_of(gfx90a: &Path, gfx942: &Path) -> Vec<u8> {
    const ALIGN: usize = 4096;
    let read = |path: &Path| std::fs::read(path).expect("it was compiled");
    let entries = [
        ("host-x86_64-unknown-linux--", Vec::new()),
        ("hipv4-amdgcn-amd-amdhsa--gfx90a", read(gfx90a)),
        ("hipv4-amdgcn-amd-amdhsa--gfx942", read(gfx942)),
    ];
    let number = |n: usize| (n as u64).to_le_bytes();
    let mut bundle = b"__CLANG_OFFLOAD_BUNDLE__".to_vec();
    bundle.extend(number(entries.len()));
    let mut offset = ALIGN;
    for (target, bytes) in &entries {
        bundle.extend([number(offset), number(bytes.len()), number(target.len())].concat());
        bundle.extend(target.as_bytes());
        offset += bytes.len().next_multiple_of(ALIGN);
    }
    for (_, bytes) in &entries {
        bundle.resize(bundle.len().next_multiple_of(ALIGN), 0);
        bundle.extend(bytes);
    }
    bundle
}

/// Where cargo put the library that the linker of C programs takes.
fn library_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    test.parent().expect("it lies in a folder").to_owned()
}

fn build() -> Built {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    let (program, kernels, other_gpu) = (at("scenarios"), at("k.hsaco"), at("other.hsaco"));
    let (ours, other) = ("--offload-arch=gfx942", "--offload-arch=gfx90a");
    let bundle = at("bundle.hipfb");
    compile_kernels(&["--no-gpu-bundle-output", ours], &kernels);
    compile_kernels(&["--no-gpu-bundle-output", other], &other_gpu);
    std::fs::write(&bundle, bundle_of(&other_gpu, &kernels)).expect("the folder is ours");
    let registers = at("registers.hsaco");
    let mut command = Command::new("clang-19");
    command.args(["-target", "amdgcn-amd-amdhsa", "-mcpu=gfx942", "-mcode-object-version=5"]);
    run(command.arg("-o").arg(&registers).arg(here("kernels/registers.s")));
    assert!(library_folder().join("libhip_emu.so").is_file(), "cargo builds the library");
    let mut command = Command::new("cc");
    command.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program);
    for name in ["main", "memory", "streams", "launches", "graphs", "devices"] {
        command.arg(here(&format!("programs/{name}.c")));
    }
    command.arg("-L").arg(library_folder()).args(["-l:libhip_emu.so", "-lpthread"]);
    run(command.arg(format!("-Wl,-rpath,{}", library_folder().display())));
    Built { folder, program, kernels, other_gpu, registers, bundle }
}

fn built() -> &'static Built {
    static BUILT: OnceLock<Option<Built>> = OnceLock::new();
    let built = BUILT.get_or_init(|| std::panic::catch_unwind(build).ok());
    built.as_ref().expect("the programs could not be built: see the first failure")
}

/// Runs a scenario with those variables.
fn try_scenario(name: &str, variables: &[(&str, &str)]) -> Output {
    let built = built();
    let mut command = Command::new(&built.program);
    command
        .arg(name)
        .arg(&built.kernels)
        .arg(&built.other_gpu)
        .arg(&built.registers)
        .arg(&built.bundle);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ROPEWAY_EMU_") {
            command.env_remove(name);
        }
    }
    // Before cargo's own folders, in one of which an older build of the library may lie.
    command.env("LD_LIBRARY_PATH", library_folder());
    command.envs(variables.iter().copied()).output().expect("the program was built")
}

/// As above; it must succeed. What it printed, and its errors.
fn scenario(name: &str, variables: &[(&str, &str)]) -> [String; 2] {
    let output = try_scenario(name, variables);
    let [out, errors] =
        [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{name}: {:?}\n{errors}", output.status);
    assert!(out.ends_with(&format!("{name}: done\n")), "{out}");
    [out, errors]
}

/// Tests that only run a scenario.
macro_rules! scenarios {
    ($($name:ident $(with $variables:expr)?;)*) => { $(
        #[test]
        fn $name() {
            let variables: &[(&str, &str)] = &[$($variables)?];
            scenario(stringify!($name), variables);
        }
    )* };
}

scenarios! {
    copies_keep_bytes;
    fresh_memory_is_poison;
    host_cannot_touch_device_memory;
    misuse_gives_errors;
    memory_is_counted_and_ends;
    registered_memory_is_reachable;
    pointers_tell_what_they_are;
    work_runs_later_and_in_order;
    pageable_copies_are_done_on_return;
    null_stream_waits_for_blocking_streams_only;
    events_order_streams;
    values_in_memory_order_streams;
    async_memory_lives_in_stream_order;
    launch_computes;
    dynamic_lds_and_globals;
    limits_are_enforced;
    registers_limit_work_groups;
    other_gpus_and_damaged_images_are_refused;
    bundles_hold_several_gpus;
    unloaded_modules_are_gone;
    graphs_replay_and_change;
    captures_forbid_calls;
    a_device_says_what_it_is;
    both_property_layouts;
    the_last_error_is_that_of_the_last_call;
    groups_run_side_by_side with ("ROPEWAY_EMU_THREADS", "2");
    a_broken_device_ends_everything with ("ROPEWAY_EMU_THREADS", "1");
    devices_are_apart_unless_peers with ("ROPEWAY_EMU_DEVICES", "3");
    a_device_is_lost with ("ROPEWAY_EMU_FAULT", "device_lost@launch:3");
    an_allocation_fails with ("ROPEWAY_EMU_FAULT", "alloc@3");
    a_copy_fails with ("ROPEWAY_EMU_FAULT", "copy_error@2");
}

#[test]
fn a_wild_write_sticks_and_names_its_place() {
    let [_, errors] = scenario("faults_stick", &[]);
    for part in ["kernel `poke`", "global_store_dword", "lane 0", "wave 0", "work-group [0, 0, 0]"]
    {
        assert!(errors.contains(part), "{part} in:\n{errors}");
    }
    scenario("use_after_free_in_a_kernel", &[]);
    scenario("code_cannot_be_written", &[]);
    let [_, errors] = scenario("graphs_of_freed_memory_fault", &[]);
    assert!(errors.contains("that was freed"), "{errors}");
}

#[test]
fn a_hung_launch_never_ends_and_the_process_can() {
    let [_, errors] = scenario("a_launch_hangs", &[("ROPEWAY_EMU_FAULT", "hang@launch:1")]);
    assert!(errors.contains("launch 1, `increment`, hangs as ordered"), "{errors}");
}

#[test]
fn bad_variables_refuse_to_start_loudly() {
    for (name, value) in [
        ("ROPEWAY_EMU_FAULT", "hang@3"),
        ("ROPEWAY_EMU_DEVICES", "9"),
        ("ROPEWAY_EMU_SEDE", "1"),
        ("ROPEWAY_EMU_SANITIZE", "2"),
    ] {
        let [_, errors] = scenario("nothing_starts", &[(name, value)]);
        assert!(errors.contains("REFUSES TO START") && errors.contains(name), "{errors}");
    }
}

#[test]
fn seeds_and_threads_do_not_change_race_free_kernels() {
    let [plain, _] = scenario("print_memory", &[]);
    assert_eq!(plain.lines().count(), 5000 + 64 + 1);
    for (seed, threads) in [("1", "1"), ("2", "2"), ("3", "5")] {
        let variables = [("ROPEWAY_EMU_SEED", seed), ("ROPEWAY_EMU_THREADS", threads)];
        let [other, _] = scenario("print_memory", &variables);
        assert_eq!(plain, other, "seed {seed}, {threads} threads");
    }
}

#[test]
fn seeds_change_the_order_of_work_groups() {
    let orders = |seed: Option<&str>| {
        let mut variables = vec![("ROPEWAY_EMU_THREADS", "1")];
        variables.extend(seed.map(|seed| ("ROPEWAY_EMU_SEED", seed)));
        let [out, _] = scenario("print_order", &variables);
        let orders: Vec<Vec<u32>> = out
            .lines()
            .take(2)
            .map(|line| line.split_whitespace().map(|n| n.parse().expect("a number")).collect())
            .collect();
        orders
    };
    let ascending: Vec<u32> = (0..16).collect();
    assert_eq!(orders(None), [ascending.clone(), ascending.clone()]);
    let shuffled = orders(Some("7"));
    assert_ne!(shuffled[0], shuffled[1], "each launch has an order of its own");
    for order in &shuffled {
        assert_ne!(*order, ascending);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ascending, "every work-group ran once");
    }
    assert_eq!(shuffled, orders(Some("7")), "a seed repeats");
}

#[test]
fn seeds_change_the_order_of_independent_graph_nodes() {
    let middle = |seed: Option<&str>| {
        let variables: Vec<_> = seed.map(|seed| ("ROPEWAY_EMU_SEED", seed)).into_iter().collect();
        let [out, _] = scenario("forks_and_joins_keep_their_order", &variables);
        out.lines().next().expect("a line").to_owned()
    };
    assert_eq!(middle(None), "middle: 1");
    let seen: std::collections::BTreeSet<_> =
        ["1", "2", "3", "4", "5", "6", "7", "8"].map(|seed| middle(Some(seed))).into();
    assert_eq!(seen.len(), 2, "both orders occur: {seen:?}");
}

#[test]
fn the_report_has_a_line_for_each_launch() {
    let report = built().folder.path().join("report.json");
    let path = report.to_str().expect("a plain path");
    scenario("launch_computes", &[("ROPEWAY_EMU_REPORT", path)]);
    scenario("faults_stick", &[("ROPEWAY_EMU_REPORT", path)]);
    let text = std::fs::read_to_string(&report).expect("it was written");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kernels: Vec<_> = lines.iter().map(|line| line["kernel"].as_str()).collect();
    assert_eq!(kernels, [Some("scale"), Some("scale"), Some("poke")]);
    assert_eq!(lines[0]["grid"], serde_json::json!([4, 1, 1]));
    assert_eq!(lines[0]["num_waves"], 16);
    assert!(lines[0]["num_wave_instructions"].as_u64() > Some(16));
    let counters = &lines[0]["counters"];
    assert_eq!(counters["num_waves"], lines[0]["num_waves"]);
    assert!(counters["written"]["bytes"].as_u64() > Some(0), "{counters}");
    assert!(
        lines[0]["bound"]["seconds"].as_f64() > Some(0.0) && lines[0]["bound"]["limit"].is_string()
    );
    assert!(lines[0].get("fault").is_none());
    assert!(lines[2]["fault"].as_str().is_some_and(|why| why.contains("global_store_dword")));
}

#[test]
fn a_sample_of_a_launch_is_counted_and_its_bound_scaled() {
    let line = |sample: &[(&str, &str)], scenario_name: &str| -> serde_json::Value {
        let report = built().folder.path().join(format!("{scenario_name}.json"));
        let variable = ("ROPEWAY_EMU_REPORT", report.to_str().expect("a plain path"));
        scenario(scenario_name, &[sample, &[variable]].concat());
        let text = std::fs::read_to_string(&report).expect("it was written");
        serde_json::from_str(text.lines().next().expect("a launch")).expect("JSON")
    };
    let part = line(&[("ROPEWAY_EMU_SAMPLE", "2")], "a_sample_runs");
    let whole = line(&[], "launch_computes");
    // A thousand words; the last work-group has fewer, in as many lines.
    for (line, groups, bytes) in [(&part, 2, 2048), (&whole, 4, 4000)] {
        assert_eq!(line["grid"], serde_json::json!([4, 1, 1]));
        assert_eq!(line["counters"]["num_groups"], groups);
        assert_eq!(line["counters"]["written"]["bytes"], bytes);
    }
    assert_eq!(part["bound"], whole["bound"]);
}

#[test]
fn what_is_not_given_back_is_told_at_the_end() {
    let objects = built().folder.path().join("objects.json");
    let path = ("ROPEWAY_EMU_OBJECTS", objects.to_str().expect("a plain path"));
    scenario("an_allocation_fails", &[path, ("ROPEWAY_EMU_FAULT", "alloc@3")]);
    scenario("a_launch_hangs", &[path, ("ROPEWAY_EMU_FAULT", "hang@launch:1")]);
    let text = std::fs::read_to_string(&objects).expect("it was written");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let nothing = serde_json::json!({
        "device_bytes": [], "pinned_bytes": [], "num_registered": 0, "num_streams": 0,
        "num_events": 0, "num_modules": 0, "num_graphs": 0, "num_graph_execs": 0,
    });
    let mut allocations = nothing.clone();
    allocations["device_bytes"] = serde_json::json!([4, 4]);
    allocations["pinned_bytes"] = serde_json::json!([4]);
    let mut launch = nothing;
    launch["device_bytes"] = serde_json::json!([4]);
    // One of its two streams is destroyed.
    for name in ["num_streams", "num_events", "num_modules"] {
        launch[name] = serde_json::json!(1);
    }
    assert_eq!(lines, [allocations, launch]);
}

#[test]
fn the_library_is_found_under_the_runtimes_name() {
    let built = built();
    let folder = built.folder.path().join("lib");
    std::fs::create_dir(&folder).expect("a new folder");
    let library = library_folder().join("libhip_emu.so");
    std::os::unix::fs::symlink(library, folder.join("libamdhip64.so.6")).expect("a link");
    let program = built.folder.path().join("drop_in");
    let mut command = Command::new("cc");
    command.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&program);
    run(command.arg(here("programs/drop_in.c")).arg("-ldl"));
    let mut command = Command::new(&program);
    let out = run(command.env("LD_LIBRARY_PATH", &folder).env("ROPEWAY_EMU_DEVICES", "2"));
    assert_eq!(out, "2 devices\n");
}

#[test]
fn the_sanitizer_fails_a_launch_and_tells_why() {
    let sanitize = ("ROPEWAY_EMU_SANITIZE", "1");
    let report = built().folder.path().join("findings.json");
    let path = report.to_str().expect("a plain path");
    let [_, errors] = scenario("findings_stick", &[sanitize, ("ROPEWAY_EMU_REPORT", path)]);
    for part in ["sanitizer: undefined-value", "kernel increment", "global_store_dword", "lane 0"] {
        assert!(errors.contains(part), "{part} in:\n{errors}");
    }
    let lines = std::fs::read_to_string(&report).expect("the report was written");
    let line: serde_json::Value =
        serde_json::from_str(lines.lines().last().expect("a line")).expect("JSON");
    assert_eq!(line["findings"][0]["kind"], "undefined-value", "{line}");
    assert_eq!(line["findings"][0]["lane"], 0, "{line}");
}

/// The correct twins: what other tests run gives no finding.
#[test]
fn the_sanitizer_says_nothing_of_correct_programs() {
    for name in ["launch_computes", "dynamic_lds_and_globals", "graphs_replay_and_change"] {
        let [_, errors] = scenario(name, &[("ROPEWAY_EMU_SANITIZE", "1")]);
        assert!(!errors.contains("sanitizer"), "{name}:\n{errors}");
    }
}
