//! Every benchmark, in one program: `cargo bench -p backstay` for all, `cargo bench -p backstay -- NAME…` for some.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints and may panic"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and starts processes"
)]

mod bench;
#[expect(dead_code, reason = "the other programs use the rest of it")]
mod support;

/// A benchmark and its name.
type Bench = (&'static str, fn());

const BENCHES: [Bench; 6] = [
    ("backups", bench::backups::compare),
    ("programs", bench::programs::compare_with_others),
    ("containers", bench::containers::compare),
    ("rehearsal", bench::rehearsal::measure),
    ("transcripts", bench::transcripts::verify),
    ("volumes", bench::volumes::compare_with_tar),
];

fn main() {
    // Cargo adds flags of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for word in &wanted {
        assert!(
            BENCHES.iter().any(|(name, _)| name == word),
            "there is no benchmark `{word}`"
        );
    }
    for (name, run) in BENCHES {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            run();
        }
    }
}
