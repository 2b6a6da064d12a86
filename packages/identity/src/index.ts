export { CtxPackError, type CtxPackErrorCode, type CtxPackErrorOptions } from "./errors.ts";
