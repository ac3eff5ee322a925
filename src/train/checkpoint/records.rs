//! burn records as bytes, without loss.

use burn::record::{
    DoublePrecisionSettings, FullPrecisionSettings, NamedMpkBytesRecorder, PrecisionSettings,
    Record, Recorder,
};
use burn::tensor::DType;
use burn::tensor::backend::Backend;

/// How many bits a record's numbers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::train) enum Precision {
    /// 32 bits: runs in single precision, and in less.
    Full,
    /// 64 bits.
    Double,
}

impl Precision {
    /// What a network of such parameters needs.
    pub(super) fn of(types: impl IntoIterator<Item = DType>) -> Self {
        if types.into_iter().any(|dtype| dtype == DType::F64) {
            Self::Double
        } else {
            Self::Full
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Double => "double",
        }
    }

    /// A record as bytes, or what is wrong with it.
    pub(in crate::train) fn write<B: Backend, R: Record<B>>(
        self,
        record: R,
    ) -> Result<Vec<u8>, String> {
        match self {
            Self::Full => write::<B, R, FullPrecisionSettings>(record),
            Self::Double => write::<B, R, DoublePrecisionSettings>(record),
        }
    }

    /// The record that bytes hold, or what is wrong with them.
    pub(in crate::train) fn read<B: Backend, R: Record<B>>(
        self,
        bytes: &[u8],
        device: &B::Device,
    ) -> Result<R, String> {
        match self {
            Self::Full => read::<B, R, FullPrecisionSettings>(bytes, device),
            Self::Double => read::<B, R, DoublePrecisionSettings>(bytes, device),
        }
    }
}

fn write<B: Backend, R: Record<B>, S: PrecisionSettings>(record: R) -> Result<Vec<u8>, String> {
    let recorder = NamedMpkBytesRecorder::<S>::default();
    Recorder::<B>::record(&recorder, record, ()).map_err(|error| error.to_string())
}

fn read<B: Backend, R: Record<B>, S: PrecisionSettings>(
    bytes: &[u8],
    device: &B::Device,
) -> Result<R, String> {
    let recorder = NamedMpkBytesRecorder::<S>::default();
    Recorder::<B>::load(&recorder, bytes.to_vec(), device).map_err(|error| error.to_string())
}
