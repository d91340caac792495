//! The part of a processor that Lambda gives a function, once its init is over: 1769 MB of memory come with one.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// The memory that a whole processor comes with, in MB.
const WHOLE: u32 = 1769;
/// How often the quota is renewed, in microseconds.
const PERIOD: u32 = 20_000;

/// What is written in place of figures with a quota where there can be none.
pub(crate) const IMPOSSIBLE: &str = "Not measured: only root can make a control group.\n";

/// A control group whose processes get the quota together.
pub(crate) struct Quota {
    group: PathBuf,
    /// Microseconds of CPU in each period.
    runtime: u32,
}

impl Quota {
    /// The part of a processor that this memory comes with, in percent.
    pub(crate) fn percent(memory: u32) -> f64 {
        f64::from(memory) * 100.0 / f64::from(WHOLE)
    }

    /// What so many MB have: a group of its own, of version 1 or 2 of control groups, whichever this machine lets one make; it takes root.
    ///
    /// # Errors
    /// Where neither can be made.
    pub(crate) fn new(memory: u32) -> io::Result<Self> {
        let runtime = PERIOD * memory / WHOLE;
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("bench-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let first = Self::at(format!("/sys/fs/cgroup/cpu/{name}").into(), runtime, |group| {
            fs::write(group.join("cpu.cfs_period_us"), PERIOD.to_string())
        });
        first.or_else(|_| {
            Self::at(format!("/sys/fs/cgroup/{name}").into(), runtime, |group| {
                fs::write(group.join("cpu.max"), format!("max {PERIOD}"))
            })
        })
    }

    /// Whether this process may make one.
    pub(crate) fn is_possible() -> bool {
        Self::new(WHOLE).is_ok()
    }

    fn at(group: PathBuf, runtime: u32, limit: impl Fn(&PathBuf) -> io::Result<()>) -> io::Result<Self> {
        fs::create_dir(&group)?;
        let quota = Self { group, runtime };
        limit(&quota.group)?;
        Ok(quota)
    }

    /// The file that a process writes itself into to be of the group.
    pub(crate) fn members(&self) -> PathBuf {
        self.group.join("cgroup.procs")
    }

    /// Holds the group's processes to the quota from now on.
    pub(crate) fn hold(&self) -> io::Result<()> {
        let first = fs::write(self.group.join("cpu.cfs_quota_us"), self.runtime.to_string());
        first.or_else(|_| fs::write(self.group.join("cpu.max"), format!("{} {PERIOD}", self.runtime)))
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // A group is gone for good with its last process; one that will not go is left to the machine's next start.
        for _ in 0..100 {
            if fs::remove_dir(&self.group).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}
