//! State that no Rust guest can reach by itself: WebAssembly globals and tables. The guest is
//! assembled here.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ElementSection, Elements, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, HeapType, MemArg, MemorySection,
    MemoryType, Module, RefType, TableSection, TableType, TypeSection, ValType,
};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};

use super::*;

const INSTANCES: u32 = 5000;
/// The elements of the guest's table. The table grows by as many again.
const ELEMENTS: u64 = 16;
const I64_GLOBAL: u32 = 0;
const FUNCREF_GLOBAL: u32 = 1;
/// The address at which the guest puts its answer, and the address of the count that the answer's
/// body points to.
const RECORD: i32 = 64;
const COUNT: i32 = 128;
/// The guest's locals, after its six parameters.
const FOUND: u32 = 6;
const INDEX: u32 = 7;

/// Counts everything that is set but is unset in a fresh instance. Then it sets all of that.
fn handle() -> Function {
    let at = |offset| MemArg { offset, align: 0, memory_index: 0 };
    let mut body = Function::new([(2, ValType::I32)]);
    let mut code = body.instructions();
    code.global_get(I64_GLOBAL).i64_const(0).i64_ne().local_set(FOUND);
    code.global_get(FUNCREF_GLOBAL)
        .ref_is_null()
        .i32_eqz()
        .local_get(FOUND)
        .i32_add()
        .local_set(FOUND);
    code.table_size(0)
        .i32_const(ELEMENTS as i32)
        .i32_ne()
        .local_get(FOUND)
        .i32_add()
        .local_set(FOUND);
    code.loop_(BlockType::Empty);
    code.local_get(INDEX)
        .table_get(0)
        .ref_is_null()
        .i32_eqz()
        .local_get(FOUND)
        .i32_add()
        .local_set(FOUND);
    code.local_get(INDEX).ref_func(0).table_set(0);
    code.local_get(INDEX)
        .i32_const(1)
        .i32_add()
        .local_tee(INDEX)
        .table_size(0)
        .i32_lt_u()
        .br_if(0)
        .end();
    code.ref_func(0).i32_const(ELEMENTS as i32).table_grow(0).drop();
    code.i64_const(-1).global_set(I64_GLOBAL);
    code.ref_func(0).global_set(FUNCREF_GLOBAL);
    code.i32_const(COUNT).local_get(FOUND).i32_store(at(0));
    // The record: status ok, media type json, and the body's second case, with address and length.
    code.i32_const(RECORD).i32_const(0).i32_store8(at(0));
    code.i32_const(RECORD).i32_const(2).i32_store8(at(1));
    code.i32_const(RECORD).i32_const(1).i32_store8(at(8));
    code.i32_const(RECORD).i32_const(COUNT).i32_store(at(16));
    code.i32_const(RECORD).i32_const(4).i32_store(at(20));
    code.i32_const(RECORD).end();
    body
}

fn component() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 6], [ValType::I32]);
    types.ty().function([ValType::I32; 4], [ValType::I32]);
    let mut functions = FunctionSection::new();
    functions.function(0).function(1);
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: ELEMENTS,
        maximum: None,
        shared: false,
    });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let global = |val_type| GlobalType { val_type, mutable: true, shared: false };
    let mut globals = GlobalSection::new();
    globals.global(global(ValType::I64), &ConstExpr::i64_const(0));
    globals.global(global(ValType::FUNCREF), &ConstExpr::ref_null(HeapType::FUNC));
    let mut exports = ExportSection::new();
    exports.export("eyesonly:edge/handler@0.3.0#handle", ExportKind::Func, 0);
    exports.export("cabi_realloc", ExportKind::Func, 1);
    exports.export("memory", ExportKind::Memory, 0);
    let mut elements = ElementSection::new();
    elements.declared(Elements::Functions([0].as_slice().into()));
    let mut code = CodeSection::new();
    let mut realloc = Function::new([]);
    realloc.instructions().i32_const(1024).end();
    code.function(&handle()).function(&realloc);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&tables).section(&memories);
    module.section(&globals).section(&exports).section(&elements).section(&code);
    let mut module = module.finish();
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir("../wit").unwrap();
    let world = resolve.select_world(&[package], Some("footage-handler")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

fn registers() -> Handler {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registers.wasm");
    std::fs::write(&path, component()).unwrap();
    sandbox().load("registers", &path).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn globals_and_tables_begin_anew() {
    let handler = registers();
    let (footage, grant) = household(STILL).await;
    for _ in 0..INSTANCES / 100 {
        let asked: Vec<_> = (0..100)
            .map(|_| {
                let (handler, footage, grant) =
                    (handler.clone(), Arc::clone(&footage), Arc::clone(&grant));
                tokio::spawn(async move {
                    bytes(handler.handle(footage, grant, width(1)).await.unwrap())
                })
            })
            .collect();
        for one in asked {
            assert_eq!(one.await.unwrap(), 0_u32.to_le_bytes());
        }
    }
}

/// The negative control: in one reused instance the guest finds everything that it set.
#[tokio::test]
async fn reused_globals_and_tables_would_be_caught() {
    let handler = registers();
    let (footage, grant) = household(STILL).await;
    let _running = handler.0.house.ticker.run();
    let mut store = handler.store(footage, grant, Instant::now() + Duration::from_secs(600));
    let instance = handler.0.prepared.instantiate_async(&mut store).await.unwrap();
    // It finds two globals, the table's size, and every element of the grown table.
    for expected in [0, 3 + 2 * u32::try_from(ELEMENTS).unwrap()] {
        let grant = store.data_mut().give_grant().unwrap();
        let answer = instance
            .eyesonly_edge_handler()
            .call_handle(&mut store, grant, &width(1).into())
            .await
            .unwrap();
        let wire::Body::Bytes(body) = answer.body else {
            panic!("not bytes");
        };
        assert_eq!(body, expected.to_le_bytes());
    }
}
