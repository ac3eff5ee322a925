//! Finds layers by their names.

use burn::module::{Module, ModuleVisitor};
use burn::tensor::backend::Backend;

/// This crate's layer and burn's have one name, as a user's own probably has.
const BATCH_NORM: &str = "Struct:BatchNorm";

/// The paths of all batch norms within a network, its own name first.
pub(in crate::train) fn batch_norms<B: Backend, M: Module<B>>(
    module: &M,
    network: &str,
) -> Vec<String> {
    let mut finder = Finder {
        path: vec![network.to_owned()],
        found: Vec::new(),
    };
    module.visit(&mut finder);
    finder.found
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
