//! Texts that are made to be hard: none takes more than a second (of a release build) and 256 MiB, whatever is wrong
//! with it.

mod malformed;
mod shapes;

use crate::support::sandbox::{Sandbox, behind_limits};

/// What one text may take: a build without optimisation takes up to fifteen times as long.
const CPU_S: u64 = if cfg!(debug_assertions) { 15 } else { 1 };
const MEMORY_BYTES: u64 = 256 << 20;

#[test]
fn no_shape_takes_long_or_much() {
    let sandbox = Sandbox::new();
    for (shape, slug, text) in shapes::all() {
        std::fs::write(sandbox.path("hard.runbook"), format!("runbook hard \"Hard\"\n{text}")).unwrap();
        let checked = sandbox.command(&["check", &sandbox.path("hard.runbook").display().to_string()]);
        let checked = behind_limits(MEMORY_BYTES, CPU_S, &checked).output().unwrap();
        let said = String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned();
        let is_right = checked.status.code() == Some(0);
        let is_refused = checked.status.code() == Some(3);
        let is_as_expected = if slug.is_empty() {
            is_right
        } else {
            is_refused && said.contains(slug)
        };
        assert!(is_as_expected, "{shape}: {:?} {said}", checked.status);
    }
}
