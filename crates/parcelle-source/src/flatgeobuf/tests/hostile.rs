//! Files that are cut, changed, or say what is not so.

use super::*;

/// A file with everything in it, for what must be survived.
fn hostile_base(node_size: u16) -> Vec<u8> {
    use GeometryType as T;
    let columns = [column("s", ColumnType::String), column("t", ColumnType::DateTime), column("i", ColumnType::Int)];
    let mut file = TestFile::new(&columns);
    (file.node_size, file.crs) = (node_size, Some((Some("EPSG"), 0, Some(""), None)));
    let square = Shape::new(T::Polygon, &[0.0, 0.0, 4.0, 0.0, 4.0, 4.0, 0.0, 0.0]).ends(&[4]);
    let properties = Properties::default().text(0, "abc").text(1, "2024-01-01T00:00:00Z").fixed(2, &[1, 2, 3, 4]);
    file.feature(Some(&Shape::of_parts(T::MultiPolygon, &[square.clone(), square])), &properties);
    let line = Shape::new(T::MultiLineString, &[0.0; 8]).ends(&[2, 4]).z(&[1.0; 4]);
    let collection = Shape::of_parts(T::GeometryCollection, &[line]);
    file.feature_with(Some(&collection), &Properties::default().fixed(0, &[1, 2, 3, 4]), &columns[2..]);
    file.feature(None, &properties);
    file.bytes()
}

#[test]
fn a_file_that_ends_early_is_an_error() {
    for node_size in [0, 2] {
        let whole = hostile_base(node_size);
        let (_folder, path) = write_bytes(&whole);
        assert_eq!(read_path(&path).unwrap().num_rows(), 3);
        for length in 8..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = read_path(&path).map(|batch| batch.num_rows()).unwrap_err();
            assert!(matches!(error, SourceError::Malformed { .. }), "{length} of {}: {error}", whole.len());
        }
        std::fs::write(&path, [whole.as_slice(), b"more"].concat()).unwrap();
        assert!(matches!(read_path(&path), Err(SourceError::Malformed { .. })));
    }
}

#[test]
fn changed_bytes_are_survived() {
    let window = Window { xmin: 0.0, ymin: 0.0, xmax: 1.0, ymax: 1.0 };
    for node_size in [0, 2] {
        let whole = hostile_base(node_size);
        let (_folder, path) = write_bytes(&whole);
        for position in 8..whole.len() {
            for value in [0xff, whole[position].wrapping_add(1)] {
                let mut bytes = whole.clone();
                bytes[position] = value;
                std::fs::write(&path, &bytes).unwrap();
                let _ = layers(&path, Reader::Native);
                for window in [None, (node_size > 0).then_some(window)] {
                    let options = OpenOptions { window, ..native() };
                    let Ok(layer) = open(&path, &options) else { continue };
                    if let Ok(batch) = read(layer.as_ref(), 2) {
                        assert!(batch.num_rows() <= 64);
                        geometries(&batch).iter().flatten().for_each(|wkb| assert!(scan(wkb).unwrap().is_canonical));
                    }
                }
            }
        }
    }
}

/// Each collection refers to the next one twice: what is small in the file would have 2^30 parts.
#[test]
fn parts_that_are_used_many_times_are_refused() {
    use flatbuffers::FlatBufferBuilder;
    use flatgeobuf::{Feature, FeatureArgs, Geometry, GeometryArgs};
    for xy in [&[1.0, 2.0][..], &[]] {
        let mut builder = FlatBufferBuilder::new();
        let xy = Some(builder.create_vector(xy));
        let point = GeometryArgs { xy, type_: GeometryType::Point, ..Default::default() };
        let mut geometry = Geometry::create(&mut builder, &point);
        for _ in 0..30 {
            let parts = Some(builder.create_vector(&[geometry, geometry]));
            let collection = GeometryArgs { parts, type_: GeometryType::GeometryCollection, ..Default::default() };
            geometry = Geometry::create(&mut builder, &collection);
        }
        let feature = FeatureArgs { geometry: Some(geometry), ..Default::default() };
        let feature = Feature::create(&mut builder, &feature);
        builder.finish_size_prefixed(feature, None);
        let mut file = TestFile::new(&[]);
        file.count = Some(1);
        let (_folder, path) = write_bytes(&[file.bytes(), builder.finished_data().to_vec()].concat());
        let message = read_path(&path).unwrap_err().to_string();
        assert!(message.contains("feature 1") && message.contains("many times"), "{message}");
    }
}

#[test]
fn headers_that_are_refused() {
    let whole = hostile_base(2);
    for (change, part) in [
        (&(|bytes: &mut Vec<u8>| bytes[3] = 2) as &dyn Fn(&mut Vec<u8>), "version 2"),
        (&|bytes: &mut Vec<u8>| bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes()), "header has 4294967295 bytes"),
        (&|bytes: &mut Vec<u8>| bytes.truncate(10), "cut off"),
        (&|bytes: &mut Vec<u8>| bytes[12..16].copy_from_slice(&u32::MAX.to_le_bytes()), "header is damaged"),
    ] {
        let mut bytes = whole.clone();
        change(&mut bytes);
        let (_folder, path) = write_bytes(&bytes);
        let message = read_path(&path).unwrap_err().to_string();
        assert!(message.contains("FlatGeobuf") && message.contains(part), "{part:?} is not in {message:?}");
    }
    let mut many = TestFile::new(&[]);
    (many.node_size, many.count) = (16, Some(u64::MAX));
    assert!(read_file(&many).unwrap_err().to_string().contains("do not fit"));
    many.node_size = 0;
    assert!(read_file(&many).unwrap_err().to_string().contains("0 are there"));
    let mut long = TestFile::new(&[]).bytes();
    long.extend(u32::MAX.to_le_bytes());
    let (_folder, path) = write_bytes(&long);
    assert!(read_path(&path).unwrap_err().to_string().contains("more than the format allows"));
}

#[test]
fn a_file_that_changes_is_an_error() {
    let (_folder, path) = grid(16, 100).write();
    let layer = open(&path, &native()).unwrap();
    let splits = layer.splits(10).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.push(0);
    std::fs::write(&path, &bytes).unwrap();
    let changed = SourceError::Changed { path: path.clone() };
    assert_eq!(layer.read(&splits[0], &mut |_| ControlFlow::Continue(())).unwrap_err(), changed);
    std::fs::write(&path, &bytes[..300]).unwrap();
    assert_eq!(layer.read(&splits[9], &mut |_| ControlFlow::Continue(())).unwrap_err(), changed);
    assert_eq!(layer.splits(10).unwrap_err(), changed);
}
