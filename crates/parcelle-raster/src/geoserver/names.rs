//! The names of what the conditions of the capability table can ask for; `facts.rs` has what each one is.

/// Declares [`Name`]: a place in [`super::condition::Facts`] for each word.
macro_rules! names {
    ($($variant:ident = $text:literal,)*) => {
        /// One thing that can be known of a file or an image.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub(super) enum Name { $($variant,)* }

        impl Name {
            const ALL: &[(Self, &str)] = &[$((Self::$variant, $text),)*];

            /// How many there are.
            pub(super) const COUNT: usize = Self::ALL.len();

            /// The name that is written so in the table.
            pub(super) fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().find(|(_, known)| *known == text).map(|(name, _)| *name)
            }
        }
    };
}

names! {
    Role = "role",
    Codec = "codec",
    Predictor = "predictor",
    Bits = "bits",
    PixelBits = "pixel_bits",
    Widths = "widths",
    Format = "format",
    Bands = "bands",
    Planar = "planar",
    Reset = "reset",
    Photometric = "photometric",
    Layout = "layout",
    Width = "width",
    FullWidth = "full_width",
    Pixels = "pixels",
    BlockPixels = "block_pixels",
    BlockBytes = "block_bytes",
    Offsets = "offsets",
    Overrun = "overrun",
    HighBit = "high_bit",
    Window = "window",
    Sparse = "sparse",
    Stored = "stored",
    PastEnd = "past_end",
    Misplaced = "misplaced",
    Index = "index",
    Nodata = "nodata",
    Fill = "fill",
    FillOfGdal = "fill_of_gdal",
    Cast = "cast",
    JpegTables = "jpeg_tables",
    OldJpeg = "old_jpeg",
    ColourMap = "colour_map",
    Profile = "profile",
    Extra = "extra",
    Alpha = "alpha",
    Scaled = "scaled",
    Sound = "sound",
    Loop = "loop",
    Values = "values",
    Chain = "chain",
    Overviews = "overviews",
    MaskLevels = "mask_levels",
    Transform = "transform",
    Keys = "keys",
    Model = "model",
    Projected = "projected",
    Geographic = "geographic",
    Projection = "projection",
    Method = "method",
    Datum = "datum",
    Ellipsoid = "ellipsoid",
    Unit = "unit",
    Vertical = "vertical",
    Ragged = "ragged",
    Pe = "pe",
    Sphere = "sphere",
    Krovak = "krovak",
    Parallel = "parallel",
    OriginLatitude = "origin_latitude",
    HeaderAtEnd = "header_at_end",
    HeaderRequests = "header_requests",
    Prj = "prj",
    PrjSays = "prj_says",
    AuxSays = "aux_says",
    WorldFile = "world_file",
    MaskFile = "mask_file",
    OverviewFile = "overview_file",
    AuxFile = "aux_file",
}
