// The pool alone: loading all of undici (fetch, caches, WebSockets) takes four times as long at start.
declare module "undici/lib/dispatcher/pool.js" {
  export { Pool as default } from "undici";
}

declare module "undici/lib/core/connect.js" {
  export { buildConnector as default } from "undici";
}
