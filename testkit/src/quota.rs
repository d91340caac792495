//! The share of a CPU that Lambda gives a function after its init: 1769 MB of memory come with one
//! CPU.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// The memory that comes with a whole CPU, in MB.
const WHOLE: u32 = 1769;
/// How often the quota is renewed, in microseconds.
const PERIOD: u32 = 20_000;

/// A control group whose processes share the quota.
#[derive(Debug)]
pub struct Quota {
    group: PathBuf,
    /// Microseconds of CPU in each period.
    runtime: u32,
}

impl Quota {
    /// The share of a CPU that comes with this memory, in percent.
    pub fn percent(memory: u32) -> f64 {
        f64::from(memory) * 100.0 / f64::from(WHOLE)
    }

    /// Creates a control group with the quota of this memory, in MB: version 1 or 2 of control
    /// groups, whichever this machine allows. Needs root.
    ///
    /// # Errors
    /// If neither can be created.
    pub fn new(memory: u32) -> io::Result<Self> {
        let runtime = PERIOD * memory / WHOLE;
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "bench-{}-{}-{:x}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed),
            fastrand::u32(..)
        );
        let first = Self::at(
            "/sys/fs/cgroup/cpu",
            &name,
            runtime,
            "cpu.cfs_period_us",
            PERIOD.to_string(),
        );
        first.or_else(|_| {
            Self::at(
                "/sys/fs/cgroup",
                &name,
                runtime,
                "cpu.max",
                format!("max {PERIOD}"),
            )
        })
    }

    /// Whether this process may create a control group.
    pub fn is_possible() -> bool {
        Self::new(WHOLE).is_ok()
    }

    fn at(
        folder: &str,
        name: &str,
        runtime: u32,
        control: &str,
        value: String,
    ) -> io::Result<Self> {
        let group = PathBuf::from(folder).join(name);
        fs::create_dir(&group)?;
        let quota = Self { group, runtime };
        write(&quota.group.join(control), &value)?;
        Ok(quota)
    }

    /// The file that a process writes its id to in order to join the group.
    pub(crate) fn members(&self) -> PathBuf {
        self.group.join("cgroup.procs")
    }

    /// Applies the quota to the group's processes from now on.
    pub(crate) fn apply(&self) -> io::Result<()> {
        let first = write(
            &self.group.join("cpu.cfs_quota_us"),
            &self.runtime.to_string(),
        );
        first.or_else(|_| {
            write(
                &self.group.join("cpu.max"),
                &format!("{} {PERIOD}", self.runtime),
            )
        })
    }
}

/// Writes to a control file that the kernel has created; if there is none, this is no control
/// group.
fn write(control: &Path, value: &str) -> io::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .open(control)?
        .write_all(value.as_bytes())
}

impl Drop for Quota {
    fn drop(&mut self) {
        // A group can be removed only after its last process has ended; one that cannot be removed
        // stays until the next boot.
        for _ in 0..100 {
            if fs::remove_dir(&self.group).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}
