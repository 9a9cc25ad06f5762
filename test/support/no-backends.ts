import type { OpenPool } from "../../runtime-lib/backend.ts";

/** For modules that have no business with backends. */
export const noBackends: OpenPool = () => Promise.reject(new Error("this module opens no pools"));
