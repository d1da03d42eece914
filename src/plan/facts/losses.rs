//! The containers where a roster lost the most accounts.

use std::cmp::Reverse;
use std::fmt;

use crate::model::{Loss, Shape};

const MAX_NAMED: usize = 3;

/// Returns the containers with fewer accounts than before, the greatest loss first.
pub fn losses(last: &Shape, now: &Shape) -> Vec<Loss> {
    let mut losses: Vec<Loss> = last
        .containers
        .iter()
        .map(|(container, had)| Loss {
            container: container.to_string(),
            from: *had,
            to: now.containers.get(container).copied().unwrap_or(0),
        })
        .filter(|loss| loss.to < loss.from)
        .collect();
    losses.sort_by_key(|loss| Reverse(loss.from - loss.to));
    losses
}

/// The containers that lost the most, as a text; empty if there are none.
pub struct WorstLosses<'a>(pub &'a [Loss]);

impl fmt::Display for WorstLosses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (
            at,
            Loss {
                container,
                from,
                to,
            },
        ) in self.0.iter().take(MAX_NAMED).enumerate()
        {
            let before = if at == 0 { ", most in" } else { ";" };
            write!(f, "{before} {container} ({from}, now {to})")?;
        }
        match self.0.len().saturating_sub(MAX_NAMED) {
            0 => Ok(()),
            more => write!(f, "; and in {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Dn;

    fn shape(containers: &[(&str, usize)]) -> Shape {
        let pairs = containers.iter();
        Shape {
            containers: pairs.map(|(dn, n)| (Dn::of(dn), *n)).collect(),
            ..Shape::default()
        }
    }

    #[test]
    fn the_greatest_losses_are_named_first_and_the_rest_counted() {
        let last = shape(&[
            ("ou=a", 9),
            ("ou=b", 40),
            ("ou=c", 5),
            ("ou=d", 2),
            ("ou=e", 3),
        ]);
        let now = shape(&[("ou=a", 4), ("ou=b", 41), ("ou=c", 1), ("ou=f", 9)]);
        let losses = losses(&last, &now);
        assert_eq!(
            WorstLosses(&losses).to_string(),
            ", most in ou=a (9, now 4); ou=c (5, now 1); ou=e (3, now 0); and in 1 more"
        );
        assert_eq!(WorstLosses(&[]).to_string(), "");
    }
}
