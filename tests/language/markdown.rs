//! The little of Markdown that the tests need: headings and fenced blocks.

/// A fenced block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// The nearest heading above it.
    pub(crate) heading: String,
    /// What stands behind the opening fence: `runbook`, `runbook bad`, `runbook file=site.runbook`.
    pub(crate) info: String,
    /// The line of its first line of text, from one.
    pub(crate) line: usize,
    /// Its text.
    pub(crate) text: String,
}

impl Block {
    /// Whether it is a runbook, or a module of one.
    pub(crate) fn is_runbook(&self) -> bool {
        self.info.split_whitespace().next() == Some("runbook")
    }

    /// Whether a word stands behind `runbook`.
    pub(crate) fn says(&self, word: &str) -> bool {
        self.info.split_whitespace().skip(1).any(|known| known == word)
    }

    /// The name behind `file=`.
    pub(crate) fn file(&self) -> Option<&str> {
        self.info.split_whitespace().find_map(|word| word.strip_prefix("file="))
    }
}

/// All fenced blocks of a text.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut heading = String::new();
    let mut open: Option<(usize, Block)> = None;
    for (number, line) in text.lines().enumerate() {
        let ticks = line.bytes().take_while(|byte| *byte == b'`').count();
        match open.take() {
            Some((fence, block)) if ticks >= fence && line[ticks..].trim().is_empty() => found.push(block),
            Some((fence, mut block)) => {
                block.text.push_str(line);
                block.text.push('\n');
                open = Some((fence, block));
            }
            None if ticks >= 3 => {
                let block = Block {
                    heading: heading.clone(),
                    info: line[ticks..].trim().to_owned(),
                    line: number + 2,
                    text: String::new(),
                };
                open = Some((ticks, block));
            }
            None => {
                if let Some(title) = line.strip_prefix('#') {
                    title.trim_start_matches('#').trim().clone_into(&mut heading);
                }
            }
        }
    }
    assert!(open.is_none(), "a fence is not closed: {open:?}");
    found
}
