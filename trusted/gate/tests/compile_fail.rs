//! Tests of what must not compile. Each file in `refused/` is a way around the claim, and the
//! compiler's words are kept beside it.

#[test]
fn there_is_no_way_around() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/refused/*.rs");
}
