//! Which boot of the machine this is, and how long ago it was.

use std::sync::OnceLock;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Time since the machine booted, with what it slept.
pub(crate) fn since_boot() -> Duration {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Boottime);
    Duration::new(tv_sec.unsigned_abs(), u32::try_from(tv_nsec).unwrap_or(0))
}

/// Names this boot; an error says why it cannot be told from others.
pub(crate) fn boot_id() -> Result<String, String> {
    const FILE: &str = "/proc/sys/kernel/random/boot_id";
    // No program sees two boots.
    static KNOWN: OnceLock<String> = OnceLock::new();
    if let Some(id) = KNOWN.get() {
        return Ok(id.clone());
    }
    match std::fs::read_to_string(FILE) {
        Ok(id) if !id.trim().is_empty() => Ok(KNOWN.get_or_init(|| id.trim().to_owned()).clone()),
        Ok(_) => Err(format!("which boot this is cannot be told: {FILE} is empty")),
        Err(error) => Err(format!(
            "which boot this is cannot be told: {FILE} cannot be read ({error})"
        )),
    }
}
