//! Coordinates from one reference system to another, by PROJ.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use crate::error::TransformationError;
use crate::proj_library as proj;
use crate::{Crs, Measure};

/// A way from one coordinate reference system to another.
///
/// PROJ chooses by position among all transformations that its database has, so a result depends on its own position only;
/// positions are x before y (longitude before latitude, easting before northing), whatever the order of the axes in the
/// definition. A transformation that is only a guess ("ballpark", which ignores the difference of the datums) is never
/// taken. An object may go from thread to thread, and is used by one at a time.
#[derive(Debug)]
pub struct Transformation {
    // In this order: an object is to be destroyed before its context.
    path: Object,
    _context: Context,
}

impl Transformation {
    /// Finds the way from one to the other.
    ///
    /// # Errors
    /// [`TransformationError`] where PROJ does not know one of them, where one is geocentric, or where there is no way but a
    /// ballpark one.
    pub fn new(source: &Crs, target: &Crs) -> Result<Self, TransformationError> {
        for crs in [source, target] {
            if crs.measure() == Measure::Geocentric {
                return Err(TransformationError::Geocentric { crs: crs.to_string() });
            }
        }
        let context = Context::new()?;
        let (from, to) = (context.crs(source)?, context.crs(target)?);
        let options = [c"ALLOW_BALLPARK=NO".as_ptr(), ptr::null()];
        // SAFETY: context and both systems live; the options end with a null pointer.
        let path = Object(unsafe {
            proj::proj_create_crs_to_crs_from_pj(context.0, from.0, to.0, ptr::null_mut(), options.as_ptr())
        });
        if path.0.is_null() {
            let grids = context.operations(&from, &to).missing_grids(f64::INFINITY);
            return Err(TransformationError::None { from: source.to_string(), to: target.to_string(), grids });
        }
        // SAFETY: context and path live.
        let path = Object(unsafe { proj::proj_normalize_for_visualization(context.0, path.0) });
        if path.0.is_null() {
            return Err(TransformationError::Proj { crs: target.to_string(), reason: context.reason() });
        }
        Ok(Self { path, _context: context })
    }

    /// Transforms positions in place. Where one cannot be transformed its x and y are infinite afterwards. `year` is the
    /// decimal year for which they hold, where that is known.
    pub fn transform(&mut self, x: &mut [f64], y: &mut [f64], z: &mut [f64], year: Option<f64>) {
        let count = x.len().min(y.len()).min(z.len());
        let mut year = year.unwrap_or(f64::INFINITY);
        let stride = size_of::<f64>();
        // SAFETY: the path and its context live, and are borrowed alone; each of the three arrays has `count` numbers.
        unsafe {
            proj::proj_trans_generic(
                self.path.0,
                proj::FORWARD,
                x.as_mut_ptr(),
                stride,
                count,
                y.as_mut_ptr(),
                stride,
                count,
                z.as_mut_ptr(),
                stride,
                count,
                &raw mut year,
                stride,
                1,
            );
        }
    }

    /// What would be more exact, and cannot be used as grids are missing; a sentence for people.
    ///
    /// # Errors
    /// As for [`Transformation::new`].
    pub fn shortcoming(source: &Crs, target: &Crs) -> Result<Option<String>, TransformationError> {
        let context = Context::new()?;
        let (from, to) = (context.crs(source)?, context.crs(target)?);
        let operations = context.operations(&from, &to);
        let Some(used) = operations.0.iter().find(|operation| operation.is_usable) else { return Ok(None) };
        let grids = operations.missing_grids(used.accuracy.unwrap_or(f64::INFINITY));
        let (Some(best), [first, ..]) = (operations.best_missing(), grids.as_slice()) else { return Ok(None) };
        let accuracy =
            used.accuracy.map_or_else(|| "unknown accuracy".to_owned(), |metres| format!("an accuracy of {metres} m"));
        let listed = grids.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if grids.len() > 3 { format!(" and {} more", grids.len() - 3) } else { String::new() };
        Ok(Some(format!(
            "{source} to {target}: positions have {accuracy} where one of {best} m could be had: PROJ lacks the grids {listed}{more}; \
             install them, such as with `projsync --file {first}`, or set PROJ_NETWORK=ON"
        )))
    }
}

// SAFETY: PROJ's objects are bound to their context, which this one has for itself; neither is bound to a thread
// (PROJ's documentation, "Threads"). It is not `Sync`: one thread at a time.
unsafe impl Send for Transformation {}

#[derive(Debug)]
struct Context(*mut proj::Context);

impl Context {
    fn new() -> Result<Self, TransformationError> {
        crate::gdal_ready().map_err(|reason| TransformationError::Library { reason })?;
        // SAFETY: no arguments.
        let context = Self(unsafe { proj::proj_context_create() });
        if context.0.is_null() {
            return Err(TransformationError::Proj { crs: "PROJ".to_owned(), reason: "out of memory".to_owned() });
        }
        // SAFETY: the context lives.
        unsafe { proj::proj_log_level(context.0, proj::SILENT) };
        Ok(context)
    }

    /// A reference system: by its code where PROJ knows it, so that all transformations are found, else by its definition.
    fn crs(&self, crs: &Crs) -> Result<Object, TransformationError> {
        let code = crs.authority().map(ToString::to_string);
        for definition in code.into_iter().chain([crs.to_projjson().to_string()]) {
            let Ok(definition) = CString::new(definition) else { continue };
            // SAFETY: the context lives, the text ends with a zero byte.
            let object = Object(unsafe { proj::proj_create(self.0, definition.as_ptr()) });
            if !object.0.is_null() {
                return Ok(object);
            }
        }
        Err(TransformationError::Proj { crs: crs.to_string(), reason: self.reason() })
    }

    /// All transformations, the best first, whether their grids are there or not.
    fn operations(&self, source: &Object, target: &Object) -> Operations {
        // SAFETY: context and systems live; search and list are destroyed here, each operation by its `Object`.
        unsafe {
            let search = proj::proj_create_operation_factory_context(self.0, ptr::null());
            if search.is_null() {
                return Operations(Vec::new());
            }
            proj::proj_operation_factory_context_set_spatial_criterion(self.0, search, proj::PARTIAL_INTERSECTION);
            proj::proj_operation_factory_context_set_grid_availability_use(self.0, search, proj::GRIDS_IGNORED);
            proj::proj_operation_factory_context_set_allow_ballpark_transformations(self.0, search, 0);
            let list = proj::proj_create_operations(self.0, source.0, target.0, search);
            proj::proj_operation_factory_context_destroy(search);
            if list.is_null() {
                return Operations(Vec::new());
            }
            let found = (0..proj::proj_list_get_count(list))
                .map(|index| Object(proj::proj_list_get(self.0, list, index)))
                .filter(|operation| !operation.0.is_null())
                .map(|operation| self.operation(&operation))
                .collect();
            proj::proj_list_destroy(list);
            Operations(found)
        }
    }

    fn operation(&self, operation: &Object) -> Operation {
        // SAFETY: context and operation live; the names belong to the operation, and are copied at once.
        unsafe {
            let accuracy = proj::proj_coordoperation_get_accuracy(self.0, operation.0);
            let is_usable = proj::proj_coordoperation_is_instantiable(self.0, operation.0) != 0;
            let mut missing = Vec::new();
            for index in 0..proj::proj_coordoperation_get_grid_used_count(self.0, operation.0) {
                let (mut short, mut full, mut package, mut url) = (ptr::null(), ptr::null(), ptr::null(), ptr::null());
                let (mut direct, mut open, mut available) = (0, 0, 0);
                let found = proj::proj_coordoperation_get_grid_used(
                    self.0,
                    operation.0,
                    index,
                    &raw mut short,
                    &raw mut full,
                    &raw mut package,
                    &raw mut url,
                    &raw mut direct,
                    &raw mut open,
                    &raw mut available,
                );
                if found != 0 && available == 0 {
                    missing.extend(text(short));
                }
            }
            Operation { accuracy: (accuracy >= 0.0).then_some(accuracy), is_usable, missing }
        }
    }

    /// What went wrong last.
    fn reason(&self) -> String {
        // SAFETY: the context lives; the text is PROJ's own, and copied at once.
        let reason = unsafe { text(proj::proj_errno_string(proj::proj_context_errno(self.0))) };
        reason.unwrap_or_else(|| "PROJ does not say why".to_owned())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: made by `new`; the objects of the context are gone.
        unsafe { proj::proj_context_destroy(self.0) };
    }
}

#[derive(Debug)]
struct Object(*mut proj::Object);

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: an object that PROJ handed over, or null, which it ignores.
        unsafe { proj::proj_destroy(self.0) };
    }
}

/// Text that ends with a zero byte.
///
/// # Safety
/// The pointer is null or one to such a text.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    // SAFETY: by the contract of this function.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned())
}

/// A transformation of PROJ's database.
struct Operation {
    /// In metres; `None` where nobody says.
    accuracy: Option<f64>,
    /// Whether all it needs is there.
    is_usable: bool,
    /// Names of the grids that are not there.
    missing: Vec<String>,
}

struct Operations(Vec<Operation>);

impl Operations {
    /// Grids of transformations that are more exact than `accuracy` metres and cannot be used.
    fn missing_grids(&self, accuracy: f64) -> Vec<String> {
        let mut grids: Vec<String> = Vec::new();
        for operation in &self.0 {
            if !operation.is_usable && operation.accuracy.is_some_and(|found| found < accuracy) {
                for grid in &operation.missing {
                    if !grids.contains(grid) {
                        grids.push(grid.clone());
                    }
                }
            }
        }
        grids
    }

    /// The best accuracy of those that cannot be used.
    fn best_missing(&self) -> Option<f64> {
        let unusable = self.0.iter().filter(|operation| !operation.is_usable);
        unusable.filter_map(|operation| operation.accuracy).reduce(f64::min)
    }
}
