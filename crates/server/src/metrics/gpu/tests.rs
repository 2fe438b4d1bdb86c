//! The gauges of fake machines.

use std::fs;
use std::path::Path;

use super::*;

fn put(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    fs::write(path, format!("{text}\n")).expect("writable");
}

/// A card of `driver` with render node `minor`, which is in `/dev/dri`.
fn card(root: &Path, number: u32, driver: &str, minor: u32) -> String {
    let device = format!("sys/class/drm/card{number}/device");
    let uevent = format!("DRIVER={driver}\nPCI_CLASS=120000\nPCI_SLOT_NAME=0000:c{number}:00.0");
    put(root, &format!("{device}/uevent"), &uevent);
    put(root, &format!("{device}/drm/card{number}/dev"), "226:1");
    put(root, &format!("{device}/drm/renderD{minor}/dev"), "226:128");
    put(root, &format!("dev/dri/renderD{minor}"), "");
    device
}

/// An MI300X: no edge sensor, momentary power.
fn mi300x(root: &Path, number: u32, minor: u32) -> String {
    let device = card(root, number, "amdgpu", minor);
    for (file, text) in [
        ("gpu_busy_percent", "37"),
        ("mem_busy_percent", "12"),
        ("mem_info_vram_used", "103079215104"),
        ("mem_info_vram_total", "206141652992"),
        ("hwmon/hwmon4/name", "amdgpu"),
        ("hwmon/hwmon4/temp2_label", "junction"),
        ("hwmon/hwmon4/temp2_input", "61000"),
        ("hwmon/hwmon4/temp3_label", "mem"),
        ("hwmon/hwmon4/temp3_input", "54500"),
        ("hwmon/hwmon4/power1_input", "412000000"),
    ] {
        put(root, &format!("{device}/{file}"), text);
    }
    device
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn a_whole_card() {
    let root = folder();
    mi300x(root.path(), 1, 128);
    card(root.path(), 0, "ast", 129);
    put(root.path(), "sys/class/drm/card1-DP-1/status", "connected");
    put(root.path(), "sys/class/drm/version", "drm 1.1.0");
    let expected = r#"# HELP rocm_gpu_utilization Time the GPU was busy, percent.
# TYPE rocm_gpu_utilization gauge
rocm_gpu_utilization{card="card1",pci="0000:c1:00.0"} 37
# HELP rocm_gpu_memory_utilization Time the memory was busy, percent.
# TYPE rocm_gpu_memory_utilization gauge
rocm_gpu_memory_utilization{card="card1",pci="0000:c1:00.0"} 12
# HELP rocm_gpu_memory_used_bytes VRAM in use.
# TYPE rocm_gpu_memory_used_bytes gauge
rocm_gpu_memory_used_bytes{card="card1",pci="0000:c1:00.0"} 103079215104
# HELP rocm_gpu_memory_total_bytes VRAM of the GPU.
# TYPE rocm_gpu_memory_total_bytes gauge
rocm_gpu_memory_total_bytes{card="card1",pci="0000:c1:00.0"} 206141652992
# HELP rocm_gpu_temperature_celsius Temperature by sensor.
# TYPE rocm_gpu_temperature_celsius gauge
rocm_gpu_temperature_celsius{card="card1",pci="0000:c1:00.0",sensor="junction"} 61
rocm_gpu_temperature_celsius{card="card1",pci="0000:c1:00.0",sensor="mem"} 54.5
# HELP rocm_gpu_power_watts Power drawn by the GPU's package.
# TYPE rocm_gpu_power_watts gauge
rocm_gpu_power_watts{card="card1",pci="0000:c1:00.0"} 412
"#;
    assert_eq!(text(root.path()), expected);
}

#[test]
fn several_cards_are_rows_of_one_family_in_order() {
    let root = folder();
    for (number, minor) in [(10, 130), (2, 129), (1, 128)] {
        mi300x(root.path(), number, minor);
    }
    let text = text(root.path());
    let rows: Vec<&str> = text.lines().filter(|l| l.starts_with("rocm_gpu_power_watts")).collect();
    assert_eq!(rows.len(), 3);
    for (row, card) in rows.iter().zip(["card1", "card2", "card10"]) {
        assert!(row.contains(&format!("card=\"{card}\"")), "{row}");
    }
    assert_eq!(text.matches("# TYPE rocm_gpu_power_watts").count(), 1);
}

#[test]
fn what_is_absent_or_strange_leaves_out_its_gauge_only() {
    let root = folder();
    let device = mi300x(root.path(), 1, 128);
    put(root.path(), &format!("{device}/gpu_busy_percent"), "n/a");
    put(root.path(), &format!("{device}/hwmon/hwmon4/temp3_input"), "");
    put(root.path(), &format!("{device}/hwmon/hwmon4/temp2_label"), "jun\"ction\\");
    put(root.path(), &format!("{device}/hwmon/hwmon4/power1_average"), "300500000");
    fs::remove_file(root.path().join(&device).join("mem_busy_percent")).expect("it was there");
    let text = text(root.path());
    assert!(
        !text.contains("rocm_gpu_utilization") && !text.contains("memory_utilization"),
        "{text}"
    );
    assert!(text.contains("sensor=\"junction\"} 61") && !text.contains("mem\"}"), "{text}");
    assert!(
        text.contains("rocm_gpu_power_watts{card=\"card1\",pci=\"0000:c1:00.0\"} 300.5"),
        "{text}"
    );
    assert!(text.contains("rocm_gpu_memory_used_bytes"), "{text}");
    fs::remove_dir_all(root.path().join(&device).join("hwmon")).expect("it was there");
    let text = super::text(root.path());
    assert!(!text.contains("celsius") && !text.contains("watts"), "{text}");
    assert!(text.contains("rocm_gpu_memory_total_bytes"), "{text}");
}

#[test]
fn a_card_of_another_pod_is_left_out() {
    let root = folder();
    mi300x(root.path(), 1, 128);
    mi300x(root.path(), 2, 129);
    fs::remove_file(root.path().join("dev/dri/renderD129")).expect("it was there");
    let text = text(root.path());
    assert!(text.contains("card=\"card1\"") && !text.contains("card=\"card2\""), "{text}");
}

#[test]
fn no_gpu_no_thread_no_text() {
    let root = folder();
    let gauges = GpuGauges::default();
    assert!(gauges.start(root.path().to_owned()).is_none());
    card(root.path(), 0, "ast", 129);
    assert!(gauges.start(root.path().to_owned()).is_none());
    assert_eq!(gauges.render(), "");
}

#[test]
fn an_old_text_is_not_shown() {
    let gauges = GpuGauges::default();
    gauges.set("rocm_gpu_utilization 1\n".to_owned());
    assert_eq!(gauges.render(), "rocm_gpu_utilization 1\n");
    let mut latest = gauges.latest.lock().expect("nobody panicked");
    latest.as_mut().expect("it was set").0 -= STALE_AFTER;
    drop(latest);
    assert_eq!(gauges.render(), "");
}
