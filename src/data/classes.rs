//! Classes by the labels that files have for them.

use std::collections::BTreeSet;

/// The distinct labels in their order, and the place of each label among them: numbers by their value,
/// where all are whole numbers, all else by the alphabet.
pub(super) fn numbered<'a>(
    labels: impl Iterator<Item = Option<&'a str>> + Clone,
) -> (Vec<String>, Vec<Option<usize>>) {
    let number = |label: &str| label.parse::<i64>().ok();
    let numbers: Option<BTreeSet<i64>> = labels.clone().flatten().map(number).collect();
    match numbers {
        Some(numbers) => {
            let numbers: Vec<i64> = numbers.into_iter().collect();
            let place = |label: &str| numbers.binary_search(&number(label)?).ok();
            let places = labels.map(|label| label.and_then(place)).collect();
            (numbers.iter().map(i64::to_string).collect(), places)
        }
        None => {
            let names: BTreeSet<&str> = labels.clone().flatten().collect();
            let names: Vec<&str> = names.into_iter().collect();
            let place = |label: &str| names.binary_search(&label).ok();
            let places = labels.map(|label| label.and_then(place)).collect();
            (
                names.iter().map(|name| (*name).to_owned()).collect(),
                places,
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_in_the_order_of_their_values_and_names_in_that_of_the_alphabet() {
        let of = |labels: &[&str]| {
            let (names, places) = numbered(labels.iter().map(|label| Some(*label)));
            (
                names.join(" "),
                places.into_iter().flatten().collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            of(&["10", "9", "-3", "9"]),
            ("-3 9 10".to_owned(), vec![2, 1, 0, 1])
        );
        assert_eq!(of(&["10", "9", "x"]), ("10 9 x".to_owned(), vec![0, 1, 2]));
        assert_eq!(of(&["b", "a", "b"]), ("a b".to_owned(), vec![1, 0, 1]));
        let (names, places) = numbered([None, Some("1")].into_iter());
        assert_eq!((names, places), (vec!["1".to_owned()], vec![None, Some(0)]));
    }
}
