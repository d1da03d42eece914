//! Lays out tables: in columns where they fit, and else as a list of blocks.

use super::wrap::{ROOMY, columns, wrap};

/// The indent of a row.
const INDENT: usize = 2;
/// The indent of what stands below the first line of a block.
const BLOCK_INDENT: usize = 6;
/// The blanks between two columns.
const GAP: usize = 2;
/// No column is made narrower than this.
const NARROWEST: usize = 28;
/// A table with a cell of more lines is shown as blocks.
const MOST_LINES: usize = 3;

/// A cell: lines, which may be wider than the column.
type Lines = Vec<String>;

/// Returns the lines of a table. Without a `width` no cell is broken. What does not fit into
/// columns becomes a block for each row, with its first cell above the others.
pub fn layout(width: Option<usize>, head: &[&str], rows: &[Vec<Lines>]) -> Vec<String> {
    let used: Vec<usize> = (0..head.len())
        .filter(|n| rows.iter().any(|row| !is_empty(row.get(*n))))
        .collect();
    let head: Vec<&str> = used.iter().filter_map(|n| head.get(*n).copied()).collect();
    let cell = |row: &Vec<Lines>, n: &usize| row.get(*n).cloned().unwrap_or_default();
    let rows: Vec<Vec<Lines>> = rows
        .iter()
        .map(|row| used.iter().map(|n| cell(row, n)).collect())
        .collect();
    let widest = |n: usize| {
        let cells = rows.iter().filter_map(|row| row.get(n)).flatten();
        let widths = cells.map(|line| columns(line));
        widths.chain(head.get(n).map(|h| columns(h))).max()
    };
    let natural: Vec<usize> = (0..head.len()).filter_map(widest).collect();
    let Some(width) = width else {
        return in_columns(&head, &rows, &natural);
    };
    let fitted = fitted(width, &natural, &rows);
    let broken = fitted.and_then(|widths| Some((broken(&rows, &widths)?, widths)));
    match broken {
        Some((rows, widths)) => in_columns(&head, &rows, &widths),
        None => in_blocks(width, &head, &rows),
    }
}

fn is_empty(cell: Option<&Lines>) -> bool {
    cell.is_none_or(|lines| lines.iter().all(String::is_empty))
}

/// Returns the widths of the columns, the widest ones made narrower until all fit; `None` if they
/// do not without breaking words.
fn fitted(width: usize, natural: &[usize], rows: &[Vec<Lines>]) -> Option<Vec<usize>> {
    let least: Vec<usize> = (0..natural.len())
        .map(|n| {
            let cells = rows.iter().filter_map(|row| row.get(n)).flatten();
            let words = cells.flat_map(|line| wrap(line, 1));
            let longest = words.map(|word| columns(word.trim_start())).max();
            longest.unwrap_or(0).max(NARROWEST.min(natural[n]))
        })
        .collect();
    let mut widths = natural.to_vec();
    let around = INDENT + GAP * natural.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + around > width {
        let widest = (0..widths.len())
            .filter(|n| widths[*n] > least[*n])
            .max_by_key(|n| widths[*n])?;
        widths[widest] -= 1;
    }
    Some(widths)
}

/// Breaks the cells for these widths; `None` if a line of a cell becomes too many.
fn broken(rows: &[Vec<Lines>], widths: &[usize]) -> Option<Vec<Vec<Lines>>> {
    let cell = |(lines, width): (&Lines, &usize)| {
        let parts: Vec<Lines> = lines.iter().map(|line| wrap(line, *width)).collect();
        let is_short = parts.iter().all(|part| part.len() <= MOST_LINES);
        is_short.then(|| parts.concat())
    };
    rows.iter()
        .map(|row| row.iter().zip(widths).map(cell).collect())
        .collect()
}

fn in_columns(head: &[&str], rows: &[Vec<Lines>], widths: &[usize]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut row_of = |cells: Vec<&str>| {
        let mut line = " ".repeat(INDENT);
        for (number, (cell, width)) in cells.iter().zip(widths).enumerate() {
            if number > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(columns(cell))));
        }
        lines.push(line.trim_end().to_owned());
    };
    if head.iter().any(|title| !title.is_empty()) {
        row_of(head.to_vec());
    }
    for row in rows {
        let height = row.iter().map(Vec::len).max().unwrap_or(0);
        for n in 0..height {
            row_of(
                row.iter()
                    .map(|c| c.get(n).map_or("", String::as_str))
                    .collect(),
            );
        }
    }
    lines
}

fn in_blocks(width: usize, head: &[&str], rows: &[Vec<Lines>]) -> Vec<String> {
    let label = |title: &str| title.to_lowercase();
    let labels = head.iter().skip(1).map(|title| columns(title)).max();
    let label_width = labels.unwrap_or(0) + GAP;
    let is_wide = width >= ROOMY && BLOCK_INDENT + label_width <= width / 3;
    let indent = if is_wide { BLOCK_INDENT } else { 2 * INDENT };
    let mut lines = Vec::new();
    for row in rows {
        let mut cells = head.iter().zip(row).enumerate();
        let first = cells.find(|(_, (_, cell))| !is_empty(Some(cell)));
        if let Some((_, (title, cell))) = first {
            // A number alone says nothing.
            let is_number = cell.concat().bytes().all(|b| b.is_ascii_digit());
            let label = match is_number && !title.is_empty() {
                true => label(title) + " ",
                false => String::new(),
            };
            let cell = cell.iter().enumerate();
            lines.extend(cell.flat_map(|(n, line)| {
                let indent = if n == 0 { INDENT } else { indent };
                wrap(&format!("{}{label}{line}", " ".repeat(indent)), width)
            }));
        }
        for (_, (title, cell)) in cells.filter(|(_, (_, cell))| !is_empty(Some(cell))) {
            for (n, line) in cell.iter().enumerate() {
                let label = match (title.is_empty(), is_wide) {
                    (true, _) => String::new(),
                    (false, true) if n == 0 => format!("{:<label_width$}", label(title)),
                    (false, true) => " ".repeat(label_width),
                    (false, false) if n == 0 => label(title) + ": ",
                    (false, false) => " ".repeat(INDENT),
                };
                lines.extend(wrap(&format!("{}{label}{line}", " ".repeat(indent)), width));
            }
        }
    }
    lines
}
