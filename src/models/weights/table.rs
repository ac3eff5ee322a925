//! Which tensor of a file is which parameter: a table of names, with patterns.

use serde::Serialize;

use crate::error::{Error, Result, check};
use crate::settings::settings;

/// Wildcards of one pattern.
const WILDCARDS: usize = 16;
/// Characters of one pattern, lines of a table.
const LENGTH: usize = 1_000;
const LINES: usize = 10_000;

settings! {
/// A line of a [`WeightTable`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renamed {
    /// A pattern of names in the file.
    pub from: String,
    /// The network's name, with as many wildcards.
    pub to: String,
}
}

settings! {
/// Which tensors of a file of weights are which parameters of a network.
///
/// Names are paths, `blocks.0.conv.weight`. A line of the table turns a file's name into the network's;
/// the first line that fits a name decides, a name that no line fits stays as it is. In a pattern `*`
/// stands for one character or more without a dot, `**` for one or more of any kind, and what they stood
/// for takes the places of the wildcards in the new name, in order: with the line `conv*.*` →
/// `blocks.*.conv.*`, `conv3.bias` is `blocks.3.conv.bias`. A layer that may have a spectral norm is called
/// `Plain` or `Normalized.layer`, and the norm's vectors `Normalized.u` and `Normalized.v`: PyTorch's
/// `conv.weight_orig` is `conv.Normalized.layer.weight`, `conv.weight_u` is `conv.Normalized.u`.
///
/// ```
/// use burn_gan::burn::backend::Flex;
/// use burn_gan::models::{MlpGeneratorConfig, WeightTable, load_weights, save_safetensors, stored_weights};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("generator.safetensors");
/// # let settings = MlpGeneratorConfig::new(3, [2]).with_hidden([4]);
/// # let network = settings.init::<Flex, 2>(&Default::default())?;
/// # save_safetensors(&path, &network, &[])?;
/// // What is in the file, to write the table by:
/// for weight in stored_weights(&path, None)? {
///     println!("{} {:?} {}", weight.name, weight.shape, weight.dtype);
/// }
/// // A file of PyTorch's would be read by `WeightTable::pytorch()`.
/// let table = WeightTable::burn().with_name("mlp.layers.*.**", "mlp.layers.*.**");
/// let fresh = settings.init::<Flex, 2>(&Default::default())?;
/// let generator = load_weights(&path, fresh, &table)?;
/// # let _ = generator;
/// # Ok::<(), burn_gan::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WeightTable {
    /// Whether the file is laid out as PyTorch lays out its own layers. Then a linear weight is
    /// `[out, in]` and is turned over; a convolution over all of its input, or a transposed one of a single
    /// pixel, may stand for a linear layer; `gamma` and `beta` of a norm are called `weight` and `bias`;
    /// and `num_batches_tracked` is passed over.
    pub pytorch: bool,
    /// The lines; the first one that fits a name decides.
    pub names: Vec<Renamed>,
    /// Patterns of names of the file that are passed over.
    pub left_out: Vec<String>,
    /// Patterns of names of the network whose parameters are zero where the file has none: biases of
    /// layers that had none there.
    pub zeros: Vec<String>,
    /// Where in a file of `torch.save` the state dict stands, by its dotted path: `generator` of
    /// `{"generator": …, "step": …}`. The file is one if `None`.
    pub within: Option<String>,
}
}

impl WeightTable {
    /// For files of PyTorch's: `.pt`, `.pth` or safetensors.
    pub fn pytorch() -> Self {
        Self {
            pytorch: true,
            ..Self::burn()
        }
    }

    /// For files that are laid out as this crate and burn do, under other names.
    pub fn burn() -> Self {
        Self {
            pytorch: false,
            names: Vec::new(),
            left_out: Vec::new(),
            zeros: Vec::new(),
            within: None,
        }
    }

    /// One more line: what names of the file that fit `pattern` become.
    pub fn with_name(mut self, pattern: impl Into<String>, name: impl Into<String>) -> Self {
        self.names.push(Renamed {
            from: pattern.into(),
            to: name.into(),
        });
        self
    }

    /// Passes over what fits, a pattern of the file's names.
    pub fn without(mut self, pattern: impl Into<String>) -> Self {
        self.left_out.push(pattern.into());
        self
    }

    /// Takes parameters that fit, a pattern of the network's names, as zero where the file has none.
    pub fn with_zeros(mut self, pattern: impl Into<String>) -> Self {
        self.zeros.push(pattern.into());
        self
    }

    /// Where in a file of `torch.save` the state dict stands.
    pub fn within(mut self, path: impl Into<String>) -> Self {
        self.within = Some(path.into());
        self
    }

    /// Checks the patterns.
    ///
    /// # Errors
    /// If a pattern is empty or far too long, has two wildcards in a row or more than 16, or a name has not
    /// as many as its pattern.
    pub fn validate(&self) -> Result<()> {
        check::at_most("names.len()", self.names.len(), LINES)?;
        check::at_most("left_out.len()", self.left_out.len(), LINES)?;
        check::at_most("zeros.len()", self.zeros.len(), LINES)?;
        for Renamed { from, to } in &self.names {
            let (wild, filled) = (wildcards("names", from)?, wildcards("names", to)?);
            if wild != filled {
                return Err(Error::setting(
                    "names",
                    format!("{from} → {to}"),
                    format!("has {wild} wildcards on one side and {filled} on the other"),
                ));
            }
        }
        for pattern in &self.left_out {
            wildcards("left_out", pattern)?;
        }
        for pattern in &self.zeros {
            wildcards("zeros", pattern)?;
        }
        Ok(())
    }

    /// The network's name of a tensor of the file; `None` if it is passed over.
    pub(super) fn renamed(&self, name: &str) -> Option<String> {
        let counter = name.rsplit('.').next() == Some("num_batches_tracked");
        let fits = |pattern: &String| fitted(pattern, name).is_some();
        if self.pytorch && counter || self.left_out.iter().any(fits) {
            return None;
        }
        let line = self.names.iter();
        let mut found =
            line.filter_map(|Renamed { from, to }| Some(filled(to, &fitted(from, name)?)));
        Some(found.next().unwrap_or_else(|| name.to_owned()))
    }

    /// Whether a parameter of the network is zero where the file has none.
    pub(super) fn is_zero(&self, name: &str) -> bool {
        self.zeros
            .iter()
            .any(|pattern| fitted(pattern, name).is_some())
    }
}

/// Part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Is(char),
    /// `*`
    Some,
    /// `**`
    Any,
}

impl Part {
    fn takes(self, c: char) -> bool {
        match self {
            Self::Is(own) => own == c,
            Self::Some => c != '.',
            Self::Any => true,
        }
    }
}

fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    for c in pattern.chars() {
        match (c, parts.last()) {
            ('*', Some(Part::Some)) => *parts.last_mut().expect("it was there") = Part::Any,
            ('*', _) => parts.push(Part::Some),
            _ => parts.push(Part::Is(c)),
        }
    }
    parts
}

/// How many wildcards a pattern has, if it is one.
fn wildcards(field: &str, pattern: &str) -> Result<usize> {
    let refused = |problem: &str| Err(Error::setting(field, pattern, problem));
    if pattern.is_empty() || pattern.len() > LENGTH {
        return refused("must be a name of at least one character and at most 1,000");
    }
    let parts = parts(pattern);
    let wild = |part: &Part| !matches!(part, Part::Is(_));
    if parts.windows(2).any(|pair| pair.iter().all(wild)) {
        return refused(
            "has a wildcard right after another one, where nobody can tell which is which",
        );
    }
    let count = parts.iter().filter(|part| wild(part)).count();
    if count > WILDCARDS {
        return refused("has more than 16 wildcards");
    }
    Ok(count)
}

/// What the wildcards of a pattern stand for in a name that fits it: the first ones for as much as they can.
fn fitted(pattern: &str, name: &str) -> Option<Vec<String>> {
    let parts = parts(pattern);
    let name: Vec<char> = name.chars().collect();
    // Whether the parts from one on fit the rest of the name, backwards: time is their product.
    let width = name.len() + 1;
    let mut fits = vec![false; (parts.len() + 1) * width];
    fits[parts.len() * width + name.len()] = true;
    for (index, part) in parts.iter().enumerate().rev() {
        for at in (0..name.len()).rev() {
            let more = !matches!(part, Part::Is(_)) && fits[index * width + at + 1];
            let next = fits[(index + 1) * width + at + 1];
            fits[index * width + at] = part.takes(name[at]) && (more || next);
        }
    }
    if !fits[0] {
        return None;
    }
    let mut found = Vec::new();
    let mut at = 0;
    for (index, part) in parts.iter().enumerate() {
        let start = at;
        at += 1;
        if matches!(part, Part::Is(_)) {
            continue;
        }
        while fits[index * width + at] {
            at += 1;
        }
        found.push(name[start..at].iter().collect());
    }
    Some(found)
}

/// A name with what its wildcards stand for.
fn filled(name: &str, found: &[String]) -> String {
    let mut found = found.iter();
    let mut whole = String::new();
    for part in parts(name) {
        match part {
            Part::Is(c) => whole.push(c),
            Part::Some | Part::Any => whole.extend(found.next().map(String::as_str)),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_what_they_say() {
        let found = |pattern: &str, name: &str| fitted(pattern, name);
        let of = |found: &[&str]| Some(found.iter().map(|part| (*part).to_owned()).collect());
        assert_eq!(found("a.b", "a.b"), of(&[]));
        assert_eq!(found("a.b", "a.c"), None);
        assert_eq!(found("a.b", "a.b.c"), None);
        assert_eq!(found("conv*.*", "conv3.bias"), of(&["3", "bias"]));
        assert_eq!(found("conv*.*", "conv.bias"), None, "one character or more");
        assert_eq!(found("*", "a.b"), None);
        assert_eq!(found("**", "a.b"), of(&["a.b"]));
        assert_eq!(found("module.**", "module.a.b"), of(&["a.b"]));
        assert_eq!(found("**.*.bias", "a.b.c.bias"), of(&["a.b", "c"]));
        assert_eq!(found("*a*", "aaaa"), of(&["aa", "a"]));
        assert_eq!(found("ü*", "übung"), of(&["bung"]));
        // Each wildcard may end at each place: by trying, that would take 2,000¹⁵ steps.
        let (pattern, name) = (format!("{}c", "*a".repeat(15)), "a".repeat(2_000));
        assert_eq!(found(&pattern, &name), None);
    }

    #[test]
    fn the_first_line_that_fits_decides() {
        let table = WeightTable::pytorch()
            .with_name("main.0.*", "project.*")
            .with_name("main.*.*", "blocks.*.conv.*")
            .without("*.mask");
        let name = |of: &str| table.renamed(of);
        assert_eq!(name("main.0.weight").as_deref(), Some("project.weight"));
        assert_eq!(name("main.7.bias").as_deref(), Some("blocks.7.conv.bias"));
        assert_eq!(name("head.weight").as_deref(), Some("head.weight"));
        assert_eq!(name("main.mask"), None);
        assert_eq!(name("main.1.num_batches_tracked"), None);
        let burn = WeightTable::burn();
        assert!(burn.renamed("main.1.num_batches_tracked").is_some());
    }

    #[test]
    fn patterns_that_mean_nothing_are_refused() {
        let refused = |table: WeightTable, words: &str| {
            let error = table.validate().expect_err("a wrong table").to_string();
            assert!(error.contains(words), "no `{words}` in: {error}");
        };
        let table = WeightTable::pytorch;
        refused(
            table().with_name("a.*", "b"),
            "`names` = a.* → b: has 1 wildcards",
        );
        refused(table().with_name("", "b"), "at least one character");
        refused(table().without("a***"), "right after another");
        refused(table().with_zeros("*a".repeat(17)), "`zeros`");
        refused(table().without("a".repeat(1_001)), "at most 1,000");
        assert!(table().with_name("**.*", "*.**").validate().is_ok());
        let text = serde_json::to_string(&table().with_name("a", "b").within("g")).expect("JSON");
        let again: WeightTable = serde_json::from_str(&text).expect("the same settings");
        assert_eq!(again, table().with_name("a", "b").within("g"));
        assert!(serde_json::from_str::<WeightTable>(&text.replace("within", "inside")).is_err());
    }
}
