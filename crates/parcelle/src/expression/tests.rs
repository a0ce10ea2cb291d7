use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int32Array, Int64Array, LargeStringArray, RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{Field, Int8Type, Schema};

use super::*;

/// Five rows of every kind of column.
fn batch() -> RecordBatch {
    let column = |name: &str, array: ArrayRef| (Field::new(name, array.data_type().clone(), true), array);
    let instants = [Some(1_704_067_200_000), Some(1_704_067_200_001), None, Some(-1), Some(0)];
    let dictionary: DictionaryArray<Int8Type> = [Some("x"), Some("y"), None, Some("x"), Some("")].into_iter().collect();
    let columns = [
        column("id", Arc::new(Int32Array::from(vec![1, 2, 3, 4, 5]))),
        column(
            "big",
            Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), Some(i64::MIN), None, Some(0), Some(-7)])),
        ),
        column("unsigned", Arc::new(UInt64Array::from(vec![Some(u64::MAX), Some(0), None, Some(7), Some(1 << 63)]))),
        column("height", Arc::new(Float64Array::from(vec![Some(0.1), Some(-0.0), None, Some(f64::NAN), Some(1e300)]))),
        column(
            "single",
            Arc::new(Float32Array::from(vec![Some(0.1), Some(16_777_216.0), None, Some(-0.0), Some(2.5)])),
        ),
        column(
            "price",
            Arc::new(
                Decimal128Array::from(vec![Some(110), Some(-5), None, Some(0), Some(99_999)])
                    .with_precision_and_scale(9, 2)
                    .unwrap(),
            ),
        ),
        column(
            "name",
            Arc::new(StringArray::from(vec![Some("Été"), Some("50% _\\"), None, Some(""), Some("o'clock")])),
        ),
        column("large", Arc::new(LargeStringArray::from(vec![Some("a"), Some("b"), None, Some("c"), Some("d")]))),
        column(
            "view",
            Arc::new(StringViewArray::from(vec![
                Some("a"),
                Some("a long text beyond twelve bytes"),
                None,
                Some("c"),
                Some("d"),
            ])),
        ),
        column("kind", Arc::new(dictionary)),
        column("open", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true), Some(false)]))),
        column("day", Arc::new(Date32Array::from(vec![Some(19_723), Some(19_724), None, Some(-1), Some(0)]))),
        column("seen", Arc::new(TimestampMillisecondArray::from(instants.to_vec()).with_timezone("Europe/Paris"))),
        column(
            "local",
            Arc::new(TimestampMicrosecondArray::from(vec![
                Some(1_704_067_200_000_000),
                Some(1),
                None,
                Some(-1),
                Some(0),
            ])),
        ),
        column("geom", Arc::new(BinaryArray::from(vec![Some(&b"g"[..]), None, Some(b"g"), Some(b"g"), Some(b"g")]))),
        column("Mixed Case", Arc::new(Int32Array::from(vec![1, 0, 0, 0, 0]))),
        column("AB", Arc::new(Int32Array::from(vec![0, 1, 0, 0, 0]))),
        column("ab", Arc::new(Int32Array::from(vec![0, 0, 1, 0, 0]))),
    ];
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn ask(expression: &str) -> Result<Vec<i32>, String> {
    let batch = batch();
    let predicate = Predicate::bind(&parse(expression).map_err(|error| error.to_string())?, &batch.schema())
        .map_err(|error| error.to_string())?;
    let rows = predicate.rows(&batch).map_err(|error| evaluation_failure(&error))?;
    Ok((1..).zip(rows.iter()).filter(|(_, row)| row.unwrap()).map(|(id, _)| id).collect())
}

#[track_caller]
fn rows(expression: &str, expected: &[i32]) {
    assert_eq!(ask(expression).as_deref(), Ok(expected), "{expression:.80}");
}

#[track_caller]
fn refused(expression: &str, parts: &[&str]) {
    let error = ask(expression).expect_err(&format!("{expression:.80}"));
    for part in parts {
        assert!(error.contains(part), "{:.80}: {error}", expression);
    }
}

#[test]
fn logic_has_three_values() {
    rows("open", &[1, 4]);
    rows("NOT open", &[2, 5]);
    rows("open = TRUE OR open IS NULL", &[1, 3, 4]);
    rows("open IS NOT TRUE", &[2, 3, 5]);
    rows("open IS UNKNOWN", &[3]);
    rows("NOT (big = 0)", &[1, 2, 5]);
    rows("big = 0 OR NULL", &[4]);
    rows("NOT (id = 3 AND big = 1)", &[1, 2, 4, 5]);
    rows("TRUE", &[1, 2, 3, 4, 5]);
    rows("NULL", &[]);
    rows("1 = 1 AND id < 3", &[1, 2]);
    rows("big IN (0, NULL)", &[4]);
    rows("big NOT IN (0, NULL)", &[]);
    rows("big IS NOT DISTINCT FROM NULL", &[3]);
    rows("big IS DISTINCT FROM 0", &[1, 2, 3, 5]);
    rows("id = 1 OR id = 2 AND id = 3", &[1]);
}

#[test]
fn numbers_are_compared_by_value() {
    rows("big = 9007199254740993", &[1]);
    rows("big > 9007199254740992.5", &[1]);
    rows("big > 9007199254740993.0", &[]);
    // As doubles they would be equal.
    rows("big = 9007199254740992e0", &[]);
    rows("big > 9007199254740992e0", &[1]);
    rows("big = -9223372036854775808", &[2]);
    rows("unsigned = 18446744073709551615", &[1]);
    rows("unsigned > 9223372036854775807", &[1, 5]);
    rows("unsigned > big", &[1, 2, 4, 5]);
    rows("unsigned < 18446744073709551616e0 AND unsigned > 1", &[1, 4, 5]);
    rows("height = 0.1", &[1]);
    rows("height = 0", &[2]);
    rows("single = 0", &[4]);
    rows("single = 0.1", &[1]);
    rows("single IN (0.1, 2.5)", &[1, 5]);
    rows("single BETWEEN 0.1 AND 2.5", &[1, 5]);
    rows("single = 16777217", &[]);
    rows("height > 1e299", &[4, 5]);
    rows("height = height", &[1, 2, 4, 5]);
    rows("price = 1.1", &[1]);
    rows("price > 999.989999", &[5]);
    rows("price < height", &[2, 4, 5]);
    rows("price = -0.05", &[2]);
    rows("id = 2.0", &[2]);
    rows("id BETWEEN 2 AND 3.5", &[2, 3]);
    rows("id NOT BETWEEN 2 AND 3.5", &[1, 4, 5]);
}

#[test]
fn arithmetic_is_that_of_sql() {
    rows("id / 2 = 1", &[2, 3]);
    rows("id % 2 = 1", &[1, 3, 5]);
    rows("id * 1.5 = 4.5", &[3]);
    rows("-id < -3", &[4, 5]);
    rows("id - -1 = 3", &[2]);
    rows("2 + 3 * 2 = 8", &[1, 2, 3, 4, 5]);
    rows("price * 2 = 2.2", &[1]);
    rows("price / 2 = 0.55", &[1]);
    // Division by zero is NULL for every type.
    rows("1 / (id - 1) IS NULL", &[1]);
    rows("id % 0 IS NULL", &[1, 2, 3, 4, 5]);
    rows("1.5 / (price - 1.1) IS NULL", &[1, 3]);
    rows("1e0 / height IS NULL", &[2, 3]);
    refused("big - 1 < 0", &["does not fit", "CAST"]);
    refused("9223372036854775807 + 1 > 0", &["does not fit"]);
    rows("CAST(big AS DOUBLE) - 1 < -1e18", &[2]);
}

#[test]
fn text_is_matched_and_made() {
    rows("name LIKE 'É%'", &[1]);
    rows("name ILIKE 'é_é'", &[1]);
    rows("name LIKE '50\\% \\_%'", &[2]);
    rows("name LIKE '50!% !_%' ESCAPE '!'", &[2]);
    rows("name NOT LIKE '%t%'", &[2, 4, 5]);
    rows("name = 'o''clock'", &[5]);
    rows("name = ''", &[4]);
    rows("LENGTH(name) = 3", &[1]);
    rows("UPPER(name) = 'ÉTÉ' OR lower(name) = 'o''clock'", &[1, 5]);
    rows("name || '!' = '!'", &[4]);
    rows("SUBSTRING(name FROM 2 FOR 1) = 't'", &[1]);
    rows("SUBSTR(name, 3) = 'clock'", &[5]);
    rows("large IN ('a', 'd')", &[1, 5]);
    rows("view LIKE '%twelve%'", &[2]);
    rows("view = large", &[1, 4, 5]);
    rows("kind = 'x'", &[1, 4]);
    rows("kind <> 'x'", &[2, 5]);
    rows("kind IN ('a','b','c','d','e','f','g','h','i','y')", &[2]);
    rows("kind NOT IN ('a','b','c','d','e','f','g','h','i','y')", &[1, 4, 5]);
    rows("id IN (9,8,7,6,10,11,12,13,14,3,5)", &[3, 5]);
    rows("id IN (9,8,7,6,10,11,12,13,14,3.0,5)", &[3, 5]);
}

#[test]
fn times_are_compared_as_instants() {
    rows("day = DATE '2024-01-01'", &[1]);
    rows("day >= '2024-01-01'", &[1, 2]);
    rows("day < TIMESTAMP '1970-01-01 12:00:00'", &[4, 5]);
    rows("seen = TIMESTAMP '2024-01-01 00:00:00'", &[1]);
    rows("seen = '2024-01-01T01:00:00+01:00'", &[1]);
    rows("seen > TIMESTAMP '2024-01-01 00:00:00.0005Z'", &[2]);
    rows("seen >= DATE '2024-01-01'", &[1, 2]);
    rows("seen BETWEEN '1970-01-01' AND '1970-12-31'", &[5]);
    rows("local = '2024-01-01 00:00:00'", &[1]);
    rows("local <= '1969-12-31 23:59:59.999999'", &[4]);
    rows("local > '0001-01-01 00:00:00.000001'", &[1, 2, 4, 5]);
    rows("CAST(local AS DATE) = day", &[1, 4, 5]);
    rows("CAST(seen AS TEXT) LIKE '2024-01-01%'", &[1, 2]);
    rows("CAST(local AS TIMESTAMP WITH TIME ZONE) = seen", &[1, 5]);
    refused("local = '2024-01-01T00:00:00Z'", &["without zone"]);
    refused("local = seen", &["time zone"]);
    refused("day = '2024-13-01'", &["2024-13-01", "date"]);
    refused("day = 20240101", &["day", "Date32", "DATE '2024-12-31'"]);
}

#[test]
fn casts_fail_or_give_null() {
    rows("CAST(id AS TEXT) = '3'", &[3]);
    rows("TRY_CAST(name AS INTEGER) IS NULL", &[1, 2, 3, 4, 5]);
    rows("open::INTEGER = 1", &[1, 4]);
    rows("CAST('12' AS INTEGER) = 12", &[1, 2, 3, 4, 5]);
    refused("CAST(name AS INTEGER) = 1", &["TRY_CAST"]);
    refused("CAST('x' AS INTEGER) = 1", &["TRY_CAST"]);
    refused("CAST(geom AS TEXT) = ''", &["geom"]);
}

#[test]
fn names_are_found_or_said() {
    rows("ID = 1", &[1]);
    rows("\"id\" = 1", &[1]);
    rows("\"Mixed Case\" = 1", &[1]);
    rows("\"AB\" = 1", &[2]);
    refused("ab = 1", &["\"AB\"", "\"ab\"", "double quotes"]);
    refused("\"ID\" = 1", &["ID", "\"id\""]);
    refused("hight > 1", &["hight", "height", "price"]);
    refused("name = \"Paris\"", &["Paris", "single quotes"]);
    refused("t.id = 1", &["t.id"]);
}

#[test]
fn types_that_do_not_fit_are_said() {
    refused("name = 75", &["name", "Utf8", "'75'"]);
    refused("id = '75'", &["id", "Int32", "without quotes"]);
    refused("id = open", &["TRUE or FALSE"]);
    refused("id LIKE '1%'", &["id", "CAST"]);
    refused("id", &["id", "not a condition"]);
    refused("'x'", &["not a condition"]);
    refused("id AND open", &["AND", "conditions"]);
    refused("name + 1 = 2", &["numbers"]);
    refused("geom = 'x'", &["IS NULL"]);
    refused("big = NULL", &["IS NULL"]);
    rows("geom IS NULL", &[2]);
}

#[test]
fn what_is_no_filter_is_refused() {
    for expression in [
        "",
        "  ",
        "id =",
        "id = 1; DROP TABLE x",
        "id = 1 AND",
        "id = 1)",
        "(id = 1",
        "id = 1 id",
        "id = 'x",
        "id IN ()",
        "id IN (SELECT 1)",
        "EXISTS (SELECT 1)",
        "(SELECT 1) = 1",
        "COUNT(*) > 1",
        "SUM(id) > 1",
        "RANDOM() > 1",
        "CASE WHEN id = 1 THEN TRUE END",
        "id = ?",
        "id = ANY (1)",
        "name LIKE ANY ('x')",
        "id & 1 = 1",
        "lower(name, name) = ''",
        "*",
        "id BETWEEN 1",
        "CAST(id AS JSON) = 1",
        "CAST(id AS DECIMAL(40,2)) = 1",
        "id = 123456789012345678901234567890123456789012345678901234567890.5",
        "id = 1e999",
        "name LIKE 'x' ESCAPE 'ab'",
        "SUBSTRING(name FROM 1 FOR -1) = ''",
        "x'00' = 1",
    ] {
        let error = ask(expression).expect_err(expression);
        assert!(!error.is_empty(), "{expression}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let nested = format!("{}id = 1{}", "(".repeat(10_000), ")".repeat(10_000));
    refused(&nested, &["deep"]);
    refused(&format!("{} id = 1", "NOT ".repeat(10_000)), &["deep"]);
    refused(&format!("id = {}1", "- ".repeat(10_000)), &["deep"]);
    refused(&format!("id{} > 0", " + 1".repeat(10_000)), &["deep"]);
    refused(&format!("id{}", " IS NULL".repeat(40_000)), &["deep"]);
    refused(&format!("{}id = 1", "CAST(".repeat(10_000)), &["deep"]);
    refused(&format!("id = 1{}", " OR id = 1".repeat(100_000)), &["words"]);
    // Those are no depth.
    let ors: Vec<String> = (0..5000).map(|id| format!("id = {id}")).collect();
    rows(&ors.join(" OR "), &[1, 2, 3, 4, 5]);
    let list: Vec<String> = (2..20_000).map(|id| id.to_string()).collect();
    rows(&format!("id IN ({})", list.join(",")), &[2, 3, 4, 5]);
    rows(&format!("{}id = 1{}", "(".repeat(50), ")".repeat(50)), &[1]);
}
