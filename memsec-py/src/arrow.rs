//! Arrow record batches in and out, by the C data interface: any library
//! that has its PyCapsule protocol gives and takes them without a copy.

use std::{ffi::CStr, sync::Arc};

use arrow_array::{
    Array, ArrayRef, Int32Array, LargeStringArray, RecordBatch, StringArray,
    StringViewArray, StructArray,
    ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi, to_ffi},
};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use memsec_core::Policy;
use pyo3::{prelude::*, types::PyCapsule};

use crate::{detached, lines};

const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

/// A record batch that other libraries take as it is.
#[pyclass(frozen, module = "memsec")]
#[derive(Debug)]
pub(crate) struct Batch(RecordBatch);

type Capsules<'py> = (Bound<'py, PyCapsule>, Bound<'py, PyCapsule>);

#[pymethods]
impl Batch {
    /// What the PyCapsule protocol asks for. Another schema than the own is
    /// not made: the protocol leaves that open.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Capsules<'py>> {
        drop(requested_schema);
        let data = StructArray::from(self.0.clone()).into_data();
        let (array, schema) = to_ffi(&data).map_err(refused)?;
        Ok((
            PyCapsule::new_with_value(py, schema, SCHEMA)?,
            PyCapsule::new_with_value(py, array, ARRAY)?,
        ))
    }

    fn __len__(&self) -> usize {
        self.0.num_rows()
    }

    fn __repr__(&self) -> String {
        let fields = self.0.schema_ref().fields();
        let names: Vec<_> = fields.iter().map(|f| f.name().as_str()).collect();
        format!("<Batch {} rows: {}>", self.0.num_rows(), names.join(", "))
    }
}

/// Audits the snapshots in a column of a record batch, on every core, and
/// gives the batch with `status` (int32: 0 no findings, 1 findings, 2 an
/// error) and `report` (large_string: JSON) in the place of that column. It
/// takes what has `__arrow_c_array__`, of any library, and copies no column
/// that stays. Raises `ArgumentError` if the column is not there or no text; a
/// row that is no snapshot is no error.
#[pyfunction]
#[pyo3(signature = (batch, column = "snapshot", policy = None))]
pub(crate) fn audit_arrow(
    py: Python<'_>,
    batch: &Bound<'_, PyAny>,
    column: &str,
    policy: Option<&crate::Policy>,
) -> PyResult<Batch> {
    let batch = import(batch)?;
    let default = Policy::new();
    let policy = policy.map_or(&default, |policy| &policy.0);
    let texts = texts(&batch, column).map_err(refused)?;
    let answers = detached::run(py, || Ok(lines::audit_texts(&texts, policy)))?;
    drop(texts);
    answered(batch, column, answers).map(Batch).map_err(refused)
}

#[expect(unsafe_code, reason = "takes what another library made")]
fn import(batch: &Bound<'_, PyAny>) -> PyResult<RecordBatch> {
    let (schema, array): Capsules<'_> =
        batch.call_method0("__arrow_c_array__")?.extract()?;
    let schema = schema.pointer_checked(Some(SCHEMA))?;
    let array = array.pointer_checked(Some(ARRAY))?;
    // SAFETY: a capsule of this name holds an ArrowSchema, which lives as
    // long as the capsule does, to the end of this function.
    let schema = unsafe { schema.cast::<FFI_ArrowSchema>().as_ref() };
    // SAFETY: a capsule of this name holds an ArrowArray. It is moved out as
    // the interface says: what stays behind is marked as released.
    let array = unsafe { FFI_ArrowArray::from_raw(array.cast().as_ptr()) };
    // SAFETY: both came from one call, so that the schema is the array's.
    let data = unsafe { from_ffi(array, schema) }.map_err(refused)?;
    data.validate_full().map_err(refused)?;
    if !matches!(data.data_type(), DataType::Struct(_)) || data.null_count() > 0
    {
        let text = "this is not a record batch: a struct without nulls";
        return Err(refused(ArrowError::SchemaError(text.to_owned())));
    }
    Ok(RecordBatch::from(StructArray::from(data)))
}

/// The texts of a column; a null has none.
fn texts<'a>(
    batch: &'a RecordBatch,
    column: &str,
) -> Result<Vec<Option<&'a str>>, ArrowError> {
    let column = batch.column_by_name(column).ok_or_else(|| {
        ArrowError::SchemaError(format!("there is no column {column:?}"))
    })?;
    let any = column.as_any();
    if let Some(texts) = any.downcast_ref::<StringArray>() {
        return Ok(texts.iter().collect());
    }
    if let Some(texts) = any.downcast_ref::<LargeStringArray>() {
        return Ok(texts.iter().collect());
    }
    if let Some(texts) = any.downcast_ref::<StringViewArray>() {
        return Ok(texts.iter().collect());
    }
    let found = column.data_type();
    Err(ArrowError::SchemaError(format!(
        "the column of snapshots is {found}, where text is wanted"
    )))
}

fn answered(
    batch: RecordBatch,
    column: &str,
    answers: Vec<lines::Answer>,
) -> Result<RecordBatch, ArrowError> {
    let status = answers.iter().map(|answer| i32::from(answer.1));
    let status: ArrayRef = Arc::new(status.collect::<Int32Array>());
    let reports = answers.into_iter().map(|answer| Some(answer.0));
    let reports: ArrayRef = Arc::new(reports.collect::<LargeStringArray>());
    let schema = batch.schema();
    let kept = schema.fields().iter().zip(batch.columns());
    let kept = kept.filter(|(field, _)| field.name() != column);
    let made =
        [("status", status), ("report", reports)].map(|(name, column)| {
            let field = Field::new(name, column.data_type().clone(), false);
            (Arc::new(field), column)
        });
    let all = kept.map(|(f, column)| (f.clone(), column.clone())).chain(made);
    let (fields, columns): (Vec<_>, Vec<_>) = all.unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: ArrowError) -> PyErr {
    detached::exception(memsec_core::Error::argument(error.to_string()))
}
