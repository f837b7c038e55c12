//! Random runbooks, random faults, signals and deaths of the runner: the laws hold for every run.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use backstay::event::End;
use backstay::rehearse::{Case, Fault, FaultKind, Kill, Resumption};
use backstay::run::driver::{Control, Rest};
use backstay_dsl::effect::{Resource, ResourceKind};
use backstay_dsl::model::StatementKind;
use proptest::prelude::*;

use crate::simulation::laws;
use crate::simulation::rig::Rig;
use crate::simulation::services::{RandomServices, random_services};
use crate::support::effort::cases;
use crate::support::texts::Beside;

/// An undo is begun at most so often: once, and once more after it failed.
const TRIES: usize = 2;

/// A statement of a random step.
#[derive(Debug, Clone, Copy)]
enum Line {
    /// Switches a link of its own, with an undo.
    Switch { retries: bool },
    /// Asks whether something exists.
    Check,
    /// Makes a file of its own; must not be repeated.
    Once,
    /// Lets time pass.
    Wait,
}

/// A random step.
#[derive(Debug, Clone)]
struct RandomStep {
    /// Those it waits for among the earlier; `None`: all of them.
    after: Option<Vec<usize>>,
    is_guarded: bool,
    takes_hold: bool,
    continues: bool,
    lines: Vec<Line>,
}

/// A random runbook. Its last step waits for all others and releases the hold.
#[derive(Debug, Clone)]
struct RandomRunbook {
    steps: Vec<RandomStep>,
    commits: bool,
    has_window: bool,
    services: Option<RandomServices>,
}

/// What goes wrong, chosen by numbers that are taken modulo what there is.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    forward: Option<(usize, usize, bool)>,
    back: Option<(usize, usize, bool)>,
    signal_at: Option<usize>,
    passes_at: Option<(usize, u64)>,
    kill: Option<(usize, bool, bool)>,
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        4 => any::<bool>().prop_map(|retries| Line::Switch { retries }),
        2 => Just(Line::Check),
        1 => Just(Line::Once),
        1 => Just(Line::Wait),
    ]
}

fn random_step() -> impl Strategy<Value = RandomStep> {
    let after = proptest::option::of(proptest::collection::vec(0_usize..6, 0..3));
    let lines = proptest::collection::vec(line(), 0..4);
    (
        after,
        any::<bool>(),
        any::<bool>(),
        proptest::bool::weighted(0.2),
        lines,
    )
        .prop_map(|(after, is_guarded, takes_hold, continues, lines)| RandomStep {
            after,
            is_guarded,
            takes_hold,
            continues,
            lines,
        })
}

fn random_runbook() -> impl Strategy<Value = RandomRunbook> {
    let steps = proptest::collection::vec(random_step(), 1..6);
    (steps, any::<bool>(), any::<bool>()).prop_map(|(steps, commits, has_window)| RandomRunbook {
        steps,
        commits,
        has_window,
        services: None,
    })
}

/// A random runbook with services: its other steps come before those.
fn with_services() -> impl Strategy<Value = RandomRunbook> {
    let steps = proptest::collection::vec(random_step(), 0..3);
    (steps, any::<bool>(), any::<bool>(), random_services()).prop_map(|(steps, commits, has_window, services)| {
        RandomRunbook {
            steps,
            commits,
            has_window,
            services: Some(services),
        }
    })
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let fault = || (any::<usize>(), any::<usize>(), any::<bool>());
    (
        proptest::option::weighted(0.8, fault()),
        proptest::option::weighted(0.3, fault()),
        proptest::option::weighted(0.2, 1_usize..60),
        proptest::option::weighted(0.2, (1_usize..60, 1_u64..6_000_000)),
        proptest::option::weighted(0.4, (any::<usize>(), any::<bool>(), any::<bool>())),
    )
        .prop_map(|(forward, back, signal_at, passes_at, kill)| Trouble {
            forward,
            back,
            signal_at,
            passes_at,
            kill,
        })
}

impl RandomRunbook {
    fn text(&self) -> String {
        let mut text = String::from("runbook random \"Random\" {\n");
        if self.has_window {
            text.push_str("  window 2h keep 1h for the way back\n");
        }
        let header = self
            .services
            .as_ref()
            .map_or("  on failure unwind\n", RandomServices::header);
        let _ = writeln!(text, "{header}}}\n");
        if let Some(services) = &self.services {
            services.declare(&mut text);
        }
        let has_hold = self.steps.iter().any(|step| step.takes_hold);
        if has_hold {
            text.push_str(
                "hold quiet \"Quiet\" {\n  take    fs.link(\"/sim/quiet\", to: \"/sim/on\") within 30s\n  release \
                 fs.link(\"/sim/quiet\", to: \"/simulated\") within 30s\n}\n\n",
            );
        }
        let mut is_hold_taken = false;
        for (place, step) in self.steps.iter().enumerate() {
            let takes_hold = step.takes_hold && !is_hold_taken;
            is_hold_taken |= takes_hold;
            step.write(place, takes_hold, &mut text);
        }
        if let Some(services) = &self.services {
            services.write_steps(&mut text);
        }
        text.push_str("step last \"Last\" {\n  budget 5m\n");
        if self.commits && has_hold {
            text.push_str("  commits \"from here on it stays\"\n");
        }
        if has_hold {
            text.push_str("  release quiet\n");
        }
        text.push_str("  check \"it is there\": fs.exists(\"/sim\")\n}\n");
        if let Some(services) = &self.services {
            services.write_branch(&mut text);
        }
        text
    }
}

impl RandomStep {
    fn write(&self, place: usize, takes_hold: bool, text: &mut String) {
        let mut after = String::new();
        if let Some(named) = &self.after {
            let mut named: Vec<usize> = named.iter().filter_map(|other| other.checked_rem(place)).collect();
            named.sort_unstable();
            named.dedup();
            let named: Vec<String> = named.iter().map(|other| format!("s{other}")).collect();
            after = match named.as_slice() {
                [] => " after nothing".to_owned(),
                named => format!(" after {}", named.join(", ")),
            };
        }
        let _ = writeln!(text, "step s{place} \"Step {place}\"{after} {{\n  budget 5m");
        if self.is_guarded {
            text.push_str("  require fs.exists(\"/sim\") else \"make /sim first\"\n");
        }
        if takes_hold {
            text.push_str("  take quiet\n");
        }
        for (nth, line) in self.lines.iter().enumerate() {
            let name = format!("{place}_{nth}");
            let _ = match line {
                Line::Switch { retries } => {
                    let retry = if *retries { "  retry 1 every 5s\n" } else { "" };
                    writeln!(
                        text,
                        "  let was_{name} = fs.target(\"/sim/link-{name}\")\n{retry}  do fs.link(\"/sim/link-{name}\", to: \
                         \"/sim/new-{name}\") undo {{ do fs.link(\"/sim/link-{name}\", to: was_{name}) }} within 30s"
                    )
                }
                Line::Check => writeln!(text, "  check \"there {name}\": fs.exists(\"/sim/there-{name}\")"),
                Line::Once => writeln!(
                    text,
                    "  do \"Run it\": exec.run([\"make\", \"{name}\"], effects: {{ adds file(\"/sim/made-{name}\")  repeat once }})"
                ),
                Line::Wait => writeln!(text, "  wait 20s because \"time has to pass\""),
            };
        }
        if self.continues {
            text.push_str("  on failure continue because \"it is nice to have\"\n");
        }
        text.push_str("}\n\n");
    }
}

/// A fault of a statement whose key `is_meant` names.
fn fault(rig: &Rig, chosen: (usize, usize, bool), is_meant: impl Fn(&str) -> bool) -> Option<Fault> {
    let (place, nth, always) = chosen;
    let program = &rig.plan.program;
    let mut statements: Vec<_> = program.statements().map(|(_, statement)| statement).collect();
    statements.retain(|statement| is_meant(&statement.key));
    let statement = statements.get(place.checked_rem(statements.len())?)?;
    let kinds = match &statement.kind {
        StatementKind::Do(action) => {
            let mut kinds = FaultKind::of_action(action.call.effects.is_partial);
            kinds.push(FaultKind::Unseen);
            kinds
        }
        StatementKind::Check(_) | StatementKind::Require { .. } => FaultKind::OF_QUESTION.to_vec(),
        StatementKind::Let { .. } => vec![FaultKind::Unanswered, FaultKind::Hangs],
        _ => return None,
    };
    let kind = kinds[nth % kinds.len()];
    let key = statement.key.clone();
    if kind == FaultKind::Unseen {
        return Some(Fault::unseen(Some(&key)));
    }
    Some(if always {
        Fault::always(key, kind)
    } else {
        Fault::once(key, kind)
    })
}

fn is_of_way_back(key: &str) -> bool {
    key.starts_with("undo:") || key.ends_with("/release")
}

fn check(runbook: &RandomRunbook, trouble: Trouble) {
    let text = runbook.text();
    let quiet = Resource::new(ResourceKind::Link, "/sim/quiet".to_owned());
    let rig = Rig::new("random.runbook", &text, &Beside::default(), BTreeMap::new()).seeded(quiet, "/simulated");
    let forward = trouble
        .forward
        .and_then(|chosen| fault(&rig, chosen, |key| !is_of_way_back(key)));
    let back = trouble.back.and_then(|chosen| fault(&rig, chosen, is_of_way_back));
    let is_clean = forward.is_none() && back.is_none() && trouble.signal_at.is_none() && trouble.passes_at.is_none();
    let faults: Vec<Fault> = forward.into_iter().chain(back).collect();
    let outside = Case {
        control_at: trouble.signal_at.map(|at| (at, Control::Signal("INT".to_owned()))),
        passes_at: trouble.passes_at,
        ..Case::default()
    };
    let report = rig.run(faults.clone(), outside.clone());
    laws::hold(&rig.plan, &report, TRIES);
    match &report.rest {
        Rest::Ended(end) => assert!(!is_clean || end.end == End::Completed, "{text}\n{}", report.told()),
        Rest::Paused(_) => assert!(trouble.signal_at.is_some(), "{text}\n{}", report.told()),
        Rest::Killed => panic!("{text}\n{}", report.told()),
    }
    let Some((record, is_before, reboot)) = trouble.kill else {
        return;
    };
    let record = 2 + record % report.events.len();
    let kill = if is_before {
        Kill::Before(record)
    } else {
        Kill::After(record)
    };
    let scene = rig.scene(faults, outside);
    if scene.drive(Some(kill)).is_some() || scene.has_ended() {
        return;
    }
    scene.recover(Resumption {
        reboot,
        ..Resumption::default()
    });
    let resumed = scene.drive(None).expect("nobody kills it again");
    laws::hold(&rig.plan, &resumed, TRIES + 1);
    assert!(!matches!(resumed.rest, Rest::Killed));
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn the_laws_hold(runbook in random_runbook(), troubles in proptest::collection::vec(trouble(), 4)) {
        for trouble in troubles {
            check(&runbook, trouble);
        }
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn the_laws_hold_with_services(
        runbook in with_services(),
        troubles in proptest::collection::vec(trouble(), 6),
    ) {
        for trouble in troubles {
            check(&runbook, trouble);
        }
    }
}
