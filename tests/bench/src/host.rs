//! What the machine says of itself: CPU time of process trees, memory, and time stolen by the hypervisor.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::window::median;

/// Length of a tick of `/proc/*/stat`, in microseconds: the kernel has told user space 100 Hz for decades.
const TICK_US: f64 = 10_000.0;
/// A page of WAL, and how often one is written to see what that takes.
const PAGE_BYTES: usize = 8_192;
const PAGES_WRITTEN: usize = 200;

/// One process as `/proc/PID/stat` shows it.
struct Process {
    parent: u32,
    ticks: u64,
    reaped_ticks: u64,
}

fn processes() -> Result<HashMap<u32, Process>> {
    let mut found = HashMap::new();
    for entry in fs::read_dir("/proc").context("/proc cannot be listed")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // It may have ended since it was listed.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((_, fields)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = fields.split(' ').collect();
        let field = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let parent = u32::try_from(field(1)).unwrap_or(0);
        let (ticks, reaped_ticks) = (field(11) + field(12), field(13) + field(14));
        found.insert(pid, Process { parent, ticks, reaped_ticks });
    }
    Ok(found)
}

fn tree<'p>(all: &'p HashMap<u32, Process>, roots: &[u32]) -> Vec<(u32, &'p Process)> {
    let belongs = |mut pid: u32| {
        while let Some(process) = all.get(&pid) {
            if roots.contains(&pid) {
                return true;
            }
            pid = process.parent;
        }
        false
    };
    all.iter().filter(|(pid, _)| belongs(**pid)).map(|(pid, process)| (*pid, process)).collect()
}

/// CPU time of the processes `roots` and all below them since they started, in microseconds. A child that ended counts
/// on with its parent.
pub fn cpu_us(roots: &[u32]) -> Result<f64> {
    let all = processes()?;
    let ticks: u64 = tree(&all, roots).iter().map(|(_, process)| process.ticks + process.reaped_ticks).sum();
    Ok(ticks as f64 * TICK_US)
}

/// Resident memory of the processes `roots` and all below them, in MB: now, and the most there ever was of each.
pub fn memory_mb(roots: &[u32]) -> Result<(f64, f64)> {
    let all = processes()?;
    let mut sums = (0.0, 0.0);
    for (pid, _) in tree(&all, roots) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let megabytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0 kB");
            line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
        };
        sums.0 += megabytes("VmRSS:");
        sums.1 += megabytes("VmHWM:");
    }
    Ok(sums)
}

/// Time of all CPUs since boot, in ticks.
#[derive(Clone, Copy)]
pub struct CpuTime {
    all: u64,
    stolen: u64,
}

impl CpuTime {
    /// As it is now.
    pub fn now() -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat").context("/proc/stat cannot be read")?;
        let line = stat.lines().next().unwrap_or_default();
        // user nice system idle iowait irq softirq steal; what follows is part of user already
        let ticks: Vec<u64> =
            line.split_whitespace().skip(1).take(8).filter_map(|text| text.parse().ok()).collect();
        Ok(Self { all: ticks.iter().sum(), stolen: ticks.get(7).copied().unwrap_or(0) })
    }

    /// How much of the time since `earlier` was stolen, in percent.
    pub fn steal_percent_since(self, earlier: Self) -> f64 {
        let all = self.all.saturating_sub(earlier.all);
        if all == 0 { 0.0 } else { 100.0 * self.stolen.saturating_sub(earlier.stolen) as f64 / all as f64 }
    }
}

/// The machine in one line.
pub fn description() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown CPU", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes: f64 = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0.0);
    format!("{cores} x {model}, {:.0} GB", kilobytes / 1024.0 / 1024.0)
}

/// Median time to write a page into a file of `directory` and to have it on disk, in microseconds: what a commit costs
/// at the very least, and what differs most between machines.
pub fn page_sync_us(directory: &Path) -> Result<f64> {
    let path = directory.join("page_sync");
    let mut file = File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    let page = [0; PAGE_BYTES];
    file.write_all(&page)?;
    let mut times_us = Vec::with_capacity(PAGES_WRITTEN);
    for _ in 0..PAGES_WRITTEN {
        let started = Instant::now();
        file.rewind()?;
        file.write_all(&page)?;
        file.sync_data()?;
        times_us.push(started.elapsed().as_secs_f64() * 1e6);
    }
    fs::remove_file(&path)?;
    Ok(median(&mut times_us))
}
