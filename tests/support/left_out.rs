//! A test that cannot run on this machine says so loudly, and `tests/run` counts it as failed.

use std::fs::OpenOptions;
use std::io::Write as _;

/// Names a test that is left out, and why: on standard error, and in the file that `tests/run` reads afterwards.
pub(crate) fn leave_out(test: &str, reason: &str) {
    let line = format!("LEFT OUT: {test}: {reason}\n");
    drop(std::io::stderr().write_all(line.as_bytes()));
    if let Some(list) = std::env::var_os("BACKSTAY_TESTS_LEFT_OUT") {
        let mut list = OpenOptions::new().append(true).create(true).open(list).unwrap();
        list.write_all(line.as_bytes()).unwrap();
    }
}
