//! The way back of a plan: branches, undos, safe places, holds, symptom tables.

use backstay_dsl::units::duration;

use super::page::Page;
use crate::plan::report::{BranchReport, PlanReport, TableReport, WayBackReport, WrittenBlock};

pub(super) fn way_back(page: &mut Page, report: &PlanReport) {
    let way_back = &report.way_back;
    page.heading("Way back");
    page.line(2, &format!("on failure    {}", in_words(&way_back.on_failure)));
    page.line(2, &format!("on interrupt  {}", in_words(&way_back.on_interrupt)));
    for rollback in &way_back.rollbacks {
        branch(page, "rollback", rollback);
    }
    for park in &way_back.parks {
        branch(page, "park", park);
    }
    holds(page, way_back);
    for table in &way_back.tables {
        self::table(page, table);
    }
}

/// Where something leads, for whoever does not know the language.
pub(super) fn in_words(disposition: &str) -> String {
    match disposition {
        "unwind" => "unwind: the undos of what was started, last first".to_owned(),
        "pause" => "pause: stop and wait to be resumed".to_owned(),
        other => other.to_owned(),
    }
}

fn branch(page: &mut Page, word: &str, branch: &BranchReport) {
    let stretch = branch
        .from
        .as_ref()
        .zip(branch.until.as_ref())
        .map_or_else(String::new, |(from, until)| format!(", from {from} until {until}"));
    let budget = branch
        .budget_ms
        .map_or_else(String::new, |ms| format!(", budget {}", duration(ms)));
    page.line(2, &format!("{word} {} – {}{stretch}{budget}", branch.id, branch.title));
    page.doc(5, &branch.doc);
    block(page, 5, &branch.body);
}

fn holds(page: &mut Page, way_back: &WayBackReport) {
    for hold in &way_back.holds {
        page.line(
            2,
            &format!(
                "hold {} – {}; where it was taken, every ending releases it{}",
                hold.id,
                hold.title,
                within(&hold.release)
            ),
        );
        page.doc(5, &hold.doc);
        block(page, 5, &hold.release);
    }
}

fn table(page: &mut Page, table: &TableReport) {
    page.line(
        2,
        &format!(
            "symptoms {} – {}, when {} fails",
            table.id,
            table.title,
            table.steps.join(" or ")
        ),
    );
    for row in &table.rows {
        page.marked(5, "- ", &row.title);
        if let Some(seen) = &row.seen {
            page.line(7, &format!("seen when  {seen}"));
        }
        page.line(7, &format!("suspect    {}", row.suspect));
        if let Some(first) = &row.first {
            let budget = row
                .budget_ms
                .map_or_else(String::new, |ms| format!(" (budget {})", duration(ms)));
            page.line(7, &format!("first{budget}, and then the step is tried again:"));
            block(page, 9, first);
        }
        if let Some(again) = row.again {
            page.line(7, &format!("again      at most {again}, each time on newer evidence"));
        }
        page.line(7, &format!("otherwise  {}", in_words(&row.otherwise)));
    }
}

/// Statements, each with its own undo.
pub(super) fn block(page: &mut Page, indent: usize, block: &WrittenBlock) {
    for statement in &block.statements {
        page.marked(indent, "< ", &statement.text);
        if let Some(undo) = &statement.undo {
            self::undo(page, indent + 2, "undo", undo);
        }
        if let Some(because) = &statement.no_undo {
            page.line(indent + 2, &format!("no undo: {because}"));
        }
    }
}

/// An undo with its time.
pub(super) fn undo(page: &mut Page, indent: usize, what: &str, undo: &WrittenBlock) {
    page.line(indent, &format!("{what}{}:", within(undo)));
    block(page, indent + 2, undo);
}

fn within(block: &WrittenBlock) -> String {
    block
        .within_ms
        .map_or_else(String::new, |ms| format!(", within {}", duration(ms)))
}
