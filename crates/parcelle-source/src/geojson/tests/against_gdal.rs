//! Real files, as GDAL reads them.

use super::*;

#[cfg(feature = "gdal")]
#[test]
fn gdal_reads_the_same_from_real_files() {
    for name in ["communes-corse.geojson", "communes-bretagne.geojson"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/vector").join(name);
        if !path.exists() {
            eprintln!("skipped: {} is not there", path.display());
            continue;
        }
        let read = |reader| {
            let layer = open(&path, &OpenOptions { reader, ..OpenOptions::default() }).unwrap();
            read_layer_of_any(layer.as_ref())
        };
        let (native, gdal) = (read(Reader::Native), read(Reader::Gdal));
        assert_eq!(column_names(&native), column_names(&gdal));
        assert!(native.num_rows() > 300);
        for (mine, theirs) in native.columns().iter().zip(gdal.columns()) {
            assert_eq!(mine.as_ref(), arrow::compute::cast(theirs, mine.data_type()).unwrap().as_ref());
        }
        let tuned = read_tuned(&path, &OpenOptions::default(), Tuning { chunk: 10_000, ..Tuning::default() }, 100);
        assert_eq!(tuned.unwrap(), native);
    }
}

#[cfg(feature = "gdal")]
fn read_layer_of_any(layer: &dyn Layer) -> RecordBatch {
    let mut batches = Vec::new();
    for split in layer.splits(100).unwrap() {
        let read = layer.read(&split, &mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        });
        read.unwrap();
    }
    concat_batches(&layer.schema(), &batches).unwrap()
}
