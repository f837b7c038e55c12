//! What the examples promise, on a site of each test's own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use crate::support::sandbox::{Finished, Sandbox, free_port, repository};

/// An example with a site and a mark of its own.
struct Example {
    sandbox: Sandbox,
    folder: &'static str,
    runbook: &'static str,
}

impl Example {
    fn new(folder: &'static str, runbook: &'static str) -> Self {
        Self {
            sandbox: Sandbox::new(),
            folder,
            runbook,
        }
    }

    fn site(&self) -> PathBuf {
        self.sandbox.path("site")
    }

    fn mark(&self) -> String {
        self.sandbox.path("mark").display().to_string()
    }

    fn run(&self, inputs: &[&str]) -> Finished {
        let file = format!("examples/{}/{}", self.folder, self.runbook);
        let site = format!("site={}", self.site().display());
        let mark = format!("mark={}", self.mark());
        let mut arguments = vec!["run", &file, "--format", "json", "--no-input", "--input", &site];
        if self.folder != "05-parallel" {
            arguments.extend(["--input", &mark]);
        }
        for input in inputs {
            arguments.extend(["--input", input]);
        }
        self.sandbox.call(&arguments)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.site().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn ask(&self, question: &str) -> String {
        let tool = repository().join("examples").join(self.folder).join("ask");
        let output = Command::new(tool).arg(self.site()).arg(question).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let tool = repository().join("examples").join(self.folder).join("demo");
        drop(Command::new(tool).arg("down").arg(self.site()).status());
    }
}

#[test]
fn release_switch_upgrades_again_and_again() {
    let example = Example::new("01-release-switch", "upgrade.runbook");
    for _ in 0..2 {
        let json = example.run(&[]).exits(0).json();
        assert_eq!(json["end"], "completed");
        assert_eq!(example.ask("release"), "2.0.0");
        assert_eq!(example.ask("records"), "3");
        assert_eq!(example.read("state/schema"), "2\n");
        assert!(
            fs::read_link(example.site().join("current"))
                .unwrap()
                .ends_with("releases/2.0.0")
        );
    }
}

#[test]
fn release_switch_goes_back_with_the_state_that_belongs_to_the_release() {
    let example = Example::new("01-release-switch", "upgrade.runbook");
    let json = example.run(&["release=2.0.0-broken"]).exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert_eq!(json["failed_at"]["step"], "validate");
    assert_eq!(example.ask("release"), "1.0.0");
    assert_eq!(example.ask("records"), "3");
    assert_eq!(example.read("state/schema"), "1\n");
    let archives: Vec<_> = fs::read_dir(example.site().join("backups"))
        .unwrap()
        .map(|entry| format!("file({})", entry.unwrap().path().display()))
        .collect();
    assert_eq!(archives.len(), 1, "{archives:?}");
    let left = json["leftovers"].as_array().unwrap();
    assert!(left.iter().any(|one| *one == archives[0]), "{left:?}");
    let intents = example.sandbox.records_of("intent");
    let backup = intents.iter().find(|one| one["action"] == "backup.create").unwrap();
    assert_eq!(
        backup["effects"],
        serde_json::json!([
            {"effect": "reads", "resource": ["state", "state"]},
            {"effect": "captures", "resource": ["state", "state"], "backup": ["backup", null]},
            {"effect": "adds", "resource": ["file", null]}
        ])
    );
    assert!(
        !example.site().join("state/records.tsv").exists(),
        "the migrated file is still there"
    );
    assert!(
        fs::read_link(example.site().join("current"))
            .unwrap()
            .ends_with("releases/1.0.0")
    );
}

#[test]
fn symptom_table_heals_the_restart_loop_it_knows() {
    let example = Example::new("04-symptom-table", "restart-loop.runbook");
    let json = example.run(&[]).exits(0).json();
    assert_eq!(json["end"], "completed");
    assert!(example.read("worker.env").contains("AUTH=token"));
    assert!(example.site().join("ready").exists());
    let chosen: Vec<_> = example
        .sandbox
        .records_of("symptom")
        .into_iter()
        .filter(|row| row["chosen"] == true)
        .collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(chosen[0]["row"], "Restart loop, bind refused");
}

#[test]
fn symptom_table_turns_back_at_what_it_does_not_know() {
    let example = Example::new("04-symptom-table", "restart-loop.runbook");
    let json = example.run(&["licence=expired", "bind=loopback"]).exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert!(example.read("worker.env").contains("BIND=loopback"));
    assert!(example.read("worker.env").contains("LICENCE=valid"));
    let chosen: Vec<_> = example
        .sandbox
        .records_of("symptom")
        .into_iter()
        .filter(|row| row["chosen"] == true)
        .collect();
    assert_eq!(chosen.len(), 1);
    assert_eq!(chosen[0]["row"], "anything else");
}

fn moment(example: &Example, name: &str) -> f64 {
    example.read(name).trim().parse().unwrap()
}

#[test]
fn parallel_changes_run_at_once_and_come_back_one_after_the_other() {
    let example = Example::new("05-parallel", "upgrade.runbook");
    example.run(&[]).exits(0);
    assert_eq!(example.read("web/loaded.env"), "POOL=32\n");
    assert_eq!(example.read("mail/loaded.env"), "POOL=32\n");
    let both_started = moment(&example, "web/load.started").max(moment(&example, "mail/load.started"));
    let first_ended = moment(&example, "web/load.ended").min(moment(&example, "mail/load.ended"));
    assert!(
        both_started < first_ended,
        "the services were changed one after the other"
    );

    let example = Example::new("05-parallel", "upgrade.runbook");
    let json = example.run(&["pool=many"]).exits(5).json();
    assert_eq!(json["end"], "rolled_back");
    assert_eq!(example.read("web/loaded.env"), "POOL=16\n");
    assert_eq!(example.read("mail/loaded.env"), "POOL=16\n");
    let apart = moment(&example, "web/load.ended") <= moment(&example, "mail/load.started")
        || moment(&example, "mail/load.ended") <= moment(&example, "web/load.started");
    assert!(apart, "the way back was not serial");
}

/// What the shop has in stock and shows.
const STOCK: &str = "chair 7\nlamp 12\ntable 3";

/// nginx and Redis as their packages bring them, on ports of their own.
struct Shop {
    example: Example,
    web_port: u16,
    store_port: u16,
}

impl Shop {
    fn new() -> Self {
        Self {
            example: Example::new("07-nginx-redis", "append-only.runbook"),
            web_port: free_port(),
            store_port: free_port(),
        }
    }

    fn run(&self, inputs: &[&str]) -> serde_json::Value {
        let ports = [
            format!("web_port={}", self.web_port),
            format!("page=http://127.0.0.1:{}/stock.txt", self.web_port),
            format!("store_port={}", self.store_port),
        ];
        let inputs: Vec<&str> = ports.iter().map(String::as_str).chain(inputs.iter().copied()).collect();
        let finished = self.example.run(&inputs);
        let json = finished.json();
        assert_eq!(self.stored("stock"), STOCK, "{finished:?}");
        assert_eq!(self.served(), STOCK, "{finished:?}");
        let anchors = self.example.sandbox.records_of("anchor");
        let of = |name: &str| -> Vec<_> {
            let named = anchors.iter().filter(|anchor| anchor["name"] == name);
            named.map(|anchor| anchor["value"].clone()).collect()
        };
        for name in ["in_stock", "served"] {
            assert!(
                matches!(&of(name)[..], [.., before, after] if before == after),
                "{anchors:?}"
            );
        }
        json
    }

    fn stored(&self, question: &str) -> String {
        let tool = repository().join("examples/07-nginx-redis/ask");
        let output = Command::new(tool)
            .arg(self.store_port.to_string())
            .arg(question)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn served(&self) -> String {
        let mut connection = TcpStream::connect(("127.0.0.1", self.web_port)).unwrap();
        connection.write_all(b"GET /stock.txt HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap_or_default().1.trim().to_owned()
    }

    fn has_append_only_file(&self) -> bool {
        self.example.site().join("redis/appendonlydir").exists()
    }

    fn archives(&self) -> usize {
        fs::read_dir(self.example.site().join("backups")).unwrap().count()
    }
}

#[test]
fn nginx_and_redis_go_forward_and_keep_everything() {
    let shop = Shop::new();
    for _ in 0..2 {
        let json = shop.run(&[]);
        assert_eq!(json["end"], "completed", "{json}");
        assert_eq!(shop.stored("persistence"), "append-only file");
        assert!(shop.has_append_only_file());
        assert_eq!(shop.archives(), 1);
        fs::remove_dir_all(shop.example.sandbox.state_directory()).unwrap();
    }
}

#[test]
fn nginx_and_redis_come_back_with_what_redis_forgot() {
    let shop = Shop::new();
    let json = shop.run(&["snapshot=forget"]);
    assert_eq!(json["end"], "rolled_back", "{json}");
    assert_eq!(json["failed_at"]["step"], "validate");
    assert_eq!(shop.stored("persistence"), "snapshots");
    assert!(!shop.has_append_only_file());
    assert_eq!(shop.archives(), 1);
    let asked = shop.example.sandbox.records_of("evaluated");
    let had_forgotten =
        |one: &serde_json::Value| one["label"] == "everything is in stock" && one["result"] == "does_not_hold";
    assert!(asked.iter().any(had_forgotten), "{asked:?}");
}

#[test]
fn the_configuration_of_nginx_goes_forward_and_back() {
    for (limit, end, failed_at, left) in [
        ("64k", "completed", None, "client_max_body_size 64k;\n"),
        ("8k", "rolled_back", Some("validate"), "client_max_body_size 16k;\n"),
        ("64kk", "rolled_back", Some("change"), "client_max_body_size 16k;\n"),
    ] {
        let example = Example::new("06-nginx-config", "upload-limit.runbook");
        let port = free_port();
        let address = format!("http://127.0.0.1:{port}/");
        let inputs = [
            format!("limit={limit}"),
            format!("web_port={port}"),
            format!("shop={address}"),
        ];
        let finished = example.run(&inputs.each_ref().map(String::as_str));
        let json = finished.json();
        assert_eq!(json["end"], end, "{finished:?}");
        assert_eq!(json["failed_at"]["step"].as_str(), failed_at, "{finished:?}");
        assert_eq!(example.read("etc/limit.conf"), left);
        // What nginx has loaded, and not only what its file says.
        let tool = repository().join("examples/06-nginx-config/upload");
        let takes = |kilobytes: &str| {
            Command::new(&tool)
                .args([&address, kilobytes])
                .status()
                .unwrap()
                .success()
        };
        assert!(takes("10"), "{limit}");
        assert_eq!(takes("32"), end == "completed", "{limit}");
    }
}
