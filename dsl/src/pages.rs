//! The pages behind `backstay explain SLUG`: for each slug the cause, a runbook that raises it, one that
//! does not, and what to do. A test runs both runbooks of every page.

macro_rules! pages {
    ($($slug:literal),* $(,)?) => {
        /// Every slug with its page, by slug.
        const PAGES: &[(&str, &str)] = &[$(($slug, include_str!(concat!("pages/", $slug, ".md")))),*];
    };
}

pages!(
    "backup-misses-state",
    "backup-not-cold",
    "backup-too-late",
    "backup-unproven",
    "budget-too-short",
    "clause-order",
    "commits-too-early",
    "cutover-unvalidated",
    "cycle",
    "duplicate-clause",
    "duplicate-name",
    "exports-differ",
    "floating-image",
    "hold-in-backup",
    "hold-not-released",
    "import-cycle",
    "leads-nowhere",
    "misplaced-statement",
    "missing-argument",
    "missing-budget",
    "missing-clause",
    "mixed-releases",
    "mixed-targets",
    "no-steps",
    "no-way-back",
    "not-apart",
    "not-filled-in",
    "not-serving",
    "nothing-allowed",
    "opaque-change",
    "order-unsafe",
    "overlapping-writers",
    "pin-left-behind",
    "recursion",
    "reserved-name",
    "retry-not-safe",
    "risky-habit",
    "rollback-incomplete",
    "secret-exposed",
    "state-left-behind",
    "symptom-no-default",
    "symptom-overlap",
    "symptom-unreachable",
    "syntax",
    "too-deep",
    "too-large",
    "too-many-paths",
    "too-many-statements",
    "too-wide",
    "undo-not-repeatable",
    "unit",
    "unknown-action",
    "unknown-argument",
    "unknown-field",
    "unknown-module",
    "unknown-name",
    "unknown-service",
    "unknown-statement",
    "unknown-step",
    "unknown-type",
    "unused",
    "value-not-available",
    "watch-unanswerable",
    "way-back-conflict",
    "weak-validation",
    "window-too-short",
    "writes-at-risk",
    "writes-lost",
    "written-secret",
    "wrong-script",
    "wrong-type",
);

/// The page of a slug in Markdown; `None` for a word that is no slug.
pub fn page(slug: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| *known == slug).map(|(_, page)| *page)
}

/// Every slug that has a page, in order of the alphabet.
pub fn slugs() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(slug, _)| *slug)
}
