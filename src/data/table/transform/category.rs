//! Names as one-hot vectors.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::code::CodedColumn;
use super::settings::RareCategories;
use crate::data::table::column::{Cells, Column, ColumnSchema, MISSING};

/// A column of names as a one-hot vector: an entry for each name, one for the merged ones where there
/// are some, one for a missing value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoryCode {
    /// The names that have an entry of their own, in the order of the column.
    pub names: Vec<String>,
    /// What rare names became, where there are some.
    pub merged: Option<String>,
    /// Whether a value may be missing.
    pub missing: bool,
}

impl CategoryCode {
    pub(super) fn fit(schema: &ColumnSchema, codes: &[u32], rare: &RareCategories) -> Self {
        let mut counts = vec![0_usize; schema.categories.len()];
        let present = codes.iter().filter(|code| **code != MISSING);
        present.for_each(|code| counts[*code as usize] += 1);
        let missing = codes.contains(&MISSING);
        let named = schema.categories.iter().zip(&counts);
        // Names that no row has can't be learnt.
        let mut names: Vec<(&String, usize)> = named
            .filter(|(_, count)| **count > 0)
            .map(|(name, count)| (name, *count))
            .collect();
        let mut merged = None;
        if let RareCategories::Merge { below, name } = rare {
            let least = below * codes.len() as f64;
            let rare = names.iter().filter(|(_, count)| (*count as f64) < least);
            if rare.count() > 1 {
                names.retain(|(own, count)| *count as f64 >= least && *own != name);
                merged = Some(name.clone());
            }
        }
        Self {
            names: names.into_iter().map(|(name, _)| name.clone()).collect(),
            merged,
            missing,
        }
    }

    /// The length of the one-hot vector, at least 1.
    pub fn slots(&self) -> usize {
        let all = self.names.len() + usize::from(self.merged.is_some()) + usize::from(self.missing);
        all.max(1)
    }

    /// The entry of a name, or of a missing value for `None`; `None` for a name that has none.
    pub fn slot(&self, name: Option<&str>) -> Option<usize> {
        let merged = self.names.len();
        match name {
            None => self
                .missing
                .then(|| merged + usize::from(self.merged.is_some())),
            Some(name) => {
                let own = self.names.iter().position(|own| own == name);
                own.or_else(|| self.merged.is_some().then_some(merged))
            }
        }
    }

    pub(super) fn encode(&self, schema: &ColumnSchema, codes: &[u32]) -> CodedColumn {
        let own = self.names.iter().zip(0..);
        let own: HashMap<&str, u32> = own.map(|(name, slot)| (name.as_str(), slot)).collect();
        // What has no entry is missing, or the first where nothing is.
        let other = self.slot(None).unwrap_or_default() as u32;
        let unknown = self
            .merged
            .as_ref()
            .map_or(other, |_| self.names.len() as u32);
        let of_name = |name: &String| own.get(name.as_str()).copied().unwrap_or(unknown);
        let slots: Vec<u32> = schema.categories.iter().map(of_name).collect();
        let mut coded = CodedColumn::with_capacity(codes.len(), false);
        for code in codes {
            let slot = match *code {
                MISSING => other,
                code => slots[code as usize],
            };
            coded.push(slot, 0.0);
        }
        coded
    }

    pub(super) fn decode(&self, schema: &ColumnSchema, coded: &CodedColumn) -> Column {
        let mut schema = schema.clone();
        let mut places: Vec<u32> = Vec::with_capacity(self.slots());
        if let Some(merged) = &self.merged
            && !schema.categories.contains(merged)
        {
            schema.categories.push(merged.clone());
        }
        let known = schema.categories.iter().zip(0..);
        let known: HashMap<&str, u32> = known.map(|(name, code)| (name.as_str(), code)).collect();
        let names = self.names.iter().chain(&self.merged);
        places.extend(names.map(|name| known.get(name.as_str()).copied().unwrap_or(MISSING)));
        let code = |slot: u32| places.get(slot as usize).copied().unwrap_or(MISSING);
        let codes = coded.iter().map(|(slot, _)| code(slot)).collect();
        Column {
            schema,
            cells: Cells::Codes(codes),
        }
    }
}
