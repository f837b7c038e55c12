//! Benchmark of a volume's backup beside the usual `docker run … tar`.
//!
//! The archive of `backup.create` is compressed, hashed, durable and read back; that of `tar czf` is none of it but
//! compressed. The claim is the ratio of runs that take turns: machines are noisy.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backstay::action::{Arguments, Outcome, builtin};
use backstay::containers::Containers;
use backstay::value::Value;
use backstay::world::real::DockerEngine;
use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::topology::Topology;

use crate::support::attempt::attempt;
use crate::support::daemon::Daemon;

/// How much is in the volume.
const MEBIBYTES: usize = 500;
/// How often each is done.
const ROUNDS: usize = 3;
/// The volume.
const VOLUME: &str = "bench-volume";

pub(crate) fn compare_with_tar() {
    let Some(daemon) = Daemon::private("bench") else {
        return;
    };
    let image = daemon.image("bench", "exec \"$@\"");
    daemon.docker(&["volume", "create", VOLUME]);
    furnish(&daemon.mountpoint(VOLUME));
    let out = tempfile::tempdir().unwrap();
    let tar = |number: usize| {
        let start = Instant::now();
        daemon.docker(&[
            "run",
            "--rm",
            &format!("--volume={VOLUME}:/v"),
            &format!("--volume={}:/o", out.path().display()),
            &image,
            "tar",
            "czf",
            &format!("/o/{number}.tgz"),
            "-C",
            "/v",
            ".",
        ]);
        start.elapsed().as_secs_f64()
    };
    let mut ratios = Vec::new();
    println!("| backup.create s | docker run tar czf s | ratio |\n| --- | --- | --- |");
    for number in 0..ROUNDS {
        let ours = create(&daemon.host(), out.path(), number);
        let theirs = tar(number);
        ratios.push(ours / theirs);
        println!("| {ours:.2} | {theirs:.2} | {:.3} |", ours / theirs);
    }
    ratios.sort_by(f64::total_cmp);
    println!("\nMedian ratio: {:.3}", ratios[ROUNDS / 2]);
    for entry in fs::read_dir(out.path()).unwrap().map(Result::unwrap) {
        let mebibytes = entry.metadata().unwrap().len() >> 20;
        println!("{}: {mebibytes} MiB", entry.file_name().display());
    }
}

/// Files of 1 MiB: half of them text with much in common, half of them noise.
fn furnish(place: &Path) {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for number in 0..MEBIBYTES {
        let folder = place.join(format!("folder-{}", number / 50));
        fs::create_dir_all(&folder).unwrap();
        let mut bytes = Vec::with_capacity(1 << 20);
        while bytes.len() < 1 << 20 {
            if number % 2 == 0 {
                bytes.extend_from_slice(&noise().to_le_bytes());
            } else {
                let (visitor, day) = (noise() % 1000, noise() % 365);
                writeln!(
                    bytes,
                    "{{\"visitor\": {visitor}, \"day\": {day}, \"text\": \"it was nice here\"}}"
                )
                .unwrap();
            }
        }
        bytes.truncate(1 << 20);
        fs::write(folder.join(number.to_string()), bytes).unwrap();
    }
    rustix::fs::sync();
}

/// Seconds that one backup takes.
fn create(host: &str, out: &Path, number: usize) -> f64 {
    let containers: Arc<dyn Containers> = Arc::new(DockerEngine::new(Some(host)));
    let registry = builtin(&containers);
    let state = vec![Resource::new(ResourceKind::Volume, VOLUME.to_owned())];
    let mut context = attempt("bench", &number.to_string(), out);
    context.limit = Duration::from_mins(10);
    context.topology = Arc::new(Topology {
        states: BTreeMap::from([("data".to_owned(), state)]),
        ..Topology::default()
    });
    let arguments = Arguments(BTreeMap::from([
        ("state".to_owned(), Value::State("data".to_owned())),
        ("to".to_owned(), Value::Path(out.display().to_string())),
    ]));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let action = registry.get("backup.create").unwrap();
    let start = Instant::now();
    let outcome = runtime.block_on(action.perform(&context, &arguments));
    let seconds = start.elapsed().as_secs_f64();
    assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
    seconds
}
