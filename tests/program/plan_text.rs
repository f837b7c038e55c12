//! The whole plan of one runbook, as a person reads it: `plan.runbook` and `plan.txt`.

use std::fs;

use crate::support::sandbox::{Finished, Sandbox, repository};

/// `BACKSTAY_GOLDEN=write` writes what is printed; read it, then.
#[test]
fn all_that_an_approver_has_to_know_is_there_in_the_order_of_the_text() {
    let desk = Sandbox::desk();
    let folder = repository().join("tests/program");
    fs::copy(folder.join("plan.runbook"), desk.path("plan.runbook")).unwrap();
    let mut command = desk.command(&["plan", "plan.runbook"]);
    let planned = Finished::of(command.env("SHOP_TOKEN", "a long secret of the shop"))
        .exits(1)
        .stdout;
    let said = planned.replace(desk.path("").to_str().unwrap().trim_end_matches('/'), "HERE");
    let said: Vec<&str> = said.lines().filter(|line| !line.starts_with("plan sha256:")).collect();
    let said = format!("{}\n", said.join("\n"));
    let golden = folder.join("plan.txt");
    if std::env::var_os("BACKSTAY_GOLDEN").is_some() {
        fs::write(&golden, &said).unwrap();
    }
    similar(&fs::read_to_string(&golden).unwrap(), &said);
    let too_wide = said
        .lines()
        .filter(|line| line.chars().count() > 100 && !line.trim_start().starts_with('|'));
    assert_eq!(too_wide.collect::<Vec<_>>(), Vec::<&str>::new());
}

fn similar(wanted: &str, said: &str) {
    let differs = wanted.lines().zip(said.lines()).find(|(wanted, said)| wanted != said);
    assert_eq!(differs, None, "{said}");
    assert_eq!(wanted, said);
}
