/** The build copies LAME's WebAssembly beside the worker; this is its name, seen from there. */
declare module "wasm-media-encoders/wasm/mp3" {
  const file: string;
  export default file;
}
