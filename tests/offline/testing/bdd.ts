/**
 * What the tests use of `@std/testing/bdd`, which Deno has built in as `node:test`.
 *
 * @module
 */

export { afterEach, beforeEach, describe, it } from "node:test";
