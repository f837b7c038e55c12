//! What tests tell `tests/run`: which were left out on this machine (it counts them as failed), and, where the program
//! of tests hangs and so never comes to its summary, which failed until then.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::Once;

/// Names a test that is left out, and why: on standard error, and in the file that `tests/run` reads afterwards.
pub(crate) fn leave_out(test: &str, reason: &str) {
    let line = format!("LEFT OUT: {test}: {reason}\n");
    drop(std::io::stderr().write_all(line.as_bytes()));
    if let Some(list) = std::env::var_os("BACKSTAY_TESTS_LEFT_OUT") {
        let mut list = OpenOptions::new().append(true).create(true).open(list).unwrap();
        list.write_all(line.as_bytes()).unwrap();
    }
}

/// From here on each failure of this program of tests is also written into the file that `tests/run` names.
pub(crate) fn write_down_failures() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let Some(list) = std::env::var_os("BACKSTAY_TESTS_FAILURES") else {
            return;
        };
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |failure| {
            print(failure);
            if let Ok(mut list) = OpenOptions::new().append(true).create(true).open(&list) {
                let test = std::thread::current().name().unwrap_or("a thread").to_owned();
                drop(list.write_all(format!("{test}: {failure}\n").as_bytes()));
            }
        }));
    });
}
