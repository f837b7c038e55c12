//! What a rehearsal costs: one simulated run by the number of steps, and all single faults of a runbook.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use backstay::action::without_engine;
use backstay::eval::Places;
use backstay::plan::{Parts, Plan};
use backstay::rehearse::{Case, Fault, Rehearsal, single_faults};
use backstay_dsl::compile::{Outcome, compile};
use rustix::time::{ClockId, clock_gettime};

use crate::support::texts::Beside;

/// Steps of one kind: a name, an action with its undo, a check.
fn text(steps: usize) -> String {
    let mut text = String::from("runbook many \"Many\" {\n  window 1000h keep 500h for the way back\n}\n");
    for step in 0..steps {
        let _ = write!(
            text,
            "step s{step} \"Step {step}\" {{\n  budget 1m\n  let was{step} = fs.target(\"/sim/l{step}\")\n  do \
             fs.link(\"/sim/l{step}\", to: \"/sim/n{step}\") undo {{ do fs.link(\"/sim/l{step}\", to: was{step}) }} \
             within 30s\n  check \"c{step}\": fs.exists(\"/sim/e{step}\")\n}}\n"
        );
    }
    text
}

fn rehearsal(steps: usize) -> Rehearsal {
    let registry = without_engine();
    let compiled = compile("many.runbook", &text(steps), &Beside::default(), registry.catalogue());
    let Outcome::Whole(runbook) = compiled.outcome else {
        panic!("{:#?}", compiled.diagnostics);
    };
    let places = Places {
        working_directory: "/work".into(),
        home: None,
    };
    let parts = Parts {
        runbook,
        sources: &compiled.sources,
        catalogue: registry.catalogue(),
        times: compiled.times,
        inputs: BTreeMap::new(),
        places: &places,
    };
    let plan = Plan::new(parts).unwrap();
    Rehearsal::new(Arc::new(plan), registry, None)
}

/// Prints one simulated run of 10, 100 and 1,000 steps, and all single faults of 10 and 30.
pub(crate) fn measure() {
    for (steps, times, goal) in [(10, 1000, "100 us"), (100, 100, "1 ms"), (1000, 10, "10 ms")] {
        let rehearsal = rehearsal(steps);
        let records = rehearsal.run(Case::default()).unwrap().events.len();
        let took = per(times, || {
            black_box(rehearsal.run(Case::default()).unwrap());
        });
        println!("rehearsal: one run of {steps} steps: {took:.0} us of CPU, {records} records (goal {goal})");
    }
    for steps in [10, 30] {
        let rehearsal = rehearsal(steps);
        let faults = single_faults(rehearsal.plan());
        let took = per(3, || {
            let see = &mut |_: &Fault, report| {
                black_box(report);
            };
            rehearsal.every_single(&faults, see).unwrap();
        });
        println!(
            "rehearsal: all {} single faults of {steps} steps: {:.1} ms of CPU (goal for 30: 50 ms)",
            faults.len(),
            took / 1000.0
        );
    }
}

/// Microseconds of CPU of one call, the fastest of five series. A rehearsal waits for nothing, so on a free
/// machine it takes as long.
fn per(times: u32, mut run: impl FnMut()) -> f64 {
    let series = (0..5).map(|_| {
        let began = thread_cpu();
        for _ in 0..times {
            run();
        }
        thread_cpu().saturating_sub(began).as_secs_f64() * 1e6 / f64::from(times)
    });
    series.fold(f64::INFINITY, f64::min)
}

fn thread_cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap()
}
