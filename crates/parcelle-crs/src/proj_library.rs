//! The functions of PROJ's C interface (proj.h, version 7.2 or newer) that are needed beside GDAL's. libgdal links the library
//! already, so that there is one copy of it, and one database.

use std::ffi::{c_char, c_double, c_int};
use std::marker::PhantomData;

macro_rules! opaque {
    ($($(#[$comment:meta])* $name:ident;)*) => {$(
        $(#[$comment])*
        #[repr(C)]
        pub(crate) struct $name {
            _private: [u8; 0],
            _neither_send_nor_sync: PhantomData<*mut u8>,
        }
    )*};
}

opaque! {
    /// `PJ_CONTEXT`
    Context;
    /// `PJ`
    Object;
    /// `PJ_AREA`
    Area;
    /// `PJ_OPERATION_FACTORY_CONTEXT`
    Search;
    /// `PJ_OBJ_LIST`
    List;
}

/// `PJ_FWD`
pub(crate) const FORWARD: c_int = 1;
/// `PJ_CATEGORY_CRS`
pub(crate) const CATEGORY_CRS: c_int = 3;
/// `PJ_LOG_NONE`
pub(crate) const SILENT: c_int = 0;
/// `PROJ_SPATIAL_CRITERION_PARTIAL_INTERSECTION`
pub(crate) const PARTIAL_INTERSECTION: c_int = 1;
/// `PROJ_GRID_AVAILABILITY_IGNORED`
pub(crate) const GRIDS_IGNORED: c_int = 2;

#[link(name = "proj")]
unsafe extern "C" {
    pub(crate) fn proj_context_create() -> *mut Context;
    pub(crate) fn proj_context_destroy(context: *mut Context) -> *mut Context;
    pub(crate) fn proj_context_errno(context: *mut Context) -> c_int;
    pub(crate) fn proj_errno_string(error: c_int) -> *const c_char;
    pub(crate) fn proj_log_level(context: *mut Context, level: c_int) -> c_int;
    pub(crate) fn proj_create(context: *mut Context, definition: *const c_char) -> *mut Object;
    pub(crate) fn proj_create_from_database(
        context: *mut Context,
        authority: *const c_char,
        code: *const c_char,
        category: c_int,
        use_alternative_grid_names: c_int,
        options: *const *const c_char,
    ) -> *mut Object;
    pub(crate) fn proj_is_deprecated(object: *const Object) -> c_int;
    pub(crate) fn proj_as_projjson(
        context: *mut Context,
        object: *const Object,
        options: *const *const c_char,
    ) -> *const c_char;
    pub(crate) fn proj_destroy(object: *mut Object) -> *mut Object;
    pub(crate) fn proj_create_crs_to_crs_from_pj(
        context: *mut Context,
        source: *const Object,
        target: *const Object,
        area: *mut Area,
        options: *const *const c_char,
    ) -> *mut Object;
    pub(crate) fn proj_normalize_for_visualization(context: *mut Context, object: *const Object) -> *mut Object;
    pub(crate) fn proj_trans_generic(
        object: *mut Object,
        direction: c_int,
        x: *mut c_double,
        x_stride: usize,
        x_count: usize,
        y: *mut c_double,
        y_stride: usize,
        y_count: usize,
        z: *mut c_double,
        z_stride: usize,
        z_count: usize,
        t: *mut c_double,
        t_stride: usize,
        t_count: usize,
    ) -> usize;
    pub(crate) fn proj_create_operation_factory_context(context: *mut Context, authority: *const c_char)
    -> *mut Search;
    pub(crate) fn proj_operation_factory_context_destroy(search: *mut Search);
    pub(crate) fn proj_operation_factory_context_set_spatial_criterion(
        context: *mut Context,
        search: *mut Search,
        criterion: c_int,
    );
    pub(crate) fn proj_operation_factory_context_set_grid_availability_use(
        context: *mut Context,
        search: *mut Search,
        use_: c_int,
    );
    pub(crate) fn proj_operation_factory_context_set_allow_ballpark_transformations(
        context: *mut Context,
        search: *mut Search,
        allow: c_int,
    );
    pub(crate) fn proj_create_operations(
        context: *mut Context,
        source: *const Object,
        target: *const Object,
        search: *const Search,
    ) -> *mut List;
    pub(crate) fn proj_list_get_count(list: *const List) -> c_int;
    pub(crate) fn proj_list_get(context: *mut Context, list: *const List, index: c_int) -> *mut Object;
    pub(crate) fn proj_list_destroy(list: *mut List);
    pub(crate) fn proj_coordoperation_is_instantiable(context: *mut Context, operation: *const Object) -> c_int;
    pub(crate) fn proj_coordoperation_get_accuracy(context: *mut Context, operation: *const Object) -> c_double;
    pub(crate) fn proj_coordoperation_get_grid_used_count(context: *mut Context, operation: *const Object) -> c_int;
    pub(crate) fn proj_coordoperation_get_grid_used(
        context: *mut Context,
        operation: *const Object,
        index: c_int,
        short_name: *mut *const c_char,
        full_name: *mut *const c_char,
        package_name: *mut *const c_char,
        url: *mut *const c_char,
        direct_download: *mut c_int,
        open_licence: *mut c_int,
        available: *mut c_int,
    ) -> c_int;
}
