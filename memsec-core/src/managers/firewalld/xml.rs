//! The elements of a file of firewalld.

use std::{collections::BTreeMap, ops::Range};

use roxmltree::{Document, Node};

use super::Broken;
use crate::text::{Place, Source, Span};

/// An element, without those inside it.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub name: String,
    attributes: BTreeMap<String, String>,
    /// The text directly inside it.
    pub text: String,
    pub range: Range<usize>,
    pub place: Place,
}

impl Element {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.attributes.keys().map(String::as_str)
    }

    /// An attribute that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Broken> {
        self.get(name)
            .ok_or_else(|| self.broken(format!("{} without {name}", self.name)))
    }

    pub(super) fn broken(&self, what: impl Into<String>) -> Broken {
        Broken { what: what.into(), place: self.place.clone() }
    }

    /// True if the other stands inside it.
    pub(super) fn holds(&self, other: &Self) -> bool {
        other.range.start < self.range.end
    }
}

/// Reads a file: every element, in the order in which they open.
///
/// # Errors
///
/// Text that is not well-formed; a document type, which no file of firewalld
/// has.
pub(super) fn elements(source: &Source) -> Result<Vec<Element>, Broken> {
    let document = Document::parse(source.text()).map_err(|error| {
        let line = usize::try_from(error.pos().row).ok();
        let place = Place { line, ..Place::whole(source.name()) };
        Broken { what: format!("not well-formed: {error}"), place }
    })?;
    let lines: Vec<Span> = source.lines().collect();
    let all = document.descendants().filter(Node::is_element);
    Ok(all.map(|node| element(&node, &lines)).collect())
}

fn element(node: &Node<'_, '_>, lines: &[Span]) -> Element {
    let pair = |a: roxmltree::Attribute<'_, '_>| {
        (a.name().to_owned(), a.value().to_owned())
    };
    let range = node.range();
    let line = lines.partition_point(|line| line.range().end <= range.start);
    Element {
        name: node.tag_name().name().to_owned(),
        attributes: node.attributes().map(pair).collect(),
        text: node.text().unwrap_or_default().trim().to_owned(),
        place: lines.get(line).map(trimmed).unwrap_or_default(),
        range,
    }
}

/// A line that is longer is not repeated for each element on it.
const LONGEST: usize = 1000;

fn trimmed(line: &Span) -> Place {
    if line.text().len() > LONGEST {
        return line.part(0..80).place();
    }
    let place = line.place();
    Place { text: place.text.map(|text| text.trim().to_owned()), ..place }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Element>, Broken> {
        elements(&Source::new("z.xml", text))
    }

    #[test]
    fn elements_come_in_their_order_with_their_place() {
        let all = read("<zone>\n  <a b='1'/>\n <c>x</c></zone>").unwrap();
        let names: Vec<_> = all.iter().map(|e| e.name.as_str()).collect();
        assert_eq!(names, ["zone", "a", "c"]);
        assert_eq!(all[1].get("b"), Some("1"));
        assert_eq!((all[2].place.line, all[2].text.as_str()), (Some(3), "x"));
        assert!(all[0].holds(&all[1]) && !all[1].holds(&all[2]));
    }

    #[test]
    fn what_is_not_well_formed_has_a_line() {
        let broken = read("<zone>\n<a>\n</zone>").unwrap_err();
        assert_eq!(broken.place.line, Some(3), "{}", broken.what);
        assert!(read("").is_err());
    }

    #[test]
    fn entities_and_depth_are_no_way_to_hurt() {
        let laughs = "<!DOCTYPE z [<!ENTITY a 'x'>]><z>&a;</z>";
        assert!(read(laughs).is_err());
        let depth = 50_000;
        let deep = format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert_eq!(read(&deep).map(|all| all.len()).unwrap_or(depth), depth);
    }
}
