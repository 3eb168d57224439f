//! HTML in the making.

use crate::reach::one_line;

/// Text of others as the content of an element or of a quoted attribute: on
/// one line, with nothing that a browser would take for markup.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in one_line(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

/// Text of several lines, each as [`escape`] has it; tabs stay.
pub(super) fn escape_lines(text: &str) -> String {
    let line = |line: &str| {
        line.split('\t').map(escape).collect::<Vec<_>>().join("\t")
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A section of the page, with its heading. `id` must be a plain word.
pub(super) fn section(id: &str, title: &str, body: &str) -> String {
    format!(
        "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{}</h2>\n\
         {body}</section>\n",
        escape(title)
    )
}

/// A list of items that are HTML.
pub(super) fn list(class: &str, items: &[String]) -> String {
    let items = items.iter().map(|item| format!("<li>{item}</li>\n"));
    format!("<ul class=\"{class}\">\n{}</ul>\n", items.collect::<String>())
}

/// A table with a caption. Each row has a cell of HTML for each column, of
/// which the first is its heading. On a narrow screen the rows are shown as
/// cards, where a browser would forget that this is a table: the roles say
/// so.
pub(super) fn table(
    class: &str,
    caption: &str,
    columns: &[&str],
    rows: &[Vec<String>],
) -> String {
    let head = columns.iter().map(|column| {
        format!("<th scope=\"col\" role=\"columnheader\">{column}</th>")
    });
    let head: String = head.collect();
    let rows: String = rows.iter().map(|cells| row(columns, cells)).collect();
    format!(
        "<table class=\"{class}\" role=\"table\">\n<caption>{}</caption>\n\
         <thead role=\"rowgroup\"><tr role=\"row\">{head}</tr></thead>\n\
         <tbody role=\"rowgroup\">\n{rows}</tbody>\n</table>\n",
        escape(caption)
    )
}

fn row(columns: &[&str], cells: &[String]) -> String {
    let cells = columns.iter().zip(cells).enumerate();
    let cells = cells.map(|(i, (column, cell))| match i {
        0 => format!("<th scope=\"row\" role=\"rowheader\">{cell}</th>"),
        _ => format!("<td role=\"cell\" data-label=\"{column}\">{cell}</td>"),
    });
    format!("<tr role=\"row\">{}</tr>\n", cells.collect::<String>())
}
