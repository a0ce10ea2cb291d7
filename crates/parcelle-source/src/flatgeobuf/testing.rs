//! FlatGeobufs made to measure, for tests, with the generated code of the crate `flatgeobuf`.

use std::path::PathBuf;

use flatbuffers::{FlatBufferBuilder, WIPOffset};
use flatgeobuf::packed_r_tree::{NodeItem, PackedRTree, calc_extent};
use flatgeobuf::{
    Column, ColumnArgs, ColumnType, Crs, CrsArgs, Feature, FeatureArgs, Geometry, GeometryArgs, GeometryType, Header,
    HeaderArgs,
};
use tempfile::TempDir;

/// A geometry to be written.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    pub(super) kind: u8,
    pub(super) xy: Vec<f64>,
    pub(super) z: Vec<f64>,
    pub(super) m: Vec<f64>,
    pub(super) t: Vec<f64>,
    pub(super) ends: Vec<u32>,
    pub(super) parts: Vec<Shape>,
}

impl Shape {
    pub(super) fn new(kind: GeometryType, xy: &[f64]) -> Self {
        Self { kind: kind.0, xy: xy.to_vec(), ..Self::default() }
    }

    pub(super) fn of_parts(kind: GeometryType, parts: &[Shape]) -> Self {
        Self { kind: kind.0, parts: parts.to_vec(), ..Self::default() }
    }

    pub(super) fn ends(mut self, ends: &[u32]) -> Self {
        self.ends = ends.to_vec();
        self
    }

    pub(super) fn z(mut self, z: &[f64]) -> Self {
        self.z = z.to_vec();
        self
    }

    pub(super) fn m(mut self, m: &[f64]) -> Self {
        self.m = m.to_vec();
        self
    }

    fn write<'b>(&self, builder: &mut FlatBufferBuilder<'b>) -> WIPOffset<Geometry<'b>> {
        let parts: Vec<_> = self.parts.iter().map(|part| part.write(builder)).collect();
        let parts = (!parts.is_empty()).then(|| builder.create_vector(&parts));
        let ends = (!self.ends.is_empty()).then(|| builder.create_vector(&self.ends));
        let [xy, z, m, t] =
            [&self.xy, &self.z, &self.m, &self.t].map(|v| (!v.is_empty()).then(|| builder.create_vector(v)));
        let arguments = GeometryArgs { ends, xy, z, m, t, tm: None, type_: GeometryType(self.kind), parts };
        Geometry::create(builder, &arguments)
    }

    fn bounds(&self) -> NodeItem {
        let mut bounds = NodeItem::create(0);
        self.xy.chunks_exact(2).for_each(|position| bounds.expand_xy(position[0], position[1]));
        self.parts.iter().for_each(|part| bounds.expand(&part.bounds()));
        bounds
    }
}

/// A point without z and m.
pub(super) fn point(x: f64, y: f64) -> Shape {
    Shape::new(GeometryType::Point, &[x, y])
}

/// A column to be declared.
#[derive(Debug, Clone)]
pub(super) struct TestColumn {
    pub(super) name: &'static str,
    pub(super) kind: u8,
    pub(super) nullable: bool,
    pub(super) title: Option<&'static str>,
    pub(super) primary_key: bool,
}

pub(super) fn column(name: &'static str, kind: ColumnType) -> TestColumn {
    TestColumn { name, kind: kind.0, nullable: true, title: None, primary_key: false }
}

impl TestColumn {
    fn write<'b>(&self, builder: &mut FlatBufferBuilder<'b>) -> WIPOffset<Column<'b>> {
        let arguments = ColumnArgs {
            name: Some(builder.create_string(self.name)),
            type_: ColumnType(self.kind),
            title: self.title.map(|title| builder.create_string(title)),
            nullable: self.nullable,
            primary_key: self.primary_key,
            ..Default::default()
        };
        Column::create(builder, &arguments)
    }
}

/// Properties as they are stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Properties(pub(super) Vec<u8>);

impl Properties {
    /// A value of fixed length.
    pub(super) fn fixed(mut self, column: u16, bytes: &[u8]) -> Self {
        self.0.extend(column.to_le_bytes());
        self.0.extend(bytes);
        self
    }

    /// A value behind its length.
    pub(super) fn text(mut self, column: u16, text: impl AsRef<[u8]>) -> Self {
        self.0.extend(column.to_le_bytes());
        self.0.extend((text.as_ref().len() as u32).to_le_bytes());
        self.0.extend(text.as_ref());
        self
    }
}

/// Organisation, code, code as text, WKT.
pub(super) type TestCrs = (Option<&'static str>, i32, Option<&'static str>, Option<&'static str>);

/// A file under construction.
#[derive(Debug, Default)]
pub(super) struct TestFile {
    pub(super) name: Option<&'static str>,
    pub(super) kind: u8,
    pub(super) has_z: bool,
    pub(super) has_m: bool,
    pub(super) columns: Vec<TestColumn>,
    pub(super) crs: Option<TestCrs>,
    pub(super) node_size: u16,
    pub(super) count: Option<u64>,
    features: Vec<Vec<u8>>,
    nodes: Vec<NodeItem>,
}

impl TestFile {
    pub(super) fn new(columns: &[TestColumn]) -> Self {
        Self { columns: columns.to_vec(), ..Self::default() }
    }

    pub(super) fn feature(&mut self, shape: Option<&Shape>, properties: &Properties) -> &mut Self {
        self.feature_with(shape, properties, &[])
    }

    /// A feature with columns of its own.
    pub(super) fn feature_with(
        &mut self,
        shape: Option<&Shape>,
        properties: &Properties,
        columns: &[TestColumn],
    ) -> &mut Self {
        let mut builder = FlatBufferBuilder::new();
        let columns: Vec<_> = columns.iter().map(|column| column.write(&mut builder)).collect();
        let columns = (!columns.is_empty()).then(|| builder.create_vector(&columns));
        let geometry = shape.map(|shape| shape.write(&mut builder));
        let properties = (!properties.0.is_empty()).then(|| builder.create_vector(&properties.0));
        let feature = Feature::create(&mut builder, &FeatureArgs { geometry, properties, columns });
        builder.finish_size_prefixed(feature, None);
        let mut node = shape.map_or_else(|| NodeItem::create(0), Shape::bounds);
        node.offset = self.features.iter().map(|feature| feature.len() as u64).sum();
        self.nodes.push(node);
        self.features.push(builder.finished_data().to_vec());
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut builder = FlatBufferBuilder::new();
        let columns: Vec<_> = self.columns.iter().map(|column| column.write(&mut builder)).collect();
        let columns = (!columns.is_empty()).then(|| builder.create_vector(&columns));
        let crs = self.crs.map(|(org, code, code_string, wkt)| {
            let [org, code_string, wkt] = [org, code_string, wkt].map(|t| t.map(|t| builder.create_string(t)));
            Crs::create(&mut builder, &CrsArgs { org, code, code_string, wkt, ..Default::default() })
        });
        let arguments = HeaderArgs {
            name: self.name.map(|name| builder.create_string(name)),
            geometry_type: GeometryType(self.kind),
            has_z: self.has_z,
            has_m: self.has_m,
            columns,
            crs,
            features_count: self.count.unwrap_or(self.features.len() as u64),
            index_node_size: self.node_size,
            ..Default::default()
        };
        let header = Header::create(&mut builder, &arguments);
        builder.finish_size_prefixed(header, None);
        let mut bytes = b"fgb\x03fgb\x00".to_vec();
        bytes.extend(builder.finished_data());
        if self.node_size > 0 && !self.nodes.is_empty() {
            let tree = PackedRTree::build(&self.nodes, &calc_extent(&self.nodes), self.node_size).unwrap();
            tree.stream_write(&mut bytes).unwrap();
        }
        bytes.extend(self.features.concat());
        bytes
    }

    /// Writes the file into a folder of its own.
    pub(super) fn write(&self) -> (TempDir, PathBuf) {
        write_bytes(&self.bytes())
    }
}

pub(super) fn write_bytes(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tést 1.fgb");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}
