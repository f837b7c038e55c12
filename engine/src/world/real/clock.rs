//! The clocks of this machine.

use std::time::{Duration, SystemTime};

use crate::action::common::boot::{boot_id, since_boot};
use crate::world::Clock;
use async_trait::async_trait;

/// The longest sleep at a time: the boot clock runs in suspend, the clock that wakes us does not.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// The boot clock for budgets, the wall clock for stamps.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealClock;

#[async_trait]
impl Clock for RealClock {
    fn boot_ns(&self) -> u64 {
        u64::try_from(since_boot().as_nanos()).unwrap_or(u64::MAX)
    }

    fn wall_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn boot_id(&self) -> String {
        boot_id().unwrap_or_default()
    }

    async fn sleep_until(&self, boot_ns: u64) {
        loop {
            let left = Duration::from_nanos(boot_ns.saturating_sub(self.boot_ns()));
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(SLEEP_MAX)).await;
        }
    }
}
