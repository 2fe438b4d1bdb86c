//! What the amdgpu driver's sysfs files say of the GPUs: busy, memory, temperatures, power.
//!
//! Owns a slow tick on a thread of its own, since a read of these files can block for as long as a
//! sick GPU does not answer; scrapes show the latest text, and none once it is old. Never part of a
//! step. A GPU whose device nodes are not in this container belongs to somebody else and is left
//! out. A file that is absent or not understood leaves out its gauge, nothing else.
//!
//! Names are the ROCm SMI exporter's style (`rocm_gpu_*`); AMD's device metrics exporter has `gpu_*`
//! (and may add `amd_`), so both can be scraped side by side. Sources: the kernel's "GPU Driver"
//! documentation (AMDGPU Misc Information, Thermal) for the files, "Naming and data format standards
//! for sysfs files" (hwmon) for units: millidegrees, microwatts.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Time between two readings.
const INTERVAL: Duration = Duration::from_secs(5);
/// A text older than this is not shown: its reader hangs, and old gauges would look well.
const STALE_AFTER: Duration = Duration::from_secs(20);
/// Sensors looked for per GPU.
const MAX_SENSORS: usize = 8;
/// The kernel's name of the driver.
const DRIVER: &str = "amdgpu";

/// One gauge family: name, help, and its value's file under `device`.
const FILES: [(&str, &str, &str); 4] = [
    ("rocm_gpu_utilization", "Time the GPU was busy, percent.", "gpu_busy_percent"),
    ("rocm_gpu_memory_utilization", "Time the memory was busy, percent.", "mem_busy_percent"),
    ("rocm_gpu_memory_used_bytes", "VRAM in use.", "mem_info_vram_used"),
    ("rocm_gpu_memory_total_bytes", "VRAM of the GPU.", "mem_info_vram_total"),
];
const TEMPERATURE: &str = "rocm_gpu_temperature_celsius";
const POWER: &str = "rocm_gpu_power_watts";

/// The latest text, shared by the reading thread and scrapes.
#[derive(Clone, Default)]
pub(super) struct GpuGauges {
    latest: Arc<Mutex<Option<(Instant, String)>>>,
}

/// Ends the reading thread when dropped.
pub(crate) struct GpuReader {
    _stop: Sender<()>,
}

impl GpuGauges {
    /// Reads the machine whose `/` is `root` from now on. `None` where it has no such GPU.
    pub(super) fn start(&self, root: PathBuf) -> Option<GpuReader> {
        if !cards(&root).iter().any(|card| is_ours(&root, card)) {
            return None;
        }
        let (stop, stopped) = channel();
        let gauges = self.clone();
        let read = move || loop {
            gauges.set(text(&root));
            if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        };
        match std::thread::Builder::new().name("gpu-gauges".into()).spawn(read) {
            Ok(_) => Some(GpuReader { _stop: stop }),
            Err(error) => {
                tracing::warn!(%error, "no thread for the GPU gauges");
                None
            }
        }
    }

    /// The gauges in Prometheus' text format; empty without GPUs.
    pub(super) fn render(&self) -> String {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = latest.as_ref().filter(|(read, _)| read.elapsed() < STALE_AFTER);
        fresh.map(|(_, text)| text.clone()).unwrap_or_default()
    }

    fn set(&self, text: String) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = Some((Instant::now(), text));
    }
}

/// A DRM card of the driver.
struct Card {
    /// e.g. `card1`.
    name: String,
    device: PathBuf,
    /// e.g. `0000:c1:00.0`.
    pci: String,
}

fn text(root: &Path) -> String {
    let cards: Vec<Card> = cards(root).into_iter().filter(|card| is_ours(root, card)).collect();
    let mut text = String::new();
    for (name, help, file) in FILES {
        let value = |card: &Card| number(&card.device.join(file)).map(|value| value as f64);
        let rows = cards.iter().filter_map(|card| Some((card, String::new(), value(card)?)));
        family(&mut text, name, help, rows.collect());
    }
    let rows = cards.iter().flat_map(|card| {
        temperatures(card)
            .into_iter()
            .map(move |(sensor, celsius)| (card, format!(",sensor=\"{sensor}\""), celsius))
    });
    family(&mut text, TEMPERATURE, "Temperature by sensor.", rows.collect());
    let rows = cards.iter().filter_map(|card| Some((card, String::new(), watts(card)?)));
    family(&mut text, POWER, "Power drawn by the GPU's package.", rows.collect());
    text
}

/// One family with its rows; nothing without rows.
fn family(text: &mut String, name: &str, help: &str, rows: Vec<(&Card, String, f64)>) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for (Card { name: card, pci, .. }, labels, value) in rows {
        let _ = writeln!(text, "{name}{{card=\"{card}\",pci=\"{pci}\"{labels}}} {value}");
    }
}

/// The driver's cards, by number.
fn cards(root: &Path) -> Vec<Card> {
    let folder = root.join("sys/class/drm");
    let mut cards: Vec<(u32, Card)> = names(&folder)
        .into_iter()
        .filter_map(|name| {
            // Connectors are called `card0-DP-1` and the like.
            let number = name.strip_prefix("card")?.parse().ok()?;
            let device = folder.join(&name).join("device");
            let uevent = fs::read_to_string(device.join("uevent")).ok()?;
            let value = |key| uevent.lines().find_map(|line| line.strip_prefix(key));
            let pci = value("PCI_SLOT_NAME=").map(label).unwrap_or_default();
            (value("DRIVER=") == Some(DRIVER)).then_some((number, Card { name, device, pci }))
        })
        .collect();
    cards.sort_by_key(|(number, _)| *number);
    cards.into_iter().map(|(_, card)| card).collect()
}

/// Whether this process could open the card: one of its render nodes is in `/dev/dri`. sysfs shows a
/// container all GPUs of the node, also those of other pods.
fn is_ours(root: &Path, card: &Card) -> bool {
    let mut nodes = names(&card.device.join("drm"));
    nodes.retain(|name| name.starts_with("renderD"));
    nodes.is_empty() || nodes.iter().any(|node| root.join("dev/dri").join(node).exists())
}

/// The card's hwmon folder.
fn hwmon(card: &Card) -> Option<PathBuf> {
    let folder = card.device.join("hwmon");
    let found = names(&folder).into_iter().map(|name| folder.join(name));
    found
        .into_iter()
        .find(|path| fs::read_to_string(path.join("name")).is_ok_and(|name| name.trim() == DRIVER))
}

/// Sensor names (`edge`, `junction`, `mem`) and degrees.
fn temperatures(card: &Card) -> Vec<(String, f64)> {
    let Some(hwmon) = hwmon(card) else { return Vec::new() };
    (1..=MAX_SENSORS)
        .filter_map(|index| {
            let millidegrees = number(&hwmon.join(format!("temp{index}_input")))?;
            let name = fs::read_to_string(hwmon.join(format!("temp{index}_label"))).ok();
            let name = name.map(|name| label(name.trim())).filter(|name| !name.is_empty());
            Some((name.unwrap_or_else(|| format!("temp{index}")), millidegrees as f64 / 1e3))
        })
        .collect()
}

/// The mean where the driver has it, else the momentary value.
fn watts(card: &Card) -> Option<f64> {
    let hwmon = hwmon(card)?;
    let files = ["power1_average", "power1_input"];
    let microwatts = files.iter().find_map(|file| number(&hwmon.join(file)))?;
    Some(microwatts as f64 / 1e6)
}

fn number(path: &Path) -> Option<i64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Names in a folder; none if it cannot be read.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// What a label may hold without being escaped.
fn label(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || ":._-".contains(*c)).collect()
}

#[cfg(test)]
mod tests;
