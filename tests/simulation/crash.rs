//! The runner is killed at every record, forward and on the way back, and another goes on.

use backstay::event::End;
use backstay::rehearse::{Case, Fault, FaultKind, Kill, Resumption};

use crate::simulation::laws;
use crate::simulation::reference::rig;
use crate::simulation::rig::Rig;

fn killed_everywhere(faults: &[Fault], expected: End) {
    killed_everywhere_in(&rig(), faults, expected);
}

/// The same of any runbook.
pub(crate) fn killed_everywhere_in(rig: &Rig, faults: &[Fault], expected: End) {
    let all = rig.run(faults.to_vec(), Case::default());
    assert_eq!(all.end().end, expected, "{}", all.told());
    for record in 1..=all.events.len() {
        for kill in [Kill::Before(record), Kill::After(record)] {
            let scene = rig.scene(faults.to_vec(), Case::default());
            let before = scene.drive(Some(kill));
            assert!(before.is_none(), "{kill:?}: it was not killed");
            if kill == Kill::Before(1) || kill == Kill::After(all.events.len()) {
                continue;
            }
            let reboot = record % 2 == 0;
            scene.recover(Resumption {
                reboot,
                ..Resumption::default()
            });
            let report = scene.drive(None).expect("nobody kills it again");
            laws::hold(&rig.plan, &report, 2);
            assert_eq!(
                report.end().end,
                expected,
                "{kill:?} reboot {reboot}\n{}",
                report.told()
            );
        }
    }
}

#[test]
fn forward() {
    killed_everywhere(&[], End::Completed);
}

#[test]
fn on_the_way_back() {
    killed_everywhere(&[Fault::always("validate/2", FaultKind::Untrue)], End::RolledBack);
}

#[test]
fn while_unwinding() {
    killed_everywhere(&[Fault::always("backup/3", FaultKind::Untrue)], End::RolledBack);
}

#[test]
fn while_a_row_heals() {
    let faults = [
        Fault::always("cutover/2", FaultKind::Untrue).until("symptom:upgrade_window/2/1"),
        Fault::always("symptom:upgrade_window/2", FaultKind::Untrue),
    ];
    killed_everywhere(&faults, End::Completed);
}
