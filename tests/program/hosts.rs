//! Runbooks that speak of other machines: proved and shown, and not carried out.

use crate::support::sandbox::Sandbox;

const TWO: &str = "runbook two \"T\"\ninputs {\n  web_a : host\n  web_b : host\n}\n\
                   anchor root on web_a = fs.exists(\"/\")\n\
                   step a \"A\" on web_a {\n  require fs.exists(\"ROOT/none\") else \"not asked here\"\n  \
                   do fs.mkdir(\"ROOT/made\") undo fs.remove(\"ROOT/made\") within 1s\n}\n\
                   step b \"B\" on web_b {\n  do fs.mkdir(\"ROOT/made\") undo fs.remove(\"ROOT/made\") within 1s\n  \
                   check \"the root is there\": root\n}\n";

#[test]
fn a_plan_shows_what_is_elsewhere_without_asking_here_and_a_run_refuses_it() {
    let desk = Sandbox::desk();
    desk.write_runbook("two.runbook", TWO);
    desk.call(&["check", "two.runbook"]).exits(0);
    let inputs = ["--input", "web_a=web1.example", "--input", "web_b=web2.example"];
    let plan = desk
        .call(&[&["plan", "two.runbook"], &inputs[..]].concat())
        .exits(1)
        .stdout;
    for words in [
        "made) on web1.example",
        "made) on web2.example",
        "required (fs.exists(…)) – the runbook speaks of other machines",
        "`web_a` is the machine web1.example",
        "`web_b` is the machine web2.example",
    ] {
        assert!(plan.contains(words), "{words}: {plan}");
    }
    assert!(!plan.contains("not asked here"), "{plan}");
    let run = desk
        .call(&[&["run", "two.runbook", "--no-input"], &inputs[..]].concat())
        .exits(4);
    assert!(
        run.stderr.contains("nothing is done on another machine yet"),
        "{}",
        run.stderr
    );
    assert!(!desk.path("made").exists());
}

#[test]
fn two_names_of_one_machine_are_refused_and_so_is_this_one_by_an_input() {
    let desk = Sandbox::desk();
    desk.write_runbook("two.runbook", TWO);
    for (inputs, words) in [
        (["web_a=web1", "web_b=WEB1"], "two names of one machine"),
        (["web_a=local", "web_b=web1"], "write `on local`"),
    ] {
        let [a, b] = inputs;
        for command in ["plan", "run"] {
            let call = desk
                .call(&[command, "two.runbook", "--input", a, "--input", b])
                .exits(2);
            assert!(call.stderr.contains(words), "{}", call.stderr);
        }
    }
}
