//! The signals that stop an import or an export in an orderly way.

use std::future::Future;

/// Completes on SIGINT (Ctrl-C), SIGTERM and SIGHUP (a closed terminal). After this call, none of
/// them ends the process by itself.
#[cfg(unix)]
pub(super) fn interruption() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| error.to_string());
    let (mut interrupted, mut terminated) = (
        listen(SignalKind::interrupt())?,
        listen(SignalKind::terminate())?,
    );
    let mut closed = if ignores_hangup() {
        None
    } else {
        Some(listen(SignalKind::hangup())?)
    };
    Ok(async move {
        let closed = async {
            match &mut closed {
                Some(closed) => closed.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
            _ = closed => {}
        }
    })
}

/// Whether the program was started with SIGHUP ignored, as by `nohup`. Always false except on
/// Linux.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is that of signal 1.
    ignored
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}

/// Completes on Ctrl-C. After this call, Ctrl-C does not end the process by itself.
#[cfg(windows)]
pub(super) fn interruption() -> Result<impl Future<Output = ()>, String> {
    let mut interrupted = tokio::signal::windows::ctrl_c().map_err(|error| error.to_string())?;
    Ok(async move { drop(interrupted.recv().await) })
}
