//! The model holds what was written.

use parcelle_storage::Memory;

use super::super::details::DataType;
use super::super::model::SourceBand;
use super::super::parse::parse;
use super::dataset;

#[test]
fn everything_that_rules_look_at_is_kept() {
    let text = dataset(
        "<GCPList Projection='EPSG:4326'><GCP Pixel='1' Line='2' X='3' Y='4' Z='5'/><GCP/></GCPList>
        <OverviewList resampling='average'>2 4</OverviewList>
        <Metadata><MDI key='a'>b</MDI></Metadata><Metadata domain='xml:c'><d/></Metadata>
        <MaskBand><VRTRasterBand dataType='Byte'/></MaskBand>
        <VRTRasterBand dataType='Float32' band='1' blockXSize='64' subClass='VRTDerivedRasterBand'>
          <Description>height</Description><UnitType>m</UnitType><Offset>1</Offset><Scale>2</Scale>
          <NoDataValue>-9999</NoDataValue><ColorInterp>Gray</ColorInterp>
          <CategoryNames><Category>one</Category><Category/></CategoryNames>
          <ColorTable><Entry c1='1' c2='2' c3='3'/></ColorTable>
          <GDALRasterAttributeTable><FieldDefn index='0'><Name>v</Name><Type>2</Type><Usage>5</Usage></FieldDefn>
            <Row index='0'><F>x</F></Row></GDALRasterAttributeTable>
          <PixelFunctionType>pow</PixelFunctionType><PixelFunctionArguments power='2'/>
          <SourceTransferType>Float64</SourceTransferType>
          <Overview><SourceFilename relativeToVRT='1'>o.tif</SourceFilename><SourceBand>2</SourceBand></Overview>
          <ComplexSource resampling='cubic'>
            <SourceFilename relativeToVRT='1' shared='0'>a.tif</SourceFilename>
            <OpenOptions><OOI key='NUM_THREADS'>2</OOI></OpenOptions>
            <SourceBand>mask,3</SourceBand>
            <SourceProperties RasterXSize='10' RasterYSize='20' DataType='Int16' BlockXSize='256' BlockYSize='128'/>
            <SrcRect xOff='0' yOff='0' xSize='10' ySize='20px'/>
            <NODATA>0</NODATA><LUT>0:1,2:3</LUT>
          </ComplexSource>
          <KernelFilteredSource><SourceFilename>a.tif</SourceFilename>
            <Kernel normalized='1'><Size>3</Size><Coefs>1 1 1</Coefs></Kernel></KernelFilteredSource>
        </VRTRasterBand>",
    );
    let document = parse(&Memory::new(text.replace("<SRS>", "<SRS dataAxisToSRSAxisMapping='1,2'>"))).unwrap();
    let dataset = document.dataset.unwrap();
    let text = |field: &Option<super::super::model::Field>| field.as_ref().map(|field| field.text.to_string());
    assert_eq!((text(&dataset.srs).unwrap(), text(&dataset.axis_mapping).unwrap()), ("EPSG:2154".into(), "1,2".into()));
    assert_eq!((dataset.ground_control_points, dataset.gcp_list.as_ref().unwrap().points[0].z), (2, 5.0));
    assert_eq!(
        (text(&dataset.overview_list).unwrap(), text(&dataset.overview_resampling).unwrap()),
        ("2 4".into(), "average".into())
    );
    assert_eq!((&*dataset.metadata[0].items[0].value, &*dataset.metadata[1].domain), ("b", "xml:c"));
    assert_eq!((dataset.mask_bands.len(), dataset.size()), (1, Some((20, 20))));
    let band = &dataset.bands[0];
    assert_eq!((band.kind(), band.category_names.len()), (Some(DataType::Float32), 2));
    assert_eq!(band.color_table.as_ref().unwrap().entries, [[1, 2, 3, 255]]);
    let table = band.attribute_table.as_ref().unwrap();
    assert_eq!((table.rows, text(&table.fields[0].kind).unwrap()), (1, "2".into()));
    assert_eq!(&*band.pixel_function_arguments[0].name, "power");
    assert_eq!(band.overviews[0].source_band.as_deref(), Some("2"));
    let [complex, kernel] = &band.sources[..] else { panic!() };
    assert_eq!((complex.band(), kernel.band()), (Some(SourceBand::Mask(3)), Some(SourceBand::Band(1))));
    assert_eq!((complex.resampling(), &*complex.open_options()[0].name), (Some("cubic"), "NUM_THREADS"));
    let properties = complex.properties.as_deref().unwrap();
    assert_eq!(
        (properties.height, properties.data_type, properties.block_width),
        (Some(20), Some(DataType::Int16), Some(256))
    );
    assert_eq!(complex.source_rectangle().unwrap().parts()[3], Some(20.0));
    assert_eq!(complex.no_data().unwrap().number(), 0.0);
    let coefficients = kernel.adjustments.as_ref().unwrap().kernel.as_ref().unwrap().coefficients;
    assert_eq!(coefficients, Some(3));
}
