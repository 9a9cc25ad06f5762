/** What the parser calls of llhttp's WebAssembly build. Pointers are offsets into `memory`. */
export interface Llhttp {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  malloc(size: number): number;
  llhttp_alloc(type: number): number;
  llhttp_reset(parser: number): void;
  llhttp_execute(parser: number, data: number, length: number): number;
  llhttp_finish(parser: number): number;
  llhttp_should_keep_alive(parser: number): number;
  llhttp_get_method(parser: number): number;
  llhttp_get_http_major(parser: number): number;
  llhttp_get_http_minor(parser: number): number;
  llhttp_get_error_pos(parser: number): number;
  llhttp_errno_name(error: number): number;
  llhttp_method_name(method: number): number;
}

/**
 * Called while bytes are parsed. `at` and `length` are a span of `memory`; a span that the end of the input cuts is told in
 * pieces. The result is an error of llhttp; 0: go on.
 */
export interface LlhttpCallbacks {
  wasm_on_message_begin(parser: number): number;
  wasm_on_url(parser: number, at: number, length: number): number;
  wasm_on_status(parser: number, at: number, length: number): number;
  wasm_on_header_field(parser: number, at: number, length: number): number;
  wasm_on_header_value(parser: number, at: number, length: number): number;
  wasm_on_headers_complete(parser: number, status: number, upgrade: number, keepAlive: number): number;
  wasm_on_body(parser: number, at: number, length: number): number;
  wasm_on_message_complete(parser: number): number;
}

/** Compiles and instantiates llhttp as undici ships it: 1 ms, so at the first use. All its leniency is off. */
export function instantiate(callbacks: LlhttpCallbacks): Llhttp {
  const instance = optimizedLater(() => new WebAssembly.Instance(compile(), { env: { ...callbacks } }));
  const llhttp = instance.exports as unknown as Llhttp;
  llhttp._initialize();
  return llhttp;
}

/**
 * The V8 of Node 20 begins to optimize the parser in the middle of its first request: 100 ms of CPU in the background, with
 * which a start shares its core if it has only one. Some hundred requests later is early enough, as in later versions. What a
 * module is given stays with it. The flag is set back because Node has no compiled code of its own modules for other flags.
 */
function optimizedLater<T>(make: () => T): T {
  if (!process.versions.v8.startsWith("11.")) return make();
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  setFlagsFromString("--wasm-tiering-budget=100000000");
  try {
    return make();
  } finally {
    setFlagsFromString("--wasm-tiering-budget=1800000");
  }
}

/** `require`, because an import would copy 54,000 bytes as named properties, one by one. In a bundle it is there already. */
function compile(): WebAssembly.Module {
  try {
    return new WebAssembly.Module(
      typeof require === "function"
        ? require("undici/lib/llhttp/llhttp_simd-wasm.js")
        : requireOf("undici/lib/llhttp/llhttp_simd-wasm.js"),
    );
  } catch {
    // No SIMD on this processor.
    return new WebAssembly.Module(
      typeof require === "function"
        ? require("undici/lib/llhttp/llhttp-wasm.js")
        : requireOf("undici/lib/llhttp/llhttp-wasm.js"),
    );
  }
}

/** `require` of a module that is not in a bundle. */
function requireOf(name: string): Uint8Array {
  return process.getBuiltinModule("node:module").createRequire(import.meta.url)(name);
}
