//! Puts changes of names and addresses in an order in which each value is free before it is taken.

use std::collections::BTreeMap;

/// Changes that are carried out one after the other: each but the first takes the value that the
/// one before it frees.
#[derive(Debug, PartialEq, Eq)]
pub struct Chain {
    /// Whether the first takes the value that the last frees. Then the first one goes to a
    /// temporary value first, and to its own at the end.
    pub ring: bool,
    /// The indexes of the changes in the list given to [`chains`].
    pub members: Vec<usize>,
}

/// Puts changes `(from, to)` in order. No two may have the same `from` or the same `to`. The result
/// does not depend on the order in which they are given.
pub fn chains(changes: &[(&str, &str)]) -> Vec<Chain> {
    let givers = changes.iter().enumerate();
    let givers: BTreeMap<&str, usize> = givers.map(|(at, (from, _))| (*from, at)).collect();
    let mut seen = vec![false; changes.len()];
    let mut chains = Vec::new();
    for start in givers.keys() {
        let mut members = Vec::new();
        let mut value = *start;
        while let Some(&at) = givers.get(value).filter(|at| !seen[**at]) {
            seen[at] = true;
            members.push(at);
            value = changes[at].1;
        }
        if !members.is_empty() {
            members.reverse();
            // No two changes have the same value, so a path that returns ends where it began.
            let ring = value == *start;
            chains.push(Chain { ring, members });
        }
    }
    chains
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(changes: &[(&str, &str)]) -> Vec<(bool, Vec<String>)> {
        let chains = chains(changes).into_iter();
        let names = |chain: Chain| {
            let members = chain.members.iter().map(|at| changes[*at].0.to_owned());
            (chain.ring, members.collect())
        };
        chains.map(names).collect()
    }

    #[test]
    fn what_is_taken_was_given_up_before() {
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(of(&[("a", "b"), ("b", "c")]), [(false, list(&["b", "a"]))]);
        assert_eq!(of(&[("a", "b"), ("b", "a")]), [(true, list(&["b", "a"]))]);
        let ring = [(true, list(&["c", "b", "a"]))];
        assert_eq!(of(&[("c", "a"), ("a", "b"), ("b", "c")]), ring);
        assert_eq!(of(&[("a", "b"), ("b", "c"), ("c", "a")]), ring);
        // A chain into one that begins at a smaller name, and somebody who is in nobody's way.
        assert_eq!(
            of(&[("m", "b"), ("b", "z"), ("x", "y")]),
            [
                (false, list(&["b"])),
                (false, list(&["m"])),
                (false, list(&["x"])),
            ]
        );
    }
}
