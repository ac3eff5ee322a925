//! Finds layers by their names.

use std::fmt::{self, Write};

use burn::module::{Module, ModuleVisitor};
use burn::tensor::backend::Backend;

/// This crate's layer and burn's have one name, as a user's own probably has.
const BATCH_NORM: &str = "Struct:BatchNorm";
/// So much of a network's `Debug` form is looked at.
const LONGEST: usize = 1 << 20;

/// The paths of all batch norms within a network, its own name first.
pub(crate) fn batch_norms<B: Backend, M: Module<B>>(module: &M, network: &str) -> Vec<String> {
    let mut finder = Finder {
        path: vec![network.to_owned()],
        found: Vec::new(),
    };
    module.visit(&mut finder);
    finder.found
}

/// Whether a network holds a layer of this name that has parameters: `SpectralNorm`.
pub(crate) fn has<B: Backend, M: Module<B>>(module: &M, layer: &str) -> bool {
    let mut search = Search {
        layer: format!("Struct:{layer}"),
        found: false,
    };
    module.visit(&mut search);
    search.found
}

/// Whether a network holds a layer of this name that may have no parameters, which visitors do not come
/// to: by its `Debug` form, in which parameters are no more than their ids.
pub(crate) fn mentions<B: Backend, M: Module<B>>(module: &M, layer: &str) -> bool {
    let mut words = Words {
        layer,
        found: false,
        left: LONGEST,
    };
    // The error that ends it early is ours.
    let _ = write!(words, "{module:?}");
    words.found
}

/// Looks for a word in what is written, and ends it once it was found.
struct Words<'a> {
    layer: &'a str,
    found: bool,
    /// Bytes that are still looked at.
    left: usize,
}

impl fmt::Write for Words<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        self.found |= part == self.layer;
        self.left = self.left.saturating_sub(part.len());
        if self.found || self.left == 0 {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

struct Search {
    layer: String,
    found: bool,
}

impl<B: Backend> ModuleVisitor<B> for Search {
    fn enter_module(&mut self, _name: &str, container_type: &str) {
        self.found |= container_type == self.layer;
    }
}

struct Finder {
    path: Vec<String>,
    found: Vec<String>,
}

impl<B: Backend> ModuleVisitor<B> for Finder {
    fn enter_module(&mut self, name: &str, container_type: &str) {
        if container_type == BATCH_NORM {
            // Once for each of its parameters.
            let path = self.path.join(".");
            if self.found.last() != Some(&path) {
                self.found.push(path);
            }
        }
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }
}
