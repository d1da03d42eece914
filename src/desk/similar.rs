//! Names that are nearly the one that was typed.

/// The most of them.
pub const MOST: usize = 5;

/// Returns how far a name is from a typed word, if it is near: up to a third of the letters typed
/// otherwise, or one beginning with the other. Upper and lower case are the same.
pub fn how_far(word: &str, name: &str) -> Option<usize> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    let letters: Vec<char> = name.to_lowercase().chars().collect();
    let far = (word.len() / 3).clamp(1, 3);
    let begins = word.len() >= 3 && letters.len() >= 3;
    let begins = begins && (letters.starts_with(&word) || word.starts_with(&letters));
    let distance = match begins {
        true => 0,
        false if letters.len().abs_diff(word.len()) > far => return None,
        false => distance(&word, &letters),
    };
    (distance <= far).then_some(distance)
}

/// How many letters must be put in, left out, replaced, or changed with their neighbour.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut cost = (last[j] + usize::from(x != y))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            let swapped = i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y;
            if swapped {
                cost = cost.min(before[j - 1] + 1);
            }
            row.push(cost);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        for (word, name, far) in [
            ("anan", "anna", Some(1)),
            ("anan", "anne", None),
            ("ANNA", "anna", Some(0)),
            ("ANNA", "anne", Some(1)),
            ("hanna", "hanna.meier", Some(0)),
            ("hanna", "anna", Some(1)),
            ("anna", "na", None),
            ("zoe", "bob", None),
        ] {
            assert_eq!(how_far(word, name), far, "{word}, {name}");
        }
        let ring = |a: &str, b: &str| {
            let letters = |s: &str| s.chars().collect::<Vec<_>>();
            distance(&letters(a), &letters(b))
        };
        assert_eq!(
            (ring("kitten", "sitting"), ring("", "abc"), ring("ab", "ba")),
            (3, 3, 1)
        );
    }
}
