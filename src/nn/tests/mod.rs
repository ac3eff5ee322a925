//! The layers against PyTorch.

mod golden;
