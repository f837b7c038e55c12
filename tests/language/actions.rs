//! Each action of the catalogue has an example that is right and runs, and stands in `docs/actions/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use backstay::action::catalogue;
use backstay::event::End;
use backstay::rehearse::Case;
use backstay::render::catalogue::{family, list};
use backstay::value::{Secret, Value};
use backstay_dsl::catalogue::{Catalogue, Signature};
use backstay_dsl::diagnostic::Severity;
use backstay_dsl::effect::{Resource, ResourceKind};

use crate::simulation::rig::Rig;
use crate::support::texts::{Beside, all_words, compiled, root};

/// What stands above the step in which an example stands.
const AROUND: &str = r#"runbook example "An example"

inputs {
  folder    : path = "/srv/shop"
  new_image : pinned image
  release   : pinned package = "shop-web=2.0-1"
  token     : secret from env TOKEN
}

service app   "The application" { runs process("app") }
service batch "The nightly work" { runs process("batch")  writes data  begins stopped }
service box   "The shop" { runs container("shop")  pinned by container("shop") }
service web   "The web server" { runs unit("shop-web")  pinned by package("shop-web") }
service wiki  "The wiki" { runs compose(folder / "wiki", name: "wiki")  pinned by key(folder / "wiki" / ".env", "WIKI_IMAGE") }
service old   "The shop of last year" { runs container("shop-2025")  begins stopped  ends absent }

protect data "The data" { path folder / "data" }
"#;

/// What is not there in its world when an example begins.
const NOT_THERE: &[&str] = &["/srv/shop/settings.before", "/srv/shop/token"];

/// Set to `write`, the pages are written anew.
const WRITES: &str = "BACKSTAY_DOCS";

fn example(signature: &Signature) -> String {
    let mut text = format!("{AROUND}\nstep example \"{}\" {{\n", signature.full_name());
    for line in signature.example_lines() {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str("}\n");
    text
}

#[test]
fn every_example_is_right_and_runs() {
    let mut failures = Vec::new();
    for signature in catalogue().iter() {
        let name = signature.full_name();
        let text = example(signature);
        if !signature.example.contains(&format!("{name}(")) {
            failures.push(format!(
                "{name}: write `.example(…)` with a call of it in its signature"
            ));
            continue;
        }
        let compiled = compiled("example.runbook", &text, &Beside::default());
        if compiled
            .diagnostics
            .iter()
            .any(|found| found.severity == Severity::Error)
        {
            failures.push(format!("{name}\n{text}\n{}", all_words(&compiled)));
            continue;
        }
        let image = format!("registry.example/shop@sha256:{}", "b".repeat(64));
        let inputs = BTreeMap::from([
            ("folder".to_owned(), Value::Path("/srv/shop".to_owned())),
            ("new_image".to_owned(), Value::Image(image)),
            ("release".to_owned(), Value::Package("shop-web=2.0-1".to_owned())),
            (
                "token".to_owned(),
                Value::Secret(Secret::new("token", "not-a-real-token")),
            ),
        ]);
        let mut rig = Rig::new("example.runbook", &text, &Beside::default(), inputs);
        for place in NOT_THERE {
            rig = rig.begins(Resource::new(ResourceKind::Tree, (*place).to_owned()), None);
        }
        let report = rig.run(Vec::new(), Case::default());
        // What a simulated question answers is not what its example hopes for.
        let is_done = match report.end().end {
            End::Completed => true,
            End::Refused => signature.is_read(),
            _ => false,
        };
        if !is_done {
            failures.push(format!("{name}: {:?}\n{text}\n{}", report.end(), report.told()));
        }
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
}

#[test]
fn the_pages_of_the_actions_are_those_of_the_catalogue() {
    let catalogue = catalogue();
    let mut pages = BTreeMap::from([("README.md".to_owned(), overview(&catalogue))]);
    let families: BTreeSet<&str> = catalogue.iter().map(|signature| signature.family).collect();
    for name in families {
        let of_family = catalogue.iter().filter(|signature| signature.family == name);
        pages.insert(format!("{name}.md"), family(name, of_family));
    }
    let folder = root().join("docs/actions");
    if std::env::var(WRITES).is_ok_and(|value| value == "write") {
        std::fs::create_dir_all(&folder).unwrap();
        for (name, page) in &pages {
            std::fs::write(folder.join(name), page).unwrap();
        }
    }
    let there = std::fs::read_dir(&folder).unwrap();
    let there: BTreeSet<String> = there
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, pages.keys().cloned().collect(), "pages of {}", folder.display());
    for (name, page) in &pages {
        let kept = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(
            kept == *page,
            "docs/actions/{name} is not what the catalogue says; write it with \
             `{WRITES}=write cargo test -p backstay --test all language::actions`"
        );
    }
}

fn overview(catalogue: &Catalogue) -> String {
    let mut text =
        "# Actions\n\nMade from the catalogue: what `backstay actions` lists. A call that `reads` is an expression; \
                    the others are done by `do`.\n\n```text\n"
            .to_owned();
    text.push_str(&list(catalogue.iter()));
    text.push_str("```\n\n## Families\n\n");
    let families: BTreeSet<&str> = catalogue.iter().map(|signature| signature.family).collect();
    for name in families {
        let _ = writeln!(text, "- [`{name}`]({name}.md)");
    }
    let _ = writeln!(
        text,
        "\n## The runbook of the examples\n\nEach example stands in a step of this runbook; the tests check and run each.\n\n\
         ```runbook\n{AROUND}\nstep example \"An example\" {{\n  check \"it lives\": process.alive(app) within 10s every 1s\n}}\n```"
    );
    text
}
