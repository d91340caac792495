//! The CPU quota that Lambda gives a function of 128 MB: 128 / 1769 of a processor, once its init is over.
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// The part of a processor, in percent, that 128 MB have.
pub(crate) const PERCENT: f64 = 7.2;
/// How often the quota is renewed, in microseconds: 20 ms, as on Lambda.
const PERIOD: u32 = 20_000;
/// Microseconds of CPU in each period.
const RUNTIME: u32 = 1_440;

/// A control group whose processes get the quota together.
pub(crate) struct Quota {
    group: PathBuf,
}

impl Quota {
    /// A group of its own, of version 1 or 2 of control groups, whichever this machine lets one make; it takes root.
    ///
    /// # Errors
    /// Where neither can be made.
    pub(crate) fn new() -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("bench-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let first = Self::at(format!("/sys/fs/cgroup/cpu/{name}").into(), |group| {
            fs::write(group.join("cpu.cfs_period_us"), PERIOD.to_string())
        });
        first.or_else(|_| {
            Self::at(format!("/sys/fs/cgroup/{name}").into(), |group| {
                fs::write(group.join("cpu.max"), format!("max {PERIOD}"))
            })
        })
    }

    fn at(group: PathBuf, limit: impl Fn(&PathBuf) -> io::Result<()>) -> io::Result<Self> {
        fs::create_dir(&group)?;
        let quota = Self { group };
        limit(&quota.group)?;
        Ok(quota)
    }

    /// The file that a process writes itself into to be of the group.
    pub(crate) fn members(&self) -> PathBuf {
        self.group.join("cgroup.procs")
    }

    /// Holds the group's processes to the quota from now on.
    pub(crate) fn hold(&self) -> io::Result<()> {
        let first = fs::write(self.group.join("cpu.cfs_quota_us"), RUNTIME.to_string());
        first.or_else(|_| fs::write(self.group.join("cpu.max"), format!("{RUNTIME} {PERIOD}")))
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
